//! `coretool triage`, `signature` and `diff` on cores, reports and logs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use coretool::report::model::{Bucket, Triage};

use crate::support::target::{Target, finished, text};

/// A program with several bugs, and a directory `cores` with a core of each.
struct Cores {
    target: Target,
}

impl Cores {
    fn new() -> Self {
        let target = Target::new("bugs");
        fs::create_dir(target.directory.path().join("cores")).unwrap();
        for (name, which) in
            [("a.load", "load"), ("b.again", "load-again"), ("c.save", "save"), ("d.size", "size")]
        {
            let core = format!("cores/{name}");
            target.run(&["--core", &core], &[which]);
            assert!(target.directory.path().join(core).is_file(), "{which}");
        }
        Self { target }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.target.directory.path().join(name)
    }

    fn coretool(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        self.target.prepare(&mut command);
        command.env("XDG_CACHE_HOME", self.path("cache")).args(words);
        finished(&mut command)
    }

    fn triage(&self, words: &[&str]) -> Triage {
        let all = [&["triage", "--format", "json"], words].concat();
        let output = self.coretool(&all);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn bucket<'t>(triage: &'t Triage, part: &str) -> &'t Bucket {
    let found: Vec<&Bucket> =
        triage.buckets.iter().filter(|bucket| bucket.text.contains(part)).collect();
    let [bucket] = found.as_slice() else { panic!("{part}: {found:#?}") };
    bucket
}

/// One crash in two runs is one bug; two callers that hand the same function a
/// null pointer are two.
#[test]
fn many_crashes_are_few_bugs() {
    let cores = Cores::new();
    fs::write(cores.path("cores/not-a-core"), b"\x7fELF\x02\x01\x01").unwrap();
    fs::write(cores.path("cores/cut.zst"), b"\x28\xb5\x2f\xfd").unwrap();
    fs::write(cores.path("cores/log.txt"), "panic: x\n\ngoroutine 1 [running]:\nmain.f()\n")
        .unwrap();
    let triage = cores.triage(&["cores"]);
    assert_eq!((triage.crashes, triage.buckets.len()), (5, 4), "{:#?}", triage.buckets);
    let load = bucket(&triage, "node_set < tree_insert");
    assert_eq!(load.text, "v1 | null-pointer.write | node_set < tree_insert < load_tree");
    assert_eq!((load.count, load.examples.len()), (2, 2));
    assert_eq!(load.place.line, Some(17));
    assert!(load.report.is_some());
    let save = bucket(&triage, "save_tree");
    assert_eq!(save.text, "v1 | null-pointer.write | node_set < save_tree");
    assert_eq!(bucket(&triage, "check_size").text, "v1 | abort | check_size");
    assert_eq!(bucket(&triage, "go-panic").count, 1);
    // One bad file stops nothing, and is told.
    assert_eq!(triage.failed_count, 1, "{:?}", triage.failed);
    assert!(triage.failed[0].path.ends_with("cut.zst"));

    // The same from a list, from patterns, and from JSON reports.
    let mut crashes = triage.buckets.iter().map(|it| (&it.id, it.count)).collect::<Vec<_>>();
    crashes.sort();
    for core in ["a.load", "b.again", "c.save", "d.size"] {
        let from = format!("cores/{core}");
        let to = format!("told.{core}");
        let output = cores.coretool(&["analyze", &from, "--format", "json", "-o", &to]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let again = cores.triage(&["told.*", "cores/log.txt"]);
    let mut from_reports = again.buckets.iter().map(|it| (&it.id, it.count)).collect::<Vec<_>>();
    from_reports.sort();
    assert_eq!(crashes, from_reports);
}

#[test]
fn a_run_that_was_interrupted_goes_on_and_ends_the_same() {
    let cores = Cores::new();
    let whole = cores.triage(&["cores"]);
    let journals = || fs::read_dir(cores.path("cache/coretool")).unwrap().flatten();
    assert_eq!(journals().count(), 0, "a run that ended leaves none");
    // What a run that was killed after two files leaves: the first two lines of
    // the journal, and a piece of the third.
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    cores.target.prepare(&mut command);
    command.env("XDG_CACHE_HOME", cores.path("cache"));
    // A full disk for the result keeps the journal.
    command.args(["triage", "cores", "--format", "json", "--jobs", "1"]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let journal = loop {
        if let Some(found) = journals().next() {
            break found.path();
        }
        if child.try_wait().unwrap().is_some() {
            // Too fast to be seen: then there is nothing to go on with.
            return;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let mut lines = fs::read(&journal).unwrap_or_default();
    lines.extend(b"{\"path\":\"cut");
    fs::write(&journal, lines).unwrap();
    let again = cores.triage(&["cores"]);
    let without_time = |triage: Triage| {
        let mut triage = Triage { made: None, ..triage };
        // The age in hours is part of the rank, and of nothing else.
        triage.buckets.iter_mut().for_each(|bucket| bucket.rank = Default::default());
        triage
    };
    assert_eq!(without_time(again), without_time(whole));
    assert_eq!(journals().count(), 0);
}

#[test]
fn the_gate_fails_for_what_the_baseline_does_not_know() {
    let cores = Cores::new();
    let output =
        cores.coretool(&["triage", "cores", "--write-baseline", "known.txt", "--format", "csv"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let known = fs::read_to_string(cores.path("known.txt")).unwrap();
    assert_eq!(known.lines().count(), 4, "{known}");
    let gate = |words: &[&str]| {
        let all =
            [&["triage", "cores", "--format", "csv", "--baseline", "known.txt"], words].concat();
        let output = cores.coretool(&all);
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(gate(&["--fail-on", "new"]).0, Some(0));
    assert_eq!(gate(&["--fail-on", "any"]).0, Some(4));
    let fewer: String = known
        .lines()
        .filter(|line| !line.contains("check_size"))
        .map(|it| format!("{it}\n"))
        .collect();
    fs::write(cores.path("known.txt"), fewer).unwrap();
    let (status, said) = gate(&["--fail-on", "new"]);
    assert_eq!(status, Some(4));
    assert!(said.contains("--fail-on: ABORT-"), "{said}");
    fs::write(cores.path("known.txt"), "3f9 nobody\n").unwrap();
    let (status, said) = gate(&[]);
    assert_eq!(status, Some(1));
    assert!(said.contains("line 1: `3f9` is no key"), "{said}");
}

#[test]
fn each_format_has_its_shape() {
    let cores = Cores::new();
    let formats = [
        "markdown=o.md",
        "html=o.html",
        "sarif=o.sarif",
        "junit=o.xml",
        "github=o.github",
        "gitlab=o.gitlab",
        "csv=o.csv",
        "json=o.json",
        "teamcity=o.tc",
        "azure=o.az",
    ];
    let mut words = vec!["triage", "cores"];
    formats.iter().for_each(|format| words.extend(["--format", *format]));
    let output = cores.coretool(&words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("4 crashes, 3 bugs (read 4 files)\n"));
    let read = |name: &str| fs::read_to_string(cores.path(name)).unwrap();
    let sarif: serde_json::Value = serde_json::from_str(&read("o.sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        assert_eq!(
            result["partialFingerprints"]["coretoolSignature/v1"].as_str().unwrap().len(),
            12
        );
        assert!(
            result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64() >= Some(1)
        );
        assert!(!result["stacks"][0]["frames"].as_array().unwrap().is_empty());
    }
    let gitlab: serde_json::Value = serde_json::from_str(&read("o.gitlab")).unwrap();
    assert_eq!(gitlab.as_array().unwrap().len(), 3);
    assert!(gitlab[0]["location"]["lines"]["begin"].as_u64() > Some(1));
    assert_eq!(read("o.csv").lines().count(), 4);
    assert_eq!(read("o.github").matches("::error ").count(), 3);
    assert_eq!(read("o.xml").matches("<testcase ").count(), 3);
    assert_eq!(read("o.tc").matches("##teamcity[buildProblem").count(), 3);
    assert_eq!(read("o.az").matches("##vso[task.logissue").count(), 3);
    assert!(read("o.md").contains("| `NULLW-"));
    assert!(read("o.html").starts_with("<!DOCTYPE html>"));
    // Nothing that exists is replaced.
    let output = cores.coretool(&["triage", "cores", "--format", "csv=o.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--force"), "{}", text(&output.stderr));
}

#[test]
fn two_crashes_are_compared() {
    let cores = Cores::new();
    let same = cores.coretool(&["diff", "cores/a.load", "cores/b.again"]);
    let said = text(&same.stdout);
    assert_eq!(same.status.code(), Some(0), "{said}");
    assert!(said.starts_with("same bug, same variant: same cause, same function"), "{said}");
    assert!(said.contains("value in node_set\n  A  1\n  B  2\n"), "{said}");
    let other = cores.coretool(&["diff", "cores/a.load", "cores/c.save"]);
    let said = text(&other.stdout);
    assert_eq!(other.status.code(), Some(4), "{said}");
    assert!(said.contains("differs in caller"), "{said}");
    assert!(said.contains("  A  tree_insert\n") && said.contains("  B  save_tree\n"), "{said}");
    let more = cores.path("more");
    fs::create_dir(&more).unwrap();
    fs::copy(cores.path("cores/a.load"), more.join("x")).unwrap();
    let stores = cores.coretool(&["diff", "cores", "more"]);
    let said = text(&stores.stdout);
    assert_eq!(stores.status.code(), Some(4), "{said}");
    assert!(said.contains("only in A: 2\n") && said.contains("only in B: 0\n"), "{said}");
}

#[test]
fn a_signature_says_why() {
    let cores = Cores::new();
    let output = cores.coretool(&["signature", "cores/a.load", "--why"]);
    let said = text(&output.stdout);
    assert!(said.starts_with("NULLW-"), "{said}");
    for step in ["blame", "extend", "cause"] {
        assert!(said.lines().any(|line| line.trim_start().starts_with(step)), "{step}: {said}");
    }
    assert!(
        said.contains("tree_insert, since the bad address came into node_set by parameter `node`")
    );
    rules(&cores, "[[frame]]\nmatch = { function = \"node_set\" }\nclass = \"support\"\n");
    let output = cores.coretool(&["signature", "cores/a.load"]);
    assert!(text(&output.stdout).contains("| tree_insert"), "{}", text(&output.stdout));
    rules(&cores, "[[frame]]\nmatch = { function = \"f\" }\nclass = \"mine\"\n");
    let output = cores.coretool(&["signature", "cores/a.load"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("triage.toml") && said.contains("line 3"), "{said}");
}

fn rules(cores: &Cores, text: &str) {
    let directory = cores.path(".coretool");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("triage.toml"), text).unwrap();
}

/// A kept crash counts once, though its core lies beside its report.
#[test]
fn the_store_is_read_without_a_path() {
    let target = Target::new("bugs");
    target.run(&[], &["load"]);
    target.run(&[], &["load-again"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    command.env("XDG_CACHE_HOME", target.directory.path().join("cache"));
    let output = finished(command.args(["triage", "--format", "json"]));
    let triage: Triage = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((triage.crashes, triage.buckets.len()), (2, 1), "{}", text(&output.stderr));
    assert!(Path::new(&triage.buckets[0].examples[0]).ends_with("report.json"));
}
