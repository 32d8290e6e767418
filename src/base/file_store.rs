//! The owner of all bytes that an analysis borrows.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use elsa::sync::FrozenVec;

use crate::base::file_map::FileMap;

/// An append-only owner of maps and buffers. It lives in the caller's frame;
/// every phase borrows `&'f [u8]` from it.
#[derive(Default)]
pub struct FileStore {
    maps: FrozenVec<Box<FileMap>>,
    buffers: FrozenVec<Box<[u8]>>,
}

/// A file in a [`FileStore`].
#[derive(Clone, Copy, Debug)]
pub struct StoredFile<'f> {
    /// All of its bytes.
    pub bytes: &'f [u8],
    /// Seconds since 1970 of its last change.
    pub modified: i64,
}

impl FileStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps the file at `path`, which must be a regular file. Paths come from
    /// cores, so fifos and devices are refused without being opened for
    /// reading: a fifo would block for ever.
    ///
    /// # Errors
    ///
    /// What the system says, or `InvalidInput` for what is no regular file.
    pub fn open(&self, path: &Path) -> io::Result<StoredFile<'_>> {
        // Not blocking matters only for what is no regular file.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        self.map(&file)
    }

    /// Maps an open file, which must be a regular file.
    ///
    /// # Errors
    ///
    /// As for [`FileStore::open`].
    pub fn map(&self, file: &File) -> io::Result<StoredFile<'_>> {
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        if !kind.is_file() {
            let kind = match kind {
                kind if kind.is_dir() => "a directory",
                kind if kind.is_fifo() => "a fifo",
                kind if kind.is_socket() => "a socket",
                _ => "a device",
            };
            let message = format!("it is {kind}, not a regular file");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let modified = metadata.mtime();
        if metadata.len() == 0 {
            // An empty map is an error of mmap(2), an empty file is none.
            return Ok(StoredFile { bytes: &[], modified });
        }
        let map = self.maps.push_get(Box::new(FileMap::new(file, metadata.len())?));
        Ok(StoredFile { bytes: map.bytes(), modified })
    }

    /// Keeps bytes that were made, not mapped: an inflated section, say.
    pub fn keep(&self, bytes: Vec<u8>) -> &[u8] {
        self.buffers.push_get(bytes.into_boxed_slice())
    }

    /// How many files were opened, how many bytes they have, and how many
    /// bytes were made: inflated or copied.
    pub fn statistics(&self) -> (usize, u64, u64) {
        let mapped = self.maps.iter().map(|map| map.bytes().len() as u64).sum();
        let made = self.buffers.iter().map(|bytes| bytes.len() as u64).sum();
        (self.maps.iter().count(), mapped, made)
    }

    /// Says that `part`, bytes of a file of this store, will be read soon and
    /// in whole. Advice only: bytes of other origin are ignored.
    pub fn will_need(&self, part: &[u8]) {
        let start = part.as_ptr().addr();
        for map in self.maps.iter() {
            let base = map.bytes().as_ptr().addr();
            if let Some(offset) = start.checked_sub(base)
                && offset < map.bytes().len()
            {
                map.will_need(offset..offset.saturating_add(part.len()));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_mapped() {
        let store = FileStore::new();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"bytes").unwrap();
        assert_eq!(store.open(&path).unwrap().bytes, b"bytes");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(store.open(&path).unwrap().bytes, b"");
        for (path, what) in [(dir.path(), "a directory"), (Path::new("/dev/null"), "a device")] {
            let error = store.open(path).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
        let missing = store.open(&dir.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
