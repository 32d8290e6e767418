//! The fixtures themselves: they can be read, and are right in the eyes of gdb.

use std::path::PathBuf;

use crate::each_fixture::each_fixture;
use crate::support::builds::Build;
use crate::support::examination::examination;
use crate::support::expectation::{Fact, FrameFacts};
use crate::support::fixture::{self, Fixture, Language};
use crate::support::gdb::{GdbFacts, GdbFrame};
use crate::support::report_check::is_named;

#[test]
fn there_are_enough_fixtures_in_each_language() {
    let count = |language| fixture::all().iter().filter(|it| it.language == language).count();
    assert!(count(Language::C) >= 25);
    assert!(count(Language::Cxx) >= 6);
    assert!(count(Language::Rust) >= 8);
}

#[test]
fn every_fixture_says_what_it_is_about_and_where_it_dies() {
    for fixture in fixture::all() {
        assert!(!fixture.about.is_empty());
        let has = |wanted: fn(&Fact) -> bool| {
            assert!(fixture.expectations.iter().any(|it| wanted(&it.fact)), "{}", fixture.name);
        };
        has(|fact| matches!(fact, Fact::Signal(_)));
        has(|fact| matches!(fact, Fact::Cause(_)));
        has(|fact| matches!(fact, Fact::Frame(..)));
    }
}

#[test]
fn c_fixtures_need_no_other_file() {
    for fixture in fixture::all().iter().filter(|it| it.language == Language::C) {
        let text = std::fs::read_to_string(&fixture.source).expect("a fixture is readable");
        assert!(!text.contains("#include \""), "{}", fixture.name);
    }
}

#[test]
fn mistakes_in_expectations_are_named() {
    let cases = [
        ("int x;", "the first line says what it is about"),
        ("// A.\n// expect: signal", "nothing is expected"),
        ("// A.\n// expect: frame x function=f", "a frame is a number or `*`"),
        ("// A.\n// expect: frame 0 line=@crash", "no line has `/* @crash */`"),
        ("// A.\n// expect: [O3] signal SIGSEGV", "`O3` is no condition"),
        ("// A.\n// expect: value f.x", "a value needs `=` or `contains`"),
        ("// A.\n// expect: value x=3", "`function.name`"),
        ("// A.\n// expect: verdict has \"x\"", "`contains \"text\"` was expected"),
        ("// A.\n// run: fast", "`fast` says nothing about a run"),
        ("// A.\nf(); /* @a */\ng(); /* @a */", "there are two lines with `@a`"),
    ];
    for (text, complaint) in cases {
        let error = Fixture::parse(PathBuf::from("x.c"), text).expect_err("a mistake").1;
        assert!(error.starts_with(complaint), "{text:?}: {error}");
    }
}

mod gdb_sees_what_is_expected {
    super::each_fixture!(super::gdb_sees_the_expected_frames);
}

/// What fixtures say of frames, gdb says as well: so a failure of the matrix is a
/// fault of ours and not of a fixture. Debug builds suffice.
fn gdb_sees_the_expected_frames(fixture: &Fixture) {
    let build = Build::plain(fixture);
    let seen = examination(fixture, build);
    let mut wrong = Vec::new();
    for expectation in fixture.expectations.iter().filter(|it| it.holds_for(build)) {
        if !gdb_agrees(&seen.facts, &expectation.fact) {
            wrong.push(format!("line {}: {:?}", expectation.line, expectation.fact));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn gdb_agrees(facts: &GdbFacts, fact: &Fact) -> bool {
    let fits = |frame: &GdbFrame, wanted: &FrameFacts| {
        let function = frame.function.as_deref().unwrap_or_default();
        wanted.function.as_ref().is_none_or(|name| is_named(function, name))
            && wanted.line.is_none_or(|line| frame.line == Some(line))
            && wanted.inlined.is_none_or(|inlined| frame.is_inlined == inlined)
            && wanted.signal_frame.is_none_or(|it| frame.is_signal_frame == it)
    };
    let crashed = &facts.threads[0].frames;
    match fact {
        Fact::Frame(Some(index), wanted) => {
            let index = usize::try_from(*index).expect("a small number");
            crashed.get(index).is_some_and(|frame| fits(frame, wanted))
        }
        // gdb was asked for the innermost frames only.
        Fact::Frame(None, wanted) => {
            crashed.len() == 64 || crashed.iter().any(|frame| fits(frame, wanted))
        }
        Fact::Thread(wanted) => {
            facts.threads[1..].iter().flat_map(|thread| &thread.frames).any(|it| fits(it, wanted))
        }
        Fact::Threads(count) => facts.threads.len() == *count,
        _ => true,
    }
}
