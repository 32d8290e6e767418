//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::cli::choices::{CaptureChoice, Color, CoreChoice, EnvironmentArg, Format, OrphansArg};
use crate::cli::ci::CiArgs;
use crate::cli::cmd;
use crate::cli::cmd::debug::DebugArgs;
use crate::cli::cmd::doctor::DoctorArgs;
use crate::cli::cmd::export::ExportArgs;
use crate::cli::cmd::handler::HandlerArgs;
use crate::cli::cmd::list::ListArgs;
use crate::cli::cmd::path::PathArgs;
use crate::cli::cmd::prune::PruneArgs;
use crate::cli::cmd::rm::RmArgs;
use crate::cli::cmd::show::ShowArgs;
use crate::cli::confined::ConfineArgs;
use crate::cli::duration;
use crate::cli::options::{LimitArgs, StoreArgs, ValueArgs, path_pair};
use crate::cli::symbol_args::SymbolArgs;
use crate::cli::triage::formats::FormatChoice;

/// The whole command line.
#[derive(Clone, Debug, Parser)]
#[command(name = "coretool", version, about, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 could not do it, 2 wrong usage, 3 gaps remain \
                        (--strict), 4 a gate failed (triage --fail-on, diff); `run` passes on the program's, 128+N when it died by signal N.")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to use color; `auto` also heeds NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,

    /// Say nothing but reports and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// One command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run a program, and explain its crash if it crashes
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Explain a core file
    #[command(after_help = ANALYZE_HELP)]
    Analyze(AnalyzeArgs),
    /// Evaluate expressions in a frame of a core file
    #[command(after_help = PRINT_HELP)]
    Print(PrintArgs),
    /// Show raw memory of a core file
    #[command(after_help = MEMORY_HELP)]
    Memory(MemoryArgs),
    /// Say what lies at an address of a core file
    #[command(after_help = WHAT_HELP)]
    What(WhatArgs),
    /// Say where the symbols of a core's modules come from, and what is missing
    #[command(after_help = cmd::symbols::HELP)]
    Symbols(cmd::symbols::SymbolsArgs),
    /// Say which function and line is at an address of a program or library
    #[command(after_help = cmd::addr::HELP)]
    Addr(cmd::addr::AddrArgs),
    /// Say what each thread of a running process is doing, and let it go on
    #[command(after_help = cmd::stack::HELP)]
    Stack(cmd::stack::StackArgs),
    /// Save a core of a running process, and let it go on
    #[command(after_help = cmd::snapshot::HELP)]
    Snapshot(cmd::snapshot::SnapshotArgs),
    /// Say which bug a crash is, and why
    Signature(cmd::signature::SignatureArgs),
    /// Sort many crashes into few bugs
    #[command(after_help = cmd::triage::HELP)]
    Triage(cmd::triage::TriageArgs),
    /// Pack a core with all that is needed to look at it elsewhere
    #[command(after_help = cmd::bundle::HELP)]
    Bundle(cmd::bundle::BundleArgs),
    /// Unpack a bundle, for gdb
    Unbundle(cmd::unbundle::UnbundleArgs),
    /// Say what two crashes, or two directories of crashes, have in common
    Diff(cmd::diff::DiffArgs),
    /// List the crashes that are kept
    List(ListArgs),
    /// Show the report of a kept crash again
    Show(ShowArgs),
    /// Open the core of a kept crash in gdb or lldb
    Debug(DebugArgs),
    /// Say where the core of a kept crash is
    Path(PathArgs),
    /// Copy a kept crash out of the store, to open it elsewhere
    Export(ExportArgs),
    /// Remove kept crashes
    Rm(RmArgs),
    /// Remove what is too old or too much, and compress the rest
    Prune(PruneArgs),
    /// Catch all crashes of this machine
    Handler(HandlerArgs),
    /// Say whether and how a crash would be captured here, and prove it
    Doctor(DoctorArgs),
    /// Say what a cause of death means, and what its rule looks for
    #[command(after_help = cmd::explain::HELP)]
    Explain(cmd::explain::ExplainArgs),
    /// See a small program crash, and the crash explained
    Demo(DemoArgs),
}

const RUN_HELP: &str = "The program's output, input, signals and exit status are its own. Reports \
                        go to standard error, or to --output.";

const ANALYZE_HELP: &str = "JSON is as docs/report-schema.json has it.";

const WHAT_HELP: &str = "ADDR is an expression: an array or structure means its place, a pointer \
                         or number its value. JSON is as docs/what-schema.json has it.";

const PRINT_HELP: &str = "\
Expressions are those of C, C++ and Rust without calls and assignments: `a->b[3].c`, `*p`, `&x`,
`p[0..10]`, `x + 1`, `(struct conn *)p`, `p as *const T`, `sizeof(x)`, `$rip`, `'file.c'::name`.
`whatis x` shows a type with the offsets of its members. A word before an expression says how
numbers are written: /x /d /u /o /t /c /f, /s text, /b bytes, /a addresses; /4x is for the first
four elements. Signed results that do not fit into their type are exact, and a note says so.
Before an expression that begins with a hyphen and a name, write `--`: `-- -x`.
JSON is as docs/print-schema.json has it.
Exit status: 1 when an expression means nothing; 0 when its value is not known, which is said.";

/// `coretool print`.
#[derive(Clone, Debug, clap::Args)]
pub struct PrintArgs {
    /// The core file, `-` for standard input, or a kept crash: its id, or `latest`
    pub core: PathBuf,

    /// Expressions, and formats like /x for those that follow
    #[arg(required = true, value_name = "EXPR", allow_negative_numbers = true)]
    pub expressions: Vec<String>,

    /// Where to look from.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,

    /// How much of one value is shown.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Show types, too
    #[arg(long)]
    pub types: bool,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const MEMORY_HELP: &str = "ADDR and LEN are expressions, as for `print`: 0x7ffd1000, '&table[3]', \
                           buf, '$rsp', 'sizeof(struct conn)'. Bytes that the dump does not hold \
                           are ??, and never zero. JSON is as docs/memory-schema.json has it.";

/// `coretool memory`.
#[derive(Clone, Debug, clap::Args)]
pub struct MemoryArgs {
    /// The core file, `-` for standard input, or a kept crash: its id, or `latest`
    pub core: PathBuf,

    /// An expression for the first address
    #[arg(value_name = "ADDR")]
    pub address: String,

    /// How many bytes
    #[arg(value_name = "LEN", default_value = "256")]
    pub length: String,

    /// Show words of eight bytes, with what they may point to
    #[arg(long)]
    pub words: bool,

    /// Where to look from.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `coretool what`.
#[derive(Clone, Debug, clap::Args)]
pub struct WhatArgs {
    /// The core file, `-` for standard input, or a kept crash: its id, or `latest`
    pub core: PathBuf,

    /// An expression for the address, as for `memory`
    #[arg(value_name = "ADDR")]
    pub address: String,

    /// Where to look from.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// A place in a process.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlaceArgs {
    /// The frame, as `analyze` numbers it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub frame: u64,

    /// The thread, by its id [default: the one that crashed]
    #[arg(long, value_name = "TID")]
    pub thread: Option<u32>,
}

/// Where the files of a process are looked for.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FileArgs {
    /// The executable, if it is not where the core says
    #[arg(long, value_name = "FILE")]
    pub exe: Option<PathBuf>,

    /// The directory that stands for / of the crashed process
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,

    /// Look for separate debug files here, too (may be repeated)
    #[arg(long = "debug-dir", value_name = "DIR")]
    pub debug_directories: Vec<PathBuf>,

    /// Look for programs, libraries and debug files below DIR, by build-id, whatever their names
    /// (may be repeated)
    #[arg(long, value_name = "DIR")]
    pub binaries: Vec<PathBuf>,

    /// Look for files of the process and for source files that begin with FROM where TO is (may
    /// be repeated)
    #[arg(long, value_name = "FROM=TO", value_parser = path_pair)]
    pub path_map: Vec<(PathBuf, PathBuf)>,

    /// What else is looked for.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// Where kept crashes are looked for.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `coretool run`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// How a crash is caught: by a tracer, the kernel's core, coretool's handler, or not at all
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub capture: CaptureChoice,

    /// Do not watch the program: the same as --capture kernel
    #[arg(long, conflicts_with = "capture")]
    pub no_ptrace: bool,

    /// What becomes of descendants that live on when the program has ended: they are named, and
    /// also waited for, or ended
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub orphans: OrphansArg,

    /// Stay until the last descendant has ended: the same as --orphans wait
    #[arg(long, conflicts_with = "orphans")]
    pub wait: bool,

    /// End by the signal that ended the program, and not with 128+N; without a core of coretool's
    /// own
    #[arg(long)]
    pub mirror_signal: bool,

    /// Have sanitizers and language runtimes die where they can be seen, by variables like
    /// ASAN_OPTIONS and GOTRACEBACK
    #[arg(long)]
    pub assist: bool,

    /// When the program still runs after DUR (30s, 5m), say what each thread waits for, and end
    /// it; the exit status is then 124
    #[arg(long, value_name = "DUR", value_parser = duration::duration)]
    pub timeout: Option<Duration>,

    /// How long it has to end after each of SIGTERM, SIGQUIT, SIGABRT, before SIGKILL, with
    /// --timeout; and after SIGTERM with --orphans kill
    #[arg(long, value_name = "DUR", value_parser = duration::duration, default_value = "5s")]
    pub grace: Duration,

    /// Which core to save: `full` memory, `none`, or a small one at PATH [default: a small one
    /// beside the report]
    #[arg(long, value_name = "full|none|PATH")]
    pub core: Option<CoreChoice>,

    /// For jobs of CI services.
    #[command(flatten)]
    pub ci: CiArgs,

    /// Look for source files that begin with FROM where TO is, in the repository too (may be
    /// repeated)
    #[arg(long, value_name = "FROM=TO", value_parser = path_pair)]
    pub path_map: Vec<(PathBuf, PathBuf)>,

    /// How and where to report.
    #[command(flatten)]
    pub report: ReportArgs,

    /// Which values to show.
    #[command(flatten)]
    pub values: ValueArgs,

    /// Look for separate debug files here, too (may be repeated)
    #[arg(long = "debug-dir", value_name = "DIR")]
    pub debug_directories: Vec<PathBuf>,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,

    /// Look for the stores of other handlers below this directory
    // For tests: a store of theirs is made by root.
    #[arg(long, value_name = "DIR", hide = true, default_value = "/")]
    pub other_stores: PathBuf,

    /// The program and its arguments
    // Everything after the program's name is the program's.
    #[arg(required = true, trailing_var_arg = true, value_names = ["PROG", "ARGS"])]
    pub program: Vec<OsString>,
}

/// `coretool analyze`.
#[derive(Clone, Debug, clap::Args)]
pub struct AnalyzeArgs {
    /// The core file, `-` for standard input, or a kept crash: its id, or `latest`
    pub core: PathBuf,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,

    /// How and where to report.
    #[command(flatten)]
    pub report: ReportArgs,

    /// Which values to show.
    #[command(flatten)]
    pub values: ValueArgs,

    /// Fail with status 3 when something is not known
    #[arg(long)]
    pub strict: bool,

    /// Say on standard error where the time went
    #[arg(long)]
    pub timings: bool,

    /// How the analysis is confined.
    #[command(flatten)]
    pub confine: ConfineArgs,
}

/// `coretool demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Which one; without it, a list
    pub name: Option<String>,

    /// Show the crashed thread's registers, too
    #[arg(long)]
    pub registers: bool,
}

/// Options of all commands that report.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReportArgs {
    /// The form: text, json, markdown, html, sarif, junit, csv, github, gitlab, teamcity or azure;
    /// with =FILE that form goes to FILE (may be repeated)
    #[arg(long = "format", value_name = "NAME[=FILE]")]
    pub formats: Vec<FormatChoice>,

    /// Write the report to FILE, `-` for standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,

    /// Show the crashed thread's registers, too
    #[arg(long)]
    pub registers: bool,

    /// Show the stacks of all threads in full
    #[arg(long)]
    pub all_threads: bool,

    /// Show all descriptors, shared memory, semaphores and queues, and who has their other ends
    #[arg(long)]
    pub ipc: bool,

    /// Show the process tree
    #[arg(long)]
    pub tree: bool,

    /// Show the environment, `redacted` (values that may be secrets are masked) or `full`; `none`
    /// does not even keep it [default: keep it redacted, and do not show it]
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true,
          default_missing_value = "redacted")]
    pub environment: Option<EnvironmentArg>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    fn run(line: &str) -> Result<(Args, RunArgs), String> {
        let words = line.split_whitespace();
        let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
        match args.command.clone() {
            Command::Run(run) => Ok((args, run)),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn words_after_the_program_are_the_programs() {
        let cases: &[(&str, &[&str])] = &[
            (
                "coretool run ./a --quiet --core none -x",
                &["./a", "--quiet", "--core", "none", "-x"],
            ),
            ("coretool run -- ./a -- b", &["./a", "--", "b"]),
            ("coretool run --no-ptrace ./a --help", &["./a", "--help"]),
        ];
        for (line, want) in cases {
            let (args, run) = run(line).unwrap();
            assert_eq!(run.program, *want, "{line}");
            assert!(!args.quiet, "{line}");
        }
        assert!(run("coretool run --typo ./a").is_err());
        assert!(run("coretool run").is_err());
    }

    #[test]
    fn cores() {
        let cases = [
            ("full", CoreChoice::Full),
            ("none", CoreChoice::None),
            ("./none", CoreChoice::Path("./none".into())),
        ];
        for (word, want) in cases {
            let (_, run) = run(&format!("coretool run --core {word} ./a")).unwrap();
            assert_eq!(run.core, Some(want), "{word}");
        }
    }
}
