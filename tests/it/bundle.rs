//! `coretool bundle`, `unbundle`, and `analyze` of a bundle without the files.

use std::fs;
use std::process::Command;

use coretool::report::model::Report;

use crate::support::target::{Target, finished, text};

#[test]
fn a_bundle_gives_the_same_report_without_the_program() {
    let target = Target::new("bugs");
    let place = |name: &str| target.directory.path().join(name);
    let mut run = target.command(&["--core", "core.load"]);
    run.env("DB_PASSWORD", "hunter2hunter2").arg("load");
    assert_eq!(finished(&mut run).status.code(), Some(128 + 11));
    let coretool = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        target.prepare(&mut command);
        finished(command.args(words))
    };
    let packed = coretool(&["bundle", "core.load", "-o", "crash.ctb"]);
    let said = text(&packed.stderr);
    assert_eq!(packed.status.code(), Some(0), "{said}");
    assert!(said.contains("masked DB_PASSWORD (1)"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let unpacked = coretool(&["unbundle", "crash.ctb", "there"]);
    assert_eq!(unpacked.status.code(), Some(0), "{}", text(&unpacked.stderr));
    let core = fs::read(place("there/core")).unwrap();
    assert!(!core.windows(7).any(|part| part == b"hunter2"), "the secret is in the core");
    let kept: Report =
        serde_json::from_slice(&fs::read(place("there/report.json")).unwrap()).unwrap();
    assert!(kept.verdict.contains("`node` is NULL"), "{}", kept.verdict);

    // gdb finds the program, and its debug information, below the directory.
    fs::remove_file(&target.program).unwrap();
    let mut gdb = Command::new("sh");
    gdb.arg(place("there/gdb.sh")).args(["-nx", "-batch", "-ex", "bt"]);
    let shown = text(&finished(&mut gdb).stdout);
    assert!(shown.contains("node_set (node=0x0, value=1)"), "{shown}");

    // The program is gone, and its source: the report is the same.
    let again = coretool(&["analyze", "crash.ctb", "--format", "json"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    let again: Report = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again, kept);

    // It is a crash like any other.
    let signature = coretool(&["signature", "crash.ctb"]);
    assert!(text(&signature.stdout).contains("node_set < tree_insert < load_tree"));
    let taken = coretool(&["bundle", "core.load", "-o", "crash.ctb"]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(text(&taken.stderr).contains("--force"));
}
