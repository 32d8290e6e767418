//! Requests that change a stopped thread, and then change it back.

use std::io;
use std::ptr;

use libc::{c_int, c_uint, c_void, pid_t};

use super::{request, wait};

/// As [`wait_now`](super::wait_now), for one thread alone.
pub(in crate::capture) fn wait_now_for(tid: pid_t) -> io::Result<Option<(pid_t, c_int)>> {
    wait(tid, libc::__WALL | libc::WNOHANG)
}

/// Sets one word of a stopped thread's `user_regs_struct`, by its index.
pub(in crate::capture) fn set_register(tid: pid_t, index: usize, value: u64) -> io::Result<()> {
    // The registers are the first member of `struct user`.
    request(libc::PTRACE_POKEUSER, tid, index * size_of::<u64>(), value as usize).map(|_| ())
}

/// Sets a register set of a stopped thread, as
/// [`register_set`](super::register_set) gave it.
pub(in crate::capture) fn set_register_set(tid: pid_t, kind: u32, bytes: &[u8]) -> io::Result<()> {
    // The kernel only reads it.
    let start = bytes.as_ptr().cast_mut().cast::<c_void>();
    let mut vector = libc::iovec { iov_base: start, iov_len: bytes.len() };
    let at = ptr::from_mut(&mut vector).expose_provenance();
    request(libc::PTRACE_SETREGSET, tid, kind as usize, at).map(|_| ())
}

/// Sets the signal mask of a stopped thread: bit N-1 for signal N.
pub(in crate::capture) fn set_signal_mask(tid: pid_t, mask: u64) -> io::Result<()> {
    const PTRACE_SETSIGMASK: c_uint = 0x420b;
    let mut mask = mask;
    let at = ptr::from_mut(&mut mask).expose_provenance();
    request(PTRACE_SETSIGMASK, tid, size_of::<u64>(), at).map(|_| ())
}

/// Lets a stopped thread go on to the beginning or the end of a system call.
pub(in crate::capture) fn to_system_call(tid: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_SYSCALL, tid, 0, signal as usize).map(|_| ())
}

/// Sends a signal of any number to one thread.
pub(in crate::capture) fn kill_thread(process: pid_t, tid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: takes three numbers and touches no memory.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, process, tid, signal) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
