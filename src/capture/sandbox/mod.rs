//! Where an untrusted core is read: with little room, few system calls, and
//! only the files that it may need.
//!
//! [`confine`] is for any process; [`rights`] is what root gives up before.

mod files;
pub mod rights;
mod system_calls;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, setrlimit};

use crate::base::limits::Limits;

/// Descriptors that may be open.
const DESCRIPTORS: u64 = 4096;

/// How much an analysis may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes of memory of its own; maps of files do not count.
    pub memory: u64,
    /// Of a processor.
    pub time: Duration,
    /// Bytes that may be written to a file that is open.
    pub written: u64,
}

impl Room {
    /// What the limits say.
    pub fn of(limits: &Limits) -> Self {
        Self {
            memory: limits.memory,
            time: limits.time,
            written: limits.kept_of_stream.saturating_add(limits.attached),
        }
    }

    /// Sets the kernel's limits, for this process and for good.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn enforce(&self) -> io::Result<()> {
        // A second that has begun is one.
        let seconds = self.time.as_secs().saturating_add(1);
        for (resource, most) in [
            (Resource::RLIMIT_DATA, self.memory),
            (Resource::RLIMIT_CPU, seconds),
            (Resource::RLIMIT_CORE, 0),
            (Resource::RLIMIT_FSIZE, self.written),
        ] {
            lower(resource, most)?;
        }
        Ok(())
    }
}

/// Lowers a limit, soft and hard. One that is lower already stays.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let (_, hard) = nix::sys::resource::getrlimit(resource)?;
    let most = most.min(hard);
    Ok(setrlimit(resource, most, most)?)
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confined {
    /// Whether reading is limited to the given places. `false`: the kernel is
    /// older than 5.13, or has landlock turned off.
    pub files: bool,
}

/// Gives up everything but reading: of files below `places`, or, without them,
/// of whatever the user may read. No network, no new processes, no new files.
/// For all threads there ever will be: call it before any is started.
///
/// # Errors
///
/// The first step that failed. Nothing untrusted may be read then.
pub fn confine(room: &Room, places: Option<&[PathBuf]>) -> io::Result<Confined> {
    set_no_new_privs()?;
    lower(Resource::RLIMIT_NOFILE, DESCRIPTORS)?;
    room.enforce()?;
    let files = match places {
        Some(places) => files::only_below(places)?,
        None => false,
    };
    let filter = system_calls::filter()?;
    seccompiler::apply_filter_all_threads(&filter).map_err(io::Error::other)?;
    Ok(Confined { files })
}
