//! Where crashes are kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cli::failure::Failure;
use crate::triage::store::{Budget, Store, StoreError};

/// The system's store: the handler's, and root's own.
pub const SYSTEM: &str = "/var/lib/coretool";

/// Where the user's crashes are kept: `coretool` in `XDG_STATE_HOME`; for root
/// `/var/lib/coretool`; else in `.local/state` of the home directory.
/// `variable` reads the environment.
///
/// # Errors
///
/// When neither variable names an absolute path.
pub fn usual(variable: impl Fn(&str) -> Option<OsString>, is_root: bool) -> Result<PathBuf> {
    // The XDG specification says that relative paths are to be ignored.
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(state) = absolute("XDG_STATE_HOME") {
        return Ok(state.join("coretool"));
    }
    if is_root {
        return Ok(PathBuf::from(SYSTEM));
    }
    let home = absolute("HOME").ok_or_else(|| {
        let what = "no place to keep crashes: neither XDG_STATE_HOME nor HOME is an absolute path";
        Failure::new(what, "set XDG_STATE_HOME to a directory that you may write to")
    })?;
    Ok(home.join(".local/state/coretool"))
}

/// The store that the user chose, or the usual one.
///
/// # Errors
///
/// As for [`usual`].
pub fn chosen(choice: Option<&Path>) -> Result<PathBuf> {
    match choice {
        Some(path) => Ok(path.to_owned()),
        None => usual(|name| std::env::var_os(name), is_root()),
    }
}

/// Opens the store that the user chose, or the usual one, if there is one:
/// looking makes nothing.
///
/// # Errors
///
/// When there is no place for it, or it cannot be used.
pub fn existing(choice: Option<&Path>) -> Result<Option<Store>> {
    let root = chosen(choice)?;
    let cannot = || format!("cannot read the store `{}`", root.display());
    match root.join("crashes").symlink_metadata() {
        Ok(_) => (),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // What keeps one from looking is not the same as nothing.
        Err(error) => return Err(error).with_context(cannot),
    }
    Ok(Some(Store::open(&root, Budget::default())?))
}

/// Opens the store for a command that names a crash.
///
/// # Errors
///
/// As for [`existing`]; also when there is no store.
pub fn with_crashes(choice: Option<&Path>) -> Result<Store> {
    Ok(existing(choice)?.ok_or(StoreError::Empty)?)
}

fn is_root() -> bool {
    user() == 0
}

/// The effective user. One that cannot be found out is none.
pub fn user() -> u32 {
    // The owner of our own entry in /proc.
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or(u32::MAX, |found| found.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        // (name, XDG_STATE_HOME, HOME, root, want)
        let cases = [
            ("the home", None, Some("/home/ann"), false, Some("/home/ann/.local/state/coretool")),
            ("chosen", Some("/var/x"), Some("/home/ann"), false, Some("/var/x/coretool")),
            ("relative", Some("x"), Some("/h"), false, Some("/h/.local/state/coretool")),
            ("root", None, Some("/root"), true, Some("/var/lib/coretool")),
            ("root's choice", Some("/x"), None, true, Some("/x/coretool")),
            ("nothing", None, None, false, None),
        ];
        for (name, state, home, is_root, want) in cases {
            let variable = |name: &str| match name {
                "XDG_STATE_HOME" => state.map(OsString::from),
                "HOME" => home.map(OsString::from),
                _ => None,
            };
            assert_eq!(usual(variable, is_root).ok(), want.map(PathBuf::from), "{name}");
        }
    }
}
