//! `docs/stories/orphan.md`: a Node worker lives on when its parent has gone.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coretool::base::facts::PeerState;
use coretool::report::model::Report;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::target::{Target, finished, text};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the worker has said of itself, and what coretool has said of it.
struct Story {
    worker: u32,
    parent: u32,
    port: u16,
    report: Report,
    /// As people read it.
    text: String,
    stderr: String,
}

/// Runs the parent, waits until the worker is an orphan, and sends it SIGQUIT.
fn story(target: &Target, arguments: &[&str]) -> Story {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/run/orphan-parent.js");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    command.args(["run", "--orphans", "wait", "--core", "none", "--format", "json", "--output"]);
    command.arg(target.reports()).arg("--").arg("node").arg(program).args(arguments);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["ready", worker, parent, port] = words[..] else { panic!("{line:?}") };
    let worker: u32 = worker.parse().unwrap();
    // The line about the orphan comes when its parent has gone.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("lives on") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended early: {said}");
    }
    let channel = channel_of(worker);
    let start = Instant::now();
    while arguments.is_empty() && channel.exists() {
        assert!(start.elapsed() < PATIENCE, "Node does not close its channel");
        std::thread::yield_now();
    }
    assert_eq!(channel.exists(), !arguments.is_empty());
    kill(Pid::from_raw(worker.cast_signed()), Signal::SIGQUIT).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    // That of the program, and not of the worker.
    assert_eq!(status.code(), Some(5), "{said}");
    let mut reports = target.read_reports();
    assert_eq!(reports.len(), 1, "{said}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    let shown = finished(command.args(["show", "latest"]));
    Story {
        worker,
        parent: parent.parse().unwrap(),
        port: port.parse().unwrap(),
        report: reports.remove(0),
        text: text(&shown.stdout),
        stderr: said,
    }
}

/// The descriptor of which Node has told the worker.
fn channel_of(worker: u32) -> std::path::PathBuf {
    let environment = fs::read(format!("/proc/{worker}/environ")).unwrap();
    let mut variables = environment.split(|byte| *byte == 0);
    let fd = variables.find_map(|it| it.strip_prefix(b"NODE_CHANNEL_FD=")).unwrap();
    format!("/proc/{worker}/fd/{}", str::from_utf8(fd).unwrap()).into()
}

/// What holds of the worker whatever it does.
fn names_all(story: &Story) {
    let Story { worker, parent, port, report, text, stderr } = story;
    assert_eq!(report.process.pid, Some(*worker));
    assert_eq!(report.signal.as_ref().unwrap().name, "SIGQUIT");

    let tree = report.tree.as_ref().unwrap();
    assert_eq!(tree.is_orphan, Some(true));
    let by = tree.started_by.as_ref().unwrap();
    assert_eq!((by.pid, by.ended.as_deref()), (*parent, Some("exited with 5")));
    assert!(by.arguments.iter().any(|word| word.ends_with("orphan-parent.js")), "{by:?}");
    // `/proc` has another one in its place.
    assert_ne!(tree.ancestors.first().map(|it| it.pid), Some(*parent));

    let ipc = report.ipc.as_ref().unwrap();
    let channel = ipc.node_channel.as_ref().unwrap();
    assert_eq!(channel.peer_state, PeerState::Dead);
    let [end] = channel.peers.as_slice() else { panic!("{channel:?}") };
    assert_eq!((end.pid, end.ended.as_deref()), (*parent, Some("exited with 5")));

    let local = format!("local 127.0.0.1:{port}");
    let listeners = ipc.descriptors.iter().filter(|it| it.state.as_deref() == Some("listening"));
    let listeners: Vec<_> = listeners.collect();
    let [listener] = listeners.as_slice() else { panic!("{listeners:#?}") };
    assert!(listener.details.contains(&local), "{listener:?}");

    let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        format!("an orphan: it was started by process {parent} ("),
        "orphan-parent.js".to_owned(),
        "), which exited with 5".to_owned(),
        format!("its other end is dead; it was that of process {parent}"),
        format!("a TCP socket, listening ({local})"),
    ] {
        // Names of directories may be broken at hyphens.
        assert!(shown.contains(&part), "{part}: {text}");
    }

    // What is said at the parent's end.
    let named = stderr.lines().find(|line| line.contains(&format!("  process {worker} (")));
    let named = named.unwrap_or_else(|| panic!("{stderr}"));
    assert!(named.contains(&format!("): an orphan, started by process {parent} (")), "{named}");
    assert!(named.contains("which exited with 5"), "{named}");
    assert!(named.ends_with(&format!("; listens at 127.0.0.1:{port}")), "{named}");
}

#[test]
fn a_node_worker_that_serves() {
    let target = Target::new("ready");
    let story = story(&target, &[]);
    names_all(&story);
    let ipc = story.report.ipc.as_ref().unwrap();
    assert!(ipc.node_channel.as_ref().unwrap().is_closed);
    assert!(story.text.contains("closed: its other end is dead"), "{}", story.text);
}

#[test]
fn a_node_worker_that_is_stuck() {
    let target = Target::new("ready");
    let story = story(&target, &["stuck"]);
    names_all(&story);
    let ipc = story.report.ipc.as_ref().unwrap();
    let channel = ipc.node_channel.as_ref().unwrap();
    assert!(!channel.is_closed);
    // The descriptor itself says so, too.
    let socket = ipc.descriptors.iter().find(|it| it.fd == channel.fd).unwrap();
    assert_eq!(socket.peer_state, Some(PeerState::Dead), "{socket:?}");
}
