//! `coretool snapshot PID`: a core of a running process, which goes on; with
//! `--tree`, one of each of its descendants, too.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::analyze;
use crate::base::count::span;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::capture::core_writer::Contents;
use crate::capture::snapshot;
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

/// How often new descendants are looked for.
const MOST_ROUNDS: usize = 4;

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
        let path = args.output.clone().unwrap_or_else(|| format!("core.{}", args.pid).into());
        one(args, args.pid, &path, &mut destination, ui)?;
        Exit::Done
    };
    destination.finish(ui)?;
    Ok(exit)
}

/// The process and all its descendants, each parent before its children.
fn tree(args: &SnapshotArgs, destination: &mut Destination, ui: &Ui) -> Result<Exit> {
    let directory = args.output.clone().unwrap_or_default();
    if !directory.as_os_str().is_empty() {
        let made = std::fs::create_dir_all(&directory);
        made.with_context(|| format!("cannot make the directory `{}`", directory.display()))?;
    }
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut done = Vec::new();
    let mut exit = Exit::Done;
    // Those that were started meanwhile are saved, too; not for ever.
    for _ in 0..MOST_ROUNDS {
        let mut is_new = false;
        for pid in snapshot::tree(args.pid) {
            // Whoever looks at its own shell is part of what it looks at.
            if pid == own || done.contains(&pid) {
                continue;
            }
            is_new = true;
            done.push(pid);
            let path = directory.join(format!("core.{pid}"));
            if let Err(error) = one(args, pid, &path, destination, ui) {
                if pid == args.pid {
                    return Err(error);
                }
                exit = Exit::Failed;
                ui.error(&error.context(format!("no core of process {pid}")));
            }
        }
        if !is_new {
            break;
        }
    }
    Ok(exit)
}

/// One process.
fn one(
    args: &SnapshotArgs,
    pid: i32,
    path: &Path,
    destination: &mut Destination,
    ui: &Ui,
) -> Result<()> {
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    new_file::check(path, existing)?;
    let contents = if args.full { Contents::Full } else { Contents::Usual };

    let progress = Progress::start(ui, "saving the memory");
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = NamedTempFile::new_in(new_file::directory_of(path)).with_context(cannot)?;
    let (look, _stats) = snapshot::core(pid, contents, file.as_file_mut())?;
    new_file::persist(file, path, existing)?;
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
    for note in &look.notes {
        ui.say(&format!("coretool: {note}"));
    }
    let pause = span(look.pause);
    ui.say(&format!("coretool: process {pid} stood still for {pause}"));
    ui.say(&format!("coretool: its core is `{}`", path.display()));
    Ok(())
}
