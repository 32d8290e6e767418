//! Directories that vanish with their last user.

use std::path::Path;

use tempfile::TempDir;

/// A new, empty directory below the one that cargo keeps for tests.
pub(crate) fn directory(label: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("{label}-"))
        .tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))
        .expect("cargo's directory for tests is writable")
}
