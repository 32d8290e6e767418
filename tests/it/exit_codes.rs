//! Exit statuses and the manners of the command line.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn coretool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    // What crashes here is kept with other files of tests.
    command.env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("exit-codes"));
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn output(words: &[&str]) -> Output {
    coretool().args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn usage() {
    let cases: &[(&str, &[&str], i32)] = &[
        ("help is done", &["--help"], 0),
        ("so is the version", &["--version"], 0),
        ("and the help of a command", &["run", "--help"], 0),
        ("nothing at all", &[], 2),
        ("a command nobody knows", &["explode"], 2),
        ("an option nobody knows", &["analyze", "--explode", "core"], 2),
        ("a core is missing", &["analyze"], 2),
        ("a program is missing", &["run"], 2),
        ("a format nobody knows", &["analyze", "--format", "xml", "core"], 2),
        ("a list of demos", &["demo"], 0),
        ("a demo nobody knows", &["demo", "perpetual-motion"], 1),
        ("a program that is not there", &["run", "./no-such-program"], 1),
    ];
    for (name, words, want) in cases {
        let output = output(words);
        assert_eq!(output.status.code(), Some(*want), "{name}: {}", text(&output.stderr));
        // Help that was asked for and data go to standard output, the rest to
        // standard error.
        let said = if *want == 0 { &output.stdout } else { &output.stderr };
        assert!(!said.is_empty(), "{name}");
        assert!(*want == 0 || output.stdout.is_empty(), "{name}: {}", text(&output.stdout));
    }
}

#[test]
fn what_is_no_core() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("empty"), b"").unwrap();
    fs::write(path("text"), b"just some words\n").unwrap();
    fs::write(path("cut"), b"\x7fELF\x02\x01\x01").unwrap();
    fs::create_dir(path("directory")).unwrap();
    let program = env!("CARGO_BIN_EXE_coretool").into();
    // (file, what the message has, whether there is a remedy)
    let cases = [
        (path("missing"), "No such file", false),
        (path("empty"), "empty", true),
        (path("text"), "text", false),
        (path("cut"), "cut", true),
        (path("directory"), "directory", false),
        ("/dev/null".into(), "device", false),
        (program, "executable", true),
    ];
    for (path, want, has_hint) in cases {
        let output = coretool().arg("analyze").arg(&path).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && said.contains(want), "{said}");
        assert!(said.contains(path.to_str().unwrap()), "the path is named: {said}");
        assert!(!has_hint || said.contains("\nhint: "), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("report.json");
    fs::write(&out, b"mine").unwrap();
    for words in [["analyze", "/dev/null"], ["run", "true"]] {
        let [command, target] = words;
        let words =
            [OsStr::new(command), OsStr::new("--output"), out.as_os_str(), OsStr::new(target)];
        let output = coretool().args(words).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("exists") && said.contains("hint: ") && said.contains("--force"),
            "{said}"
        );
        assert_eq!(fs::read(&out).unwrap(), b"mine");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    // Its reading end is closed before anything can be written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = coretool().arg("demo").stdout(writer).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn hostile_names_are_escaped() {
    let output = output(&["analyze", "no\x1b[2Jsuch\ncore\u{202e}"]);
    let said = text(&output.stderr);
    assert!(said.contains(r"no\x1b[2Jsuch\ncore\u{202e}"), "{said}");
    assert!(!said.contains('\x1b'), "{said}");
}

#[test]
fn color() {
    let missing = ["analyze", "missing"];
    let cases: &[(&str, &[&str], bool)] = &[
        ("no terminal, no color", &[], false),
        ("on demand", &["--color", "always"], true),
        ("never", &["--color=never"], false),
    ];
    for (name, words, want) in cases {
        let output = output(&[words, missing.as_slice()].concat());
        assert_eq!(text(&output.stderr).contains('\x1b'), *want, "{name}");
    }
}

#[test]
fn the_program_s_status_is_passed_on() {
    let cases = [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -TERM $$", 128 + 15),
        ("kill -KILL $$", 128 + 9),
        ("kill -INT $$", 128 + 2),
    ];
    for (script, want) in cases {
        let output = output(&["run", "sh", "-c", script]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(want), "{script}: {said}");
        assert!(output.stdout.is_empty());
        // A plain exit leaves no trace, a death by signal one line.
        let lines = said.lines().count();
        assert_eq!(lines, usize::from(want > 128 && want != 255), "{script}: {said}");
    }
}

#[test]
fn without_a_place_to_keep_crashes_the_program_still_runs() {
    // Root always has a place. Another user must be able to reach the program.
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("coretool");
    fs::copy(env!("CARGO_BIN_EXE_coretool"), &program).unwrap();
    let run = |script| {
        let mut command = Command::new("setpriv");
        if nix::unistd::geteuid().is_root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg(&program).args(["run", "sh", "-c", script]).current_dir("/");
        command.env_remove("HOME").env_remove("XDG_STATE_HOME").output().unwrap()
    };
    let output = run("echo out; exit 3");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), "out\n".to_owned()));
    assert_eq!(text(&output.stderr), "");
    let output = run("kill -SEGV $$");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(128 + 11), "{said}");
    assert!(said.contains("\nCRASH  SIGSEGV") && said.contains("XDG_STATE_HOME"), "{said}");
    assert!(!said.contains("Saved:"), "{said}");
}
