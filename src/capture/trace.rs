//! The tracer: every thread of the program and of its descendants, from start
//! to end.
//!
//! One loop over `waitpid(-1)`. Nothing waits for one thread alone, since that
//! thread may be waiting for another one that waits for us.

mod hold;
mod orphans;
mod overtime;

pub(super) use self::orphans::Kin;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, pid_t};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::signal::Signal;
use crate::capture::broken_pipe::PipeReaders;
use crate::capture::caught::CaughtSignals;
use crate::capture::exit_stops::{ExitStops, broke_a_filter, unseen, unseen_thread};
use crate::capture::interrupted;
use crate::capture::launch::Event;
use crate::capture::live::{Held, Stopped};
use crate::capture::orphans::Orphans;
use crate::capture::pass_on::PassOn;
use crate::capture::status::ThreadState;
use crate::capture::stops::{Hold, Resume, exit_signal, resume, resume_of};
use crate::capture::sys;
use crate::capture::timeout::{Ending, TimeLimit};
use crate::capture::tree::Tree;
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

/// So many signals, and a thousand in each second, cost time that is felt.
const MANY_SIGNALS: u32 = 10_000;
/// How often a program with a time limit is looked after.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

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
    exit_stops: ExitStops,
    caught: CaughtSignals,
    since: Instant,
    signals: u32,
    /// Those that are gone, for whoever writes to their pipes.
    readers: PipeReaders,
    tree: Tree,
    on_event: &'c mut dyn FnMut(Event<'_>),
}

/// How tracing ended.
pub(super) struct Traced {
    /// The main program's process id.
    pub(super) main: pid_t,
    /// The main program's wait status. `None`: somebody else reaped it.
    pub(super) status: Option<c_int>,
    /// What is known of the signal that killed it.
    pub(super) killer: Option<SignalInfo>,
    /// Whether it has not ended in the time that it was given.
    pub(super) timed_out: bool,
    /// When it started, in clock ticks since boot, where nothing was attached.
    pub(super) start_time: Option<u64>,
}

impl<'c> Tracer<'c> {
    pub(super) fn new(main: pid_t, on_event: &'c mut dyn FnMut(Event<'_>)) -> Self {
        Self {
            main,
            main_end: None,
            threads: FxHashMap::from_iter([(main, None)]),
            dead: FxHashSet::default(),
            senders: FxHashMap::default(),
            exit_stops: ExitStops::new(main),
            caught: CaughtSignals::default(),
            since: Instant::now(),
            signals: 0,
            readers: PipeReaders::default(),
            tree: Tree::default(),
            on_event,
        }
    }

    fn notice(&mut self, notice: String) {
        (self.on_event)(Event::Notice(notice));
    }

    /// Whom the tracer tells.
    pub(super) fn on_event(&mut self) -> &mut dyn FnMut(Event<'_>) {
        self.on_event
    }

    /// Follows the main program until it has become the program that it is to
    /// run, or has ended. **Reaps nothing**: whoever started it does that when
    /// exec fails.
    pub(super) fn until_exec(&mut self) -> io::Result<()> {
        loop {
            let status = match sys::peek_and_take_stop(self.main) {
                Ok(Some(status)) => status,
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.news(self.main, status);
            if status >> 16 == libc::PTRACE_EVENT_EXEC {
                return Ok(());
            }
        }
    }

    /// Runs until the main program has ended, or, if that is wanted, until its
    /// last descendant has. One that has not ended in the time that `limit`
    /// gives is looked at, and ended.
    pub(super) fn run(
        mut self,
        orphans: Orphans,
        limit: Option<TimeLimit>,
        pass_on: &PassOn,
    ) -> io::Result<Traced> {
        let mut ending = limit.map(Ending::new);
        self.follow(&mut ending, |tracer| tracer.main_end.is_some())?;
        self.settle(orphans, &mut ending, pass_on)?;
        let seconds = self.since.elapsed().as_secs() + 1;
        if self.signals > MANY_SIGNALS && u64::from(self.signals) > seconds * 1000 {
            self.notice(format!(
                "{} signals were delivered, for each of which a tracer stops a thread; with \
                 `--no-ptrace` the program is faster",
                self.signals
            ));
        }
        let status = self.main_end;
        let signal =
            status.filter(|status| libc::WIFSIGNALED(*status)).map(|status| libc::WTERMSIG(status));
        let killer = signal.and_then(|signal| self.senders.get(&signal).copied());
        let timed_out = ending.is_some_and(|ending| ending.has_begun());
        Ok(Traced { main: self.main, status, killer, timed_out, start_time: None })
    }

    /// Takes all news until `is_done`, or until nobody is left.
    fn follow(
        &mut self,
        ending: &mut Option<Ending>,
        is_done: impl Fn(&Self) -> bool,
    ) -> io::Result<()> {
        while !is_done(self) {
            let news = match ending {
                None => sys::wait_any(),
                Some(ending) if Instant::now() < ending.next => match sys::wait_now() {
                    // The kernel tells a waiting parent of no time.
                    Ok(None) if !self.threads.is_empty() => {
                        thread::sleep(BETWEEN_LOOKS);
                        continue;
                    }
                    news => news,
                },
                Some(ending) => {
                    self.overdue(ending);
                    continue;
                }
            };
            match news {
                Ok(Some((tid, status))) => self.news(tid, status),
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
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
            libc::PTRACE_EVENT_STOP => self.exit_stops.stopped(tid),
            _ => self.note_event(tid, event),
        }
        resume(tid, resume_of(signal, event));
    }

    fn ended(&mut self, tid: pid_t, status: c_int) {
        self.threads.remove(&tid);
        self.caught.forget(tid);
        self.dead.remove(&tid);
        if let Some(thread) = self.exit_stops.ended(tid, status) {
            self.notice(unseen_thread(tid, thread));
        }
        self.tree.ended(tid, status);
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
                    // Most clones are threads, and need no file to be read.
                    if event != libc::PTRACE_EVENT_CLONE {
                        self.tree.forked(tid, new);
                    }
                }
                if event == libc::PTRACE_EVENT_CLONE {
                    self.exit_stops.starts_thread(tid);
                }
            }
            // A thread that execs takes over the leader's id.
            libc::PTRACE_EVENT_EXEC => {
                let former = message().filter(|former| *former != tid);
                if let Some(former) = former {
                    self.threads.remove(&former);
                }
                self.caught.forget(tid);
                self.exit_stops.executes(tid, former);
                self.threads.insert(tid, None);
                self.tree.executed(tid);
                // Left out until exec has succeeded; descendants inherit it.
                let _gone = sys::set_options(tid, OPTIONS);
            }
            _ => (),
        }
    }

    /// A signal is about to be delivered: to a handler, to nobody, or as death.
    fn signal(&mut self, tid: pid_t, number: c_int) {
        /// Faults that a handler may see first.
        const FAULTS: [Signal; 6] =
            [Signal::SEGV, Signal::BUS, Signal::FPE, Signal::ILL, Signal::TRAP, Signal::SYS];
        /// What does nothing by default, or stops and continues: may be
        /// frequent, and never is an end.
        const HARMLESS: [c_int; 8] = [
            libc::SIGCHLD,
            libc::SIGURG,
            libc::SIGWINCH,
            libc::SIGCONT,
            libc::SIGSTOP,
            libc::SIGTSTP,
            libc::SIGTTIN,
            libc::SIGTTOU,
        ];
        let signal = Signal(number);
        self.signals = self.signals.saturating_add(1);
        if HARMLESS.contains(&number) {
            interrupted::mend_ignored(tid, signal);
            resume(tid, Resume::Deliver(number));
            return;
        }
        let info = sys::signal_info(tid).ok().and_then(|raw| SignalInfo::from_bytes(&raw));
        // Programs that live by their faults have many: one short file is read.
        if FAULTS.contains(&signal)
            && self.caught.has(tid, signal) == Some(true)
            && let Some(info) = info
        {
            self.handled(tid, info);
            resume(tid, Resume::Deliver(number));
            return;
        }
        // A signal that only ends the program is mostly given to its first
        // thread, whose id is the process's: then no file has to be read.
        let state = if signal.dumps_core() || tid != self.main {
            ThreadState::read(tid)
        } else {
            Some(ThreadState { process: self.main, ..ThreadState::default() })
        };
        let Some(state) = state else {
            // Killed meanwhile.
            resume(tid, Resume::Deliver(number));
            return;
        };
        if state.process == self.main
            && let Some(info) = info
        {
            self.senders.insert(number, info);
        }
        if number == libc::SIGPIPE
            && let Some(why) = self.readers.explain(tid, self.main)
        {
            self.notice(why);
        }
        let survives = state.survives(info.and_then(|info| info.code));
        if state.dies_of(signal) && !survives && self.dead.insert(state.process) {
            self.crashed(tid, &state, signal, info);
            return;
        }
        if FAULTS.contains(&signal)
            && state.catches(signal)
            && let Some(info) = info
        {
            self.handled(tid, info);
        }
        interrupted::mend_ignored(tid, signal);
        resume(tid, Resume::Deliver(number));
    }

    /// A handler of the program is about to see a fault.
    fn handled(&mut self, tid: pid_t, info: SignalInfo) {
        let count = self.threads.get(&tid).copied().flatten().map_or(0, |last| last.count);
        let count = count.saturating_add(1);
        self.threads.insert(tid, Some(HandledFault { info, count }));
    }

    /// The last stop of a thread. Only a seccomp kill is news: no signal stop
    /// came before it.
    fn exiting(&mut self, tid: pid_t) {
        self.readers.exits(tid);
        if exit_signal(tid) != Some(Signal::SYS) {
            return;
        }
        let Some(state) = ThreadState::read(tid) else { return };
        if self.dead.contains(&state.process) {
            return;
        }
        let mut hold = self.hold(Some(tid), state.process);
        // SECCOMP_RET_KILL_THREAD ends one thread of several; the others stop
        // where they are, and not because they end.
        if hold.stopped.iter().any(|(other, stop)| *other != tid && !stop.is_exit) {
            (self.on_event)(Event::Notice(format!(
                "a seccomp filter has ended thread {tid} of process {}, which runs on",
                state.process
            )));
            hold.stopped.remove(&tid);
            self.let_go(None, hold);
            return;
        }
        self.dead.insert(state.process);
        let ending = hold.stopped.iter().filter(|(other, stop)| **other == tid || stop.is_exit);
        match ending.map(|(other, _)| *other).find(|other| broke_a_filter(*other)) {
            Some(guilty) => self.report(guilty, &state, Signal::SYS, None, &hold),
            None => self.notice(unseen(state.process)),
        }
        self.let_go(Some(tid), hold);
    }

    fn crashed(
        &mut self,
        tid: pid_t,
        state: &ThreadState,
        signal: Signal,
        info: Option<SignalInfo>,
    ) {
        let hold = self.hold(Some(tid), state.process);
        self.report(tid, state, signal, info, &hold);
        // The fatal one first: its death takes the others along.
        if state.is_init {
            // A traced one would survive, and meet the same fault for ever.
            let _gone = sys::detach(tid, signal.0);
        } else {
            resume(tid, Resume::Deliver(signal.0));
        }
        self.let_go(Some(tid), hold);
    }

    /// Shows a process that is held.
    fn report(
        &mut self,
        tid: pid_t,
        state: &ThreadState,
        signal: Signal,
        info: Option<SignalInfo>,
        hold: &Hold,
    ) {
        let shown = Shown { tid, process: state.process, signal: Some(signal), info };
        self.show(shown, hold, |stopped| Event::Crash(stopped));
    }

    fn show(&mut self, shown: Shown, hold: &Hold, event: impl FnOnce(&Stopped) -> Event<'_>) {
        let Shown { tid, process, signal, info } = shown;
        // As in a core of the kernel: the crashed thread, then by age.
        let mut others: Vec<pid_t> =
            hold.stopped.keys().copied().filter(|other| *other != tid).collect();
        others.sort_unstable();
        let held = Held {
            process,
            crashed: tid,
            signal,
            info,
            handled_fault: self.threads.get(&tid).copied().flatten(),
            is_main: process == self.main,
            others,
            late: hold.late.clone(),
            kin: self.kin(process),
        };
        let stopped = Stopped::new(held);
        if process != self.main && signal.is_some() {
            self.notice(format!("process {process} has crashed: {}", self.tree.ancestry(process)));
        }
        let on_event = &mut self.on_event;
        // Whatever goes wrong in a report: the process still has to get its
        // signal, and we its exit status.
        let shown = catch_unwind(AssertUnwindSafe(|| on_event(event(&stopped))));
        if let Some(signal) = signal {
            self.readers.killed(process, signal, stopped.sidecar());
        }
        if shown.is_err() {
            (self.on_event)(Event::Notice(format!(
                "process {process} could not be reported, because of a bug in coretool"
            )));
        }
    }
}

/// What is shown of a process, and why.
struct Shown {
    /// The thread that comes first.
    tid: pid_t,
    process: pid_t,
    /// What it dies of.
    signal: Option<Signal>,
    info: Option<SignalInfo>,
}
