//! The core that the kernel leaves: whether one can come, and where it is.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use libc::pid_t;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{AccessFlags, access};

use crate::base::signal::Signal;
use crate::capture::core_pattern::{CorePattern, NameFacts, NamePattern, Piece};
use crate::capture::privileges;
use crate::dump::core_owner::{CoreOwner, HEAD, core_owner};

/// The most files whose owner is looked for.
const MOST: usize = 64;

/// What became of the kernel's core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelCore {
    /// It is here, written since the program started, and its notes name the
    /// program's process id. Whether it is whole, opening it will tell.
    Found(PathBuf),
    /// There is none, and why.
    Missing(String),
}

/// A core that will come if the program crashes.
#[derive(Debug)]
pub(super) struct Prospect {
    pieces: Vec<Piece>,
    directory: PathBuf,
    executable: Option<PathBuf>,
    started: SystemTime,
}

impl Prospect {
    /// Looks, before the program starts, whether its crash would leave a core
    /// file. Otherwise says why not.
    pub(super) fn look(program: &OsStr) -> Result<Self, String> {
        let (_, hard) = getrlimit(Resource::RLIMIT_CORE).unwrap_or((0, u64::MAX));
        if hard < 4096 {
            return Err(format!("the hard limit on core files is {hard} bytes (ulimit -H -c)"));
        }
        let read = |name: &str| fs::read(format!("/proc/sys/kernel/{name}"));
        let text = read("core_pattern")
            .map_err(|error| format!("/proc/sys/kernel/core_pattern cannot be read ({error})"))?;
        let uses_pid = read("core_uses_pid").is_ok_and(|text| !text.starts_with(b"0"));
        let pieces = match CorePattern::parse(&text, uses_pid) {
            CorePattern::File(pieces) => pieces,
            CorePattern::Pipe(handler) => {
                let name = handler.split(' ').next().unwrap_or_default();
                return Err(format!("core_pattern gives all cores to `{name}`"));
            }
            CorePattern::Socket(path) => {
                return Err(format!("core_pattern gives all cores to the socket `{path}`"));
            }
            CorePattern::Nothing => return Err("core_pattern is empty".to_owned()),
        };
        let current = env::current_dir()
            .map_err(|error| format!("the working directory cannot be found ({error})"))?;
        // An unknown part in the directory's name is looked at afterwards.
        let name = NamePattern::new(&pieces, &NameFacts::default());
        let directory = current.join(OsStr::from_bytes(name.directory()));
        if access(&directory, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
            return Err(format!(
                "the core would go to `{}`, which cannot be written",
                directory.display()
            ));
        }
        if let Some(name) = name.exact() {
            let there = current.join(OsStr::from_bytes(name));
            if there.symlink_metadata().is_ok() {
                return Err(format!(
                    "`{}` exists, and the kernel would replace it",
                    there.display()
                ));
            }
        }
        let executable = privileges::executable(program).and_then(|path| path.canonicalize().ok());
        if let Some(why) = privileges::undumpable(program) {
            return Err(why);
        }
        // File times come from a coarser clock, which may lag by a tick.
        let started = SystemTime::now() - Duration::from_millis(20);
        Ok(Self { pieces, directory: current, executable, started })
    }

    /// Looks for the core of `pid`, which died of `signal`.
    pub(super) fn find(&self, pid: pid_t, signal: Signal, dumped: bool) -> KernelCore {
        if !dumped {
            return KernelCore::Missing(
                "the kernel says that it wrote none; the disk may be full, or the program \
                 made itself undumpable"
                    .to_owned(),
            );
        }
        let number = |value: i32| u32::try_from(value).ok();
        let name = self.executable.as_deref().and_then(Path::file_name);
        let path = self.executable.as_ref().map(|path| path.as_os_str().as_bytes());
        let facts = NameFacts {
            pid: number(pid),
            uid: None,
            gid: None,
            signal: number(signal.0),
            executable_name: name.map(|name| name.as_bytes().to_vec()),
            executable_path: path.map(|path| {
                path.iter().map(|byte| if *byte == b'/' { b'!' } else { *byte }).collect()
            }),
            host: fs::read("/proc/sys/kernel/hostname")
                .ok()
                .map(|name| name.trim_ascii_end().to_vec()),
        };
        let pattern = NamePattern::new(&self.pieces, &facts);
        let mut candidates = self.candidates(&pattern);
        candidates.sort_by_key(|(_, modified)| std::cmp::Reverse(*modified));
        let mut others = Vec::new();
        for (path, _) in candidates.into_iter().take(MOST) {
            match owner(&path) {
                Some(owner) if number(pid).is_some_and(|pid| owner.is(pid)) => {
                    return KernelCore::Found(path);
                }
                other => others.push((path, other)),
            }
        }
        let directory = self.directory.join(OsStr::from_bytes(pattern.directory()));
        KernelCore::Missing(match others.first() {
            None => format!(
                "the kernel says that it wrote one, but there is none in `{}` now",
                directory.display()
            ),
            Some((path, Some(CoreOwner { pid: Some(other), .. }))) => format!(
                "the kernel says that it wrote one, but `{}` is of process {other}, not {pid}",
                path.display()
            ),
            Some((path, _)) => format!(
                "the kernel says that it wrote one, but `{}` does not say whose core it is",
                path.display()
            ),
        })
    }

    /// Files with such a name, written since the program started.
    fn candidates(&self, pattern: &NamePattern) -> Vec<(PathBuf, SystemTime)> {
        let fresh = |path: PathBuf| {
            let metadata = path.symlink_metadata().ok()?;
            let modified = metadata.modified().ok()?;
            (metadata.is_file() && modified >= self.started).then_some((path, modified))
        };
        if let Some(name) = pattern.exact() {
            return fresh(self.directory.join(OsStr::from_bytes(name))).into_iter().collect();
        }
        let prefix = pattern.directory();
        let directory = self.directory.join(OsStr::from_bytes(prefix));
        let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
        let matching = entries.flatten().filter(|entry| {
            let name = [prefix, entry.file_name().as_bytes()].concat();
            pattern.matches(&name)
        });
        matching.filter_map(|entry| fresh(entry.path())).collect()
    }
}

/// Whose core a file is.
fn owner(path: &Path) -> Option<CoreOwner> {
    let mut head = Vec::new();
    // No fifo that keeps us waiting, no link to elsewhere.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    file.take(HEAD).read_to_end(&mut head).ok()?;
    core_owner(&head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prospect(directory: &Path) -> Prospect {
        let CorePattern::File(pieces) = CorePattern::parse(b"core.%t", false) else {
            panic!("a file pattern")
        };
        let started = SystemTime::now() - Duration::from_secs(1);
        Prospect { pieces, directory: directory.to_owned(), executable: None, started }
    }

    #[test]
    fn only_the_process_itself_counts() {
        let directory = tempfile::tempdir().unwrap();
        let found = || match prospect(directory.path()).find(42, Signal::SEGV, true) {
            KernelCore::Found(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
            KernelCore::Missing(why) => why,
        };
        let write = |name: &str, pid| {
            let core = crate::dump::core_owner::tests::core(pid, pid);
            fs::write(directory.path().join(name), core).unwrap();
        };
        assert!(found().contains("there is none in"), "{}", found());
        write("core.2", 43);
        assert!(found().ends_with("core.2` is of process 43, not 42"), "{}", found());
        write("core.1", 42);
        write("core.3", 44);
        assert_eq!(found(), "core.1", "neither the newest nor the last of its name");
        fs::write(directory.path().join("core.1"), b"text").unwrap();
        assert!(!found().starts_with("core."), "{}", found());
        // One of the right process, but from before.
        write("core.1", 42);
        let mut later = prospect(directory.path());
        later.started = SystemTime::now() + Duration::from_secs(60);
        assert!(matches!(later.find(42, Signal::SEGV, true), KernelCore::Missing(_)));
    }
}
