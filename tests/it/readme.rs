//! The README's sample session is what a user sees.

use std::fs;
use std::path::Path;
use std::process::Command;

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
