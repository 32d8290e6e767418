//! The ways in which `coretool run` catches a death, each taken and said.

use std::fs;
use std::fs::File;
use std::process::{Command, Stdio};

use coretool::report::model::{Report, SourceKind};

use crate::support::notice::untested;
use crate::support::target::{Run, Target};

/// Runs `null` under a shell that prepares with `script`.
fn run_after(target: &Target, script: &str, options: &[&str]) -> Run {
    let command = target.command(options);
    let mut shell = Command::new("sh");
    target.prepare(&mut shell);
    shell.args(["-c", &format!("{script}\nexec \"$@\""), "sh"]);
    target.finish(shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null()))
}

fn rung(report: &Report) -> &str {
    report.source.capture.as_ref().map_or("", |capture| capture.rung.as_str())
}

/// Whether the kernel's log can tell of our programs; prints why not.
fn log_tells() -> bool {
    let is_first =
        fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own.as_os_str() == "pid:[4026531836]");
    let is_on =
        fs::read_to_string("/proc/sys/debug/exception-trace").is_ok_and(|text| text.trim() == "1");
    let opened = File::open("/dev/kmsg");
    if !(is_first && is_on && opened.is_ok()) {
        let error = opened.err();
        untested(&format!("the kernel's log: first namespace {is_first}, on {is_on}, {error:?}"));
        return false;
    }
    true
}

#[test]
fn without_a_core_the_kernels_log_tells() {
    let target = Target::new("null");
    let cases = [
        ("nothing wanted", "", "--capture=none", "--capture none"),
        ("no core allowed", "ulimit -H -c 0", "--capture=kernel", "hard limit on core files is 0"),
        ("the same under its other name", "ulimit -H -c 0", "--no-ptrace", "hard limit"),
    ];
    for (name, script, option, why) in cases {
        let run = run_after(&target, script, &[option]);
        assert_eq!(run.status, Some(128 + 11), "{name}: {}", run.stderr);
        // Many faults at once, as tests make them, are more than the kernel logs.
        if !log_tells() || run.stderr.contains("the kernel's log has no line") {
            println!("{name}: {}", run.stderr);
            assert!(run.stderr.contains("no more is known"), "{name}: {}", run.stderr);
            assert!(run.stderr.contains("SIGSEGV"), "{name}: {}", run.stderr);
            continue;
        }
        let report = run.report();
        assert_eq!(report.source.kind, SourceKind::KernelLog, "{name}");
        assert_eq!(rung(report), "kernel-log", "{name}");
        let said = report.source.capture.as_ref().unwrap().why.join("; ");
        assert!(said.contains(why), "{name}: {said}");
        let [thread] = report.threads.as_slice() else { panic!("{name}: {report:?}") };
        let [frame] = thread.frames.as_slice() else { panic!("{name}: {thread:?}") };
        assert_eq!(frame.function.as_deref(), Some("value_of"), "{name}");
        assert_eq!(frame.line, Some(8), "{name}");
        assert!(report.verdict.contains("0x4"), "{name}: {}", report.verdict);
        // Two registers are known, and no value of a variable.
        let registers = thread.registers.as_ref().unwrap();
        let known: Vec<&str> = registers.general.keys().map(String::as_str).collect();
        assert_eq!(known, ["rip", "rsp"], "{name}");
        assert!(frame.arguments.iter().all(|argument| argument.value.origin.is_none()), "{name}");
        assert!(report.gaps.iter().any(|gap| gap.missing.contains("the callers")), "{name}");
    }
}

#[test]
fn a_tracer_needs_no_core_limit() {
    let target = Target::new("null");
    for option in ["--capture=auto", "--capture=ptrace"] {
        let run = run_after(&target, "ulimit -H -c 0", &[option]);
        assert_eq!(run.status, Some(128 + 11), "{}", run.stderr);
        let report = run.report();
        assert_eq!((report.source.kind, rung(report)), (SourceKind::Live, "ptrace"));
        assert!(!report.source.capture.as_ref().unwrap().why.is_empty());
        assert_eq!(run.stderr, "", "nothing is unusual");
    }
}

#[test]
fn contradictions_are_explained() {
    let target = Target::new("null");
    let cases = [
        (vec!["--capture=kernel", "--core=full"], 1, "--core says which core coretool writes"),
        (vec!["--capture=none", "--core=none"], 1, "with --capture none it writes none"),
        (vec!["--capture=kernel", "--no-ptrace"], 2, "cannot be used with"),
        (vec!["--capture=magic"], 2, "auto, ptrace, kernel, handler, none"),
    ];
    for (options, status, says) in cases {
        let run = target.run(&options, &[]);
        assert_eq!(run.status, Some(status), "{options:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{options:?}: {}", run.stderr);
        assert!(run.reports.is_empty(), "{options:?}: it did not run");
    }
}
