//! Cores that other handlers of the machine have kept: systemd-coredump,
//! apport, abrt.
//!
//! Sources: the manual pages systemd-coredump(8) and core(5); the names of
//! files in apport's `fileutils.py` and in abrt's `abrt-hook-ccpp`.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::signal::Signal;
use crate::capture::kernel_core::KernelCore;
use crate::capture::recorded::Recorded;

/// Files of one directory that are looked at.
const MOST: usize = 20_000;
/// How long it may take: the kernel may not wait, and compressing takes time.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much of it is not worth a word.
const UNTOLD: Duration = Duration::from_secs(2);
/// How often they are looked for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Clocks of the kernel and of files may differ by so much.
const SLACK: Duration = Duration::from_secs(2);

/// A handler whose store is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// `systemd-coredump`.
    Systemd,
    /// Ubuntu's apport.
    Apport,
    /// Fedora's abrt.
    Abrt,
}

impl Keeper {
    /// Which one a program or a socket in `core_pattern` belongs to.
    pub fn of(receiver: &str) -> Option<Self> {
        let names = [
            ("systemd-coredump", Self::Systemd),
            ("systemd/coredump", Self::Systemd),
            ("apport", Self::Apport),
            ("abrt", Self::Abrt),
        ];
        names.into_iter().find(|(name, _)| receiver.contains(name)).map(|(_, keeper)| keeper)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd-coredump",
            Self::Apport => "apport",
            Self::Abrt => "abrt",
        }
    }

    /// Where its cores are, for people.
    fn place(self) -> &'static str {
        match self {
            Self::Systemd => "var/lib/systemd/coredump",
            Self::Apport => "var/crash",
            Self::Abrt => "var/spool/abrt",
        }
    }

    /// Why it may have kept nothing.
    fn hint(self) -> &'static str {
        match self {
            Self::Systemd => {
                "it may keep none (Storage= or ProcessSizeMax= of coredump.conf), or only in the \
                 journal: coredumpctl list"
            }
            Self::Apport => {
                "it keeps no crash of a program that belongs to no package, and none by SIGQUIT"
            }
            Self::Abrt => "it may keep none of unpackaged programs (ProcessUnpackaged)",
        }
    }
}

/// The process whose core is looked for.
#[derive(Clone, Debug)]
pub(super) struct Victim {
    pub(super) pid: u32,
    /// In clock ticks since boot.
    pub(super) start_time: Option<u64>,
    /// Before it started.
    pub(super) started: SystemTime,
    pub(super) signal: Signal,
}

/// Waits until `keeper` has kept the core of `victim` somewhere below `root`,
/// but not for long.
pub(super) fn wait_for(
    keeper: Keeper,
    root: &Path,
    victim: &Victim,
    tell: &mut dyn FnMut(String),
) -> KernelCore {
    let start = Instant::now();
    let mut is_told = false;
    loop {
        if let Some(path) = find(keeper, root, victim) {
            return KernelCore::Found(path);
        }
        if start.elapsed() > UNTOLD && !is_told {
            tell(format!("waiting for {} to keep the core ...", keeper.name()));
            is_told = true;
        }
        if start.elapsed() > PATIENCE {
            let (name, place) = (keeper.name(), root.join(keeper.place()));
            return KernelCore::Missing(format!(
                "{name} has got it, and `{}` has none of process {}; {}",
                place.display(),
                victim.pid,
                keeper.hint()
            ));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// The file with the core of `victim`, once it is whole.
fn find(keeper: Keeper, root: &Path, victim: &Victim) -> Option<PathBuf> {
    let files = |place: &str| {
        let entries = fs::read_dir(root.join(place)).into_iter().flatten().flatten();
        // A link could lead to anything.
        let paths = entries.take(MOST).map(|entry| entry.path());
        paths.filter(|path| path.symlink_metadata().is_ok_and(|found| !found.is_symlink()))
    };
    match keeper {
        Keeper::Systemd => files(keeper.place()).find(|path| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            is_systemds(name, victim, &boot_id()) && has_attributes_of(path, victim)
        }),
        Keeper::Apport => files("var/lib/apport/coredump")
            .find(|path| {
                let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
                is_apports(name, victim, &boot_id())
            })
            .or_else(|| files(keeper.place()).find(|path| is_apport_report(path, victim))),
        Keeper::Abrt => files(keeper.place())
            .find(|path| is_abrt_directory(path, victim))
            .map(|path| path.join("coredump"))
            .filter(|path| path.symlink_metadata().is_ok_and(|found| found.is_file())),
    }
}

/// The kernel's id of this boot, without hyphens.
fn boot_id() -> String {
    plain_id(&fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default())
}

fn plain_id(text: &str) -> String {
    text.trim().replace('-', "")
}

/// `core.COMM.UID.BOOTID.PID.MICROSECONDS[.zst]`. A dot in the name of the
/// command is written `\x2e`.
fn is_systemds(name: &str, victim: &Victim, boot: &str) -> bool {
    let packed = [".zst", ".lz4", ".xz"].iter().find_map(|end| name.strip_suffix(end));
    let parts: Vec<&str> = packed.unwrap_or(name).split('.').collect();
    let ["core", _, _, its_boot, pid, at] = parts[..] else { return false };
    let at = at.parse().map(|at| UNIX_EPOCH + Duration::from_micros(at));
    its_boot == boot
        && pid.parse() == Ok(victim.pid)
        && at.is_ok_and(|at| at + SLACK >= victim.started)
}

/// systemd-coredump says in extended attributes, too, whose core it is. A
/// store that was copied may have lost them.
fn has_attributes_of(path: &Path, victim: &Victim) -> bool {
    let recorded = Recorded::of(path);
    recorded.is_none_or(|recorded| {
        recorded.pid.is_none_or(|pid| pid == victim.pid)
            && recorded.signal.is_none_or(|signal| signal == victim.signal)
    })
}

/// `core.EXECUTABLE.UID.BOOT-ID.PID.START`, the start in clock ticks.
fn is_apports(name: &str, victim: &Victim, boot: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let ["core", _, _, its_boot, pid, start] = parts[..] else { return false };
    plain_id(its_boot) == boot
        && pid.parse() == Ok(victim.pid)
        && victim.start_time.is_some_and(|ticks| start.parse() == Ok(ticks))
}

/// A report of apport, whose last line, the core, has been begun.
fn is_apport_report(path: &Path, victim: &Victim) -> bool {
    let is_report = path.extension() == Some(OsStr::new("crash"));
    let modified = path.symlink_metadata().and_then(|found| found.modified());
    if !is_report || !modified.is_ok_and(|at| at + SLACK >= victim.started) {
        return false;
    }
    Recorded::of_report(path)
        .is_some_and(|(found, is_whole)| is_whole && found.pid == Some(victim.pid))
}

/// A directory of abrt, with one file for each fact.
fn is_abrt_directory(path: &Path, victim: &Victim) -> bool {
    const MOST_BYTES: u64 = 64;
    // `NAME.new` while it is being written.
    if path.extension() == Some(OsStr::new("new")) || !path.is_dir() {
        return false;
    }
    let number = |name: &str| {
        let mut text = String::new();
        let file = File::open(path.join(name)).ok()?;
        file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let pid = number("global_pid").or_else(|| number("pid"));
    let at = number("time").map(|at| UNIX_EPOCH + Duration::from_secs(at));
    pid == Some(u64::from(victim.pid)) && at.is_some_and(|at| at + SLACK >= victim.started)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim() -> Victim {
        let started = UNIX_EPOCH + Duration::from_secs(1_000_000);
        Victim { pid: 42, start_time: Some(777), started, signal: Signal::SEGV }
    }

    #[test]
    fn handlers_by_their_names() {
        let cases = [
            ("/usr/lib/systemd/systemd-coredump", Some(Keeper::Systemd)),
            ("the socket `@/run/systemd/coredump`", Some(Keeper::Systemd)),
            ("/usr/share/apport/apport", Some(Keeper::Apport)),
            ("/usr/libexec/abrt-hook-ccpp", Some(Keeper::Abrt)),
            ("/bin/false", None),
        ];
        for (receiver, want) in cases {
            assert_eq!(Keeper::of(receiver), want, "{receiver}");
        }
    }

    #[test]
    fn names_of_systemd() {
        let cases = [
            ("core.a.0.b00t.42.1000001000000.zst", true),
            ("core.a.0.b00t.42.1000001000000.lz4", true),
            ("core.a.0.b00t.42.1000001000000.xz", true),
            ("core.a.0.b00t.42.1000001000000", true),
            (r"core.a\x2eb\x20c.0.b00t.42.1000001000000.zst", true),
            ("core.a.0.b00t.43.1000001000000.zst", false),
            // The same id in an earlier boot, and before in this one.
            ("core.a.0.another.42.1000001000000.zst", false),
            ("core.a.0.b00t.42.900000000000.zst", false),
            (".#core.a.0.b00t.42.1000001000000.zst0123", false),
            ("core.a.b.0.b00t.42.1000001000000", false),
            ("core", false),
        ];
        for (name, want) in cases {
            assert_eq!(is_systemds(name, &victim(), "b00t"), want, "{name}");
        }
    }

    #[test]
    fn names_of_apport() {
        let cases = [
            ("core._usr_bin_a.0.b0-0t.42.777", true),
            ("core._usr_bin_a.0.b0-0t.42.778", false),
            ("core._usr_bin_a.0.b0-0t.43.777", false),
            ("core._usr_bin_a.0.other.42.777", false),
        ];
        for (name, want) in cases {
            assert_eq!(is_apports(name, &victim(), "b00t"), want, "{name}");
        }
    }

    #[test]
    fn reports_of_apport() {
        let root = tempfile::tempdir().unwrap();
        let crash = root.path().join("var/crash");
        fs::create_dir_all(&crash).unwrap();
        let found = || find(Keeper::Apport, root.path(), &victim());
        let report = |pid: u32, end: &str| {
            format!(
                "ProblemType: Crash\nExecutablePath: /usr/bin/a\nProcCmdline: a Pid: 9\n\
                 ProcStatus:\n Name:\ta\n Pid:\t{pid}\n PPid:\t42\nSignal: 11\n{end}"
            )
        };
        let core = "CoreDump: base64\n H4sICAAAAAAC/0NvcmVEdW1wAA==\n";
        let path = crash.join("_usr_bin_a.0.crash");
        for (name, text, want) in [
            ("another process", report(43, core), false),
            ("not all written yet", report(42, ""), false),
            ("it", report(42, core), true),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(found().is_some(), want, "{name}");
        }
        // One of before, and a link.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(victim().started - Duration::from_secs(60)).unwrap();
        assert_eq!(found(), None);
        fs::rename(&path, root.path().join("elsewhere")).unwrap();
        fs::write(root.path().join("elsewhere"), report(42, core)).unwrap();
        std::os::unix::fs::symlink(root.path().join("elsewhere"), &path).unwrap();
        assert_eq!(found(), None);
    }

    #[test]
    fn directories_of_abrt() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, pid: u32, time: u64| {
            let directory = root.path().join("var/spool/abrt").join(name);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("pid"), pid.to_string()).unwrap();
            fs::write(directory.join("time"), format!("{time}\n")).unwrap();
            fs::write(directory.join("coredump"), "").unwrap();
        };
        let found = || find(Keeper::Abrt, root.path(), &victim());
        make("ccpp-1-43", 43, 1_000_001);
        make("ccpp-2-42", 42, 900_000);
        make("ccpp-3-42.new", 42, 1_000_001);
        assert_eq!(found(), None);
        make("ccpp-4-42", 42, 1_000_001);
        assert!(found().unwrap().ends_with("ccpp-4-42/coredump"));
    }
}
