//! Every fixture in every build, seen by every command: what it expects is so.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use coretool::report::model::{Report, SourceKind};

use crate::each_fixture::each_fixture;
use crate::support::builds::Build;
use crate::support::compiler::built;
use crate::support::core_maker::{die, kernel_core};
use crate::support::examination::examination;
use crate::support::fixture::Fixture;
use crate::support::report_check::complaints;
use crate::support::scratch;

/// The core that gdb saved, read in this process.
mod analyze_gdb_core {
    crate::matrix::each_fixture!(crate::matrix::explains_gdb_core);
}

/// The core that the kernel wrote.
mod analyze_kernel_core {
    crate::matrix::each_fixture!(crate::matrix::explains_kernel_core);
}

/// The stopped process, and the core that was written of it.
mod run {
    crate::matrix::each_fixture!(crate::matrix::explains_what_it_runs);
}

fn explains_gdb_core(fixture: &Fixture) {
    for_each_build(fixture, |build| match &examination(fixture, build).report {
        Ok(report) => complaints(fixture, build, report),
        Err(error) => vec![error.clone()],
    });
}

fn explains_kernel_core(fixture: &Fixture) {
    for_each_build(fixture, |build| match kernel_core(fixture, build) {
        Ok(core) => analyzed(fixture, build, &core.path),
        // The pattern belongs to the machine: see `kernel_core`. The test's
        // own output is shown only when it fails; a skip must be seen always.
        Err(why) => {
            let _shown = writeln!(io::stderr(), "skipped: {} {build}: {why}", fixture.name);
            Vec::new()
        }
    });
}

fn explains_what_it_runs(fixture: &Fixture) {
    for_each_build(fixture, |build| {
        let scratch = scratch::directory(&fixture.name);
        let (core, file) = (scratch.path().join("core"), scratch.path().join("report"));
        let program = built(fixture, build);
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        command.args(["--quiet", "run", "--format", "json"]);
        command.arg("--output").arg(&file).arg("--core").arg(&core).arg(&program);
        let watched = die(fixture, &mut command);
        let alone = die(fixture, &mut Command::new(&program));

        let reports = fs::read_to_string(&file).unwrap_or_default();
        let Ok(report) = serde_json::from_str::<Report>(&reports) else {
            return vec![format!("run: no report of one crash: {reports}\n{}", watched.stderr)];
        };
        let mut wrong = complaints(fixture, build, &report);
        let mut demand = |holds: bool, complaint: &str| {
            if !holds {
                wrong.push(format!("{} {build}: run: {complaint}", fixture.name));
            }
        };
        demand(report.source.kind == SourceKind::Live, "the report is not of the process");
        let number = report.signal.as_ref().map_or(0, |signal| signal.number);
        demand(watched.status.code() == Some(128 + number), "another exit status");
        // `timeout` passes a death by a signal on, as a shell does or by dying of it.
        let died = alone.status.code().or(alone.status.signal().map(|signal| 128 + signal));
        demand(died == Some(128 + number), "it dies of another signal by itself");
        let same = |a: &str, b: &str| without_numbers(a) == without_numbers(b);
        demand(same(&watched.stdout, &alone.stdout), "other words on standard output");
        demand(same(&watched.stderr, &alone.stderr), "other words on standard error");
        wrong.extend(analyzed(fixture, build, &core));
        wrong
    });
}

/// What `coretool analyze` gets wrong of a core.
fn analyzed(fixture: &Fixture, build: Build, core: &Path) -> Vec<String> {
    let output = analyze(core, "json");
    let Ok(report) = serde_json::from_slice::<Report>(&output.stdout) else {
        let talk = String::from_utf8_lossy(&output.stderr);
        return vec![format!("{} {build}: analyze: no report: {talk}", fixture.name)];
    };
    let mut wrong = complaints(fixture, build, &report);
    let text = analyze(core, "text");
    let text = String::from_utf8_lossy(&text.stdout);
    let shown: String = text.split_whitespace().collect();
    let verdict: String = report.verdict.split_whitespace().collect();
    if !(shown.starts_with("CRASH") && shown.contains(fixture.signal())) {
        wrong.push(format!(
            "{} {build}: the text does not begin with the signal: {text}",
            fixture.name
        ));
    }
    if !shown.contains(&verdict) {
        wrong.push(format!("{} {build}: the text lacks `{}`", fixture.name, report.verdict));
    }
    wrong
}

fn analyze(core: &Path, format: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["analyze", "--format", format]).arg(core).output().expect("our own program")
}

/// Numbers of processes and threads differ from run to run.
fn without_numbers(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

fn for_each_build(fixture: &Fixture, check: impl Fn(Build) -> Vec<String>) {
    let wrong: Vec<_> = Build::all(fixture).into_iter().flat_map(check).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
