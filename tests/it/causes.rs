//! The cause of each fixture's death, found in every build, stripped ones too;
//! and `docs/CAUSES.md`, which is generated from the table of rules.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use coretool::diagnose::rules::RULES;
use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::compiler::built;
use crate::support::core_maker::die;
use crate::support::expectation::Fact;
use crate::support::fixture::{self, Fixture};
use crate::support::report_check::complaints;
use crate::support::scratch;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CAUSES.md");

/// Where the page's hand-kept part begins: what other tools say.
const OTHERS: &str = "## What other tools say of the same deaths";

/// How confident a finding must be to be stated as a fact.
const STATED: f64 = 0.95;

/// Of a hundred deaths so many must be told right.
const BAR: usize = 98;

/// What was found wrong of the fixtures of one part, and how many were asked.
#[derive(Default)]
struct Tally {
    asked: usize,
    wrong: Vec<String>,
    stated_wrong: Vec<String>,
}

/// Four parts, which run side by side.
fn part(number: usize) {
    let all = fixture::all().iter().chain(fixture::of_causes());
    let mut tally = Tally::default();
    for fixture in all.skip(number).step_by(4) {
        let has_more = fixture::of_causes().iter().any(|it| it.name == fixture.name);
        for build in Build::all(fixture) {
            look(fixture, build, has_more, &mut tally);
            look(fixture, build.stripped(), false, &mut tally);
        }
    }
    let Tally { asked, wrong, stated_wrong } = tally;
    assert!(asked > 0);
    assert!(stated_wrong.is_empty(), "stated as a fact:\n{}", stated_wrong.join("\n"));
    let right = asked - wrong.len();
    assert!(right * 100 >= asked * BAR, "{right} of {asked} are right:\n{}", wrong.join("\n"));
}

#[test]
fn causes_of_the_first_part() {
    part(0);
}

#[test]
fn causes_of_the_second_part() {
    part(1);
}

#[test]
fn causes_of_the_third_part() {
    part(2);
}

#[test]
fn causes_of_the_fourth_part() {
    part(3);
}

fn look(fixture: &Fixture, build: Build, with_all: bool, tally: &mut Tally) {
    let name = &fixture.name;
    let report = match report(fixture, build) {
        Ok(report) => report,
        Err(why) => {
            tally.asked += 1;
            tally.wrong.push(format!("{name} {build}: no report: {why}"));
            return;
        }
    };
    if with_all {
        // Of these programs nobody else looks at the rest.
        let wrong = complaints(fixture, build, &report);
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
    let Some(wanted) = cause(fixture, build) else { return };
    tally.asked += 1;
    let best = report.findings.first();
    if best.is_some_and(|best| best.id == wanted) {
        return;
    }
    let found = best.map(|best| format!("{} ({})", best.id, best.confidence));
    let wrong = format!("{name} {build}: {wanted}, not {found:?}: {}", report.verdict);
    let is_wide = best.is_some_and(|best| is_wider(&best.id));
    if best.is_some_and(|best| best.confidence >= STATED) && !is_wide {
        tally.stated_wrong.push(wrong.clone());
    }
    tally.wrong.push(wrong);
}

/// Causes that say only what the kernel said: they are true of any bad address.
fn is_wider(id: &str) -> bool {
    matches!(id, "wild-pointer" | "bad-pointer" | "abort" | "heap-corruption")
}

/// The cause that a fixture states for a build; what is said of stripped
/// programs counts more.
fn cause(fixture: &Fixture, build: Build) -> Option<&str> {
    let holding = fixture.expectations.iter().filter(|it| it.holds_for(build));
    let causes = holding.filter_map(|it| match &it.fact {
        Fact::Cause(id) => Some((it.is_for_stripped(), id.as_str())),
        _ => None,
    });
    causes.max_by_key(|(is_for_stripped, _)| *is_for_stripped).map(|(_, id)| id)
}

fn report(fixture: &Fixture, build: Build) -> Result<Report, String> {
    let scratch = scratch::directory(&fixture.name);
    let file = scratch.path().join("report");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["--quiet", "run", "--format", "json"]);
    command.arg("--output").arg(&file).arg(built(fixture, build));
    command.env("XDG_STATE_HOME", scratch.path());
    let death = die(fixture, &mut command);
    let text = fs::read_to_string(&file).map_err(|error| format!("{error}: {}", death.stderr))?;
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}

#[test]
fn the_page_is_generated_from_the_rules() {
    let page = fs::read_to_string(PAGE).unwrap_or_default();
    let others = page.find(OTHERS).map(|at| &page[at..]).unwrap_or_default();
    let generated = format!("{}{others}", generated());
    if std::env::var_os("UPDATE_CAUSES").is_some() {
        fs::write(PAGE, &generated).unwrap();
    }
    let page = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        page == generated,
        "docs/CAUSES.md is out of step: UPDATE_CAUSES=1 cargo test --test it causes::the_page"
    );
}

fn generated() -> String {
    let mut page = "# Causes of death\n\n\
        Each report names the cause that fits best by one of these ids, with what it rests on and how sure it is: stated\n\
        plainly from 0.95 on, \"very likely\" from 0.7, \"likely\" from 0.4, \"possibly\" below. `coretool explain ID` prints the same.\n\
        Generated from the table of rules: `UPDATE_CAUSES=1 cargo test --test it causes::the_page`.\n\n\
        | id | programs that die of it |\n|---|---|\n"
        .to_owned();
    let all: Vec<&Fixture> = fixture::all().iter().chain(fixture::of_causes()).collect();
    for rule in RULES {
        let of = |fixture: &&&Fixture| {
            let causes = fixture.expectations.iter();
            let (best, other) =
                (Fact::Cause(rule.id().to_owned()), Fact::Finding(rule.id().to_owned()));
            causes.into_iter().any(|it| it.fact == best || it.fact == other)
        };
        let names: Vec<String> =
            all.iter().filter(of).map(|fixture| format!("`{}`", fixture.name)).collect();
        writeln!(page, "| [`{0}`](#{0}) | {1} |", rule.id(), names.join(", ")).unwrap();
    }
    page.push('\n');
    for rule in RULES {
        writeln!(page, "## `{}`\n\n{}\n", rule.id(), rule.doc()).unwrap();
        for sign in rule.signs() {
            writeln!(page, "- {sign}").unwrap();
        }
        if !rule.signs().is_empty() {
            page.push('\n');
        }
    }
    page
}

#[test]
fn every_cause_has_a_page_and_an_id_of_its_own() {
    let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id()).collect();
    assert!(ids.iter().all(|id| id.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for id in ids {
        let output = Command::new(env!("CARGO_BIN_EXE_coretool")).args(["explain", id]).output();
        let output = output.unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().starts_with(&format!("{id}\n\n")));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_coretool")).args(["explain", "no-such"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no cause is called"));
}
