//! A core that is named by a kept crash.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::failure::Failure;
use crate::cli::store_place;
use crate::triage::store::{self, StoreError};

/// The core file that the user means: a path, or, where no such file is, the
/// id of a kept crash or `latest`.
///
/// # Errors
///
/// When it looks like an id, and no such crash or core is kept.
pub fn path(word: &Path, choice: Option<&Path>) -> Result<PathBuf> {
    let name = word.to_str().filter(|name| store::is_id(name));
    let Some(name) = name.filter(|_| word.symlink_metadata().is_err()) else {
        return Ok(word.to_owned());
    };
    let found = store_place::existing(choice).and_then(|store| match store {
        Some(store) => {
            let entry = store.find(name)?;
            Ok((store, entry))
        }
        None => Err(StoreError::NoSuchCrash { id: name.to_owned() }.into()),
    });
    let (store, entry) = found.map_err(|error| {
        let what = format!("there is no file `{name}`, and {error:#}");
        Failure::new(what, "give a core file, or an id that `coretool list` shows")
    })?;
    let path = entry.its_core()?.path.clone();
    store.check_core(&entry)?;
    Ok(path)
}
