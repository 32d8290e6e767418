//! Small files of `/proc` that hold one setting.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The longest setting that is read: more than any real one.
const LONGEST: u64 = 64 << 10;

/// The text of a small file, without the white space at its end.
///
/// # Errors
///
/// When it cannot be opened or read.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    bytes.truncate(bytes.trim_ascii_end().len());
    Ok(bytes)
}

/// The same as text; bytes that are none are replaced.
pub(super) fn text(path: impl AsRef<Path>) -> io::Result<String> {
    read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The number that a small file holds. `None`: there is no such file, or it
/// holds something else.
pub(super) fn number(path: impl AsRef<Path>) -> Option<i64> {
    text(path).ok()?.trim().parse().ok()
}

/// The value of a `Key: value` line of our own `/proc/self/status`.
pub(super) fn own_status(key: &str) -> Option<String> {
    let status = text("/proc/self/status").ok()?;
    let mut values = status.lines().filter_map(|line| line.split_once(':'));
    values.find(|(name, _)| *name == key).map(|(_, value)| value.trim().to_owned())
}
