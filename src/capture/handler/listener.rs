//! The socket that the kernel connects to for each dump.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{Backlog, listen};

use crate::capture::handler::pinned::Pinned;
use crate::capture::handler::protocol::{KERNEL, ProtocolError, REJECT, Request, WAIT, answer};
use crate::capture::sys;

/// Crashes that wait before they are accepted. When there is no room, the
/// kernel drops the dump.
const BACKLOG: i32 = 4096;
/// The kernel answers at once; who does not is not the kernel.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens for the kernel.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
}

/// One dump that the kernel offers.
#[derive(Debug)]
pub struct Offer {
    /// Where the core will come from.
    pub socket: UnixStream,
    /// Whose it is.
    pub process: Pinned,
}

impl Listener {
    /// Makes the socket, for root alone. One that was left behind is replaced.
    ///
    /// # Errors
    ///
    /// What the system says; also when somebody listens there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there"));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        let socket = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        // Once more, since the standard library asks for 128 only.
        listen(&socket, Backlog::new(BACKLOG)?)?;
        // Each waiting crash takes descriptors.
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(Self { socket })
    }

    /// Waits for the next crash. The process is pinned later, by
    /// [`Offer::new`], so that accepting never waits.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn accept(&self) -> io::Result<UnixStream> {
        self.socket.accept().map(|(socket, _)| socket)
    }
}

impl Offer {
    /// Pins the process that dumps into `socket`.
    ///
    /// # Errors
    ///
    /// When whoever connected is no dumping process.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        /// `PIDFD_COREDUMP_USER | ROOT`: how a dumping process is marked.
        const DUMPS: u32 = 4 | 8;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let process = Pinned::new(sys::peer_pidfd(socket.as_fd())?)?;
        match process.info.coredump {
            Some(mask) if mask & DUMPS != 0 => Ok(Self { socket, process }),
            _ => Err(io::Error::other("whoever connected does not dump core")),
        }
    }

    /// Asks the kernel for the core, and to keep the process until we close.
    ///
    /// # Errors
    ///
    /// When the kernel does not play along.
    pub fn accept(&mut self) -> Result<(), ProtocolError> {
        let request = Request::read(&mut self.socket)?;
        answer(&mut self.socket, &request, KERNEL | WAIT)
    }

    /// Refuses the core.
    ///
    /// # Errors
    ///
    /// When the kernel does not play along.
    pub fn reject(mut self) -> Result<(), ProtocolError> {
        let request = Request::read(&mut self.socket)?;
        answer(&mut self.socket, &request, REJECT)
    }
}
