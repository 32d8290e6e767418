//! `coretool run PROG [ARGS]`: run a program, and explain its crash.
//!
//! The program's input, output, signals and exit status are its own. When it,
//! or a process that it started, is dealt a deadly signal, all its threads are
//! held, the report is made from the stopped process, and its core is saved.
//! Reports go to standard error, or to `--output`.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::signal::Signal;
use crate::capture::core_writer::Contents;
use crate::capture::facts::EnvironmentScope;
use crate::capture::facts::out_of_memory::KillCounters;
use crate::capture::kernel_core::KernelCore;
use crate::capture::kernel_log::LoggedDeath;
use crate::capture::ladder::Rung;
use crate::capture::launch;
use crate::capture::launch::{Capture, End, Event, Outcome, RunOptions};
use crate::capture::live::Stopped;
use crate::capture::mirror;
use crate::capture::orphans::Orphans;
use crate::capture::timeout::TimeLimit;
use crate::cli::args::RunArgs;
use crate::cli::assistance;
use crate::cli::choices::{CaptureChoice, CoreChoice, EnvironmentArg, OrphansArg};
use crate::cli::ci::Ci;
use crate::cli::death;
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::handler::found;
use crate::cli::new_file::{self, Existing};
use crate::cli::progress::Progress;
use crate::cli::recorded;
use crate::cli::saved_crash::{self, CorePlace};
use crate::cli::store_place;
use crate::cli::symbol_args;
use crate::cli::triage::project;
use crate::cli::ui::{Stream, Ui};
use crate::diagnose::crash::{FirstChance, Occasion};
use crate::dump;
use crate::report::model;
use crate::report::model::Report;
use crate::report::render::json::Layout;
use crate::symbols::SymbolOptions;
use crate::triage::signature::rules::Rules;

/// Does it.
///
/// # Errors
///
/// When the program cannot be started, or `--output` or `--core` names a file
/// that must not be replaced. After that the program's own end counts.
pub fn run(args: &RunArgs, ui: &Ui) -> Result<Exit> {
    let capture = capture(args)?;
    let existing = if args.report.force { Existing::Replace } else { Existing::Keep };
    let (core, contents) = match &args.core {
        None => (CorePlace::Beside, Contents::Usual),
        Some(CoreChoice::Full) => (CorePlace::Beside, Contents::Full),
        Some(CoreChoice::None) => (CorePlace::Nowhere, Contents::Usual),
        Some(CoreChoice::Path(path)) => {
            new_file::check(path, existing)?;
            (CorePlace::File(path.clone(), existing), Contents::Usual)
        }
    };
    let mut destination = Destination::new(&args.report, Stream::Error, Layout::OneLine)?;
    destination.show_elements(args.values.limits.max_elements);
    destination.show_locals(args.values.locals);
    // Without a place to keep crashes a program still runs, and its crash is
    // still told.
    let crashes = store_place::chosen(args.store.store.as_deref()).ok();
    let symbols = SymbolOptions {
        path_map: args.path_map.clone(),
        ..symbol_args::of_this_machine(args.debug_directories.clone())
    };
    // Rules that cannot be used keep no program from running.
    let rules = project::rules().unwrap_or_else(|error| {
        ui.error(&error);
        Rules::default()
    });
    let options = analyze::Options { symbols, rules, ..args.values.options() };
    let ci = Ci::new(&args.ci, &args.path_map, &options)?;
    destination.map_paths(&args.path_map);
    if ci.is_some() {
        destination.keep_all();
    }
    let saving = Saving::To { crashes, core, contents };
    let environment = match args.report.environment.unwrap_or_default() {
        EnvironmentArg::Redacted => EnvironmentScope::Redacted,
        EnvironmentArg::Full => EnvironmentScope::Full,
        EnvironmentArg::None => EnvironmentScope::None,
    };
    let reporting = Reporting {
        ui,
        destination,
        options,
        saving,
        environment,
        kept: Vec::new(),
        captured: None,
        ci,
    };
    let environment = if args.assist { assist(args, ui) } else { Vec::new() };
    let limit = args.timeout.map(|after| TimeLimit { after, grace: args.grace });
    let orphans = match args.orphans {
        OrphansArg::Report if args.wait => Orphans::Wait,
        OrphansArg::Report => Orphans::Report,
        OrphansArg::Wait => Orphans::Wait,
        OrphansArg::Kill => Orphans::Kill(args.grace),
    };
    let other_stores = args.other_stores.clone();
    let program =
        Program { words: &args.program, capture, orphans, environment, limit, other_stores };
    let exit = watch(&program, reporting)?;
    if let (true, Exit::Program { signal: Some(signal), .. }) = (args.mirror_signal, exit)
        && let Err(error) = mirror::die_of(signal)
    {
        ui.say(&format!("coretool: --mirror-signal: {error}"));
    }
    Ok(exit)
}

/// The variables of `--assist`, and a line about them.
fn assist(args: &RunArgs, ui: &Ui) -> Vec<(OsString, OsString)> {
    let program = args.program.first().map(OsString::as_os_str).unwrap_or_default();
    let set = assistance::variables(program, &|name| std::env::var_os(name));
    if set.is_empty() {
        ui.say("coretool: --assist: the environment says all of it already");
    } else {
        let shown = set
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        ui.say(&format!("coretool: --assist sets {}", shown.collect::<Vec<_>>().join(" ")));
    }
    set
}

/// How a crash is to be caught.
fn capture(args: &RunArgs) -> Result<Capture> {
    let (capture, option) = match args.capture {
        _ if args.no_ptrace => (Capture::KernelCore, "--no-ptrace"),
        CaptureChoice::Auto => (Capture::Auto, ""),
        CaptureChoice::Ptrace => (Capture::Trace, ""),
        CaptureChoice::Kernel => (Capture::KernelCore, "--capture kernel"),
        CaptureChoice::Handler => (Capture::Handler, "--capture handler"),
        CaptureChoice::None => (Capture::None, "--capture none"),
    };
    if args.core.is_some() && !option.is_empty() {
        let what =
            format!("--core says which core coretool writes, and with {option} it writes none");
        Err(Failure::new(what, "leave out one of them"))?;
    }
    Ok(capture)
}

/// Where a crash is kept.
enum Saving {
    Nowhere,
    To {
        /// `None`: neither `XDG_STATE_HOME` nor `HOME` tells.
        crashes: Option<PathBuf>,
        core: CorePlace,
        contents: Contents,
    },
}

/// What becomes of the crashes.
pub(super) struct Reporting<'u> {
    ui: &'u Ui,
    destination: Destination,
    options: analyze::Options,
    saving: Saving,
    captured: Option<model::Capture>,
    /// The ids of what was kept.
    kept: Vec<String>,
    environment: EnvironmentScope,
    ci: Option<Ci>,
}

impl<'u> Reporting<'u> {
    /// Reports without keeping anything.
    pub(super) fn unsaved(ui: &'u Ui, destination: Destination) -> Self {
        Self {
            ui,
            destination,
            options: analyze::Options::default(),
            saving: Saving::Nowhere,
            captured: None,
            kept: Vec::new(),
            environment: EnvironmentScope::None,
            ci: None,
        }
    }

    fn stopped(&mut self, stopped: &Stopped, occasion: Occasion) -> Result<()> {
        let progress = Progress::start(self.ui, "analyzing the process");
        let options = analyze::Options {
            first_chance: stopped
                .handled_fault()
                .map(|fault| FirstChance { signal: fault.info, count: fault.count }),
            occasion,
            ..self.options.clone()
        };
        let store = FileStore::new();
        let gaps = Gaps::new();
        stopped.keep_environment(self.environment);
        let process = stopped.process(&options.limits);
        let late = stopped.late_threads();
        if late > 0 {
            gaps.note_final(
                format!("the registers and stacks of {late} threads"),
                "they did not stop within a second: each is inside of vfork() or of a system \
                 call that cannot be interrupted",
            );
        }
        if !process.source.complete {
            gaps.note(
                "the memory of the process",
                "the process has made itself undumpable, or its executable is not readable",
                "run coretool as root",
            );
        }
        let mut report = analyze::analyze(&process, &store, &options, &gaps);
        self.say_how(&mut report);
        if let Saving::To { crashes, core, contents } = &self.saving {
            saved_crash::save(&mut report, crashes.as_deref(), core, "ptrace", &mut |file| {
                Ok(stopped.write_core(*contents, file).map(|_stats| ())?)
            });
        }
        drop(progress);
        self.deliver(&report)
    }

    /// Reports from the core that the kernel left, or that somebody else has
    /// kept of it.
    fn kernel_core(&mut self, path: &Path, outcome: &Outcome) -> Result<()> {
        let progress = Progress::start(self.ui, "analyzing the core");
        let options = &self.options;
        let store = FileStore::new();
        let gaps = Gaps::new();
        let process = dump::open(path, &store, &options.limits, &gaps)?;
        let pid = u32::try_from(outcome.pid).ok();
        // Whatever the file's name says.
        if process.identity.pid.is_some() && process.identity.pid != pid {
            let other = process.identity.pid.unwrap_or(0);
            let what = format!("it is the core of process {other}, not of {}", outcome.pid);
            return Err(Failure::new(what, "trace the program: --capture ptrace").into());
        }
        let mut report = analyze::analyze(&process, &store, options, &gaps);
        self.say_how(&mut report);
        recorded::note(&mut report, path);
        if let Saving::To { crashes, .. } = &self.saving {
            let there = CorePlace::There(path.to_owned());
            let nothing = &mut |_file: &mut File| Ok(());
            let by = outcome.decision.rung.name();
            saved_crash::save(&mut report, crashes.as_deref(), &there, by, nothing);
        }
        drop(progress);
        self.deliver(&report)
    }

    /// Passes on what the handler has reported, and keeps.
    fn handed_over(&mut self, mut report: Report) -> Result<()> {
        self.say_how(&mut report);
        self.destination.deliver(&report, self.ui)
    }

    /// Reports from the kernel's line in its log: all that is left.
    fn logged(&mut self, death: &LoggedDeath) -> Result<()> {
        let progress = Progress::start(self.ui, "analyzing the crash");
        let store = FileStore::new();
        let gaps = Gaps::new();
        let why = "there was no core; the kernel's log has only the address of the instruction \
                   and the stack pointer";
        let hint = "trace the program (--capture ptrace), or make a core possible: `coretool \
                    doctor` says how";
        gaps.note("the callers, the variables and the other threads", why, hint);
        if let Some(why) = &death.no_module {
            gaps.note("the function that crashed", why.as_str(), hint);
        }
        let process = death.process();
        let mut report = analyze::analyze(&process, &store, &self.options, &gaps);
        self.say_how(&mut report);
        if let Saving::To { crashes, .. } = &self.saving {
            let nothing = &mut |_file: &mut File| Ok(());
            let by = Rung::KernelLog.name();
            saved_crash::save(&mut report, crashes.as_deref(), &CorePlace::Nowhere, by, nothing);
        }
        drop(progress);
        self.deliver(&report)
    }

    /// Notes how the crash was caught, and why so.
    fn say_how(&self, report: &mut Report) {
        let Some(captured) = &self.captured else { return };
        let capture = report.source.capture.get_or_insert_default();
        if capture.rung.is_empty() {
            capture.rung.clone_from(&captured.rung);
        }
        capture.why.splice(0..0, captured.why.iter().cloned());
    }

    /// The core that was to come did not.
    fn falls_to_the_log(&mut self, why: &str) {
        let captured = self.captured.get_or_insert_default();
        captured.rung = Rung::KernelLog.name().to_owned();
        captured.why.push(format!("no core came: {why}"));
    }

    fn deliver(&mut self, report: &Report) -> Result<()> {
        let id = report.saved.as_ref().map(|saved| saved.id.clone());
        self.kept.extend(id.filter(|id| !id.is_empty()));
        self.destination.deliver(report, self.ui)
    }
}

/// What is run, and how.
pub(super) struct Program<'w> {
    /// Its name and its arguments.
    pub(super) words: &'w [OsString],
    /// How its death is caught.
    pub(super) capture: Capture,
    /// What becomes of descendants that live on.
    pub(super) orphans: Orphans,
    /// Variables that it gets besides ours.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// How long it may run.
    pub(super) limit: Option<TimeLimit>,
    /// Where other handlers keep their cores.
    pub(super) other_stores: PathBuf,
}

/// Runs a program, and reports.
pub(super) fn watch(program: &Program<'_>, mut reporting: Reporting<'_>) -> Result<Exit> {
    let mut words = program.words.iter().cloned();
    let options = RunOptions {
        program: words.next().unwrap_or_default(),
        arguments: words.collect(),
        capture: program.capture,
        orphans: program.orphans,
        environment: program.environment.clone(),
        limit: program.limit,
        other_stores: program.other_stores.clone(),
    };
    let ui = reporting.ui;
    let mut main_is_reported = false;
    let kills = KillCounters::read();
    if let Some(ci) = &reporting.ci {
        ci.before(ui)?;
    }
    let outcome = launch::run(&options, &mut |event| match event {
        Event::Decided(decision) => {
            reporting.captured = Some(model::Capture {
                rung: decision.rung.name().to_owned(),
                why: decision.why.clone(),
                held_for_us: None,
            });
        }
        Event::Notice(notice) => ui.say(&format!("coretool: {notice}")),
        Event::Crash(stopped) => {
            main_is_reported |= stopped.is_main();
            // Held threads wait for us: tell, and let them go.
            if let Err(error) = reporting.stopped(stopped, Occasion::Death) {
                ui.error(&error);
            }
        }
        Event::Overdue(stopped, after) => {
            if let Err(error) = reporting.stopped(stopped, Occasion::Timeout(after)) {
                ui.error(&error);
            }
        }
    })?;
    let is_kept = outcome.decision.rung == Rung::Handler
        && matches!(&outcome.end, End::Killed { core_dumped: true, .. });
    if let Some(start_time) = outcome.start_time.filter(|_| is_kept) {
        match found::report_of(outcome.pid.cast_unsigned(), start_time) {
            Ok(report) => {
                main_is_reported = true;
                if let Err(error) = reporting.handed_over(report) {
                    ui.error(&error);
                }
            }
            Err(error) => ui.error(&error),
        }
    }
    match &outcome.kernel_core {
        Some(KernelCore::Found(path)) => {
            let is_ours = outcome.decision.rung == Rung::Kernel;
            match reporting.kernel_core(path, &outcome) {
                Ok(()) => main_is_reported = true,
                Err(error) if is_ours => {
                    main_is_reported = true;
                    ui.error(&error);
                }
                Err(error) => {
                    let why = format!("`{}` cannot be used: {error:#}", path.display());
                    ui.say(&format!("coretool: {why}"));
                    reporting.falls_to_the_log(&why);
                }
            }
        }
        Some(KernelCore::Missing(why)) => {
            ui.say(&format!("coretool: no core came: {why}"));
            reporting.falls_to_the_log(why);
        }
        None => (),
    }
    match &outcome.logged {
        _ if main_is_reported => (),
        Some(Ok(death)) => {
            main_is_reported = true;
            if let Err(error) = reporting.logged(death) {
                ui.error(&error);
            }
        }
        Some(Err(why)) => ui.say(&format!("coretool: no more is known: {why}")),
        None => (),
    }
    if let End::Killed { signal, info, .. } = &outcome.end
        && !main_is_reported
    {
        let name = options.program.to_string_lossy();
        let memory = KillCounters::read().since(&kills);
        let line = death::line(&name, outcome.pid, *signal, info.as_ref(), memory);
        ui.say(&format!("coretool: {line}"));
    }
    // The program's status counts, whatever becomes of the files.
    if let Some(ci) = &reporting.ci
        && let Err(error) = ci.after(reporting.destination.all(), ui)
    {
        ui.error(&error);
    }
    reporting.destination.finish(ui)?;
    if let Saving::To { crashes, .. } = &reporting.saving {
        saved_crash::settle(crashes.as_deref(), &reporting.kept);
    }
    if outcome.timed_out {
        return Ok(Exit::TimedOut);
    }
    let signal = match &outcome.end {
        End::Killed { signal, .. } => Some(*signal),
        End::Exited(_) => None,
    };
    Ok(Exit::Program { status: status(&outcome.end), signal })
}

/// The exit status that a shell would give.
fn status(end: &End) -> u8 {
    let number = match end {
        End::Exited(status) => *status,
        End::Killed { signal: Signal(number), .. } => number.saturating_add(128),
    };
    // Only the low byte of a status reaches the parent.
    u8::try_from(number & 0xff).unwrap_or(u8::MAX)
}
