//! The ways in which `coretool run` catches a death, each taken and said.

use std::fs;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use coretool::report::model::{Report, SourceKind};

use crate::support::core_pattern::CorePattern;
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
    // Where it may be written, nobody installs a handler meanwhile.
    let _turn = CorePattern::set("core");
    let cases = [
        ("nothing wanted", "", "--capture=none", "--capture none"),
        ("no core allowed", "ulimit -c 0", "--capture=kernel", "hard limit on core files is 0"),
        ("the same under its other name", "ulimit -c 0", "--no-ptrace", "hard limit"),
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
        let run = run_after(&target, "ulimit -c 0", &[option]);
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

/// Handlers of other projects: what each leaves of the core on its standard
/// input, below `$ROOT`, when it is started as `NAME PID UID SIGNAL TIME`: for
/// whatever crashes on this machine meanwhile.
const KEEPERS: [(&str, &str); 3] = [
    (
        "systemd-coredump",
        "store=$ROOT/var/lib/systemd/coredump; mkdir -p $store
         cat > $store/.part$1
         python3 -c 'import os, sys; os.setxattr(sys.argv[1], \"user.coredump.pid\",
             sys.argv[2].encode())' $store/.part$1 $1 || true
         boot=$(tr -d - < /proc/sys/kernel/random/boot_id)
         mv $store/.part$1 $store/core.null.$2.$boot.$1.${4}000000",
    ),
    (
        "abrt-hook-ccpp",
        "store=$ROOT/var/spool/abrt/ccpp-2026-12-01-$1; mkdir -p $store.new
         cat > $store.new/coredump; echo $1 > $store.new/global_pid; echo $4 > $store.new/time
         mv $store.new $store",
    ),
    (
        // Its core is no core: there may be no memory for one.
        "apport",
        "store=$ROOT/var/crash; mkdir -p $store; cat > /dev/null
         printf 'ProcStatus:\\n Pid:\\t%s\\nCoreDump: base64\\n !\\n' $1 > $store/part$1
         mv $store/part$1 $store/_null$1.0.crash",
    ),
];

#[test]
fn what_another_handler_keeps_is_found() {
    let target = Target::new("null");
    let root = target.directory.path().join("root");
    // A pattern has room for 127 characters.
    let place = tempfile::Builder::new().prefix("ct").tempdir().unwrap();
    let mut turn: Option<CorePattern> = None;
    for (name, script) in KEEPERS {
        let helper = place.path().join(name);
        let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
        let text = format!("#!/bin/sh\n{path}; ROOT={}\n{script}\n", root.display());
        fs::write(&helper, text).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let pattern = format!("|{} %p %u %s %t", helper.display());
        match &turn {
            Some(turn) => turn.change(&pattern),
            None => match CorePattern::set(&pattern) {
                Ok(set) => turn = Some(set),
                Err(why) => {
                    assert!(std::env::var_os("CI").is_none(), "must run under CI: {why}");
                    untested(&format!("other handlers: {why}"));
                    return;
                }
            },
        }
        let stores = root.to_str().unwrap();
        let run = target.run(&["--capture=kernel", "--other-stores", stores], &[]);
        assert_eq!(run.status, Some(128 + 11), "{name}: {}", run.stderr);
        if name == "apport" {
            let says = format!("coretool: `{}/var/crash/_null", root.display());
            let line = run.stderr.lines().find(|line| line.starts_with(&says));
            assert!(line.is_some_and(|line| line.contains("cannot be used: ")), "{}", run.stderr);
            continue;
        }
        let report = run.report();
        let way = (report.source.kind, rung(report));
        assert_eq!(way, (SourceKind::Core, "other-handler"), "{name}: {}", run.stderr);
        let path = report.source.path.as_deref().unwrap();
        assert!(path.starts_with(stores), "{path}");
        let frame = &report.threads[0].frames[0];
        assert_eq!((frame.function.as_deref(), frame.line), (Some("value_of"), Some(8)));
        let why = report.source.capture.as_ref().unwrap().why.join("; ");
        let keeper = name.split('-').next().unwrap();
        assert!(why.contains("is looked into") && why.contains(keeper), "{why}");
        let amiss = run.stderr.lines().filter(|line| !line.contains("waiting for"));
        assert_eq!(amiss.count(), 0, "{name}: {}", run.stderr);
    }
}
