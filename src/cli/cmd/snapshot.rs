//! `coretool snapshot PID`: a core of a running process, which goes on; with
//! `--tree`, one of each of its descendants, too, all of the same moment.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::analyze;
use crate::base::count::span;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::capture::core_writer::Contents;
use crate::capture::snapshot;
use crate::capture::snapshot::{Look, Moment, TreeMoment};
use crate::cli::args::ReportArgs;
use crate::cli::choices::Format;
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::new_file::{self, Existing};
use crate::cli::options::ValueArgs;
use crate::cli::progress::Progress;
use crate::cli::symbol_args;
use crate::cli::triage::formats::FormatChoice;
use crate::cli::ui::{Stream, Ui};
use crate::diagnose::crash::Occasion;
use crate::report::render::json::Layout;

/// What `--help` says at its end.
pub const HELP: &str = "\
The core is one that gdb and `coretool analyze` open. The report says what each thread was doing,
and goes to standard output. JSON is as docs/report-schema.json has it; with --tree, one report a
line.";

/// `coretool snapshot`.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapshotArgs {
    /// The process
    pub pid: i32,

    /// Write the core to FILE [default: core.PID]; with --tree, the cores to the directory FILE
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Save its descendants, too: core.PID for each, in this directory or in that of --output
    #[arg(long)]
    pub tree: bool,

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
/// When the process may not be traced, or the core cannot be written. With
/// `--tree` the others are saved all the same, and each failure is told.
pub fn snapshot(args: &SnapshotArgs, ui: &Ui) -> Result<Exit> {
    let layout = if args.tree { Layout::OneLine } else { Layout::Indented };
    let name = if args.format == Format::Json { "json" } else { "text" };
    let formats = vec![FormatChoice::plain(name)];
    let report = ReportArgs { formats, all_threads: args.all_threads, ..ReportArgs::default() };
    let mut destination = Destination::new(&report, Stream::Output, layout)?;
    destination.show_elements(args.values.limits.max_elements);
    destination.show_locals(args.values.locals);
    let exit = if args.tree {
        tree(args, &mut destination, ui)?
    } else {
        one(args, &mut destination, ui)?;
        Exit::Done
    };
    destination.finish(ui)?;
    Ok(exit)
}

/// The process and all its descendants, which stand still at the same time.
/// Their reports come each parent before its children.
fn tree(args: &SnapshotArgs, destination: &mut Destination, ui: &Ui) -> Result<Exit> {
    let directory = args.output.clone().unwrap_or_default();
    if !directory.as_os_str().is_empty() {
        let made = std::fs::create_dir_all(&directory);
        made.with_context(|| format!("cannot make the directory `{}`", directory.display()))?;
    }
    let path_of = |pid: i32| directory.join(format!("core.{pid}"));
    new_file::check(&path_of(args.pid), existing(args))?;
    let progress = Progress::start(ui, "saving the memory");
    // Whoever looks at its own shell is part of what it looks at.
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let TreeMoment { moments, refused, together } = snapshot::tree_moment(args.pid, own)?;
    let mut failed: Vec<(i32, anyhow::Error)> =
        refused.into_iter().map(|(pid, error)| (pid, error.into())).collect();
    // All are written before one is analyzed: some may stand still until then.
    let mut saved = Vec::new();
    for moment in moments {
        let (pid, place) = (moment.pid, moment.place);
        match save(args, moment, &path_of(pid)) {
            Ok(look) => saved.push((place, pid, look)),
            Err(error) => failed.push((pid, error)),
        }
    }
    drop(progress);
    saved.sort_by_key(|(place, ..)| *place);
    for (_, pid, look) in &saved {
        report(args, *pid, &path_of(*pid), look, destination, ui)?;
    }
    if saved.len() > 1 {
        let (count, together) = (saved.len(), span(together));
        ui.say(&format!("coretool: these {count} processes stood still together for {together}"));
    }
    let exit = if failed.is_empty() { Exit::Done } else { Exit::Failed };
    for (pid, error) in failed {
        ui.error(&error.context(format!("no core of process {pid}")));
    }
    Ok(exit)
}

/// One process.
fn one(args: &SnapshotArgs, destination: &mut Destination, ui: &Ui) -> Result<()> {
    let path = args.output.clone().unwrap_or_else(|| format!("core.{}", args.pid).into());
    new_file::check(&path, existing(args))?;
    let progress = Progress::start(ui, "saving the memory");
    let look = save(args, snapshot::moment(args.pid)?, &path)?;
    drop(progress);
    report(args, args.pid, &path, &look, destination, ui)
}

fn existing(args: &SnapshotArgs) -> Existing {
    if args.force { Existing::Replace } else { Existing::Keep }
}

/// Writes a core.
fn save(args: &SnapshotArgs, moment: Moment, path: &Path) -> Result<Look> {
    let contents = if args.full { Contents::Full } else { Contents::Usual };
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = NamedTempFile::new_in(new_file::directory_of(path)).with_context(cannot)?;
    let (look, _stats) = moment.core(contents, file.as_file_mut())?;
    new_file::persist(file, path, existing(args))?;
    Ok(look)
}

/// Says what a process was doing.
fn report(
    args: &SnapshotArgs,
    pid: i32,
    path: &Path,
    look: &Look,
    destination: &mut Destination,
    ui: &Ui,
) -> Result<()> {
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
    for note in &look.notes {
        ui.say(&format!("coretool: {note}"));
    }
    let pause = span(look.pause);
    ui.say(&format!("coretool: process {pid} stood still for {pause}"));
    ui.say(&format!("coretool: its core is `{}`", path.display()));
    Ok(())
}
