//! An analysis in a child that holds no rights.
//!
//! The parent starts this program again with the same words and `--inside`. The
//! child opens the core, gives up everything but reading what an analysis may
//! need, looks into the core only then, and sends the report as JSON. The
//! parent renders it: whatever takes over the child does not write to the
//! terminal.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::analyze::{self, Options};
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::capture::sandbox::{Room, confine};
use crate::cli::amounts;
use crate::cli::core_input::{CoreInput, lend_scratch};
use crate::cli::duration;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Ui;
use crate::dump::sidecar;
use crate::report::model::Report;
use crate::report::render::json::{self, Layout};
use crate::symbols::SymbolOptions;

/// The largest report that is taken from the child.
const MOST_REPORT: u64 = 256 << 20;
/// What is listened to of its last words.
const MOST_WORDS: u64 = 16 << 10;

/// How an analysis is confined.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfineArgs {
    /// Analyze in a process without rights, which opens files of the system and those that options
    /// name, and no others
    #[arg(long)]
    pub sandbox: bool,

    /// Fail when the analysis needs more than SIZE of memory (500M, 2GiB)
    #[arg(long, value_name = "SIZE", value_parser = amounts::size)]
    pub limit_memory: Option<u64>,

    /// Fail when the analysis takes longer than DUR (500ms, 30s, 5m)
    #[arg(long, value_name = "DUR", value_parser = duration::duration)]
    pub limit_time: Option<Duration>,

    /// This is the child
    #[arg(long, hide = true)]
    pub inside: bool,
}

impl ConfineArgs {
    /// Whether a child does the work.
    pub fn wants_child(&self) -> bool {
        !self.inside && (self.sandbox || self.limit_memory.is_some() || self.limit_time.is_some())
    }

    fn limits(&self, limits: Limits) -> Limits {
        Limits {
            memory: self.limit_memory.unwrap_or(limits.memory),
            time: self.limit_time.unwrap_or(limits.time),
            ..limits
        }
    }
}

/// Has a child analyze what the words of this process ask for. `command` is the
/// word after which its options begin.
///
/// # Errors
///
/// What the child says, or that it met a limit.
pub fn report_of_child(args: &ConfineArgs, command: &str, limits: &Limits) -> Result<Report> {
    let limits = args.limits(*limits);
    let mut child = Command::new("/proc/self/exe");
    child.args(words(std::env::args_os(), command));
    child.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().context("cannot start the analysis")?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut text = Vec::new();
            let read = stdout.map(|out| out.take(MOST_REPORT).read_to_end(&mut text));
            let is_read = read.is_some_and(|read| read.is_ok());
            let _listening = sender.send(is_read.then_some(text));
        });
        let said = scope.spawn(move || {
            let mut text = String::new();
            let _cut = stderr.map(|err| err.take(MOST_WORDS).read_to_string(&mut text));
            text
        });
        // A child that waits for its input uses no time of a processor.
        let text = receiver.recv_timeout(limits.time);
        let status = ended(&mut child, text.is_err())?;
        let said = said.join().unwrap_or_default();
        if text.is_err() {
            let what = format!("the analysis took more than {:?}", limits.time);
            return Err(Failure::new(what, "give it more time with --limit-time").into());
        }
        if !status.success() {
            return Err(last_words(status, &said, &limits).into());
        }
        let text = text.ok().flatten().unwrap_or_default();
        serde_json::from_slice(&text).context("the analysis sent no report")
    })
}

fn ended(child: &mut Child, is_late: bool) -> Result<ExitStatus> {
    if is_late {
        let _gone = child.kill();
    }
    child.wait().context("cannot wait for the analysis")
}

/// The same words, with `--inside` behind the command's.
fn words(mut words: impl Iterator<Item = OsString>, command: &str) -> Vec<OsString> {
    let mut found = vec![OsString::from("--quiet")];
    // The program's own name.
    let _name = words.next();
    let mut is_told = false;
    for word in words {
        let is_command = !is_told && word == command;
        found.push(word);
        if is_command {
            found.push("--inside".into());
            is_told = true;
        }
    }
    found
}

/// Why there is no report.
fn last_words(status: ExitStatus, said: &str, limits: &Limits) -> Failure {
    let line = |head: &str| said.lines().find_map(|line| line.strip_prefix(head));
    if let (Some(code), Some(error)) = (status.code(), line("error: "))
        && code == i32::from(Exit::Failed.code())
    {
        let hint = line("hint: ").unwrap_or("analyze it without --sandbox, if you trust it");
        return Failure::new(error, hint);
    }
    if said.contains("memory allocation of") {
        let what = format!("the analysis needs more than {} bytes of memory", limits.memory);
        return Failure::new(what, "give it more with --limit-memory");
    }
    let what = match status.signal() {
        Some(libc::SIGXCPU | libc::SIGKILL) => {
            format!("the analysis was stopped: it took more than {:?}", limits.time)
        }
        _ => format!("the analysis ended with {status}"),
    };
    Failure::new(what, "give it more with --limit-time and --limit-memory")
}

/// The child's part: analyzes, and writes the report to standard output.
///
/// # Errors
///
/// When the rights cannot be given up, or the core cannot be read.
pub fn inside(
    args: &ConfineArgs,
    core: &Path,
    choice: Option<&Path>,
    options: &Options,
    ui: &Ui,
) -> Result<Exit> {
    let limits = args.limits(options.limits);
    let input = CoreInput::find(core, choice)?;
    let store = FileStore::new();
    lend_scratch(&store);
    let gaps = Gaps::new();
    let room = Room::of(&limits);
    if args.sandbox {
        let places = places(&input, &options.symbols);
        let confined = confine(&room, Some(&places)).context("cannot give up the rights")?;
        if !confined.files {
            gaps.note_final(
                "a limit on the files that this analysis may read",
                "this kernel has no landlock",
            );
        }
    } else {
        room.enforce().context("cannot set the limits")?;
    }
    let process = input.read(&store, &limits, &gaps)?;
    let options = Options { limits, ..options.clone() };
    let report = analyze::analyze(&process, &store, &options, &gaps);
    let mut text = String::new();
    json::render(&report, Layout::OneLine, &mut text).context("cannot render the report")?;
    ui.data(&text)?;
    Ok(Exit::Done)
}

/// What may be read: files of the system, those that the user names, and what
/// `coretool run` writes beside a core.
fn places(input: &CoreInput, options: &SymbolOptions) -> Vec<PathBuf> {
    const SYSTEM: [&str; 10] = [
        "/usr",
        "/lib",
        "/lib32",
        "/lib64",
        "/bin",
        "/sbin",
        "/opt",
        "/nix/store",
        "/gnu/store",
        "/snap",
    ];
    let mut places: Vec<PathBuf> = SYSTEM.map(PathBuf::from).to_vec();
    places.extend(options.executable.clone());
    places.extend(options.sysroot.clone());
    places.extend(options.debug_directories.iter().cloned());
    places.extend(options.binaries.iter().cloned());
    places.extend(options.path_map.iter().map(|(_, to)| to.clone()));
    if let CoreInput::File(_, path) = input {
        let mut beside = path.as_os_str().to_owned();
        beside.push(sidecar::FILE_SUFFIX);
        places.push(beside.into());
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_gets_the_same_words() {
        let cases = [
            ("x analyze core", "--quiet analyze --inside core"),
            (
                "x --color never analyze --exe analyze c",
                "--quiet --color never analyze --inside --exe analyze c",
            ),
        ];
        for (given, want) in cases {
            let found = words(given.split(' ').map(OsString::from), "analyze");
            assert_eq!(found.join(OsString::from(" ").as_os_str()), want);
        }
    }

    #[test]
    fn last_words_become_a_failure() {
        let limits = Limits::default();
        let cases = [
            (1 << 8, "error: `x` is empty\nhint: fill it\n", "`x` is empty", "fill it"),
            (6, "memory allocation of 99 bytes failed\n", "needs more than", "--limit-memory"),
            (libc::SIGXCPU, "", "took more than", "--limit-time"),
            (libc::SIGSEGV, "", "signal: 11", "--limit-time"),
        ];
        for (status, said, what, hint) in cases {
            let found = last_words(ExitStatus::from_raw(status), said, &limits);
            assert!(found.what.contains(what) && found.hint.contains(hint), "{found:?}");
        }
    }
}
