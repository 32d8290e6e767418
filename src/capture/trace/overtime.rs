//! Processes that run on when the time that they were given is over.

use std::time::Duration;

use libc::pid_t;

use super::{Shown, Tracer};
use crate::base::count::span;
use crate::base::signal::Signal;
use crate::capture::launch::Event;
use crate::capture::status::ThreadState;
use crate::capture::sys;
use crate::capture::timeout::{Ending, Runtime, Step};

impl Tracer<'_> {
    /// The processes that are left, the main one first.
    pub(super) fn processes(&self) -> Vec<pid_t> {
        let states = self.threads.keys().filter_map(|tid| ThreadState::read(*tid));
        let mut processes: Vec<pid_t> =
            states.filter(|state| !state.has_ended).map(|state| state.process).collect();
        processes.sort_unstable_by_key(|process| (*process != self.main, *process));
        processes.dedup();
        processes
    }

    /// The time has run out: a look at all processes first, then a signal.
    pub(super) fn overdue(&mut self, ending: &mut Ending) {
        let runtime = Runtime::of(self.main);
        match ending.step(runtime) {
            Step::Look(after) => {
                for process in self.processes() {
                    self.look(process, after);
                }
            }
            Step::Send(signal) => {
                let sent: Vec<String> = self
                    .processes()
                    .into_iter()
                    .filter(|process| sys::kill(*process, signal).is_ok())
                    .map(|process| process.to_string())
                    .collect();
                let what = if signal == libc::SIGQUIT { runtime.on_quit() } else { "" };
                self.notice(format!(
                    "it runs still: {} sent to process {}{what}",
                    Signal(signal).name(),
                    sent.join(", ")
                ));
            }
        }
    }

    /// Shows what a process is doing, and lets it go on.
    fn look(&mut self, process: pid_t, after: Duration) {
        let hold = self.hold(None, process);
        let first = match hold.stopped.contains_key(&process) {
            true => Some(process),
            false => hold.stopped.keys().copied().min(),
        };
        if let Some(first) = first {
            self.show(Shown { tid: first, process, signal: None, info: None }, &hold, |stopped| {
                Event::Overdue(stopped, after)
            });
        } else {
            self.notice(format!(
                "process {process} runs still, after {}; what its threads do cannot be looked at: \
                 it is not traced, or does not stop",
                span(after)
            ));
        }
        self.let_go(None, hold);
    }
}
