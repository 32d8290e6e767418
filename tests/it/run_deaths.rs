//! `coretool run`: which signals are deaths and which are not, in the program
//! and in what it starts. The ways to die are those of `fixtures/run/deaths.c`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use coretool::report::model::Report;

use crate::support::target::{Target, finished};

#[test]
fn deaths_are_reported_and_passed_on() {
    // (way to die, signal, si_code, si_addr, the innermost of the program's own
    // functions)
    let cases: &[(&str, i32, Option<i32>, Option<&str>, &str)] = &[
        ("plain", 11, Some(1), Some("0x10"), "touch"),
        // SI_TKILL, without an address. The signal was blocked while its handler
        // ran, so it comes when the handler has returned to where it was.
        ("raised-again", 11, Some(-6), None, "touch"),
        ("fault-in-handler", 11, Some(1), Some("0x20"), "touch"),
        // SI_KERNEL: the kernel had no room for the handler's frame.
        ("handler-without-stack", 11, Some(128), None, "deep"),
        // SI_USER.
        ("late-quit", 3, Some(0), None, "block"),
        // SYS_SECCOMP.
        ("seccomp-trap", 31, Some(1), None, "main"),
        ("first-thread-gone", 11, Some(1), Some("0x10"), "touch"),
        ("together", 11, Some(1), Some("0x10"), "touch"),
    ];
    let target = Target::new("deaths");
    for (way, signal, code, address, function) in cases {
        let run = target.run(&["--core", "none"], &[way]);
        assert_eq!(run.status, Some(128 + signal), "{way}: {}", run.stderr);
        let report = run.report();
        let found = report.signal.as_ref().unwrap();
        assert_eq!((found.number, found.code), (*signal, *code), "{way}");
        if address.is_some() {
            let found = found.address.map(|address| address.to_string());
            assert_eq!(found.as_deref(), *address, "{way}");
        }
        let thread = &report.threads[0];
        assert!(thread.crashed, "{way}");
        let is_own = |file: &str| file.ends_with("deaths.c");
        let own = thread.frames.iter().find(|frame| frame.file.as_deref().is_some_and(is_own));
        let own = own.and_then(|frame| frame.function.as_deref());
        assert_eq!(own, Some(*function), "{way}");
    }
}

#[test]
fn the_fault_that_a_handler_raised_again_is_told() {
    // (way to die, what the verdict says of it). The signal that kills has no
    // address any more.
    let cases = [
        // The thread is where it had failed: that is the cause.
        ("raised-again", "after SIGSEGV, which the program handled: write of 1 byte at 0x10"),
        // It has gone elsewhere meanwhile.
        (
            "raised-later",
            "after one of its handlers had run for SIGSEGV at 0x10, the program sent the signal \
             to itself in `main`",
        ),
    ];
    let target = Target::new("deaths");
    for (way, says) in cases {
        let core = target.directory.path().join(way);
        let run = target.run(&["--core", core.to_str().unwrap()], &[way]);
        assert!(run.report().verdict.contains(says), "{way}: {}", run.report().verdict);
        // The core says it, too.
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_coretool"));
        target.prepare(&mut command);
        let output = finished(command.args(["analyze", "--format", "json"]).arg(core));
        let again: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(again.verdict, run.report().verdict);
    }
}

#[test]
fn what_is_no_death_leaves_no_trace() {
    let target = Target::new("deaths");
    for (way, status) in [("", 0), ("ignored", 6), ("handler-on-own-stack", 9)] {
        let run = target.run(&[], &[way]);
        assert_eq!(run.status, Some(status), "{way}: {run:#?}");
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{way}");
        assert_eq!(run.reports.len(), 0, "{way}");
    }
    assert_eq!(target.kept().len(), 0);
}

#[test]
fn deaths_by_signals_of_any_number_are_one_line() {
    let target = Target::new("deaths");
    // The C library's first real-time signal is 34.
    for (way, signal, name) in [("real-time", 34 + 5, "SIGRTMIN+5"), ("alarm", 14, "SIGALRM")] {
        let run = target.run(&[], &[way]);
        assert_eq!(run.status, Some(128 + signal), "{way}: {run:#?}");
        assert_eq!(run.reports.len(), 0, "{way}");
        assert_eq!(run.stderr.lines().count(), 1, "{way}: {}", run.stderr);
        assert!(run.stderr.contains(name), "{way}: {}", run.stderr);
    }
}

#[test]
fn a_thread_that_seccomp_ends_is_no_death_of_the_process() {
    let run = Target::new("deaths").run(&["--core", "none"], &["seccomp-thread"]);
    assert_eq!(run.status, Some(139), "{}", run.stderr);
    assert_eq!(run.stdout, "runs on\n");
    assert!(run.stderr.contains("which ran on"), "{}", run.stderr);
    // The one report is of the later fault.
    assert_eq!(run.report().signal.as_ref().unwrap().number, 11);
}

#[test]
fn a_filter_that_is_younger_than_the_thread_that_breaks_it_is_told() {
    let target = Target::new("late-filter");
    let run = target.run(&["--core", "none"], &["kill"]);
    assert_eq!(run.status, Some(128 + 31), "{}", run.stderr);
    assert!(run.stderr.contains("a seccomp filter has killed process"), "{}", run.stderr);
    assert_eq!(run.reports.len(), 0, "no thread is blamed in place of the one that did it");
    // A younger thread has the exit stop.
    let run = target.run(&["--core", "none"], &["new"]);
    assert_eq!(run.status, Some(128 + 31), "{}", run.stderr);
    let frames = &run.report().threads[0].frames;
    assert!(frames.iter().any(|it| it.function.as_deref() == Some("breaks_the_filter")));
}

#[test]
fn threads_are_listed_by_age_and_the_crashed_one_first() {
    let run = Target::new("threads").run(&["--core", "none"], &["100"]);
    let report = run.report();
    let ids: Vec<u32> = report.threads.iter().map(|thread| thread.tid).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 101);
    assert_eq!(ids.first().copied(), report.process.pid);
    assert!(ids[1..].is_sorted(), "{ids:?}");
}

#[test]
fn children_are_reported_and_the_program_goes_on() {
    let run = Target::new("deaths").run(&["--core", "none"], &["child"]);
    // The program says how its child died.
    assert_eq!(run.status, Some(11), "{run:#?}");
    let report = run.report();
    let (pid, parent) = (report.process.pid.unwrap(), report.process.ppid.unwrap());
    let told = format!("coretool: process {pid} has crashed: started by process {parent} (");
    assert!(run.stderr.starts_with(&told) && run.stderr.lines().count() == 1, "{run:#?}");
    assert_eq!(report.signal.as_ref().unwrap().number, 11);
    assert_ne!(report.process.ppid, Some(std::process::id()), "its parent is the program");
}

#[test]
fn what_the_program_leaves_behind_runs_on() {
    let target = Target::new("deaths");
    let said = target.directory.path().join("said");
    // A file, since a pipe would stay open as long as the child lives.
    let script = format!(
        "exec {} run -- {} left-behind > said 2>&1",
        env!("CARGO_BIN_EXE_coretool"),
        target.program.display()
    );
    let mut command = std::process::Command::new("sh");
    target.prepare(&mut command);
    let run = target.finish(command.args(["-c", &script]));
    assert_eq!(run.status, Some(5), "{run:#?}");
    // Its end of the pipe is the last, so it goes on, writes, and ends.
    let start = Instant::now();
    let mut lines = Vec::new();
    while !lines.iter().any(|line| line == "still here") || is_running(&target.program) {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{}",
            fs::read_to_string(&said).unwrap()
        );
        std::thread::sleep(Duration::from_millis(2));
        lines = fs::read_to_string(&said).unwrap().lines().map(str::to_owned).collect();
    }
    // Who is left is named; and it is no crash.
    lines.retain(|line| line != "still here");
    let [head, named] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(head, "coretool: 1 process lives on after the program's end:");
    assert!(named.contains("): an orphan, started by process "), "{named}");
    assert!(named.contains("which exited with 5"), "{named}");
}

fn is_running(program: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut programs = processes.filter_map(|entry| fs::read_link(entry.path().join("exe")).ok());
    programs.any(|running| running == program)
}
