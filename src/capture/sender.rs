//! Who sent a signal.

use std::fs;

/// The command of a process that may still live. It may also be a later one
/// with the same id: good enough for a hint, not for a proof.
pub fn command(pid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(name.trim_ascii_end()).into_owned();
    (!name.is_empty()).then_some(name)
}
