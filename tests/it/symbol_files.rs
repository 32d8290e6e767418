//! `coretool symbols` and `coretool addr`.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use coretool::report::model::{AddressLines, Report, SymbolFiles, SymbolTable};

use crate::debug_forms::{BY_ID, ID, Workshop, text};

fn coretool(workshop: &Workshop, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coretool"))
        .args(words)
        .current_dir(workshop.path())
        .output()
        .unwrap()
}

fn symbols(workshop: &Workshop, words: &[&str]) -> SymbolFiles {
    let output = coretool(workshop, &[&["symbols", "--format", "json"], words].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn which_file_is_used_and_why() {
    let workshop = Workshop::new("g++");
    let of_core = &["core", "--exe", "prog", "--debug-dir", "symbols"][..];

    let own = symbols(&workshop, of_core);
    let main = &own.modules[0];
    assert_eq!(own.schema, "coretool.symbols/1");
    assert_eq!(main.build_id.as_deref(), Some(ID));
    let file = main.file.as_ref().unwrap();
    assert_eq!((file.path.as_str(), file.found.as_str()), ("prog", "as given with --exe"));
    assert_eq!((&main.debug_file, main.symbols), (&None, SymbolTable::Dwarf));
    assert!(main.missing.is_empty() && main.base.is_some(), "{main:#?}");
    // The C library is where the process had it.
    let libc = own.modules.iter().find(|module| module.path.contains("libc.so")).unwrap();
    assert_eq!(libc.file.as_ref().unwrap().found, "at its path");

    workshop.steps(&[
        &["mkdir", "-p", "symbols/.build-id/c0"],
        &["objcopy", "--only-keep-debug", "prog", BY_ID],
        &["strip", "--strip-all", "prog"],
    ]);
    let separate = symbols(&workshop, of_core);
    let file = separate.modules[0].debug_file.as_ref().unwrap();
    assert_eq!((file.path.as_str(), file.found.as_str()), (BY_ID, "by its build-id"));

    fs::remove_file(workshop.file(BY_ID)).unwrap();
    let missing = symbols(&workshop, of_core);
    let main = &missing.modules[0];
    assert_eq!((&main.debug_file, main.symbols), (&None, SymbolTable::Dynsym));
    let [gap] = main.missing.as_slice() else { panic!("{main:#?}") };
    assert!(gap.missing.contains(ID), "{gap:#?}");
    assert!(gap.hint.as_ref().unwrap().contains("--debug-dir"), "{gap:#?}");
    let strict = coretool(&workshop, &[&["symbols", "--strict"], of_core].concat());
    assert_eq!(strict.status.code(), Some(3));
    let shown = text(&strict.stdout);
    assert!(shown.contains("  missing  line numbers and variables of prog"), "{shown}");
}

#[test]
fn a_file_of_another_build_is_named() {
    let workshop = Workshop::new("g++");
    workshop.steps(&[&[
        "g++",
        "-g",
        "walk.o",
        "main.o",
        "-o",
        "prog",
        "-Wl,--build-id=0xabcdef0123",
    ]]);
    let found = symbols(&workshop, &["core", "--exe", "prog"]);
    let main = &found.modules[0];
    assert_eq!(main.file, None);
    assert!(main.mismatch.as_ref().unwrap().contains("abcdef0123"), "{main:#?}");
    let shown = text(&coretool(&workshop, &["symbols", "core", "--exe", "prog"]).stdout);
    assert!(shown.contains("not used"), "{shown}");
}

#[test]
fn a_program_without_a_core() {
    let workshop = Workshop::new("g++");
    workshop.build(&["-gdwarf-5", "-gsplit-dwarf"], &[]);
    fs::remove_file(workshop.file("walk.dwo")).unwrap();
    let found = symbols(&workshop, &["prog"]);
    let [module] = found.modules.as_slice() else { panic!("{found:#?}") };
    assert_eq!((module.base, module.split_units), (None, 2));
    let [gap] = module.missing.as_slice() else { panic!("{module:#?}") };
    assert!(gap.why.contains("walk.dwo"), "{gap:#?}");
    let shown = text(&coretool(&workshop, &["symbols", "prog"]).stdout);
    assert!(shown.contains("split    1 of 2 units"), "{shown}");

    let none = coretool(&workshop, &["symbols", "walk.cpp"]);
    assert_eq!(none.status.code(), Some(1), "{}", text(&none.stdout));
}

/// `FILE:LINE` of each call at an address, innermost first, by binutils.
fn by_binutils(workshop: &Workshop, address: &str) -> Vec<String> {
    let output = Command::new("addr2line")
        .args(["-i", "-e", "prog", address])
        .current_dir(workshop.path())
        .output()
        .unwrap();
    let lines = text(&output.stdout);
    lines
        .lines()
        .map(|line| line.split(" (discriminator").next().unwrap().to_owned())
        .filter(|line| !line.starts_with("??"))
        .collect()
}

#[test]
fn addresses_are_what_addr2line_says() {
    let workshop = Workshop::new("g++");
    let symbols = Command::new("nm").arg(workshop.file("prog")).output().unwrap();
    let symbols = text(&symbols.stdout);
    let start = |name: &str| {
        let line = symbols.lines().find(|line| line.ends_with(name)).unwrap();
        u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()
    };
    let mut compared = 0;
    for name in [" _ZN4shop4walkEPNS_4ItemEi", " _Z5servei", " main"] {
        let first = start(name);
        let asked: Vec<String> = (first..first + 40).map(|at| format!("{at:x}")).collect();
        let words: Vec<&str> = asked.iter().map(String::as_str).collect();
        let output =
            coretool(&workshop, &[&["addr", "--format", "json", "prog"], &words[..]].concat());
        for (line, address) in text(&output.stdout).lines().zip(&asked) {
            let found: AddressLines = serde_json::from_str(line).unwrap();
            let shown = found
                .calls
                .iter()
                .filter_map(|call| Some(format!("{}:{}", call.file.as_ref()?, call.line?)));
            let want = by_binutils(&workshop, &format!("0x{address}"));
            // Past the end of a function binutils goes on; that is no answer.
            if !found.calls.is_empty() && !want.is_empty() {
                assert_eq!(shown.collect::<Vec<_>>(), want, "{name} {address}");
                compared += 1;
            }
        }
    }
    assert!(compared > 80, "{compared}");
}

#[test]
fn addresses_come_from_a_pipe_or_as_names() {
    let workshop = Workshop::new("g++");
    let mut child = Command::new(env!("CARGO_BIN_EXE_coretool"))
        .args(["addr", "prog"])
        .current_dir(workshop.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"main\n_Z5servei+0x1\nnonsense\nfffffff0\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "one of them is no address");
    let shown = text(&output.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("main: main at ") && lines[0].ends_with("main.cpp:16"), "{shown}");
    assert!(lines[1].starts_with("_Z5servei+0x1: serve+0x1 at "), "{shown}");
    assert_eq!(lines[2], "nonsense: no address or symbol of this module");
    assert_eq!(lines[3], "fffffff0: nothing is known of it");
}

#[test]
fn timings_are_told_beside_the_report() {
    let workshop = Workshop::new("g++");
    let words = &["analyze", "core", "--exe", "prog"][..];
    let plain = coretool(&workshop, words);
    let timed = coretool(&workshop, &[words, &["--timings"]].concat());
    assert!(timed.status.success());
    assert_eq!(text(&timed.stdout), text(&plain.stdout));
    assert!(!text(&plain.stderr).contains("timings"));
    let told = text(&timed.stderr);
    for phase in ["core", "files", "stacks", "names and values", "causes", "report", "output"] {
        let line = told.lines().find(|line| line.trim_start().starts_with(phase));
        let number = line.and_then(|line| line.split_whitespace().last()?.parse::<f64>().ok());
        assert!(number.is_some(), "{phase}: {told}");
    }
    // Both units of the program were read, and of the C library few.
    let units = |module: &str| {
        let line = told.lines().find(|line| line.trim_start().starts_with(module)).unwrap();
        line.split_whitespace().nth(3).unwrap().trim_end_matches(',').parse::<usize>().unwrap()
    };
    assert_eq!(units("prog "), 2, "{told}");
    assert!(told.contains("files: ") && told.contains(" read from disk"), "{told}");
}

#[test]
fn sources_are_found_where_they_are_now() {
    let workshop = Workshop::new("g++");
    let excerpt = |more: &[&str]| {
        let words = [&["analyze", "core", "--exe", "prog", "--format", "json"][..], more].concat();
        let output = coretool(&workshop, &words);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        let source = report.threads[0].frames[0].source.clone();
        source.map(|source| source.lines[(source.marked - source.start) as usize].clone())
    };
    let line = Some("    *target = before;".to_owned());
    assert_eq!(excerpt(&[]), line);
    workshop.steps(&[&["mkdir", "-p", "moved/deep"], &["mv", "walk.cpp", "moved/deep/walk.cpp"]]);
    assert_eq!(excerpt(&[]), None);
    let from = workshop.path().canonicalize().unwrap();
    let map = format!("{}={}", from.display(), workshop.file("moved/deep").display());
    assert_eq!(excerpt(&["--path-map", &map]), line);
    assert_eq!(excerpt(&["--source-dir", "moved/deep"]), line);
    assert_eq!(excerpt(&["--source-dir", "moved"]), None);
    workshop.steps(&[&["mv", "moved/deep/walk.cpp", "walk.cpp"]]);

    // clang can put the text into the line table.
    let clang = Workshop::new("clang++");
    clang.build(&["-gdwarf-5", "-gembed-source"], &[]);
    clang.steps(&[&["mv", "walk.cpp", "walk.away"]]);
    let output = coretool(&clang, &["analyze", "core", "--exe", "prog"]);
    assert!(text(&output.stdout).contains("*target = before;"), "{}", text(&output.stdout));
}
