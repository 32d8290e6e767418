//! Where the kernel sends the core of a program that nobody watches.

use std::path::PathBuf;

use crate::capture::core_pattern::{CorePattern, NameFacts, NamePattern, Piece};
use crate::capture::doctor::settings;

/// Where cores go, as `/proc/sys/kernel/core_pattern` has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Into a file.
    File(FilePlace),
    /// To a program: its path, and whether it is coretool's handler.
    Pipe(PathBuf, bool),
    /// To a socket: its path, whether it speaks the protocol of `@@`, and
    /// whether it is coretool's handler.
    Socket(PathBuf, bool, bool),
    /// Nowhere: the pattern is empty.
    Nowhere,
    /// The pattern cannot be read, and why.
    Unreadable(String),
}

/// A file pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilePlace {
    /// The directory, as far as it is known before a crash. Empty: the working
    /// directory of the program that crashes.
    pub(super) directory: PathBuf,
    /// Whether the directory's name depends on the crash.
    pub(super) varies: bool,
    /// Whether the name has the pid, so that two crashes have two names.
    pub(super) has_pid: bool,
    /// The pattern.
    pub(super) pattern: String,
}

/// Reads the pattern. It is one for the whole machine, containers included.
pub(super) fn destination() -> Destination {
    let text = match settings::read("/proc/sys/kernel/core_pattern") {
        Ok(text) => text,
        Err(error) => return Destination::Unreadable(error.to_string()),
    };
    let uses_pid = settings::number("/proc/sys/kernel/core_uses_pid").is_some_and(|n| n != 0);
    of(&text, uses_pid)
}

fn of(text: &[u8], uses_pid: bool) -> Destination {
    match CorePattern::parse(text, uses_pid) {
        CorePattern::Nothing => Destination::Nowhere,
        CorePattern::Pipe(command) => {
            let program = command.split_whitespace().next().unwrap_or_default();
            let path = PathBuf::from(program);
            let is_ours = path.file_name().is_some_and(|name| name == "coretool");
            Destination::Pipe(path, is_ours)
        }
        CorePattern::Socket(path) => {
            let (path, speaks) = match path.strip_prefix('@') {
                Some(path) => (path.to_owned(), true),
                None => (path, false),
            };
            let is_ours = path.contains("coretool");
            Destination::Socket(PathBuf::from(path), speaks, is_ours)
        }
        CorePattern::File(pieces) => {
            // `%i` is the thread, which is as good.
            let pid = |piece: &Piece| matches!(piece, Piece::Specifier(b'p' | b'P' | b'i' | b'I'));
            let name = NamePattern::new(&pieces, &NameFacts::default());
            let directory = String::from_utf8_lossy(name.directory()).into_owned();
            let texts = pieces.iter().map(|piece| match piece {
                Piece::Text(text) => text.iter().filter(|byte| **byte == b'/').count(),
                Piece::Specifier(_) => 0,
            });
            let slashes: usize = texts.sum();
            Destination::File(FilePlace {
                varies: slashes > directory.matches('/').count(),
                directory: PathBuf::from(directory),
                has_pid: pieces.iter().any(pid),
                pattern: String::from_utf8_lossy(text).into_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        let file = |directory: &str, varies, has_pid, pattern: &str| {
            Destination::File(FilePlace {
                directory: directory.into(),
                varies,
                has_pid,
                pattern: pattern.to_owned(),
            })
        };
        // (pattern, core_uses_pid, where)
        let cases: &[(&str, bool, Destination)] = &[
            ("core", false, file("", false, false, "core")),
            ("core", true, file("", false, true, "core")),
            ("/var/c/%e.%p", false, file("/var/c/", false, true, "/var/c/%e.%p")),
            ("/var/c/%u/core", false, file("/var/c/", true, false, "/var/c/%u/core")),
            ("", false, Destination::Nowhere),
            ("|/usr/lib/x %P", false, Destination::Pipe("/usr/lib/x".into(), false)),
            (
                "|/usr/bin/coretool handler",
                false,
                Destination::Pipe("/usr/bin/coretool".into(), true),
            ),
            (
                "@@/run/coretool.socket",
                false,
                Destination::Socket("/run/coretool.socket".into(), true, true),
            ),
            ("@/run/x", false, Destination::Socket("/run/x".into(), false, false)),
        ];
        for (pattern, uses_pid, want) in cases {
            assert_eq!(of(pattern.as_bytes(), *uses_pid), *want, "{pattern}");
        }
    }
}
