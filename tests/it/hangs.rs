//! Hangs, as a user sees them: `run --timeout`, `stack PID`, and the graph of who
//! waits for whom in JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::base::limits::Limits;
use coretool::base::memory::Fallback;
use coretool::diagnose::crash::{Crash, Occasion};
use coretool::diagnose::diagnose;
use coretool::dump;
use coretool::report::model::Report;
use coretool::symbols::{SymbolOptions, Symbols};
use coretool::unwind::walk::Unwinder;
use coretool::variables::Context;
use coretool::variables::calls::{Locals, thread_calls};

use crate::support::builds::Build;
use crate::support::compiler::built;
use crate::support::examination::examination;
use crate::support::fixture;
use crate::support::scratch;
use crate::support::target::{Target, finished, text};

/// A fixture that hangs; it ends with this.
struct Hanging(Child);

impl Hanging {
    fn start(program: &Path) -> Self {
        let mut child = Command::new(program).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line}");
        std::thread::sleep(Duration::from_millis(300));
        Self(child)
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// What `coretool stack` says of a running program, as JSON.
fn stack(program: &Path) -> Report {
    let running = Hanging::start(program);
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["stack", "--format", "json", &running.pid()]);
    let output = finished(&mut command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_circle_in_a_running_program() {
    let fixture = fixture::named("quit-hang");
    let report = stack(&built(fixture, Build::plain(fixture)));
    assert!(report.verdict.contains(" is alive: deadlock: thread "), "{}", report.verdict);
    assert_eq!(report.findings[0].id, "deadlock");
    let location = report.findings[0].location.as_ref().unwrap();
    assert_eq!(location.function.as_deref(), Some("transfer"));

    let graph = report.wait_graph.as_ref().unwrap();
    let [cycle] = graph.cycles.as_slice() else { panic!("{graph:#?}") };
    assert_eq!(cycle.len(), 2);
    let names: Vec<_> = graph.locks.iter().filter_map(|lock| lock.name.as_deref()).collect();
    assert!(names.contains(&"rent.lock") && names.contains(&"food.lock"), "{names:?}");
    for (from, to) in [(cycle[0], cycle[1]), (cycle[1], cycle[0])] {
        let edge = graph.edges.iter().find(|edge| edge.from == from).unwrap();
        assert_eq!(edge.to, to);
        let lock = graph.locks.iter().find(|lock| Some(lock.address) == edge.lock).unwrap();
        assert_eq!((lock.kind.as_str(), lock.owner), ("mutex", Some(to)));
        assert_eq!(lock.waiters, [from]);
        let thread = report.threads.iter().find(|thread| thread.tid == from).unwrap();
        let waits = thread.waits_for.as_ref().unwrap();
        assert_eq!(waits.held_by, Some(to));
        let requested = waits.requested.as_ref().unwrap();
        assert_eq!(requested.function.as_deref(), Some("transfer"));
    }
}

#[test]
fn a_circle_without_libc_and_symbols() {
    // A static program of another C library, whose mutexes name no owner.
    let scratch = scratch::directory("musl");
    let program = scratch.path().join("quit-hang");
    let source = &fixture::named("quit-hang").source;
    let mut compile = Command::new("musl-gcc");
    compile.args(["-O2", "-static", "-s", "-pthread", "-o"]).args([&program, source]);
    let compiled = finished(&mut compile);
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
    let report = stack(&program);
    let graph = report.wait_graph.as_ref().unwrap();
    assert_eq!(graph.cycles.iter().map(Vec::len).collect::<Vec<_>>(), [2], "{graph:#?}");
    // Nothing names the owner, so it is not said to be one.
    assert!(graph.edges.iter().all(|edge| edge.confidence < 0.95 || edge.lock.is_none()));
    assert!(report.verdict.contains("likely a deadlock: "), "{}", report.verdict);
}

#[test]
fn the_text_has_the_circle_first() {
    let fixture = fixture::named("quit-hang");
    let program = built(fixture, Build::plain(fixture));
    let scratch = scratch::directory("hang");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command
        .args(["run", "--timeout", "1s", "--grace", "1s", "--core", "none"])
        .arg(&program)
        .env("XDG_STATE_HOME", scratch.path());
    let output = finished(&mut command);
    let said = text(&output.stderr);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "after 1 s: deadlock: thread ",
        "waits for the mutex `food.lock`, held by thread ",
        "Why: deadlock",
        "asked for the mutex `rent.lock` in `transfer` at quit-hang.c:35, called by",
        "which holds it",
        "is now in `transfer` at quit-hang.c:35",
    ] {
        assert!(words.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_pipe_whose_only_writer_is_the_reader() {
    let target = Target::new("own-pipe");
    let mut command = target.command(&["--timeout", "1s", "--grace", "1s", "--core", "none"]);
    let output = finished(&mut command);
    let reports = target.read_reports();
    let report = reports.first().unwrap_or_else(|| panic!("{}", text(&output.stderr)));
    assert_eq!(report.findings[0].id, "pipe-to-itself", "{}", report.verdict);
    assert!(report.verdict.contains("in `read_all` at own-pipe.c:9"), "{}", report.verdict);
    assert!(report.verdict.contains("fd 4, is open in this process alone"), "{}", report.verdict);
}

/// Each call passes its depth on, so that the source says how many there are:
/// the call `index` frames out from the innermost one has `depth` N - `index`.
#[test]
fn a_recursion_is_counted_to_the_frame() {
    let fixture = fixture::named("stack-overflow-thread");
    let seen = examination(fixture, Build::plain(fixture));
    let report = seen.report.as_ref().unwrap();
    let frame = &report.threads[0].frames[3];
    assert_eq!(frame.function.as_deref(), Some("descend"));
    let depth = frame.arguments.iter().find(|it| it.name == "depth").unwrap();
    let depth: u64 = depth.value.text.parse().unwrap();
    let calls = depth + frame.index;
    assert!(report.verdict.contains(&format!("{calls} deep")), "{calls}: {}", report.verdict);
    let evidence = report.findings[0].evidence.join("\n");
    assert!(evidence.contains(&format!("{calls} of them in the recursion")), "{evidence}");
    assert!(
        evidence.contains("`depth` of `descend` goes from 1 in the outermost call to "),
        "{evidence}"
    );
}

#[test]
fn what_overran_an_array_is_shown() {
    let cases = [
        // 33 characters into 24 bytes.
        ("abort-stack-smashing", "goes on for 33 bytes, 9 bytes more than it has"),
        // 64 characters into 8 bytes; what follows them may be a letter by chance.
        ("smashed-return", "EEEEEEEEFFFFFFFFGGGGGGGGHHHHHHHH"),
        ("smashed-return", "bytes more than it has, over the return address"),
    ];
    for (name, words) in cases {
        let fixture = fixture::named(name);
        let seen = examination(fixture, Build::plain(fixture));
        let report = seen.report.as_ref().unwrap();
        let evidence = report.findings[0].evidence.join("\n");
        assert!(evidence.contains(words), "{name}: {evidence}");
    }
}

/// The rules alone, without reading symbols and unwinding. The bar for an
/// optimized build is 200 ms; this one is not.
#[test]
fn a_thousand_threads_take_the_rules_little_time() {
    let target = Target::new("thousand");
    let running = Hanging::start(&target.program);
    let core = target.directory.path().join("core");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["--quiet", "snapshot", "--format", "json", "-o"]).arg(&core).arg(running.pid());
    let output = finished(&mut command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    drop(running);

    let (store, gaps, limits) = (FileStore::new(), Gaps::new(), Limits::default());
    let process = dump::open(&core, &store, &limits, &gaps).unwrap();
    let symbols = Symbols::load(&process, &SymbolOptions::default(), &store, &limits, &gaps);
    let files = symbols.mapped_files(&process);
    let memory = Fallback { first: &*process.memory, second: &files };
    let stacks = Unwinder::new(&process, &memory, &symbols, &limits).walk_all(&gaps);
    let context = Context::new(&process, &memory, &symbols, &limits);
    let threads = thread_calls(&context, stacks, Locals::Crashed);
    let crash = Crash {
        process: &process,
        memory: &memory,
        symbols: &symbols,
        limits: &limits,
        threads: &threads,
        first_chance: None,
        occasion: Occasion::Look,
        hang: OnceLock::new(),
    };
    let start = Instant::now();
    let findings = diagnose(&crash);
    let took = start.elapsed();
    assert_eq!(findings[0].id, "deadlock");
    assert_eq!(process.threads.len(), 1001);
    let evidence = findings[0].evidence.join("\n");
    // The clients, and the main thread, which waits for one of them.
    assert!(evidence.contains("999 other threads in all cannot go on"), "{evidence}");
    let _shown = writeln!(std::io::stderr(), "the rules took {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// What `run --timeout` says first of a program under `fixtures/run`.
fn hang_of(name: &str) -> Report {
    let target = Target::new(name);
    let mut command = target.command(&["--timeout", "1s", "--grace", "1s", "--core", "none"]);
    let output = finished(&mut command);
    let mut reports = target.read_reports();
    assert!(!reports.is_empty(), "{}", text(&output.stderr));
    reports.remove(0)
}

#[test]
fn two_processes_that_wait_for_input_from_each_other() {
    let report = hang_of("pipes-both-read");
    assert_eq!(report.findings[0].id, "process-deadlock", "{}", report.verdict);
    // Who else has the other's end is not known.
    assert!(report.verdict.contains("very likely a deadlock of processes"), "{}", report.verdict);
    assert!(report.verdict.contains("`listen_first`"), "{}", report.verdict);
}

#[test]
fn two_processes_that_wait_for_locks_of_files() {
    let report = hang_of("file-locks");
    assert_eq!(report.findings[0].id, "process-deadlock", "{}", report.verdict);
    assert!(report.verdict.contains("held by process "), "{}", report.verdict);
    let waits = report.threads[0].waits_for.as_ref().unwrap();
    assert!(waits.text.contains("/rent, held by process "), "{}", waits.text);
}
