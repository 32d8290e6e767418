//! `coretool what`: addresses, and what lies there.

use std::path::Path;
use std::process::{Command, Output};

use coretool::report::model::{AddressKind, ByteSource, What};

use crate::support::builds::Build;
use crate::support::core_maker::{Core, gdb_core};
use crate::support::fixture::{Fixture, named};

fn core() -> Core {
    core_of("query-c.c")
}

fn core_of(file: &str) -> Core {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values").join(file);
    let text = std::fs::read_to_string(&source).unwrap();
    let program = Fixture::parse(source, &text).unwrap();
    gdb_core(&program, Build::plain(&program)).0
}

fn coretool(core: &Core, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["what"]).arg(&core.path).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn what(core: &Core, words: &[&str]) -> What {
    let words: Vec<&str> = ["--format", "json"].into_iter().chain(words.iter().copied()).collect();
    let output = coretool(core, &words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn variables_and_their_members() {
    let core = core();
    // (expression, variable, path, type of the part, bytes into it, padding)
    let cases = [
        ("&conn->peer", "table", "table[0].peer", "struct peer *", 0, false),
        ("&table[1].raw[2]", "table", "table[1].raw[2]", "uint8_t", 0, false),
        ("&table[2].grid[1][2]", "table", "table[2].grid[1][2]", "int", 0, false),
        ("(char *)&table[0] + 5", "table", "table[0]", "struct conn", 5, true),
        ("(char *)&table[0].load + 3", "table", "table[0].load", "double", 3, false),
        ("&local.port", "local", "local.port", "uint16_t", 0, false),
        ("&vla[3]", "vla", "vla[3]", "int", 0, false),
        ("&n", "n", "n", "int", 0, false),
        ("fib + 7", "fib", "fib[7]", "long int", 0, false),
        ("&calls", "calls", "calls", "int", 0, false),
    ];
    for (expression, name, path, of, into, is_padding) in cases {
        let found = what(&core, &[expression]);
        assert_eq!(found.kind, AddressKind::Mapped, "{expression}");
        let variable = found.variable.unwrap_or_else(|| panic!("{expression} is in no variable"));
        let got = (variable.name.as_str(), variable.path.as_str(), variable.path_type.as_str());
        assert_eq!(got, (name, path, of), "{expression}");
        assert_eq!((variable.path_offset, variable.is_padding), (into, is_padding), "{expression}");
        let is_local = ["local", "vla", "n"].contains(&name);
        assert_eq!(found.stack.is_some(), is_local, "{expression}");
        if let Some(stack) = found.stack {
            assert_eq!((stack.frame, stack.function.as_deref()), (Some(0), Some("work")));
        }
    }
}

#[test]
fn code_and_its_line() {
    let core = core();
    let found = what(&core, &["$pc"]);
    let code = &found.code[0];
    assert_eq!(code.function.as_deref(), Some("work"));
    assert!(code.file.as_deref().is_some_and(|file| file.ends_with("query-c.c")));
    assert!(code.line.is_some_and(|line| line > 100));
    assert_eq!(found.module.unwrap().section.as_deref(), Some(".text"));
    assert_eq!(found.mapping.unwrap().permissions.as_deref(), Some("r-x"));
    let caller = what(&core, &["--frame", "1", "&argc"]);
    assert_eq!(caller.stack.as_ref().and_then(|stack| stack.frame), Some(1));
    assert_eq!(caller.variable.unwrap().path, "argc");
}

#[test]
fn stacks_below_and_above_the_frames() {
    let core = core();
    let below = what(&core, &["$rsp - 64"]).stack.unwrap();
    assert_eq!((below.frame, below.from_stack_pointer), (None, -64));
    let shown = text(&coretool(&core, &["$rsp - 64"]).stdout);
    assert!(shown.contains("in the red zone"), "{shown}");
    let shown = text(&coretool(&core, &["$rsp - 1024"]).stdout);
    assert!(shown.contains("left over from calls that have returned"), "{shown}");
    let arguments = what(&core, &["--frame", "1", "argv[0]"]).stack.unwrap();
    assert_eq!(arguments.frame, None);
}

#[test]
fn where_nothing_is_mapped() {
    let core = core();
    let cases = [
        ("0", AddressKind::Null, "the null pointer; nothing is mapped there"),
        ("0x18", AddressKind::Null, "nothing is mapped there: a null pointer and 24 bytes"),
        ("0x1234567890", AddressKind::Unmapped, "nothing is mapped there"),
        ("0x7fffffffffff0000", AddressKind::NonCanonical, "no address: the processor refuses it"),
        ("0xffffffff81000000", AddressKind::Kernel, "an address of the kernel"),
    ];
    for (expression, kind, want) in cases {
        let found = what(&core, &[expression]);
        assert_eq!((found.kind, found.source), (kind, ByteSource::Missing), "{expression}");
        assert_eq!(found.above.is_some(), kind == AddressKind::Unmapped, "{expression}");
        let shown = text(&coretool(&core, &[expression]).stdout);
        assert!(shown.starts_with(expression) && shown.contains(want), "{shown}");
    }
    let fault = coretool(&core, &["conn->"]);
    assert_eq!(fault.status.code(), Some(1));
    assert!(text(&fault.stderr).contains("the name of a member is missing"));
}

/// Each thread's stack belongs to that thread.
#[test]
fn stacks_of_other_threads() {
    let fixture = named("threads");
    let (core, facts) = gdb_core(fixture, Build::plain(fixture));
    for thread in &facts.threads {
        let tid = thread.tid.to_string();
        let found = what(&core, &["--thread", &tid, "$sp"]);
        let stack = found.stack.unwrap();
        assert_eq!((stack.thread, stack.from_stack_pointer), (thread.tid, 0));
        let block = what(&core, &["--thread", &tid, "$fs_base"]).thread_block.unwrap();
        assert_eq!((block.thread, block.offset), (thread.tid, 0));
    }
}

/// Static variables of `main` of which each thread has its own, and the first
/// thread's: of two bytes, and a pointer that is zero at the start.
#[test]
fn variables_that_each_thread_has() {
    let core = core_of("tls-static.c");
    for (expression, name, of) in [("&own", "own", "short int"), ("&zero", "zero", "char *")] {
        let found = what(&core, &[expression]);
        let thread = found.at.thread.unwrap();
        let variable = found.variable.unwrap_or_else(|| panic!("{expression}"));
        assert_eq!((variable.path.as_str(), variable.path_type.as_str()), (name, of));
        assert_eq!(variable.thread, Some(thread), "{expression}");
        assert_eq!(found.thread_local.unwrap().thread, thread);
        assert!(found.stack.is_none() && found.heap.is_none(), "{expression}");
        let shown = text(&coretool(&core, &[expression]).stdout);
        assert!(shown.contains(&format!("{name} of thread {thread} ({of})")), "{shown}");
    }
}

/// Containers begin with empty bases, such as their allocators; what has the
/// bytes is the pointer.
#[test]
fn empty_bases_are_never_named() {
    let core = core_of("query-cxx.cpp");
    for (expression, end, is_pointer) in [
        ("&points", "._M_start", true),
        ("&numbers", "._M_start", true),
        ("&unique", "._M_head_impl", true),
        ("&shared", "._M_ptr", true),
    ] {
        let found = what(&core, &[expression]);
        let variable = found.variable;
        // `numbers` is a member of an object of the caller.
        let Some(variable) = variable else { panic!("{expression}: {:?}", found.stack) };
        assert!(variable.path.ends_with(end), "{expression}: {}", variable.path);
        assert!(!variable.is_padding && variable.path_offset == 0, "{expression}");
        let is_named = variable.path_type.ends_with('*') || variable.path_type.ends_with("pointer");
        assert_eq!(is_named, is_pointer, "{expression}: {}", variable.path_type);
    }
}

#[test]
fn what_frames_keep_and_what_an_expression_was_taken_for() {
    let core = core();
    // System V psABI: the call pushed the return address just below the CFA.
    let found = what(&core, &["$cfa - 8"]);
    let stack = found.stack.unwrap();
    assert_eq!((stack.frame, stack.saved.as_deref()), (Some(0), Some("return address")));
    let shown = text(&coretool(&core, &["$cfa - 8"]).stdout);
    assert!(shown.contains("the return address in frame 0, work"), "{shown}");
    // Without optimization `work` pushes the caller's frame pointer next.
    let saved = what(&core, &["$cfa - 16"]).stack.unwrap().saved;
    assert_eq!(saved.as_deref(), Some("rbp"));

    let value = what(&core, &["table[2].fd"]);
    assert_eq!((value.address.unwrap().0, value.kind), (5, AddressKind::Null));
    assert!(value.object.is_some_and(|object| object.0 != 5));
    let place = what(&core, &["table[2]"]);
    assert_eq!(place.object, place.address);
    assert_eq!(what(&core, &["&table[2]"]).object, None);
    let shown = text(&coretool(&core, &["table[2].fd"]).stdout);
    assert!(shown.contains("the value of `table[2].fd`, which itself lies at 0x"), "{shown}");
}

#[test]
fn what_the_kernel_maps() {
    let core = core();
    let shown = text(&coretool(&core, &["0xffffffffff600000"]).stdout);
    assert!(shown.contains("vsyscall") || shown.contains("an address of the kernel"), "{shown}");
    let refused = coretool(&core, &["nope", "--format", "json"]);
    assert_eq!(refused.status.code(), Some(1));
    let refused: What = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(refused.address.is_none() && refused.fault.is_some());
}
