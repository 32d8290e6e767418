//! `coretool stack PID`: what is each thread of a running process doing?
//!
//! The process stands still while its registers are read and its stacks are
//! copied, and runs on before anything is analyzed. Nothing in it is changed.

use std::path::PathBuf;

use anyhow::Result;

use crate::analyze;
use crate::base::count::span;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::capture::snapshot;
use crate::cli::args::ReportArgs;
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::options::ValueArgs;
use crate::cli::progress::Progress;
use crate::cli::symbol_args;
use crate::cli::ui::{Stream, Ui};
use crate::diagnose::crash::Occasion;
use crate::report::render::json::Layout;

/// What `--help` says at its end.
pub const HELP: &str = "\
Of variables, those in registers and on the stacks are shown; what they point to has changed by the
time it could be read, so it is not. `snapshot` keeps all memory. JSON is as
docs/report-schema.json has it.";

/// `coretool stack`.
#[derive(Clone, Debug, clap::Args)]
pub struct StackArgs {
    /// The process
    pub pid: i32,

    /// How and where to report.
    #[command(flatten)]
    pub report: ReportArgs,

    /// Which values to show.
    #[command(flatten)]
    pub values: ValueArgs,

    /// Look for separate debug files here, too (may be repeated)
    #[arg(long = "debug-dir", value_name = "DIR")]
    pub debug_directories: Vec<PathBuf>,
}

/// Does it.
///
/// # Errors
///
/// When the process may not be traced, or the report cannot be written.
pub fn stack(args: &StackArgs, ui: &Ui) -> Result<Exit> {
    let mut destination = Destination::new(&args.report, Stream::Output, Layout::Indented)?;
    destination.show_elements(args.values.limits.max_elements);
    destination.show_locals(args.values.locals);
    let look = snapshot::stacks(args.pid)?;
    let progress = Progress::start(ui, "analyzing the stacks");
    let symbols = symbol_args::of_this_machine(args.debug_directories.clone());
    let options = analyze::Options { symbols, occasion: Occasion::Look, ..args.values.options() };
    let store = FileStore::new();
    let gaps = Gaps::new();
    look.note_gaps(&gaps);
    let process = look.process(&options.limits);
    let report = analyze::analyze(&process, &store, &options, &gaps);
    drop(progress);
    destination.deliver(&report, ui)?;
    destination.finish(ui)?;
    for note in &look.notes {
        ui.say(&format!("coretool: {note}"));
    }
    ui.say(&format!("coretool: process {} stood still for {}", args.pid, span(look.pause)));
    Ok(Exit::Done)
}
