//! Runs `coretool run` over small programs, with a deadline.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use coretool::report::model::Report;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::scratch;

/// Far more than any run needs, on a machine however busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A directory of one test, with a program in it.
pub(crate) struct Place {
    directory: TempDir,
    /// The program, built from `fixtures/run/NAME.c` with `-g -O0`.
    pub(crate) program: PathBuf,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    /// How coretool ended.
    pub(crate) status: ExitStatus,
    /// What the program and coretool wrote to standard output.
    pub(crate) stdout: String,
    /// And to standard error.
    pub(crate) stderr: String,
    /// One report a crash.
    pub(crate) reports: Vec<Report>,
}

impl Place {
    /// Builds the program in a new directory.
    pub(crate) fn new(name: &str) -> Self {
        let directory = scratch::directory("run");
        let program = directory.path().join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/run/{name}.c"));
        let output = Command::new("gcc")
            .args(["-g", "-O0", "-pthread", "-o"])
            .arg(&program)
            .arg(&source)
            .output()
            .expect("gcc is installed");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{talk}", source.display());
        Self { directory, program }
    }

    /// The directory, which is gone when this is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// `coretool run` with these options, of the program with these arguments.
    /// Its report goes to a file, no core is kept.
    pub(crate) fn coretool(&self, options: &[&str], arguments: &[&str]) -> Command {
        let mut words: Vec<OsString> = vec!["run".into()];
        words.extend(["--format", "json", "--output"].map(OsString::from));
        words.push(self.reports().into());
        if !options.contains(&"--core") {
            words.extend(["--core", "none"].map(OsString::from));
        }
        words.extend(options.iter().map(OsString::from));
        words.push("--".into());
        words.push(self.program.clone().into());
        words.extend(arguments.iter().map(OsString::from));
        self.command(env!("CARGO_BIN_EXE_coretool").as_ref(), &words)
    }

    /// A command in this directory, which keeps crashes in this directory.
    pub(crate) fn command(&self, program: &OsStr, words: &[OsString]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .stdin(Stdio::null())
            .stdout(File::create(self.path().join("stdout")).expect("writable"))
            .stderr(File::create(self.path().join("stderr")).expect("writable"))
            // Of its own, so that all of it can be ended at the deadline.
            .process_group(0);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, options: &[&str], arguments: &[&str]) -> Run {
        self.finish(self.coretool(options, arguments).spawn().expect("coretool is built"))
    }

    /// Waits for its end, and reads what it left.
    pub(crate) fn finish(&self, child: Child) -> Run {
        let status = ended(child);
        let read = |name: &str| {
            let bytes = fs::read(self.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let reports = read("reports").lines().map(report).collect();
        Run { status, stdout: read("stdout"), stderr: read("stderr"), reports }
    }

    /// Where reports go.
    pub(crate) fn reports(&self) -> PathBuf {
        self.path().join("reports")
    }

    /// Waits until the program has written this to standard output.
    pub(crate) fn wait_for(&self, text: &str) {
        let path = self.path().join("stdout");
        until(&format!("`{text}` in the output"), || {
            fs::read_to_string(&path).is_ok_and(|found| found.contains(text))
        });
    }
}

impl Run {
    /// The one report.
    pub(crate) fn report(&self) -> &Report {
        assert_eq!(self.reports.len(), 1, "{self:#?}");
        &self.reports[0]
    }
}

fn report(line: &str) -> Report {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

/// Waits until something is so.
///
/// # Panics
/// When it is not within the deadline.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the end of a child that leads a process group. Ends the whole
/// group at the deadline.
pub(crate) fn ended(mut child: Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status;
        }
        if start.elapsed() > DEADLINE {
            let group = Pid::from_raw(child.id().try_into().expect("a process id"));
            let _ = killpg(group, Signal::SIGKILL);
            let _ = child.wait();
            panic!("not ended within {DEADLINE:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}
