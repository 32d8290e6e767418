//! Files that appear whole or not at all, and replace nothing unasked.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::cli::failure::Failure;

/// What becomes of a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one fails.
    Keep,
    /// It is replaced at once by the whole new one.
    Replace,
}

/// Fails early when [`write`](fn@write) would: before a program runs for hours.
///
/// # Errors
///
/// When `path` exists and is to be kept.
pub fn check(path: &Path, existing: Existing) -> Result<()> {
    let is_there = path.symlink_metadata().is_ok() && !is_special(path);
    if existing == Existing::Keep && is_there { Err(exists(path)) } else { Ok(()) }
}

/// Writes `bytes` to `path`, readable by the user only (mode 0600), by way of
/// a temporary file in the same directory. Pipes and devices, which cannot be
/// replaced, are written to.
///
/// # Errors
///
/// When the file exists and is to be kept, or the system refuses.
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    if is_special(path) {
        let mut device = OpenOptions::new().write(true).open(path).with_context(cannot)?;
        return device.write_all(bytes).with_context(cannot);
    }
    check(path, existing)?;
    let mut file = NamedTempFile::new_in(directory_of(path)).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    persist(file, path, existing)
}

/// Gives a finished temporary file its name.
///
/// # Errors
///
/// As for [`write`](fn@write).
pub fn persist(file: NamedTempFile, path: &Path, existing: Existing) -> Result<()> {
    let done = match existing {
        Existing::Replace => file.persist(path),
        // Not a check and then a rename: nobody can come between.
        Existing::Keep => file.persist_noclobber(path),
    };
    match done {
        Ok(_file) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => {
            Err(error.error).with_context(|| format!("cannot write `{}`", path.display()))
        }
    }
}

/// The directory that `path` lies in.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn exists(path: &Path) -> anyhow::Error {
    let what = format!("`{}` exists", path.display());
    Failure::new(what, "choose another name, or replace it with --force").into()
}

fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::failure::hint;

    #[test]
    fn nothing_is_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        write(&path, b"one", Existing::Keep).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = write(&path, b"two", Existing::Keep).unwrap_err();
        assert!(hint(&refused).unwrap().contains("--force"));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"two", Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // A dangling link is something that the user has, too.
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(write(&link, b"three", Existing::Keep).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn devices_are_written_to() {
        write(Path::new("/dev/null"), b"gone", Existing::Keep).unwrap();
        assert!(!Path::new("/dev/null").is_file());
    }
}
