//! After a killed writer, a power failure, a damaged index.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Store;
use super::entry::{self, Entry};
use super::error::StoreError;
use super::index::{Count, Index, Wanted, millis};
use super::journal::{Intent, Journal, is_name};
use super::place::{Place, write_new};
use super::staging::{self, GONE};
use super::waiting;

/// When the counts beside the index are written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Now.
    Now,
    /// When they are some seconds old: a crash loop costs no disk.
    Seconds,
}

/// How old [`Freshness::Seconds`] may be.
const OLD: Duration = Duration::from_secs(5);

/// More counts than these are no file of ours.
const LARGEST_COUNTS: u64 = 256 << 20;

/// Opens the index, and makes it anew when it is damaged. On a disk without
/// room for it the files themselves are read.
pub(super) fn open_index(place: &Place, journal: &Journal) -> Result<Index, StoreError> {
    let opened = match Index::open(&place.index(), &place.crashes) {
        Err(error) if error.is_damaged_index() => {
            match journal.turn().map_err(StoreError::io("lock", &place.root)) {
                Ok(_turn) => renewed(place),
                Err(error) => Err(error),
            }
        }
        opened => opened,
    };
    match opened {
        Err(error) if may_lack_room(&error) || error.is_busy() => of_files(place),
        opened => opened,
    }
}

/// An index in memory, made of the files: nothing is missing in it, and it
/// needs no room on the disk.
fn of_files(place: &Place) -> Result<Index, StoreError> {
    let index = Index::in_memory(&place.crashes)?;
    fill(place, &index)?;
    Ok(index)
}

/// Whether SQLite may have failed to make its helper files.
fn may_lack_room(error: &StoreError) -> bool {
    let source = match error {
        StoreError::Index { source } => source,
        // A store that may only be read.
        StoreError::Io { source, .. }
            if matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            return true;
        }
        _ => return error.is_full(),
    };
    matches!(
        source.sqlite_error_code(),
        Some(
            rusqlite::ErrorCode::DiskFull
                | rusqlite::ErrorCode::SystemIoFailure
                | rusqlite::ErrorCode::CannotOpen
                | rusqlite::ErrorCode::ReadOnly
        )
    )
}

/// Opens the index once more, when another process has put a new one there, or
/// when there may be room for it now. The caller has the turn.
pub(super) fn follow_index(place: &Place, index: &RefCell<Index>) -> Result<(), StoreError> {
    if !index.borrow().is_on_disk() {
        if let Ok(opened) = Index::open(&place.index(), &place.crashes) {
            *index.borrow_mut() = opened;
        }
        return Ok(());
    }
    if !index.borrow().is_at(&place.index()) {
        *index.borrow_mut() = match Index::open(&place.index(), &place.crashes) {
            Err(error) if error.is_damaged_index() => renewed(place)?,
            opened => opened?,
        };
    }
    Ok(())
}

/// Puts a new index in the place of a damaged one. The caller has the turn.
pub(super) fn replace_index(place: &Place, index: &RefCell<Index>) -> Result<(), StoreError> {
    let is_replaced = !index.borrow().is_at(&place.index());
    // The damaged one must be closed before its helpers are moved away.
    *index.borrow_mut() = Index::in_memory(&place.crashes)?;
    let opened = match is_replaced {
        true => Index::open(&place.index(), &place.crashes).or_else(|_damaged| renewed(place))?,
        false => renewed(place)?,
    };
    *index.borrow_mut() = opened;
    Ok(())
}

/// A new index, made of the files. The damaged one is kept aside.
fn renewed(place: &Place) -> Result<Index, StoreError> {
    // Another process may have done it while this one waited.
    let opened = Index::open(&place.index(), &place.crashes).ok();
    if let Some(index) = opened.filter(Index::is_sound) {
        return Ok(index);
    }
    for suffix in ["", "-wal", "-shm"] {
        let name = |extra: &str| place.root.join(format!("index.sqlite{extra}{suffix}"));
        let aside = name(".damaged");
        // A directory neither replaces nor is replaced.
        let moved = fs::rename(name(""), &aside).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Err(error),
            _ => staging::remove_all(&aside)
                .map_err(|_stays| error)
                .and_then(|()| fs::rename(name(""), &aside)),
        });
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("move", &name(""))(error));
            }
            _ => (),
        }
    }
    let index = Index::open(&place.index(), &place.crashes)?;
    fill(place, &index)?;
    Ok(index)
}

/// Lists what is kept in an empty index.
fn fill(place: &Place, index: &Index) -> Result<(), StoreError> {
    let kept = kept(place)?;
    for entry in &kept {
        index.put(entry)?;
    }
    index.restore(&counts_of(&kept))?;
    index.restore(&saved_counts(place))
}

/// What crashes knew of the counts when they were kept.
fn counts_of(kept: &[Entry]) -> Vec<Count> {
    let mut counts: HashMap<&str, Count> = HashMap::new();
    for entry in kept {
        let at = millis(entry.at);
        let count = counts.entry(&entry.key).or_insert_with(|| Count {
            key: entry.key.clone(),
            program: entry.program.clone(),
            count: 0,
            first: at,
            last: at,
        });
        count.count = count.count.max(entry.count);
        count.first = count.first.min(at);
        count.last = count.last.max(at);
    }
    counts.into_values().collect()
}

/// All crashes that the files tell of. One that cannot be read keeps nobody
/// from the others.
fn kept(place: &Place) -> Result<Vec<Entry>, StoreError> {
    let directories = directories(place)?;
    Ok(directories.iter().filter_map(|path| Entry::read(path).ok().flatten()).collect())
}

/// The directories of all crashes, damaged ones too.
pub(super) fn directories(place: &Place) -> Result<Vec<PathBuf>, StoreError> {
    let cannot = StoreError::io("read", &place.crashes);
    let mut kept = Vec::new();
    for directory in fs::read_dir(&place.crashes).map_err(cannot)? {
        let path = directory.map_err(cannot)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        // Directories that the user, or an earlier version, has put there.
        if name.is_some_and(|name| name.len() == entry::ID_DIGITS && is_name(name)) {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// What `counts.json` knows.
fn saved_counts(place: &Place) -> Vec<Count> {
    let path = place.root.join("counts.json");
    let is_ours = fs::metadata(&path).is_ok_and(|found| found.len() <= LARGEST_COUNTS);
    let bytes = is_ours.then(|| fs::read(&path).ok()).flatten().unwrap_or_default();
    // Damaged, it tells nothing; the entries still do.
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Which start of the machine this is. After a power failure the index may
/// lack its last rows.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map(|id| id.trim().to_owned()).unwrap_or_default()
}

impl Store {
    /// Finishes what killed writers have begun.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        let boot = boot();
        let known = self.on_index(|index| index.note("boot"))?;
        let is_new_boot = known.is_none_or(|known| known != boot);
        let is_quiet = !self.journal.is_busy() && staging::left_behind(&self.place)?.is_empty();
        if !self.index.borrow().is_on_disk() || is_quiet && !is_new_boot {
            return Ok(());
        }
        let cannot = StoreError::io("lock", &self.place.root);
        // Who has the turn does it, or the next one: nobody waits for a look.
        let Some((turn, undone)) = self.journal.turn_now().map_err(cannot)? else {
            return Ok(());
        };
        follow_index(&self.place, &self.index)?;
        // The disk was not waited for: after a power failure anything may be.
        if is_new_boot && !self.index.borrow().is_sound() {
            replace_index(&self.place, &self.index)?;
        }
        if let Some(undone) = undone {
            // The next one tries again.
            match self.finish(&undone) {
                Ok(()) => turn.done().map_err(cannot)?,
                Err(error) if error.is_full() => return self.read_files(),
                Err(error) => return Err(error),
            }
        }
        for left in staging::left_behind(&self.place)? {
            let name = left.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(id) = left.id.as_ref().filter(|_| is_name(name)) {
                let intent = Intent::Arrive { name: name.to_owned(), id: id.clone() };
                turn.begin(&intent).map_err(cannot)?;
                match self.finish(&intent) {
                    Ok(()) => turn.done().map_err(cannot)?,
                    Err(error) if error.is_full() => return self.read_files(),
                    Err(error) => return Err(error),
                }
            } else {
                staging::remove_all(&left.path)?;
            }
        }
        if is_new_boot {
            self.finish(&Intent::Reconcile)?;
            self.index.borrow().set_note("boot", &boot)?;
        }
        Ok(())
    }

    /// Goes on with what the files say, as long as the index has no room for it.
    fn read_files(&self) -> Result<(), StoreError> {
        *self.index.borrow_mut() = of_files(&self.place)?;
        Ok(())
    }

    /// Does what `intent` says, or the rest of it. The caller has the turn.
    pub(super) fn finish(&self, intent: &Intent) -> Result<(), StoreError> {
        match self.carry_on(intent) {
            Err(error) if error.is_damaged_index() => {
                replace_index(&self.place, &self.index)?;
                self.carry_on(intent)
            }
            done => done,
        }
    }

    fn carry_on(&self, intent: &Intent) -> Result<(), StoreError> {
        match intent {
            Intent::Arrive { name, id } => {
                let from = self.place.incoming.join(name);
                let to = self.place.crash(id);
                waiting::end(&from)?;
                match fs::rename(&from, &to) {
                    Ok(()) => (),
                    // Moved before it was killed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                    // The very same crash is kept already.
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                        ) =>
                    {
                        staging::remove_all(&from)?;
                    }
                    Err(error) => return Err(StoreError::io("make", &to)(error)),
                }
                self.refresh(id)
            }
            Intent::Refresh { id } => self.refresh(id),
            Intent::DropCore { id } => {
                let directory = self.place.crash(id);
                if directory.is_dir() {
                    for core in entry::cores_in(&directory)? {
                        staging::remove_all(&core)?;
                        staging::remove_all(&entry::sidecar_of(&core))?;
                    }
                }
                self.refresh(id)
            }
            Intent::Remove { id } => {
                let from = self.place.crash(id);
                let to = self.place.new_incoming(GONE);
                match fs::rename(&from, &to) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StoreError::io("remove", &from)(error));
                    }
                    _ => (),
                }
                // First the files: they make the room that the index needs.
                staging::remove_all(&to)?;
                self.index.borrow().remove(id)
            }
            Intent::Reconcile => self.reconcile(),
        }
    }

    /// Puts the index in step with the files of one crash.
    fn refresh(&self, id: &str) -> Result<(), StoreError> {
        let directory = self.place.crash(id);
        if !directory.is_dir() {
            return self.index.borrow().remove(id);
        }
        // Of two cores of the same content the compressed one stays.
        let cores = entry::cores_in(&directory)?;
        let packed = cores.iter().find(|core| core.extension().is_some());
        if let Some(packed) = packed {
            entry::link_sidecar(&directory, packed)?;
            for other in cores.iter().filter(|other| *other != packed) {
                staging::remove_all(other)?;
                staging::remove_all(&entry::sidecar_of(other))?;
            }
        }
        match Entry::read(&directory) {
            Ok(Some(entry)) => self.index.borrow().put(&entry),
            // What cannot be read is not listed.
            Ok(None) | Err(StoreError::Damaged { .. }) => self.index.borrow().remove(id),
            Err(error) => Err(error),
        }
    }

    /// Compares the whole index with all files. The caller has the turn.
    pub(super) fn reconcile(&self) -> Result<(), StoreError> {
        let listed = self.index.borrow().list(&Wanted::default())?;
        let mut listed: HashMap<&str, &Entry> =
            listed.iter().map(|entry| (entry.id.as_str(), entry)).collect();
        let kept = kept(&self.place)?;
        for entry in &kept {
            let known = listed.remove(entry.id.as_str());
            let is_same = known.is_some_and(|known| {
                known.core == entry.core && known.report_bytes == entry.report_bytes
            });
            let cores = entry::cores_in(&entry.directory)?;
            if !is_same || cores.len() > 1 {
                self.refresh(&entry.id)?;
            }
        }
        for gone in listed.keys() {
            self.index.borrow().remove(gone)?;
        }
        self.index.borrow().restore(&counts_of(&kept))?;
        self.index.borrow().restore(&saved_counts(&self.place))
    }

    /// Writes the counts beside the index.
    pub(super) fn save_counts(&self, freshness: Freshness) -> Result<(), StoreError> {
        let path = self.place.root.join("counts.json");
        let is_fresh = || {
            let written = fs::metadata(&path).and_then(|found| found.modified()).ok()?;
            SystemTime::now().duration_since(written).ok().filter(|age| *age < OLD)
        };
        if freshness == Freshness::Seconds && is_fresh().is_some() {
            return Ok(());
        }
        // Within the turn: no other process puts older counts there, and none
        // sweeps what is not at its place yet.
        let (_turn, _undone) = match self.journal.turn() {
            // The index has them; the next one writes them.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            turn => turn.map_err(StoreError::io("lock", &self.place.root))?,
        };
        let counts = self.index.borrow().counts()?;
        let bytes = serde_json::to_vec(&counts).unwrap_or_default();
        // A killed writer's file is swept with the others.
        let next = self.place.new_incoming(GONE);
        write_new(&next, &bytes)?;
        replace(&next, &path)
    }
}

fn replace(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("replace", to))
}
