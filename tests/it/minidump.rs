//! Minidumps go the way of cores.

use std::fs;

use coretool::analyze::Options;
use coretool::base::addr::RunAddr;
use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::dump;
use coretool::dump::siginfo::SignalCause;
use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::core_maker::{Core, gdb_core};
use crate::support::examination::report_of;
use crate::support::fixture;
use crate::support::minidump::{Minidump, MinidumpModule, MinidumpThread};
use crate::support::random::Random;

/// What a handler in the process would have written instead of the core.
fn minidump_of(core: &Core) -> Minidump {
    let (store, gaps, options) = (FileStore::new(), Gaps::new(), Options::default());
    let process = dump::open(&core.path, &store, &options.limits, &gaps).expect("a whole core");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let threads = process.threads.iter().map(|thread| {
        let registers = thread.registers.as_ref().unwrap().general.clone();
        // Word 19 is rsp; what is below it is the red zone.
        let start = registers[19] - 128;
        let end = process.mapping(RunAddr(registers[19])).unwrap().range.end.0;
        let mut stack = vec![0; usize::try_from((end - start).min(64 << 10)).unwrap()];
        let got = process.memory.read(RunAddr(start), &mut stack);
        stack.truncate(got);
        MinidumpThread {
            tid: thread.tid,
            name: format!("t{}", thread.tid),
            registers,
            stack: (start, stack),
        }
    });
    let mut modules: Vec<_> = process.modules.iter().collect();
    modules.sort_by_key(|module| !module.is_main);
    let modules = modules.iter().map(|module| MinidumpModule {
        base: module.range.start.0,
        size: u32::try_from(module.range.len()).unwrap(),
        path: text(&module.path),
        build_id: module.build_id.clone(),
    });
    let maps = process.mappings.iter().map(|mapping| {
        let letter = |is: bool, letter| if is { letter } else { '-' };
        let mut may = mapping.permissions;
        // Of file mappings that gdb leaves out, which are code or constants.
        (may.read, may.execute) = (may.read || !may.known, may.execute || !may.known);
        let path = mapping.path.as_deref().map(text).unwrap_or_default();
        format!(
            "{:x}-{:x} {}{}{}p {:08x} 00:00 0 {path}\n",
            mapping.range.start.0,
            mapping.range.end.0,
            letter(may.read, 'r'),
            letter(may.write, 'w'),
            letter(may.execute, 'x'),
            mapping.offset.0,
        )
    });
    let signal = process.signal.expect("it died");
    let address = match signal.cause {
        SignalCause::Fault { address } => address.0,
        _ => 0,
    };
    let pid = process.identity.pid.unwrap();
    let crashed = process.threads[0].tid;
    let number = u32::try_from(signal.signal.0).unwrap();
    let code = signal.code.unwrap_or(0).cast_unsigned();
    Minidump {
        threads: threads.collect(),
        modules: modules.collect(),
        exception: Some((crashed, number, code, address)),
        maps: maps.collect(),
        status: format!(
            "Name:\t{}\nPid:\t{pid}\nPPid:\t1\nUid:\t1000\t1000\n",
            text(&process.identity.command)
        ),
        command_line: process.identity.arguments.join(&0),
        auxv: process.auxv.clone(),
        ..Minidump::default()
    }
}

fn analyzed(core: &Core, bytes: &[u8]) -> Result<Report, String> {
    let path = core.path.with_extension("dmp");
    fs::write(&path, bytes).unwrap();
    report_of(&path, &Options::default())
}

/// Functions and lines of each thread.
fn places(report: &Report) -> Vec<(u32, Vec<(Option<String>, Option<u64>)>)> {
    let mut threads: Vec<_> = report
        .threads
        .iter()
        .map(|thread| {
            let frames = thread.frames.iter();
            let place = frames.map(|frame| (frame.function.clone(), frame.line.map(u64::from)));
            (thread.tid, place.collect())
        })
        .collect();
    threads[1..].sort_by_key(|(tid, _): &(u32, _)| *tid);
    threads
}

#[test]
fn stacks_are_those_of_the_core() {
    for name in ["null-pointer", "threads", "abort-assert", "divide-by-zero", "deep-inlines"] {
        let fixture = fixture::named(name);
        let core = gdb_core(fixture, Build::plain(fixture)).0;
        let plain = report_of(&core.path, &Options::default()).unwrap();
        let mut dump = minidump_of(&core);
        // The exception says who crashed, wherever that thread comes.
        dump.threads.rotate_left(1);
        for pads_lists in [false, true] {
            dump.pads_lists = pads_lists;
            let found = analyzed(&core, &dump.bytes()).unwrap();
            assert_eq!(places(&found), places(&plain), "{name}");
            assert_eq!(
                found.signal.as_ref().map(|it| &it.name),
                plain.signal.as_ref().map(|it| &it.name)
            );
            assert_eq!(found.process.pid, plain.process.pid);
            assert_eq!(found.process.command, plain.process.command);
            assert_eq!(found.source.complete, Some(true));
            assert_eq!(
                found.threads[0].name.as_deref(),
                Some(format!("t{}", found.threads[0].tid).as_str())
            );
        }
    }
}

#[test]
fn values_on_the_stack_are_there_and_others_are_unknown() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let plain = report_of(&core.path, &Options::default()).unwrap();
    let dump = minidump_of(&core);
    let found = analyzed(&core, &dump.bytes()).unwrap();
    assert_eq!(found.verdict, plain.verdict);
    assert_eq!(found.findings.first().map(|it| &it.id), plain.findings.first().map(|it| &it.id));
    // Memory of the second list is memory, too.
    let mut with_memory = dump;
    let (start, stack) = with_memory.threads[0].stack.clone();
    with_memory.threads[0].stack.1.clear();
    let without = analyzed(&core, &with_memory.bytes()).unwrap();
    assert!(without.threads[0].frames.len() < found.threads[0].frames.len());
    with_memory.large_memory = vec![(start - 8, vec![0; 8]), (start, stack)];
    let large = analyzed(&core, &with_memory.bytes()).unwrap();
    assert_eq!(places(&large), places(&found));
}

#[test]
fn damage_is_a_report_or_an_error() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let mut dump = minidump_of(&core);
    dump.threads[0].stack.1.truncate(4096);
    let bytes = dump.bytes();
    let check = |bytes: &[u8], case: &str| match analyzed(&core, bytes) {
        Ok(report) => Some(report),
        Err(error) => {
            assert!(!error.starts_with("panicked") && error.len() > 10, "{case}: {error}");
            None
        }
    };
    for cut in (0..bytes.len()).step_by(97).chain(0..200) {
        if let Some(report) = check(&bytes[..cut], &format!("cut at {cut}")) {
            assert_eq!(report.source.complete, Some(false), "{cut}");
        }
    }
    let mut random = Random::new(7);
    for round in 0..1_000 {
        let mut bytes = bytes.clone();
        let length = bytes.len() as u64;
        let at =
            usize::try_from(random.below(if round % 2 == 0 { 3_000 } else { length })).unwrap();
        bytes[at] = random.below(256) as u8;
        check(&bytes, &format!("byte {at}"));
    }
}

#[test]
fn other_systems_are_named() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let mut bytes = Minidump::default().bytes();
    assert!(analyzed(&core, &bytes).unwrap().threads.is_empty());
    // The system's stream comes first behind the directory of ten entries.
    let system = 32 + 10 * 12;
    bytes[system] = 12;
    let error = analyzed(&core, &bytes).unwrap_err();
    assert!(error.contains("minidump") && error.contains("processor 12"), "{error}");
}
