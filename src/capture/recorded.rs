//! What another handler has recorded of a crash beside the core: whose core it
//! is, also where the core itself is cut.
//!
//! systemd-coredump writes extended attributes of the file; apport writes lines
//! before the core. Sources: systemd, `src/coredump/coredump-submit.c`,
//! `fix_xattr()`; apport's `report.py` and `problem_report.py`.

use std::ffi::CStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::base::signal::Signal;
use crate::base::utc;
use crate::capture::other_store::Keeper;
use crate::capture::sys;

/// The longest text that is taken over, in bytes.
const MOST_TEXT: usize = 4096;

/// What a handler has recorded. All of it is untrusted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whose record it is.
    pub by: Keeper,
    /// The process, as the host saw it.
    pub pid: Option<u32>,
    /// Its user.
    pub uid: Option<u32>,
    /// Its group.
    pub gid: Option<u32>,
    /// The signal that it died of.
    pub signal: Option<Signal>,
    /// When, as that handler writes it, or in RFC 3339.
    pub at: Option<String>,
    /// Its soft limit for cores, in bytes, if it had one.
    pub core_limit: Option<u64>,
    /// The host.
    pub host: Option<String>,
    /// Its name (`comm`).
    pub command: Option<String>,
    /// Its executable.
    pub executable: Option<String>,
    /// The package that the executable belongs to.
    pub package: Option<String>,
}

impl Recorded {
    fn nothing(by: Keeper) -> Self {
        Self {
            by,
            pid: None,
            uid: None,
            gid: None,
            signal: None,
            at: None,
            core_limit: None,
            host: None,
            command: None,
            executable: None,
            package: None,
        }
    }

    /// What was recorded of the core in a file, if anything was. A link is not
    /// followed.
    pub fn of(path: &Path) -> Option<Self> {
        let is_report = path.extension().is_some_and(|extension| extension == "crash");
        let found = if is_report { Self::of_report(path)?.0 } else { Self::of_attributes(path) };
        let by = found.by;
        (found != Self::nothing(by)).then_some(found)
    }

    fn of_attributes(path: &Path) -> Self {
        let text = |name: &CStr| {
            let value = sys::attribute(path, name).ok()?;
            let value = String::from_utf8_lossy(&value);
            let value = value.trim_end_matches('\0');
            (!value.is_empty()).then(|| value.to_owned())
        };
        let number = |name: &CStr| text(name)?.parse::<u64>().ok();
        let small = |name: &CStr| u32::try_from(number(name)?).ok();
        let signal = small(c"user.coredump.signal").and_then(|it| i32::try_from(it).ok());
        let at = number(c"user.coredump.timestamp")
            .and_then(|micros| UNIX_EPOCH.checked_add(Duration::from_micros(micros)));
        Self {
            pid: small(c"user.coredump.pid"),
            uid: small(c"user.coredump.uid"),
            gid: small(c"user.coredump.gid"),
            signal: signal.map(Signal),
            at: at.map(utc::rfc3339),
            // Of no limit the number is as large as can be.
            core_limit: number(c"user.coredump.rlimit").filter(|limit| *limit != u64::MAX),
            host: text(c"user.coredump.hostname"),
            command: text(c"user.coredump.comm"),
            executable: text(c"user.coredump.exe"),
            ..Self::nothing(Keeper::Systemd)
        }
    }

    /// The lines of a report of apport: `Key: value`, of which `ProcStatus` is a
    /// copy of `/proc/PID/status`. And whether its core has been begun: what
    /// comes before is whole then.
    pub(super) fn of_report(path: &Path) -> Option<(Self, bool)> {
        const MOST_BYTES: u64 = 4 << 20;
        let mut options = File::options();
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = options.read(true).custom_flags(flags).open(path).ok()?;
        let mut found = Self::nothing(Keeper::Apport);
        let mut key = Vec::new();
        let mut lines = BufReader::new(file.take(MOST_BYTES)).split(b'\n');
        while let Some(Ok(line)) = lines.next() {
            let cut = line.get(..MOST_TEXT).unwrap_or(&line);
            let text = String::from_utf8_lossy(cut);
            if let Some(inner) = text.strip_prefix(' ') {
                if key == b"ProcStatus"
                    && let Some((name, value)) = inner.split_once(':')
                {
                    let first = value.split_whitespace().next().unwrap_or_default();
                    match name {
                        "Pid" => found.pid = first.parse().ok(),
                        "Uid" => found.uid = first.parse().ok(),
                        "Gid" => found.gid = first.parse().ok(),
                        "Name" => found.command = Some(value.trim().to_owned()),
                        _ => (),
                    }
                }
                continue;
            }
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            key = name.as_bytes().to_vec();
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match name {
                // Whatever comes before says whose it is.
                "CoreDump" => return Some((found, true)),
                "Signal" => {
                    found.signal = value.and_then(|value| value.parse().ok()).map(Signal);
                }
                "Date" => found.at = value,
                "ExecutablePath" => found.executable = value,
                "Package" => found.package = value,
                _ => (),
            }
        }
        Some((found, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_apport() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("_usr_bin_a.1000.crash");
        let text = "ProblemType: Crash\nDate: Tue Dec  1 10:00:00 2026\nExecutablePath: /usr/bin/a\n\
                    Package: a 1.2-3\nProcCmdline: a Pid: 9\nProcStatus:\n Name:\ta\n Pid:\t42\n \
                    Uid:\t1000\t0\t0\t0\nSignal: 11\nCoreDump: base64\n H4sI\nSignal: 6\n";
        std::fs::write(&path, text).unwrap();
        let want = Recorded {
            pid: Some(42),
            uid: Some(1000),
            signal: Some(Signal::SEGV),
            at: Some("Tue Dec  1 10:00:00 2026".to_owned()),
            command: Some("a".to_owned()),
            executable: Some("/usr/bin/a".to_owned()),
            package: Some("a 1.2-3".to_owned()),
            ..Recorded::nothing(Keeper::Apport)
        };
        assert_eq!(Recorded::of(&path), Some(want));
        // A file of another name and without attributes tells nothing.
        let plain = root.path().join("core");
        std::fs::write(&plain, text).unwrap();
        assert_eq!(Recorded::of(&plain), None);
    }
}
