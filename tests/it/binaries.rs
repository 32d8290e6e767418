//! `--binaries DIR` and `--path-map FROM=TO`: the files of another machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::compiler::built;
use crate::support::core_maker::gdb_core;
use crate::support::fixture;
use crate::support::scratch;

fn report(words: &[&str]) -> Report {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["analyze", "--format", "json"]).args(words).stdin(Stdio::null());
    let output = command.output().expect("coretool starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{talk}");
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

fn run(program: &str, words: &[&Path]) {
    let status = Command::new(program).args(words).status();
    assert!(status.expect("the tool is installed").success(), "{program} {words:?}");
}

#[test]
fn files_are_found_by_build_id() {
    let fixture = fixture::named("null-pointer");
    let (build, other) = {
        let builds = Build::all(fixture);
        (builds[0], *builds.iter().find(|it| it.to_string() != builds[0].to_string()).unwrap())
    };
    let core = gdb_core(fixture, build).0;
    let path = core.path.to_str().unwrap();
    let name = core.program.file_name().unwrap().to_owned();
    let scratch = scratch::directory("binaries");
    let at = |name: &str| scratch.path().join(name);
    for directory in ["right/deep/er", "wrong", "split"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    fs::copy(&core.program, at("right/deep/er/called-otherwise")).unwrap();
    fs::copy(built(fixture, other), at("wrong").join(&name)).unwrap();
    // The program without debug information, and that in a file of any name.
    fs::copy(&core.program, at("split/a")).unwrap();
    run("objcopy", &[Path::new("--only-keep-debug"), &core.program, &at("split/b")]);
    run("strip", &[&at("split/a")]);

    let plain = report(&[path]);
    let hidden = format!("{}=/does/not/exist", core.program.display());
    let with = |directory: &str| {
        report(&["--path-map", &hidden, "--binaries", at(directory).to_str().unwrap(), path])
    };
    let alone = report(&["--path-map", &hidden, path]);
    assert_ne!(alone.threads[0].frames, plain.threads[0].frames);
    for directory in ["right", "split"] {
        let found = with(directory);
        assert_eq!(found.verdict, plain.verdict, "{directory}");
        assert_eq!(found.threads[0].frames, plain.threads[0].frames, "{directory}");
    }
    let mapped =
        format!("{}={}", core.program.display(), at("right/deep/er/called-otherwise").display());
    assert_eq!(report(&["--path-map", &mapped, path]).threads[0].frames, plain.threads[0].frames);

    // A wrong one is not used, and both build-ids are named.
    let wrong = with("wrong");
    assert_eq!(wrong.threads[0].frames, alone.threads[0].frames);
    let shown = core.program.to_str().unwrap();
    let main = plain.modules.iter().find(|module| module.path == shown).expect("the program");
    let right_id = main.build_id.as_deref().expect("a build-id");
    let wrong_id = build_id(&at("wrong").join(&name));
    assert_ne!(right_id, wrong_id);
    let told = |gap: &coretool::report::model::Gap| {
        gap.why.contains(right_id) && gap.why.contains(&wrong_id)
    };
    assert!(wrong.gaps.iter().any(told), "{right_id} {wrong_id}: {:?}", wrong.gaps);
}

/// As readelf tells it.
fn build_id(path: &Path) -> String {
    let output =
        Command::new("readelf").arg("-n").arg(path).output().expect("readelf is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let id = text.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
    id.expect("the linker writes one").to_owned()
}
