//! Holding a process that was not started by us, and letting it go unharmed.

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, pid_t};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::capture::error::CaptureError;
use crate::capture::interrupted;
use crate::capture::live::{Held, Stopped};
use crate::capture::refusal;
use crate::capture::status::ThreadState;
use crate::capture::stops::{Resume, resume_of};
use crate::capture::sys;
use crate::capture::trace::Kin;

/// How long threads have to stop. One inside vfork stops only when its child
/// ends or execs.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a thread that was late has to stop, so that it can be let go of.
const LAST_PATIENCE: Duration = Duration::from_millis(50);

/// A process of which all threads that can be stopped stand still.
///
/// Only the thread that made it may use it: ptrace binds tracees to the thread
/// that attached. Dropping it lets the process go.
pub(super) struct Attached {
    process: pid_t,
    /// By thread: what it is given when it goes on.
    stopped: FxHashMap<pid_t, Resume>,
    late: Vec<pid_t>,
    /// Signals that came when they could not be delivered.
    owed: Vec<(pid_t, c_int)>,
    began: Instant,
    _not_send: PhantomData<*const ()>,
}

impl Attached {
    /// Stops all threads of a process.
    ///
    /// # Errors
    ///
    /// When it may not be traced, with the reason.
    pub(super) fn new(process: pid_t) -> Result<Self, CaptureError> {
        refusal::check(process)?;
        let mut attached = Self {
            process,
            stopped: FxHashMap::default(),
            late: Vec::new(),
            owed: Vec::new(),
            began: Instant::now(),
            _not_send: PhantomData,
        };
        // All are seized before the first one is stopped: that keeps the pause
        // short.
        let mut seized: FxHashSet<pid_t> = FxHashSet::default();
        for tid in tasks(process) {
            match seize(tid) {
                Ok(()) => drop(seized.insert(tid)),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => (),
                // A first thread that has ended before the others.
                Err(_) if ThreadState::read(tid).is_none_or(|state| state.has_ended) => (),
                Err(error) => return Err(refusal::explained(process, error)),
            }
        }
        if seized.is_empty() {
            let gone = io::Error::from_raw_os_error(libc::ESRCH);
            return Err(refusal::explained(process, gone));
        }
        attached.began = Instant::now();
        attached.stop_all(seized);
        Ok(attached)
    }

    /// Stops those in `seized`, and those that they start meanwhile.
    fn stop_all(&mut self, seized: FxHashSet<pid_t>) {
        let deadline = Instant::now() + PATIENCE;
        let mut running = seized;
        for tid in &running {
            let _gone = sys::interrupt(*tid);
        }
        let mut known = running.clone();
        let mut pause = Duration::from_micros(20);
        loop {
            let any = self.collect(&mut running);
            if running.is_empty() {
                // Threads start threads until the last one has stopped.
                for tid in tasks(self.process) {
                    if known.insert(tid) && sys::seize(tid, 0).is_ok() {
                        let _gone = sys::interrupt(tid);
                        running.insert(tid);
                    }
                }
                if running.is_empty() {
                    break;
                }
                continue;
            }
            if any {
                continue;
            }
            running.retain(|tid| ThreadState::read(*tid).is_some_and(|state| !state.has_ended));
            if Instant::now() > deadline {
                self.late = running.into_iter().collect();
                self.late.sort_unstable();
                break;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
    }

    /// Takes all news there are. Returns whether there were any.
    fn collect(&mut self, running: &mut FxHashSet<pid_t>) -> bool {
        let mut any = false;
        let waiting: Vec<pid_t> = running.iter().copied().collect();
        for tid in waiting {
            let Ok(Some((_, status))) = sys::wait_now_for(tid) else { continue };
            any = true;
            running.remove(&tid);
            if libc::WIFSTOPPED(status) {
                let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
                self.stopped.insert(tid, resume_of(signal, event));
            }
        }
        any
    }

    /// What it is, with all registers.
    pub(super) fn stopped(&self) -> Stopped {
        // The first thread first: nobody crashed.
        let first = match self.stopped.contains_key(&self.process) {
            true => self.process,
            false => self.stopped.keys().copied().min().unwrap_or(self.process),
        };
        let mut others: Vec<pid_t> =
            self.stopped.keys().copied().filter(|tid| *tid != first).collect();
        others.sort_unstable();
        Stopped::new(Held {
            process: self.process,
            crashed: first,
            signal: None,
            info: None,
            handled_fault: None,
            is_main: false,
            others,
            late: self.late.clone(),
            kin: Kin::default(),
        })
    }

    /// The process.
    pub(super) fn process(&self) -> pid_t {
        self.process
    }

    /// Its threads that stand still and are given nothing when they go on.
    pub(super) fn idle_threads(&self) -> impl Iterator<Item = pid_t> {
        self.stopped.iter().filter(|(_, how)| **how == Resume::Deliver(0)).map(|(tid, _)| *tid)
    }

    /// Has `signal` sent to a thread again once it has been let go.
    pub(super) fn owe(&mut self, tid: pid_t, signal: c_int) {
        self.owed.push((tid, signal));
    }

    /// Lets it go, and says for how long it was held.
    pub(super) fn release(mut self) -> Released {
        self.let_go()
    }

    fn let_go(&mut self) -> Released {
        let mut released = Released::default();
        for (tid, how) in std::mem::take(&mut self.stopped) {
            let signal = match how {
                Resume::Deliver(signal) => signal,
                Resume::Listen => 0,
            };
            if signal == 0 {
                released.broken_waits += usize::from(!interrupted::mend(tid));
            }
            let _gone = sys::detach(tid, signal);
        }
        released.pause = self.began.elapsed();
        for (tid, signal) in std::mem::take(&mut self.owed) {
            let _gone = sys::kill_thread(self.process, tid, signal);
        }
        // Whoever was late may stop only now.
        let deadline = Instant::now() + LAST_PATIENCE;
        let mut late = std::mem::take(&mut self.late);
        while !late.is_empty() && Instant::now() < deadline {
            late.retain(|tid| match sys::wait_now_for(*tid) {
                Ok(Some((_, status))) if libc::WIFSTOPPED(status) => {
                    let event = status >> 16;
                    let signal = if event == 0 { libc::WSTOPSIG(status) } else { 0 };
                    let _gone = sys::detach(*tid, signal);
                    false
                }
                Ok(None) => true,
                _ => false,
            });
            thread::sleep(Duration::from_millis(1));
        }
        // The end of this thread lets go of the rest.
        released
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// How a process was let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Released {
    /// How long it was held.
    pub(super) pause: Duration,
    /// Threads whose waiting system call ends with `EINTR`.
    pub(super) broken_waits: usize,
}

impl Released {
    /// What the user should know of it.
    pub(super) fn notes(&self) -> Vec<String> {
        interrupted::told(self.broken_waits).into_iter().collect()
    }
}

/// Attaches to a thread. One that ends in an exec of another thread may not be
/// traced any more; its id is the other's a moment later.
fn seize(tid: pid_t) -> io::Result<()> {
    const TRIES: usize = 25;
    const PAUSE: Duration = Duration::from_micros(400);
    for _ in 0..TRIES {
        match sys::seize(tid, 0) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => thread::sleep(PAUSE),
            done => return done,
        }
    }
    sys::seize(tid, 0)
}

/// The threads of a process.
pub(super) fn tasks(process: pid_t) -> Vec<pid_t> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
