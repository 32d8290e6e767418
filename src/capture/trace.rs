//! The tracer: every thread of the program and of its descendants, from start
//! to end.
//!
//! One loop over `waitpid(-1)`. Nothing waits for one thread alone, since that
//! thread may be waiting for another one that waits for us.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, pid_t};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::signal::Signal;
use crate::capture::live::{Held, Stopped};
use crate::capture::status::ThreadState;
use crate::capture::sys;
use crate::dump::siginfo::SignalInfo;

/// Tracees are followed through clone, fork, vfork and exec. The exit stop
/// tells of deaths that no signal stop announces: seccomp's.
pub(super) const OPTIONS: c_int = libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT;

/// How long the threads of a crashed process have to stop. One inside vfork
/// stops only when its child ends or execs.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a stopped thread needs to go on as if nobody had held it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// Deliver this signal; 0 for none.
    Deliver(c_int),
    /// Stay in its group-stop.
    Listen,
}

/// A fault that a handler of the program saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandledFault {
    /// The last one.
    pub info: SignalInfo,
    /// How many there were.
    pub count: u64,
}

/// All tracees, and what is known of them.
pub(super) struct Tracer<'c> {
    main: pid_t,
    main_end: Option<c_int>,
    /// By thread id. Some: the fault that it handled last.
    threads: FxHashMap<pid_t, Option<HandledFault>>,
    /// Processes whose death has been reported.
    dead: FxHashSet<pid_t>,
    /// Who sent which signal to the main process last.
    senders: FxHashMap<c_int, SignalInfo>,
    on_crash: &'c mut dyn FnMut(&Stopped),
}

/// How tracing ended.
pub(super) struct Traced {
    /// The main program's wait status. `None`: somebody else reaped it.
    pub(super) status: Option<c_int>,
    /// What is known of the signal that killed it.
    pub(super) killer: Option<SignalInfo>,
}

impl<'c> Tracer<'c> {
    pub(super) fn new(main: pid_t, on_crash: &'c mut dyn FnMut(&Stopped)) -> Self {
        Self {
            main,
            main_end: None,
            threads: FxHashMap::from_iter([(main, None)]),
            dead: FxHashSet::default(),
            senders: FxHashMap::default(),
            on_crash,
        }
    }

    /// Runs until the main program has ended, or, when `wait_for_all`, until
    /// its last descendant has.
    pub(super) fn run(mut self, wait_for_all: bool) -> io::Result<Traced> {
        while self.main_end.is_none() || wait_for_all {
            match sys::wait_any() {
                Ok(Some((tid, status))) => self.news(tid, status),
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        self.release_all();
        let status = self.main_end;
        let signal =
            status.filter(|status| libc::WIFSIGNALED(*status)).map(|status| libc::WTERMSIG(status));
        let killer = signal.and_then(|signal| self.senders.get(&signal).copied());
        Ok(Traced { status, killer })
    }

    /// Takes note of what happened to a thread, and lets it go on.
    fn news(&mut self, tid: pid_t, status: c_int) {
        if !libc::WIFSTOPPED(status) {
            self.ended(tid, status);
            return;
        }
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        self.threads.entry(tid).or_default();
        if event == 0 {
            self.signal(tid, signal);
            return;
        }
        match event {
            libc::PTRACE_EVENT_EXIT => self.exiting(tid),
            _ => self.note_event(tid, event),
        }
        resume(tid, resume_of(signal, event));
    }

    fn ended(&mut self, tid: pid_t, status: c_int) {
        self.threads.remove(&tid);
        self.dead.remove(&tid);
        if tid == self.main {
            self.main_end = Some(status);
        }
    }

    /// New threads, and the one name that exec takes away.
    fn note_event(&mut self, tid: pid_t, event: c_int) {
        let message = || sys::event_message(tid).ok().and_then(|other| pid_t::try_from(other).ok());
        match event {
            libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                // The new one's first stop may have come before this.
                if let Some(new) = message() {
                    self.threads.entry(new).or_default();
                }
            }
            // A thread that execs takes over the leader's id.
            libc::PTRACE_EVENT_EXEC => {
                if let Some(former) = message().filter(|former| *former != tid) {
                    self.threads.remove(&former);
                }
                self.threads.insert(tid, None);
                // Left out until exec has succeeded; descendants inherit it.
                let _gone = sys::set_options(tid, OPTIONS);
            }
            _ => (),
        }
    }

    /// A signal is about to be delivered: to a handler, to nobody, or as death.
    fn signal(&mut self, tid: pid_t, number: c_int) {
        /// Whose sender is worth knowing, should they end the main program.
        const ENDINGS: [c_int; 6] = [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGTERM,
            libc::SIGPIPE,
            libc::SIGUSR1,
            libc::SIGUSR2,
        ];
        /// Faults that a handler may see first.
        const FAULTS: [Signal; 6] =
            [Signal::SEGV, Signal::BUS, Signal::FPE, Signal::ILL, Signal::TRAP, Signal::SYS];
        let signal = Signal(number);
        if signal.dumps_core() || ENDINGS.contains(&number) {
            let info = sys::signal_info(tid).ok().and_then(|raw| SignalInfo::from_bytes(&raw));
            let state = ThreadState::read(tid).unwrap_or_default();
            if state.process == self.main
                && let Some(info) = info
            {
                self.senders.insert(number, info);
            }
            if state.dies_of(signal) && self.dead.insert(state.process) {
                self.crashed(tid, &state, signal, info);
                return;
            }
            if FAULTS.contains(&signal)
                && state.catches(signal)
                && let Some(info) = info
            {
                let count = self.threads.get(&tid).copied().flatten().map_or(0, |last| last.count);
                self.threads.insert(tid, Some(HandledFault { info, count: count + 1 }));
            }
        }
        resume(tid, Resume::Deliver(number));
    }

    /// The last stop of a thread. Only a seccomp kill is news: no signal stop
    /// came before it.
    fn exiting(&mut self, tid: pid_t) {
        let status = sys::event_message(tid).ok().and_then(|status| c_int::try_from(status).ok());
        let Some(status) = status.filter(|status| libc::WIFSIGNALED(*status)) else { return };
        let signal = Signal(libc::WTERMSIG(status));
        let state = ThreadState::read(tid).unwrap_or_default();
        if signal == Signal::SYS && self.dead.insert(state.process) {
            let hold = self.hold_and_report(tid, &state, signal, None);
            self.let_go(tid, hold);
        }
    }

    fn crashed(
        &mut self,
        tid: pid_t,
        state: &ThreadState,
        signal: Signal,
        info: Option<SignalInfo>,
    ) {
        let hold = self.hold_and_report(tid, state, signal, info);
        // The fatal one first: its death takes the others along.
        resume(tid, Resume::Deliver(signal.0));
        self.let_go(tid, hold);
    }

    /// Stops all threads of the process and shows it, then returns what is
    /// held besides the crashed thread, and news that came meanwhile.
    fn hold_and_report(
        &mut self,
        tid: pid_t,
        state: &ThreadState,
        signal: Signal,
        info: Option<SignalInfo>,
    ) -> Hold {
        let hold = self.hold(tid, state.process);
        let fault = self.threads.get(&tid).copied().flatten();
        let held = Held {
            process: state.process,
            crashed: tid,
            signal,
            info,
            handled_fault: fault,
            is_main: state.process == self.main,
            others: hold.stopped.keys().copied().filter(|other| *other != tid).collect(),
            late: hold.late.clone(),
        };
        (self.on_crash)(&Stopped::new(held));
        hold
    }

    /// Stops every thread of `process`.
    fn hold(&mut self, crashed: pid_t, process: pid_t) -> Hold {
        let mut hold = Hold::default();
        hold.stopped.insert(crashed, Resume::Deliver(0));
        let mut asked: FxHashSet<pid_t> = FxHashSet::default();
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(20);
        loop {
            // Threads start threads until the last one has stopped.
            let tasks = tasks(process);
            let running = || tasks.iter().filter(|tid| !hold.stopped.contains_key(tid));
            let new: Vec<pid_t> = running().filter(|tid| !asked.contains(tid)).copied().collect();
            for tid in &new {
                // A thread that is gone, or that we do not trace, cannot be asked.
                let _asked = sys::interrupt(*tid);
                asked.insert(*tid);
            }
            if new.is_empty() {
                if running().next().is_none() {
                    break;
                }
                if Instant::now() > deadline {
                    hold.late = running().copied().collect();
                    break;
                }
                if !self.collect(process, &tasks, &mut hold) {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(1));
                }
            } else {
                self.collect(process, &tasks, &mut hold);
            }
        }
        hold
    }

    /// Takes all news there are. Returns whether there were any.
    fn collect(&mut self, process: pid_t, tasks: &[pid_t], hold: &mut Hold) -> bool {
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
                if event == libc::PTRACE_EVENT_EXIT || event == 0 && dies() {
                    hold.later.push((tid, status));
                } else {
                    self.news(tid, status);
                }
                continue;
            }
            self.threads.entry(tid).or_default();
            self.note_event(tid, event);
            hold.stopped.insert(tid, resume_of(signal, event));
        }
        any
    }

    /// Lets all held threads go on, then handles what had to wait.
    fn let_go(&mut self, crashed: pid_t, hold: Hold) {
        for (tid, how) in hold.stopped {
            if tid != crashed {
                resume(tid, how);
            }
        }
        for (tid, status) in hold.later {
            self.news(tid, status);
        }
    }

    /// Lets go of everybody who is left: they run on without a tracer, and may
    /// leave cores to the kernel again.
    fn release_all(&mut self) {
        for tid in self.threads.keys() {
            let _gone = sys::give_back_core_limit(*tid);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut left: FxHashSet<pid_t> = self.threads.keys().copied().collect();
        for tid in &left {
            let _asked = sys::interrupt(*tid);
        }
        while !left.is_empty() && Instant::now() < deadline {
            match sys::wait_now() {
                Ok(Some((tid, status))) => {
                    if libc::WIFSTOPPED(status) {
                        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
                        if matches!(
                            event,
                            libc::PTRACE_EVENT_CLONE
                                | libc::PTRACE_EVENT_FORK
                                | libc::PTRACE_EVENT_VFORK
                        ) && let Ok(new) = sys::event_message(tid)
                            && let Ok(new) = pid_t::try_from(new)
                        {
                            left.insert(new);
                        }
                        let signal = match resume_of(signal, event) {
                            Resume::Deliver(signal) => signal,
                            Resume::Listen => 0,
                        };
                        let _detached = sys::detach(tid, signal);
                    }
                    left.remove(&tid);
                }
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Err(_) => (),
            }
        }
    }
}

/// A process at rest.
#[derive(Default)]
struct Hold {
    /// Its stopped threads.
    stopped: FxHashMap<pid_t, Resume>,
    /// Threads that did not stop in time.
    late: Vec<pid_t>,
    /// News of other processes.
    later: Vec<(pid_t, c_int)>,
}

/// How a thread in this stop goes on.
fn resume_of(signal: c_int, event: c_int) -> Resume {
    const GROUP_STOPS: [c_int; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    match event {
        0 => Resume::Deliver(signal),
        libc::PTRACE_EVENT_STOP if GROUP_STOPS.contains(&signal) => Resume::Listen,
        _ => Resume::Deliver(0),
    }
}

/// Lets a stopped thread go on. One that has been killed meanwhile cannot, and
/// need not.
fn resume(tid: pid_t, how: Resume) {
    let _gone = match how {
        Resume::Deliver(signal) => sys::go_on(tid, signal),
        Resume::Listen => sys::listen(tid),
    };
}

/// The threads of a process, in the order of their ids.
fn tasks(process: pid_t) -> Vec<pid_t> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
