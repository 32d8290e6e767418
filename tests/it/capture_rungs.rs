//! The ways in which `coretool run` catches a death, each taken and said.

use std::fs;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use coretool::report::model::{Report, SourceKind};

use crate::support::core_pattern::CorePattern;
use crate::support::notice::untested;
use crate::support::target::{Run, Target, text};

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

/// What systemd-coredump and apport really write, in Python: names, extended
/// attributes and compression of the one, the report of the other. Started as
/// `NAME HOW ROOT PID UID GID SIGNAL TIME HOST COMM`.
const WRITER: &str = r#"
import base64, os, struct, subprocess, sys, zlib
how, root, pid, uid, gid, signal, time, host, comm = sys.argv[1:10]
exe = os.readlink(f"/proc/{pid}/exe")
status = open(f"/proc/{pid}/status").read()
core = sys.stdin.buffer.read()
if how == "apport":
    store = f"{root}/var/crash"
    os.makedirs(store, exist_ok=True)
    name = exe.replace("/", "_")
    with open(f"{store}/.{name}", "wb") as out:
        lines = f"ProblemType: Crash\nDate: Tue Dec  1 10:00:00 2026\nExecutablePath: {exe}\n"
        lines += "Package: null 1.0-1\nProcCmdline: null\nProcStatus:\n"
        lines += "".join(f" {line}\n" for line in status.splitlines())
        lines += f"Signal: {signal}\nUname: Linux\nUserGroups: N/A\nCoreDump: base64\n "
        out.write(lines.encode())
        # problem_report.py, write(): a gzip header, raw deflate in pieces, a trailer.
        out.write(base64.b64encode(b"\37\213\10\10\0\0\0\0\2\377CoreDump\0") + b"\n ")
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, 0)
        for at in range(0, len(core), 1 << 20):
            piece = deflate.compress(core[at:at + (1 << 20)])
            if piece:
                out.write(base64.b64encode(piece) + b"\n ")
        end = deflate.flush() + struct.pack("<LL", zlib.crc32(core), len(core) & 0xffffffff)
        out.write(base64.b64encode(end) + b"\n")
    os.chmod(f"{store}/.{name}", 0o640)
    os.rename(f"{store}/.{name}", f"{store}/{name}.{uid}.crash")
else:
    store = f"{root}/var/lib/systemd/coredump"
    os.makedirs(store, exist_ok=True)
    boot = open("/proc/sys/kernel/random/boot_id").read().strip().replace("-", "")
    escaped = comm.replace(".", "\\x2e")
    name = f"core.{escaped}.{uid}.{boot}.{pid}.{time}000000.{how}"
    command = {"zst": ["zstd", "-q", "-c"], "xz": ["xz", "-q", "-c", "-1"],
               "lz4": ["lz4", "-q", "-c", "-z"]}[how]
    part = f"{store}/.#{name}0123456789abcdef"
    with open(part, "wb") as out:
        subprocess.run(command, input=core, stdout=out, check=True)
    for key, value in [("pid", pid), ("uid", uid), ("gid", gid), ("signal", signal),
                       ("timestamp", f"{time}000000"), ("rlimit", "18446744073709551615"),
                       ("hostname", host), ("comm", comm), ("exe", exe)]:
        try:
            os.setxattr(part, f"user.coredump.{key}", value.encode())
        except OSError:
            pass
    os.chmod(part, 0o640)
    os.rename(part, f"{store}/{name}")
"#;

#[test]
fn what_the_others_record_is_shown() {
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python = text(&python.expect("python3 is installed").stdout).trim().to_owned();
    let target = Target::new("null");
    let place = tempfile::Builder::new().prefix("ct").tempdir().unwrap();
    let script = place.path().join("w");
    fs::write(&script, WRITER).unwrap();
    // Not every file system has such attributes.
    let probe = "import os, sys; os.setxattr(sys.argv[1], 'user.coredump.pid', b'1')";
    let probed = Command::new(&python).args(["-c", probe]).arg(&script).output().unwrap();
    let has_attributes = probed.status.success();
    if !has_attributes {
        untested("extended attributes: this file system has none");
    }
    let mut turn: Option<CorePattern> = None;
    for (keeper, how) in [
        ("systemd-coredump", "zst"),
        ("systemd-coredump", "xz"),
        ("systemd-coredump", "lz4"),
        ("apport", "apport"),
    ] {
        let root = place.path().join(format!("r-{how}"));
        let helper = place.path().join(keeper);
        let path = "PATH=/usr/local/bin:/usr/bin:/bin; export PATH";
        let text_of_it = format!(
            "#!/bin/sh\n{path}; exec {python} {} {how} {} \"$@\"\n",
            script.display(),
            root.display()
        );
        fs::write(&helper, text_of_it).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let pattern = format!("|{} %P %u %g %s %t %h %e", helper.display());
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
        assert_eq!(run.status, Some(128 + 11), "{how}: {}", run.stderr);
        let report = run.report();
        assert_eq!(rung(report), "other-handler", "{how}: {}", run.stderr);
        let frame = &report.threads[0].frames[0];
        assert_eq!((frame.function.as_deref(), frame.line), (Some("value_of"), Some(8)));
        let core = report.source.path.as_deref().unwrap();
        // The same when somebody analyzes that file later.
        let analyzed = Command::new(env!("CARGO_BIN_EXE_coretool"))
            .args(["analyze", "--color", "never", core])
            .output()
            .unwrap();
        let shown = text(&analyzed.stdout);
        assert!(analyzed.status.success(), "{how}: {}", text(&analyzed.stderr));
        if keeper != "apport" && !has_attributes {
            assert_eq!(report.source.recorded, None);
            continue;
        }
        let recorded = report.source.recorded.as_ref().unwrap();
        assert_eq!(recorded.by, keeper);
        assert_eq!(recorded.pid, report.process.pid);
        assert_eq!(recorded.uid, report.process.uid);
        assert_eq!(recorded.signal.as_deref(), Some("SIGSEGV"));
        assert_eq!(recorded.command.as_deref(), Some("null"));
        assert_eq!(recorded.executable.as_deref(), target.program.to_str());
        assert_eq!(recorded.core_limit, None, "it had none");
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        match keeper {
            "apport" => assert_eq!(recorded.package.as_deref(), Some("null 1.0-1")),
            _ => assert_eq!(recorded.host.as_deref(), Some(host.trim())),
        }
        assert!(recorded.time.is_some());
        let says = format!("Recorded by {keeper}: process {} \"null\"", recorded.pid.unwrap());
        assert!(shown.contains(&says), "{shown}");
    }
}
