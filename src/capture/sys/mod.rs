//! The system calls that no crate offers safely. The only `unsafe` of
//! [`capture`](crate::capture) is here, behind functions that are safe to call.
//!
//! `nix` loses stops by real-time signals: its `waitpid` consumes them and
//! answers `EINVAL`, and its `cont` takes no signal number. The C library uses
//! 32 and 33 itself (`pthread_cancel`, `setuid`), so those would hang.
#![expect(unsafe_code, reason = "ptrace, waitpid and code before exec have no safe interface")]

pub(super) mod file_limit;
mod pidfd;
mod privilege;
pub(super) mod semaphores;
mod tracee;

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;

use libc::{c_int, c_long, c_uint, c_void, pid_t};

pub(super) use self::pidfd::{inherited, peer_pidfd, pidfd_info, pidfd_open, pidfd_send_signal};
pub(super) use self::privilege::keep_only;
pub(super) use self::tracee::{
    kill_thread, set_register, set_register_set, set_signal_mask, to_system_call, wait_now_for,
};

use crate::base::signal::Signal;
use crate::dump::siginfo::{SignalCause, SignalInfo};

/// What a child does between fork and exec.
#[derive(Clone, Copy, Debug)]
pub(super) struct BeforeExec {
    /// How it waits for its tracer. `None`: it goes on at once.
    pub(super) meeting: Option<Meeting>,
    /// Its soft core limit, when no tracer says it.
    pub(super) core_limit: CoreLimit,
    /// Whether its children's deaths go unnoticed unless it waits for them:
    /// `SIGCHLD` was ignored when we were started.
    pub(super) ignores_children: bool,
}

/// The descriptors by which a child and its tracer meet; exec closes them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting {
    /// Where the child writes its pid.
    pub(super) tell: RawFd,
    /// Where it reads one byte, a [`CoreLimit`], once the tracer is there.
    pub(super) wait: RawFd,
    /// The tracer's end of `wait`, which the child closes: it would never see
    /// the tracer's death while it holds it itself.
    pub(super) close: RawFd,
}

/// What becomes of the soft limit on the size of core files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum CoreLimit {
    /// No core: one is written by us.
    Zero,
    /// As large as the hard limit allows.
    Hard,
    /// As it was inherited.
    Inherited,
}

/// Makes the child of `command` reset what a shell may have made it ignore,
/// set its core limit, and wait until its tracer has come.
pub(super) fn before_exec(command: &mut Command, before: BeforeExec) -> &mut Command {
    // SAFETY: the closure runs in the child between fork and exec, where other
    // threads' locks may be held for ever. It takes no lock, allocates nothing
    // and touches no memory of ours: only system calls on locals, and
    // `last_os_error` only reads `errno`.
    unsafe { command.pre_exec(move || prepare(before)) }
}

fn prepare(before: BeforeExec) -> io::Result<()> {
    // A shell without job control starts background commands with both
    // ignored; then neither Ctrl-\ nor `kill -QUIT` would end the program.
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: SIG_DFL is a valid disposition and both signals may be set.
        if unsafe { libc::signal(signal, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    if before.ignores_children {
        // SAFETY: SIG_IGN is a valid disposition and the signal may be set.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
    let limit = match before.meeting {
        Some(meeting) => match meet(meeting)? {
            byte if byte == CoreLimit::Zero as u8 => CoreLimit::Zero,
            byte if byte == CoreLimit::Hard as u8 => CoreLimit::Hard,
            _ => CoreLimit::Inherited,
        },
        None => before.core_limit,
    };
    set_core_limit(limit)
}

/// Tells the tracer who we are, and waits for its byte.
fn meet(Meeting { tell, wait, close }: Meeting) -> io::Result<u8> {
    // SAFETY: closes a descriptor of the child's own copy of the table, which
    // nothing in the child uses.
    unsafe { libc::close(close) };
    let pid = std::process::id().to_ne_bytes();
    // SAFETY: `pid` is live and as long as said. The descriptor is inherited.
    let written = unsafe { libc::write(tell, pid.as_ptr().cast(), pid.len()) };
    if written != pid.len() as isize {
        return Err(io::Error::last_os_error());
    }
    let mut go = 0u8;
    loop {
        // SAFETY: `go` is live, writable and one byte long.
        let read = unsafe { libc::read(wait, ptr::from_mut(&mut go).cast(), 1) };
        match read {
            1 => return Ok(go),
            // The tracer gave up.
            0 => return Err(io::Error::from_raw_os_error(libc::ECANCELED)),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

fn set_core_limit(to: CoreLimit) -> io::Result<()> {
    if to == CoreLimit::Inherited {
        return Ok(());
    }
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable `rlimit`.
    if unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = if to == CoreLimit::Hard { limit.rlim_max } else { 0 };
    // SAFETY: `limit` is a live, initialized `rlimit`.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Waits for the next news of any child or tracee: its thread id, and the
/// status as `waitpid(2)` has it, with the ptrace event in bits 16 and up.
/// `None`: there is neither child nor tracee left.
///
/// # Errors
///
/// `Interrupted` when a signal came first.
pub(super) fn wait_any() -> io::Result<Option<(pid_t, c_int)>> {
    wait(-1, libc::__WALL)
}

/// As [`wait_any`], for what has happened already; `None`: nothing has.
pub(super) fn wait_now() -> io::Result<Option<(pid_t, c_int)>> {
    wait(-1, libc::__WALL | libc::WNOHANG)
}

fn wait(pid: pid_t, options: c_int) -> io::Result<Option<(pid_t, c_int)>> {
    let mut status = 0;
    // SAFETY: `status` is a live, writable int.
    match unsafe { libc::waitpid(pid, &raw mut status, options) } {
        0 => Ok(None),
        -1 => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
            error => Err(error),
        },
        tid => Ok(Some((tid, status))),
    }
}

/// Waits until a child stops or ends, and takes the stop, with the status as
/// `waitpid(2)` has it. `None`: it has ended, and is **not** reaped, or is gone.
///
/// # Errors
///
/// `Interrupted` when a signal came first.
pub(super) fn peek_and_take_stop(pid: pid_t) -> io::Result<Option<c_int>> {
    let all = libc::WSTOPPED | libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    loop {
        match wait_for_change(pid, all)? {
            Some((libc::CLD_TRAPPED | libc::CLD_STOPPED, _)) => (),
            _ => return Ok(None),
        }
        // It may have been killed meanwhile.
        let stop = wait_for_change(pid, libc::WSTOPPED | libc::WNOHANG | libc::__WALL)?;
        if let Some((_, status)) = stop {
            // The low bits of `waitpid`'s word say "stopped".
            return Ok(Some(status << 8 | 0x7f));
        }
    }
}

/// How a child has ended that is not reaped, as `waitpid(2)` has it; it stays
/// unreaped. `None`: it has not ended, or is no child, or is gone.
pub(super) fn status_of_ended(pid: pid_t) -> Option<c_int> {
    let ended = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    match wait_for_change(pid, ended).ok()?? {
        (libc::CLD_EXITED, status) => Some(status << 8),
        (libc::CLD_KILLED, signal) => Some(signal),
        (libc::CLD_DUMPED, signal) => Some(signal | 0x80),
        _ => None,
    }
}

/// `waitid(2)` for one child: `si_code` and `si_status`. `None`: nothing yet, or
/// no such child.
fn wait_for_change(pid: pid_t, options: c_int) -> io::Result<Option<(c_int, c_int)>> {
    // SAFETY: a `siginfo_t` is plain data, for which all zeros is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is a live, writable `siginfo_t`.
    let answer = unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, options) };
    if answer != 0 {
        return match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
            error => Err(error),
        };
    }
    // SAFETY: `waitid` fills in the member of SIGCHLD, or leaves our zeros.
    let child = unsafe { info.si_pid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    Ok((child != 0).then_some((info.si_code, status)))
}

/// Attaches to a running thread without stopping it.
pub(super) fn seize(tid: pid_t, options: c_int) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, options as usize).map(|_| ())
}

/// Changes the options of a stopped tracee.
pub(super) fn set_options(tid: pid_t, options: c_int) -> io::Result<()> {
    request(libc::PTRACE_SETOPTIONS, tid, 0, options as usize).map(|_| ())
}

/// Whether `tid` is a thread of `process`.
pub(super) fn is_thread_of(process: pid_t, tid: pid_t) -> bool {
    // SAFETY: `tgkill` takes three numbers; signal 0 only checks that the
    // thread is there.
    unsafe { libc::syscall(libc::SYS_tgkill, process, tid, 0) == 0 }
}

/// Asks a running tracee to stop.
pub(super) fn interrupt(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0).map(|_| ())
}

/// Lets a tracee in group-stop stay stopped, but tell of what comes.
pub(super) fn listen(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0, 0).map(|_| ())
}

/// Lets a stopped tracee go on and deliver `signal`, any number; 0 for none.
pub(super) fn go_on(tid: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, signal as usize).map(|_| ())
}

/// Lets go of a stopped tracee, which delivers `signal`; 0 for none.
pub(super) fn detach(tid: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize).map(|_| ())
}

/// What a ptrace event tells: the new thread's id, the exit status.
pub(super) fn event_message(tid: pid_t) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    request(libc::PTRACE_GETEVENTMSG, tid, 0, ptr::from_mut(&mut message).expose_provenance())?;
    Ok(message)
}

/// The `siginfo_t` of a tracee in signal-delivery-stop.
pub(super) fn signal_info(tid: pid_t) -> io::Result<[u8; 128]> {
    let mut info = [0u8; 128];
    let at = info.as_mut_ptr().expose_provenance();
    request(libc::PTRACE_GETSIGINFO, tid, 0, at)?;
    Ok(info)
}

/// A register set of a stopped tracee: `NT_PRSTATUS` (here only `pr_reg`),
/// `NT_PRFPREG`, `NT_X86_XSTATE`. At most 64 KiB.
pub(super) fn register_set(tid: pid_t, kind: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0u8; 64 << 10];
    let mut vector =
        libc::iovec { iov_base: bytes.as_mut_ptr().cast::<c_void>(), iov_len: bytes.len() };
    let at = ptr::from_mut(&mut vector).expose_provenance();
    request(libc::PTRACE_GETREGSET, tid, kind as usize, at)?;
    bytes.truncate(vector.iov_len);
    // A thousand threads would keep 128 MiB.
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// The signal mask of a stopped tracee: bit N-1 for signal N.
pub(super) fn signal_mask(tid: pid_t) -> io::Result<u64> {
    const PTRACE_GETSIGMASK: c_uint = 0x420a;
    let mut mask = 0u64;
    let at = ptr::from_mut(&mut mask).expose_provenance();
    request(PTRACE_GETSIGMASK, tid, size_of::<u64>(), at)?;
    Ok(mask)
}

/// One ptrace request. `data` is a number, or the exposed address of memory
/// that the callers above keep alive and large enough for what the request
/// writes there: one word, 128 bytes, an `iovec` with its buffer.
fn request(request: c_uint, tid: pid_t, address: usize, data: usize) -> io::Result<c_long> {
    let (address, data) = (
        ptr::without_provenance_mut::<c_void>(address),
        ptr::with_exposed_provenance_mut::<c_void>(data),
    );
    // SAFETY: the requests used here read and write nothing of ours but what
    // `data` points at, which each caller has made of the size that the
    // request wants (ptrace(2)). A wrong tid is refused by the kernel.
    let answer = unsafe { libc::ptrace(request, tid, address, data) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// The first page from `start` on, and below `end`, that is in memory or swapped
/// out, by its address. `page_map` is a process's `pagemap`.
///
/// # Errors
///
/// When the kernel is older than 6.7.
pub(super) fn first_page(
    page_map: BorrowedFd<'_>,
    start: u64,
    end: u64,
) -> io::Result<Option<u64>> {
    /// `_IOWR('f', 16, struct pm_scan_arg)`. Source of this and of both
    /// layouts: Linux `include/uapi/linux/fs.h`.
    const PAGEMAP_SCAN: libc::c_ulong = 0xc060_6610;
    /// `PAGE_IS_PRESENT | PAGE_IS_SWAPPED`.
    const EXISTS: u64 = 1 << 3 | 1 << 4;
    // struct page_region: start, end, categories.
    let mut region = [0u64; 3];
    // struct pm_scan_arg: size, flags, start, end, walk_end, vec, vec_len,
    // max_pages, category_inverted, category_mask, category_anyof_mask,
    // return_mask.
    let vector = ptr::from_mut(&mut region).expose_provenance() as u64;
    let mut argument: [u64; 12] =
        [size_of::<[u64; 12]>() as u64, 0, start, end, 0, vector, 1, 1, 0, 0, EXISTS, EXISTS];
    // SAFETY: the kernel reads and writes the 96 bytes of `argument`, and writes
    // at most one `page_region`, 24 bytes, to `region`. Both are live.
    let found = unsafe { libc::ioctl(page_map.as_raw_fd(), PAGEMAP_SCAN, &raw mut argument) };
    match found {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        _ => {
            let [first, ..] = region;
            Ok(Some(first))
        }
    }
}

/// Whether a file has the extended attribute `name`.
pub(super) fn has_attribute(path: &std::ffi::CStr, name: &std::ffi::CStr) -> bool {
    // SAFETY: both strings end in NUL; with size 0 nothing is written.
    unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), ptr::null_mut(), 0) > 0 }
}

/// The extended attribute `name` of a file, which is not followed if it is a
/// link. At most 4 KiB.
pub(super) fn attribute(path: &std::path::Path, name: &std::ffi::CStr) -> io::Result<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let mut value = vec![0u8; 4096];
    let at = value.as_mut_ptr().cast::<c_void>();
    // SAFETY: both strings end in NUL, and `at` is live, writable memory of the
    // length that is said.
    let len = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), at, value.len()) };
    let len = usize::try_from(len).map_err(|_negative| io::Error::last_os_error())?;
    value.truncate(len);
    Ok(value)
}

/// Gives a process the soft core limit that we have ourselves, since we had
/// taken its own away.
pub(super) fn give_back_core_limit(pid: pid_t) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable `rlimit`.
    if unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `limit` is a live, initialized `rlimit`; the old one is not asked
    // for.
    let set = unsafe { libc::prlimit(pid, libc::RLIMIT_CORE, &raw const limit, ptr::null_mut()) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes orphans of our descendants our own children.
pub(super) fn become_subreaper() -> io::Result<()> {
    // SAFETY: PR_SET_CHILD_SUBREAPER takes one number and touches no memory.
    let answer = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps the kernel from dumping a core of us, whoever gets cores.
pub(super) fn become_undumpable() -> io::Result<()> {
    // SAFETY: PR_SET_DUMPABLE takes one number and touches no memory.
    let answer = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits for one of `signals`, which the thread has blocked, and says who sent
/// it.
///
/// # Errors
///
/// `Interrupted` when we have been stopped and continued.
pub(super) fn wait_for_signal(signals: &nix::sys::signal::SigSet) -> io::Result<SignalInfo> {
    // SAFETY: a `siginfo_t` is plain data, for which all zeros is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right types.
    let signal = unsafe { libc::sigwaitinfo(signals.as_ref(), &raw mut info) };
    if signal < 0 {
        return Err(io::Error::last_os_error());
    }
    let cause = if info.si_code == libc::SI_KERNEL {
        SignalCause::Kernel
    } else {
        // SAFETY: reads a member of the union, which is plain data in any case.
        let pid = unsafe { info.si_pid() };
        // SAFETY: as for the pid.
        let uid = unsafe { info.si_uid() };
        SignalCause::Sent { pid, uid }
    };
    Ok(SignalInfo { signal: Signal(signal), code: Some(info.si_code), cause })
}

/// Sends a signal of any number to a process.
pub(super) fn kill(pid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: takes two numbers and touches no memory.
    if unsafe { libc::kill(pid, signal) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A pipe whose ends are closed by exec.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(io::Error::from)
}

/// Reads all of `out` from a descriptor, or fewer bytes at its end.
pub(super) fn read_fully(from: BorrowedFd<'_>, out: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match nix::unistd::read(from, rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(nix::errno::Errno::EINTR) => (),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
}

/// Changes what a signal does to us, to a disposition without a handler of
/// ours or back to a former one, and returns the former one.
pub(super) fn set_action(
    signal: nix::sys::signal::Signal,
    action: &nix::sys::signal::SigAction,
) -> io::Result<nix::sys::signal::SigAction> {
    // SAFETY: unsafe because a handler may do what is not safe in one. Callers
    // pass SIG_IGN, or what this function has returned, which was in force.
    unsafe { nix::sys::signal::sigaction(signal, action) }.map_err(io::Error::from)
}
