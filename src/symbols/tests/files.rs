//! Which files are used, and which are refused.

use super::*;

const SOURCE: &str = r#"
#define MARK(name) __asm__ volatile(".globl at_" #name "\nat_" #name ": nop")
__attribute__((noinline)) int work(int x) {
    MARK(work); // line work
    return x;
}
int main(int argc, char **argv) { return work(argc); }
"#;

/// Moves the debug information of `prog` into `prog.debug`.
fn split(program: &Program) {
    program.tool("objcopy", &["--only-keep-debug", "prog", "prog.debug"]);
    program.tool("strip", &["--strip-all", "prog"]);
}

#[test]
fn separate_debug_files() {
    let with_id = &["-O1", "-g"][..];
    let without_id = &["-O1", "-g", "-Wl,--build-id=none"][..];
    let link = "--add-gnu-debuglink=prog.debug";
    // Where it is put, below the debug directory if it begins with `DEBUG`.
    let cases: &[(&str, &[&str], &str, bool)] = &[
        ("by build-id", with_id, "DEBUG/.build-id", true),
        ("by name, beside", with_id, "prog.debug", true),
        ("by name, in .debug", with_id, ".debug/prog.debug", true),
        ("by name, below the directory", with_id, "DEBUG/dir/prog.debug", true),
        ("elsewhere", with_id, "other/prog.debug", false),
        ("by name and CRC", without_id, "prog.debug", true),
        ("by name, with another CRC", without_id, "CHANGED", false),
    ];
    for (name, flags, place, is_found) in cases {
        let program = Program::compile("gcc", flags, SOURCE);
        let id = program.build_id();
        split(&program);
        program.tool("objcopy", &[link, "prog"]);
        let debug = program.file("debugdir");
        let from = program.file("prog.debug");
        let to = match *place {
            "DEBUG/.build-id" => {
                let hex: String = id.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
                let (first, rest) = hex.split_at(2);
                debug.join(".build-id").join(first).join(format!("{rest}.debug"))
            }
            "DEBUG/dir/prog.debug" => {
                debug.join(program.dir.path().strip_prefix("/").unwrap()).join("prog.debug")
            }
            "CHANGED" => {
                let mut bytes = fs::read(&from).unwrap();
                bytes.push(0);
                fs::write(&from, bytes).unwrap();
                from.clone()
            }
            place => program.file(place),
        };
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(&from, &to).unwrap();
        let options = SymbolOptions { debug_directories: vec![debug], ..SymbolOptions::default() };
        let process = process(&program.path, id);
        ask(&process, &options, |question| {
            let calls = question.calls(program.at("at_work"));
            if *is_found {
                assert_eq!(calls, [format!("work {}", program.line("work"))], "{name}");
                let file = question.symbols.modules()[0].debug_file();
                assert_eq!(file, Some(to.as_path()), "{name}");
            } else {
                assert_eq!(calls, ["? ?"], "{name}");
                assert_eq!(question.symbols.modules()[0].debug_file(), None, "{name}");
            }
        });
    }
}

#[test]
fn a_debug_file_of_another_build_is_refused() {
    let program = Program::compile("gcc", &["-O1", "-g"], SOURCE);
    let other = Program::compile("gcc", &["-O2", "-g", "-DOTHER"], &SOURCE.replace("x;", "x + 1;"));
    split(&program);
    split(&other);
    fs::copy(other.file("prog.debug"), program.file("prog.debug")).unwrap();
    program.tool("objcopy", &["--add-gnu-debuglink=prog.debug", "prog"]);
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        assert_eq!(question.calls(program.at("at_work")), ["? ?"]);
        let gaps = question.gaps();
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].why.contains("no separate debug file with its build-id"), "{gaps:?}");
    });
}

#[test]
fn a_program_that_was_rebuilt_is_refused() {
    let program = Program::compile("gcc", &["-O1", "-g"], SOURCE);
    let ran = vec![0xab, 0xcd, 0xef];
    let process = process(&program.path, Some(ran));
    ask(&process, &SymbolOptions::default(), |question| {
        let module = &question.symbols.modules()[0];
        assert_eq!(question.calls(program.at("at_work")), ["? ?"]);
        assert_eq!(module.file(), None);
        assert!(module.unwind_tables().eh_frame.is_none(), "nor are its unwind tables used");
        let mismatch = module.mismatch().unwrap();
        assert_eq!(mismatch.file, program.path);
        assert_eq!(mismatch.found, program.build_id());
        let gaps = question.gaps();
        let found: String =
            program.build_id().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].why.contains("abcdef") && gaps[0].why.contains(&found), "{gaps:?}");
        let mut out = [0; 4];
        let files = question.symbols.mapped_files(&process);
        assert_eq!(files.read(RunAddr(BASE), &mut out), 0, "nor are its bytes");
    });
}

#[test]
fn without_a_build_id_the_headers_are_compared() {
    let program = Program::compile("gcc", &["-O1", "-g"], SOURCE);
    let file = fs::read(&program.path).unwrap();
    let page: &'static [u8] = file[..4096].to_vec().leak();
    let mut changed = page.to_vec();
    // e_shoff: where the section headers are.
    changed[40] ^= 1;
    let changed: &'static [u8] = changed.leak();
    let cases: &[(&str, Option<&'static [u8]>, bool)] = &[
        ("nothing in memory", None, true),
        ("the same page", Some(page), true),
        ("another page", Some(changed), false),
    ];
    for (name, memory, is_used) in cases {
        let mut process = process(&program.path, None);
        if let Some(memory) = memory {
            process.memory = Box::new(Bytes(BASE, memory));
        }
        ask(&process, &SymbolOptions::default(), |question| {
            let calls = question.calls(program.at("at_work"));
            let gaps = question.gaps();
            assert_eq!(gaps.len(), 1, "{name}: {gaps:?}");
            if *is_used {
                assert_eq!(calls, [format!("work {}", program.line("work"))], "{name}");
                assert!(gaps[0].missing.starts_with("proof that prog"), "{name}: {gaps:?}");
            } else {
                assert_eq!(calls, ["? ?"], "{name}");
                assert!(gaps[0].why.contains("another ELF header"), "{name}: {gaps:?}");
            }
        });
    }
}

#[test]
fn the_executable_may_be_given() {
    let program = Program::compile("gcc", &["-O1", "-g"], SOURCE);
    let mut process = process(&program.path, program.build_id());
    process.modules[0].path = b"/gone/prog (deleted)".to_vec();
    let given =
        SymbolOptions { executable: Some(program.path.clone()), ..SymbolOptions::default() };
    let sysroot = program.file("root");
    fs::create_dir_all(sysroot.join("gone")).unwrap();
    fs::copy(&program.path, sysroot.join("gone/prog")).unwrap();
    let sysroot = SymbolOptions { sysroot: Some(sysroot), ..SymbolOptions::default() };
    let want = [format!("work {}", program.line("work"))];
    for (name, options) in [("given", given), ("below the sysroot", sysroot)] {
        ask(&process, &options, |question| {
            assert_eq!(question.calls(program.at("at_work")), want, "{name}");
        });
    }
    ask(&process, &SymbolOptions::default(), |question| {
        assert_eq!(question.calls(program.at("at_work")), ["? ?"]);
        let gaps = question.gaps();
        assert!(gaps[0].why.starts_with("/gone/prog: No such file"), "{gaps:?}");
        assert!(gaps[0].hint.as_ref().unwrap().contains("--exe"), "{gaps:?}");
    });
}

#[test]
fn source_lines() {
    let program = Program::compile("gcc", &["-O1", "-g"], SOURCE);
    let process = process(&program.path, program.build_id());
    let source = program.file("main.c");
    let touch = |time: &str| program.tool("touch", &["-d", time, "main.c"]);
    for (time, is_newer) in [("2001-01-01", false), ("2101-01-01", true)] {
        touch(time);
        ask(&process, &SymbolOptions::default(), |question| {
            let calls = question.symbols.calls(FrameAddr::Pc(program.at("at_work")));
            let module = &question.symbols.modules()[0];
            let found = module.source(calls[0].place.as_ref().unwrap(), None, 1).unwrap();
            assert_eq!(found.marked, program.line("work"));
            assert_eq!(found.start, program.line("work") - 1);
            assert_eq!(found.lines[1], "    MARK(work); // line work");
            assert_eq!(found.lines.len(), 3);
            assert_eq!(found.is_newer, is_newer, "{time}");
        });
    }
    fs::remove_file(source).unwrap();
    ask(&process, &SymbolOptions::default(), |question| {
        let calls = question.symbols.calls(FrameAddr::Pc(program.at("at_work")));
        let module = &question.symbols.modules()[0];
        assert_eq!(module.source(calls[0].place.as_ref().unwrap(), None, 1), None);
    });
}
