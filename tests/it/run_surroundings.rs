//! `coretool run` where something is missing or in the way: rights, tracers,
//! readers, programs.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::target::{Target, finished, text};

/// Runs `script` in a shell, with these words as `"$@"`.
fn shell(target: &Target, script: &str, words: &Command) -> Command {
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    command.args(["-c", script, "sh"]).arg(words.get_program()).args(words.get_args());
    command
}

#[test]
fn ends_that_the_kernel_would_have_thrown_away() {
    let target = Target::new("deaths");
    for (way, status) in [("ignored", 6), ("plain", 139)] {
        let mut command = target.command(&["--core", "none"]);
        let run = target.finish(&mut shell(&target, "trap '' CHLD; exec \"$@\"", command.arg(way)));
        assert_eq!(run.status, Some(status), "{way}: {}", run.stderr);
    }
}

#[test]
fn a_second_tracer_is_refused_and_the_program_runs() {
    let target = Target::new("deaths");
    // The outer one traces the inner one and all that it starts.
    let inner = target.command(&["--core", "none"]);
    let mut outer = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut outer);
    outer.args(["run", "--core", "none", "--"]).arg(inner.get_program()).args(inner.get_args());
    let run = target.finish(outer.arg("plain"));
    assert_eq!(run.status, Some(139), "{}", run.stderr);
    assert!(run.stderr.contains("cannot be traced"), "{}", run.stderr);
    assert!(run.stderr.contains("CRASH  SIGSEGV"), "the outer one reports: {}", run.stderr);
}

/// A directory that other users can reach, with coretool and a program in it.
fn public(target: &Target) -> (tempfile::TempDir, Command) {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_coretool"), place.path().join("coretool")).unwrap();
    fs::copy(&target.program, place.path().join("program")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.env("XDG_STATE_HOME", place.path().join("state")).current_dir(place.path());
    command.stdin(Stdio::null()).args(["./coretool", "run"]);
    (place, command)
}

#[test]
fn memory_that_is_hidden_from_its_own_user() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let target = Target::new("undumpable");
    let (_place, mut command) = public(&target);
    command.args(["--core", "none", "--format", "json", "--", "./program"]);
    let output = finished(&mut command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(139), "{said}");
    // Registers and the signal are known all the same.
    let line = said.lines().find(|line| line.starts_with('{')).unwrap();
    let report: coretool::report::model::Report = serde_json::from_str(line).unwrap();
    assert_eq!(report.signal.unwrap().number, 11);
    assert!(report.threads[0].registers.is_some());
    assert!(report.gaps.iter().any(|gap| gap.missing.contains("memory")), "{:#?}", report.gaps);
}

#[test]
fn programs_that_would_lose_their_privilege_are_not_traced() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can make a set-user-id program");
        return;
    }
    let target = Target::new("deaths");
    let (place, mut command) = public(&target);
    let program = place.path().join("program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let output = finished(command.args(["--", "./program", ""]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("set-user-id"), "{said}");
}

#[test]
fn output_that_nobody_reads() {
    let target = Target::new("deaths");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["run", "--core", "none", "--output", "-", "--"]);
    command.arg(&target.program).arg("plain");
    let script = "(\"$@\"; echo $? > status) | true";
    let output = finished(&mut shell(&target, script, &command));
    assert_eq!(text(&output.stderr), "");
    let status = fs::read_to_string(target.directory.path().join("status")).unwrap();
    assert_eq!(status.trim(), "139");
}

#[test]
fn programs_that_cannot_start() {
    let target = Target::new("ready");
    fs::write(target.directory.path().join("text"), "no program").unwrap();
    let cases = [("./nowhere", "no program `./nowhere`"), ("./text", "cannot execute `./text`")];
    for option in ["--core=none", "--no-ptrace"] {
        for (program, want) in cases {
            let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
            target.prepare(&mut command);
            let output = finished(command.args(["run", option, program]));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(want), "{said}");
        }
    }
}

#[test]
fn control_c_is_the_programs_and_stopping_works() {
    let target = Target::new("ready");
    let command = target.command(&["--core", "none"]);
    let words: Vec<OsString> =
        [command.get_program()].into_iter().chain(command.get_args()).map(Into::into).collect();
    let line = words.iter().map(|word| format!("'{}'", word.to_str().unwrap()));
    // An interactive shell on a terminal of its own. It stops the job at Ctrl-Z,
    // continues it, and then Ctrl-C ends it.
    let line = format!("set -m; {}; fg; echo status $?", line.collect::<Vec<_>>().join(" "));
    let mut script = Command::new("script");
    target.prepare(&mut script);
    script.env("SHELL", "/bin/bash");
    let mut child = script
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script runs");
    let mut terminal = BufReader::new(child.stdout.take().unwrap());
    let mut keys = child.stdin.take().unwrap();
    let mut said = String::new();
    let mut wait_for = |terminal: &mut BufReader<_>, wanted: &str| {
        let from = said.len();
        while !said[from..].contains(wanted) {
            assert_ne!(terminal.read_line(&mut said).unwrap(), 0, "it ended early: {said}");
        }
    };
    wait_for(&mut terminal, "ready");
    keys.write_all(b"\x1a").unwrap();
    wait_for(&mut terminal, "Stopped");
    // `fg` names the job that it continues.
    wait_for(&mut terminal, "ready");
    keys.write_all(b"\x03").unwrap();
    let mut rest = String::new();
    terminal.read_to_string(&mut rest).unwrap();
    drop(keys);
    let _ended = child.wait().unwrap();
    assert!(rest.contains("status 130"), "{rest}");
    assert!(rest.contains("SIGINT"), "{rest}");
    assert_eq!(target.read_reports().len(), 0);
}
