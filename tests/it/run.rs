//! `coretool run`, end to end: the program behaves as without us, and its
//! death is explained.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use coretool::report::model::{Report, SourceKind};
use coretool::triage::store::Wanted;

use crate::support::target::{Target, finished, program_of, text};

/// The only report of a run.
fn only(target: &Target) -> Report {
    let mut reports = target.read_reports();
    assert_eq!(reports.len(), 1, "one crash, one report");
    reports.remove(0)
}

fn functions(report: &Report) -> Vec<&str> {
    let crashed = report.threads.first().map(|thread| thread.frames.as_slice());
    crashed.unwrap_or_default().iter().filter_map(|frame| frame.function.as_deref()).collect()
}

#[test]
fn a_plain_exit_leaves_no_trace() {
    let target = Target::new("ready");
    for (script, status) in [("exit 0", 0), ("printf out; printf err >&2; exit 3", 3)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        target.prepare(&mut command);
        let output = finished(command.args(["run", "sh", "-c", script]));
        assert_eq!(output.status.code(), Some(status));
        let said = if status == 3 { ("out", "err") } else { ("", "") };
        assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), said);
        assert!(target.kept().is_empty());
    }
}

#[test]
fn signals_that_are_no_crash_work_as_without_us() {
    let target = Target::new("signals");
    let alone = finished(&mut Command::new(&target.program));
    let watched = finished(&mut target.command(&[]));
    assert_eq!(text(&watched.stdout), text(&alone.stdout));
    assert_eq!(text(&watched.stderr), "");
    assert_eq!((alone.status.code(), watched.status.code()), (Some(4), Some(4)));
    // Each line says what the program saw; all of it has to have worked.
    let seen = "faults 3\nreal-time 3\ncanceled 1\nignored\nwaited for 1\nstopped 1\ncontinued 5\nvfork 6\n";
    assert_eq!(text(&alone.stdout), seen);
}

/// A signal that does nothing wakes up no waiting thread, whose system call
/// would answer EINTR: neither does it when we watch, nor does our look at a
/// program that is late.
#[test]
fn waits_go_on_as_without_us() {
    let target = Target::new("deaf");
    for how in ["ignored", "child"] {
        let alone = finished(Command::new(&target.program).arg(how));
        assert_eq!(text(&alone.stdout), "epoll_wait 1\nsemop 0\n", "{how}");
        let watched = finished(target.command(&[]).arg(how));
        assert_eq!(text(&watched.stdout), text(&alone.stdout), "{how}");
        assert_eq!((watched.status.code(), text(&watched.stderr).as_str()), (Some(0), ""));
    }
    // It is sent SIGTERM when it has been looked at, and ends then.
    let late = finished(target.command(&["--timeout", "500ms", "--grace", "60s"]).arg("time"));
    assert_eq!(text(&late.stdout), "epoll_wait 1\n", "{}", text(&late.stderr));
    let reports = target.read_reports();
    assert!(reports[0].verdict.starts_with("hang in process "), "{}", reports[0].verdict);
}

#[test]
fn a_crash_is_reported_from_the_stopped_process_and_kept() {
    let target = Target::new("threads");
    let output = finished(target.command(&[]).arg("3"));
    assert_eq!(output.status.code(), Some(128 + 11));
    assert_eq!(text(&output.stdout), "");
    let report = only(&target);
    assert_eq!(report.source.kind, SourceKind::Live);
    assert_eq!(functions(&report).first(), Some(&"main"));
    assert_eq!(report.threads.len(), 4);

    let kept = target.kept();
    let [crash] = kept.as_slice() else { panic!("{kept:?}") };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(crash), 0o700);
    for file in fs::read_dir(crash).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    // gdb reads the core, and sees the same function in all threads.
    let gdb = finished(
        Command::new("gdb")
            .args(["-nx", "-batch", "-ex", "thread apply all bt 8"])
            .args([&target.program, &target.unpacked(crash, "unpacked")]),
    );
    let said = text(&gdb.stdout);
    assert_eq!(said.matches(" worker (").count(), 3, "{said}");
    assert!(said.contains(" main ("), "{said}");
}

#[test]
fn a_thousand_threads_stop_and_are_counted() {
    let target = Target::new("threads");
    let output = finished(target.command(&["--core", "none"]).arg("1000"));
    assert_eq!(output.status.code(), Some(128 + 11), "{}", text(&output.stderr));
    let report = only(&target);
    assert_eq!(report.threads.len(), 1001);
    let known = report.threads.iter().filter(|thread| thread.stack_complete == Some(true)).count();
    assert_eq!(known, 1001, "every stack is whole");
}

#[test]
fn descendants_that_crash_are_reported() {
    // (program, its own status, whose report, a function on that stack)
    let cases = [("daemon", 7, "daemon", "main"), ("chain", 10 + 6, "chain", "abort")];
    for (name, status, command, function) in cases {
        let target = Target::new(name);
        let output = finished(&mut target.command(&["--core", "none"]));
        assert_eq!(output.status.code(), Some(status), "{name}: {}", text(&output.stderr));
        let report = only(&target);
        assert_eq!(report.process.command.as_deref(), Some(command), "{name}");
        assert!(functions(&report).contains(&function), "{name}: {:?}", functions(&report));
    }
}

#[test]
fn deaths_that_are_hard_to_see() {
    // (program, signal, what the verdict says)
    let cases = [
        ("blocked-fault", 11, "0x0"),
        ("seccomp-kill", 31, "getppid"),
        ("vfork-crash", 11, "0x0"),
        ("undumpable", 11, "0x0"),
    ];
    for (name, signal, says) in cases {
        let target = Target::new(name);
        let output = finished(&mut target.command(&["--core", "none"]));
        assert_eq!(output.status.code(), Some(128 + signal), "{name}");
        let report = only(&target);
        assert_eq!(report.signal.as_ref().unwrap().number, signal, "{name}");
        assert!(report.verdict.contains(says), "{name}: {}", report.verdict);
    }
}

#[test]
fn deaths_that_are_no_crash_get_one_line() {
    let target = Target::new("ready");
    for (signal, number) in [("TERM", 15), ("KILL", 9), ("INT", 2)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        target.prepare(&mut command);
        let script = format!("kill -{signal} $$");
        let output = finished(command.args(["run", "sh", "-c", &script]));
        assert_eq!(output.status.code(), Some(128 + number), "{signal}");
        let said = text(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(&format!("SIG{signal}")), "{said}");
        // The kernel tells nobody who sent a SIGKILL.
        assert_eq!(said.contains("sent by itself"), signal != "KILL", "{said}");
        assert!(target.kept().is_empty());
    }
}

/// Starts `command`, waits until the program says that it is ready, and calls
/// `act` with the pid of the program.
fn when_ready(command: &mut Command, act: impl FnOnce(i32)) -> std::process::Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    act(program_of(child.id()));
    child.wait_with_output().unwrap()
}

#[test]
fn sigquit_is_a_crash_even_where_a_shell_ignores_it() {
    let target = Target::new("ready");
    // A shell without job control ignores it for background commands.
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    let script = r#"trap '' QUIT INT; exec "$@""#;
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_coretool"), "run", "--format", "json"]);
    command.args(["--core", "none", "--output"]).arg(target.reports()).arg(&target.program);
    let output = when_ready(&mut command, |pid| {
        let pid = nix::unistd::Pid::from_raw(pid);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).unwrap();
    });
    assert_eq!(output.status.code(), Some(128 + 3), "{}", text(&output.stderr));
    let report = only(&target);
    assert_eq!(report.signal.as_ref().unwrap().number, 3);
    let sender = report.signal.as_ref().unwrap().sender.as_ref().unwrap();
    assert_eq!(sender.pid, i32::try_from(std::process::id()).unwrap());
    assert!(functions(&report).contains(&"main"));
}

#[test]
fn the_signal_is_mirrored() {
    use std::os::unix::process::ExitStatusExt as _;
    let target = Target::new("ready");
    for (signal, number) in [("SEGV", 11), ("TERM", 15), ("KILL", 9), ("QUIT", 3)] {
        let mut command = Command::new("sh");
        target.prepare(&mut command);
        // With a limit that would have a core of coretool written.
        let script = format!(
            "ulimit -S -c unlimited; exec {} run --mirror-signal --core none sh -c 'kill -{signal} \
             $$'",
            env!("CARGO_BIN_EXE_coretool")
        );
        let output = finished(command.args(["-c", &script]));
        assert_eq!(output.status.signal(), Some(number), "{}", text(&output.stderr));
        assert!(!output.status.core_dumped(), "{signal}");
        assert!(text(&output.stderr).contains(&format!("SIG{signal}")), "it is told first");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    let output = finished(command.args(["run", "--mirror-signal", "sh", "-c", "exit 7"]));
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn sigterm_sent_to_us_reaches_the_program() {
    let target = Target::new("ready");
    let output = when_ready(&mut target.command(&[]), |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let parent = stat.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
        let parent = nix::unistd::Pid::from_raw(parent.trim().parse().unwrap());
        nix::sys::signal::kill(parent, nix::sys::signal::Signal::SIGTERM).unwrap();
    });
    assert_eq!(output.status.code(), Some(128 + 15));
    let said = text(&output.stderr);
    // By this test: coretool has only passed it on.
    let sender = std::process::id();
    assert!(said.contains(&format!("sent by process {sender} ")), "{said}");
}

#[test]
fn control_backslash_on_a_terminal() {
    let target = Target::new("ready");
    // script(1) runs a command on a terminal of its own, and passes on what it
    // reads. Its shell would die of the key, too, and script(1) with it.
    let line = format!(
        "exec {} run --core none --format json --output {} {}",
        env!("CARGO_BIN_EXE_coretool"),
        target.reports().display(),
        target.program.display()
    );
    let mut command = Command::new("script");
    target.prepare(&mut command);
    let mut child = command
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script runs");
    let mut terminal = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("ready") {
        assert_ne!(terminal.read_line(&mut said).unwrap(), 0, "it ended early: {said}");
    }
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"\x1c").unwrap();
    keys.flush().unwrap();
    terminal.read_to_string(&mut said).unwrap();
    drop(keys);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 3), "{said}");
    let report = only(&target);
    assert_eq!(report.signal.as_ref().unwrap().number, 3);
    assert!(report.verdict.contains("SIGQUIT"), "{}", report.verdict);
}

#[test]
fn limits_and_directories_do_not_matter() {
    let target = Target::new("blocked-fault");
    let locked = target.directory.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let program = target.program.display();
    let coretool = env!("CARGO_BIN_EXE_coretool");
    let cases = [
        ("a hard limit of 0", format!("ulimit -c 0; exec {coretool} run {program}")),
        ("a directory that cannot be written", format!("cd locked; exec {coretool} run {program}")),
        (
            "a directory that is gone",
            format!("mkdir gone; cd gone; rmdir ../gone; exec {coretool} run {program}"),
        ),
    ];
    for (number, (name, script)) in cases.iter().enumerate() {
        let mut command = Command::new("sh");
        target.prepare(&mut command);
        let output = finished(command.args(["-c", script]));
        assert_eq!(output.status.code(), Some(128 + 11), "{name}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("CRASH  SIGSEGV"), "{name}");
        assert_eq!(target.kept().len(), number + 1, "{name}");
        let kept = target.store().list(&Wanted::default()).unwrap();
        assert!(kept.iter().all(|crash| crash.core.is_some()), "{name}");
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_unprivileged_user_gets_the_same() {
    let target = Target::new("threads");
    // Another user must be able to get there: /tmp, not the build directory.
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let coretool = place.path().join("coretool");
    let program = place.path().join("threads");
    fs::copy(env!("CARGO_BIN_EXE_coretool"), &coretool).unwrap();
    fs::copy(&target.program, &program).unwrap();
    let mut command = Command::new("setpriv");
    if nix::unistd::geteuid().is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.env("XDG_STATE_HOME", place.path().join("state")).current_dir(place.path());
    let output = finished(command.arg(&coretool).arg("run").arg(&program).arg("2"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(128 + 11), "{said}");
    assert!(said.contains("CRASH  SIGSEGV"), "{said}");
    assert!(said.contains("2 other threads"), "{said}");
}

#[test]
fn nothing_that_exists_is_replaced() {
    let target = Target::new("blocked-fault");
    let existing = target.directory.path().join("mine");
    fs::write(&existing, "mine").unwrap();
    for option in ["--core", "--output"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        target.prepare(&mut command);
        command.args(["run", option]).arg(&existing).arg(&target.program);
        let output = finished(&mut command);
        assert_eq!(output.status.code(), Some(1), "{option}");
        assert!(text(&output.stderr).contains("--force"), "{}", text(&output.stderr));
        assert_eq!(fs::read_to_string(&existing).unwrap(), "mine", "{option}");
    }
    let output = finished(&mut target.command(&["--force", "--core", existing.to_str().unwrap()]));
    assert_eq!(output.status.code(), Some(128 + 11));
    assert!(fs::read(&existing).unwrap().starts_with(b"\x7fELF"));
}

#[test]
fn closed_pipes_are_no_failure() {
    let target = Target::new("threads");
    assert_eq!(finished(target.command(&["--core", "core"]).arg("2")).status.code(), Some(139));
    let coretool = env!("CARGO_BIN_EXE_coretool");
    let script = format!("{coretool} analyze core 2>&1 | head -1; exit ${{PIPESTATUS[0]}}");
    let mut command = Command::new("bash");
    target.prepare(&mut command);
    let output = finished(command.args(["-c", &script]));
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("CRASH  SIGSEGV"), "{}", text(&output.stdout));
}

#[test]
fn without_ptrace_the_reason_for_no_core_is_said_first() {
    let target = Target::new("blocked-fault");
    let coretool = env!("CARGO_BIN_EXE_coretool");
    let program = target.program.display();
    let script = format!("ulimit -c 0; exec {coretool} run --no-ptrace {program}");
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    let output = finished(command.args(["-c", &script]));
    assert_eq!(output.status.code(), Some(128 + 11));
    let said = text(&output.stderr);
    assert!(said.lines().next().unwrap().contains("hard limit"), "{said}");
}

#[test]
fn without_ptrace_the_kernels_core_is_found() {
    let target = Target::new("threads");
    let output = finished(target.command(&["--no-ptrace"]).arg("3"));
    assert_eq!(output.status.code(), Some(128 + 11));
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let is_file = !pattern.trim().is_empty() && !pattern.starts_with(['|', '@']);
    if is_file && !pattern.starts_with('/') {
        let report = only(&target);
        assert_eq!(report.source.kind, SourceKind::Core);
        assert_eq!(report.source.complete, Some(true));
        assert_eq!(report.threads.len(), 4);
        assert_eq!(functions(&report).first(), Some(&"main"));
    } else {
        // Then the user is told before the program starts.
        assert!(text(&output.stderr).contains("core_pattern"), "{}", text(&output.stderr));
    }
}
