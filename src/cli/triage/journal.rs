//! What an interrupted run has read already, so that the next one goes on.
//!
//! One line of JSON a file, in `coretool` of the user's cache directory, named
//! by what was asked. A file that has changed since is read again; a line that
//! was cut by the end of the run before is dropped. A run that ends takes its
//! journal away.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::triage::crash::Crash;
use crate::triage::digest::digest;

/// A longer line is not ours.
const LONGEST_LINE: u64 = 64 << 20;

/// What reading one file gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The file.
    pub path: PathBuf,
    /// What tells it from another one at the same path: length, time of the
    /// last change in seconds and nanoseconds, inode.
    pub mark: (u64, i64, i64, u64),
    /// Its crashes.
    #[serde(default)]
    pub crashes: Vec<Crash>,
    /// Why it could not be read.
    #[serde(default)]
    pub error: Option<String>,
}

/// What tells a file from another one that is put in its place.
pub fn mark(path: &Path) -> (u64, i64, i64, u64) {
    let found = path.metadata();
    found.map_or((0, 0, 0, 0), |it| (it.len(), it.mtime(), it.mtime_nsec(), it.ino()))
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    open: Option<(File, PathBuf)>,
}

impl Journal {
    /// Opens the journal of a run that is described by `asked`, and returns
    /// what is in it. Without a place for it, or when the same run is under way
    /// already, nothing is remembered.
    pub fn open(asked: &str) -> (Self, HashMap<PathBuf, Outcome>) {
        let none = (Self { open: None }, HashMap::new());
        let Some(directory) = directory() else { return none };
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        let name = digest(asked.as_bytes());
        let path = directory.join(format!("triage-{}.jsonl", name.get(..24).unwrap_or(&name)));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = made.and_then(|()| options.open(&path));
        let Ok(file) = file else { return none };
        if file.try_lock().is_err() {
            return none;
        }
        let (known, good) = read(&file);
        // What was cut must not stand before what comes.
        if file.set_len(good).is_err() {
            return none;
        }
        (Self { open: Some((file, path)) }, known)
    }

    /// Remembers what reading a file gave.
    pub fn note(&mut self, outcome: &Outcome) {
        let Some((file, _)) = &mut self.open else { return };
        let Ok(mut line) = serde_json::to_vec(outcome) else { return };
        line.push(b'\n');
        if file.write_all(&line).is_err() {
            // A full disk: the run goes on without.
            self.open = None;
        }
    }

    /// The run is done: there is nothing to go on with.
    pub fn done(self) {
        if let Some((_, path)) = &self.open {
            let _removed = std::fs::remove_file(path);
        }
    }
}

/// The outcomes, and how many bytes of the file are whole lines.
fn read(file: &File) -> (HashMap<PathBuf, Outcome>, u64) {
    let mut known = HashMap::new();
    let mut good = 0;
    let mut reader = BufReader::new(file);
    loop {
        let mut line = Vec::new();
        let got = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        let Ok(got) = got else { break };
        let outcome = serde_json::from_slice::<Outcome>(&line);
        let (Ok(outcome), true) = (outcome, line.ends_with(b"\n")) else { break };
        good += got as u64;
        known.insert(outcome.path.clone(), outcome);
    }
    (known, good)
}

fn directory() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("coretool"))
}
