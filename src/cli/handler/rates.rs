//! What the rate limit remembers from one handler to the next: a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::capture::handler::rate_limit::{Rate, RateLimit};

/// The file, locked.
#[derive(Debug)]
pub struct Rates {
    path: PathBuf,
    _lock: Option<File>,
}

impl Rates {
    /// Waits for its turn. Without a lock the file is used all the same: it is
    /// replaced as a whole.
    pub fn lock(path: &Path) -> Self {
        let lock = path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(lock);
        let lock = lock.and_then(|file| file.lock().map(|()| file)).ok();
        Self { path: path.to_owned(), _lock: lock }
    }

    /// What is remembered.
    pub fn read(&self, rate: Rate) -> RateLimit {
        RateLimit::from_text(&fs::read_to_string(&self.path).unwrap_or_default(), rate)
    }

    /// Remembers it. On a full disk it is forgotten: more is kept, then.
    pub fn write(&self, limit: &RateLimit) {
        let new = self.path.with_extension("new");
        let _kept = fs::write(&new, limit.to_text()).and_then(|()| fs::rename(&new, &self.path));
    }
}
