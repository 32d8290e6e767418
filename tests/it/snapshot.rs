//! `coretool snapshot` and `coretool stack`: a running process is looked at,
//! and does not notice.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use coretool::report::model::Report;

use crate::support::target::{Target, finished, text};

/// A running `fixtures/run/waits.c`; its end ends the program.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Running {
    fn start(target: &Target) -> Self {
        let mut command = Command::new(&target.program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let input = child.stdin.take();
        Self { child, input, output: Some(output) }
    }

    /// Ends it, and returns what its waits have answered.
    fn end(mut self) -> String {
        self.input.take().unwrap().write_all(b"x").unwrap();
        let mut said = String::new();
        self.output.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn coretool(target: &Target, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    command.args(words);
    command
}

#[test]
fn the_process_notices_nothing() {
    let target = Target::new("waits");
    let running = Running::start(&target);
    let pid = running.child.id().to_string();
    let real_time = nix::libc::SIGRTMIN();
    for _ in 0..50 {
        // A handled signal on its way must not be lost.
        let send = format!("kill -{real_time} {pid}");
        let sent = Command::new("sh").args(["-c", &send]).status();
        assert!(sent.unwrap().success());
        let words = ["snapshot", "--force", "-o", "core", "--format", "json", &pid];
        let output = finished(&mut coretool(&target, &words));
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        // A third line would say why it had to stand still until all was
        // copied, or who had noticed.
        let lines: Vec<&str> = said.lines().collect();
        let [pause, place] = lines[..] else { panic!("{said}") };
        assert!(pause.starts_with(&format!("coretool: process {pid} stood still for ")), "{said}");
        assert_eq!(place, "coretool: its core is `core`");
    }
    assert_eq!(running.end(), "returned 0 interrupted 0 wrong 0 handled 50 children 0\n");
}

#[test]
fn gdb_opens_the_core_of_a_snapshot() {
    let target = Target::new("waits");
    let running = Running::start(&target);
    let pid = running.child.id().to_string();
    let output = finished(&mut coretool(&target, &["snapshot", "-o", "core", &pid]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("process {pid} stood still for ")), "{said}");
    assert!(!said.contains("until all was copied"), "{said}");
    let gdb = finished(
        Command::new("gdb")
            .args(["-nx", "-batch", "-ex", "thread apply all bt 8"])
            .args([&target.program, &target.directory.path().join("core")]),
    );
    let said = text(&gdb.stdout);
    for name in ["in_read", "in_futex", "in_epoll", "in_sigtimedwait", "in_long_sleep", "main"] {
        assert!(said.contains(&format!(" {name} (")), "{name}: {said}");
    }
    // A file that exists is not replaced.
    let again = finished(&mut coretool(&target, &["snapshot", "-o", "core", &pid]));
    assert_eq!(again.status.code(), Some(1));
    drop(running);
}

#[test]
fn a_tree_of_processes() {
    let target = Target::new("waits");
    let script = "sh -c 'sleep 3600 & wait' & echo ready; wait";
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut shell = std::os::unix::process::CommandExt::process_group(shell, 0).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = shell.id();
    let children = |pid: u32| {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
    };
    let comm = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let start = std::time::Instant::now();
    let (inner, sleeper) = loop {
        let inner = children(pid).first().copied();
        let sleeper = inner.and_then(|inner| children(inner).first().copied());
        match (inner, sleeper) {
            (Some(inner), Some(sleeper)) if comm(sleeper) == "sleep\n" => break (inner, sleeper),
            _ => assert!(start.elapsed().as_secs() < 30, "it does not start"),
        }
        std::thread::yield_now();
    };
    let words = ["snapshot", "--tree", "-o", "cores", "--format", "json", &pid.to_string()];
    let output = finished(&mut coretool(&target, &words));
    let group = nix::unistd::Pid::from_raw(pid.cast_signed());
    let alive = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
    shell.wait().unwrap();
    let told = text(&output.stderr);
    assert!(output.status.success() && alive.is_ok(), "{told}");
    assert!(told.contains("coretool: these 3 processes stood still together for "), "{told}");
    let said = text(&output.stdout);
    let reports = said.lines().map(|line| serde_json::from_str(line).unwrap());
    let reports: Vec<Report> = reports.collect();
    let pids: Vec<Option<u32>> = reports.iter().map(|report| report.process.pid).collect();
    assert_eq!(pids, [Some(pid), Some(inner), Some(sleeper)], "each parent before its children");
    // The copies that the cores are made of are nobody's descendants.
    for (report, want) in reports.iter().zip([2, 1, 0]) {
        let ipc = report.ipc.as_ref().unwrap();
        let peers = ipc.descriptors.iter().flat_map(|descriptor| &descriptor.peers);
        let strange: Vec<_> =
            peers.filter(|peer| peer.command == "sleep" && peer.pid != sleeper).collect();
        assert!(strange.is_empty(), "{strange:?}");
        let descendants = report.tree.as_ref().map_or(0, |tree| tree.descendants.len());
        assert_eq!(descendants, want, "{:?}", report.tree);
    }
    for pid in [pid, inner, sleeper] {
        let core = target.directory.path().join(format!("cores/core.{pid}"));
        let again = finished(&mut coretool(
            &target,
            &["analyze", "--format", "json", core.to_str().unwrap()],
        ));
        let again: Report = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(again.process.pid, Some(pid));
    }
}

/// Two processes that hand a number to each other: in cores of one moment the
/// one that waits has never seen a later one than the one that counts.
#[test]
fn a_tree_is_of_one_moment() {
    let target = Target::new("pair");
    let mut command = Command::new(&target.program);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running { child, input: None, output: None };
    let mut line = String::new();
    BufReader::new(running.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let peer: u32 = line.trim().parse().unwrap();
    for _ in 0..5 {
        let pid = running.child.id();
        let words = ["snapshot", "--tree", "--force", "-o", "cores", &pid.to_string()];
        let output = finished(&mut coretool(&target, &words));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let count = |pid: u32| -> u64 {
            let core = format!("cores/core.{pid}");
            let words = ["print", "--format", "json", &core, "count"];
            let output = finished(&mut coretool(&target, &words));
            let said: serde_json::Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
            let text = said["results"][0]["value"]["text"].as_str();
            text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{said}"))
        };
        let (first, second) = (count(pid), count(peer));
        assert!(first == second || first == second + 1, "{first} and {second}");
    }
}

/// It may become another program while its copy is written, and end threads and
/// children at any moment: it goes on.
#[test]
fn the_restless_are_looked_at_and_go_on() {
    let target = Target::new("restless");
    for how in ["exec", "forks", "threads"] {
        let mut command = Command::new(&target.program);
        let child = command.arg(how).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut running = Running { child, input: None, output: None };
        let mut line = String::new();
        BufReader::new(running.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let pid = running.child.id().to_string();
        for round in 0..8 {
            for words in [&["snapshot", "--tree", "--force", "-o", "cores"][..], &["stack"]] {
                let words = [words, &[pid.as_str()]].concat();
                let output = finished(&mut coretool(&target, &words));
                let said = text(&output.stderr);
                assert!(output.status.success(), "{how}, round {round}: {said}");
                assert!(!said.contains("a zombie"), "{how}, round {round}: {said}");
            }
        }
        let ended = running.child.try_wait().unwrap();
        assert!(ended.is_none(), "{how}: it has ended: {ended:?}");
    }
}

#[test]
fn stacks_of_a_running_process() {
    let target = Target::new("waits");
    let running = Running::start(&target);
    let pid = running.child.id();
    let output = finished(&mut coretool(&target, &["stack", "--format", "json", &pid.to_string()]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report.verdict.starts_with(&format!("process {pid} \"waits\" is alive: ")));
    assert!(report.signal.is_none());
    assert_eq!(report.threads.len(), 8);
    let frames = report.threads.iter().flat_map(|thread| &thread.frames);
    let functions: Vec<&str> = frames.filter_map(|frame| frame.function.as_deref()).collect();
    for name in ["in_read", "in_futex", "in_epoll", "in_sigtimedwait", "in_long_sleep"] {
        assert!(functions.contains(&name), "{name}: {functions:?}");
    }
    assert_eq!(running.end(), "returned 0 interrupted 0 wrong 0 handled 0 children 0\n");
}

#[test]
fn what_cannot_be_looked_at_is_explained() {
    let target = Target::new("waits");
    let running = Running::start(&target);
    let pid = running.child.id().to_string();
    let thread = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let thread = thread.map(|entry| entry.file_name().into_string().unwrap());
    let thread = thread.filter(|tid| *tid != pid).last().unwrap();
    let says = |word: &str| text(&finished(&mut coretool(&target, &["stack", word])).stderr);
    assert!(says("2147483647").contains("there is no such process"));
    let said = says(&thread);
    assert!(said.contains(&format!("{thread} is a thread of process {pid}")), "{said}");
    // A child that has ended, and that nobody has waited for.
    let mut ended = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    // The end of its output is a moment before its own.
    let mut nothing = String::new();
    ended.stdout.take().unwrap().read_to_string(&mut nothing).unwrap();
    let stat = format!("/proc/{}/stat", ended.id());
    let start = std::time::Instant::now();
    while !fs::read_to_string(&stat).unwrap().contains(" Z ") {
        assert!(start.elapsed().as_secs() < 30, "it does not end");
        std::thread::yield_now();
    }
    let said = says(&ended.id().to_string());
    assert!(said.contains("is a zombie until its parent"), "{said}");
    ended.wait().unwrap();
}

#[test]
fn a_program_that_hangs_is_looked_at_and_ended() {
    let target = Target::new("waits");
    let mut command = target.command(&["--timeout", "1500ms", "--grace", "5s"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    // Its standard input stays open, or it would end by itself.
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(output.status.code(), Some(124), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("SIGTERM sent to process"), "{said}");
    let reports = target.read_reports();
    let [report] = reports.as_slice() else { panic!("{reports:#?}") };
    assert!(report.verdict.starts_with("hang in process "), "{}", report.verdict);
    assert!(report.verdict.contains(" after 1.5 s"), "{}", report.verdict);
    // Who it waits for bears on a hang.
    let shown = text(&finished(&mut coretool(&target, &["show", "latest"])).stdout);
    let own = std::process::id();
    assert!(shown.contains(&format!("\n  fd 0   a pipe from process {own} ")), "{shown}");
}
