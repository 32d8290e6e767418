//! Kept crashes: an index, and one directory for each.
//!
//! What is listed is whole, whenever a writer was killed, and on a full disk:
//! a crash is written below `incoming` and moved to its place when all of it
//! is there; each change of several steps is in the journal first, and who
//! comes next finishes it. The index only repeats what the files say, and is
//! made anew from them when it is damaged.
//!
//! A [`Store`] is for one thread; any number of processes and threads may open
//! the same one.

mod budget;
mod entry;
mod error;
mod index;
mod journal;
mod keeping;
pub(in crate::triage) mod packing;
mod place;
mod recovery;
mod removing;
mod staging;
mod waiting;

use std::cell::RefCell;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

pub use self::budget::{Budget, KeepFree, Reason, Removal};
pub use self::entry::{CoreFile, Entry};
pub use self::error::StoreError;
pub use self::index::{Count, Wanted};
pub use self::keeping::Origin;
pub use self::staging::Staged;
pub use self::waiting::Waiting;

use self::index::Index;
use self::journal::{Intent, Journal};
use self::place::Place;
use crate::triage::digest::digest;

/// The fewest digits that name a crash.
const FEWEST_DIGITS: usize = 4;

/// An open store.
#[derive(Debug)]
pub struct Store {
    place: Place,
    budget: Budget,
    journal: Journal,
    index: RefCell<Index>,
}

impl Store {
    /// Opens the store in `root`, an absolute or relative path, and makes it
    /// where there is none: directories of mode 0700, files of mode 0600. What
    /// killed writers have left is finished or removed.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made, is another user's, or others may
    /// write to it; for root also when it is a symbolic link.
    pub fn open(root: &Path, budget: Budget) -> Result<Self, StoreError> {
        let place = Place::open(root)?;
        let journal = Journal::open(&place.root)?;
        let index = RefCell::new(recovery::open_index(&place, &journal)?);
        let store = Self { place, budget, journal, index };
        store.recover()?;
        Ok(store)
    }

    /// Its directory, as an absolute path.
    pub fn root(&self) -> &Path {
        &self.place.root
    }

    /// The bounds that [`Store::keep`] heeds.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// A file to write a core into, in the store's own file system.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn stage(&self) -> Result<Staged, StoreError> {
        Staged::new(&self.place)
    }

    /// Counts a crash of which nothing is kept, and returns how often this
    /// `key` was seen. It costs one row, and no disk.
    ///
    /// # Errors
    ///
    /// When the index cannot be written.
    pub fn count(&self, key: &str, program: &str, at: SystemTime) -> Result<u64, StoreError> {
        let count = self.on_index(|index| index.count(key, program, index::millis(at)))?;
        self.save_counts(recovery::Freshness::Seconds)?;
        Ok(count)
    }

    /// How often each crash was seen, those that are no longer kept too.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
    pub fn counts(&self) -> Result<Vec<Count>, StoreError> {
        self.on_index(Index::counts)
    }

    /// Kept crashes, the newest first.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
    pub fn list(&self, wanted: &Wanted) -> Result<Vec<Entry>, StoreError> {
        self.on_index(|index| index.list(wanted))
    }

    /// Crashes that were captured before `at` and whose cores are not
    /// compressed, the newest first.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
    pub fn raw_cores(&self, at: SystemTime) -> Result<Vec<Entry>, StoreError> {
        self.on_index(|index| index.raw_cores(index::millis(at)))
    }

    /// The crash whose id begins with `name`, four digits or more, or the
    /// newest one for `latest`. Its core is where it is now.
    ///
    /// # Errors
    ///
    /// When there is none, or there are several.
    pub fn find(&self, name: &str) -> Result<Entry, StoreError> {
        if name == "latest" {
            return self.newest();
        }
        let missing = || StoreError::NoSuchCrash { id: name.to_owned() };
        if !is_id(name) {
            return Err(missing());
        }
        let id = name.to_ascii_lowercase();
        let (mut entries, count) = self.on_index(|index| index.find(&id))?;
        if count > 1 {
            return Err(StoreError::Ambiguous { id: name.to_owned(), count });
        }
        let Some(found) = entries.pop() else {
            // One that is damaged is not listed, and is named.
            let directory = self.place.crash(&id);
            return Entry::read(&directory)?.ok_or_else(missing);
        };
        // The index may be a step behind the files.
        let now = Entry::read(&found.directory)?.ok_or_else(missing)?;
        Ok(Entry { count: found.count, ..now })
    }

    /// The newest crash whose files can be read. One that a wrong clock has
    /// dated into the future comes last.
    fn newest(&self) -> Result<Entry, StoreError> {
        /// Clocks differ by less, or one was wrong.
        const FUTURE: Duration = Duration::from_secs(60 * 60);
        let latest = SystemTime::now() + FUTURE;
        let mut of_the_future = None;
        let mut most = 1;
        loop {
            let wanted = Wanted { most: Some(most), ..Wanted::default() };
            let entries = self.list(&wanted)?;
            for entry in entries.iter().skip(most / 16) {
                if let Ok(Some(now)) = Entry::read(&entry.directory) {
                    let now = Entry { count: entry.count, ..now };
                    if now.at <= latest {
                        return Ok(now);
                    }
                    of_the_future.get_or_insert(now);
                }
            }
            if entries.len() < most {
                return of_the_future.ok_or(StoreError::Empty);
            }
            most = most.saturating_mul(16);
        }
    }

    /// Directories of crashes that cannot be read, and why.
    ///
    /// # Errors
    ///
    /// When the directory of all crashes cannot be read.
    pub fn damaged(&self) -> Result<Vec<StoreError>, StoreError> {
        let read = recovery::directories(&self.place)?;
        Ok(read.iter().filter_map(|directory| Entry::read(directory).err()).collect())
    }

    /// The newest crash of the process with this id and start time, in clock
    /// ticks since boot.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
    pub fn find_process(&self, pid: u32, start_time: u64) -> Result<Option<Entry>, StoreError> {
        let mut entries = self.on_index(|index| index.of_process(pid, start_time))?;
        entries.truncate(1);
        Ok(entries.pop())
    }

    /// Writes the core of a crash into the empty file `to`: plain and sparse,
    /// as every debugger reads it. Returns its length.
    ///
    /// # Errors
    ///
    /// When there is none, or the system refuses.
    pub fn unpack_core(&self, entry: &Entry, to: &File) -> Result<u64, StoreError> {
        let core = entry.its_core()?;
        self.check_core(entry)?;
        let from = File::open(&core.path).map_err(StoreError::io("open", &core.path))?;
        let done = match core.is_compressed {
            true => packing::unpack(&from, to),
            false => packing::copy_sparse(&from, to),
        };
        done.map_err(StoreError::io("unpack", &core.path))
    }

    /// Checks that a compressed core of the store is what was kept: its name
    /// has its digest. Very large ones are believed.
    ///
    /// # Errors
    ///
    /// When it is not, or cannot be read.
    pub fn check_core(&self, entry: &Entry) -> Result<(), StoreError> {
        /// As much is read in a tenth of a second.
        const MOST: u64 = 64 << 20;
        let core = entry.core.as_ref();
        let core = core.filter(|core| core.is_ours && core.is_compressed && core.bytes <= MOST);
        let Some(core) = core else { return Ok(()) };
        let bytes = place::read_file(&core.path, MOST)?;
        let name = core.path.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| name != entry::packed_name(&digest(&bytes))) {
            let why = "it is not what was kept, since its name has another digest".to_owned();
            return Err(StoreError::Damaged { path: core.path.clone(), why });
        }
        Ok(())
    }

    /// Writes the core of a crash into the empty file `to`, as seekable zstd.
    ///
    /// # Errors
    ///
    /// As for [`Store::unpack_core`].
    pub fn packed_core(&self, entry: &Entry, to: &File) -> Result<(), StoreError> {
        let core = entry.its_core()?;
        let mut from = File::open(&core.path).map_err(StoreError::io("open", &core.path))?;
        let done = match core.is_compressed {
            true => std::io::copy(&mut from, &mut &*to).map(|_bytes| ()),
            false => packing::pack(&from, to).map(|_digest| ()),
        };
        done.map_err(StoreError::io("pack", &core.path))
    }

    /// Waits until a crash is on the disk, so that it survives a power failure,
    /// too: its report, and its core when that is compressed.
    ///
    /// # Errors
    ///
    /// When there is no such crash, or the disk fails.
    pub fn sync(&self, id: &str) -> Result<(), StoreError> {
        let entry = self.find(id)?;
        let core = entry.core.as_ref().filter(|core| core.is_ours && core.is_compressed);
        let files = [entry.report(), entry.directory.join("entry.json"), entry.directory.clone()];
        for path in files.iter().chain(core.map(|core| &core.path)) {
            let file = File::open(path).map_err(StoreError::io("open", path))?;
            file.sync_all().map_err(StoreError::io("write", path))?;
        }
        Ok(())
    }

    /// Replaces the raw core of a crash by seekable zstd, a few percent to half
    /// of its size. It takes time: about a second for 300 MB on one processor.
    /// Killed meanwhile, it leaves the raw core.
    ///
    /// # Errors
    ///
    /// When there is no such crash, or no room for both files for a moment.
    pub fn compress(&self, id: &str) -> Result<(), StoreError> {
        let entry = self.find(id)?;
        let Some(core) = entry.core.filter(|core| core.is_ours && !core.is_compressed) else {
            return Ok(());
        };
        let from = File::open(&core.path).map_err(StoreError::io("open", &core.path))?;
        let staged = self.stage()?;
        let cannot = StoreError::io("compress", &core.path);
        let digest = packing::pack(&from, staged.core()).map_err(cannot)?;
        // The raw core goes: first be sure that this one stays.
        staged.core().sync_data().map_err(cannot)?;
        let packed = entry.directory.join(entry::packed_name(&digest));
        self.change(&Intent::Refresh { id: entry.id.clone() }, || {
            // Removed meanwhile, or compressed by somebody else.
            if !core.path.exists() {
                return Ok(());
            }
            staged.link_to(&packed)
        })
    }

    /// Changes a crash: `first` is done, and then what `intent` means.
    fn change(
        &self,
        intent: &Intent,
        first: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let cannot = StoreError::io("lock", &self.place.root);
        let (turn, undone) = self.journal.turn().map_err(cannot)?;
        recovery::follow_index(&self.place, &self.index)?;
        // What cannot be finished now must not keep others from making room.
        let is_finished = undone.is_none_or(|undone| self.finish(&undone).is_ok());
        turn.begin(intent).map_err(cannot)?;
        let done = first().and_then(|()| self.finish(intent));
        let rest = match (&done, is_finished) {
            (Ok(()), true) if self.index.borrow().is_on_disk() => turn.done(),
            (Ok(()), _) => turn.begin(&Intent::Reconcile),
            // The words stay: the next one tries again.
            (Err(_), _) => Ok(()),
        };
        done.and(rest.map_err(cannot))
    }

    /// The index, made anew when it turns out to be damaged.
    fn on_index<T>(&self, work: impl Fn(&Index) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let done = work(&self.index.borrow());
        match done {
            Err(error) if error.is_damaged_index() => {
                let cannot = StoreError::io("lock", &self.place.root);
                let (turn, _undone) = self.journal.turn().map_err(cannot)?;
                recovery::replace_index(&self.place, &self.index)?;
                drop(turn);
                work(&self.index.borrow())
            }
            done => done,
        }
    }
}

/// Whether `name` can name a kept crash: `latest`, or four to twelve
/// hexadecimal digits.
pub fn is_id(name: &str) -> bool {
    let is_long = (FEWEST_DIGITS..=entry::ID_DIGITS).contains(&name.len());
    name == "latest" || is_long && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
