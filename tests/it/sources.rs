//! The sources under `src/`, as the tests of the house read them.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file.
pub(crate) struct Source {
    /// Its path below `src/`: `dump/notes.rs`.
    pub(crate) place: String,
    /// Its lines up to the module of its unit tests, without comments.
    pub(crate) code: Vec<String>,
}

impl Source {
    /// From a path and a text, as a planted violation has them.
    pub(crate) fn new(place: &str, text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let tests = lines.windows(2).position(|two| {
            two[0].trim() == "#[cfg(test)]"
                && two[1].trim_start().starts_with("mod ")
                && two[1].ends_with('{')
        });
        let code = &lines[..tests.unwrap_or(lines.len())];
        let code = code.iter().map(|line| without_comment(line).to_owned()).collect();
        Self { place: place.to_owned(), code }
    }

    /// The first part of its path: `dump`, or `main.rs`.
    pub(crate) fn layer(&self) -> &str {
        self.place.split(['/', '.']).next().unwrap_or_default()
    }

    /// Whether it holds unit tests and nothing else.
    pub(crate) fn is_test(&self) -> bool {
        self.place.ends_with("/tests.rs") || self.place.contains("/tests/")
    }
}

/// All sources of the package.
pub(crate) fn all() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 20, "the sources are where the test looks");
    let read = |path: &PathBuf| {
        let place = path.strip_prefix(&src).unwrap().to_str().unwrap();
        Source::new(place, &fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}

fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// A line without its comment. Two slashes in a text end it too early, which
/// only hides what stands behind them.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}
