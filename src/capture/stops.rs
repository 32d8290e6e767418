//! The stops of a traced thread: what they mean, and how it goes on from there.

use libc::{c_int, pid_t};
use rustc_hash::FxHashMap;

use crate::base::signal::Signal;
use crate::capture::sys;

/// What a stopped thread needs to go on as if nobody had held it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// Deliver this signal; 0 for none.
    Deliver(c_int),
    /// Stay in its group-stop.
    Listen,
}

/// The stop of a held thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// How it goes on.
    pub(super) resume: Resume,
    /// It was about to end.
    pub(super) is_exit: bool,
}

/// A process at rest.
#[derive(Default)]
pub(super) struct Hold {
    /// Its stopped threads.
    pub(super) stopped: FxHashMap<pid_t, Stop>,
    /// Threads that did not stop in time.
    pub(super) late: Vec<pid_t>,
    /// News of other processes.
    pub(super) later: Vec<(pid_t, c_int)>,
}

/// The signal that ends a thread in its exit stop.
pub(super) fn exit_signal(tid: pid_t) -> Option<Signal> {
    let status = sys::event_message(tid).ok().and_then(|status| c_int::try_from(status).ok())?;
    libc::WIFSIGNALED(status).then(|| Signal(libc::WTERMSIG(status)))
}

/// How a thread in this stop goes on.
pub(super) fn resume_of(signal: c_int, event: c_int) -> Resume {
    const GROUP_STOPS: [c_int; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    match event {
        0 => Resume::Deliver(signal),
        libc::PTRACE_EVENT_STOP if GROUP_STOPS.contains(&signal) => Resume::Listen,
        _ => Resume::Deliver(0),
    }
}

/// Lets a stopped thread go on. One that has been killed meanwhile cannot, and
/// need not.
pub(super) fn resume(tid: pid_t, how: Resume) {
    let _gone = match how {
        Resume::Deliver(signal) => sys::go_on(tid, signal),
        Resume::Listen => sys::listen(tid),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_and_how_they_end() {
        let cases = [
            ("a signal is delivered", libc::SIGSEGV, 0, Resume::Deliver(11)),
            ("of any number", 40, 0, Resume::Deliver(40)),
            ("so is one that will stop the process", libc::SIGSTOP, 0, Resume::Deliver(19)),
            ("a stopped process stays so", libc::SIGTSTP, 128, Resume::Listen),
            ("we had asked it to stop", libc::SIGTRAP, 128, Resume::Deliver(0)),
            ("it has forked", libc::SIGTRAP, libc::PTRACE_EVENT_FORK, Resume::Deliver(0)),
        ];
        for (name, signal, event, want) in cases {
            assert_eq!(resume_of(signal, event), want, "{name}");
        }
    }
}
