//! Descriptors of processes: what the kernel says of whom they pin.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

use libc::{c_int, c_ulong, c_void};

/// `struct pidfd_info` as far as Linux 6.16 fills it in: two `u64`, then `u32`.
/// Source: Linux `include/uapi/linux/pidfd.h`.
const INFO_SIZE: usize = 72;
/// `_IOWR(0xFF, 11, struct pidfd_info)` for that size.
const PIDFD_GET_INFO: c_ulong = 0xc000_ff0b | (INFO_SIZE as c_ulong) << 16;

/// Asks the kernel about the process behind `pidfd`: the raw `pidfd_info`, in
/// the byte order of this machine. `mask` says what is wanted.
pub(in crate::capture) fn pidfd_info(
    pidfd: BorrowedFd<'_>,
    mask: u64,
) -> io::Result<[u8; INFO_SIZE]> {
    // Words, so that it is aligned as the kernel's structure is.
    let mut info = [0u64; INFO_SIZE / 8];
    if let Some(first) = info.first_mut() {
        *first = mask;
    }
    // SAFETY: the kernel reads and writes as many bytes as the request number
    // says, 72, which is the size of `info`, live and writable.
    let done = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, info.as_mut_ptr()) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut bytes = [0; INFO_SIZE];
    for (out, word) in bytes.chunks_exact_mut(8).zip(info) {
        out.copy_from_slice(&word.to_ne_bytes());
    }
    Ok(bytes)
}

/// The process at the other end of a Unix socket, pinned. Since Linux 6.5.
pub(in crate::capture) fn peer_pidfd(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const SO_PEERPIDFD: c_int = 77;
    let mut fd: RawFd = -1;
    let mut len = size_of::<RawFd>() as libc::socklen_t;
    let at = ptr::from_mut(&mut fd).cast::<c_void>();
    let socket = socket.as_raw_fd();
    // SAFETY: `fd` is a live, writable int, and `len` says so.
    let done =
        unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, SO_PEERPIDFD, at, &raw mut len) };
    if done != 0 || fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Pins a process by its id.
pub(in crate::capture) fn pidfd_open(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = RawFd::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal of any number to the process that `pidfd` pins. One that has
/// ended gets nothing, whoever has its id now.
pub(in crate::capture) fn pidfd_send_signal(
    pidfd: BorrowedFd<'_>,
    signal: c_int,
) -> io::Result<()> {
    let (fd, none) = (pidfd.as_raw_fd(), ptr::null::<c_void>());
    // SAFETY: takes numbers; without a `siginfo_t` no memory is touched.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, 0) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes over a descriptor that this program was started with. `None`: it is
/// not open. Each number may be taken once, before anything else opens files.
pub(in crate::capture) fn inherited(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: takes numbers and touches no memory.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return None;
    }
    // SAFETY: it is open, and whoever started us gave it to us.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}
