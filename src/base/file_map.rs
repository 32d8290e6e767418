//! Read-only maps of files: the first of the two places with `unsafe`.
#![expect(unsafe_code, reason = "mapping a file has no safe interface")]

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

/// A file that was changed later than this before it was opened is not shared: a
/// second change might not show in its times, whose steps are those of the
/// kernel's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// A whole file, mapped read-only.
#[derive(Debug)]
pub struct FileMap {
    map: Mmap,
    identity: Option<Identity>,
}

impl FileMap {
    /// Maps `file`, of which `metadata` was just read. The caller has checked that
    /// it is a regular file with bytes in it, since mapping anything else fails
    /// or faults.
    pub fn new(file: &File, metadata: &Metadata) -> io::Result<Self> {
        let len = usize::try_from(metadata.len())
            .map_err(|_too_long| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let mut options = MmapOptions::new();
        options.len(len);
        // SAFETY: the map is private and read-only, so nobody can change it
        // through us. Another process may still change or cut the file: a
        // changed byte is as good as any other untrusted byte, and all readers
        // copy before they judge. A cut file raises SIGBUS, as it does in every
        // tool that maps files; it cannot corrupt memory.
        let map = unsafe { options.map(file)? };
        // Binaries and cores are read here and there. Read-ahead would fetch
        // hundreds of megabytes from a cold disk for a few pages of use.
        map.advise(Advice::Random)?;
        Ok(Self { map, identity: Identity::of(metadata) })
    }

    /// Which file this is, unless it has just been changed.
    pub fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// All bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Says that `range` will be read now and in whole. Advice only, but the
    /// pages come in at once: since `Random` has turned off the kernel's
    /// guesses, each would cost a page fault of its own.
    pub fn will_need(&self, range: Range<usize>) {
        let end = range.end.min(self.map.len());
        let len = end.saturating_sub(range.start);
        if len > 0 {
            // Nothing depends on the kernel following it.
            let _advised = self.map.advise_range(Advice::WillNeed, range.start, len);
            let _populated = self.map.advise_range(Advice::PopulateRead, range.start, len);
        }
    }

    /// Says that `range` will not be read again soon, so that its pages do not
    /// count as memory of this process: for a file that is read once, in
    /// order. Reading it again is allowed, and fetches them anew.
    pub fn release(&self, range: Range<usize>) {
        let end = range.end.min(self.map.len());
        let len = end.saturating_sub(range.start);
        if len > 0 {
            // SAFETY: the map is shared, read-only and of a file: dropped pages
            // come back with the same bytes, so that no reference into the map
            // sees a change.
            let dropped = unsafe {
                self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, len)
            };
            // Nothing depends on the kernel following it.
            let _released = dropped;
        }
    }
}

/// What tells one state of one file from every other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
    len: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// The same of the inode, which nobody can set.
    changed: (i64, i64),
}

impl Identity {
    /// The identity of a file, unless it was changed only a moment ago.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let changed = Duration::new(metadata.ctime().try_into().ok()?, 0);
        let age = SystemTime::UNIX_EPOCH.elapsed().ok()?.checked_sub(changed)?;
        (age > SETTLED).then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_just_changed_has_no_identity() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(Identity::of(&file.as_file().metadata().unwrap()), None);
        // What this was compiled from is older than that.
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let metadata = std::fs::metadata(manifest).unwrap();
        assert_eq!(Identity::of(&metadata), Identity::of(&metadata));
        assert!(Identity::of(&metadata).is_some());
    }
}
