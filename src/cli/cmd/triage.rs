//! `coretool triage PATH...`: a thousand crashes as ten bugs.
//!
//! ```console
//! $ coretool triage /var/crash --baseline known.txt --fail-on new
//! 214 crashes, 3 bugs (read 214 files)
//! BUG             COUNT  SEVERITY  STATE  LAST SEEN   WHERE
//! NULLW-3f9ac2d1    201  low       new    2026-11-30  node_set at src/tree.c:42
//! ```
//!
//! Cores, JSON reports and text logs are read side by side. One bad file stops
//! nothing. A run that was interrupted goes on where it was.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};

use crate::analyze;
use crate::cli::args::FileArgs;
use crate::cli::exit::Exit;
use crate::cli::new_file::{self, Existing};
use crate::cli::options::LimitArgs;
use crate::cli::triage::formats::{self, FormatChoice};
use crate::cli::triage::found_files::found_files;
use crate::cli::triage::gate::{FailOn, failing};
use crate::cli::triage::project;
use crate::cli::triage::reading::{Reading, triage as read};
use crate::cli::triage::repository::Repository;
use crate::cli::ui::{Stream, Ui};
use crate::report::model::Triage;
use crate::report::render::json::Layout;
use crate::report::render::table::{Look, Renderer};
use crate::triage::baseline::Baseline;

/// What `coretool help triage` says at its end.
pub const HELP: &str = "\
PATH is a core, a file of JSON reports, or a text with crashes in it: gdb backtraces, reports of
sanitizers, traces of Rust, Go, Python, Java and Node.js, the kernel's and systemd-coredump's lines.
Without PATH the store is read. JSON is as docs/triage-schema.json has it.
A baseline has a bug a line: KEY owner=WHO expires=2026-12-31 fixed=2026-11-30  # what it is
Exit status: 4 when --fail-on finds a bug.";

/// `coretool triage`.
#[derive(Clone, Debug, clap::Args)]
pub struct TriageArgs {
    /// Files, directories, patterns like 'cores/**/core.*', or `-` for a list on standard input
    /// [default: the store]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// The form: text, json, markdown, html, sarif, junit, csv, github, gitlab, teamcity or azure;
    /// with =FILE that form goes to FILE (may be repeated)
    #[arg(long = "format", value_name = "NAME[=FILE]")]
    pub formats: Vec<FormatChoice>,

    /// Write to FILE, `-` for standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,

    /// The bugs that are known
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write a baseline that knows all of these bugs, too
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,

    /// Fail with status 4 for bugs that are `new`, for `any`, or for severity>=LEVEL (may be
    /// repeated)
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,

    /// Write which crash is which bug to FILE: the bug's id, a tab, the path, a line for each
    #[arg(long, value_name = "FILE")]
    pub members: Option<PathBuf>,

    /// Tell one crash in full for the N most urgent bugs
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub reports: usize,

    /// Read N files at once [default: one a processor]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,

    /// How much of one value is shown.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Does it.
///
/// # Errors
///
/// When a path means no file, the baseline or the rules cannot be used, or the
/// result cannot be written.
pub fn triage(args: &TriageArgs, ui: &Ui) -> Result<Exit> {
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let (main, files) = formats::split(&args.formats)?;
    let output = args.output.as_deref().filter(|path| *path != std::path::Path::new("-"));
    let targets = output.into_iter().chain(files.iter().filter_map(|it| it.file.as_deref()));
    targets.into_iter().try_for_each(|path| new_file::check(path, existing))?;
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    let options = analyze::Options {
        symbols: args.files.options()?,
        limits: args.limits.limits(),
        rules: project::rules()?,
        ..analyze::Options::default()
    };
    let found = found_files(&args.paths, args.files.store.store.as_deref(), &mut stdin)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let reading = Reading {
        options: &options,
        baseline: baseline.as_ref(),
        jobs: args.jobs.unwrap_or(jobs),
        reports: args.reports,
        members: args.members.is_some(),
    };
    let (mut triage, members) = read(&found, &reading, ui);
    Repository::here(&args.files.path_map).name_places(&mut triage);
    for choice in files {
        let look = Look::default();
        let text = rendered(choice.renderer(), &triage, &look)?;
        if let Some(path) = &choice.file {
            new_file::write(path, text.as_bytes(), existing)?;
        }
    }
    match output {
        Some(path) => {
            let text = rendered(main, &triage, &Look::default())?;
            new_file::write(path, text.as_bytes(), existing)?;
        }
        None => {
            let text = ui.text_options(Stream::Output);
            let look = Look { text, layout: Layout::Indented };
            ui.data(&rendered(main, &triage, &look)?)?;
        }
    }
    if let Some(path) = &args.members {
        new_file::write(path, members.as_bytes(), existing)?;
    }
    if let Some(path) = &args.write_baseline {
        // What is known stays: the file that was read may be the one to write.
        let replaces = args.baseline.as_ref() == Some(path) || args.force;
        let existing = if replaces { Existing::Replace } else { Existing::Keep };
        let text = baseline.unwrap_or_default().with(&triage.buckets);
        new_file::write(path, text.as_bytes(), existing)?;
    }
    Ok(judged(&triage, &args.fail_on, ui))
}

/// The exit status, and a word about why.
pub(super) fn judged(triage: &Triage, fail_on: &[FailOn], ui: &Ui) -> Exit {
    let failing = failing(triage, fail_on);
    if failing.is_empty() {
        return Exit::Done;
    }
    let labels: Vec<&str> = failing.iter().take(10).map(|bucket| bucket.label.as_str()).collect();
    let more = failing.len().saturating_sub(labels.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    ui.say(&format!("coretool: --fail-on: {}{more}", labels.join(", ")));
    Exit::GateFailed
}

pub(super) fn rendered(renderer: &dyn Renderer, triage: &Triage, look: &Look) -> Result<String> {
    let mut text = String::new();
    renderer.triage(triage, look, &mut text).context("cannot render the result")?;
    Ok(text)
}

/// Reads a baseline.
pub(in crate::cli) fn baseline(path: &std::path::Path) -> Result<Baseline> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    Baseline::parse(&text).map_err(|why| anyhow!("cannot use `{}`: {why}", path.display()))
}

/// The list on standard input.
fn stdin() -> Result<String> {
    /// A longer list is no list of files.
    const LONGEST: u64 = 1 << 30;
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.context("cannot read the list on standard input")?;
    Ok(text)
}
