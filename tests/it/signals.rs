//! `docs/SIGNALS.md`: every signal is sent to a program under `coretool run`,
//! traced and not, and what happens is compared with `signal(7)` and with the
//! page. `UPDATE_SIGNALS=1` rewrites the page.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use coretool::base::signal::Signal;

use crate::support::target::{Target, program_of};

/// Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a signal does to a program that has said nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Ends,
    DumpsCore,
    Stops,
    Nothing,
}

/// The table "Standard signals" of `signal(7)`; the real-time ones end.
fn action(signal: i32) -> Action {
    match signal {
        3..=8 | 11 | 24 | 25 | 31 => Action::DumpsCore,
        19..=22 => Action::Stops,
        // CHLD, CONT, URG, WINCH. To continue is nothing to one that runs.
        17 | 18 | 23 | 28 => Action::Nothing,
        _ => Action::Ends,
    }
}

/// What was seen of one signal.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: Option<i32>,
    says: String,
    reports: usize,
    stopped: bool,
}

#[test]
fn every_signal_does_what_the_page_says() {
    let target = Target::new("ready");
    let mut rows = String::new();
    for signal in 1..=64 {
        let action = action(signal);
        let traced = send(&target, &["--core", "none"], signal, action);
        let name = Signal(signal).name();
        let ends = matches!(action, Action::Ends | Action::DumpsCore);
        // What survives is ended by SIGTERM.
        let status = 128 + if ends { signal } else { 15 };
        assert_eq!(traced.status, Some(status), "{name}: {traced:?}");
        assert_eq!(traced.reports, usize::from(action == Action::DumpsCore), "{name}: {traced:?}");
        assert_eq!(traced.stopped, action == Action::Stops, "{name}: {traced:?}");
        assert_eq!(Signal(signal).dumps_core(), action == Action::DumpsCore, "{name}");
        // Without a tracer a core would be the kernel's, wherever that puts it.
        if action != Action::DumpsCore {
            let alone = send(&target, &["--no-ptrace"], signal, action);
            assert_eq!((alone.status, alone.stopped), (traced.status, traced.stopped), "{name}");
            if ends {
                // The kernel tells only a tracer who it was.
                assert_eq!(alone.says, format!("`ready` was ended by {name}"));
            }
        }
        rows.push_str(&row(signal, action, &traced));
    }
    let page = format!("{HEAD}{rows}{TAIL}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SIGNALS.md");
    if std::env::var_os("UPDATE_SIGNALS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == there, "UPDATE_SIGNALS=1 cargo test --test it signals:: rewrites {page}");
}

const HEAD: &str = "\
# Signals

What each signal does to a program that has set no handler, and what `coretool run` makes of it. `tests/it/signals.rs` sends
every one of them, with a tracer and without, and compares. N stands for a number.

| number | signal | default action | a core follows | `coretool run` says | exit status |
|---|---|---|---|---|---|
";

const TAIL: &str = "
A signal that a program handles, ignores or blocks does not have its default action, and `coretool run` says nothing about
it. Those whose core follows are reported when they end the program, whoever sent them. `coretool run` passes SIGTERM,
SIGHUP, SIGUSR1 and SIGUSR2 that are sent to itself on to the program; SIGINT and SIGQUIT of the terminal reach the program
without it. With `--no-ptrace` the actions and exit statuses are the same, but nobody knows who sent the signal. SIGKILL and
SIGSTOP cannot be handled; of who sent a SIGKILL the kernel tells nobody. SIGTSTP, SIGTTIN
and SIGTTOU do nothing in an orphaned process group. The C library keeps 32 and 33 for itself.
";

fn row(signal: i32, action: Action, seen: &Seen) -> String {
    let what = match action {
        Action::Ends => "ends the program",
        Action::DumpsCore => "ends the program",
        Action::Stops => "stops the program",
        Action::Nothing if signal == 18 => "continues a stopped program",
        Action::Nothing => "nothing",
    };
    let core = if action == Action::DumpsCore { "yes" } else { "no" };
    let says = match action {
        Action::DumpsCore => "a report; its core is kept",
        Action::Ends => &seen.says,
        Action::Stops | Action::Nothing => "nothing",
    };
    let status = match action {
        Action::Ends | Action::DumpsCore => format!("{}", seen.status.unwrap_or(-1)),
        Action::Stops | Action::Nothing => "the program's own, later".to_owned(),
    };
    let name = Signal(signal).name();
    let mut row = String::new();
    writeln!(row, "| {signal} | {name} | {what} | {core} | {says} | {status} |").unwrap();
    row
}

/// Runs the target, and sends `signal` to it once it runs. What does not end
/// it is followed by SIGCONT and SIGTERM.
fn send(target: &Target, options: &[&str], signal: i32, expected: Action) -> Seen {
    let _earlier = fs::remove_file(target.reports());
    let mut command = target.command(options);
    // In a group whose parent is in the same session: in an orphaned one the
    // kernel drops SIGTSTP, SIGTTIN and SIGTTOU.
    command.process_group(0);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut run = Run { child, program: None };
    let mut lines = BufReader::new(run.child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let program = run.find_program();
    kill(signal, program);
    let mut stopped = false;
    match expected {
        Action::Ends | Action::DumpsCore => (),
        Action::Stops => {
            wait_until(|| matches!(state(program), Some('T' | 't')), "it stops");
            stopped = true;
        }
        Action::Nothing => wait_until(|| !is_pending(program, signal), "it is taken"),
    }
    if matches!(expected, Action::Stops | Action::Nothing) {
        // A stopped program would not end of it.
        kill(15, program);
    }
    let status = run.wait(signal);
    let mut said = String::new();
    run.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    // Before it may stand what this machine's core_pattern means.
    let says = said.lines().rfind(|line| line.contains("was ended by")).unwrap_or_default();
    let reports = target.read_reports();
    let stops_there = reports
        .iter()
        .all(|report| report.signal.as_ref().is_some_and(|found| found.number == signal));
    assert!(stops_there, "{signal}: {reports:?}");
    Seen { status: status.code(), says: plain(says, target), reports: reports.len(), stopped }
}

/// A line without what differs from run to run.
fn plain(line: &str, target: &Target) -> String {
    let line = line.strip_prefix("coretool: ").unwrap_or(line);
    let line = line.replace(target.program.to_str().unwrap(), "ready");
    match line.split_once("sent by process ") {
        Some((before, rest)) => {
            assert!(rest.contains(" of user "), "{line}");
            format!("{before}sent by process N \"...\" of user N")
        }
        None => line,
    }
}

struct Run {
    child: Child,
    program: Option<i32>,
}

impl Run {
    fn find_program(&mut self) -> i32 {
        let program = program_of(self.child.id());
        self.program = Some(program);
        program
    }

    fn wait(&mut self, signal: i32) -> ExitStatus {
        let start = Instant::now();
        let stops = action(signal) == Action::Stops;
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.program = None;
                return status;
            }
            // Again and again: one that comes while a tracer still looks at the
            // stop signal is before the stop.
            if stops {
                kill_if_there(18, self.program.unwrap());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let program = self.program.unwrap();
        panic!("signal {signal}: it does not end, {:?}", status_line(program, "State"));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(program) = self.program {
            let pid = nix::unistd::Pid::from_raw(program);
            let _gone = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }
}

/// Sends a signal of any number.
fn kill(signal: i32, pid: i32) {
    let script = format!("kill -{signal} {pid}");
    let status = Command::new("bash").args(["-c", &script]).status().expect("bash runs");
    assert!(status.success(), "{script}");
}

/// The same to a program that may be gone.
fn kill_if_there(signal: i32, pid: i32) {
    let script = format!("kill -{signal} {pid} 2>/dev/null || true");
    let _gone = Command::new("bash").args(["-c", &script]).status().expect("bash runs");
}

fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn status_line(pid: i32, key: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn state(pid: i32) -> Option<char> {
    status_line(pid, "State")?.chars().next()
}

fn is_pending(pid: i32, signal: i32) -> bool {
    ["SigPnd", "ShdPnd"].iter().any(|key| {
        let mask = status_line(pid, key).and_then(|mask| u64::from_str_radix(&mask, 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    })
}
