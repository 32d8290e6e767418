//! Expressions over the programs under `tests/values`: what their comments ask,
//! and answer.
//!
//! `// ask: EXPR => VALUE` asks in the innermost frame, `// ask N:` in frame N,
//! `// ask F:` in the innermost frame of a function named `crash`. A value
//! `fault A..B MESSAGE` is a fault at these bytes of the expression.

use std::path::Path;

use coretool::analyze::Options;
use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::dump;
use coretool::inspect::{Choice, Questions, print};
use coretool::report::model::{Printed, Printout, ValueKind};

use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture::Fixture;

#[test]
fn c() {
    check("query-c.c");
}

#[test]
fn cxx() {
    check("query-cxx.cpp");
}

#[test]
fn rust() {
    check("query-rust.rs");
}

/// One question with its answer.
struct Ask<'t> {
    line: usize,
    frame: &'t str,
    expression: &'t str,
    want: &'t str,
}

fn asks(text: &str) -> Vec<Ask<'_>> {
    let asks = text.lines().enumerate().filter_map(|(number, line)| {
        let (frame, rest) = line.strip_prefix("// ask")?.split_once(": ")?;
        let (expression, want) = rest.split_once(" => ").expect("an answer");
        Some(Ask { line: number + 1, frame: frame.trim(), expression, want })
    });
    asks.collect()
}

fn check(file: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values").join(file);
    let text = std::fs::read_to_string(&source).expect("the program is readable");
    let program = Fixture::parse(source, &text).unwrap_or_else(|(line, why)| {
        panic!("{file}:{line}: {why}");
    });
    let asks = asks(&text);
    assert!(asks.len() > 10, "{file} asks nothing");
    let mut wrong = Vec::new();
    for build in Build::all(&program) {
        let (core, _) = gdb_core(&program, build);
        let mut frames: Vec<&str> = asks.iter().map(|ask| ask.frame).collect();
        frames.sort_unstable();
        frames.dedup();
        for frame in frames {
            let asks: Vec<&Ask<'_>> = asks.iter().filter(|ask| ask.frame == frame).collect();
            let number = match frame {
                "F" => (0..64)
                    .find(|number| {
                        let at = asked(&core.path, *number, &[]).at;
                        at.function.is_some_and(|function| function.ends_with("crash"))
                    })
                    .expect("a frame of the program"),
                "" => 0,
                number => number.parse().expect("a number"),
            };
            let expressions: Vec<&str> = asks.iter().map(|ask| ask.expression).collect();
            let printout = asked(&core.path, number, &expressions);
            for (ask, result) in asks.iter().zip(&printout.results) {
                if let Some(complaint) = complaint(ask, result, build) {
                    wrong.push(format!("{file}:{} ({build}): {complaint}", ask.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn asked(core: &Path, frame: u64, expressions: &[&str]) -> Printout {
    let (store, gaps, options) = (FileStore::default(), Gaps::new(), Options::default());
    let process = dump::open(core, &store, &options.limits, &gaps).expect("a whole core");
    let expressions = expressions.iter().map(|text| (*text).to_owned()).collect();
    let questions = Questions { expressions, format: None };
    let choice = Choice { thread: None, frame };
    print(&process, &store, &options, &gaps, choice, &questions).expect("a frame")
}

fn complaint(ask: &Ask<'_>, result: &Printed, build: Build) -> Option<String> {
    let got = match (&result.value, &result.fault) {
        (Some(value), _) => value.text.clone(),
        (None, Some(fault)) => format!("fault {}..{} {}", fault.start, fault.end, fault.message),
        (None, None) => "a type".to_owned(),
    };
    let is_unknown = result
        .value
        .as_ref()
        .is_some_and(|value| value.kind == ValueKind::Unknown || value.text.contains("<unknown"));
    if got == ask.want || (build.is_optimized() && is_unknown) {
        return None;
    }
    Some(format!("`{}` is {got}, not {}", ask.expression, ask.want))
}
