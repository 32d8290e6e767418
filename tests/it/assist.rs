//! `coretool run --assist`: sanitizers and runtimes die of a signal.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::target::{Target, finished, text};

/// A program that detects its own error, and how it is started.
struct Case {
    name: &'static str,
    /// The status that it exits with when it is left alone.
    alone: i32,
    /// The signal that it dies of with `--assist`.
    signal: i32,
    /// What is said to be set.
    sets: &'static str,
    /// The variables that it looks at.
    variables: &'static [&'static str],
}

const VARIABLES: &[&str] = &["ASAN_OPTIONS", "UBSAN_OPTIONS", "GOTRACEBACK", "NODE_OPTIONS"];

#[test]
fn what_would_only_exit_is_reported() {
    let target = Target::new("ready");
    let directory = target.directory.path();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let built = |command: &mut Command| {
        let output = finished(command);
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    let asan = directory.join("asan");
    built(
        Command::new("cc")
            .args(["-g", "-O0", "-fsanitize=address", "-o"])
            .args([&asan, &root.join("fixtures/run/overflow-heap.c")]),
    );
    let go = directory.join("nil");
    built(
        Command::new("go")
            .args(["build", "-o"])
            .args([&go, &root.join("fixtures/run/nil.go")])
            .env("GOCACHE", directory.join("go-cache"))
            .env("GOFLAGS", "-mod=mod"),
    );
    let script = directory.join("throw.js");
    fs::write(&script, "function f(o) { return o.x.y; }\nf({});\n").unwrap();

    // The statuses: compiler-rt's `exitcode` (23 of Clang, 1 of GCC), Go's 2 for a
    // panic, Node's 1. V8 ends by a breakpoint instruction: SIGTRAP or, by its
    // build, SIGILL.
    let cases = [
        (
            Case {
                name: "asan",
                alone: 1,
                signal: 6,
                sets: "ASAN_OPTIONS=abort_on_error=1:disable_coredump=0",
                variables: VARIABLES,
            },
            vec![asan],
        ),
        (
            Case {
                name: "go",
                alone: 2,
                signal: 6,
                sets: "GOTRACEBACK=crash",
                variables: VARIABLES,
            },
            vec![go],
        ),
        (
            Case {
                name: "node",
                alone: 1,
                signal: 5,
                sets: "NODE_OPTIONS=--abort-on-uncaught-exception",
                variables: VARIABLES,
            },
            vec!["node".into(), script],
        ),
    ];
    for (case, words) in cases {
        let run = |options: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
            target.prepare(&mut command);
            for variable in case.variables {
                command.env_remove(variable);
            }
            command.args(["run", "--core", "none", "--format", "json", "--output"]);
            command.arg(target.reports()).args(options).args(&words);
            target.finish(&mut command)
        };
        let alone = run(&[]);
        assert_eq!((alone.status, alone.reports.len()), (Some(case.alone), 0), "{}", case.name);
        let helped = run(&["--assist"]);
        let name = case.name;
        assert_eq!(helped.status, Some(128 + case.signal), "{name}: {}", helped.stderr);
        let signal = helped.report().signal.as_ref().map(|signal| signal.number);
        assert_eq!(signal, Some(case.signal), "{name}");
        let notices: Vec<&str> =
            helped.stderr.lines().filter(|line| line.contains("--assist sets")).collect();
        assert!(matches!(notices.as_slice(), [one] if one.contains(case.sets)), "{notices:?}");
    }
}
