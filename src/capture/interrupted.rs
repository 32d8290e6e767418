//! System calls that a stop breaks off, and how they go on.
//!
//! The kernel takes most of them up again by itself. A few return `EINTR`
//! after every stop, even without a handler, and a program that expects none
//! fails. So do those that a traced thread is in when it is sent a signal that
//! it ignores. Source: signal(7), "Interruption of system calls and library
//! functions by stop signals"; Linux `fs/eventpoll.c`, `ep_poll()`;
//! `kernel/signal.c`, `do_sigtimedwait()`; `ipc/sem.c`, `do_semtimedop()`.

use libc::{c_long, pid_t};

use crate::base::signal::Signal;
use crate::capture::status::ThreadState;
use crate::capture::sys;

/// The kernel's own answer for "take it up again, unless a handler runs".
/// Source: Linux `include/linux/errno.h`.
const ERESTARTNOHAND: i64 = 514;

/// The longest wait, in milliseconds, that is begun anew: so much later its end
/// may come. The end of a longer one would come too late, and the program is
/// told `EINTR`, as after each stop.
const SHORT: i64 = 1_000;

/// Indices of `user_regs_struct`.
const R10: usize = 7;
const RAX: usize = 10;
const RDX: usize = 12;
const ORIG_RAX: usize = 15;

/// Makes the system call of a thread in an interrupt stop go on, where the
/// kernel would not. False: it ends with `EINTR`, which the program sees.
pub(super) fn mend(tid: pid_t) -> bool {
    match Broken::of(tid) {
        None => true,
        Some(broken) => broken.begins_anew && begin_anew(tid),
    }
}

/// Makes the system call of a thread go on that is about to be given a signal
/// which it ignores. Without a tracer the kernel would not even have woken it
/// up. Source: Linux `kernel/signal.c`, `sig_ignored()`.
pub(super) fn mend_ignored(tid: pid_t, signal: Signal) {
    // The registers first: mostly it was in no such call, and no file is read.
    if Broken::of(tid).is_some_and(|broken| broken.begins_anew)
        && ThreadState::read(tid).is_some_and(|state| state.is_deaf_to(signal))
    {
        let _as_far_as_possible = begin_anew(tid);
    }
}

/// What is said of threads whose system call could not go on.
pub(super) fn told(threads: usize) -> Option<String> {
    let threads = match threads {
        0 => return None,
        1 => "1 thread was".to_owned(),
        many => format!("{many} threads were"),
    };
    Some(format!(
        "{threads} in a system call that ends early, with EINTR, after each stop of the process"
    ))
}

fn begin_anew(tid: pid_t) -> bool {
    sys::set_register(tid, RAX, (-ERESTARTNOHAND).cast_unsigned()).is_ok()
}

/// A system call that ends with `EINTR`.
struct Broken {
    /// Whether it may be begun anew.
    begins_anew: bool,
}

impl Broken {
    /// That of a stopped thread, if it is in one.
    fn of(tid: pid_t) -> Option<Self> {
        const GENERAL: u32 = 1;
        let bytes = sys::register_set(tid, GENERAL).ok()?;
        let word = |index: usize| {
            let bytes = bytes.get(index * 8..)?.first_chunk::<8>()?;
            Some(i64::from_le_bytes(*bytes))
        };
        let (call, answer) = (word(ORIG_RAX)?, word(RAX)?);
        if call < 0 || answer != -i64::from(libc::EINTR) {
            return None;
        }
        let begins_anew = match Wait::of(call) {
            Some(Wait::Milliseconds) => word(R10).is_some_and(|wait| {
                // An int: the upper half of the register is not the call's.
                let wait = wait as i32;
                wait < 0 || i64::from(wait) <= SHORT
            }),
            Some(Wait::TimeAt(index)) => word(index) == Some(0),
            Some(Wait::Endless) => true,
            None => false,
        };
        Some(Self { begins_anew })
    }
}

/// Where a system call is told how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// In its fourth argument, -1 for no end.
    Milliseconds,
    /// In a `timespec` at the address in this register, NULL for no end.
    TimeAt(usize),
    /// It is not: it waits without an end.
    Endless,
}

impl Wait {
    /// Only of calls that have done nothing when they answer `EINTR`.
    fn of(call: c_long) -> Option<Self> {
        match call {
            libc::SYS_epoll_wait | libc::SYS_epoll_pwait => Some(Self::Milliseconds),
            libc::SYS_epoll_pwait2 | libc::SYS_semtimedop => Some(Self::TimeAt(R10)),
            libc::SYS_rt_sigtimedwait => Some(Self::TimeAt(RDX)),
            libc::SYS_semop => Some(Self::Endless),
            _ => None,
        }
    }
}
