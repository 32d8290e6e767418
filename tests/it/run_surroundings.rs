//! `coretool run` in narrow places: limits, users, directories, terminals.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::support::running::{Place, ended};

/// The words of a command as one argument of `sh -c`.
fn quoted(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let quote = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
    words.map(quote).collect::<Vec<_>>().join(" ")
}

/// Runs `coretool run` from a shell that does `first` before.
fn after(
    place: &Place,
    first: &str,
    options: &[&str],
    arguments: &[&str],
) -> crate::support::running::Run {
    let command = place.coretool(options, arguments);
    let script = format!("{first}; exec {}", quoted(&command));
    let child = place.command("sh".as_ref(), &["-c".into(), script.into()]).spawn().unwrap();
    place.finish(child)
}

#[test]
fn without_any_core_limit() {
    let place = Place::new("deaths");
    let core = place.path().join("the-core");
    let options = ["--core", core.to_str().unwrap()];
    let run = after(&place, "ulimit -H -c 0", &options, &["plain"]);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    assert_eq!(run.report().threads[0].frames[0].function.as_deref(), Some("touch"));
    assert_eq!(fs::metadata(&core).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_refused_kernel_core_is_said_before_the_start() {
    let place = Place::new("deaths");
    let run = after(&place, "ulimit -H -c 0", &["--no-ptrace"], &["plain"]);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    assert_eq!(run.reports.len(), 0);
    let first = run.stderr.lines().next().unwrap();
    assert!(first.contains("no core will come") && first.contains("hard limit"), "{first}");
}

#[test]
fn signals_that_a_shell_ignores_are_reset() {
    let place = Place::new("deaths");
    let run = after(&place, "trap '' INT QUIT CHLD", &[], &["late-quit"]);
    assert_eq!(run.status.code(), Some(131), "{run:#?}");
    assert_eq!(run.report().signal.as_ref().unwrap().number, 3);
    // A status that the kernel would have thrown away.
    let run = after(&place, "trap '' CHLD", &["--force"], &["ignored"]);
    assert_eq!(run.status.code(), Some(6), "{run:#?}");
}

#[test]
fn a_directory_that_cannot_be_written_as_another_user() {
    if !geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let place = Place::new("undumpable");
    // Its own state, and nothing else, is the user's.
    let state = place.path().join("state");
    fs::create_dir(&state).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    nix::unistd::chown(&state, Some(nobody.uid), Some(nobody.gid)).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if !is_reachable(&place) {
        return;
    }
    let mut words: Vec<_> =
        ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"].map(Into::into).to_vec();
    words.push(env!("CARGO_BIN_EXE_coretool").into());
    words.extend(["run", "--core", "none", "--format", "json", "--"].map(Into::into));
    words.push(place.program.clone().into());
    let child = place.command("setpriv".as_ref(), &words).spawn().unwrap();
    let run = place.finish(child);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    let line = run.stderr.lines().find(|line| line.starts_with('{')).unwrap();
    let report: coretool::report::model::Report = serde_json::from_str(line).unwrap();
    // Registers and signal are known of a process that hides its memory.
    assert_eq!(report.signal.unwrap().number, 11);
    assert!(report.gaps.iter().any(|gap| gap.missing.contains("memory")), "{:#?}", report.gaps);
}

/// Whether another user may execute what the tests built.
fn is_reachable(place: &Place) -> bool {
    let mut words: Vec<std::ffi::OsString> =
        ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"].map(Into::into).to_vec();
    words.push(env!("CARGO_BIN_EXE_coretool").into());
    words.push("--version".into());
    let is = ended(place.command("setpriv".as_ref(), &words).spawn().unwrap()).success();
    if !is {
        println!("skipped: another user cannot reach {}", env!("CARGO_BIN_EXE_coretool"));
    }
    is
}

#[test]
fn output_that_nobody_reads() {
    let place = Place::new("deaths");
    let program = place.program.display();
    let coretool = env!("CARGO_BIN_EXE_coretool");
    let script = format!(
        "('{coretool}' run --core none --output - -- '{program}' plain; echo $? > status) | true"
    );
    let child = place.command("sh".as_ref(), &["-c".into(), script.into()]).spawn().unwrap();
    assert!(ended(child).success());
    assert_eq!(fs::read_to_string(place.path().join("status")).unwrap().trim(), "139");
}

#[test]
fn programs_that_cannot_start() {
    let place = Place::new("ready");
    let text = place.path().join("text");
    fs::write(&text, "no program").unwrap();
    let cases = [("./nowhere", "no program `./nowhere`"), ("./text", "cannot execute `./text`")];
    for (program, want) in cases {
        let words = ["run", program].map(Into::into);
        let child = place.command(env!("CARGO_BIN_EXE_coretool").as_ref(), &words).spawn().unwrap();
        let run = place.finish(child);
        assert_eq!(run.status.code(), Some(1), "{run:#?}");
        assert!(run.stderr.contains(want), "{}", run.stderr);
    }
}

#[test]
fn a_second_tracer_is_refused_and_the_program_runs() {
    let place = Place::new("deaths");
    // The outer one traces the inner one and all that it starts.
    let inner = place.coretool(&[], &["plain"]);
    let mut words: Vec<std::ffi::OsString> =
        ["run", "--core", "none", "--"].map(Into::into).to_vec();
    words.push(inner.get_program().into());
    words.extend(inner.get_args().map(Into::into));
    let outer = place.command(env!("CARGO_BIN_EXE_coretool").as_ref(), &words).spawn().unwrap();
    let run = place.finish(outer);
    assert_eq!(run.status.code(), Some(139), "{run:#?}");
    assert!(run.stderr.contains("cannot be traced"), "{}", run.stderr);
    assert!(run.stderr.contains("CRASH  SIGSEGV"), "the outer one reports: {}", run.stderr);
}

#[test]
fn ctrl_backslash_at_a_terminal() {
    let place = Place::new("ready");
    let command = quoted(&place.coretool(&[], &[]));
    // script(1) gives it a terminal, whose keys we press.
    let words = ["-qec", &command, "typescript"].map(Into::into);
    let mut child = place.command("script".as_ref(), &words).stdin(Stdio::piped()).spawn().unwrap();
    place.wait_for("ready");
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"\x1c").unwrap();
    let run = place.finish(child);
    drop(keys);
    assert_eq!(run.status.code(), Some(131), "{run:#?}");
    let report = run.report();
    assert_eq!(report.signal.as_ref().unwrap().number, 3);
    assert!(report.threads[0].frames.iter().any(|frame| frame.function.as_deref() == Some("main")));
}

#[test]
fn ctrl_c_is_the_programs() {
    let place = Place::new("ready");
    let command = quoted(&place.coretool(&[], &[]));
    let words = ["-qec", &command, "typescript"].map(Into::into);
    let mut child = place.command("script".as_ref(), &words).stdin(Stdio::piped()).spawn().unwrap();
    place.wait_for("ready");
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"\x03").unwrap();
    let run = place.finish(child);
    drop(keys);
    assert_eq!(run.status.code(), Some(130), "{run:#?}");
    assert!(run.stdout.contains("SIGINT"), "{run:#?}");
    assert_eq!(run.reports.len(), 0);
}
