//! The filter of system calls.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// What an analysis needs: to read files, to have memory and threads, to write
/// to what is open. No network, no other processes, no new files.
///
/// What is refused looks like an old kernel, to which the C library knows an
/// answer: `clone3`, whose flags a filter cannot see, becomes `clone`.
pub(super) fn filter() -> io::Result<BpfProgram> {
    let free = [
        libc::SYS_read,
        libc::SYS_pread64,
        libc::SYS_readv,
        libc::SYS_preadv,
        libc::SYS_write,
        libc::SYS_pwrite64,
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
