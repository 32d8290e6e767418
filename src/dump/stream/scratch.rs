//! Where what is kept of a stream lies meanwhile.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::io;

use crate::base::file_store::FileStore;

/// Parts of maps begin at multiples of this.
const PAGE: u64 = 4096;
/// Written at once.
const BUFFER: usize = 1 << 20;

/// Bytes in the order in which they came: in the file that the store was lent,
/// or else in memory.
pub(super) struct Scratch<'f> {
    store: &'f FileStore,
    is_file: bool,
    /// Where in the file the first byte is: behind what others keep there.
    base: u64,
    /// Bytes that are in the file.
    written: u64,
    buffer: Vec<u8>,
}

impl<'f> Scratch<'f> {
    /// An empty one.
    pub(super) fn new(store: &'f FileStore) -> Self {
        let length = store.scratch_len();
        let base = length.and_then(|length| length.checked_next_multiple_of(PAGE));
        Self {
            store,
            is_file: length.is_some(),
            base: base.unwrap_or(0),
            written: 0,
            buffer: Vec::new(),
        }
    }

    /// Whether there is a file.
    pub(super) fn is_file(&self) -> bool {
        self.is_file
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.written.saturating_add(self.buffer.len() as u64)
    }

    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// When they cannot be written: the disk is full.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Goes on at a multiple of a page.
    pub(super) fn align(&mut self) -> io::Result<()> {
        let missing = self.len().wrapping_neg() & (PAGE.wrapping_sub(1));
        self.append(&vec![0; usize::try_from(missing).unwrap_or(0)])
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_file {
            return Ok(());
        }
        self.store.write_scratch(&self.buffer, self.base.saturating_add(self.written))?;
        self.written = self.len();
        self.buffer.clear();
        Ok(())
    }

    /// All of it, to be read from now on.
    ///
    /// # Errors
    ///
    /// When it cannot be written or mapped.
    pub(super) fn finish(mut self) -> io::Result<&'f [u8]> {
        if !self.is_file {
            return Ok(self.store.keep(self.buffer));
        }
        self.flush()?;
        if self.written == 0 {
            return Ok(&[]);
        }
        let bytes = self.store.map_scratch()?;
        let start = usize::try_from(self.base).unwrap_or(usize::MAX);
        let length = usize::try_from(self.written).unwrap_or(usize::MAX);
        let rest = bytes.get(start..).unwrap_or_default();
        rest.get(..length).ok_or_else(|| io::Error::other("the scratch file was cut"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_memory_and_file() {
        for is_file in [false, true] {
            let store = FileStore::new();
            if is_file {
                store.lend_scratch(tempfile::tempfile().unwrap());
            }
            for round in 0..3 {
                let mut scratch = Scratch::new(&store);
                assert_eq!(scratch.is_file(), is_file);
                let bytes: Vec<u8> = (0..BUFFER + 5).map(|at| (at % 251) as u8 + round).collect();
                for piece in bytes.chunks(100_000) {
                    scratch.append(piece).unwrap();
                }
                scratch.align().unwrap();
                scratch.append(b"end").unwrap();
                let end = scratch.len();
                let all = scratch.finish().unwrap();
                assert_eq!(all.len() as u64, end);
                assert!(all.starts_with(&bytes) && all.ends_with(b"end"), "{is_file} {round}");
                assert_eq!((all.len() - 3) % 4096, 0);
            }
        }
    }
}
