//! Cores as no kernel of ours writes them here: what is there is told, and what is
//! missing, how much of it, and what that hides.

use std::fs;

use coretool::analyze::Options;
use coretool::report::model::Report;

use crate::support::elf_core::{ElfCore, Load, Note};
use crate::support::examination::report_of;
use crate::support::scratch;

/// `rsp` and `rip` of the threads here.
const STACK: u64 = 0x7ffd_0000_0000;
const CODE: u64 = 0x40_0000;

fn load(address: u64, bytes: Vec<u8>) -> Load {
    Load { address, size: bytes.len() as u64, bytes, flags: 6 }
}

/// Two threads on two stacks, a heap, and a program that is no file.
fn two_threads() -> ElfCore {
    let mut core = ElfCore::of_one_thread(11, CODE + 0x10, STACK + 0x800);
    core.notes.push(Note::prstatus(78, 11, CODE + 0x20, STACK + 0x10_0800));
    core.notes.push(Note::mapped_files(&[(CODE, CODE + 0x1000, 0, "/no/such/program")]));
    core.loads = vec![
        Load { size: 0x1000, flags: 5, ..load(CODE, Vec::new()) },
        load(0x60_0000, vec![3; 0x4000]),
        load(STACK, vec![1; 0x1000]),
        load(STACK + 0x10_0000, vec![2; 0x1000]),
    ];
    core
}

fn analyzed(bytes: &[u8]) -> Result<Report, String> {
    let scratch = scratch::directory("odd");
    let path = scratch.path().join("core");
    fs::write(&path, bytes).unwrap();
    report_of(&path, &Options::default())
}

fn gap<'r>(report: &'r Report, word: &str) -> &'r str {
    let found = report.gaps.iter().find(|gap| gap.missing.contains(word));
    found.map(|gap| gap.missing.as_str()).unwrap_or_else(|| panic!("{word}: {:?}", report.gaps))
}

fn tids(report: &Report) -> Vec<u32> {
    report.threads.iter().map(|thread| thread.tid).collect()
}

#[test]
fn every_prefix_is_a_report_or_an_error() {
    for notes_last in [false, true] {
        let bytes = ElfCore { notes_last, ..two_threads() }.bytes();
        let mut reports = 0;
        // Each byte of headers and notes; of memory only some.
        let cuts = (0..bytes.len()).filter(|cut| *cut < 2600 || cut % 509 == 0);
        for cut in cuts {
            match analyzed(&bytes[..cut]) {
                Ok(report) => {
                    reports += 1;
                    assert_eq!(report.source.complete, Some(false), "{cut}");
                    assert!(!report.gaps.is_empty(), "{cut}");
                }
                Err(error) => assert!(!error.starts_with("panicked"), "{cut}: {error}"),
            }
        }
        assert!(reports > 1000, "{reports}");
        let whole = analyzed(&bytes).unwrap();
        assert_eq!((whole.source.complete, tids(&whole)), (Some(true), vec![77, 78]));
    }
}

#[test]
fn every_byte_of_headers_and_notes_may_change() {
    let bytes = two_threads().bytes();
    for at in 0..2600.min(bytes.len()) {
        let change = [0xff, 0x01, 0x80][at % 3];
        let mut bytes = bytes.clone();
        bytes[at] ^= change;
        if let Err(error) = analyzed(&bytes) {
            assert!(!error.starts_with("panicked"), "byte {at} ^ {change:#x}: {error}");
        }
    }
}

#[test]
fn a_cut_says_whose_stack_is_lost() {
    let bytes = two_threads().bytes();
    // The last segment is the second thread's stack.
    let report = analyzed(&bytes[..bytes.len() - 0x900]).unwrap();
    assert_eq!(
        gap(&report, "bytes of the core"),
        "2304 of 27564 bytes of the core".replace("27564", &bytes.len().to_string())
    );
    assert_eq!(gap(&report, "stacks"), "the stacks of 1 of 2 threads, and with them their callers");
    let both = analyzed(&bytes[..bytes.len() - 0x1900]).unwrap();
    let lost = gap(&both, "stacks");
    assert!(lost.contains("2 of 2") && lost.contains("variables of the crashed thread"), "{lost}");
}

#[test]
fn segments_may_come_in_any_order() {
    let sorted = two_threads();
    let want = analyzed(&sorted.bytes()).unwrap();
    let mut by_size = sorted.clone();
    by_size.loads.sort_by_key(|load| load.bytes.len());
    let mut backwards = sorted;
    backwards.loads.reverse();
    for core in [by_size, backwards] {
        let found = analyzed(&core.bytes()).unwrap();
        assert_eq!(found.mappings, want.mappings);
        assert_eq!(tids(&found), tids(&want));
        assert_eq!(found.source.complete, Some(true));
    }
}

#[test]
fn segments_that_overlap_are_told() {
    let mut core = two_threads();
    core.loads.push(load(0x60_1000, vec![9; 0x1000]));
    let report = analyzed(&core.bytes()).unwrap();
    assert!(gap(&report, "which bytes").contains("1 segment"));
}

#[test]
fn notes_may_come_in_any_order() {
    let core = two_threads();
    let want = analyzed(&core.bytes()).unwrap();
    let mut backwards = core.clone();
    // The order of threads is what says who crashed.
    backwards.notes.reverse();
    let states = backwards.notes.iter_mut().filter(|note| note.kind == 1);
    let mut states: Vec<&mut Note> = states.collect();
    let (first, second) = states.split_at_mut(1);
    std::mem::swap(first[0], second[0]);
    let found = analyzed(&backwards.bytes()).unwrap();
    assert_eq!(tids(&found), tids(&want));
    assert_eq!(found.signal, want.signal);
    assert_eq!(found.process.command, want.process.command);
    assert_eq!(found.modules, want.modules);
}

#[test]
fn without_notes_there_are_mappings() {
    let mut core = two_threads();
    core.notes.clear();
    let report = analyzed(&core.bytes()).unwrap();
    assert_eq!((report.threads.len(), report.mappings.len()), (0, 4));
    gap(&report, "threads and their registers");
    // Not even the header of the notes.
    let mut bytes = core.bytes();
    bytes[64..68].copy_from_slice(&0_u32.to_le_bytes());
    let report = analyzed(&bytes).unwrap();
    assert_eq!(report.mappings.len(), 4);
    assert!(gap(&report, "segments").starts_with("1 of the core's 5 segments"));
}

#[test]
fn pages_of_zeros_are_told() {
    let core = two_threads();
    // The second half of the headers, then all notes: what a lost page leaves.
    let mut bytes = core.bytes();
    bytes[64 + 3 * 56..64 + 5 * 56].fill(0);
    let report = analyzed(&bytes).unwrap();
    assert!(gap(&report, "segments").starts_with("2 of the core's 5 segments"));
    let mut bytes = core.bytes();
    let end = bytes.len() - 0x6000;
    bytes[64 + 5 * 56..end].fill(0);
    let report = analyzed(&bytes).unwrap();
    gap(&report, "threads and their registers");
    let mut bytes = core.bytes();
    bytes[..64].fill(0);
    assert!(analyzed(&bytes).unwrap_err().contains("data without an ELF header"));
}

#[test]
fn threads_may_have_no_id_and_odd_states() {
    let mut core = two_threads();
    core.notes.push(Note::prstatus(0, 11, CODE, STACK));
    core.notes.push(Note::prstatus(0, 11, CODE, STACK));
    let report = analyzed(&core.bytes()).unwrap();
    assert_eq!(tids(&report), [77, 78, 0, 0]);
    assert_eq!(gap(&report, "ids"), "the ids of 2 of 4 threads");
    // A state that is longer, and one that ends within the registers.
    for length in [112, 113, 200, 247, 328, 335, 337, 1000] {
        let mut core = two_threads();
        core.notes[0].description.resize(length, 0xee);
        let report = analyzed(&core.bytes()).unwrap();
        assert_eq!(tids(&report), [77, 78], "{length}");
        let is_known =
            report.threads[0].frames.first().map(|frame| frame.pc.0) == Some(CODE + 0x10);
        // rip is the 17th word.
        assert_eq!(is_known, length >= 112 + 17 * 8, "{length}: {:?}", report.threads[0].frames);
    }
}

/// As many segments as a process may have, twice over.
#[test]
fn there_may_be_131070_segments() {
    let segment = |number: u64| load(0x1000_0000 + number * 0x2000, vec![1; 8]);
    let loads = (0..131_069).map(segment).collect();
    let core = ElfCore { counts_in_section: true, loads, ..ElfCore::of_one_thread(11, 7, 9) };
    let bytes = core.bytes();
    let report = analyzed(&bytes).unwrap();
    assert_eq!((report.mappings.len(), report.source.complete), (131_069, Some(true)));
    // Section 0, which has their number, is what a cut loses first.
    let report = analyzed(&bytes[..bytes.len() - 64]).unwrap();
    assert_eq!(report.mappings.len(), 131_069);
}
