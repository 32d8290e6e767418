//! Runs a program and catches its death.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use libc::pid_t;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal as NixSignal};

use crate::base::signal::Signal;
use crate::capture::error::CaptureError;
use crate::capture::kernel_core::KernelCore;
use crate::capture::kernel_log::{KernelLog, LoggedDeath};
use crate::capture::ladder;
use crate::capture::ladder::{Decision, Facts, Rung};
use crate::capture::live::Stopped;
use crate::capture::orphans::Orphans;
use crate::capture::other_store;
use crate::capture::other_store::Victim;
use crate::capture::pass_on::PassOn;
use crate::capture::sys;
use crate::capture::sys::{BeforeExec, CoreLimit, Meeting};
use crate::capture::timeout::TimeLimit;
use crate::capture::trace::{OPTIONS, Traced, Tracer};
use crate::capture::untraced::{Strays, untraced};
use crate::dump::siginfo::SignalInfo;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// A path, or a name that is looked for in `$PATH`.
    pub program: OsString,
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// How its death is caught.
    pub capture: Capture,
    /// What becomes of its descendants that live on when it has ended.
    pub orphans: Orphans,
    /// Variables that the program gets besides, or instead of, our own.
    pub environment: Vec<(OsString, OsString)>,
    /// How long it may run. Only a traced program is looked at before it is
    /// ended.
    pub limit: Option<TimeLimit>,
    /// The directory below which other handlers keep their cores: `/`, but for
    /// tests.
    pub other_stores: PathBuf,
}

/// How the user wants a death to be caught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// The best way that works here.
    #[default]
    Auto,
    /// By ptrace, from start to end.
    Trace,
    /// By the core that the kernel leaves; nothing is attached.
    KernelCore,
    /// By our handler in `core_pattern`; nothing is attached.
    Handler,
    /// Nothing is attached, and no core is wanted.
    None,
}

/// What happens while a program runs.
pub enum Event<'a> {
    /// How the program's death will be caught. A second one replaces the first.
    Decided(&'a Decision),
    /// Something that the user should know before the program starts: why no
    /// core can come, why nothing is attached.
    Notice(String),
    /// A process has been dealt its death and is held, with all its threads.
    Crash(&'a Stopped),
    /// A process that has not ended in so much time is held, with all its
    /// threads; it goes on afterwards.
    Overdue(&'a Stopped, Duration),
}

/// How the program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The program's process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot, where nothing was attached.
    pub start_time: Option<u64>,
    /// How it ended.
    pub end: End,
    /// How its death was to be caught.
    pub decision: Decision,
    /// What became of the kernel's core, when one was expected.
    pub kernel_core: Option<KernelCore>,
    /// Whether it did not end in the time that it was given.
    pub timed_out: bool,
    /// What the kernel's log has of its death, or why nothing, where there was
    /// neither a tracer nor a core file.
    pub logged: Option<Result<LoggedDeath, String>>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this status.
    Exited(i32),
    /// A signal killed it.
    Killed {
        /// Which one.
        signal: Signal,
        /// Who sent it and why, where known.
        info: Option<SignalInfo>,
        /// Whether the kernel says that it dumped core.
        core_dumped: bool,
    },
}

/// Runs the program until it ends.
///
/// Standard input, output and error, the working directory and the environment
/// are the caller's own. While it runs, SIGINT and SIGQUIT are the program's
/// alone, and SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed on to it.
///
/// Waits for **all** children of the calling process, so there should be no
/// others.
///
/// # Errors
///
/// When the program could not be started.
pub fn run(
    options: &RunOptions,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, CaptureError> {
    let (facts, prospect) = Facts::look(options.capture, &options.program);
    let keeper = facts.receiver.keeper();
    let decision = ladder::decide(&facts);
    let started = SystemTime::now();
    let kernel_log = KernelLog::watch(&options.program);
    let terminal = Terminal::leave_to_the_program();
    tell(&decision, on_event);
    let result = match decision.rung {
        Rung::Ptrace => traced(options, facts, decision, terminal.before_exec(), on_event),
        _ => {
            let core_limit = core_limit(&decision, options.capture);
            let before = BeforeExec { core_limit, ..terminal.before_exec() };
            untraced(options, before, on_event).map(|traced| (traced, decision))
        }
    };
    drop(terminal);
    let (traced, decision) = result?;
    let status = traced.status.unwrap_or(0);
    let end = if libc::WIFSIGNALED(status) {
        End::Killed {
            signal: Signal(libc::WTERMSIG(status)),
            info: traced.killer,
            core_dumped: libc::WCOREDUMP(status),
        }
    } else {
        End::Exited(libc::WEXITSTATUS(status))
    };
    let kernel_core = match (&end, decision.rung) {
        (End::Killed { signal, core_dumped, .. }, Rung::Kernel) if signal.dumps_core() => {
            prospect.map(|prospect| prospect.find(traced.main, *signal, *core_dumped))
        }
        (End::Killed { signal, core_dumped: true, .. }, Rung::OtherHandler) => {
            let pid = traced.main.cast_unsigned();
            let start_time = traced.start_time;
            let victim = Victim { pid, start_time, started, signal: *signal };
            let mut tell = |line| on_event(Event::Notice(line));
            keeper.map(|keeper| {
                other_store::wait_for(keeper, &options.other_stores, &victim, &mut tell)
            })
        }
        _ => None,
    };
    let start_time = traced.start_time;
    let logged = match &end {
        End::Killed { signal, .. }
            if signal.dumps_core() && may_need_log(&decision, &kernel_core) =>
        {
            let words = std::iter::once(&options.program).chain(&options.arguments);
            let words: Vec<&OsStr> = words.map(OsString::as_os_str).collect();
            Some(kernel_log.find(traced.main, *signal, &words))
        }
        _ => None,
    };
    let (pid, timed_out) = (traced.main, traced.timed_out);
    Ok(Outcome { pid, start_time, end, decision, kernel_core, timed_out, logged })
}

/// Whether nothing better than the kernel's log tells of the death.
fn may_need_log(decision: &Decision, kernel_core: &Option<KernelCore>) -> bool {
    // Somebody else's core may be one that cannot be opened.
    let is_certain =
        matches!(kernel_core, Some(KernelCore::Found(_))) && decision.rung != Rung::OtherHandler;
    decision.rung != Rung::Ptrace && !is_certain
}

/// Says how it will be, and what of that the user may not expect.
fn tell(decision: &Decision, on_event: &mut dyn FnMut(Event<'_>)) {
    on_event(Event::Decided(decision));
    for notice in &decision.notices {
        on_event(Event::Notice(notice.clone()));
    }
}

/// The limit of a program that is not traced. Where no core file comes it stays
/// as it is: what the kernel does then, it would have done without us.
fn core_limit(decision: &Decision, wanted: Capture) -> CoreLimit {
    match decision.rung {
        Rung::Kernel => CoreLimit::Hard,
        Rung::Ptrace => CoreLimit::Zero,
        _ if wanted == Capture::None => CoreLimit::Zero,
        _ => CoreLimit::Inherited,
    }
}

/// Starts the program under a tracer that is there before its first
/// instruction. When no tracer may attach, runs it without one.
fn traced(
    options: &RunOptions,
    facts: Facts,
    mut decision: Decision,
    before: BeforeExec,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<(Traced, Decision), CaptureError> {
    let system = |what| move |source| CaptureError::System { what, source };
    // Descendants that lose their parent stay ours to wait for; without it they
    // are traced all the same.
    let strays = Strays::watch();
    let (pid_read, pid_write) = sys::pipe().map_err(system("make a pipe"))?;
    let (go_read, go_write) = sys::pipe().map_err(system("make a pipe"))?;
    let meeting = Meeting {
        tell: pid_write.as_raw_fd(),
        wait: go_read.as_raw_fd(),
        close: go_write.as_raw_fd(),
    };
    let mut command = command(options, BeforeExec { meeting: Some(meeting), ..before });
    // The standard library waits until exec has succeeded or failed, while the
    // child waits for us; so somebody else has to do that waiting.
    let starter = thread::spawn(move || {
        let started = command.spawn();
        drop((pid_write, go_read));
        started
    });
    let mut pid = [0; 4];
    let met = sys::read_fully(pid_read.as_fd(), &mut pid).map_err(system("start the program"))?;
    let pid = pid_t::from_ne_bytes(pid);
    let pass_on;
    let result = {
        let mut tracer = Tracer::new(pid, on_event);
        if met == 4 {
            // No exit stop yet: a child whose exec fails must be able to end
            // while nobody listens.
            let go = match sys::seize(pid, OPTIONS & !libc::PTRACE_O_TRACEEXIT) {
                Ok(()) => CoreLimit::Zero,
                Err(refused) => {
                    let facts = Facts { untraceable: Some(refused.to_string()), ..facts };
                    decision = ladder::decide(&facts);
                    tell(&decision, tracer.on_event());
                    core_limit(&decision, options.capture)
                }
            };
            File::from(go_write).write_all(&[go as u8]).map_err(system("start the program"))?;
            if go == CoreLimit::Zero {
                tracer.until_exec().map_err(system("start the program"))?;
            }
        }
        let started = starter.join().map_err(|_panic| CaptureError::System {
            what: "start the program",
            source: io::ErrorKind::Other.into(),
        })?;
        started.map_err(|source| start_error(options, source))?;
        pass_on = PassOn::to(pid);
        tracer.run(options.orphans, options.limit, &pass_on)
    };
    let mut traced = result.map_err(system("wait for the program"))?;
    traced.killer = traced.killer.map(|killer| pass_on.true_sender(killer));
    if decision.rung != Rung::Ptrace {
        let settled = strays.settle(options.orphans, &pass_on, on_event);
        settled.map_err(system("wait for the program's descendants"))?;
    }
    Ok((traced, decision))
}

pub(super) fn command(options: &RunOptions, before: BeforeExec) -> Command {
    let mut command = Command::new(&options.program);
    command.args(&options.arguments);
    let variables = options.environment.iter();
    command.envs(variables.map(|(name, value)| (name, value)));
    sys::before_exec(&mut command, before);
    command
}

pub(super) fn start_error(options: &RunOptions, source: io::Error) -> CaptureError {
    let program = options.program.clone();
    match source.kind() {
        io::ErrorKind::NotFound => CaptureError::NotFound { program, source },
        _ if matches!(
            source.raw_os_error(),
            Some(
                libc::EACCES
                    | libc::ENOEXEC
                    | libc::EISDIR
                    | libc::ENOTDIR
                    | libc::ETXTBSY
                    | libc::ELIBBAD
            )
        ) =>
        {
            CaptureError::NotExecutable { program, source }
        }
        _ => CaptureError::System { what: "start the program", source },
    }
}

/// What signals do to us while the program runs. Ctrl-C and Ctrl-\ are left to
/// the program: it is in our process group, so the terminal sends them to both.
/// And the program's end must be seen, whatever our parent had us ignore.
struct Terminal {
    former: Vec<(NixSignal, SigAction)>,
}

impl Terminal {
    fn leave_to_the_program() -> Self {
        let action = |handler| SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        let wanted = [
            (NixSignal::SIGINT, SigHandler::SigIgn),
            (NixSignal::SIGQUIT, SigHandler::SigIgn),
            (NixSignal::SIGCHLD, SigHandler::SigDfl),
        ];
        let set = |(signal, handler)| {
            sys::set_action(signal, &action(handler)).ok().map(|former| (signal, former))
        };
        Self { former: wanted.into_iter().filter_map(set).collect() }
    }

    /// What the program gets back of it.
    fn before_exec(&self) -> BeforeExec {
        let ignores_children = self.former.iter().any(|(signal, action)| {
            *signal == NixSignal::SIGCHLD && matches!(action.handler(), SigHandler::SigIgn)
        });
        BeforeExec { meeting: None, core_limit: CoreLimit::Inherited, ignores_children }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for (signal, action) in &self.former {
            let _restored = sys::set_action(*signal, action);
        }
    }
}
