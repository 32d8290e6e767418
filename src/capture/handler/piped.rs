//! Started by the kernel, with a core on standard input.

use std::fs::File;
use std::io;
use std::os::fd::RawFd;

use nix::fcntl::{FcntlArg, fcntl};

use crate::capture::handler::pinned::Pinned;
use crate::capture::sys;

/// What the kernel gave us.
#[derive(Debug)]
pub struct Piped {
    /// Where the core comes from. Closing it lets the process go.
    pub stream: File,
    /// Whose it is.
    pub process: Pinned,
    /// Whether the kernel said so itself, by a pidfd, and not by a number.
    pub is_certain: bool,
}

impl Piped {
    /// Takes over the pipe and the pidfd, `%F` of the pattern; without one,
    /// from an old kernel, the process that has the id `pid` now.
    ///
    /// The kernel starts us with standard output and error closed. The standard
    /// library has opened `/dev/null` in their places before `main`.
    ///
    /// # Errors
    ///
    /// When there is no such process, or no standard input.
    pub fn new(pid: u32, pidfd: Option<RawFd>) -> io::Result<Self> {
        let missing = || io::Error::other("standard input is closed");
        let certain = pidfd.filter(|fd| *fd > 2).and_then(sys::inherited);
        let is_certain = certain.is_some();
        let stream = File::from(sys::inherited(0).ok_or_else(missing)?);
        // Fewer, larger reads. An unprivileged limit may forbid it.
        let _wider = fcntl(&stream, FcntlArg::F_SETPIPE_SZ(1 << 20));
        let pidfd = match certain {
            Some(pidfd) => pidfd,
            None => sys::pidfd_open(libc::pid_t::try_from(pid).map_err(io::Error::other)?)?,
        };
        let process = Pinned::new(pidfd)?;
        if process.pid != pid {
            return Err(io::Error::other("the pidfd is another process's"));
        }
        Ok(Self { stream, process, is_certain })
    }
}
