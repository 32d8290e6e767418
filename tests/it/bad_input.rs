//! Files that are no core, cores that nobody can analyze, and odd cores: each gets
//! a clear sentence, or all that can still be known.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::elf_core::{ElfCore, Load, Note};
use crate::support::fixture;
use crate::support::scratch;

/// `coretool analyze FILE`. A command that waits for a writer of a pipe would
/// never end: `timeout` turns that into a failure.
fn analyze(file: &Path, options: &[&str]) -> Output {
    Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_coretool"), "analyze"])
        .args(options)
        .arg(file)
        .output()
        .expect("timeout is installed")
}

/// Checks that a file is refused with these words on standard error, and nothing
/// on standard output.
fn refused(file: &Path, words: &[&str]) {
    let output = analyze(file, &[]);
    let talk = String::from_utf8_lossy(&output.stderr);
    let shown = file.display();
    assert_eq!(output.status.code(), Some(1), "{shown}: {talk}");
    assert!(output.stdout.is_empty(), "{shown}: data on standard output");
    assert!(talk.starts_with("error: "), "{shown}: {talk}");
    assert!(talk.contains(&format!("`{shown}`")), "{shown} is not named: {talk}");
    for word in words {
        assert!(talk.contains(word), "{shown}: `{word}` is not in: {talk}");
    }
}

/// The report of a file that is a core, however odd.
fn report(file: &Path) -> Report {
    let output = analyze(file, &["--format", "json"]);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{talk}");
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

/// The report of a made-up core.
fn report_of(core: &ElfCore) -> Report {
    let scratch = scratch::directory("odd");
    let file = scratch.path().join("core");
    fs::write(&file, core.bytes()).expect("a writable directory");
    report(&file)
}

#[test]
fn what_is_no_core_is_named() {
    let scratch = scratch::directory("no-core");
    let path = |name: &str| scratch.path().join(name);
    let file = |name: &str, bytes: &[u8]| {
        fs::write(path(name), bytes).expect("a writable directory");
        path(name)
    };
    refused(&file("empty", b""), &["is empty", "hint: "]);
    refused(&file("text", b"This is text.\n"), &["not a core file", "it is text"]);
    refused(
        &file("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
        &["gzip", "damaged or cut", "hint: "],
    );
    refused(&file("zstd", b"\x28\xb5\x2f\xfd\x04\x00\x00"), &["zstd", "hint: "]);
    refused(&file("xz", b"\xfd7zXZ\x00\x00\x04"), &["xz", "hint: "]);
    refused(&file("lz4", b"\x04\x22\x4d\x18\x64\x40"), &["lz4", "hint: "]);
    refused(&file("bytes", &[0x9d, 1, 2, 3, 0, 0, 0, 0]), &["not a core file"]);
    refused(&file("magic", b"\x7fELF"), &["cut", "4 bytes", "hint: "]);
    refused(&path("missing"), &["cannot read", "No such file"]);
    refused(scratch.path(), &["cannot read", "directory"]);
    let program = Path::new(env!("CARGO_BIN_EXE_coretool"));
    refused(program, &["is not a core file", "executable", "hint: ", "coretool run"]);
}

#[test]
fn names_of_files_are_escaped() {
    let output = analyze(Path::new("no\x1b[31m-file"), &[]);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(talk.contains("`no\\x1b[31m-file`") && !talk.contains('\x1b'), "{talk:?}");
}

#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let scratch = scratch::directory("pipe");
    let pipe = scratch.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is installed");
    assert!(made.success());
    refused(&pipe, &["cannot read", "pipe"]);
}

#[test]
fn libraries_are_refused() {
    let scratch = scratch::directory("machines");
    let plain = ElfCore::of_one_thread(11, 0x1000, 0x2000);
    let library = ElfCore { e_type: 3, ..plain };
    let file = scratch.path().join("library");
    fs::write(&file, library.bytes()).expect("a writable directory");
    refused(&file, &["not a core file", "e_type is 3"]);
}

#[test]
fn the_smallest_core_tells_what_it_holds() {
    let report = report_of(&ElfCore::of_one_thread(11, 0x1000, 0x2000));
    let signal = report.signal.expect("a signal");
    assert_eq!((signal.name.as_str(), signal.address.map(|at| at.0)), ("SIGSEGV", Some(0x18)));
    assert_eq!(report.process.pid, Some(77));
    assert_eq!(report.process.command.as_deref(), Some("made-up"));
    assert_eq!(report.threads.len(), 1);
    assert_eq!(report.threads[0].tid, 77);
    assert_eq!(report.threads[0].frames[0].pc.0, 0x1000);
}

#[test]
fn notes_may_follow_the_memory() {
    let core = ElfCore {
        notes_last: true,
        loads: vec![load(0x7000_0000, 4096)],
        ..ElfCore::of_one_thread(6, 0x1000, 0x7000_0100)
    };
    let report = report_of(&core);
    assert_eq!(report.signal.map(|signal| signal.name).as_deref(), Some("SIGABRT"));
    assert_eq!(report.mappings.len(), 1);
}

/// More than 65,534 headers: their number is in section 0.
#[test]
fn there_may_be_more_segments_than_a_header_can_count() {
    let loads = (0..70_000).map(|number| load(0x10_0000 + number * 0x2000, 16)).collect();
    let core = ElfCore { counts_in_section: true, loads, ..ElfCore::of_one_thread(11, 0, 0) };
    let report = report_of(&core);
    assert_eq!(report.mappings.len(), 70_000);
    assert_eq!(report.source.complete, Some(true));
}

/// Section 0 is the last thing that the kernel writes, so a cut loses it. The
/// notes begin where the headers end, which tells their number.
#[test]
fn a_lost_count_of_segments_is_recovered() {
    let loads = (0..70_000).map(|number| load(0x10_0000 + number * 0x2000, 16)).collect();
    let core = ElfCore { counts_in_section: true, loads, ..ElfCore::of_one_thread(11, 7, 0) };
    let mut bytes = core.bytes();
    bytes.truncate(bytes.len() - 64 - 16 * 100);
    let scratch = scratch::directory("cut");
    let file = scratch.path().join("core");
    fs::write(&file, bytes).expect("a writable directory");
    let report = report(&file);
    assert_eq!(report.source.complete, Some(false));
    assert_eq!(report.threads.len(), 1);
    assert_eq!(report.threads[0].frames[0].pc.0, 7);
}

#[test]
fn false_counts_and_lengths_cost_nothing() {
    let plain = ElfCore::of_one_thread(11, 0x1000, 0x2000);
    let with = |note: Note| {
        let mut core = plain.clone();
        core.notes.push(note);
        core
    };
    let files = [(0x1000, 0x2000, 0, "/no/such/file")];
    let cases = [
        ("headers", ElfCore { claimed_headers: Some(9999), ..plain.clone() }),
        ("no headers", ElfCore { claimed_headers: Some(0), ..plain.clone() }),
        ("files", with(Note::mapped_files_claiming(&files, u64::MAX))),
        ("some files", with(Note::mapped_files_claiming(&files, 1 << 40))),
        ("note", with(Note { claimed_length: Some(u32::MAX), ..Note::new("CORE", 6, vec![0; 8]) })),
        ("auxv", with(Note::auxv(&[(3, u64::MAX), (5, u64::MAX), (7, u64::MAX - 5)]))),
        ("state", with(Note::new("CORE", 1, vec![0xff; 20]))),
        ("vectors", with(Note::new("LINUX", 0x202, vec![0xff; 600]))),
        ("unknown", with(Note::new("OTHER", 0x1234_5678, vec![1; 33]))),
        ("registers", with(Note::new("CORE", 2, Vec::new()))),
    ];
    let scratch = scratch::directory("counts");
    for (name, core) in cases {
        let file = scratch.path().join(name.replace(' ', "-"));
        fs::write(&file, core.bytes()).expect("a writable directory");
        let output = analyze(&file, &["--format", "json"]);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{name}: {talk}");
        assert!(!talk.contains("panicked"), "{name}: {talk}");
    }
}

#[test]
fn segments_may_overlap_and_wrap() {
    let core = ElfCore {
        loads: vec![
            load(0x1000, 8192),
            load(0x2000, 8192),
            load(0x1000, 100),
            load(u64::MAX - 10, 100),
            Load { size: u64::MAX, ..load(0x9000, 10) },
            Load { size: 0, ..load(0, 0) },
        ],
        ..ElfCore::of_one_thread(11, 0x1500, 0x2500)
    };
    let report = report_of(&core);
    assert_eq!(report.threads.len(), 1);
    let ends_before_next = |pair: &[coretool::report::model::Mapping]| pair[0].end <= pair[1].start;
    assert!(report.mappings.windows(2).all(ends_before_next), "{:?}", report.mappings);
}

#[test]
fn the_words_of_the_dead_are_escaped() {
    let mut core = ElfCore::new();
    core.notes.push(Note::prstatus(1, 11, 0, 0));
    core.notes.push(Note::prpsinfo(1, "\x1b[31mred", "\x1b]0;title\x07 \u{202e}x"));
    let files = [(0x1000, 0x2000, 0, "/tmp/\x1b[2J\nnew line")];
    core.notes.push(Note::mapped_files(&files));
    let scratch = scratch::directory("escapes");
    let file = scratch.path().join("core");
    fs::write(&file, core.bytes()).expect("a writable directory");
    for options in [&["--format", "text"][..], &["--format", "json"], &["--color", "never"]] {
        let output = analyze(&file, options);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let is_bare = |letter: char| letter.is_control() && letter != '\n';
        assert!(!text.contains(is_bare), "{options:?}: {text:?}");
        assert!(!text.contains('\u{202e}'), "{options:?}: {text:?}");
    }
}

#[test]
fn a_cut_core_says_so_first_among_what_is_not_known() {
    let fixture = fixture::named("null-pointer");
    let (core, _) = gdb_core(fixture, Build::plain(fixture));
    let length = fs::metadata(&core.path).expect("a core").len();
    let file = fs::OpenOptions::new().write(true).open(&core.path).expect("a core");
    file.set_len(length - length / 10).expect("a file can be cut");
    let output = analyze(&core.path, &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    let (_, unknown) = text.split_once("Not known:").expect("a list of gaps");
    assert!(unknown.contains("cut") || unknown.contains("truncated"), "{unknown}");
}

fn load(address: u64, length: usize) -> Load {
    Load { address, size: length as u64, bytes: vec![0x90; length], flags: 6 }
}
