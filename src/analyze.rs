//! The pipeline on one screen: from a process to a report.

use std::sync::OnceLock;

use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::memory::Fallback;
use crate::diagnose;
use crate::diagnose::crash::{Crash, FirstChance, Occasion};
use crate::diagnose::disassembly::disassembly;
use crate::diagnose::handed_in::handed_in;
use crate::diagnose::scene::Scene;
use crate::dump::process::Process;
use crate::report::build::{Facts, build};
use crate::report::model::Report;
use crate::symbols::{SymbolOptions, Symbols};
use crate::triage::signature::rules::Rules;
use crate::triage::signature::signature;
use crate::unwind::frame::Stack;
use crate::unwind::walk::Unwinder;
use crate::variables::Context;
pub use crate::variables::calls::Locals;
use crate::variables::calls::thread_calls;
use crate::variables::globals::globals;

/// What an analysis may be told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where binaries and debug files are looked for.
    pub symbols: SymbolOptions,
    /// Bounds on everything that the input controls.
    pub limits: Limits,
    /// Whose local variables are read.
    pub locals: Locals,
    /// Whether the variables of the unit in which the crashed thread stood are
    /// read, too.
    pub globals: bool,
    /// Whether the instructions around the fault are shown.
    pub disassemble: bool,
    /// A fault that a handler of the crashed thread had seen before, when the
    /// process was watched from its start.
    pub first_chance: Option<FirstChance>,
    /// Why the process is looked at, when no signal killed it.
    pub occasion: Occasion,
    /// The project's own rules about who is to blame.
    pub rules: Rules,
}

/// Explains the death of `process`.
///
/// `store` owns every file that is opened on the way; `gaps` has what opening
/// the dump noted, and comes back with what the later stages lack.
pub fn analyze<'f>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &Gaps,
) -> Report {
    let limits = &options.limits;
    let timings = &options.symbols.timings;
    let symbols =
        timings.phase("files", || Symbols::load(process, &options.symbols, store, limits, gaps));

    // The core first, then what it leaves out: the matching bytes of files.
    let files = symbols.mapped_files(process);
    let memory = Fallback { first: &*process.memory, second: &files };

    let unwinder = Unwinder::new(process, &memory, &symbols, limits);
    let stacks = timings.phase("stacks", || unwinder.walk_all(gaps));
    timings.phase("downloads", || {
        symbols.download(stacks.iter().flat_map(Stack::addresses));
    });
    let context = Context::new(process, &memory, &symbols, limits);
    let threads =
        timings.phase("names and values", || thread_calls(&context, stacks, options.locals));
    let globals = threads.first().filter(|_| options.globals);
    let globals = globals.and_then(|crashed| self::globals(&context, crashed));

    let first_chance = options.first_chance.clone().or_else(|| FirstChance::noted(process));
    let crash = Crash {
        process,
        memory: &memory,
        symbols: &symbols,
        limits,
        threads: &threads,
        first_chance,
        occasion: options.occasion,
        hang: OnceLock::new(),
    };
    let disassembly = match options.disassemble {
        true => disassembly(&crash),
        false => Vec::new(),
    };
    let findings = timings.phase("causes", || diagnose::diagnose(&crash));
    let verdict = diagnose::verdict(&crash, &findings);

    let handed_in = handed_in(&Scene::new(&crash));

    let mut report = timings.phase("report", || {
        build(&Facts {
            crash: &crash,
            findings: &findings,
            handed_in: &handed_in,
            verdict,
            locals: options.locals,
            globals,
            disassembly,
            gaps: gaps.list(),
        })
    });
    report.signature = Some(signature(&report, &options.rules));
    symbols.count();
    report
}
