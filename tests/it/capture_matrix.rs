//! `docs/CAPTURE.md`: what `coretool run` catches, and what it says where it
//! cannot. Every row is produced by a run; `UPDATE_CAPTURE=1` rewrites the page.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::core_pattern::CorePattern;
use crate::support::notice::untested;
use crate::support::situation::Core::{Part, Whole};
use crate::support::situation::Program::{C, Installed, Made};
use crate::support::situation::Want::{Crash, Exits, NoCrash, Said};
use crate::support::situation::{self, Outcome, Situation, Want};
use crate::support::target::{finished, text};

const PLAIN: situation::Program = C("cc", &[], "threads.c");

/// Dead by following null in `main`, beside three others.
const THREADS: Want = Crash { signal: 11, function: "main", threads: 4, core: Whole };

/// The same alone.
const ALONE: Want = Crash { signal: 11, function: "main", threads: 1, core: Whole };

/// As a user without any privilege; root becomes one.
macro_rules! as_user {
    ($script:literal) => {
        concat!(
            "if [ $(id -u) = 0 ]; then set -- setpriv --reuid=65534 --regid=65534 --clear-groups; ",
            "fi; ",
            $script
        )
    };
}

const AS_ROOT: &str = "test $(id -u) = 0 || { echo needs root >&2; false; }";

/// Rows of `coretool run` without options.
const DEFAULT: &[Situation] = &[
    row("root", PLAIN, "exec $RUN $PROGRAM 3", AS_ROOT, THREADS),
    row("a plain user", PLAIN, as_user!("exec \"$@\" $RUN $PROGRAM 3"), "", THREADS),
    row("a user namespace", PLAIN, "exec unshare -Ur $RUN $PROGRAM 3", "unshare -Ur true", THREADS),
    row(
        "a pid and a mount namespace, coretool inside",
        PLAIN,
        "exec unshare -Urpmf --mount-proc $RUN $PROGRAM 3",
        "unshare -Urpmf --mount-proc true",
        THREADS,
    ),
    row(
        "a pid and a mount namespace, coretool outside",
        PLAIN,
        "exec $RUN unshare -Urpmf --mount-proc $PROGRAM 3",
        "unshare -Urpmf --mount-proc true",
        THREADS,
    ),
    row(
        "a chroot, coretool outside",
        C("cc", &["-static"], "threads.c"),
        "mkdir root && mv $PROGRAM root/inside && ln -s $PWD/root/inside $PROGRAM &&
         exec $RUN unshare -Ur chroot root /inside 3",
        "unshare -Ur true",
        THREADS,
    ),
    row("a hard core limit of 0", PLAIN, "ulimit -c 0; exec $RUN $PROGRAM 3", "", THREADS),
    row(
        "a core limit of 100 kB",
        PLAIN,
        "exec prlimit --core=100000:100000 $RUN $PROGRAM 3",
        "",
        THREADS,
    ),
    row(
        "a directory that cannot be written",
        PLAIN,
        as_user!("chmod 555 .; exec \"$@\" $RUN $PROGRAM 3"),
        "",
        THREADS,
    ),
    row("a directory that is gone", PLAIN, "rmdir ../work; exec $RUN $PROGRAM 3", "", THREADS),
    row(
        "no directory to keep crashes in",
        PLAIN,
        as_user!("unset HOME XDG_STATE_HOME; exec \"$@\" $RUN $PROGRAM 3"),
        "",
        Crash { signal: 11, function: "main", threads: 4, core: Part },
    ),
    row(
        "2,000 threads",
        PLAIN,
        "exec $RUN $PROGRAM 1999",
        "",
        Crash { signal: 11, function: "main", threads: 2000, core: Whole },
    ),
    row(
        "a daemon: two forks and a session of its own",
        C("cc", &[], "daemon.c"),
        "exec $RUN $PROGRAM",
        "",
        ALONE,
    ),
    row(
        "exec from a thread",
        C("cc", &[], "chain.c"),
        "exec $RUN $PROGRAM 1",
        "",
        Crash { signal: 6, function: "main", threads: 1, core: Whole },
    ),
    row("no PIE", C("cc", &["-no-pie"], "threads.c"), "exec $RUN $PROGRAM 3", "", THREADS),
    row("PIE", C("cc", &["-pie", "-fPIE"], "threads.c"), "exec $RUN $PROGRAM 3", "", THREADS),
    row("static", C("cc", &["-static"], "threads.c"), "exec $RUN $PROGRAM 3", "", THREADS),
    row("static PIE", C("cc", &["-static-pie"], "threads.c"), "exec $RUN $PROGRAM 3", "", THREADS),
    row("musl", C("musl-gcc", &[], "threads.c"), "exec $RUN $PROGRAM 3", "", THREADS),
    row(
        "musl, static",
        C("musl-gcc", &["-static"], "threads.c"),
        "exec $RUN $PROGRAM 3",
        "",
        THREADS,
    ),
    row(
        "a non-dumpable program, as root",
        C("cc", &[], "undumpable.c"),
        "exec $RUN $PROGRAM",
        AS_ROOT,
        ALONE,
    ),
    row(
        "a non-dumpable program, as a plain user",
        C("cc", &[], "undumpable.c"),
        as_user!("exec \"$@\" $RUN $PROGRAM"),
        "",
        Crash { signal: 11, function: "", threads: 1, core: Part },
    ),
    row(
        "a set-uid program, as a plain user",
        PLAIN,
        as_user!("chmod u+s $PROGRAM; exec \"$@\" $RUN $PROGRAM 3"),
        AS_ROOT,
        Said(&["set-user-id", "without being traced", "suid_dumpable"]),
    ),
    row(
        "a seccomp filter kills",
        C("cc", &[], "seccomp-kill.c"),
        "exec $RUN $PROGRAM",
        "",
        Crash { signal: 31, function: "main", threads: 1, core: Whole },
    ),
    row(
        "AddressSanitizer, aborting",
        C("cc", &["-fsanitize=address"], "overflow-heap.c"),
        "export ASAN_OPTIONS=abort_on_error=1; exec $RUN $PROGRAM",
        "",
        Crash { signal: 6, function: "main", threads: 1, core: Whole },
    ),
    row(
        "AddressSanitizer by default",
        C("cc", &["-fsanitize=address"], "overflow-heap.c"),
        "unset ASAN_OPTIONS; exec $RUN $PROGRAM",
        "",
        Exits(1, "AddressSanitizer prints its own report and exits; with `--assist` it aborts"),
    ),
    row(
        "AddressSanitizer with `--assist`",
        C("cc", &["-fsanitize=address"], "overflow-heap.c"),
        "unset ASAN_OPTIONS UBSAN_OPTIONS GOTRACEBACK RUST_BACKTRACE; exec $RUN --assist $PROGRAM",
        "",
        Crash { signal: 6, function: "main", threads: 1, core: Whole },
    ),
    row(
        "Go by default",
        Made("nil.go", "go build -o $PROGRAM $SOURCE"),
        "unset GOTRACEBACK; exec $RUN $PROGRAM",
        "",
        Exits(2, "the Go runtime prints its goroutines and exits; with `--assist` it aborts"),
    ),
    row(
        "Go with `--assist`",
        Made("nil.go", "go build -o $PROGRAM $SOURCE"),
        "unset ASAN_OPTIONS UBSAN_OPTIONS GOTRACEBACK RUST_BACKTRACE; exec $RUN --assist $PROGRAM",
        "",
        Crash { signal: 6, function: "runtime.raise", threads: 0, core: Whole },
    ),
    row(
        "Go, GOTRACEBACK=crash",
        Made("nil.go", "go build -o $PROGRAM $SOURCE"),
        "export GOTRACEBACK=crash; exec $RUN $PROGRAM",
        "",
        Crash { signal: 6, function: "runtime.raise", threads: 0, core: Whole },
    ),
    row(
        "JVM, faults of its own",
        Made("Faults.java", "javac -nowarn -d ${PROGRAM%/*} $SOURCE"),
        "exec $RUN java -cp $PLACE Faults",
        "",
        NoCrash,
    ),
    row(
        "JVM, a write to null",
        Made("Faults.java", "javac -nowarn -d ${PROGRAM%/*} $SOURCE"),
        "exec $RUN java -cp $PLACE Faults crash",
        "",
        Crash { signal: 6, function: "abort", threads: 0, core: Whole },
    ),
    row(
        "Node, abort",
        Installed,
        "exec $RUN node -e 'process.abort()'",
        "",
        Crash { signal: 6, function: "abort", threads: 0, core: Whole },
    ),
    row(
        "Python, a null pointer",
        Installed,
        "exec $RUN python3 -c 'import ctypes; ctypes.string_at(0)'",
        "",
        Crash { signal: 11, function: "", threads: 1, core: Whole },
    ),
    row(
        "Python with faulthandler",
        Installed,
        "exec $RUN python3 -X faulthandler -c 'import ctypes; ctypes.string_at(0)'",
        "",
        Crash { signal: 11, function: "", threads: 1, core: Whole },
    ),
];

/// Rows of `coretool run --no-ptrace`, each with the kernel's pattern.
const KERNEL: &[(&str, Situation)] = &[
    ("core.%p", row("pattern `core.%p`", PLAIN, "exec $RUN $PROGRAM 3", "", THREADS)),
    (
        "core.%p",
        row(
            "pattern `core.%p`, a hard core limit of 0",
            PLAIN,
            "ulimit -c 0; exec $RUN $PROGRAM 3",
            "",
            Said(&["hard limit", "SIGSEGV"]),
        ),
    ),
    (
        "core.%p",
        row(
            "pattern `core.%p`, a core limit of 100 kB",
            PLAIN,
            "exec prlimit --core=100000:100000 $RUN $PROGRAM 3",
            "",
            Crash { signal: 11, function: "", threads: 4, core: Part },
        ),
    ),
    (
        "core.%p",
        row(
            "pattern `core.%p`, a directory that cannot be written",
            PLAIN,
            as_user!("chmod 555 .; exec \"$@\" $RUN $PROGRAM 3"),
            "",
            Said(&["SIGSEGV", "written"]),
        ),
    ),
    (
        "core.%p",
        row(
            "pattern `core.%p`, a directory that is gone",
            PLAIN,
            "rmdir ../work; exec $RUN $PROGRAM 3",
            "",
            Said(&["SIGSEGV"]),
        ),
    ),
    (
        "core.%p",
        row(
            "pattern `core.%p`, a user namespace",
            PLAIN,
            "exec unshare -Ur $RUN $PROGRAM 3",
            "unshare -Ur true",
            THREADS,
        ),
    ),
    (
        "|/bin/false %p",
        row("a pipe to somebody else", PLAIN, "exec $RUN $PROGRAM 3", "", Said(&["core_pattern"])),
    ),
    (
        "|/nowhere/helper %p",
        row(
            "a pipe to a program that is not there",
            PLAIN,
            "exec $RUN $PROGRAM 3",
            "",
            Said(&["core_pattern"]),
        ),
    ),
    (
        "@@/run/nobody-listens.socket",
        row(
            "a socket that nobody listens on",
            PLAIN,
            "exec $RUN $PROGRAM 3",
            "grep -q socket /proc/sys/kernel/core_modes",
            Said(&["core_pattern"]),
        ),
    ),
];

/// Rows of `coretool run --capture handler`, each with the way in which the
/// kernel gives the core to coretool's handler.
const HANDLER: &[(&str, Situation)] = &[
    ("", row("the kernel's socket", PLAIN, "exec $RUN $PROGRAM 3", SOCKET, THREADS)),
    ("", row("the socket, a hard core limit of 0", PLAIN, LIMIT, SOCKET, THREADS)),
    ("--pipe", row("a pipe", PLAIN, "exec $RUN $PROGRAM 3", "", THREADS)),
    ("--pipe", row("a pipe, a hard core limit of 0", PLAIN, LIMIT, "", THREADS)),
    ("", row("the socket, a plain user: root keeps the core", PLAIN, USER, SOCKET, FOR_USER)),
    ("--pipe", row("a pipe, a plain user: root keeps the core", PLAIN, USER, "", FOR_USER)),
];

const SOCKET: &str = "grep -q socket /proc/sys/kernel/core_modes";
const USER: &str = as_user!("exec \"$@\" $RUN $PROGRAM 3");
const FOR_USER: Want = Crash { signal: 11, function: "main", threads: 4, core: Part };
const LIMIT: &str = "ulimit -c 0; exec $RUN $PROGRAM 3";

const fn row(
    name: &'static str,
    program: situation::Program,
    script: &'static str,
    probe: &'static str,
    want: Want,
) -> Situation {
    Situation { name, program, script, probe, want }
}

#[test]
fn every_situation_is_captured_or_explained() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CAPTURE.md");
    let old = fs::read_to_string(&page).unwrap_or_default();
    let mut table = Table { old: &old, text: HEAD.to_owned(), wrong: Vec::new() };
    table.text.push_str(COLUMNS);
    for situation in DEFAULT {
        table.add(situation, "", None);
    }
    table.text.push_str(KERNEL_HEAD);
    table.text.push_str(COLUMNS);
    let mut pattern = Err(String::new());
    for (wanted, situation) in KERNEL {
        if let Ok(pattern) = &pattern {
            CorePattern::change(pattern, wanted);
        } else {
            pattern = CorePattern::set(wanted);
        }
        table.add(situation, "--no-ptrace", pattern.as_ref().err().cloned());
    }
    table.text.push_str(HANDLER_HEAD);
    table.text.push_str(COLUMNS);
    for (way, situation) in HANDLER {
        // The turn is ours as long as the pattern is.
        let installed = match &pattern {
            Ok(_) => Installation::new(way),
            Err(why) => Err(why.clone()),
        };
        let why = installed.as_ref().err().cloned();
        table.add(situation, "--capture handler", why);
    }
    drop(pattern);
    situation::clear();
    assert!(table.wrong.is_empty(), "not as it should be: {:?}", table.wrong);
    if std::env::var_os("UPDATE_CAPTURE").is_some() {
        fs::write(&page, table.text).unwrap();
        return;
    }
    let (new, old) = (timeless(&table.text), timeless(&old));
    for (new, old) in new.iter().zip(&old) {
        assert_eq!(new, old, "UPDATE_CAPTURE=1 rewrites docs/CAPTURE.md");
    }
    assert_eq!(new.len(), old.len(), "UPDATE_CAPTURE=1 rewrites docs/CAPTURE.md");
}

/// coretool's handler; it goes when this does.
struct Installation {
    /// With a short name: a pattern has room for 127 characters.
    place: tempfile::TempDir,
}

impl Installation {
    fn new(way: &str) -> Result<Self, String> {
        let place = tempfile::Builder::new().prefix("ct").tempdir().unwrap();
        // A user passes through it to its own reports.
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let installation = Self { place };
        let done = installation.command("install", way);
        match done.status.success() {
            true => Ok(installation),
            false => Err(text(&done.stderr)),
        }
    }

    fn command(&self, word: &str, way: &str) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        command.args(["handler", word, "--store"]).arg(self.place.path().join("s"));
        finished(command.args(way.split_whitespace()).stdin(Stdio::null()))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let done = self.command("uninstall", "");
        if !std::thread::panicking() {
            assert!(done.status.success(), "{}", text(&done.stderr));
        }
    }
}

/// The page, as far as it has been made.
struct Table<'o> {
    old: &'o str,
    text: String,
    wrong: Vec<&'static str>,
}

impl Table<'_> {
    /// Appends a row; `impossible` says why it cannot be made here.
    fn add(&mut self, situation: &Situation, options: &str, impossible: Option<String>) {
        let name = situation.name;
        if let Some(why) = impossible.or_else(|| situation.impossible()) {
            untested(&format!("docs/CAPTURE.md: {name}: {why}"));
            let start = format!("| {name} | ");
            let line = self.old.lines().find(|line| line.starts_with(&start));
            writeln!(self.text, "{}", line.expect("the page has every row")).unwrap();
            return;
        }
        // All that is wrong is shown by one run.
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| situation.outcome(options))) else {
            self.wrong.push(name);
            return;
        };
        let Outcome { captured, complete, time, told } = outcome;
        let time = time.as_secs_f64();
        writeln!(self.text, "| {name} | {captured} | {complete} | {time:.2} s | {told} |").unwrap();
    }
}

const COLUMNS: &str = "\
| situation | captured | all of it | time | what the user is told |
|---|---|---|---|---|
";

const HEAD: &str = "\
# What is captured

Each row is a program under `fixtures/run`, or an installed one, that was really run and died, and what `coretool run` made
of it; `tests/it/capture_matrix.rs` runs them again and compares all but the times, which are those of a debug build.
\"All of it\": a core was kept, `coretool analyze` shows of it the same threads and the same stack, and so does gdb.
`N` stands for a number that differs from run to run.

## By default

";

const KERNEL_HEAD: &str = "
## With `--no-ptrace`

The kernel's core is the only source; what becomes of it is up to `/proc/sys/kernel/core_pattern`.

";

const HANDLER_HEAD: &str = "
## With `--capture handler`

coretool's own handler is installed (`coretool handler install`), and nothing is attached to the program. `coretool run` shows
what the handler has kept.

";

/// Lines without the column of times.
fn timeless(page: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut cells: Vec<&str> = line.split(" | ").collect();
        if cells.len() == 5 && cells.get(3).is_some_and(|cell| cell.ends_with(" s")) {
            cells.remove(3);
        }
        cells.join(" | ")
    };
    page.lines().map(line).collect()
}
