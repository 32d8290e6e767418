//! `coretool doctor`: what it says is so, and nothing stays behind.

use std::fs;
use std::process::{Command, Output};

use coretool::report::model::{CheckState, CrashOutcome, Examination};

use crate::support::target::{Target, finished, text};

/// Runs a shell script that has the doctor as `"$@"`.
fn examined(target: &Target, script: &str, arguments: &[&str]) -> (Output, Examination) {
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    let temporary = target.directory.path().join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_coretool"), "doctor", "--format", "json"])
        .args(arguments)
        .env("TMPDIR", &temporary);
    let output = finished(&mut command);
    let found = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(target.kept().is_empty());
    (output, found)
}

fn state(found: &Examination, name: &str) -> CheckState {
    let check = found.checks.iter().find(|check| check.name == name);
    check.unwrap_or_else(|| panic!("no check {name}")).state
}

#[test]
fn a_child_that_is_traced_leaves_a_core_with_all_threads() {
    let target = Target::new("ready");
    let (output, found) = examined(&target, "exec \"$@\"", &[]);
    assert_eq!(output.status.code(), Some(0), "{found:#?}");
    assert_eq!(found.schema, "coretool.doctor/1");
    assert_eq!(found.watched.outcome, CrashOutcome::Captured);
    let proof = found.proofs.iter().find(|proof| proof.rung == "ptrace").unwrap();
    assert_eq!((proof.state, proof.threads), (CheckState::Ok, Some(3)));
    for check in &found.checks {
        assert!(!check.says.is_empty(), "{check:?}");
        let is_fine = matches!(check.state, CheckState::Ok | CheckState::Unknown);
        assert!(is_fine || check.remedy.is_some(), "{check:?}");
    }
}

#[test]
fn what_the_session_has_is_told() {
    let target = Target::new("ready");
    // (how it is started, which check, how it stands)
    let cases = [
        ("ulimit -f 8; exec \"$@\"", "file-limit", CheckState::Warning),
        ("trap '' QUIT; exec \"$@\"", "ignored-signals", CheckState::Warning),
        ("GOTRACEBACK=crash exec \"$@\"", "GOTRACEBACK", CheckState::Ok),
        ("GOTRACEBACK=none exec \"$@\"", "GOTRACEBACK", CheckState::Warning),
        ("echo 0 > /proc/self/coredump_filter; exec \"$@\"", "core-filter", CheckState::Bad),
    ];
    for (script, name, want) in cases {
        let (_, found) = examined(&target, script, &["--no-proof"]);
        assert_eq!(state(&found, name), want, "{script}");
        assert!(found.proofs.is_empty());
    }
}

#[test]
fn strict_fails_where_a_crash_alone_would_be_lost() {
    let target = Target::new("ready");
    // Without memory of its own no core has a stack, whoever gets it.
    let script = "echo 0 > /proc/self/coredump_filter; exec \"$@\"";
    let (output, found) = examined(&target, script, &["--strict"]);
    assert_eq!(found.alone.outcome, CrashOutcome::Lost);
    assert_eq!(output.status.code(), Some(1));
    // The tracer does not need the kernel's core.
    let (output, found) = examined(&target, script, &[]);
    assert_eq!(found.watched.outcome, CrashOutcome::Captured);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn programs() {
    let target = Target::new("ready");
    let program = target.program.to_str().unwrap();
    let (_, found) = examined(&target, "exec \"$@\"", &["--no-proof", program]);
    assert_eq!(found.program.as_deref(), Some(program));
    assert_eq!(state(&found, "file"), CheckState::Ok);
    assert_eq!(state(&found, "debug-info"), CheckState::Ok);
    assert_eq!(state(&found, "build-id"), CheckState::Ok);
    let (_, found) = examined(&target, "exec \"$@\"", &["--no-proof", "./nothing-there"]);
    assert_eq!(state(&found, "file"), CheckState::Bad);
}

#[test]
fn text_has_words_and_fits() {
    let target = Target::new("ready");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    let said = text(&finished(command.args(["doctor", "--no-proof"])).stdout);
    assert!(said.starts_with("A crash with `coretool run`: "), "{said}");
    assert!(said.contains("\nLimits\n") && said.contains("\nok  "), "{said}");
}
