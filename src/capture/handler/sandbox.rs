//! Where an untrusted core is read: with no privilege, little room, and few
//! system calls.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use nix::sys::prctl::{set_dumpable, set_keepcaps, set_no_new_privs};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, chroot, fchdir, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::capture::sys;

/// Nobody: what is left for dumps that only root may read.
const NOBODY: u32 = 65_534;
/// `CAP_DAC_READ_SEARCH`.
const MAY_READ_ALL: u32 = 2;
/// Bytes of memory of its own.
const MEMORY: u64 = 4 << 30;
/// Seconds of processor time.
const PROCESSOR: u64 = 120;

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
    set_no_new_privs()?;
    for (resource, most) in [
        (Resource::RLIMIT_DATA, MEMORY),
        (Resource::RLIMIT_CPU, PROCESSOR),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 1024),
    ] {
        setrlimit(resource, most, most)?;
    }
    seccompiler::apply_filter_all_threads(&filter()?).map_err(io::Error::other)
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
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
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
    Ok(set_dumpable(false)?)
}

/// What an analysis needs: to read files, to have memory and threads, to write
/// to what is open. No network, no other processes, no new files.
///
/// What is refused looks like an old kernel, to which the C library knows an
/// answer: `clone3`, whose flags a filter cannot see, becomes `clone`.
fn filter() -> io::Result<BpfProgram> {
    let free = [
        libc::SYS_read,
        libc::SYS_pread64,
        libc::SYS_readv,
        libc::SYS_preadv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_readlink,
        libc::SYS_readlinkat,
        libc::SYS_access,
        libc::SYS_faccessat,
        libc::SYS_getdents64,
        libc::SYS_getcwd,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_geteuid,
        libc::SYS_getuid,
        libc::SYS_poll,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_sysinfo,
        libc::SYS_uname,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        free.into_iter().map(|number| (number, Vec::new())).collect();
    let argument = |index: u8, mask: u64, value: u64| -> io::Result<SeccompCondition> {
        let op = SeccompCmpOp::MaskedEq(mask);
        SeccompCondition::new(index, SeccompCmpArgLen::Qword, op, value).map_err(io::Error::other)
    };
    let rule = |conditions| SeccompRule::new(conditions).map_err(io::Error::other);
    let threads = (libc::CLONE_THREAD | libc::CLONE_VM) as u64;
    let changes = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND) as u64;
    let execute = libc::PROT_EXEC as u64;
    for (number, index, mask, value) in [
        (libc::SYS_clone, 0, threads, threads),
        (libc::SYS_open, 1, changes, 0),
        (libc::SYS_openat, 2, changes, 0),
        (libc::SYS_mmap, 2, execute, 0),
        (libc::SYS_mprotect, 2, execute, 0),
        // Limits may be read, not set.
        (libc::SYS_prlimit64, 2, u64::MAX, 0),
    ] {
        rules.insert(number, vec![rule(vec![argument(index, mask, value)?])?]);
    }
    // Threads get names.
    let name = rule(vec![argument(0, u64::MAX, libc::PR_SET_NAME as u64)?])?;
    rules.insert(libc::SYS_prctl, vec![name]);
    let get_flags = [libc::F_GETFD, libc::F_GETFL, libc::F_SETFD, libc::F_DUPFD_CLOEXEC];
    let of_fcntl = |command: &libc::c_int| rule(vec![argument(1, u64::MAX, *command as u64)?]);
    rules.insert(
        libc::SYS_fcntl,
        get_flags.iter().map(of_fcntl).collect::<io::Result<Vec<SeccompRule>>>()?,
    );
    let refused = SeccompAction::Errno(libc::ENOSYS as u32);
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, TargetArch::x86_64);
    filter.map_err(io::Error::other)?.try_into().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_compiles() {
        assert!(filter().unwrap().len() > 50);
    }
}
