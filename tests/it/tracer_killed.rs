//! `coretool run` is killed: the program goes on, or ends as it would have.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::target::Target;

/// How long something may take that takes no time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running coretool and its program, which are killed when a test fails.
struct Watched {
    coretool: Child,
    program: Option<Pid>,
}

impl Watched {
    /// The program tells its process id by the first line of its output.
    fn start(target: &Target, way: &str) -> (Self, BufReader<std::process::ChildStdout>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        target.prepare(&mut command);
        command.args(["run", "--core", "full"]).arg(&target.program).arg(way);
        let mut coretool = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(coretool.stdout.take().unwrap());
        let mut this = Self { coretool, program: None };
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        this.program = Some(Pid::from_raw(line.trim().parse().unwrap()));
        (this, output)
    }

    fn program(&self) -> Pid {
        self.program.unwrap()
    }

    fn kill_coretool(&mut self) {
        self.coretool.kill().unwrap();
        let status = self.coretool.wait().unwrap();
        assert_eq!(status.signal(), Some(9));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _gone = self.coretool.kill();
        let _gone = self.coretool.wait();
        if let Some(program) = self.program
            && is_alive(program)
        {
            let _gone = kill(program, Signal::SIGKILL);
        }
    }
}

/// Not gone, and no zombie.
fn is_alive(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains(['Z', 'X']))
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Where the crashes are being written.
fn is_being_written(target: &Target) -> bool {
    let mut directories = vec![target.directory.path().join("state")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                _ => return true,
            }
        }
    }
    false
}

#[test]
fn a_program_that_lives_lives_on() {
    let target = Target::new("answers");
    let (mut watched, mut output) = Watched::start(&target, "live");
    let mut stdin = watched.coretool.stdin.take().unwrap();
    watched.kill_coretool();
    // It answers each line, from both of its threads.
    for word in ["one\n", "two\n"] {
        stdin.write_all(word.as_bytes()).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, word);
    }
    drop(stdin);
    wait_until("the end", || !is_alive(watched.program()));
}

#[test]
fn a_program_that_is_held_dies_as_it_would_have() {
    // Killed at different times of the hold: as soon as the program stands
    // still, and while its core is written.
    for is_late in [false, true] {
        let target = Target::new("answers");
        let (mut watched, mut output) = Watched::start(&target, "crash");
        let program = watched.program();
        let mut stdin = watched.coretool.stdin.take().unwrap();
        stdin.write_all(b"now\n").unwrap();
        let is_held = || {
            let status = fs::read_to_string(format!("/proc/{program}/status"));
            status.is_ok_and(|status| status.contains("tracing stop")) || !is_alive(program)
        };
        wait_until("the hold", is_held);
        if is_late {
            wait_until("the saving", || is_being_written(&target) || !is_alive(program));
        }
        watched.kill_coretool();
        // The fault happens again, without anybody who holds it.
        wait_until("the death", || !is_alive(program));
        let mut rest = String::new();
        output.read_line(&mut rest).unwrap();
        assert_eq!(rest, "", "it does not go on behind its fault");
    }
}

#[test]
fn a_program_that_handles_signals_goes_on() {
    let target = Target::new("answers");
    let (mut watched, mut output) = Watched::start(&target, "signals");
    let mut stdin = watched.coretool.stdin.take().unwrap();
    watched.kill_coretool();
    stdin.write_all(b"still\n").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "still\n");
    drop(stdin);
    wait_until("the end", || !is_alive(watched.program()));
}
