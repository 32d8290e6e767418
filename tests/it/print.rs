//! `coretool print`: its words, its exit status, and what it survives.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use coretool::analyze::Options;
use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::dump;
use coretool::inspect::{Choice, Questions, print};
use coretool::report::model::{Hex, LayoutKind, Printout, Report, ValueKind};

use crate::support::builds::{Build, Level};
use crate::support::core_maker::{Core, gdb_core};
use crate::support::examination::examination;
use crate::support::fixture::{Fixture, named};
use crate::support::random::Random;

/// The core of a program under `tests/values`, not optimized.
fn core_of(file: &str) -> Core {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values").join(file);
    let text = fs::read_to_string(&source).unwrap();
    let program = Fixture::parse(source, &text).unwrap();
    gdb_core(&program, Build::plain(&program)).0
}

fn coretool(core: &Core, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["print"]).arg(&core.path).args(words).stdin(Stdio::null());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_a_user_sees() {
    let core = core_of("query-c.c");
    // (words, exit status, standard output, standard error)
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&["n", "conn->name"], 0, "n = 77\nconn->name = \"upstream\"\n", ""),
        (&["/x", "n", "conn->fd"], 0, "n = 0x4d\nconn->fd = 0x3\n", ""),
        (&["--types", "n"], 0, "n = (int) 77\n", ""),
        (&["--frame", "1", "argc"], 0, "argc = 1\n", ""),
        (
            &["whatis conn->peer"],
            0,
            "conn->peer: struct peer * (8 bytes)\n\
             struct peer (20 bytes)\n  \
             offset    size  member\n       \
             0      16  name: char [16]\n      \
             16       2  port: uint16_t\n    \
             18.0   1 bit  up: unsigned int\n    \
             18.1  5 bits  level: int\n      \
             19       1  (no member)\n",
            "",
        ),
        (
            &["whatis conn->state"],
            0,
            "conn->state: enum state (4 bytes)\n  CLOSED = 0\n  OPEN = 1\n  HALF = 7\n",
            "",
        ),
        // What is not known is no error.
        (
            &["nothing->fd"],
            0,
            "nothing->fd = <unknown: memory at 0x0 is not in the dump>\n  \
             note: `nothing` is a null pointer\n",
            "",
        ),
        (
            &["fib[12..14]"],
            0,
            "fib[12..14] = {0, 0}\n  note: the slice goes out of `long int [10]`\n",
            "",
        ),
        // What means nothing is one, and the others are printed all the same.
        (
            &["conn->fdd", "n"],
            1,
            "n = 77\n",
            "error: `struct conn` has no member `fdd`\n  conn->fdd\n        ^^^\n\
             hint: its members: fd, name, state, peer, next, load, raw, a, b, f, grid\n",
        ),
        (
            &["con"],
            1,
            "",
            "error: there is no `con` here\n  con\n  ^^^\nhint: names in scope: conn, n, nothing, \
             squares, big, calls, vla, local, count\n",
        ),
        (&["/x"], 1, "", "error: an expression is missing\n  /x\n    ^\n"),
    ];
    for (words, status, out, error) in cases {
        let output = coretool(&core, words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(*status), "{words:?}: {said}");
        let printed = text(&output.stdout);
        if *words == ["con"] {
            // The order of names that are as unlike is that of the debug
            // information, which compilers choose.
            assert!(said.starts_with(&error[..error.find("conn,").unwrap()]), "{said}");
            continue;
        }
        if words[0] == "fib[12..14]" {
            assert!(
                printed.ends_with("note: the slice goes out of `long int [10]`\n"),
                "{printed}"
            );
            continue;
        }
        assert_eq!(printed, *out, "{words:?}");
        assert_eq!(said, *error, "{words:?}");
    }
}

#[test]
fn places_that_are_not_there() {
    let core = core_of("query-c.c");
    let cases: &[(&[&str], &str)] = &[
        (&["--frame", "99", "n"], "error: there is no frame 99 in thread"),
        (&["--thread", "1", "n"], "error: there is no thread 1\nhint: threads: "),
    ];
    for (words, want) in cases {
        let output = coretool(&core, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(text(&output.stderr).starts_with(want), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let usage = coretool(&core, &[]);
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn json_has_values_types_and_faults() {
    let core = core_of("query-c.c");
    let words = ["--format", "json", "*conn->peer", "nope", "whatis struct peer"];
    let output = coretool(&core, &words);
    assert_eq!(output.status.code(), Some(1));
    let printout: Printout = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printout.schema, "coretool.print/1");
    assert_eq!(printout.at.function.as_deref(), Some("work"));
    let [peer, nope, layout] = printout.results.as_slice() else { panic!("{printout:#?}") };
    let value = peer.value.as_ref().unwrap();
    assert_eq!(peer.type_name.as_deref(), Some("struct peer"));
    assert_eq!((peer.size, peer.address), (Some(20), value.address));
    assert_eq!(value.fields.len(), 4);
    assert_eq!(nope.fault.as_ref().map(|fault| (fault.start, fault.end)), Some((0, 4)));
    let members = &layout.layout.as_ref().unwrap().members;
    assert_eq!(members[1].offset, Some(16));
}

/// The numbers of a report are those that `--frame` takes, with inlined calls
/// and the folded middle of a recursion counted.
#[test]
fn frames_are_numbered_as_in_the_report() {
    for name in ["deep-inlines", "stack-overflow", "signal-handler", "threads"] {
        let fixture = named(name);
        let level = if name == "deep-inlines" { Level::O2 } else { Level::O0 };
        let build = Build { level, ..Build::plain(fixture) };
        let report = examination(fixture, build).report.clone().unwrap();
        let (core, _) = gdb_core(fixture, build);
        let crashed = &report.threads[0];
        let (store, gaps, options) = (FileStore::default(), Gaps::new(), Options::default());
        let process = dump::open(&core.path, &store, &options.limits, &gaps).unwrap();
        let at = |frame| {
            let choice = Choice { thread: None, frame };
            print(&process, &store, &options, &gaps, choice, &Questions::default())
        };
        let picked = crashed.frames.iter().take(12).chain(crashed.frames.iter().rev().take(3));
        for frame in picked {
            let found = at(frame.index).unwrap().at;
            let wanted = (&frame.function, &frame.file, &frame.line);
            assert_eq!(
                (&found.function, &found.file, &found.line),
                wanted,
                "{name} {}",
                frame.index
            );
        }
        if let Some(folded) = &crashed.folded {
            let hidden = at(folded.after_index + 1).unwrap_err();
            assert!(hidden.to_string().contains("deep recursion"), "{hidden}");
        }
    }
}

/// Every thread's frames can be asked, by the id that the report shows.
#[test]
fn threads_are_chosen_by_their_id() {
    let fixture = named("threads");
    let (core, facts) = gdb_core(fixture, Build::plain(fixture));
    for thread in &facts.threads {
        let tid = thread.tid.to_string();
        let output = coretool(&core, &["--thread", &tid, "--format", "json", "$pc", "$fs_base"]);
        let printout: Printout = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printout.at.thread, Some(thread.tid));
        let pc = printout.results[0].value.as_ref().unwrap().raw.unwrap();
        assert_eq!(pc.to_string(), thread.frames[0].pc, "thread {tid}");
    }
}

/// Words in any order, over a whole core and over one that was cut: answers or
/// faults, and no panic.
#[test]
fn random_questions_are_survived() {
    let core = core_of("query-c.c");
    let cut = core.path.with_extension("cut");
    let mut bytes = Vec::new();
    fs::File::open(&core.path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&cut, &bytes).unwrap();
    let words = [
        "conn",
        "table",
        "fib",
        "local",
        "vla",
        "big",
        "squares",
        "main",
        "OPEN",
        "$rsp",
        "$xmm0",
        "->",
        ".",
        "fd",
        "name",
        "peer",
        "[",
        "]",
        "(",
        ")",
        "*",
        "&",
        "-",
        "+",
        "/",
        "%",
        "<<",
        "..",
        "@",
        "1",
        "0",
        "0xffffffffffffffff",
        "-1",
        "1.5",
        "'a'",
        "\"s\"",
        "sizeof",
        "whatis",
        "struct",
        "conn *",
        "int",
        "(struct conn *)",
        "(char)",
        "as",
        "/x",
        "/s",
        "/b",
        "==",
        "!",
        "~",
        "9223372036854775807",
        "340282366920938463463374607431768211455",
        "next",
        "nothing",
    ];
    let mut random = Random::new(7);
    let expressions: Vec<String> = (0..1500)
        .map(|_| {
            let count = 1 + random.below(9);
            let words: Vec<&str> =
                (0..count).map(|_| words[random.below(words.len() as u64) as usize]).collect();
            words.join(" ")
        })
        .collect();
    for path in [&core.path, &cut] {
        let (store, gaps, options) = (FileStore::default(), Gaps::new(), Options::default());
        let Ok(process) = dump::open(path, &store, &options.limits, &gaps) else {
            panic!("{} is not read", path.display());
        };
        let questions = Questions { expressions: expressions.clone(), format: None };
        let choice = Choice::default();
        let printout = print(&process, &store, &options, &gaps, choice, &questions).unwrap();
        for result in &printout.results {
            let known = [result.value.is_some(), result.layout.is_some(), result.fault.is_some()];
            assert!(known.contains(&true), "{result:?}");
            if let Some(fault) = &result.fault {
                assert!(fault.start <= fault.end && fault.end <= result.expression.len() + 1);
            }
        }
    }
}

/// Of a core without its stack, what lies there is unknown, and says why.
#[test]
fn what_a_core_lacks_is_unknown() {
    let core = core_of("query-c.c");
    let printed = |expressions: &[&str]| {
        let (store, gaps, options) = (FileStore::default(), Gaps::new(), Options::default());
        let process = dump::open(&core.path, &store, &options.limits, &gaps).unwrap();
        let expressions = expressions.iter().map(ToString::to_string).collect();
        let questions = Questions { expressions, format: None };
        print(&process, &store, &options, &gaps, Choice::default(), &questions).unwrap()
    };
    let whole = printed(&["local"]);
    let Hex(at) = whole.results[0].value.as_ref().unwrap().address.unwrap();
    let mut bytes = fs::read(&core.path).unwrap();
    // The program header: p_vaddr at 16, p_filesz at 32, p_memsz at 40.
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let count = usize::from(u16::from_le_bytes([bytes[56], bytes[57]]));
    let stack = (0..count).map(|number| 64 + number * 56).find(|header| {
        let start = word(&bytes, header + 16);
        (start..start + word(&bytes, header + 40)).contains(&at)
    });
    let stack = stack.expect("the core has the stack");
    bytes[stack + 32..stack + 40].fill(0);
    fs::write(&core.path, &bytes).unwrap();
    for result in &printed(&["local", "conn->fd", "vla", "big"]).results {
        let value = result.value.as_ref().unwrap();
        assert_eq!(value.kind, ValueKind::Unknown, "{result:?}");
        assert!(value.why_unknown.is_some(), "{result:?}");
    }
}

#[test]
fn nobody_who_reads_is_success() {
    let core = core_of("query-c.c");
    let script = "\"$0\" print \"$1\" table | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}";
    let status = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_coretool")])
        .arg(&core.path)
        .status()
        .unwrap();
    assert!(status.success());
}

/// Which files are missing, or others, is said with each answer.
#[test]
fn files_that_are_not_those_that_ran() {
    let core = core_of("query-c.c");
    for (option, file) in [("--exe", "/nonexistent"), ("--sysroot", "/nonexistent")] {
        let output = coretool(&core, &[option, file, "1"]);
        assert_eq!(output.status.code(), Some(1), "{option}");
        let said = text(&output.stderr);
        assert!(said.contains("`/nonexistent`") && said.contains(option), "{said}");
    }
    // This test's own program is another one, and its source is none at all.
    let other = env!("CARGO_BIN_EXE_coretool");
    for (file, why) in [(other, "build-id"), (file!(), "not an ELF file")] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let file = file.to_str().unwrap();
        let output = coretool(&core, &["--exe", file, "counter", "1"]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with("not known: ") && said.contains(why), "{said}");
        assert!(said.contains("hint: not known here: symbols and code of"), "{said}");
        let output = coretool(&core, &["--exe", file, "1", "--format", "json"]);
        let printout: Printout = serde_json::from_slice(&output.stdout).unwrap();
        assert!(printout.gaps.iter().any(|gap| gap.why.contains(why)), "{:?}", printout.gaps);
    }
    let whole = coretool(&core, &["1", "--format", "json"]);
    let printout: Printout = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(printout.gaps, []);
}

/// `--globals` has static variables of functions, and none of headers.
#[test]
fn globals_of_the_source() {
    let globals = |file: &str| {
        let core = core_of(file);
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        command.args(["analyze", "--globals", "--format", "json"]).arg(&core.path);
        let report: Report = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        report.globals.unwrap().variables
    };
    let found = globals("query-c.c");
    let calls = found.iter().find(|variable| variable.name == "work::calls").unwrap();
    assert_eq!(calls.value.text, "10");
    assert!(found.iter().any(|variable| variable.name == "main::peer"));
    assert!(found.iter().any(|variable| variable.name == "counter"));
    assert!(found.iter().all(|variable| !variable.name.ends_with("::n")));
    for variable in globals("query-cxx.cpp") {
        let name = &variable.name;
        assert!(!name.contains("__") && !name.starts_with("std::"), "{name}");
    }
}

#[test]
fn locals_of_all_threads_are_shown() {
    let fixture = named("threads");
    let (core, _) = gdb_core(fixture, Build::plain(fixture));
    let shown = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        text(&command.arg("analyze").args(words).arg(&core.path).output().unwrap().stdout)
    };
    let usual = shown(&[]).lines().count();
    assert_eq!(shown(&["--locals", "all"]), shown(&["--locals", "all", "--all-threads"]));
    assert!(shown(&["--locals", "all"]).lines().count() > usual);
}

/// A base takes what it has without its virtual bases, which the object has
/// once, at a place of its own.
#[test]
fn layouts_of_virtual_bases() {
    let core = core_of("cxx-dynamic.cpp");
    let output = coretool(&core, &["whatis Middle", "--format", "json"]);
    let printout: Printout = serde_json::from_slice(&output.stdout).unwrap();
    let layout = printout.results[0].layout.clone().unwrap();
    let bases: Vec<_> = layout.members.iter().filter(|it| it.kind == LayoutKind::Base).collect();
    assert!(bases.iter().any(|base| base.type_name == "app::VirtualBase" && base.offset.is_none()));
    assert!(layout.members.iter().all(|it| it.kind != LayoutKind::Hole), "{:?}", layout.members);
    // System V C++ ABI: a table pointer and an `int` are 12 bytes, so that the
    // next `int` follows at once; the whole `Middle` has 32.
    let output = coretool(&core, &["whatis Bottom", "--format", "json"]);
    let printout: Printout = serde_json::from_slice(&output.stdout).unwrap();
    let layout = printout.results[0].layout.clone().unwrap();
    let middle = layout.members.iter().find(|it| it.type_name == "app::Middle").unwrap();
    assert_eq!((middle.offset, middle.size), (Some(0), Some(12)));
    let own = layout.members.iter().find(|it| it.name == "l").unwrap();
    assert_eq!(own.offset, Some(12));
    let shown = text(&coretool(&core, &["whatis Middle"]).stdout);
    assert!(shown.contains("virtual") && shown.contains("base app::VirtualBase"), "{shown}");
}
