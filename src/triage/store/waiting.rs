//! Crashes that wait for their analysis, and outlive whoever captured them.
//!
//! Below `incoming`, in a directory of their own: the core as `waiting-core`,
//! and what its writer knew of it as `waiting-N.json`, N being how often
//! somebody has begun to analyze it. Its writer holds the directory's lock.
//! What nobody holds may be taken up by [`Store::take_waiting`].

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Store;
use super::entry;
use super::error::StoreError;
use super::place::{self, read_file};
use super::staging::{Incoming, Staged, WAITING, remove_all};

/// The core of one that waits.
const CORE: &str = "waiting-core";
/// More is nothing of ours.
const MOST_FACTS: u64 = 64 << 20;

/// A crash that somebody else has captured and not analyzed.
#[derive(Debug)]
pub struct Waiting {
    /// Its core.
    pub staged: Staged,
    /// What its writer knew of it.
    pub facts: Vec<u8>,
    /// How often its analysis was begun before.
    pub attempts: u32,
}

impl Staged {
    /// From now on the crash waits for its analysis even when this process is
    /// killed. `facts` is what is needed for it, beside the core.
    ///
    /// # Errors
    ///
    /// What the system says; the core is then kept for as long as this process
    /// lives.
    pub fn wait(&mut self, facts: &[u8]) -> Result<(), StoreError> {
        let directory = &self.incoming.path;
        self.link_to(&directory.join(CORE))?;
        if let Some(name) = self.name {
            remove_all(&directory.join(name))?;
        }
        self.name = Some(CORE);
        // Whole or not there at all.
        let next = directory.join("next");
        place::write_new(&next, facts)?;
        let to = facts_path(directory, 0);
        fs::rename(&next, &to).map_err(StoreError::io("make", &to))
    }
}

impl Store {
    /// Takes up a crash whose writer was killed, if there is one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn take_waiting(&self) -> Result<Option<Waiting>, StoreError> {
        for path in self.all_waiting()? {
            // Whoever lives holds it.
            let Some(incoming) = Incoming::taken(&path) else { continue };
            let Some((facts_path, attempts)) = facts_in(&path) else {
                // All of it was there a moment ago: it arrives.
                incoming.leave();
                continue;
            };
            match core_and_facts(&path, &facts_path) {
                Ok((core, facts)) => {
                    // On a full disk it is not counted.
                    let next = self::facts_path(&path, attempts.saturating_add(1));
                    let _uncounted = fs::rename(&facts_path, next);
                    let staged = Staged { incoming, core, name: Some(CORE) };
                    return Ok(Some(Waiting { staged, facts, attempts }));
                }
                // It is nothing of ours, or has lost its core: it goes.
                Err(StoreError::Damaged { .. }) => continue,
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    continue;
                }
                Err(error) => {
                    incoming.leave();
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// How many crashes wait for their analysis, those included that somebody
    /// works on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn waiting(&self) -> Result<usize, StoreError> {
        Ok(self.all_waiting()?.len())
    }

    fn all_waiting(&self) -> Result<Vec<PathBuf>, StoreError> {
        let cannot = StoreError::io("read", &self.place.incoming);
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.place.incoming).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            // One that is whole arrives without us.
            if facts_in(&path).is_some() && !matches!(entry::id_of(&path), Ok(Some(_))) {
                all.push(path);
            }
        }
        Ok(all)
    }
}

/// What is needed of one that waits. The rest, which another one had begun, is
/// removed.
fn core_and_facts(directory: &Path, facts: &Path) -> Result<(File, Vec<u8>), StoreError> {
    let facts = read_file(facts, MOST_FACTS)?;
    let path = directory.join(CORE);
    let mut options = OpenOptions::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let core = options.read(true).write(true).custom_flags(flags).open(&path);
    let core = core.map_err(StoreError::io("open", &path))?;
    let cannot = StoreError::io("read", directory);
    for entry in fs::read_dir(directory).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if !entry.file_name().to_string_lossy().starts_with(WAITING) {
            remove_all(&entry.path())?;
        }
    }
    Ok((core, facts))
}

fn facts_path(directory: &Path, attempts: u32) -> PathBuf {
    directory.join(format!("{WAITING}{attempts}.json"))
}

/// The facts in the directory of one that waits, and how often its analysis
/// was begun.
pub(super) fn facts_in(directory: &Path) -> Option<(PathBuf, u32)> {
    let names = fs::read_dir(directory).ok()?.flatten();
    let attempts = names.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix(WAITING)?.strip_suffix(".json")?.parse::<u32>().ok()
    });
    let attempts = attempts.max()?;
    Some((facts_path(directory, attempts), attempts))
}

/// It waits no longer: all of the crash is in the directory.
pub(super) fn end(directory: &Path) -> Result<(), StoreError> {
    let Ok(names) = fs::read_dir(directory) else { return Ok(()) };
    for entry in names.flatten() {
        if entry.file_name().to_string_lossy().starts_with(WAITING) {
            remove_all(&entry.path())?;
        }
    }
    Ok(())
}

impl Incoming {
    /// One that its writer has left, if it has.
    fn taken(path: &Path) -> Option<Self> {
        let held = File::open(path).ok()?;
        held.try_lock().ok()?;
        Some(Self::held(path.to_owned(), held))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::SystemTime;

    use super::*;
    use crate::report::model::Report;
    use crate::triage::store::{Budget, Origin, Wanted};

    /// A crash whose writer was killed: its lock is gone, its files are not.
    fn left(store: &Store, content: &[u8]) -> PathBuf {
        let mut staged = store.stage().unwrap();
        staged.core().write_all(content).unwrap();
        staged.wait(b"facts").unwrap();
        staged.incoming.leave()
    }

    #[test]
    fn what_waits_outlives_its_writer_and_arrives_once() {
        let root = tempfile::tempdir().unwrap();
        let open = || Store::open(&root.path().join("s"), Budget::default()).unwrap();
        let store = open();
        // A large one keeps its name, a small one is compressed.
        for length in [100, 3 << 20] {
            let content = vec![length as u8 | 1; length];
            left(&store, &content);
            // Opening the store sweeps what is half; this is not.
            let store = open();
            assert_eq!(store.waiting().unwrap(), 1);
            let first = store.take_waiting().unwrap().unwrap();
            assert_eq!((first.attempts, first.facts.as_slice()), (0, &b"facts"[..]));
            assert!(store.take_waiting().unwrap().is_none(), "somebody works on it");
            // Killed once more, in the middle of it.
            fs::write(first.staged.incoming.path.join("report.json"), "{").unwrap();
            drop(first.staged.incoming.leave());
            let again = open().take_waiting().unwrap().unwrap();
            assert_eq!(again.attempts, 1);
            let mut report = Report { verdict: format!("{length}"), ..Report::default() };
            let origin = Origin::new(SystemTime::now(), "test");
            store.keep(Some(again.staged), &mut report, &origin).unwrap();
            assert_eq!(store.waiting().unwrap(), 0);
            let kept = store.list(&Wanted::default()).unwrap();
            let kept = kept.iter().find(|entry| entry.verdict == report.verdict).unwrap();
            let names = fs::read_dir(&kept.directory).unwrap().flatten();
            let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            assert!(names.iter().all(|name| !name.to_string_lossy().contains("waiting")));
            assert!(kept.core.is_some(), "{names:?}");
        }
        assert_eq!(store.list(&Wanted::default()).unwrap().len(), 2);
    }

    #[test]
    fn killed_when_all_was_there_it_arrives_by_itself() {
        let root = tempfile::tempdir().unwrap();
        let open = || Store::open(&root.path().join("s"), Budget::default()).unwrap();
        let store = open();
        let path = left(&store, b"core");
        // As the writer does it, without the last step.
        let mut report = Report { verdict: "v".to_owned(), ..Report::default() };
        let saved = store.keep(None, &mut report, &Origin::new(SystemTime::now(), "test")).unwrap();
        for name in ["report.json", "entry.json"] {
            fs::rename(Path::new(&saved.directory).join(name), path.join(name)).unwrap();
        }
        fs::remove_dir(&saved.directory).unwrap();
        let store = open();
        assert_eq!(store.waiting().unwrap(), 0);
        assert!(store.take_waiting().unwrap().is_none());
        let names = fs::read_dir(&saved.directory).unwrap().flatten();
        let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().contains("waiting")), "{names:?}");
    }
}
