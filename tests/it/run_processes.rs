//! `coretool run`: threads, children, orphans, exec.

use std::collections::HashSet;
use std::fs;

use crate::support::running::{Place, until};

#[test]
fn a_thousand_threads_are_held() {
    let run = Place::new("threads").run(&[], &["1000"]);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    let report = run.report();
    assert_eq!(report.threads.len(), 1001);
    let ids: HashSet<u32> = report.threads.iter().map(|thread| thread.tid).collect();
    assert_eq!(ids.len(), 1001);
    assert_eq!(report.threads[0].tid, report.process.pid.unwrap(), "the first thread crashed");
    assert!(report.threads[1..].windows(2).all(|two| two[0].tid < two[1].tid), "by age");
    assert_eq!(report.gaps.iter().filter(|gap| gap.missing.contains("threads")).count(), 0);
}

#[test]
fn children_are_reported_and_the_program_goes_on() {
    let run = Place::new("deaths").run(&[], &["child"]);
    // The program says how its child died.
    assert_eq!(run.status.code(), Some(11), "{run:#?}");
    assert_eq!(run.stderr, "");
    assert!(run.report().process.ppid.is_some());
    assert_eq!(run.report().signal.as_ref().unwrap().number, 11);
}

#[test]
fn forks_and_execs_from_other_threads() {
    let run = Place::new("chain").run(&[], &["3"]);
    // The last one aborts; each parent passes on 10 + SIGABRT.
    assert_eq!(run.status.code(), Some(16), "{run:#?}");
    let report = run.report();
    assert_eq!(report.signal.as_ref().unwrap().number, 6);
    assert_eq!(report.process.arguments.last().map(String::as_str), Some("0"));
}

#[test]
fn a_daemonized_grandchild() {
    let run = Place::new("daemon").run(&[], &[]);
    assert_eq!(run.status.code(), Some(7), "{run:#?}");
    assert_eq!(run.stdout, "grandchild gone 0\n");
    assert_eq!(run.report().threads[0].frames[0].function.as_deref(), Some("main"));
}

#[test]
fn a_thread_in_vfork_is_not_waited_for_without_end() {
    let run = Place::new("vfork-crash").run(&[], &[]);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    let report = run.report();
    assert_eq!(report.threads.len(), 2);
    assert!(report.threads[0].crashed);
}

#[test]
fn what_the_program_leaves_behind_runs_on() {
    let place = Place::new("deaths");
    let run = place.run(&[], &["left-behind"]);
    assert_eq!(run.status.code(), Some(5), "{run:#?}");
    assert_eq!(run.reports.len(), 0);
    // Its parent's end of the pipe is closed, so it writes and ends by itself.
    place.wait_for("still here");
    let program = place.program.canonicalize().unwrap();
    until("the child is gone", || !is_running(&program));
}

fn is_running(program: &std::path::Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| fs::read_link(entry.path().join("exe")).ok())
        .any(|exe| exe == program)
}
