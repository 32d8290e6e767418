//! The cause of each fixture's death, found in every build, stripped ones too;
//! and `docs/CAUSES.md`, which is generated from the table of rules.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::process::Command;
use std::sync::OnceLock;

use coretool::diagnose::brevity::fits;
use coretool::diagnose::rules::RULES;
use coretool::diagnose::wording::hedge;
use coretool::report::model::Report;

use crate::support::builds::{Build, Level};
use crate::support::compiler::built;
use crate::support::core_maker::die;
use crate::support::expectation::Fact;
use crate::support::fixture::{self, Fixture};
use crate::support::report_check::{complaints, contains_any};
use crate::support::scratch;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CAUSES.md");

/// The head of the table of counts in the page.
const COUNTS: &str = "| over all fixtures and builds | count | bar |\n|---|---|---|\n";

/// Where the page's hand-kept part begins: what other tools say.
const OTHERS: &str = "## What other tools say of the same deaths";

/// How confident a finding must be to be stated as a fact.
const STATED: f32 = 0.95;

/// Of a hundred deaths so many must be told right.
const BAR: usize = 98;

/// Of a hundred verdicts so many must name the variable at fault: of programs
/// that are not optimized, and of those that are.
const NAMED: [usize; 2] = [95, 80];

/// Parts of the fixtures, which are looked at side by side.
const PARTS: usize = 4;

/// What was found of the fixtures of one part.
#[derive(Default)]
struct Tally {
    asked: usize,
    wrong: Vec<String>,
    stated_wrong: Vec<String>,
    /// Verdicts that are too long, or surer than their evidence.
    unfit: Vec<String>,
    /// How many verdicts could name a variable, and those that do not: of
    /// programs that are not optimized, and of those that are.
    nameable: [usize; 2],
    unnamed: [Vec<String>; 2],
    /// How many programs end in a deadlock, of which how many are stripped, and
    /// those whose circle was not found.
    deadlocks: [usize; 2],
    without_circle: Vec<String>,
}

/// What was found of one part; whoever asks first looks.
fn part(number: usize) -> &'static Tally {
    static TALLIES: [OnceLock<Tally>; PARTS] = [const { OnceLock::new() }; PARTS];
    TALLIES[number].get_or_init(|| {
        let all = fixture::all().iter().chain(fixture::of_causes());
        let mut tally = Tally::default();
        for fixture in all.skip(number).step_by(PARTS) {
            let has_more = fixture::of_causes().iter().any(|it| it.name == fixture.name);
            let mut builds = Vec::new();
            for build in Build::all(fixture) {
                for (build, with_all) in [(build, has_more), (build.stripped(), false)] {
                    // Some have their stripped builds among all of them.
                    if !builds.contains(&build) {
                        builds.push(build);
                        look(fixture, build, with_all, &mut tally);
                    }
                }
            }
        }
        tally
    })
}

fn right_in(number: usize) {
    let Tally { asked, wrong, stated_wrong, unfit, .. } = part(number);
    assert!(*asked > 0);
    assert!(stated_wrong.is_empty(), "stated as a fact:\n{}", stated_wrong.join("\n"));
    assert!(unfit.is_empty(), "too long or too sure:\n{}", unfit.join("\n"));
    let right = asked - wrong.len();
    assert!(right * 100 >= asked * BAR, "{right} of {asked} are right:\n{}", wrong.join("\n"));
}

#[test]
fn causes_of_the_first_part() {
    right_in(0);
}

#[test]
fn causes_of_the_second_part() {
    right_in(1);
}

#[test]
fn causes_of_the_third_part() {
    right_in(2);
}

#[test]
fn causes_of_the_fourth_part() {
    right_in(3);
}

/// The counts over all parts. The page has them as they were when it was last
/// updated.
#[test]
fn the_bars() {
    let all: Vec<&Tally> = (0..PARTS).map(part).collect();
    let sum = |count: fn(&Tally) -> usize| all.iter().map(|tally| count(tally)).sum::<usize>();
    let asked = sum(|tally| tally.asked);
    let right = asked - sum(|tally| tally.wrong.len());
    let stated_wrong = sum(|tally| tally.stated_wrong.len());
    let nameable = [sum(|tally| tally.nameable[0]), sum(|tally| tally.nameable[1])];
    let named = [
        nameable[0] - sum(|tally| tally.unnamed[0].len()),
        nameable[1] - sum(|tally| tally.unnamed[1].len()),
    ];
    let deadlocks = [sum(|tally| tally.deadlocks[0]), sum(|tally| tally.deadlocks[1])];
    let found = deadlocks[0] - sum(|tally| tally.without_circle.len());
    let lines = |of: fn(&Tally) -> &Vec<String>| {
        all.iter().flat_map(|tally| of(tally)).cloned().collect::<Vec<_>>().join("\n")
    };
    let counts = [
        ("right cause", format!("{right} of {asked}"), "98 %"),
        ("wrong causes stated as a fact", stated_wrong.to_string(), "0"),
        ("variable or member named, -O0", format!("{} of {}", named[0], nameable[0]), "95 %"),
        ("variable or member named, -O2", format!("{} of {}", named[1], nameable[1]), "80 %"),
        (
            "circle of a deadlock found",
            format!("{found} of {}, {} of them stripped", deadlocks[0], deadlocks[1]),
            "all",
        ),
    ];
    let table = counts.iter().fold(String::new(), |mut table, (what, count, bar)| {
        writeln!(table, "| {what} | {count} | {bar} |").unwrap();
        table
    });
    let _shown = writeln!(
        io::stderr(),
        "{table}wrong:\n{}\nunnamed:\n{}\n{}",
        lines(|tally| &tally.wrong),
        lines(|tally| &tally.unnamed[0]),
        lines(|tally| &tally.unnamed[1])
    );
    if std::env::var_os("UPDATE_CAUSES").is_some() {
        let page = fs::read_to_string(PAGE).unwrap();
        let start = page.find(COUNTS).expect("the page has the counts") + COUNTS.len();
        let end = start + page[start..].find("\n\n").expect("a blank line ends them") + 1;
        fs::write(PAGE, format!("{}{table}{}", &page[..start], &page[end..])).unwrap();
    }
    assert_eq!(lines(|tally| &tally.stated_wrong), "");
    assert_eq!(lines(|tally| &tally.without_circle), "");
    assert!(right * 100 >= asked * BAR, "{right} of {asked}");
    for (at, bar) in NAMED.into_iter().enumerate() {
        let unnamed =
            lines(if at == 0 { |tally| &tally.unnamed[0] } else { |tally| &tally.unnamed[1] });
        let (named, nameable) = (named[at], nameable[at]);
        assert!(named * 100 >= nameable * bar, "{named} of {nameable} are named:\n{unnamed}");
    }
}

/// What cannot be said in two lines, or what is said surer than it is.
fn unfit(report: &Report) -> Option<String> {
    let verdict = &report.verdict;
    if !fits(verdict) {
        return Some(format!("more than two lines: {verdict}"));
    }
    let best = report.findings.first()?;
    // What these tell was seen; what it came from is another question.
    let is_seen = matches!(best.id.as_str(), "abort" | "signal-from-itself")
        || best.id == "illegal-instruction" && verdict.contains("refused")
        || best.id == "null-pointer" && verdict.contains(", next to null");
    let hedge = hedge(best.confidence as f32).trim_end();
    let weaker = ["very likely", "likely", "possibly"].into_iter().skip_while(|it| *it != hedge);
    let is_heard = hedge.is_empty() || weaker.into_iter().any(|word| verdict.contains(word));
    // What was left out is what was doubted: such words come before it.
    let is_left_out = verdict.ends_with(" ...");
    (!is_heard && !is_seen && !is_left_out)
        .then(|| format!("{} is not \"{hedge}\": {verdict}", best.id))
}

/// Counts whether the variable at fault is named, and whether a circle is found.
fn count(fixture: &Fixture, build: Build, report: &Report, tally: &mut Tally) {
    let name = &fixture.name;
    let holding = || fixture.expectations.iter().filter(|it| it.holds_for(build));
    let level = match build.level {
        Level::O0 => Some(0),
        Level::O2 => Some(1),
        _ => None,
    };
    for expectation in holding() {
        match &expectation.fact {
            Fact::Names(texts) if !build.is_stripped => {
                let Some(level) = level else { continue };
                tally.nameable[level] += 1;
                if !contains_any(&report.verdict, texts) {
                    tally.unnamed[level]
                        .push(format!("{name} {build}: {texts:?}: {}", report.verdict));
                }
            }
            Fact::Circle(count) => {
                tally.deadlocks[0] += 1;
                tally.deadlocks[1] += usize::from(build.is_stripped);
                let cycles = report.wait_graph.as_ref().map(|graph| graph.cycles.as_slice());
                if !cycles.unwrap_or_default().iter().any(|cycle| cycle.len() == *count) {
                    tally.without_circle.push(format!("{name} {build}: {}", report.verdict));
                }
            }
            _ => (),
        }
    }
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
    tally.unfit.extend(unfit(&report).map(|why| format!("{name} {build}: {why}")));
    count(fixture, build, &report, tally);
    let Some(wanted) = cause(fixture, build) else { return };
    tally.asked += 1;
    let best = report.findings.first();
    if best.is_some_and(|best| best.id == wanted) {
        return;
    }
    let found = best.map(|best| format!("{} ({})", best.id, best.confidence));
    let wrong = format!("{name} {build}: {wanted}, not {found:?}: {}", report.verdict);
    let is_wide = best.is_some_and(|best| is_wider(&best.id));
    if best.is_some_and(|best| best.confidence as f32 >= STATED) && !is_wide {
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
    // The counts take long, and have a test of their own.
    let counts = page.split_once(COUNTS).and_then(|(_, rest)| rest.split_once("\n\n"));
    let counts = counts.map_or("", |(counts, _)| counts);
    let generated = format!("{}{others}", generated(counts));
    if std::env::var_os("UPDATE_CAUSES").is_some() {
        fs::write(PAGE, &generated).unwrap();
    }
    let page = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        page == generated,
        "docs/CAUSES.md is out of step: UPDATE_CAUSES=1 cargo test --test it causes::the_page"
    );
}

fn generated(counts: &str) -> String {
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
    writeln!(
        page,
        "\nHow often this is right is counted by `tests/it/causes.rs` (`UPDATE_CAUSES=1 cargo test --test it causes::the_bars`),\n\
        of live processes, at each optimization level that a fixture asks for, with symbols and stripped:\n\n{COUNTS}{counts}\n"
    )
    .unwrap();
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

/// The interpreter of the system has no symbols: what is exported must do.
#[test]
fn python_that_gives_up() {
    let scratch = scratch::directory("python");
    let (file, script) = (scratch.path().join("report"), scratch.path().join("fatal.py"));
    let lines = "import ctypes\n\
        ctypes.pythonapi.Py_FatalError.argtypes = [ctypes.c_char_p]\n\
        ctypes.pythonapi.Py_FatalError(b'the rails do not meet')\n";
    fs::write(&script, lines).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["--quiet", "run", "--format", "json", "--core", "none", "--output"]);
    command.arg(&file).arg("python3").arg(&script);
    command.env("XDG_STATE_HOME", scratch.path());
    let output = command.output().unwrap();
    let text = fs::read_to_string(&file).unwrap_or_default();
    let talk = String::from_utf8_lossy(&output.stderr);
    let report: Report =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {talk}"));
    assert_eq!(report.findings[0].id, "python-fatal-error", "{}", report.verdict);
    let words = "fatal Python error: the rails do not meet";
    assert!(report.verdict.contains(words), "{}", report.verdict);
}
