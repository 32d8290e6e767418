//! Cores as seekable zstd, read in place.
//!
//! The file is a row of zstd frames, each of a piece of the core, and a table
//! of their sizes in a skippable frame at the end. A read unpacks the frames
//! that it touches; the last ones stay unpacked.
//!
//! Source: Zstandard Seekable Format, version 0.1.0 (`contrib/seekable_format`
//! of zstd).
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use zeekstd::{BytesWrapper, SeekTable};
use zstd::bulk::Decompressor;

use crate::base::file_store::FileStore;

/// What every zstd frame begins with.
const FRAME_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
/// What ends the table of a seekable file.
const TABLE_MAGIC: &[u8] = b"\xb1\xea\x92\x8f";
/// Unpacked frames that are remembered, in bytes.
const CACHE: usize = 64 << 20;
/// A frame larger than this is not unpacked: a hostile file could ask for any
/// amount of memory. Seekable files have frames of some megabytes at most.
const LARGEST_FRAME: u64 = 64 << 20;
/// Headers and notes that are unpacked to stay, in bytes. Those of 50,000
/// threads fit.
const MOST_KEPT: u64 = 256 << 20;

/// A seekable file.
pub(super) struct Packed<'f> {
    bytes: &'f [u8],
    table: SeekTable,
    cache: Mutex<Cache>,
    store: &'f FileStore,
    kept: AtomicU64,
}

/// Frames by their number, each with the time of its last use.
#[derive(Default)]
struct Cache {
    frames: FxHashMap<u32, (Arc<[u8]>, u64)>,
    size: usize,
    clock: u64,
}

impl<'f> Packed<'f> {
    /// Opens `bytes`, a whole file of `store`. `None`: it is none, or has lost
    /// its table.
    pub(super) fn open(bytes: &'f [u8], store: &'f FileStore) -> Option<Self> {
        if !bytes.starts_with(FRAME_MAGIC) || !bytes.ends_with(TABLE_MAGIC) {
            return None;
        }
        let table = SeekTable::from_seekable(&mut BytesWrapper::new(bytes)).ok()?;
        // The sizes must be those of this file.
        if table.num_frames() == 0 || table.size_comp() > bytes.len() as u64 {
            return None;
        }
        let (cache, kept) = (Mutex::default(), AtomicU64::new(0));
        Some(Self { bytes, table, cache, store, kept })
    }

    /// Length of the core.
    pub(super) fn len(&self) -> u64 {
        self.table.size_decomp()
    }

    /// Copies bytes from `at` on, and returns how many were there. Damaged
    /// frames are absent, not zero.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> usize {
        let mut done = 0usize;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64).filter(|next| *next < self.len()) else {
                break;
            };
            let index = self.table.frame_index_decomp(next);
            let Ok(start) = self.table.frame_start_decomp(index) else { break };
            let Some(frame) = self.frame(index) else { break };
            let skip = usize::try_from(next.saturating_sub(start)).unwrap_or(usize::MAX);
            let found = frame.get(skip..).unwrap_or_default();
            let len = found.len().min(rest.len());
            if len == 0 {
                break;
            }
            rest.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
            done = done.saturating_add(len);
        }
        done
    }

    /// Bytes from `at` on, to stay. Fewer where the file, or a bound on memory,
    /// ends before.
    pub(super) fn part(&self, at: u64, len: u64) -> &'f [u8] {
        let there = len.min(self.len().saturating_sub(at));
        let before = self.kept.fetch_add(there, Ordering::Relaxed);
        let there = there.min(MOST_KEPT.saturating_sub(before));
        let mut bytes = vec![0; usize::try_from(there).unwrap_or(0)];
        let got = self.read(at, &mut bytes);
        bytes.truncate(got);
        self.store.keep(bytes)
    }

    fn frame(&self, index: u32) -> Option<Arc<[u8]>> {
        if let Some(frame) = self.cache().get(index) {
            return Some(frame);
        }
        // Unpacked without the lock: other threads want other frames.
        let frame = self.unpack(index)?;
        self.cache().put(index, &frame);
        Some(frame)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unpack(&self, index: u32) -> Option<Arc<[u8]>> {
        let at = |place: zeekstd::Result<u64>| usize::try_from(place.ok()?).ok();
        let start = at(self.table.frame_start_comp(index))?;
        let end = at(self.table.frame_end_comp(index))?;
        let packed = self.bytes.get(start..end)?;
        let size = self.table.frame_size_decomp(index).ok()?;
        let size = usize::try_from(size).ok().filter(|_| size <= LARGEST_FRAME)?;
        let plain = Decompressor::new().ok()?.decompress(packed, size).ok()?;
        (plain.len() == size).then(|| plain.into())
    }
}

impl Cache {
    fn get(&mut self, index: u32) -> Option<Arc<[u8]>> {
        self.clock = self.clock.saturating_add(1);
        let (frame, used) = self.frames.get_mut(&index)?;
        *used = self.clock;
        Some(Arc::clone(frame))
    }

    fn put(&mut self, index: u32, frame: &Arc<[u8]>) {
        let twice = self.frames.insert(index, (Arc::clone(frame), self.clock));
        self.size = self.size.saturating_add(frame.len());
        self.size = self.size.saturating_sub(twice.map_or(0, |(frame, _)| frame.len()));
        while self.size > CACHE && self.frames.len() > 1 {
            let oldest = self.frames.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(index, _)| *index) else { break };
            let gone = self.frames.remove(&oldest);
            self.size = self.size.saturating_sub(gone.map_or(0, |(frame, _)| frame.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seekable file of `frames`.
    fn packed(frames: &[&[u8]]) -> Vec<u8> {
        let mut table = SeekTable::new();
        let mut file = Vec::new();
        for frame in frames {
            let packed = zstd::bulk::compress(frame, 3).unwrap();
            table.log_frame(packed.len() as u32, frame.len() as u32).unwrap();
            file.extend(packed);
        }
        let mut serializer = table.into_serializer();
        let mut piece = [0; 100];
        loop {
            let len = serializer.write_into(&mut piece);
            if len == 0 {
                return file;
            }
            file.extend(&piece[..len]);
        }
    }

    #[test]
    fn reads_over_frames() {
        let file = packed(&[b"head", b"er and", b" notes"]);
        let store = FileStore::new();
        let packed = Packed::open(&file, &store).unwrap();
        assert_eq!(packed.len(), 16);
        let cases: &[(u64, usize, &[u8])] = &[
            (0, 4, b"head"),
            (2, 6, b"ader a"),
            (0, 99, b"header and notes"),
            (15, 4, b"s"),
            (16, 4, b""),
            (u64::MAX, 4, b""),
        ];
        for (at, len, want) in cases {
            let mut out = vec![0; *len];
            let got = packed.read(*at, &mut out);
            assert_eq!(&out[..got], *want, "{at}");
            assert_eq!(packed.part(*at, *len as u64), *want, "{at}");
        }
    }

    #[test]
    fn damage_is_absent_or_no_file() {
        let file = packed(&[b"head", b"er and", b" notes"]);
        let store = FileStore::new();
        for cut in 0..file.len() {
            assert!(Packed::open(&file[..cut], &store).is_none(), "{cut}");
        }
        for at in 0..file.len() {
            for bit in [1, 0x80] {
                let mut file = file.clone();
                file[at] ^= bit;
                // Whatever comes, it is not more than was there, and no panic.
                let store = FileStore::new();
                let Some(packed) = Packed::open(&file, &store) else { continue };
                let mut out = [0; 64];
                assert!(packed.read(0, &mut out) <= out.len());
            }
        }
        // A frame that says that it is larger than anybody's memory.
        let mut table = SeekTable::new();
        table.log_frame(4, u32::MAX).unwrap();
        let mut file = FRAME_MAGIC.to_vec();
        let mut end = [0; 64];
        let len = table.into_serializer().write_into(&mut end);
        file.extend(&end[..len]);
        let packed = Packed::open(&file, &store).unwrap();
        assert_eq!(packed.read(0, &mut [0; 8]), 0);
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = Cache::default();
        let frame: Arc<[u8]> = vec![0; 20 << 20].into();
        for index in 0..5 {
            cache.put(index, &frame);
            assert!(cache.get(0).is_some(), "it is used all the time");
        }
        assert_eq!((cache.frames.len(), cache.size), (3, 60 << 20));
        assert!(cache.get(1).is_none());
    }
}
