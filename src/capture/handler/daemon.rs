//! The process that listens: what it does to itself, and how others find it.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_dumpable;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

/// A daemon by its process id and its start time, which no later process
/// shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaemonId {
    /// The process.
    pub pid: u32,
    start_time: u64,
}

impl DaemonId {
    /// This very process.
    pub fn own() -> Option<Self> {
        let pid = std::process::id();
        Some(Self { pid, start_time: start_time(pid)? })
    }

    /// Writes it to a file.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn save(self, path: &Path) -> io::Result<()> {
        fs::write(path, format!("{} {}\n", self.pid, self.start_time))
    }

    /// The one that a file names, if it lives.
    pub fn alive(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let mut words = text.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let start_time = words.next()?.parse().ok()?;
        let this = Self { pid, start_time };
        this.is_alive().then_some(this)
    }

    fn is_alive(self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    /// Asks it to end, and waits until it has. `false`: it has not, in time.
    ///
    /// # Errors
    ///
    /// When it may not be asked.
    pub fn stop(self, patience: Duration) -> io::Result<bool> {
        let pid = i32::try_from(self.pid).map_err(io::Error::other)?;
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        let until = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= until {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(true)
    }
}

/// Field 22 of `/proc/PID/stat`; `None` also for one that has ended and is not
/// waited for.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    let start = words.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(start)
}

/// The signals that end a daemon, held back for [`StopSignals::wait`].
#[derive(Debug)]
pub struct StopSignals(SigSet);

impl StopSignals {
    /// Holds them back, in this thread and those that it starts.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn hold() -> io::Result<Self> {
        let signals: SigSet =
            [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
        signals.thread_block()?;
        Ok(Self(signals))
    }

    /// Waits for one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn wait(&self) -> io::Result<()> {
        self.0.wait()?;
        Ok(())
    }
}

/// Makes this process one that neither dumps core, which would come to itself,
/// nor can be traced by a user.
///
/// # Errors
///
/// What the system says.
pub fn hide() -> io::Result<()> {
    Ok(set_dumpable(false)?)
}
