//! `coretool snapshot PID`: a core of a running process, which goes on.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::analyze;
use crate::base::count::span;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::capture::core_writer::Contents;
use crate::capture::snapshot;
use crate::cli::args::{Format, ReportArgs};
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::new_file::{self, Existing};
use crate::cli::options::ValueArgs;
use crate::cli::progress::Progress;
use crate::cli::symbol_args;
use crate::cli::ui::{Stream, Ui};
use crate::diagnose::crash::Occasion;
use crate::report::render::json::Layout;

/// What `--help` says at its end.
pub const HELP: &str = "\
The core is one that gdb and `coretool analyze` open. The report says what each thread was doing,
and goes to standard output. JSON is as docs/report-schema.json has it.";

/// `coretool snapshot`.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapshotArgs {
    /// The process
    pub pid: i32,

    /// Write the core to FILE [default: core.PID]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,

    /// Save all memory that can be read, and not only what a kernel's core holds
    #[arg(long)]
    pub full: bool,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Show the stacks of all threads in full
    #[arg(long)]
    pub all_threads: bool,

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
/// When the process may not be traced, or the core cannot be written.
pub fn snapshot(args: &SnapshotArgs, ui: &Ui) -> Result<Exit> {
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let path = args.output.clone().unwrap_or_else(|| format!("core.{}", args.pid).into());
    new_file::check(&path, existing)?;
    let report =
        ReportArgs { format: args.format, all_threads: args.all_threads, ..ReportArgs::default() };
    let mut destination = Destination::new(&report, Stream::Output, Layout::Indented)?;
    destination.show_elements(args.values.limits.max_elements);
    destination.show_locals(args.values.locals);
    let contents = if args.full { Contents::Full } else { Contents::Usual };

    let progress = Progress::start(ui, "saving the memory");
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = NamedTempFile::new_in(new_file::directory_of(&path)).with_context(cannot)?;
    let (look, _stats) = snapshot::core(args.pid, contents, file.as_file_mut())?;
    new_file::persist(file, &path, existing)?;
    drop(progress);

    let progress = Progress::start(ui, "analyzing the snapshot");
    let symbols = symbol_args::of_this_machine(args.debug_directories.clone());
    let options = analyze::Options { symbols, occasion: Occasion::Look, ..args.values.options() };
    let store = FileStore::new();
    let gaps = Gaps::new();
    look.note_gaps(&gaps);
    let process = look.process(&options.limits);
    let report = analyze::analyze(&process, &store, &options, &gaps);
    drop(progress);
    destination.deliver(&report, ui)?;
    destination.finish()?;
    for note in &look.notes {
        ui.say(&format!("coretool: {note}"));
    }
    let pause = span(look.pause);
    ui.say(&format!("coretool: process {} stood still for {pause}", args.pid));
    ui.say(&format!("coretool: its core is `{}`", path.display()));
    Ok(Exit::Done)
}
