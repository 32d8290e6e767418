//! From root to nobody, for a dump that the kernel handed over.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::prctl::{set_dumpable, set_keepcaps, set_no_new_privs};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, chroot, fchdir, setgroups, setresgid, setresuid};

use crate::base::limits::Limits;
use crate::capture::sandbox::{Room, confine};
use crate::capture::sys;

/// Nobody: what is left for dumps that only root may read.
const NOBODY: u32 = 65_534;
/// `CAP_DAC_READ_SEARCH`.
const MAY_READ_ALL: u32 = 2;

/// Under whose rights a core is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The user whose process it was. Root's are read by nobody, who may read
    /// any file but nothing else that root may; a report of it is root's anyway.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Whether only root may see the dump: then by nobody, who must not be
    /// helped to files that the process's user could not read.
    pub is_root_only: bool,
}

/// Gives up all rights but those to read, and does so in this order: root
/// directory, groups, group, user, capabilities; each step is checked. Then
/// limits and the filter of system calls. For all threads there ever will be:
/// call it before any is started.
///
/// # Errors
///
/// The first step that failed. Nothing untrusted may be read then.
pub fn enter(confinement: Confinement, root: Option<OwnedFd>) -> io::Result<()> {
    // Nobody in there may trace us.
    set_dumpable(false)?;
    if let Some(root) = root {
        // All paths, symbolic links too, end within it.
        fchdir(&root)?;
        chroot(".")?;
        nix::unistd::chdir("/")?;
    }
    let is_root = confinement.uid == 0;
    let (uid, gid) = match is_root || confinement.is_root_only {
        true => (NOBODY, NOBODY),
        false => (confinement.uid, confinement.gid),
    };
    let kept = (is_root && !confinement.is_root_only).then_some(MAY_READ_ALL);
    give_up(uid, gid, kept)?;
    // What it may read is the user's to say: by now that is its own rights.
    let room = Room { written: 0, ..Room::of(&Limits::default()) };
    confine(&room, None).map(|_confined| ())
}

/// Becomes a user for good, with no other rights than that user's.
///
/// # Errors
///
/// The first step that failed. Nothing may be done for the user then. Also for
/// root, who is nobody to become.
pub fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    if uid == 0 {
        return Err(io::Error::other("root is not a user to become"));
    }
    give_up(uid, gid, None)?;
    set_no_new_privs()?;
    Ok(setrlimit(Resource::RLIMIT_CORE, 0, 0)?)
}

/// Groups, group, user, capabilities, in this order; each is checked.
fn give_up(uid: u32, gid: u32, kept: Option<u32>) -> io::Result<()> {
    // Who has the same user id must not be able to trace us.
    set_dumpable(false)?;
    set_keepcaps(kept.is_some())?;
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setgroups(&[group])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    sys::keep_only(kept)?;
    let now = (nix::unistd::getresuid()?, nix::unistd::getresgid()?);
    let is_right = [now.0.real, now.0.effective, now.0.saved].iter().all(|id| *id == user)
        && [now.1.real, now.1.effective, now.1.saved].iter().all(|id| *id == group);
    if !is_right || setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        return Err(io::Error::other("the rights of root did not go away"));
    }
    // The change of user has set it again.
    Ok(set_dumpable(false)?)
}
