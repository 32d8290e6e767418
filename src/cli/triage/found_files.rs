//! Which files a user means: files, directories, globs, stores, lists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cli::failure::Failure;
use crate::cli::store_place;
use crate::triage::signature::rules::glob_fits;

/// Files of one run.
const MOST: usize = 5_000_000;

/// Directories within directories.
const DEEPEST: usize = 64;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the user named it, or a list did: that there is no crash in it
    /// is then worth a word.
    pub is_named: bool,
}

/// All files that `words` mean, sorted, each once. `-` reads paths from
/// `stdin`, one a line; without any word it is the store.
///
/// # Errors
///
/// When a word means no file.
pub fn found_files(
    words: &[PathBuf],
    store: Option<&Path>,
    stdin: &mut dyn FnMut() -> Result<String>,
) -> Result<Vec<FoundFile>> {
    let mut found = BTreeSet::new();
    if words.is_empty() {
        let root = store_place::chosen(store)?;
        let crashes = root.join("crashes");
        if !crashes.is_dir() {
            let what = format!("no crash is kept in `{}`", root.display());
            return Err(Failure::new(what, "name files or directories of crashes").into());
        }
        walk(&crashes, 0, &mut found);
    }
    for word in words {
        if word == Path::new("-") {
            for line in stdin()?.lines().filter(|line| !line.trim().is_empty()) {
                add(Path::new(line.trim_end_matches('\r')), &mut found);
            }
            continue;
        }
        let text = word.to_string_lossy();
        if word.symlink_metadata().is_err() && text.contains(['*', '?', '[']) {
            let before = found.len();
            glob(&text, &mut found);
            if found.len() == before {
                let what = format!("`{}` fits no file", word.display());
                return Err(Failure::new(what, "let the shell expand it to see why").into());
            }
            continue;
        }
        word.metadata().with_context(|| format!("cannot read `{}`", word.display()))?;
        add(word, &mut found);
    }
    Ok(found.into_iter().collect())
}

fn add(path: &Path, found: &mut BTreeSet<FoundFile>) {
    match path.is_dir() {
        true => walk(path, 0, found),
        false => {
            found.insert(FoundFile { path: path.to_owned(), is_named: true });
        }
    }
}

/// Files below a directory. Of a kept crash only its report counts: the core
/// beside it is the same crash.
fn walk(directory: &Path, depth: usize, found: &mut BTreeSet<FoundFile>) {
    let Ok(entries) = directory.read_dir() else { return };
    if directory.join("entry.json").is_file() && directory.join("report.json").is_file() {
        found.insert(FoundFile { path: directory.join("report.json"), is_named: false });
        return;
    }
    for entry in entries.flatten() {
        // Links are not followed: they may lead in circles.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < DEEPEST {
            walk(&entry.path(), depth + 1, found);
        } else if kind.is_file() && found.len() < MOST {
            found.insert(FoundFile { path: entry.path(), is_named: false });
        }
    }
}

/// Files that a pattern fits: `*` and `?` within a name, `**` any directories.
fn glob(pattern: &str, found: &mut BTreeSet<FoundFile>) {
    let (root, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (PathBuf::new(), pattern),
    };
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    expand(&root, &parts, 0, found);
}

fn expand(at: &Path, parts: &[&str], depth: usize, found: &mut BTreeSet<FoundFile>) {
    let Some((part, rest)) = parts.split_first() else { return add(at, found) };
    if depth > DEEPEST || found.len() >= MOST {
        return;
    }
    if !part.contains(['*', '?', '[']) {
        let next = at.join(part);
        if next.symlink_metadata().is_ok() {
            expand(&next, rest, depth + 1, found);
        }
        return;
    }
    if *part == "**" {
        expand(at, rest, depth + 1, found);
    }
    let here = if at.as_os_str().is_empty() { Path::new(".") } else { at };
    let Ok(entries) = here.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if *part == "**" {
            if is_directory {
                expand(&at.join(&*name), parts, depth + 1, found);
            }
        } else if glob_fits(part, &name) && (!name.starts_with('.') || part.starts_with('.')) {
            expand(&at.join(&*name), rest, depth + 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_files() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("a/kept")).unwrap();
        for file in [
            "a/core.1",
            "a/core.2",
            "a/log",
            "a/kept/entry.json",
            "a/kept/report.json",
            "a/kept/core",
        ] {
            std::fs::write(root.join(file), "").unwrap();
        }
        let names = |words: &[&str], stdin: &str| {
            let words: Vec<PathBuf> = words.iter().map(|word| root.join(word)).collect();
            let words = if stdin.is_empty() { words } else { vec![PathBuf::from("-")] };
            let found = found_files(&words, None, &mut || Ok(stdin.to_owned())).unwrap();
            let names =
                found.iter().map(|it| it.path.strip_prefix(root).unwrap().display().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&["a"], ""), "a/core.1 a/core.2 a/kept/report.json a/log");
        assert_eq!(names(&["a/core.*"], ""), "a/core.1 a/core.2");
        assert_eq!(names(&["**/log"], ""), "a/log");
        assert_eq!(names(&["a/log", "a/log"], ""), "a/log");
        let listed = format!("{0}/a/log\n\n{0}/a/core.1\n", root.display());
        assert_eq!(names(&[], &listed), "a/core.1 a/log");
        assert!(found_files(&[root.join("x*")], None, &mut || Ok(String::new())).is_err());
    }
}
