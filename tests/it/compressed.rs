//! Compressed cores are read in place, from files and from pipes, alone and in
//! what other handlers make of them: the report is that of the plain core.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::core_maker::{Core, gdb_core, kernel_core};
use crate::support::elf_core::{ElfCore, Load};
use crate::support::fixture;
use crate::support::scratch;

/// Tools that compress standard input, and how their files are called.
const TOOLS: [(&str, &str); 5] =
    [("zstd", "zst"), ("lz4", "lz4"), ("xz", "xz"), ("gzip", "gz"), ("bzip2", "bz2")];

/// Compresses a file with a tool.
fn packed(tool: &str, from: &Path, to: &Path) {
    let (from, to) = (File::open(from).unwrap(), File::create(to).unwrap());
    let status = Command::new(tool).args(["-q", "-1", "-c"]).stdin(from).stdout(to).status();
    assert!(status.expect("the tool is installed").success(), "{tool}");
}

fn analyze(words: &[&str], input: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["analyze", "--format", "json"]).args(words).stdin(input);
    command.output().expect("coretool starts")
}

fn report(output: &Output) -> Report {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{talk}");
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

/// The report of a core in a file.
fn report_of(path: &Path) -> Report {
    report(&analyze(&[path.to_str().unwrap()], Stdio::null()))
}

/// What does not depend on how the core came.
fn facts(report: &Report) -> serde_json::Value {
    let mut report = report.clone();
    report.source.path = None;
    report.source.compressed = None;
    serde_json::to_value(&report).unwrap()
}

/// A core that the kernel wrote, or else gdb.
fn core(name: &str) -> Core {
    let fixture = fixture::named(name);
    let build = Build::plain(fixture);
    kernel_core(fixture, build).unwrap_or_else(|_| gdb_core(fixture, build).0)
}

#[test]
fn each_kind_tells_the_same_from_files_and_pipes() {
    let fixture = fixture::named("null-pointer");
    // Notes come first in the one, and last in the other.
    let of_gdb = gdb_core(fixture, Build::plain(fixture)).0;
    for core in [core("null-pointer"), of_gdb] {
        let plain = facts(&report_of(&core.path));
        let from_pipe = report(&analyze(&["-"], File::open(&core.path).unwrap().into()));
        assert_eq!(from_pipe.source.compressed, None);
        assert_eq!(facts(&from_pipe), plain, "plain, from a pipe");
        for (tool, ending) in TOOLS {
            let path = core.path.with_extension(ending);
            packed(tool, &core.path, &path);
            let found = report_of(&path);
            let source = &found.source;
            assert_eq!((source.compressed, source.complete), (Some(true), Some(true)), "{tool}");
            assert_eq!(facts(&found), plain, "{tool}");
            let piped = report(&analyze(&["-"], File::open(&path).unwrap().into()));
            assert_eq!(facts(&piped), plain, "{tool}, from a pipe");
        }
    }
}

#[test]
fn all_commands_read_them() {
    let core = core("null-pointer");
    let path = core.path.with_extension("zst");
    packed("zstd", &core.path, &path);
    for words in [&["print", "$rip"][..], &["memory", "$rsp", "64"], &["what", "$rsp"]] {
        let ask = |core: &Path| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
            command.arg(words[0]).arg(core).args(&words[1..]).output().expect("coretool starts")
        };
        let (plain, packed) = (ask(&core.path), ask(&path));
        assert!(plain.status.success() && packed.status.success());
        assert_eq!(String::from_utf8_lossy(&packed.stdout), String::from_utf8_lossy(&plain.stdout));
    }
}

/// A stream that is cut still tells what came before the cut.
#[test]
fn a_cut_stream_is_read_as_far_as_it_goes() {
    let core = core("threads");
    let whole = report_of(&core.path);
    for (tool, ending) in TOOLS {
        let path = core.path.with_extension(ending);
        packed(tool, &core.path, &path);
        let length = fs::metadata(&path).unwrap().len();
        let file = File::options().write(true).open(&path).unwrap();
        let mut seen = 0;
        for tenth in [9, 5, 0] {
            file.set_len(length * tenth / 10).unwrap();
            let output = analyze(&[path.to_str().unwrap()], Stdio::null());
            let talk = String::from_utf8_lossy(&output.stderr);
            if output.status.code() == Some(1) {
                assert!(talk.starts_with("error: ") && talk.contains("hint: "), "{tool}: {talk}");
                continue;
            }
            let found = report(&output);
            assert_eq!(found.source.complete, Some(false), "{tool} at {tenth}/10");
            let gap = found.gaps.iter().find(|gap| gap.why.contains("damaged or cut"));
            assert!(gap.is_some_and(|gap| gap.why.contains(tool)), "{tool}: {:?}", found.gaps);
            seen += usize::from(found.threads.len() == whole.threads.len());
        }
        // Blocks of bzip2 may be larger than all of a small core.
        assert!(seen > 0 || tool == "bzip2", "{tool}: no cut left the threads");
    }
}

#[test]
fn a_seekable_file_that_lost_its_table_is_a_stream() {
    let core = core("null-pointer");
    let path = core.path.with_extension("zst");
    // Frames in a row, as in a seekable file; what ends it is no table.
    let bytes = fs::read(&core.path).unwrap();
    let mut file = File::create(&path).unwrap();
    for piece in bytes.chunks(1 << 20) {
        file.write_all(&zstd_frame(piece)).unwrap();
    }
    assert_eq!(facts(&report_of(&path)), facts(&report_of(&core.path)));
}

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    let scratch = scratch::directory("frame");
    let (from, to) = (scratch.path().join("plain"), scratch.path().join("packed"));
    fs::write(&from, bytes).unwrap();
    packed("zstd", &from, &to);
    fs::read(to).unwrap()
}

/// Of a core larger than what is kept, stacks and data are kept, and the report
/// says what is not. No file of the size of the core is written.
#[test]
fn large_cores_are_kept_in_part() {
    let stack =
        Load { address: 0x7ffd_0000_0000, size: 1 << 20, bytes: vec![7; 1 << 20], flags: 6 };
    let heap = |number: u64| {
        let size = 64 << 20;
        Load { address: 0x1000_0000 + number * size, size, bytes: vec![5; 64 << 20], flags: 6 }
    };
    let mut core = ElfCore::of_one_thread(11, 0x1000_0000, 0x7ffd_000f_0000);
    core.loads = (0..5).map(heap).chain([stack]).collect();
    let scratch = scratch::directory("large");
    let (plain, path) = (scratch.path().join("core"), scratch.path().join("core.zst"));
    fs::write(&plain, core.bytes()).unwrap();
    packed("zstd", &plain, &path);
    let length = fs::metadata(&plain).unwrap().len();
    fs::remove_file(&plain).unwrap();
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M"])
        .arg(env!("CARGO_BIN_EXE_coretool"))
        .args(["analyze", "--format", "json"])
        .arg(&path)
        .env("TMPDIR", scratch.path())
        .output()
        .expect("time is installed");
    let found = report(&output);
    let talk = String::from_utf8_lossy(&output.stderr);
    let most: u64 = talk.trim().lines().last().and_then(|line| line.parse().ok()).expect("KiB");
    assert!(most < 100 << 10, "{most} KiB");
    let missing = &found.gaps.iter().find(|gap| gap.missing.contains("of memory")).unwrap();
    let count = missing.missing.chars().filter(char::is_ascii_digit).collect::<String>();
    let count: u64 = count.parse().unwrap();
    assert!(count > 60 << 20 && count < length, "{missing:?} of {length}");
    assert_eq!(found.source.complete, Some(true));
    // The stack came last, and is there.
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    let shown = command.arg("memory").arg(&path).args(["$rsp", "4"]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("07 07 07 07"), "{shown}");
}

/// A report of apport, as its manual describes it: base64 of gzip, in pieces.
fn apport_report(core: &Path, to: &Path) {
    let gzip = core.with_extension("apport-gz");
    packed("gzip", core, &gzip);
    let bytes = fs::read(gzip).unwrap();
    let mut text = b"ProblemType: Crash\nArchitecture: amd64\nExecutablePath: /usr/bin/x\n\
                     ProcMaps:\n 00400000-00401000 r-xp 00000000 00:00 0 /usr/bin/x\n\
                     CoreDump: base64\n"
        .to_vec();
    // The first piece is the header of gzip alone.
    let (head, rest) = bytes.split_at(10);
    for piece in [head].into_iter().chain(rest.chunks(1 << 20)) {
        let mut child = Command::new("base64")
            .args(["-w", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("base64 is installed");
        let mut input = child.stdin.take().unwrap();
        let piece = piece.to_vec();
        let writer = std::thread::spawn(move || input.write_all(&piece));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        text.push(b' ');
        text.extend(output.stdout);
        text.push(b'\n');
    }
    text.extend(b"Signal: 11\n");
    fs::write(to, text).unwrap();
}

#[test]
fn reports_of_apport_have_a_core() {
    let core = core("null-pointer");
    let path = core.path.with_extension("crash");
    apport_report(&core.path, &path);
    let plain = facts(&report_of(&core.path));
    let mut by_name = report_of(&path);
    let recorded = by_name.source.recorded.take().expect("apport's own fields");
    assert_eq!(recorded.by, "apport");
    assert_eq!(recorded.executable.as_deref(), Some("/usr/bin/x"));
    assert_eq!(facts(&by_name), plain);
    // A pipe is read once, for the core.
    assert_eq!(facts(&report(&analyze(&["-"], File::open(&path).unwrap().into()))), plain);
    let without = core.path.with_extension("no-core");
    fs::write(&without, "ProblemType: Crash\nSignal: 11\n").unwrap();
    let output = analyze(&[without.to_str().unwrap()], Stdio::null());
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && talk.contains("no field CoreDump"), "{talk}");
}

/// A tar with a core and its program, which is nowhere else.
#[test]
fn a_tar_brings_core_and_binaries() {
    let core = core("null-pointer");
    let scratch = scratch::directory("tar");
    let at = |name: &str| scratch.path().join(name);
    // The name on the other machine says nothing here.
    fs::create_dir_all(at("there")).unwrap();
    fs::copy(&core.program, at("there/the-program")).unwrap();
    fs::copy(&core.path, at("there/core")).unwrap();
    fs::write(at("there/README"), "not a core").unwrap();
    packed("zstd", &core.path, &at("there/core.zst"));
    let plain = report_of(&core.path);
    let tar = |to: &str, names: &[&str]| -> PathBuf {
        let mut made = Command::new("tar");
        made.arg("-C").arg(at("there")).arg("-cf").arg(at(to)).args(names);
        assert!(made.status().expect("tar is installed").success());
        at(to)
    };
    let gzipped = |from: &Path| -> PathBuf {
        let to = from.with_extension("tar.gz");
        packed("gzip", from, &to);
        to
    };
    let first = tar("first.tar", &["README", "core", "the-program"]);
    let last = tar("last.tar", &["the-program", "README", "core"]);
    let inner = tar("inner.tar", &["README", "the-program", "core.zst"]);
    let paths = [gzipped(&first), gzipped(&last), gzipped(&inner), first, last, inner];
    // Where the core says that its program is, there is none.
    let hidden = format!("{}=/does/not/exist", core.program.display());
    let report_without = |path: &PathBuf| {
        let words = ["--path-map", hidden.as_str(), path.to_str().unwrap()];
        report(&analyze(&words, Stdio::null()))
    };
    let alone = report_without(&core.path);
    assert_ne!(alone.threads[0].frames[0].function, plain.threads[0].frames[0].function);
    let reports: Vec<_> = paths.iter().map(|path| (path, report_without(path))).collect();
    for (path, found) in reports {
        let shown = path.display();
        assert_eq!(found.verdict, plain.verdict, "{shown}: {:?}", found.gaps);
        let frames = |report: &Report| serde_json::to_value(&report.threads[0].frames).unwrap();
        assert_eq!(frames(&found), frames(&plain), "{shown}");
    }
    let none = tar("none.tar", &["README", "the-program"]);
    for path in [gzipped(&none), none] {
        let output = analyze(&[path.to_str().unwrap()], Stdio::null());
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && talk.contains("no core file in"), "{talk}");
    }
}
