//! One row of `docs/CAPTURE.md`: a program that crashes under circumstances,
//! and what `coretool run` makes of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use coretool::report::model::{Report, SourceKind};
use tempfile::TempDir;

use crate::support::target::{finished, text};
use crate::support::watchdog;

/// What runs, and where.
pub(crate) struct Situation {
    /// The row's name.
    pub(crate) name: &'static str,
    /// How the program is made.
    pub(crate) program: Program,
    /// A shell script. `$RUN` is `coretool run` with its options, `$PROGRAM`
    /// the program; the working directory is one of its own, for everybody.
    pub(crate) script: &'static str,
    /// A shell command that fails where this cannot be done at all.
    pub(crate) probe: &'static str,
    /// What must come of it, by the fixture's source.
    pub(crate) want: Want,
}

/// A program under `fixtures/run`.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// A C program: compiler, flags, name.
    C(&'static str, &'static [&'static str], &'static str),
    /// A program of another language, compiled or run by a command in which
    /// `$SOURCE` and `$PROGRAM` stand for its files.
    Made(&'static str, &'static str),
    /// The script names an installed program itself.
    Installed,
}

/// What must come of it.
#[derive(Clone, Copy)]
pub(crate) enum Want {
    /// A report.
    Crash {
        /// The signal.
        signal: i32,
        /// A function on the crashed thread's stack; empty: any stack.
        function: &'static str,
        /// How many threads; 0: as many as the runtime likes.
        threads: usize,
        /// Whether a whole core is kept that gdb opens.
        core: Core,
    },
    /// No report, but all of these words.
    Said(&'static [&'static str]),
    /// The program works, and nothing is said.
    NoCrash,
    /// The program ends itself with this status, and nothing is said: why.
    Exits(i32, &'static str),
}

/// What is kept of the memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// All; reopened, the core shows the same threads.
    Whole,
    /// A part, and the report says so.
    Part,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) captured: String,
    pub(crate) complete: String,
    pub(crate) time: Duration,
    pub(crate) told: String,
}

/// `coretool` where every user may run it.
static COMMON: LazyLock<TempDir> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a temporary directory");
    allow(place.path(), 0o755);
    fs::copy(env!("CARGO_BIN_EXE_coretool"), place.path().join("coretool")).expect("room in /tmp");
    place
});

/// Removes what all situations share: nothing drops a static.
pub(crate) fn clear() {
    let _gone = fs::remove_dir_all(COMMON.path());
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// The directory of one situation.
struct Stage {
    directory: TempDir,
    program: PathBuf,
}

impl Situation {
    /// The program without which nothing works.
    fn tool(&self) -> &'static str {
        let first = |words: &'static str| words.split(' ').next().unwrap_or_default();
        match self.program {
            Program::C(compiler, ..) => compiler,
            Program::Made(_, command) => first(command),
            Program::Installed => first(self.script.split("$RUN ").nth(1).unwrap_or_default()),
        }
    }

    /// Why this machine cannot do it.
    ///
    /// # Panics
    /// In continuous integration, when a tool is missing.
    pub(crate) fn impossible(&self) -> Option<String> {
        let find = format!("command -v {}", self.tool());
        if !finished(Command::new("sh").args(["-c", &find])).status.success() {
            let missing = format!("`{}` is not installed", self.tool());
            let is_checked = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_checked, "{missing}: tests/run.sh installs it");
            return Some(missing);
        }
        if self.probe.is_empty() {
            return None;
        }
        let probe = finished(Command::new("sh").args(["-c", self.probe]).stdin(Stdio::null()));
        let said = format!("`{}`: {}", self.probe, text(&probe.stderr).trim());
        (!probe.status.success()).then_some(said)
    }

    /// Does it, with the options of `run`.
    ///
    /// # Panics
    /// When what must come of it does not.
    pub(crate) fn outcome(&self, options: &str) -> Outcome {
        let stage = self.stage();
        let reports = stage.directory.path().join("state/reports.json");
        let coretool = COMMON.path().join("coretool");
        let run = format!(
            "{} run --format json --output {} {options}",
            coretool.display(),
            reports.display()
        );
        let start = Instant::now();
        let output = finished(stage.command().args(["-c", self.script]).env("RUN", run));
        let time = start.elapsed();
        let said = text(&output.stderr);
        let lines = fs::read_to_string(&reports).unwrap_or_default();
        let read = |line| serde_json::from_str(line).expect("a line is a report");
        let mut found: Vec<Report> = lines.lines().map(read).collect();
        // The kernel writes a line about a fault only so often, and not in
        // each container: such a report may come, and holds no memory.
        let logged = found.extract_if(.., |report| report.source.kind == SourceKind::KernelLog);
        let logged: String = logged.map(|report| report.verdict).collect();
        let notices: Vec<&str> =
            said.lines().filter(|line| line.starts_with("coretool:")).collect();
        let context = format!("{}: {:?}, {said}", self.name, output.status.code());
        let (captured, complete) = match (self.want, found.as_slice()) {
            (Want::Crash { signal, function, threads, core }, [report, ..]) => {
                assert_eq!(report.signal.as_ref().map(|it| it.number), Some(signal), "{context}");
                self.judge(&stage, report, function, threads, core, &context)
            }
            (Want::Said(words), []) => {
                for word in words {
                    let is_told = said.contains(word) || logged.contains(word);
                    assert!(is_told, "{word:?}: {context}: {logged}");
                }
                ("how it ended; one frame where the kernel's log has it".to_owned(), "-".to_owned())
            }
            (Want::NoCrash, []) => {
                assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{context}");
                return Outcome {
                    captured: "no crash".to_owned(),
                    complete: "-".to_owned(),
                    time,
                    told: "nothing: the program handles these faults itself".to_owned(),
                };
            }
            (Want::Exits(status, why), []) => {
                assert_eq!(output.status.code(), Some(status), "{context}");
                assert!(notices.is_empty(), "{context}");
                return Outcome {
                    captured: format!("no signal: it exits with {status}"),
                    complete: "-".to_owned(),
                    time,
                    told: format!("nothing: {why}"),
                };
            }
            _ => panic!("{} reports: {context}", found.len()),
        };
        let place = stage.directory.path().display().to_string();
        let words = |text: &str| timeless(&text.replace(&place, "DIR"));
        let mut told: Vec<String> =
            notices.iter().map(|line| words(line.trim_start_matches("coretool: "))).collect();
        if matches!(self.want, Want::Said(_)) {
            // Said where the kernel's log kept silent: that varies.
            let varies =
                |line: &str| line.starts_with("no more is known") || line.contains("was ended by");
            told.retain(|line| !varies(line));
        }
        if let Some(report) = found.first() {
            let verdict = words(&report.verdict);
            // Names inside of a runtime are those of its version.
            told.push(match (self.program, verdict.split_once('`')) {
                (Program::Made(..) | Program::Installed, Some((start, _))) => format!("{start}..."),
                _ => verdict,
            });
            let gaps = report.gaps.iter().filter(|gap| is_of_capture(&gap.missing));
            told.extend(gaps.map(|gap| {
                let hint = gap.hint.as_deref().map(|hint| format!(" ({hint})"));
                words(&format!("{}: {}{}", gap.missing, gap.why, hint.unwrap_or_default()))
            }));
        }
        assert!(!told.is_empty(), "nothing, and no reason: {context}");
        Outcome { captured, complete, time, told: told.join("<br>") }
    }

    /// How it was captured, and whether it is all there.
    fn judge(
        &self,
        stage: &Stage,
        report: &Report,
        function: &str,
        threads: usize,
        core: Core,
        context: &str,
    ) -> (String, String) {
        let crashed = report.threads.first().expect("a crashed thread");
        let of = |report: &Report| -> Vec<Option<String>> {
            let frames = report.threads.first().map(|thread| thread.frames.as_slice());
            frames.unwrap_or_default().iter().map(|frame| frame.function.clone()).collect()
        };
        let stack = of(report);
        let is_there = stack.iter().flatten().any(|name| name == function);
        assert!(function.is_empty() || is_there, "{function:?} not in {stack:?}: {context}");
        assert!(!crashed.frames.is_empty(), "{context}");
        assert!(threads == 0 || threads == report.threads.len(), "{context}");
        let rung = report.source.capture.as_ref().map_or("", |capture| capture.rung.as_str());
        let by = match (report.source.kind, rung) {
            (SourceKind::Live, _) => "by ptrace",
            (_, "handler-socket") => "by coretool's handler, from the socket",
            (_, "handler-pipe") => "by coretool's handler, from the pipe",
            _ => "by a core",
        };
        let count = match threads {
            0 => "all threads".to_owned(),
            1 => "1 thread".to_owned(),
            many => format!("{many} threads"),
        };
        let captured = match function {
            "" => format!("{by}: {count}"),
            function => format!("{by}: {count}, `{function}`"),
        };
        let file = report.saved.as_ref().and_then(|saved| saved.core.as_deref());
        let Some(file) = file else {
            assert!(core == Core::Part && !report.gaps.is_empty(), "{context}");
            return (captured, "no core is kept".to_owned());
        };
        let again = finished(
            Command::new(env!("CARGO_BIN_EXE_coretool"))
                .args(["analyze", "--format", "json", file])
                .env("XDG_STATE_HOME", stage.directory.path()),
        );
        let again: Report = serde_json::from_str(&text(&again.stdout))
            .unwrap_or_else(|error| panic!("{error}: {}: {context}", text(&again.stderr)));
        if core == Core::Part {
            assert_ne!(again.source.complete, Some(true), "{context}");
            return (captured, "a part".to_owned());
        }
        assert_eq!(again.source.complete, Some(true), "{context}");
        assert_eq!(again.threads.len(), report.threads.len(), "{context}");
        assert_eq!(of(&again), stack, "the core shows another stack: {context}");
        let Program::C(..) = self.program else { return (captured, "yes".to_owned()) };
        // What is small is kept compressed, which gdb does not read.
        let unpacked = stage.directory.path().join("unpacked");
        if file.ends_with(".zst") {
            let mut zstd = Command::new("zstd");
            let done = finished(zstd.args(["-dq", file, "-o"]).arg(&unpacked));
            assert!(done.status.success(), "{}", text(&done.stderr));
        } else {
            fs::copy(file, &unpacked).unwrap();
        }
        let gdb = finished(
            Command::new("gdb")
                .args(["-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "bt 20"])
                .args([stage.program.as_path(), &unpacked])
                .stdin(Stdio::null()),
        );
        let shown = text(&gdb.stdout);
        assert!(shown.contains(&format!("{function} (")), "gdb: {shown}{}", text(&gdb.stderr));
        (captured, "yes; gdb agrees".to_owned())
    }

    fn stage(&self) -> Stage {
        watchdog::start();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = directory.path();
        allow(place, 0o755);
        for name in ["work", "state", "home"] {
            fs::create_dir(place.join(name)).expect("the directory is new");
            allow(&place.join(name), 0o777);
        }
        let program = place.join("program");
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/run");
        let mut maker = match self.program {
            Program::Installed => return Stage { directory, program },
            Program::C(compiler, flags, name) => {
                let mut maker = Command::new(compiler);
                maker.args(["-g", "-O0", "-pthread"]).args(flags).arg("-o").arg(&program);
                maker.arg(fixtures.join(name));
                maker
            }
            Program::Made(name, command) => {
                let mut maker = Command::new("sh");
                maker.args(["-c", command]).env("SOURCE", fixtures.join(name));
                maker.env("PROGRAM", &program).env("GOCACHE", place.join("state/go"));
                maker.env("GO111MODULE", "off").current_dir(place);
                maker
            }
        };
        let made = finished(maker.stdin(Stdio::null()));
        assert!(made.status.success(), "{}: {}", self.name, text(&made.stderr));
        let _go_s_own = fs::remove_dir_all(place.join("state/go"));
        Stage { directory, program }
    }
}

impl Stage {
    fn command(&self) -> Command {
        let place = self.directory.path();
        let mut command = Command::new("sh");
        command
            .current_dir(place.join("work"))
            .stdin(Stdio::null())
            .env("HOME", place.join("home"))
            .env("XDG_STATE_HOME", place.join("state"))
            .env("PLACE", place)
            .env("PROGRAM", &self.program);
        command
    }
}

/// Gaps that a capture leaves; those of symbols are the matter of other tests.
fn is_of_capture(missing: &str) -> bool {
    let words = ["memory", "registers", "core", "saved", "truncated"];
    words.iter().any(|word| missing.contains(word)) && !missing.contains("debug")
}

/// A text without what differs from run to run.
fn timeless(text: &str) -> String {
    let word = |word: &str| {
        // A crash is kept under its time.
        if let Some((before, _)) = word.split_once("/crashes/") {
            return format!("{before}/crashes/...");
        }
        let bare = word.trim_matches(|char: char| !char.is_alphanumeric());
        let is_number = bare.len() > 1 && bare.chars().all(|char| char.is_ascii_digit());
        let is_address = bare.strip_prefix("0x").is_some_and(|digits| digits.len() > 4);
        match () {
            () if is_address => word.replace(bare, "ADDRESS"),
            () if is_number => word.replace(bare, "N"),
            () => word.to_owned(),
        }
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
