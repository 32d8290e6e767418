//! Programs that are run, not analyzed: `fixtures/run/*.c`, and how `coretool
//! run` is called on them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use coretool::report::model::Report;
use coretool::triage::store::{Budget, Store};
use tempfile::TempDir;

use super::scratch;

/// A compiled program in a directory of its own, where reports go, too.
pub(crate) struct Target {
    /// Vanishes with this.
    pub(crate) directory: TempDir,
    /// The program.
    pub(crate) program: PathBuf,
}

/// How long a run may take. Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

impl Target {
    /// Compiles `fixtures/run/NAME.c`.
    pub(crate) fn new(name: &str) -> Self {
        let directory = scratch::directory(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/run/{name}.c"));
        let program = directory.path().join(name);
        let compiled = Command::new("cc")
            .args(["-g", "-O0", "-pthread", "-o"])
            .args([&program, &source])
            .output()
            .expect("cc runs");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        Self { directory, program }
    }

    /// `coretool run` with `options`, before the program's name. JSON reports
    /// go to a file; crashes are kept below the directory.
    pub(crate) fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        self.prepare(&mut command);
        command.args(["run", "--format", "json", "--output"]).arg(self.reports());
        command.args(options).arg(&self.program);
        command
    }

    /// Keeps a command away from the user's own files.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .env("XDG_STATE_HOME", self.directory.path().join("state"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
    }

    /// Where the reports go.
    pub(crate) fn reports(&self) -> PathBuf {
        self.directory.path().join("reports.json")
    }

    /// The reports of a finished run, one a line.
    pub(crate) fn read_reports(&self) -> Vec<Report> {
        let text = fs::read_to_string(self.reports()).unwrap_or_default();
        let report = |line| serde_json::from_str(line).expect("a line is a report");
        text.lines().map(report).collect()
    }

    /// The store, for a look at what is kept.
    pub(crate) fn store(&self) -> Store {
        let root = self.directory.path().join("state/coretool");
        Store::open(&root, Budget::default()).expect("the store opens")
    }

    /// The core of a kept crash, unpacked into the directory as `name`: what
    /// gdb reads.
    pub(crate) fn unpacked(&self, crash: &Path, name: &str) -> PathBuf {
        let store = self.store();
        let id = crash.file_name().and_then(|id| id.to_str()).expect("an id");
        let core = self.directory.path().join(name);
        let entry = store.find(id).expect("it is kept");
        store.unpack_core(&entry, &fs::File::create(&core).unwrap()).expect("it has a core");
        core
    }

    /// The directories of the crashes that were kept.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        let crashes = self.directory.path().join("state/coretool/crashes");
        let entries = fs::read_dir(crashes).map(|entries| entries.flatten().collect::<Vec<_>>());
        entries.unwrap_or_default().into_iter().map(|entry| entry.path()).collect()
    }
}

/// Runs a command to its end, and kills it when it hangs.
///
/// # Panics
/// When it hangs, or leaves a process that holds its output: with all that was
/// said until then.
pub(crate) fn finished(command: &mut Command) -> Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let streams = [
        Stream::of(child.stdout.take().expect("it is piped")),
        Stream::of(child.stderr.take().expect("it is piped")),
    ];
    let start = Instant::now();
    let ended = loop {
        match child.try_wait().expect("it is ours") {
            Some(status) => break Some(status),
            None if start.elapsed() > PATIENCE => break None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    if ended.is_none() {
        let _gone = child.kill();
        let _reaped = child.wait();
    }
    let is_whole = streams.iter().all(|stream| stream.ends_within(PATIENCE));
    let [stdout, stderr] = streams.map(|stream| stream.bytes());
    let said = format!("{command:?}: {}{}", text(&stdout), text(&stderr));
    let status = ended.unwrap_or_else(|| panic!("it hangs: {said}"));
    assert!(is_whole, "it is gone, its output is still open: {said}");
    Output { status, stdout, stderr }
}

/// What comes out of a pipe, read beside the test.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: mpsc::Receiver<()>,
}

impl Stream {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (ended, end) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut part = vec![0; 1 << 16];
            while let Ok(length @ 1..) = pipe.read(&mut part) {
                shared.lock().unwrap().extend(&part[..length]);
            }
            let _nobody_waits = ended.send(());
        });
        Self { bytes, end }
    }

    fn ends_within(&self, time: Duration) -> bool {
        self.end.recv_timeout(time).is_ok()
    }

    fn bytes(self) -> Vec<u8> {
        std::mem::take(&mut self.bytes.lock().unwrap())
    }
}

/// The program that a `coretool run` has started: its only child.
///
/// # Panics
/// When there is none.
pub(crate) fn program_of(coretool: u32) -> i32 {
    let start = Instant::now();
    // A list of children may be short of one while others come and go: proc(5).
    while start.elapsed() < PATIENCE {
        let tasks = fs::read_dir(format!("/proc/{coretool}/task")).into_iter().flatten();
        let lists = tasks.flatten().map(|task| fs::read_to_string(task.path().join("children")));
        let children: String = lists.map(Result::unwrap_or_default).collect();
        if let Some(program) = children.split_whitespace().next() {
            return program.parse().expect("a number");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("coretool has started nothing");
}

/// Text of an output stream.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit status of coretool.
    pub(crate) status: Option<i32>,
    /// Standard output, the program's and coretool's.
    pub(crate) stdout: String,
    /// And standard error.
    pub(crate) stderr: String,
    /// One a crash.
    pub(crate) reports: Vec<Report>,
}

impl Target {
    /// `coretool run` with `options` and the program's `arguments`, to its end.
    /// Earlier reports are replaced.
    pub(crate) fn run(&self, options: &[&str], arguments: &[&str]) -> Run {
        let mut command = self.command(options);
        self.finish(command.args(arguments))
    }

    /// As [`Target::run`], with a command that runs coretool.
    pub(crate) fn finish(&self, command: &mut Command) -> Run {
        let _earlier = fs::remove_file(self.reports());
        let output = finished(command);
        Run {
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            reports: self.read_reports(),
        }
    }
}

impl Run {
    /// The report of the only crash.
    pub(crate) fn report(&self) -> &Report {
        let [report] = self.reports.as_slice() else { panic!("not one report: {self:#?}") };
        report
    }
}
