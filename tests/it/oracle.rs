//! gdb as an oracle: frames, lines and simple values are the same, where gdb is
//! right. Where the two differ on purpose, [`DIFFERENCES`] says so.

use coretool::report::model::{Frame, Report, Trust};

use crate::each_fixture::each_fixture;
use crate::support::builds::Build;
use crate::support::examination::examination;
use crate::support::fixture::Fixture;
use crate::support::gdb::{GdbFacts, GdbFrame};
use crate::support::gdb_values::differences;
use crate::support::report_check::without_parameters;

/// Where coretool knows better, or says it otherwise: a fixture, a part of the
/// complaint, and the reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("jump-to-data", "`plugin`", "gdb names data as if it were a function"),
    ("smashed-return", "pc is", "the stack is overwritten: all frames above the first are guesses"),
    (
        "abort-stack-smashing",
        "not None",
        "the call that clang adds belongs to line 0, which is no line",
    ),
    (
        "rust-stack-overflow",
        "not None",
        "where the guard page is met varies: at times in code of line 0, which is no line",
    ),
    (
        "stack-overflow",
        "its function had not begun",
        "when the instruction that stores an argument fails, gdb shows what lies there: 0",
    ),
    (
        "rust-stack-overflow",
        "its function had not begun",
        "when the instruction that stores an argument fails, gdb shows what lies there",
    ),
    (
        "stack-overflow-thread",
        "its function had not begun",
        "when the instruction that stores an argument fails, gdb shows what lies there: 0",
    ),
    (
        "busy-loop",
        "not None",
        "where the loop is met varies: at times in code of line 0, which is no line",
    ),
    (
        "cxx-exception-uncaught",
        "line is",
        "gdb passes over rows of the line table that begin no statement",
    ),
    ("*", "{{vtable.shim}}", "the debug information names the function behind the shim"),
    (
        "poisoned-pointer",
        "line is",
        "gdb passes over rows of the line table that begin no statement",
    ),
    (
        "poisoned-pointer",
        "`pages` is 0x0, not <unknown: memory at 0xdeadbeefdeadbef7",
        "gdb takes the constant 0 of an empty range of the location list; the one at the pc needs lost memory",
    ),
    (
        "*",
        "`std::panicking::panic_handler`",
        "the same function by its linkage name, rust_begin_unwind",
    ),
];

each_fixture!(agrees_with_gdb);

fn agrees_with_gdb(fixture: &Fixture) {
    let mut wrong = Vec::new();
    for build in Build::all(fixture) {
        for complaint in complaints(fixture, build) {
            let is_known = DIFFERENCES.iter().any(|(name, part, _)| {
                (*name == "*" || *name == fixture.name) && complaint.contains(part)
            });
            if !is_known {
                wrong.push(format!("{} {build}: {complaint}", fixture.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn complaints(fixture: &Fixture, build: Build) -> Vec<String> {
    let seen = examination(fixture, build);
    match &seen.report {
        Ok(report) => disagreements(&seen.facts, report),
        Err(error) => vec![error.clone()],
    }
}

/// Where a report and gdb say different things of one core.
pub(crate) fn disagreements(facts: &GdbFacts, report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    for gdb_thread in &facts.threads {
        let Some(thread) = report.threads.iter().find(|it| it.tid == gdb_thread.tid) else {
            wrong.push(format!("thread {} is missing", gdb_thread.tid));
            continue;
        };
        // A thread that is folded into another one has no frames of its own.
        let shown = thread.same_stack_as.unwrap_or(thread.tid);
        let is_folded = shown != thread.tid;
        let frames = report.threads.iter().find(|it| it.tid == shown);
        let frames = frames.map(|it| it.frames.as_slice()).unwrap_or_default();
        // Rebuilt frames are in no stack; who shows them, and how many, may differ.
        let gdb_frames = gdb_thread.frames.iter().filter(|frame| !frame.is_tail_call);
        let mut real = frames.iter().filter(|frame| frame.trust != Trust::TailCall);
        for gdb_frame in gdb_frames {
            let name = gdb_frame.function.as_deref().unwrap_or("?");
            let Some(frame) = real.next() else {
                wrong.push(format!("{name}: no such frame"));
                break;
            };
            if thread.folded.as_ref().is_some_and(|folded| folded.after_index < frame.index) {
                break;
            }
            let label = format!("#{} {name}", frame.index);
            let pc = frame.pc.to_string();
            if pc != gdb_frame.pc {
                let shown = frame.function.as_deref().unwrap_or("?");
                wrong.push(format!("{label}: pc is {}, not {pc} in {shown}", gdb_frame.pc));
                break;
            }
            compare_places(gdb_frame, frame, &label, &mut wrong);
            // Where only the crashed thread's variables are shown, others have none.
            let has_values = !frame.arguments.is_empty() || !frame.locals.is_empty();
            if !is_folded && has_values {
                let different = differences(gdb_frame, frame);
                wrong.extend(different.into_iter().map(|it| format!("{label}: {it}")));
            }
        }
    }
    wrong
}

fn compare_places(gdb: &GdbFrame, frame: &Frame, label: &str, wrong: &mut Vec<String>) {
    if let Some(name) = &gdb.function {
        let shown = frame.function.as_deref().unwrap_or_default();
        if !is_same_function(name, shown) {
            wrong.push(format!("{label}: function is `{name}`, not `{shown}`"));
        }
    }
    if gdb.line.is_some() && frame.line != gdb.line {
        wrong.push(format!("{label}: line is {:?}, not {:?}", gdb.line, frame.line));
    }
    if frame.inlined != gdb.is_inlined || frame.signal_frame != gdb.is_signal_frame {
        wrong.push(format!("{label}: another kind of frame"));
    }
}

/// Names are compared without what the two spell in their own ways: parameters,
/// generic arguments, the paths of Rust's `impl` blocks and closures, glibc's
/// internal aliases.
fn is_same_function(a: &str, b: &str) -> bool {
    let last = |name: &str| {
        let name = name.strip_prefix("__GI_").unwrap_or(name);
        let bare = without_generics(without_parameters(name));
        // Rust's newer names have `::` before the generic arguments, too.
        let last = bare.trim_end_matches("::").rsplit("::").next().unwrap_or_default();
        // What the code of an async function is called in the debug information.
        let is_closure = last.contains("closure") || last.starts_with("{async_");
        if is_closure { "{closure}".to_owned() } else { last.to_owned() }
    };
    last(a) == last(b) && (is_rust(a) || path(a) == path(b))
}

/// The namespaces and classes before a C++ function's own name.
fn path(name: &str) -> String {
    let bare = without_generics(without_parameters(name));
    bare.rsplit_once("::").map(|(path, _)| path.to_owned()).unwrap_or_default()
}

/// Rust and C++ differ in what gdb calls an anonymous part.
fn is_rust(name: &str) -> bool {
    ["core::", "std::rt", "std::sys", "std::thread", "std::panic", "alloc::", "rust_", "panic_"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn without_generics(name: &str) -> String {
    let mut depth = 0_usize;
    let mut bare = String::new();
    for letter in name.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(letter),
            _ => (),
        }
    }
    bare
}
