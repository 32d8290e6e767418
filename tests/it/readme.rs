//! The README's sample session is what a user sees.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture::Fixture;

#[test]
fn the_sample_session_is_true() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, session) = readme.split_once("$ coretool demo null-pointer\n").unwrap();
    let (sample, _) = session.split_once("```").unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    let output = command.args(["demo", "null-pointer"]).env("TMPDIR", "/tmp").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(timeless(said.trim()), timeless(sample.trim()));
    assert!(output.status.success());
}

/// A report without what differs from run to run and from machine to machine:
/// process ids, and thereby where lines are broken; addresses; the temporary
/// directory; what an uninitialized variable holds; the C library.
fn timeless(text: &str) -> String {
    let (text, _gaps) = text.split_once("\nNot known:").unwrap_or((text, ""));
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("started by"));
    let words = lines.flat_map(str::split_whitespace).map(|word| {
        let number = word.len() > 3 && word.starts_with(|char: char| char.is_ascii_digit());
        let is_changing = number || word.contains("/tmp/") || word.contains("=0x7f");
        if is_changing { "*" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The answers of the sample about a core, but for addresses and paths.
#[test]
fn the_sample_questions_are_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, session) = readme.split_once("$ coretool print core ").unwrap();
    let (sample, _) = session.split_once("```").unwrap();
    let sample = format!("$ coretool print core {sample}");

    let source = root.join("tests/values/query-c.c");
    let program = Fixture::parse(source.clone(), &fs::read_to_string(source).unwrap()).unwrap();
    let (core, _) = gdb_core(&program, Build::plain(&program));
    for session in sample.split("$ coretool ").skip(1) {
        let (command, want) = session.split_once('\n').unwrap();
        let line = command.replacen(" core ", " \"$1\" ", 1);
        let output = Command::new("sh")
            .args(["-c", &format!("exec \"$0\" {line}"), env!("CARGO_BIN_EXE_coretool")])
            .arg(&core.path)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(placeless(&said), placeless(want), "{command}");
    }
}

/// Text without addresses, and without paths but for the file's name.
fn placeless(text: &str) -> Vec<String> {
    let words = text.split_whitespace().map(|word| match word {
        word if word.starts_with("0x") && word.len() > 4 => "*".to_owned(),
        word if word.starts_with('/') => match word.rsplit('/').next().unwrap_or(word) {
            file if file.contains("query-c.c") => file.to_owned(),
            // The program: its name is the test's.
            _ => "program".to_owned(),
        },
        word => word.to_owned(),
    });
    words.collect()
}
