//! `coretool run`: which signals are deaths, and which are not.

use crate::support::running::{Place, Run};

fn run(way: &str) -> Run {
    Place::new("deaths").run(&[], &[way])
}

#[test]
fn deaths_are_reported_and_passed_on() {
    // (way to die, signal, si_code, si_addr, function of the innermost frame
    // that has one of these files' lines)
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
    let place = Place::new("deaths");
    for (way, signal, code, address, function) in cases {
        let run = place.run(&["--force"], &[way]);
        assert_eq!(run.status.code(), Some(128 + signal), "{way}: {run:#?}");
        let report = run.report();
        let found = report.signal.as_ref().unwrap();
        assert_eq!((found.number, found.code), (*signal, *code), "{way}");
        if address.is_some() {
            let found = found.address.map(|address| address.to_string());
            assert_eq!(found.as_deref(), *address, "{way}");
        }
        let thread = &report.threads[0];
        assert!(thread.crashed, "{way}");
        let own = thread
            .frames
            .iter()
            .find(|frame| frame.file.as_deref().is_some_and(|file| file.ends_with("deaths.c")));
        let own = own.and_then(|frame| frame.function.as_deref());
        assert_eq!(own, Some(*function), "{way}: {:#?}", thread.frames);
    }
}

#[test]
fn a_fault_that_a_handler_raised_again_is_explained_by_the_first() {
    let run = run("raised-again");
    let report = run.report();
    assert!(report.verdict.contains("0x10"), "{}", report.verdict);
}

#[test]
fn what_is_no_death_leaves_no_trace() {
    let place = Place::new("deaths");
    for (way, status) in [("", 0), ("ignored", 6), ("handler-on-own-stack", 9)] {
        let run = place.run(&["--force"], &[way]);
        assert_eq!(run.status.code(), Some(status), "{way}: {run:#?}");
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{way}");
        assert_eq!(run.reports.len(), 0, "{way}");
    }
}

#[test]
fn signals_go_where_they_would_go() {
    let run = Place::new("signals").run(&[], &[]);
    assert_eq!(run.status.code(), Some(4), "{run:#?}");
    let want = "faults 3\nreal-time 3\ncanceled 1\nignored\nwaited for 1\nstopped 1\n\
                continued 5\nvfork 6\n";
    assert_eq!(run.stdout, want);
    assert_eq!(run.stderr, "");
    assert_eq!(run.reports.len(), 0);
}

#[test]
fn other_deaths_are_one_line() {
    let place = Place::new("deaths");
    for (way, signal, name) in [("real-time", 39, "SIGRTMIN+5"), ("alarm", 14, "SIGALRM")] {
        let run = place.run(&["--force"], &[way]);
        assert_eq!(run.status.code(), Some(128 + signal), "{way}: {run:#?}");
        assert_eq!(run.reports.len(), 0, "{way}");
        assert_eq!(run.stderr.lines().count(), 1, "{way}: {}", run.stderr);
        assert!(run.stderr.contains(name), "{way}: {}", run.stderr);
    }
}

#[test]
fn the_sender_is_named() {
    let place = Place::new("ready");
    let child = place.coretool(&[], &[]).spawn().unwrap();
    place.wait_for("ready");
    // Sent to coretool, which passes it on: we are the sender all the same.
    let coretool = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(coretool, nix::sys::signal::Signal::SIGTERM).unwrap();
    let run = place.finish(child);
    assert_eq!(run.status.code(), Some(128 + 15), "{run:#?}");
    let want = format!("sent by process {}", std::process::id());
    assert!(run.stderr.contains(&want) && run.stderr.contains("SIGTERM"), "{}", run.stderr);
}

#[test]
fn a_blocked_and_ignored_fault_kills() {
    let run = Place::new("blocked-fault").run(&[], &[]);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    assert_eq!(run.report().threads[0].frames[0].function.as_deref(), Some("main"));
}

#[test]
fn seccomp_kills_without_a_signal_stop() {
    let run = Place::new("seccomp-kill").run(&[], &[]);
    assert_eq!(run.status.code(), Some(128 + 31), "{run:#?}");
    let report = run.report();
    assert_eq!(report.signal.as_ref().unwrap().number, 31);
    assert!(report.verdict.contains("getppid"), "{}", report.verdict);
}

#[test]
fn a_thread_that_seccomp_ends_is_no_death_of_the_process() {
    let run = run("seccomp-thread");
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    assert_eq!(run.stdout, "runs on\n");
    assert!(run.stderr.contains("runs on"), "{}", run.stderr);
    // The one report is of the later fault.
    assert_eq!(run.report().signal.as_ref().unwrap().number, 11);
}
