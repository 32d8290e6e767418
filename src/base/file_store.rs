//! The owner of all bytes that an analysis borrows.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use elsa::sync::FrozenVec;

use crate::base::file_map::FileMap;
use crate::base::inflated::{Inflated, Key};

/// An append-only owner of maps and buffers. It lives in the caller's frame;
/// every phase borrows `&'f [u8]` from it.
#[derive(Default)]
pub struct FileStore {
    maps: FrozenVec<Box<FileMap>>,
    buffers: FrozenVec<Box<[u8]>>,
    /// What other stores inflated, and where it comes from.
    lent: FrozenVec<Arc<Vec<u8>>>,
    shared: Option<Arc<Inflated>>,
    attached: FrozenVec<Box<Attached>>,
    scratch: OnceLock<File>,
}

/// A file that came inside of another one: a binary in a tar with a core.
struct Attached {
    name: PathBuf,
    /// The map, or else the buffer, that holds it, by its number.
    in_map: bool,
    owner: usize,
    range: Range<usize>,
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

    /// An empty store that takes inflated sections from `shared`, and adds its own.
    pub fn sharing(shared: Arc<Inflated>) -> Self {
        Self { shared: Some(shared), ..Self::default() }
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
        let map = self.maps.push_get(Box::new(FileMap::new(file, &metadata)?));
        Ok(StoredFile { bytes: map.bytes(), modified })
    }

    /// Keeps bytes that were made, not mapped: an inflated section, say.
    pub fn keep(&self, bytes: Vec<u8>) -> &[u8] {
        self.buffers.push_get(bytes.into_boxed_slice())
    }

    /// Whether inflating `len` bytes in whole serves other stores, too.
    pub fn shares(&self, len: usize) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.takes(len))
    }

    /// What `make` makes of `part`, bytes of a file of this store, `len` of them.
    /// Made once for all stores that share. `None`: it cannot be made.
    pub fn made_of(
        &self,
        part: &[u8],
        len: usize,
        make: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<&[u8]> {
        let shared = self.shared.as_ref().filter(|shared| shared.takes(len));
        let Some((shared, key)) = shared.zip(self.key(part)) else {
            return make().map(|bytes| self.keep(bytes));
        };
        let bytes = shared.get(key, make)?;
        Some(self.lent.push_get(bytes))
    }

    /// The place of bytes that a file of this store has.
    fn key(&self, part: &[u8]) -> Option<Key> {
        let (index, range) = place(part, self.maps.iter().map(FileMap::bytes))?;
        let file = self.maps.get(index)?.identity()?;
        Some(Key { file, offset: range.start, len: range.len() })
    }

    /// How many files were opened, how many bytes they have, and how many
    /// bytes were made: inflated or copied.
    pub fn statistics(&self) -> (usize, u64, u64) {
        let mapped = self.maps.iter().map(|map| map.bytes().len() as u64).sum();
        let kept = self.buffers.iter().map(|bytes| bytes.len() as u64);
        let made = kept.chain(self.lent.iter().map(|bytes| bytes.len() as u64)).sum();
        (self.maps.iter().count(), mapped, made)
    }

    /// Lends a file for what is unpacked and must be read at random: an
    /// unlinked one, or one in memory. The first one given stays.
    pub fn lend_scratch(&self, file: File) {
        let _first = self.scratch.set(file);
    }

    /// Length of the lent file; `None`: none was lent.
    pub fn scratch_len(&self) -> Option<u64> {
        self.scratch.get().and_then(|file| Some(file.metadata().ok()?.len()))
    }

    /// Writes into the lent file.
    ///
    /// # Errors
    ///
    /// What the system says: the disk is full, or nothing was lent.
    pub fn write_scratch(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let file = self.scratch.get().ok_or(io::ErrorKind::NotFound)?;
        file.write_all_at(bytes, at)
    }

    /// Maps the lent file, as long as it is now.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn map_scratch(&self) -> io::Result<&[u8]> {
        let file = self.scratch.get().ok_or(io::ErrorKind::NotFound)?;
        self.map(file).map(|stored| stored.bytes)
    }

    /// Reads `part`, bytes of a file of this store, once and in order, without
    /// its pages becoming memory of this process. Other bytes are read as they
    /// are.
    pub fn sequential<'f>(&'f self, part: &'f [u8]) -> Sequential<'f> {
        let owner = place(part, self.maps.iter().map(FileMap::bytes));
        let map = owner.and_then(|(index, range)| Some((self.maps.get(index)?, range.start)));
        Sequential { part, map, at: 0, ready: 0 }
    }

    /// Says that `part`, bytes of this store, are the file `name`, which came
    /// with the core. Bytes of other origin are ignored.
    pub fn attach(&self, name: PathBuf, part: &[u8]) {
        let in_maps = place(part, self.maps.iter().map(FileMap::bytes));
        let found = match in_maps {
            Some((owner, range)) => Some((true, owner, range)),
            None => place(part, self.buffers.iter()).map(|(owner, range)| (false, owner, range)),
        };
        if let Some((in_map, owner, range)) = found {
            self.attached.push(Box::new(Attached { name, in_map, owner, range }));
        }
    }

    /// The files that came with the core.
    pub fn attached(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.attached.iter().filter_map(|file| {
            let owner = match file.in_map {
                true => self.maps.get(file.owner)?.bytes(),
                false => self.buffers.get(file.owner)?,
            };
            Some((file.name.as_path(), owner.get(file.range.clone())?))
        })
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

/// Which of `owners` holds `part`, and where.
fn place<'o>(part: &[u8], owners: impl Iterator<Item = &'o [u8]>) -> Option<(usize, Range<usize>)> {
    let start = part.as_ptr().addr();
    owners.enumerate().find_map(|(index, owner)| {
        let offset = start.checked_sub(owner.as_ptr().addr())?;
        let end = offset.checked_add(part.len())?;
        (end <= owner.len() && offset < owner.len()).then_some((index, offset..end))
    })
}

/// Bytes of a [`FileStore`], in order; see [`FileStore::sequential`].
pub struct Sequential<'f> {
    part: &'f [u8],
    /// The map, and where in it the part begins.
    map: Option<(&'f FileMap, usize)>,
    at: usize,
    /// Up to here the pages were asked for.
    ready: usize,
}

/// How much is asked for, and let go, at a time.
const PIECE: usize = 4 << 20;

impl Sequential<'_> {
    fn advance(&mut self) {
        let Some((map, start)) = self.map else {
            self.ready = self.part.len();
            return;
        };
        let next = self.ready.saturating_add(PIECE).min(self.part.len());
        map.will_need(start.saturating_add(self.ready)..start.saturating_add(next));
        let done = start.saturating_add(self.ready.saturating_sub(PIECE));
        map.release(done..start.saturating_add(self.ready));
        self.ready = next;
    }
}

impl BufRead for Sequential<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.ready {
            self.advance();
        }
        Ok(self.part.get(self.at..self.ready).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount).min(self.ready);
    }
}

impl Read for Sequential<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.fill_buf()?.read(out)?;
        self.consume(got);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_in_order() {
        let (store, dir) = (FileStore::new(), tempfile::tempdir().unwrap());
        let bytes: Vec<u8> = (0..PIECE * 2 + 77).map(|at| (at / 4096) as u8).collect();
        std::fs::write(dir.path().join("file"), &bytes).unwrap();
        let file = store.open(&dir.path().join("file")).unwrap();
        for start in [0, 1, 5000, PIECE, bytes.len()] {
            let mut out = Vec::new();
            store.sequential(&file.bytes[start..]).read_to_end(&mut out).unwrap();
            assert!(out == bytes[start..], "from {start}");
        }
        let mut out = Vec::new();
        store.sequential(b"no file").read_to_end(&mut out).unwrap();
        assert_eq!(out, b"no file");
        assert!(file.bytes == bytes, "what was let go is there again");
    }

    #[test]
    fn files_come_with_files() {
        let (store, dir) = (FileStore::new(), tempfile::tempdir().unwrap());
        std::fs::write(dir.path().join("tar"), b"head program").unwrap();
        let tar = store.open(&dir.path().join("tar")).unwrap();
        let kept = store.keep(b"library".to_vec());
        store.attach("a".into(), &tar.bytes[5..]);
        store.attach("b".into(), kept);
        store.attach("c".into(), b"not of this store");
        let found: Vec<_> = store.attached().collect();
        assert_eq!(found, [(Path::new("a"), &b"program"[..]), (Path::new("b"), b"library")]);
    }

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
