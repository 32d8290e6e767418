//! The core that coretool writes of a held process: the same process again.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use coretool::base::addr::RunAddr;
use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::base::limits::Limits;
use coretool::capture::core_writer::Contents;
use coretool::capture::ladder::Rung;
use coretool::capture::launch::{Capture, End, Event, RunOptions, run};
use coretool::capture::live::Stopped;
use coretool::capture::orphans::Orphans;
use coretool::dump;
use coretool::dump::process::Process;

use crate::support::target::Target;

const PAGE: u64 = 4096;

/// Runs [`worker`] in a process of its own: the tracer waits for all children of
/// its process, those of other tests included.
fn work(target: &Target, arguments: &[&str]) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "capture_core::worker", "--nocapture"])
        .env("CAPTURE_PROGRAM", &target.program)
        .env("CAPTURE_ARGUMENTS", arguments.join(" "))
        .env("CAPTURE_DIRECTORY", target.directory.path())
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && talk.contains("1 passed"), "{talk}");
}

/// Runs a program until it dies, writes its core, and compares the core with the
/// process that is still held.
#[test]
fn worker() {
    let Some(program) = env::var_os("CAPTURE_PROGRAM") else { return };
    let directory = PathBuf::from(env::var_os("CAPTURE_DIRECTORY").unwrap());
    let arguments = env::var("CAPTURE_ARGUMENTS").unwrap();
    let options = RunOptions {
        program,
        arguments: arguments.split_whitespace().map(Into::into).collect(),
        capture: Capture::Trace,
        orphans: Orphans::Report,
        other_stores: "/".into(),
        environment: Vec::new(),
        limit: None,
    };
    let mut crashes = 0;
    let outcome = run(&options, &mut |event| match event {
        Event::Decided(decision) => assert_eq!(decision.rung, Rung::Ptrace),
        Event::Notice(notice) => panic!("{notice}"),
        Event::Overdue(..) => panic!("it has no time limit"),
        Event::Crash(stopped) => {
            crashes += 1;
            compare(stopped, &directory.join("core"));
        }
    });
    assert_eq!(crashes, 1);
    let end = outcome.unwrap().end;
    let End::Killed { signal, core_dumped, .. } = end else { panic!("{end:?}") };
    // The soft limit is zero, so that the kernel does not write a second one.
    assert_eq!((signal.0, core_dumped), (11, false));
}

fn compare(stopped: &Stopped, path: &Path) {
    let file = File::create_new(path).unwrap();
    let stats = stopped.write_core(Contents::Usual, &file).unwrap();
    assert_eq!(stats.unreadable_pages, 0);
    assert_eq!(stats.length, file.metadata().unwrap().len());
    assert!(stats.copied < 16 << 20, "{stats:?}");

    let (store, gaps, limits) = (FileStore::new(), Gaps::new(), Limits::default());
    let live = stopped.process(&limits);
    let core = dump::open(path, &store, &limits, &gaps).unwrap();
    assert!(core.source.complete);
    assert_eq!(core.signal, live.signal);
    assert_eq!(core.auxv, live.auxv);
    assert_eq!(core.modules, live.modules);
    let (mut identity, found) = (live.identity.clone(), &core.identity);
    // A core holds neither.
    identity.working_directory = None;
    assert_eq!((found.pid, found.ppid), (identity.pid, identity.ppid));
    assert_eq!((found.uid, found.gid), (identity.uid, identity.gid));
    assert_eq!(found.command, identity.command);
    assert_eq!(found.executable, identity.executable);
    let registers = |process: &Process<'_>| -> Vec<_> {
        process.threads.iter().map(|it| (it.tid, it.registers.clone())).collect()
    };
    assert_eq!(registers(&core), registers(&live));
    assert!(live.threads.iter().all(|thread| thread.registers.is_some()));
    same_memory(&core, &live);
}

/// Every byte that the core holds is a byte of the process. Of a very large
/// mapping, its ends and its middle.
fn same_memory(core: &Process<'_>, live: &Process<'_>) {
    const MOST: u64 = 64 << 20;
    let mut compared = 0;
    for mapping in &core.mappings {
        let start = mapping.range.start.0;
        let pages = mapping.dumped / PAGE;
        let middle = pages / 2;
        let wanted = (0..pages)
            .take_while(|page| page * PAGE < MOST)
            .chain([middle, pages.saturating_sub(1)]);
        for page in wanted.filter(|page| *page < pages) {
            let at = RunAddr(start + page * PAGE);
            let (mut one, mut other) = ([0; PAGE as usize], [0; PAGE as usize]);
            assert_eq!(core.memory.read(at, &mut one), one.len(), "{at}");
            assert_eq!(live.memory.read(at, &mut other), other.len(), "{at}");
            let first = one.iter().zip(&other).position(|(one, other)| one != other);
            assert_eq!(first, None, "of the page at {at}, {mapping:?}");
            compared += 1;
        }
    }
    assert!(compared > 50, "stack, data and heap are more than {compared} pages");
}

#[test]
fn threads_and_memory_are_those_of_the_process() {
    work(&Target::new("threads"), &["20"]);
}

#[test]
fn mappings_are_chosen_as_the_kernel_chooses() {
    let target = Target::new("memory");
    // A core of 4 TiB, nearly all of it holes, would not fit all file systems.
    let core = target.directory.path().join("core");
    let run = target.run(&["--core", core.to_str().unwrap()], &[]);
    assert_eq!(run.status, Some(139), "{run:#?}");
    assert_eq!(run.report().gaps.iter().filter(|gap| gap.missing.contains("core")).count(), 0);
    let (store, gaps, limits) = (FileStore::new(), Gaps::new(), Limits::default());
    let process = dump::open(&core, &store, &limits, &gaps).unwrap();
    assert!(fs::metadata(&core).unwrap().blocks() * 512 < 4 << 20, "holes take no room");

    let areas: Vec<(String, u64, u64)> = run
        .stdout
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let at = u64::from_str_radix(words[1], 16).unwrap();
            (words[0].to_owned(), at, words[2].parse().unwrap())
        })
        .collect();
    let area = |name: &str| areas.iter().find(|area| area.0 == name).unwrap().clone();
    // (mapping, bytes that the core holds: all, the ELF header's page, none)
    let whole = u64::MAX;
    let cases = [
        ("anonymous", whole),
        // Never touched: no page is its own.
        ("untouched", 0),
        ("excluded", 0),
        ("shared", whole),
        ("protected", whole),
        ("program", PAGE),
        ("changed", whole),
        ("unnamed", whole),
        ("large", whole),
    ];
    for (name, want) in cases {
        let (_, at, len) = area(name);
        let mapping = process.mapping(RunAddr(at)).unwrap();
        let skipped = at - mapping.range.start.0;
        let dumped = mapping.dumped.saturating_sub(skipped).min(len);
        assert_eq!(dumped, want.min(len), "{name}");
    }
    let byte = |at: u64| {
        let mut byte = [0];
        assert_eq!(process.memory.read(RunAddr(at), &mut byte), 1, "{at:#x}");
        byte[0]
    };
    let end = |name: &str| area(name).1 + area(name).2 - 1;
    assert_eq!((byte(area("anonymous").1), byte(end("anonymous"))), (b'a', b'z'));
    assert_eq!(byte(area("anonymous").1 + PAGE), 0, "between them nothing was touched");
    for (name, want) in [("shared", b's'), ("protected", b'p'), ("unnamed", b'u')] {
        assert_eq!((byte(area(name).1), byte(end(name))), (want, want), "{name}");
    }
    let changed = area("changed").1;
    assert_eq!((byte(changed), byte(changed + PAGE)), (0x7f, b'c'));
    // Pages of a private file mapping that nobody has read are the file's.
    let file = fs::read(&target.program).unwrap();
    let third = usize::try_from(2 * PAGE).unwrap();
    for at in [third, third + 100, third + 4095] {
        let want = file.get(at).copied().unwrap_or(0);
        assert_eq!(byte(changed + at as u64), want, "byte {at} of the file");
    }
    let (_, large, len) = area("large");
    assert_eq!((byte(large), byte(large + len / 2), byte(large + len - 1)), (0, b'l', 0));
}

#[test]
fn gdb_reads_it() {
    let target = Target::new("deaths");
    let core = target.directory.path().join("core");
    let run = target.run(&["--core", core.to_str().unwrap()], &["fault-in-handler"]);
    assert_eq!(run.status, Some(139), "{run:#?}");
    let commands = ["bt", "print $_siginfo._sifields._sigfault.si_addr", "info threads"];
    let words = commands.iter().flat_map(|command| ["-ex", command]);
    let output = Command::new("gdb")
        .args(["-batch", "-nx"])
        .args(words)
        .arg(&target.program)
        .arg(&core)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // The fault in the handler, the signal's frame, the fault before.
    let frames: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let line = line.split_once(" in ").map_or(line, |(_, after)| after);
            let names = ["touch", "fault_again", "<signal handler called>", "main"];
            names.into_iter().find(|name| line.contains(name)).unwrap_or("?")
        })
        .collect();
    // gdb prints the innermost frame once more when it opens the core.
    let want = ["touch", "touch", "fault_again", "<signal handler called>", "touch", "main"];
    assert_eq!(frames, want, "{said}");
    assert!(said.contains("SIGSEGV") && said.contains("(void *) 0x20"), "{said}");
}
