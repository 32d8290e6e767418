//! Files of one `/proc/PID`.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::base::text::text;

/// The largest file of `/proc` that is read whole, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// The directory of one process or thread.
pub(super) struct ProcDir<'p> {
    path: &'p Path,
}

impl<'p> ProcDir<'p> {
    pub(super) fn new(path: &'p Path) -> Self {
        Self { path }
    }

    /// The path of a file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file's bytes. `None`: it cannot be read.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        read(&self.path(name))
    }

    /// A file with one line, without its newline.
    pub(super) fn line(&self, name: &str) -> Option<String> {
        let mut bytes = self.read(name)?;
        bytes.pop_if(|last| *last == b'\n');
        Some(text(&bytes))
    }

    /// A file with one number.
    pub(super) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.line(name)?.trim().parse().ok()
    }

    /// Where a link points to.
    pub(super) fn link(&self, name: &str) -> Option<String> {
        let target = fs::read_link(self.path(name)).ok()?;
        Some(text(target.as_os_str().as_bytes()))
    }

    /// The numbers that are names in a directory, in their order.
    pub(super) fn numbers(&self, name: &str) -> Option<Vec<u32>> {
        let entries = fs::read_dir(self.path(name)).ok()?;
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        let mut numbers: Vec<u32> = entries.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        Some(numbers)
    }
}

/// A file's bytes, of a large one only the beginning.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    let file = File::open(path).ok()?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The words of a command line.
pub(super) fn words(line: &[u8]) -> Vec<String> {
    /// Words that are kept, and bytes of them.
    const MOST: usize = 4096;
    const LONGEST: usize = 128 << 10;
    if line.is_empty() {
        return Vec::new();
    }
    let line = line.get(..line.len().min(LONGEST)).unwrap_or_default();
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    line.split(|byte| *byte == 0).take(MOST).map(text).collect()
}

/// The fields of `/proc/PID/stat` behind the command, which may have spaces
/// and parentheses of its own: the state is the first. The `n`th field of
/// proc(5) is at index n - 3.
pub(super) fn stat_fields(stat: &[u8]) -> Vec<&str> {
    let after = stat.iter().rposition(|byte| *byte == b')').and_then(|end| stat.get(end + 1..));
    let fields = after.and_then(|fields| str::from_utf8(fields).ok()).unwrap_or_default();
    fields.split_ascii_whitespace().collect()
}

/// What a letter of `State` means.
pub(super) fn state_word(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "R" => "running",
        "S" => "sleeping",
        "D" => "uninterruptible",
        "T" => "stopped",
        "t" => "traced",
        "Z" => "zombie",
        "X" | "x" => "dead",
        "I" => "idle",
        "P" => "parked",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        assert_eq!(words(b""), Vec::<String>::new());
        assert_eq!(words(b"a\0\0b c\0"), ["a", "", "b c"]);
        assert_eq!(words(b"no end"), ["no end"]);
    }

    #[test]
    fn commands_with_parentheses() {
        let fields = stat_fields(b"12 (a) b) R) S 7 12");
        assert_eq!(fields, ["S", "7", "12"]);
        assert!(stat_fields(b"nothing").is_empty());
        assert_eq!(state_word("S"), Some("sleeping"));
    }
}
