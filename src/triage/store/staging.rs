//! Crashes that are being written.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::entry;
use super::error::StoreError;
use super::place::{self, Place};

/// Names of directories below `incoming` that are to be removed.
pub(super) const GONE: &str = "gone-";
/// Names of files beside a crash that waits for its analysis. They go when it
/// arrives.
pub(super) const WAITING: &str = "waiting-";

/// A crash's directory before it is whole. Its writer holds the directory's
/// lock: what nobody holds, its writer has left behind.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) path: PathBuf,
    /// The lock.
    _held: File,
}

impl Incoming {
    pub(super) fn new(place: &Place) -> Result<Self, StoreError> {
        // Swept between its making and its locking, it is made again.
        for _ in 0..100 {
            let path = place.new_incoming("");
            place::private_directory(&path, false)?;
            let held = match File::open(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let _unused = fs::remove_dir(&path);
                    return Err(StoreError::io("open", &path)(error));
                }
                Err(_swept) => continue,
                Ok(held) => held,
            };
            held.lock().map_err(StoreError::io("lock", &path))?;
            let is_there = held.metadata().is_ok_and(|ours| {
                fs::symlink_metadata(&path).is_ok_and(|there| there.ino() == ours.ino())
            });
            if is_there {
                return Ok(Self { path, _held: held });
            }
        }
        let why = io::Error::other("it vanished again and again");
        Err(StoreError::io("make a directory in", &place.incoming)(why))
    }

    /// One whose lock is held already.
    pub(super) fn held(path: PathBuf, held: File) -> Self {
        Self { path, _held: held }
    }

    /// Leaves it there for whoever opens the store next, and returns its path.
    pub(super) fn leave(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }

    /// Its name below `incoming`.
    pub(super) fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Moved to its place, there is nothing at this path.
        if !self.path.as_os_str().is_empty() {
            let _left = fs::remove_dir_all(&self.path);
        }
    }
}

/// A core that is being written, in the store's own file system. Dropped, or
/// its writer killed, it vanishes.
#[derive(Debug)]
pub struct Staged {
    pub(super) incoming: Incoming,
    pub(super) core: File,
    /// Its name in the directory, if it has one: some file systems know no
    /// nameless files, and one that waits must outlive its writer.
    pub(super) name: Option<&'static str>,
}

impl Staged {
    pub(super) fn new(place: &Place) -> Result<Self, StoreError> {
        let incoming = Incoming::new(place)?;
        let (core, name) = match place::nameless_file(&incoming.path) {
            Ok(core) => (core, None),
            Err(error) if is_unknown(&error) => {
                let path = incoming.path.join("core");
                let core = place::new_file(&path);
                (core.map_err(StoreError::io("make", &path))?, Some("core"))
            }
            Err(error) => return Err(StoreError::io("make a file in", &incoming.path)(error)),
        };
        Ok(Self { incoming, core, name })
    }

    /// The empty file to write the core to. Holes may be left: a sparse core
    /// takes no more than what is in it.
    pub fn core(&self) -> &File {
        &self.core
    }

    /// Bytes that the core takes on disk so far.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let found = self.core.metadata();
        Ok(place::on_disk(&found.map_err(StoreError::io("read", &self.incoming.path))?))
    }

    /// Gives the file a name in the store. What has it already is the same.
    pub(super) fn link_to(&self, path: &Path) -> Result<(), StoreError> {
        let done = match self.name {
            Some(name) => fs::hard_link(self.incoming.path.join(name), path),
            None => place::link(&self.core, path),
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(StoreError::io("make", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// A path of the core for a program that this process becomes by `exec`:
    /// there it names the open file, which vanishes with that program.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn inherited(&self) -> Result<PathBuf, StoreError> {
        use std::os::fd::AsRawFd as _;
        let path = PathBuf::from(format!("/proc/self/fd/{}", self.core.as_raw_fd()));
        nix::fcntl::fcntl(&self.core, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))
            .map_err(|error| StoreError::io("hand on", &path)(error.into()))?;
        // Nobody is there to do it afterwards; the open file needs no name.
        remove_all(&self.incoming.path)?;
        Ok(path)
    }

    /// Gives the core its name in the crash's directory.
    pub(super) fn name_core(&self) -> Result<(), StoreError> {
        self.link_to(&self.incoming.path.join("core"))
    }

    /// Gives the core up, and returns the directory.
    pub(super) fn without_core(self) -> Incoming {
        let _unless_named = fs::remove_file(self.incoming.path.join("core"));
        self.incoming
    }
}

/// Whether a file system, or an old kernel, knows no nameless files.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL))
}

/// A directory below `incoming` that its writer has left behind.
pub(super) struct Left {
    pub(super) path: PathBuf,
    /// The id, when all of a crash is there.
    pub(super) id: Option<String>,
    /// Its lock: a writer that has just made it waits, and finds it gone.
    _held: Option<File>,
}

/// What killed writers have left, but for what [waits](super::waiting).
pub(super) fn left_behind(place: &Place) -> Result<Vec<Left>, StoreError> {
    let cannot = StoreError::io("read", &place.incoming);
    let mut left = Vec::new();
    for entry in fs::read_dir(&place.incoming).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with(GONE)) {
            left.push(Left { path, id: None, _held: None });
            continue;
        }
        // Whoever lives holds it.
        let Ok(directory) = File::open(&path) else { continue };
        if directory.try_lock().is_ok() {
            // What is damaged is not all of a crash.
            let id = entry::id_of(&path).unwrap_or_default();
            if id.is_some() || super::waiting::facts_in(&path).is_none() {
                left.push(Left { path, id, _held: Some(directory) });
            }
        }
    }
    Ok(left)
}

/// Removes a directory of ours, or a file that strayed in.
pub(super) fn remove_all(path: &Path) -> Result<(), StoreError> {
    let done = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
