//! `coretool analyze --sandbox`: the same report from a process without rights, and
//! limits that hold.

use std::env;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use coretool::capture::sandbox::{Room, confine};
use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture;
use crate::support::scratch;

fn analyze(words: &[&str], input: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["analyze", "--format", "json"]).args(words).stdin(input);
    command.output().expect("coretool starts")
}

fn report(words: &[&str], input: Stdio) -> Report {
    let output = analyze(words, input);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{talk}");
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

#[test]
fn the_report_is_the_same() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let path = core.path.to_str().unwrap();
    let program = core.program.to_str().unwrap();
    let plain = report(&[path], Stdio::null());
    // The source lies beside the program's, not in the system.
    let sources = format!("{0}={0}", fixture.source.parent().unwrap().display());
    let words = ["--sandbox", "--exe", program, "--path-map", &sources, path];
    assert_eq!(report(&words, Stdio::null()), plain);
    let piped = report(
        &["--sandbox", "--exe", program, "--path-map", &sources, "-"],
        File::open(path).unwrap().into(),
    );
    assert_eq!(piped.threads, plain.threads);
    // Without a word about them, files outside of the system stay closed.
    let alone = report(&["--sandbox", path], Stdio::null());
    assert_eq!(alone.signal, plain.signal);
    assert!(alone.gaps.iter().any(|gap| gap.why.contains("Permission denied")), "{:?}", alone.gaps);
    assert!(!plain.gaps.iter().any(|gap| gap.why.contains("Permission denied")));
}

#[test]
fn errors_come_through_with_their_hints() {
    let scratch = scratch::directory("confined");
    let text = scratch.path().join("text");
    fs::write(&text, "no core\n").unwrap();
    let output = analyze(&["--sandbox", text.to_str().unwrap()], Stdio::null());
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{talk}");
    assert!(talk.contains("is not a core file: it is text"), "{talk}");
    assert!(output.stdout.is_empty());
}

#[test]
fn limits_hold() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let path = core.path.to_str().unwrap();
    let refused = |words: &[&str], input: Stdio, what: &str| {
        let output = analyze(words, input);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {talk}");
        assert!(talk.contains(what) && talk.contains("hint: "), "{words:?}: {talk}");
    };
    refused(&["--limit-memory", "100k", path], Stdio::null(), "more");
    // An input that never comes uses no processor; the clock ends it.
    let mut silent = Command::new("sleep").arg("60").stdout(Stdio::piped()).spawn().unwrap();
    let pipe = silent.stdout.take().unwrap();
    refused(&["--limit-time", "300ms", "-"], pipe.into(), "took more than 300ms");
    silent.kill().unwrap();
    silent.wait().unwrap();
    let words = ["--limit-memory", "2G", "--limit-time", "10m", path];
    assert_eq!(report(&words, Stdio::null()), report(&[path], Stdio::null()));
}

/// What a confined process can and cannot do; it is this test, run again.
#[test]
fn a_confined_process_can_only_read() {
    let scratch = scratch::directory("rights");
    let allowed = scratch.path().join("allowed");
    fs::create_dir(&allowed).unwrap();
    fs::write(allowed.join("file"), "text").unwrap();
    fs::write(scratch.path().join("other"), "text").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "confined::worker", "--nocapture"])
        .env("CONFINED_DIRECTORY", scratch.path())
        .env("CONFINED_ADDRESS", listener.local_addr().unwrap().to_string())
        .output()
        .expect("a test can be started");
    let talk = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && talk.contains("all is as it should be"), "{talk}");
}

#[test]
fn worker() {
    let Some(directory) = env::var_os("CONFINED_DIRECTORY") else { return };
    let directory = Path::new(&directory).to_owned();
    let address = env::var("CONFINED_ADDRESS").unwrap();
    // The test's own threads are there already; the filter is for all of them.
    let room = Room { memory: 1 << 30, time: Duration::from_secs(30), written: 0 };
    // A thread may lower its rights without the others: the rest of this process
    // has to print the result.
    let places = [directory.join("allowed"), "/does/not/exist".into()];
    let confined = confine(&room, Some(&places)).unwrap();
    assert!(confined.files, "this kernel has landlock");
    assert_eq!(fs::read(directory.join("allowed/file")).unwrap(), b"text");
    assert_eq!(fs::read_dir(directory.join("allowed")).unwrap().count(), 1);
    for path in [directory.join("other"), "/etc/passwd".into(), "/proc/self/environ".into()] {
        assert!(fs::read(&path).is_err(), "{} can be read", path.display());
    }
    assert!(File::create(directory.join("allowed/new")).is_err());
    assert!(File::options().write(true).open(directory.join("allowed/file")).is_err());
    assert!(fs::remove_file(directory.join("allowed/file")).is_err());
    assert!(fs::rename(directory.join("allowed/file"), directory.join("allowed/x")).is_err());
    assert!(TcpStream::connect(&address).is_err());
    assert!(TcpListener::bind("127.0.0.1:0").is_err());
    assert!(Command::new("/bin/true").status().is_err());
    assert_eq!(thread::spawn(|| 7).join().unwrap(), 7);
    println!("all is as it should be");
}
