//! A process that cannot turn into another one under our hands.
//!
//! A process id may be given to another process as soon as its owner is gone.
//! A pidfd never refers to another one, so it is asked before `/proc/PID` is
//! opened and after the last read from it: if the process was there both times,
//! all that was read between is of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use crate::capture::sys;

/// A dumping process, held by its pidfd and its directory in `/proc`.
#[derive(Debug)]
pub struct Pinned {
    pidfd: OwnedFd,
    /// `O_PATH` of `/proc/PID`.
    directory: OwnedFd,
    /// As this handler's `/proc` shows it.
    pub pid: u32,
    /// What the kernel says of it.
    pub info: PidInfo,
}

/// `struct pidfd_info`, what is used of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PidInfo {
    /// The process.
    pub pid: u32,
    /// Real user and group.
    pub real: (u32, u32),
    /// Effective user and group.
    pub effective: (u32, u32),
    /// Saved user and group.
    pub saved: (u32, u32),
    /// `PIDFD_COREDUMP_*` bits: 1 dumped, 2 skipped, 4 as the user, 8 as root.
    /// `None`: the kernel does not say.
    pub coredump: Option<u32>,
}

/// `PIDFD_INFO_PID | CREDS | COREDUMP`.
const WANTED: u64 = 1 | 2 | 16;

impl PidInfo {
    fn parse(bytes: &[u8]) -> Self {
        let word = |at: usize| {
            let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |word| u32::from_ne_bytes(*word))
        };
        // u64 mask, u64 cgroupid; u32 pid, tgid, ppid, ruid, rgid, euid, egid,
        // suid, sgid, fsuid, fsgid; i32 exit_code; u32 coredump_mask.
        let has_coredump = word(0) & 16 != 0;
        Self {
            pid: word(20),
            real: (word(28), word(32)),
            effective: (word(36), word(40)),
            saved: (word(44), word(48)),
            coredump: has_coredump.then(|| word(64)),
        }
    }

    /// Whether all its ids are those of one user and one group.
    pub fn is_one_user(&self) -> bool {
        self.real == self.effective && self.real == self.saved
    }
}

impl Pinned {
    /// Pins the process behind `pidfd` and opens its directory.
    ///
    /// # Errors
    ///
    /// When it is gone, or the kernel cannot say.
    pub fn new(pidfd: OwnedFd) -> io::Result<Self> {
        let info = PidInfo::parse(&sys::pidfd_info(pidfd.as_fd(), WANTED)?);
        let pid = alive(&pidfd)?;
        if pid != info.pid {
            return Err(io::Error::other("its two process ids differ"));
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let path = PathBuf::from(format!("/proc/{pid}"));
        let directory = nix::fcntl::open(&path, flags, Mode::empty())?;
        let pinned = Self { pidfd, directory, pid, info };
        // Between the two it may have ended, and the directory be another's.
        pinned.verify()?;
        Ok(pinned)
    }

    /// Makes sure that the process is still there, so that what was read from
    /// its directory was its own.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn verify(&self) -> io::Result<()> {
        match alive(&self.pidfd)? {
            pid if pid == self.pid => Ok(()),
            _ => Err(io::Error::other("the process is another one")),
        }
    }

    /// Opens a file of its directory for reading.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        Ok(openat(&self.directory, name, flags, Mode::empty())?.into())
    }

    /// Pins a directory that one of its links leads to: `root`, say.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open_link(&self, name: &str) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        Ok(openat(&self.directory, name, flags, Mode::empty())?)
    }

    /// Reads up to `most` bytes of a file of its directory.
    pub fn read(&self, name: &str, most: u64) -> Vec<u8> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        if let Ok(file) = self.open(name) {
            // What could be read is as good as it gets.
            let _cut = file.take(most).read_to_end(&mut bytes);
        }
        bytes
    }

    /// A path that means its directory, whatever becomes of the process id.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
    }
}

/// The process that a pidfd refers to, if it is not reaped yet.
fn alive(pidfd: &OwnedFd) -> io::Result<u32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let gone = || io::Error::other("the process is gone");
    pid_line(&text).ok_or_else(gone)
}

/// `Pid:` of a pidfd's `fdinfo`: -1 once the process is gone, 0 when it is in
/// another pid namespace.
fn pid_line(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    line.trim().parse().ok().filter(|pid| *pid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_is_seen() {
        assert_eq!(pid_line("pos:\t0\nPid:\t42\nNSpid:\t42\n"), Some(42));
        for text in ["Pid:\t-1\n", "Pid:\t0\n", "flags: 2\n", ""] {
            assert_eq!(pid_line(text), None, "{text:?}");
        }
    }

    #[test]
    fn fields_lie_where_the_kernel_puts_them() {
        let mut bytes = [0u8; 72];
        for (index, word) in bytes.chunks_exact_mut(4).enumerate() {
            word.copy_from_slice(&(index as u32).to_ne_bytes());
        }
        bytes[0] = 16;
        let info = PidInfo::parse(&bytes);
        assert_eq!((info.pid, info.real, info.effective), (5, (7, 8), (9, 10)));
        assert_eq!((info.saved, info.coredump), ((11, 12), Some(16)));
        bytes[0] = 0;
        assert_eq!(PidInfo::parse(&bytes).coredump, None);
        assert_eq!(PidInfo::parse(&[]), PidInfo::default());
    }

    #[test]
    fn we_pin_ourselves() {
        let Ok(pidfd) = sys::pidfd_open(std::process::id() as i32) else { return };
        let Ok(pinned) = Pinned::new(pidfd) else { return };
        assert_eq!(pinned.pid, std::process::id());
        assert!(!pinned.read("status", 1 << 16).is_empty());
        pinned.verify().unwrap();
    }
}
