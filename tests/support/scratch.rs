//! Directories that vanish with their last user.

use std::fs;
use std::path::Path;
use std::process;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::watchdog;

/// A new, empty directory below the one that cargo keeps for tests.
pub(crate) fn directory(label: &str) -> TempDir {
    static SWEPT: LazyLock<()> = LazyLock::new(sweep);
    LazyLock::force(&SWEPT);
    watchdog::start();
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-{label}-", process::id()))
        .tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))
        .expect("cargo's directory for tests is writable")
}

const PREFIX: &str = "scratch-";

/// Removes what test runs that were killed have left.
fn sweep() {
    let entries = fs::read_dir(env!("CARGO_TARGET_TMPDIR")).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
