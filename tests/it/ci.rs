//! `coretool run --ci` with the variables and files of a runner.

use std::fs;
use std::process::Command;

use coretool::report::model::Triage;

use crate::support::target::{Target, finished, text};

/// A repository with the fixture's source in it, and a command for `run --ci`.
fn job(service: &[(&str, &str)]) -> (Target, Command) {
    let target = Target::new("bugs");
    let root = target.directory.path();
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::create_dir_all(root.join("fixtures/run")).unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/run/bugs.c");
    fs::copy(source, root.join("fixtures/run/bugs.c")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    for name in
        ["GITHUB_ACTIONS", "GITLAB_CI", "TEAMCITY_VERSION", "BUILDKITE", "TF_BUILD", "JENKINS_URL"]
    {
        command.env_remove(name);
    }
    command.envs(service.iter().copied());
    (target, command)
}

#[test]
fn github_gets_annotations_a_summary_and_artifacts() {
    let (target, mut command) = job(&[("GITHUB_ACTIONS", "true")]);
    let root = target.directory.path();
    command.env("GITHUB_WORKSPACE", root);
    command.env("GITHUB_STEP_SUMMARY", root.join("summary")).env("GITHUB_OUTPUT", root.join("out"));
    let output = finished(command.args(["run", "--ci", "--"]).arg(&target.program).arg("all"));
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "the program's own status: {said}");
    // What the program prints is no command: it stands between the marks.
    let (head, rest) = said.split_once('\n').unwrap();
    let token = head.strip_prefix("::stop-commands::").unwrap();
    assert_eq!(token.len(), 32);
    let (inside, after) = rest.split_once(&format!("::{token}::\n")).unwrap();
    assert_eq!(inside.trim(), "::error::forged");
    let annotations: Vec<&str> =
        after.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(annotations.len(), 2, "{after}");
    assert!(
        annotations.iter().any(|it| it.starts_with("::error file=fixtures/run/bugs.c,line=17,")),
        "{after}"
    );
    assert!(annotations.iter().any(|it| it.contains(", 2 crashes")), "{after}");
    let summary = fs::read_to_string(root.join("summary")).unwrap();
    assert!(summary.starts_with("## 3 crashes, 2 bugs"), "{summary}");
    assert_eq!(fs::read_to_string(root.join("out")).unwrap(), "crashes=3\nbugs=2\nnew=2\n");
    let artifacts = root.join("coretool-crashes");
    for name in [
        "triage.json",
        "triage.html",
        "summary.md",
        "coretool.sarif",
        "junit.xml",
        "gl-code-quality-report.json",
        "bugs.csv",
        "crash-1.json",
        "crash-3.json",
    ] {
        assert!(artifacts.join(name).metadata().unwrap().len() > 0, "{name}");
    }
    let triage = fs::read(artifacts.join("triage.json")).unwrap();
    let triage: Triage = serde_json::from_slice(&triage).unwrap();
    assert_eq!((triage.crashes, triage.buckets.len()), (3, 2));
}

#[test]
fn a_run_without_a_crash_leaves_nothing_but_its_numbers() {
    let (target, mut command) = job(&[("GITHUB_ACTIONS", "true")]);
    let root = target.directory.path();
    command.env("GITHUB_STEP_SUMMARY", root.join("summary")).env("GITHUB_OUTPUT", root.join("out"));
    let output = finished(command.args(["run", "--ci", "--", "true"]));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_to_string(root.join("out")).unwrap(), "crashes=0\nbugs=0\nnew=0\n");
    assert!(!root.join("summary").exists() && !root.join("coretool-crashes").exists());
}

#[test]
fn each_service_is_told_in_its_own_way() {
    let cases: [(&str, &[&str]); 5] = [
        ("GITLAB_CI", &["section_start:", "section_end:"]),
        (
            "TEAMCITY_VERSION",
            &["##teamcity[disableServiceMessages]", "##teamcity[buildProblem ", "publishArtifacts"],
        ),
        (
            "TF_BUILD",
            &[
                "##vso[task.logissue type=error;sourcepath=fixtures/run/bugs.c;linenumber=",
                "uploadsummary",
            ],
        ),
        ("BUILDKITE", &["+++ coretool: "]),
        ("JENKINS_URL", &[]),
    ];
    for (variable, wants) in cases {
        let (target, mut command) = job(&[(variable, "true")]);
        let output = finished(command.args(["run", "--ci", "--"]).arg(&target.program).arg("load"));
        assert_eq!(output.status.code(), Some(128 + 11), "{variable}");
        let said = text(&output.stdout);
        for want in wants {
            assert!(said.contains(want), "{variable}: {want}: {said}");
        }
        assert!(target.directory.path().join("coretool-crashes/junit.xml").is_file(), "{variable}");
    }
}

#[test]
fn a_crash_is_added_to_the_test_that_died() {
    let (target, mut command) = job(&[]);
    let junit = target.directory.path().join("tests.xml");
    fs::write(
        &junit,
        "<testsuite name=\"s\"><testcase name=\"bugs\"/><testcase name=\"other\"/></testsuite>\n",
    )
    .unwrap();
    command.args(["run", "--ci", "--junit-merge"]).arg(&junit).arg("--");
    let output = finished(command.arg(&target.program).arg("load"));
    assert_eq!(output.status.code(), Some(128 + 11), "{}", text(&output.stderr));
    let merged = fs::read_to_string(&junit).unwrap();
    let (first, rest) = merged.split_once("</testcase>").unwrap();
    assert!(first.contains("<error type=\"null-pointer\""), "{merged}");
    assert_eq!(rest, "<testcase name=\"other\"/></testsuite>\n");
}

/// The action and the template say nothing that the tool does not know.
#[test]
fn the_published_job_files_fit_the_command_line() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci");
    let action = fs::read_to_string(format!("{root}/action/action.yml")).unwrap();
    let template = fs::read_to_string(format!("{root}/gitlab.yml")).unwrap();
    for file in [&action, &template] {
        assert!(file.contains("coretool run --ci"), "{file}");
    }
    let (target, mut command) = job(&[("GITHUB_ACTIONS", "true")]);
    // The step of the action, run as the runner runs it.
    let script = action.split_once("run: |\n").unwrap().1;
    let script: String = script
        .lines()
        .take_while(|line| line.starts_with("        ") || line.is_empty())
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_coretool")).parent().unwrap();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    target.prepare(&mut shell);
    shell
        .env("PATH", path)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", target.directory.path().join("summary"))
        .env("GITHUB_OUTPUT", target.directory.path().join("out"))
        .env("CORETOOL_COMMAND", format!("{} load", target.program.display()))
        .env("CORETOOL_ARTIFACTS", "left")
        .env("CORETOOL_BASELINE", "")
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script]);
    let output = finished(&mut shell);
    assert_eq!(output.status.code(), Some(128 + 11), "{}", text(&output.stderr));
    assert!(target.directory.path().join("left/triage.html").is_file());
    let _unused = command.arg("--version");
}
