//! How the tracer makes processes stand still, and lets them go on.

use std::thread;
use std::time::{Duration, Instant};

use libc::pid_t;
use rustc_hash::FxHashSet;

use super::{PATIENCE, Tracer};
use crate::base::signal::Signal;
use crate::capture::interrupted;
use crate::capture::status::{ThreadState, tasks};
use crate::capture::stops::{Hold, Resume, Stop, exit_signal, resume, resume_of};
use crate::capture::sys;

impl Tracer<'_> {
    /// Stops every thread of `process`.
    pub(super) fn hold(&mut self, crashed: Option<pid_t>, process: pid_t) -> Hold {
        let mut hold = Hold::default();
        if let Some(crashed) = crashed {
            hold.stopped.insert(crashed, Stop { resume: Resume::Deliver(0), is_exit: false });
        }
        let mut asked: FxHashSet<pid_t> = FxHashSet::default();
        // What will never stop: a first thread that has ended before the others
        // stays in the list.
        let mut gone: FxHashSet<pid_t> = FxHashSet::default();
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(20);
        loop {
            // Threads start threads until the last one has stopped.
            let tasks = tasks(process);
            let mut is_new = false;
            for tid in &tasks {
                if !hold.stopped.contains_key(tid) && asked.insert(*tid) {
                    is_new = true;
                    if sys::interrupt(*tid).is_err() {
                        gone.insert(*tid);
                    }
                }
            }
            let any = self.collect(process, &tasks, &mut hold);
            if is_new || any {
                continue;
            }
            let is_running =
                |tid: &&pid_t| !hold.stopped.contains_key(*tid) && !gone.contains(*tid);
            let running: Vec<pid_t> = tasks.iter().filter(is_running).copied().collect();
            let has_ended = |tid: &pid_t| ThreadState::read(*tid).is_none_or(|it| it.has_ended);
            let (ended, running): (Vec<pid_t>, Vec<pid_t>) =
                running.into_iter().partition(has_ended);
            gone.extend(ended);
            if running.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                hold.late = running;
                break;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
        hold
    }

    /// Takes all news there are. Returns whether there were any.
    fn collect(&mut self, process: pid_t, tasks: &[pid_t], hold: &mut Hold) -> bool {
        let tasks: FxHashSet<pid_t> = tasks.iter().copied().collect();
        let mut any = false;
        while let Ok(Some((tid, status))) = sys::wait_now() {
            any = true;
            let is_ours = tasks.contains(&tid)
                || ThreadState::read(tid).is_some_and(|state| state.process == process);
            if !libc::WIFSTOPPED(status) {
                hold.stopped.remove(&tid);
                self.ended(tid, status);
                continue;
            }
            let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
            if !is_ours {
                // One of our threads may be waiting in vfork for this very
                // one. Only another death has to wait.
                let dies =
                    || ThreadState::read(tid).is_some_and(|state| state.dies_of(Signal(signal)));
                let is_death = match event {
                    0 => dies(),
                    libc::PTRACE_EVENT_EXIT => exit_signal(tid) == Some(Signal::SYS),
                    _ => false,
                };
                if is_death {
                    hold.later.push((tid, status));
                } else {
                    self.news(tid, status);
                }
                continue;
            }
            self.threads.entry(tid).or_default();
            self.note_event(tid, event);
            let stop = Stop {
                resume: resume_of(signal, event),
                is_exit: event == libc::PTRACE_EVENT_EXIT,
            };
            hold.stopped.insert(tid, stop);
        }
        any
    }

    /// Lets all held threads go on, then handles what had to wait.
    pub(super) fn let_go(&mut self, crashed: Option<pid_t>, hold: Hold) {
        let mut broken = 0;
        for (tid, stop) in hold.stopped {
            if Some(tid) == crashed {
                continue;
            }
            // Nobody of a process that dies will miss what it waited for.
            if crashed.is_none() && stop.resume == Resume::Deliver(0) && !stop.is_exit {
                broken += usize::from(!interrupted::mend(tid));
            }
            resume(tid, stop.resume);
        }
        if let Some(told) = interrupted::told(broken) {
            self.notice(told);
        }
        for (tid, status) in hold.later {
            self.news(tid, status);
        }
    }

    /// Lets go of everybody who is left: they run on without a tracer, and may
    /// leave cores to the kernel again.
    pub(super) fn release_all(&mut self) {
        for tid in self.threads.keys() {
            let _gone = sys::give_back_core_limit(*tid);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut left: FxHashSet<pid_t> = self.threads.keys().copied().collect();
        left.retain(|tid| sys::interrupt(*tid).is_ok());
        // A new one may be seen before its maker tells of it.
        let mut let_go: FxHashSet<pid_t> = FxHashSet::default();
        while !left.is_empty() && Instant::now() < deadline {
            let (tid, status) = match sys::wait_now() {
                Ok(Some(news)) => news,
                Ok(None) => {
                    thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(_) => continue,
            };
            left.remove(&tid);
            let_go.insert(tid);
            if !libc::WIFSTOPPED(status) {
                continue;
            }
            let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
            let makes_one = matches!(
                event,
                libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK
            );
            if makes_one
                && let Ok(new) = sys::event_message(tid)
                && let Ok(new) = pid_t::try_from(new)
                && !let_go.contains(&new)
            {
                left.insert(new);
            }
            let signal = match resume_of(signal, event) {
                Resume::Deliver(signal) => signal,
                Resume::Listen => 0,
            };
            if signal == 0 && event == libc::PTRACE_EVENT_STOP {
                // Some waits would end early, with EINTR, for our sake.
                let _as_far_as_possible = interrupted::mend(tid);
            }
            let _detached = sys::detach(tid, signal);
        }
    }
}
