//! The project around the current directory: its root, and its own rules.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use crate::triage::signature::rules::Rules;

/// Where a project keeps its rules, below its root.
const RULES: &str = ".coretool/triage.toml";

/// A larger file is no list of rules.
const LARGEST: u64 = 4 << 20;

/// The project's root: the directory at or above `directory` that has
/// `.coretool` or `.git`.
pub fn root(directory: &Path) -> Option<PathBuf> {
    let is_root = |path: &&Path| path.join(".coretool").exists() || path.join(".git").exists();
    directory.ancestors().find(is_root).map(Path::to_owned)
}

/// The rules of the project around the current directory, or none.
///
/// # Errors
///
/// When there are some, and they cannot be read or mean nothing.
pub fn rules() -> Result<Rules> {
    let Ok(directory) = std::env::current_dir() else { return Ok(Rules::default()) };
    let Some(path) = root(&directory).map(|root| root.join(RULES)) else {
        return Ok(Rules::default());
    };
    read(&path)
}

/// The rules in a file, or none when it is not there.
///
/// # Errors
///
/// As for [`rules`].
pub fn read(path: &Path) -> Result<Rules> {
    let found = match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Rules::default()),
        found => found.with_context(|| format!("cannot read `{}`", path.display()))?,
    };
    if found.len() > LARGEST {
        return Err(anyhow!("cannot use `{}`: it has {} bytes", path.display(), found.len()));
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    Rules::parse(&text).map_err(|why| anyhow!("cannot use `{}`: {}", path.display(), why.trim()))
}
