//! `coretool run --orphans`: who lives on is named, and waited for or ended if
//! that is wanted, with a tracer and without.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::target::{Run, Target};

/// Runs a script under `coretool run` with these options.
fn run(target: &Target, options: &str, script: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    command.arg("run").args(options.split_whitespace());
    target.finish(command.args(["--", "sh", "-c", script]))
}

/// The process that a script has told of.
fn told(run: &Run) -> i32 {
    let first = run.stdout.split_whitespace().next();
    first.and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("{run:#?}"))
}

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat")));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Lives for an hour, away from the pipes by which the test sees the end. It is
/// what it is to be, and asleep, when the shell exits.
const SLEEPER: &str = "sleep 3600 </dev/null >/dev/null 2>&1 & echo $!
    while ! grep -q '^Name:.sleep' /proc/$!/status || ! grep -q '^State:.S' /proc/$!/status; do :
    done; exit 3";

#[test]
fn they_are_named_and_run_on() {
    let target = Target::new("ready");
    for (options, started_by) in [("", "an orphan, started by process "), ("--no-ptrace", "")] {
        let run = run(&target, options, SLEEPER);
        let pid = told(&run);
        assert!(is_alive(pid), "{run:#?}");
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        assert_eq!(run.status, Some(3), "{run:#?}");
        let lines: Vec<&str> = run.stderr.lines().collect();
        let [head, named] = lines[..] else { panic!("{run:#?}") };
        assert_eq!(head, "coretool: 1 process lives on after the program's end:");
        let start = format!("coretool:   process {pid} (sleep 3600): an orphan");
        assert!(named.starts_with(&start), "{named}");
        assert!(named.contains(started_by), "{named}");
        assert!(named.ends_with("; waits in clock_nanosleep"), "{named}");
        if options.is_empty() {
            assert!(named.contains("), which exited with 3"), "{named}");
        }
    }
}

#[test]
fn they_are_waited_for() {
    let target = Target::new("ready");
    // What the first orphan leaves is waited for, too. It reads no file, and
    // ends when its own starter has.
    let script = "(while [ -d /proc/$$ ]; do sleep 0.01; done; (sleep 0.05; echo late) & ) & \
                  echo early; exit 3";
    for options in ["--orphans wait", "--wait", "--no-ptrace --orphans wait"] {
        let run = run(&target, options, script);
        assert_eq!(run.status, Some(3), "{run:#?}");
        assert_eq!(run.stdout, "early\nlate\n", "{options}");
        assert!(run.stderr.contains("on after the program's end"), "{run:#?}");
    }
}

#[test]
fn they_are_ended() {
    let target = Target::new("ready");
    // One that has the same name, and is not of the program's tree.
    let mut other = Sleeper::start();
    // Nobody is to come before it has set its trap.
    let stubborn = "rm -f set; sh -c \"trap '' TERM; : > set; while :; do sleep 0.05; done\" \
                    </dev/null >/dev/null 2>&1 & echo $!; while [ ! -e set ]; do :; done; exit 3";
    for options in ["--orphans kill", "--orphans kill --no-ptrace"] {
        let gentle = run(&target, options, SLEEPER);
        let pid = told(&gentle);
        assert!(!is_alive(pid), "{gentle:#?}");
        assert_eq!(gentle.status, Some(3));
        let sent = format!("coretool: SIGTERM sent to process {pid}");
        assert_eq!(gentle.stderr.lines().last(), Some(sent.as_str()));

        let forced = run(&target, &format!("{options} --grace 300ms"), stubborn);
        let pid = told(&forced);
        assert!(!is_alive(pid), "{forced:#?}");
        assert_eq!(forced.status, Some(3));
        assert!(forced.stderr.contains("SIGKILL sent to process "), "{forced:#?}");
        assert!(forced.stderr.contains(": no end within 300 ms of SIGTERM"), "{forced:#?}");
    }
    assert!(other.0.try_wait().unwrap().is_none(), "only what the program has started");
}

/// A process of this test's own, which ends with this.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = Command::new("sleep");
        command.arg("3600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_time_limit_without_a_tracer() {
    let target = Target::new("ready");
    let start = Instant::now();
    let run = run(&target, "--no-ptrace --timeout 300ms", "exec sleep 3600");
    assert!(start.elapsed() < Duration::from_secs(30), "{run:#?}");
    assert_eq!(run.status, Some(124), "{run:#?}");
    assert!(run.stderr.contains("is not looked at, since nothing is attached"), "{run:#?}");
    assert!(run.stderr.contains("(sleep 3600): waits in clock_nanosleep"), "{run:#?}");
    assert!(run.stderr.contains("SIGTERM sent to process "), "{run:#?}");
}
