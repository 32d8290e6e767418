//! Which threads stop once more when they end.
//!
//! The exit stop is the only one before a death by a seccomp filter. It makes
//! a short thread cost half as much again, so a thread other than a process's
//! first goes without it, unless its process has a filter. Where that was
//! wrong, since the filter came after the thread, it is seen by the end of the
//! first thread, and said.

use libc::{c_int, pid_t};
use rustc_hash::FxHashMap;

use crate::capture::status::ThreadState;
use crate::capture::sys;
use crate::capture::trace::OPTIONS;

/// A filter is looked for at each of the first threads of a process.
const FIRST: u32 = 32;

/// And then at one of so many.
const STEP: u32 = 16;

/// Who has exit stops.
#[derive(Debug, Default)]
pub(super) struct ExitStops {
    /// Filters that all our descendants have from us.
    own_filters: u32,
    /// The process that started a thread last.
    last: pid_t,
    processes: FxHashMap<pid_t, Filtering>,
    /// Threads without an exit stop, and their processes.
    without: FxHashMap<pid_t, pid_t>,
}

/// What is known of a process with threads.
#[derive(Debug, Default)]
struct Filtering {
    /// Threads that it has started.
    started: u32,
    has_filter: bool,
    /// A thread without an exit stop that a filter has ended.
    ended: Option<pid_t>,
}

impl ExitStops {
    pub(super) fn new(main: pid_t) -> Self {
        let own = i32::try_from(std::process::id()).ok().and_then(ThreadState::read);
        let own_filters = own.map_or(0, |state| state.filters);
        Self { own_filters, last: main, ..Self::default() }
    }

    /// A thread starts another one.
    pub(super) fn starts_thread(&mut self, creator: pid_t) {
        let is_known = creator == self.last || self.without.get(&creator) == Some(&self.last);
        if !is_known && let Some(state) = ThreadState::read(creator) {
            self.last = state.process;
        }
    }

    /// A thread stands in its first stop, or in a later one of that kind: now
    /// its options can be set. It has inherited those of its creator.
    pub(super) fn stopped(&mut self, tid: pid_t) {
        // A first thread keeps what exec gave it.
        if tid == self.last || self.without.contains_key(&tid) {
            return;
        }
        let is_thread = sys::is_thread_of(self.last, tid);
        let has_exit_stop = !is_thread || self.may_be_filtered(tid);
        let options = if has_exit_stop { OPTIONS } else { OPTIONS & !libc::PTRACE_O_TRACEEXIT };
        if sys::set_options(tid, options).is_ok() && !has_exit_stop {
            self.without.insert(tid, self.last);
        }
    }

    /// Whether the process of a new thread has a filter.
    fn may_be_filtered(&mut self, tid: pid_t) -> bool {
        let process = self.processes.entry(self.last).or_default();
        let is_due = process.started < FIRST || process.started.is_multiple_of(STEP);
        process.started = process.started.saturating_add(1);
        if !process.has_filter && is_due {
            let state = ThreadState::read(tid);
            process.has_filter = state.is_none_or(|state| state.filters > self.own_filters);
        }
        process.has_filter
    }

    /// A process has become another program, by the thread that was `former`.
    pub(super) fn executes(&mut self, process: pid_t, former: Option<pid_t>) {
        self.processes.remove(&process);
        self.without.remove(&process);
        if let Some(former) = former {
            self.without.remove(&former);
        }
    }

    /// A thread is gone, with this wait status. Returns a thread of its process
    /// that a filter alone has ended before.
    pub(super) fn ended(&mut self, tid: pid_t, status: c_int) -> Option<pid_t> {
        let by_filter = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS;
        if let Some(process) = self.without.remove(&tid) {
            if by_filter && let Some(process) = self.processes.get_mut(&process) {
                process.ended = Some(tid);
            }
            return None;
        }
        let process = self.processes.remove(&tid)?;
        process.ended.filter(|_| !by_filter)
    }
}

/// Whether a thread in its exit stop ends because of a system call of its own
/// that a filter forbids, and not of another thread's.
pub(super) fn broke_a_filter(tid: pid_t) -> bool {
    /// Of `pr_reg`: `arch/x86/include/uapi/asm/ptrace-abi.h`.
    const RAX: usize = 10;
    const ORIG_RAX: usize = 15;
    let Ok(registers) = sys::register_set(tid, 1) else { return false };
    let word = |index: usize| {
        let word = registers.chunks_exact(8).nth(index)?;
        word.try_into().ok().map(i64::from_ne_bytes)
    };
    let (Some(result), Some(call)) = (word(RAX), word(ORIG_RAX)) else { return false };
    // A call that a filter forbids is rolled back, so that %rax is its
    // number again, or has not been made when a thread alone is ended. One
    // that another thread's death interrupts has a result, and outside of
    // calls there is no number. Source: Linux kernel/seccomp.c,
    // __seccomp_filter(); arch/x86/entry/common.c.
    call >= 0 && (result == call || result == -i64::from(libc::ENOSYS))
}

/// What is said of a process that was killed for the call of a thread without
/// an exit stop.
pub(super) fn unseen(process: pid_t) -> String {
    format!(
        "a seccomp filter has killed process {process} for a system call of a thread that is \
         older than the filter, so its stack could not be seen; the kernel's log may name the \
         call (dmesg, audit)"
    )
}

/// The same of a thread that alone was ended.
pub(super) fn unseen_thread(process: pid_t, thread: pid_t) -> String {
    format!(
        "a seccomp filter has ended thread {thread} of process {process}, which ran on; the \
         filter is younger than the thread, so its stack could not be seen"
    )
}
