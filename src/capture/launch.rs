//! Runs a program and catches its death.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use libc::pid_t;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal as NixSignal};

use crate::base::signal::Signal;
use crate::capture::error::CaptureError;
use crate::capture::kernel_core::KernelCore;
use crate::capture::kernel_log::{KernelLog, LoggedDeath};
use crate::capture::ladder;
use crate::capture::ladder::{Decision, Facts, Rung};
use crate::capture::live::Stopped;
use crate::capture::sys;
use crate::capture::sys::{BeforeExec, CoreLimit, Meeting};
use crate::capture::timeout::TimeLimit;
use crate::capture::trace::{OPTIONS, Traced, Tracer};
use crate::dump::siginfo::{SignalCause, SignalInfo};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// A path, or a name that is looked for in `$PATH`.
    pub program: OsString,
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// How its death is caught.
    pub capture: Capture,
    /// Whether to stay until the last descendant has ended, and not only the
    /// program itself.
    pub wait_for_all: bool,
    /// Variables that the program gets besides, or instead of, our own.
    pub environment: Vec<(OsString, OsString)>,
    /// How long it may run. Only a traced program is looked at and ended.
    pub limit: Option<TimeLimit>,
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
    let decision = ladder::decide(&facts);
    let kernel_log = KernelLog::watch(&options.program);
    let terminal = Terminal::leave_to_the_program();
    tell(&decision, on_event);
    let result = match decision.rung {
        Rung::Ptrace => traced(options, facts, decision, terminal.before_exec(), on_event),
        _ => {
            let core_limit = core_limit(&decision, options.capture);
            let before = BeforeExec { core_limit, ..terminal.before_exec() };
            untraced(options, before).map(|traced| (traced, decision))
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
    let kernel_core = match (&end, decision.rung, prospect) {
        (End::Killed { signal, core_dumped, .. }, Rung::Kernel, Some(prospect))
            if signal.dumps_core() =>
        {
            Some(prospect.find(traced.main, *signal, *core_dumped))
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
    decision.rung != Rung::Ptrace && !matches!(kernel_core, Some(KernelCore::Found(_)))
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
    // Orphans of our descendants stay ours to wait for; without it they are
    // traced all the same.
    let _subreaper = sys::become_subreaper();
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
    let forwarding;
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
        forwarding = Forwarding::to(pid);
        tracer.run(options.wait_for_all, options.limit)
    };
    let mut traced = result.map_err(system("wait for the program"))?;
    traced.killer = traced.killer.map(|killer| forwarding.true_sender(killer));
    Ok((traced, decision))
}

/// Starts the program and only waits for it.
fn untraced(options: &RunOptions, before: BeforeExec) -> Result<Traced, CaptureError> {
    let mut child =
        command(options, before).spawn().map_err(|source| start_error(options, source))?;
    let main = pid_t::try_from(child.id()).unwrap_or(0);
    let forwarding = Forwarding::to(main);
    let start_time = start_time(main);
    let status = child
        .wait()
        .map_err(|source| CaptureError::System { what: "wait for the program", source })?;
    drop(forwarding);
    let status = std::os::unix::process::ExitStatusExt::into_raw(status);
    Ok(Traced { main, status: Some(status), killer: None, timed_out: false, start_time })
}

/// When a child that we have not waited for started: field 22 of
/// `/proc/PID/stat`, in clock ticks since boot.
fn start_time(child: pid_t) -> Option<u64> {
    let stat = procfs::process::Process::new(child).and_then(|process| process.stat()).ok()?;
    Some(stat.starttime)
}

fn command(options: &RunOptions, before: BeforeExec) -> Command {
    let mut command = Command::new(&options.program);
    command.args(&options.arguments);
    let variables = options.environment.iter();
    command.envs(variables.map(|(name, value)| (name, value)));
    sys::before_exec(&mut command, before);
    command
}

fn start_error(options: &RunOptions, source: io::Error) -> CaptureError {
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

/// Passes signals that are sent to us on to the program, while it lives.
struct Forwarding {
    former: Option<SigSet>,
    /// The last signal that was passed on, and who had sent it to us.
    passed_on: Arc<Mutex<Option<SignalInfo>>>,
}

impl Forwarding {
    fn to(program: pid_t) -> Self {
        let mut signals = SigSet::empty();
        for signal in
            [NixSignal::SIGTERM, NixSignal::SIGHUP, NixSignal::SIGUSR1, NixSignal::SIGUSR2]
        {
            signals.add(signal);
        }
        let former = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
        let passed_on = Arc::new(Mutex::new(None));
        let note = Arc::clone(&passed_on);
        // It ends with the process: a thread that sleeps in sigwaitinfo holds
        // nothing.
        thread::spawn(move || {
            loop {
                let info = match sys::wait_for_signal(&signals) {
                    Ok(info) => info,
                    // We have been stopped and continued: Ctrl-Z, `fg`.
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                // The terminal sends its own to the whole group, the program
                // included.
                if info.code == Some(libc::SI_KERNEL) {
                    continue;
                }
                *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(info);
                let _gone: io::Result<()> = sys::kill(program, info.signal.0);
            }
        });
        Self { former, passed_on }
    }

    /// Who meant the signal that `killer` says came from us.
    fn true_sender(&self, killer: SignalInfo) -> SignalInfo {
        let own = i32::try_from(std::process::id()).ok();
        let is_ours = matches!(killer.cause, SignalCause::Sent { pid, .. } if Some(pid) == own);
        let passed_on = *self.passed_on.lock().unwrap_or_else(PoisonError::into_inner);
        match passed_on.filter(|info| is_ours && info.signal == killer.signal) {
            Some(info) => info,
            None => killer,
        }
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        if let Some(former) = &self.former {
            let _restored = former.thread_set_mask();
        }
    }
}
