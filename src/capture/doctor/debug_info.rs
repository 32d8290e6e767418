//! Debug information of the system's own libraries.

use std::path::Path;

use crate::capture::doctor::{Check, State};

const GROUP: &str = "debug info";

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![directory()];
    checks.extend(servers());
    checks
}

/// Whether anything is installed. Which file a crash needs, its report says.
fn directory() -> Check {
    let check = |state, says: &str| Check::new(GROUP, "debug-files", state, says);
    let directory = Path::new("/usr/lib/debug/.build-id");
    match directory.read_dir().map(|mut entries| entries.next().is_some()) {
        Ok(true) => check(State::Ok, "debug files are installed in /usr/lib/debug"),
        _ => check(
            State::Warning,
            "no debug files are installed: frames in system libraries lack lines and variables",
        )
        .remedy(
            "install those of the C library: `apt install libc6-dbg`, `dnf debuginfo-install glibc`",
        ),
    }
}

fn servers() -> Option<Check> {
    let servers = std::env::var("DEBUGINFOD_URLS").ok().filter(|urls| !urls.trim().is_empty())?;
    let says =
        format!("debuginfod servers are set ({servers}); gdb uses them, coretool is offline");
    Some(Check::new(GROUP, "debuginfod", State::Ok, says))
}
