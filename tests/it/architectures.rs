//! Cores of other architectures, analyzed here: the fixtures, built by cross
//! compilers and run by QEMU, answer for the same expectations, and their frames
//! are compared with those of gdb-multiarch.
//!
//! Without `NT_SIGINFO`, which a core of QEMU does not hold, most causes follow
//! from the instruction alone: they are asked where instructions are decoded. The
//! programs are those in C whose stack or values differ in kind; all of them would
//! take too long.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use coretool::analyze::Options;
use coretool::report::model::{Frame, Report};

use crate::support::builds::Build;
use crate::support::cross::{BUILDS, TARGETS, Target};
use crate::support::examination::report_of;
use crate::support::expectation::Fact;
use crate::support::fixture::{Fixture, named};
use crate::support::foreign_core::{ForeignCore, Kind, Segment};
use crate::support::report_check::{complaints_about, is_named};
use crate::support::scratch;

/// The programs of the matrix.
const PROGRAMS: &[&str] = &[
    "abort-assert",
    "abort-explicit",
    "deep-inlines",
    "noreturn-end",
    "null-argument",
    "null-call",
    "null-element",
    "null-pointer",
    "reraise",
    "signal-handler",
    "tail-call",
    "threads",
    "values-c",
    "values-optimized-c",
    "wild-pointer",
    "write-readonly",
];

/// Programs that need `long` or addresses of 64 bits.
const ONLY_ON_64_BITS: &[&str] = &["values-c", "values-optimized-c", "wild-pointer"];

/// Architectures whose instructions are decoded: their cores answer for causes,
/// too.
const DECODED: &[&str] = &["aarch64", "i386"];

/// Words that verdicts there do not have: architecture, program, whether it is
/// optimized, the words, and why.
const NOT_SAID: &[(&str, &str, bool, &str)] = &[
    // Two members are loaded by one instruction, which fails at the first.
    ("aarch64", "wild-pointer", true, "0x2000cafe0010"),
    // With short addresses members lie nearer.
    ("i386", "null-pointer", false, "0x18"),
    ("i386", "null-pointer", true, "0x18"),
    ("i386", "null-element", false, "0x8"),
    ("i386", "null-element", true, "0x8"),
    // Arguments lie on the stack, where nothing follows them.
    ("i386", "null-argument", false, "`person->name` is NULL"),
];

/// What one architecture showed, for the page in `docs`.
#[derive(Clone, Debug, Default)]
struct Tally {
    deaths: usize,
    /// Stacks that are whole up to `main`, each expected frame in its place.
    whole: usize,
    /// Frames compared with gdb's, up to `main`.
    frames: usize,
    equal: usize,
    /// Deaths in which gdb ends before `main` and we do not.
    further: usize,
    values: usize,
    /// Causes that were asked for.
    causes: usize,
}

macro_rules! targets {
    ($($test:ident: $label:literal,)*) => {
        $(
            #[test]
            fn $test() {
                check($label);
            }
        )*

        #[test]
        fn no_target_is_left_out() {
            let listed = [$($label),*];
            for target in TARGETS {
                assert!(listed.contains(&target.label), "{}", target.label);
            }
        }
    };
}

targets! {
    aarch64: "aarch64",
    aarch64_with_signed_returns: "aarch64-pac",
    arm: "arm",
    i386: "i386",
    riscv64: "riscv64",
    ppc64le: "ppc64le",
    ppc64: "ppc64",
    s390x: "s390x",
}

fn check(label: &str) {
    let target = TARGETS.iter().find(|target| target.label == label).expect("a target");
    if let Some(why) = target.missing_tool() {
        let _shown = writeln!(io::stderr(), "skipped: {label}: {why}");
        return;
    }
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for program in PROGRAMS {
        // A null descriptor: it is read before the call, and fails there.
        let reads_descriptor = target.label == "ppc64" && *program == "null-call";
        let needs_64 = ONLY_ON_64_BITS.contains(program);
        // QEMU's search for the end of a text does not fail at null there.
        let does_not_die = target.name == "s390x" && *program == "null-argument";
        // Its handler aborts, and nothing tells of the frames behind that there; the
        // stub's core has one thread; the compiler gives a load the next line.
        let without = ["signal-handler", "threads", "wild-pointer"];
        let is_beyond_stub = target.name == "riscv64" && without.contains(program);
        let is_left_out = does_not_die || reads_descriptor || is_beyond_stub;
        if needs_64 && !target.is_64 || is_left_out {
            continue;
        }
        let fixture = named(program);
        for build in BUILDS {
            // Without optimization, and in one program with it, functions keep
            // registers of their callers in floating-point registers, which a core
            // of QEMU does not hold.
            let needs_them = !build.is_optimized() || *program == "values-c";
            if target.name == "s390x" && needs_them {
                continue;
            }
            wrong.extend(examine(*target, fixture, build, &mut tally));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(tally.whole, tally.deaths, "{label}: {tally:?}");
    // The bar of the frames' comparison.
    assert!(tally.equal * 1000 >= tally.frames * 995, "{label}: {tally:?}");
    documented(label, &tally);
}

/// What a fixture's core shows that it should not.
fn examine(target: Target, fixture: &Fixture, build: Build, tally: &mut Tally) -> Vec<String> {
    let death = target.die(fixture, build);
    let mut options = Options::default();
    options.symbols.executable = Some(death.program.clone());
    let report = match report_of(&death.core, &options) {
        Ok(report) => report,
        Err(error) => return vec![format!("{} {build}: {error}", fixture.name)],
    };
    let mut wrong = Vec::new();
    if report.source.arch != target.name {
        wrong.push(format!("the architecture is {}", report.source.arch));
    }
    // The C library's `abort` has no table there: its caller is found by a scan,
    // which leaves registers unknown.
    let behind_abort = target.name == "riscv64"
        && ["abort-assert", "abort-explicit", "noreturn-end"].contains(&fixture.name.as_str());
    // That the pc is nowhere needs no instruction.
    let tells_causes = DECODED.contains(&target.name) || fixture.name == "null-call";
    let is_asked = |fact: &Fact| match fact {
        Fact::Value(_) if behind_abort => false,
        Fact::Frame(..) | Fact::Thread(_) | Fact::Threads(_) | Fact::Cycle(_) => true,
        Fact::Value(_) | Fact::NoValue { .. } | Fact::Signal(_) => true,
        Fact::Verdict(words) => {
            let is_not_said = |(arch, program, is_optimized, not): &&(&str, &str, bool, &str)| {
                *arch == target.name
                    && *program == fixture.name
                    && *is_optimized == build.is_optimized()
                    && words.iter().any(|word| word.contains(not))
            };
            tells_causes && !NOT_SAID.iter().any(|it| is_not_said(&it))
        }
        Fact::Cause(_) | Fact::Finding(_) | Fact::NoVerdict(_) => tells_causes,
        Fact::Names(_) | Fact::SameStack(_) => false,
        Fact::Wait(_) | Fact::Evidence(_) | Fact::Circle(_) => false,
    };
    let mut complaints = complaints_about(fixture, build, &report, is_asked);
    if target.is_big && fixture.name == "values-c" {
        // The number that shares its bytes with the text "abcd".
        let (little, big) = ("number = 1684234849", "number = 1633837924");
        complaints.retain(|complaint| !(complaint.contains(little) && complaint.contains(big)));
    }
    tally.deaths += 1;
    let frames = crashed_frames(&report);
    // gdb-multiarch unwinds these stacks for ever.
    let gdb_hangs =
        target.label == "aarch64" && ["reraise", "signal-handler"].contains(&fixture.name.as_str());
    // Other threads begin elsewhere, and a `main` that jumps has no frame.
    let gdb = match gdb_hangs {
        true => Vec::new(),
        false => gdb_frames(&death.program, &death.core),
    };
    let has_main = gdb.iter().any(|frame| frame.function == "main");
    let is_complete = report.threads.first().and_then(|thread| thread.stack_complete);
    let reaches_main = frames.iter().any(|frame| is(frame, "main"));
    let is_whole = reaches_main || !has_main && is_complete == Some(true);
    if complaints.is_empty() && is_whole {
        tally.whole += 1;
    } else if !is_whole {
        wrong.push(format!("the stack does not reach main:\n{}", outline(&frames)));
    }
    let is_cause = |fact: &Fact| matches!(fact, Fact::Cause(_)) && tells_causes;
    let facts = fixture.expectations.iter().map(|it| &it.fact);
    tally.causes += facts.filter(|fact| is_cause(fact)).count();
    tally.values += fixture.expectations.iter().filter(|it| is_value(&it.fact)).count();
    wrong.extend(complaints);
    compare(&gdb, &frames, tally, &mut wrong);
    let label = target.label;
    wrong.into_iter().map(|wrong| format!("{label} {} {build}: {wrong}", fixture.name)).collect()
}

fn is_value(fact: &Fact) -> bool {
    matches!(fact, Fact::Value(_))
}

fn crashed_frames(report: &Report) -> Vec<Frame> {
    report.threads.first().map(|thread| thread.frames.clone()).unwrap_or_default()
}

fn is(frame: &Frame, name: &str) -> bool {
    frame.function.as_deref().is_some_and(|shown| is_named(shown, name))
}

fn outline(frames: &[Frame]) -> String {
    let mut text = String::new();
    for frame in frames {
        let function = frame.function.as_deref().unwrap_or("?");
        let _ = writeln!(text, "    #{} {function} {:?}", frame.index, frame.trust);
    }
    text
}

/// One of gdb's frames.
#[derive(Debug)]
struct GdbFrame {
    function: String,
    line: u32,
    is_signal_frame: bool,
}

/// gdb's frames of the crashed thread, innermost first. Those that it rebuilds
/// from jumps in the place of calls are left out: nothing of them is on the stack.
fn gdb_frames(program: &Path, core: &Path) -> Vec<GdbFrame> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gdb_frames.py");
    let output = Command::new("timeout")
        .args(["60", "gdb-multiarch", "-nx", "-batch"])
        .arg(program)
        .arg(core)
        .args(["-x", script])
        .stdin(Stdio::null())
        .output()
        .expect("gdb-multiarch is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let frame = |line: &str| {
        let mut words = line.strip_prefix("FRAME ")?.splitn(3, ' ');
        let (kind, line, function) = (words.next()?, words.next()?, words.next()?);
        (kind != "tail").then(|| GdbFrame {
            function: function.to_owned(),
            line: line.parse().unwrap_or(0),
            is_signal_frame: kind == "signal",
        })
    };
    text.lines().filter_map(frame).collect()
}

/// Compares functions and lines up to `main`. Where gdb does not get there, or
/// passes a frame that it has no name for, there is nothing to compare.
fn compare(gdb: &[GdbFrame], frames: &[Frame], tally: &mut Tally, wrong: &mut Vec<String>) {
    let end = gdb.iter().position(|frame| frame.function == "main");
    let our_end = frames.iter().position(|frame| is(frame, "main"));
    let known = end.map(|end| &gdb[..=end]).filter(|frames| {
        // The innermost one may be nowhere.
        frames.iter().skip(1).all(|frame| frame.is_signal_frame || frame.function != "??")
    });
    let Some(gdb) = known else {
        tally.further += usize::from(our_end.is_some());
        return;
    };
    let ours = &frames[..our_end.map_or(frames.len(), |end| end + 1)];
    let same = |(gdb, ours): (&GdbFrame, &Frame)| {
        // Compilers add `.constprop.0` to the names of copies.
        // Those of code have a dot before them in the first ABI of PowerPC64.
        let bare = |name: &str| {
            let name = name.strip_prefix('.').unwrap_or(name);
            name.split(['.', '@']).next().unwrap_or_default().to_owned()
        };
        let function = ours.function.as_deref();
        let is_named = function.map_or(gdb.function == "??", |shown| {
            is_named(shown, &gdb.function) || bare(shown) == bare(&gdb.function)
        });
        gdb.is_signal_frame && ours.signal_frame
            || is_named && (gdb.line == 0 || ours.line == Some(gdb.line))
    };
    let equal = gdb.iter().zip(ours).filter(|pair| same(*pair)).count();
    tally.frames += gdb.len();
    tally.equal += equal;
    if equal != gdb.len() {
        wrong.push(format!("gdb has {gdb:?}, we have\n{}", outline(ours)));
    }
}

/// One line a tested architecture; `UPDATE_ARCHITECTURES=1` writes them.
fn documented(label: &str, tally: &Tally) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().expect("no panic under the lock");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ARCHITECTURES.md");
    let text = fs::read_to_string(&path).expect("the page is there");
    let line = format!(
        "| {label} | {} of {} | {} of {} | {} | {} | {} |",
        tally.whole,
        tally.deaths,
        tally.equal,
        tally.frames,
        tally.further,
        tally.values,
        tally.causes
    );
    let start = format!("| {label} | ");
    let is_measured = |it: &&str| it.starts_with(&start) && it.contains(" of ");
    if text.contains(&format!("{start}not measured")) {
        return;
    }
    let old = text.lines().find(is_measured);
    if old == Some(line.as_str()) {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_ARCHITECTURES").is_some(),
        "docs/ARCHITECTURES.md has {old:?}, measured was {line}; UPDATE_ARCHITECTURES=1 writes it"
    );
    let old = old.expect("a line for the architecture").to_owned();
    fs::write(&path, text.replace(&old, &line)).expect("the page can be written");
}

/// Machines of which no tool here makes cores: registers, threads, a module,
/// and the first frame with its symbol.
#[test]
fn cores_that_no_tool_makes() {
    let usual = Kind::usual;
    let m68k = Kind { registers_at: 70, tid_at: 22, ..usual(4, false, true) };
    let x32 = Kind { register_size: 8, ..usual(62, false, false) };
    let n32 = Kind { register_size: 8, flags: 0x20, ..usual(8, false, true) };
    // The kind, its name, how many registers, and which is the pc.
    let cases = [
        (usual(20, false, true), "ppc", 48, 32),
        (usual(22, false, true), "s390", 35, 1),
        (usual(8, false, true), "mips", 45, 40),
        (usual(8, false, false), "mips", 45, 40),
        (usual(8, true, true), "mips64", 45, 34),
        (usual(8, true, false), "mips64", 45, 34),
        (n32, "mipsn32", 45, 34),
        (usual(258, true, false), "loongarch64", 45, 33),
        (usual(43, true, true), "sparc64", 36, 33),
        (m68k, "m68k", 20, 18),
        (x32, "x32", 27, 16),
        (usual(243, false, false), "riscv32", 32, 0),
        (usual(40, false, true), "arm", 18, 15),
        (usual(183, true, true), "aarch64", 34, 32),
    ];
    for (kind, name, count, pc) in cases {
        let scratch = scratch::directory(name);
        let (file, function) = kind.program(0x10000, "parse_header", &[0; 64]);
        let program = scratch.path().join("program");
        fs::write(&program, file).expect("a writable directory");
        let mut registers: Vec<u64> = (0..count).map(|index| 0x100 + index).collect();
        registers[pc] = function + 8;
        let code = Segment {
            start: 0x10000,
            size: 0x1000,
            bytes: Vec::new(),
            flags: 5,
            file: Some((program.display().to_string(), 0)),
        };
        let core = ForeignCore {
            kind,
            signal: 11,
            fault: None,
            threads: vec![(77, registers.clone()), (78, registers.clone())],
            auxv: vec![(6, 0x1000)],
            segments: vec![code],
            notes: Vec::new(),
        };
        let path = scratch.path().join("core");
        fs::write(&path, core.bytes()).expect("a writable directory");
        let report = report_of(&path, &Options::default()).expect(name);
        assert_eq!(report.source.arch, name);
        let order = if kind.is_big { "big" } else { "little" };
        assert_eq!(report.source.byte_order.as_deref(), Some(order), "{name}");
        assert_eq!(report.source.bits, Some(if kind.is_64 { 64 } else { 32 }), "{name}");
        assert_eq!(report.process.pid, Some(77), "{name}");
        assert_eq!(report.signal.as_ref().map(|it| it.name.as_str()), Some("SIGSEGV"), "{name}");
        let tids: Vec<u32> = report.threads.iter().map(|thread| thread.tid).collect();
        assert_eq!(tids, [77, 78], "{name}");
        let found = report.threads[0].registers.as_ref().expect(name);
        assert_eq!(found.general.len(), count as usize, "{name}: {:?}", found.general);
        let values: Vec<&str> = found.general.values().map(String::as_str).collect();
        for value in &registers {
            assert!(values.contains(&format!("{value:#x}").as_str()), "{name}: {value:#x}");
        }
        let frame = report.threads[0].frames.first().expect(name);
        assert_eq!(frame.function.as_deref(), Some("parse_header"), "{name}");
        assert_eq!(report.modules.len(), 1, "{name}");
    }
}

#[test]
fn an_unknown_machine_is_told_as_far_as_it_is_known() {
    for (is_64, is_big) in [(true, false), (true, true), (false, false), (false, true)] {
        let kind = Kind::usual(0x1234, is_64, is_big);
        let core = ForeignCore {
            kind,
            signal: 11,
            fault: Some((1, 0x18)),
            threads: vec![(5, vec![7, 8, 9]), (6, vec![1, 2, 3])],
            auxv: vec![(6, 0x1000)],
            segments: vec![Segment {
                start: 0x10000,
                size: 0x1000,
                bytes: vec![1; 0x1000],
                flags: 6,
                file: Some(("/opt/program".to_owned(), 0)),
            }],
            notes: Vec::new(),
        };
        let scratch = scratch::directory("unknown");
        let path = scratch.path().join("core");
        fs::write(&path, core.bytes()).expect("a writable directory");
        let report = report_of(&path, &Options::default()).expect("a report");
        assert_eq!(report.source.arch, "unknown (e_machine 4660)");
        assert_eq!(report.threads.len(), 2);
        let general = &report.threads[0].registers.as_ref().expect("registers").general;
        let words: Vec<_> =
            general.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
        assert_eq!(words, [("word0", "0x7"), ("word1", "0x8"), ("word2", "0x9")]);
        let address = report.signal.as_ref().and_then(|signal| signal.address);
        assert_eq!(address.map(|at| at.0), Some(0x18));
        assert_eq!(report.mappings[0].path.as_deref(), Some("/opt/program"));
    }
}
