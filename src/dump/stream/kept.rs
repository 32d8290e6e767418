//! What was kept of a core that was read once.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::file_store::FileStore;

/// Bytes that are copied to stay. Only what lies in two pieces is copied.
const MOST_COPIED: u64 = 64 << 20;

/// A run of bytes of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where in the core.
    pub(super) at: u64,
    /// How many bytes.
    pub(super) len: u64,
    /// Where in the scratch file; `None`: all of them are zero.
    pub(super) place: Option<u64>,
}

impl Extent {
    fn end(&self) -> u64 {
        self.at.saturating_add(self.len)
    }
}

/// Extents in the order of the core.
#[derive(Debug, Default)]
pub(super) struct Extents(Vec<Extent>);

/// More pieces than this are not remembered; what comes then is absent.
const MOST_EXTENTS: usize = 1 << 20;

impl Extents {
    /// Adds one behind the others. Returns whether there was room for it.
    pub(super) fn push(&mut self, next: Extent) -> bool {
        if let Some(last) = self.0.last_mut()
            && last.end() == next.at
        {
            let goes_on = match (last.place, next.place) {
                (Some(last_place), Some(place)) => last_place.checked_add(last.len) == Some(place),
                (None, None) => true,
                _ => false,
            };
            if goes_on {
                last.len = last.len.saturating_add(next.len);
                return true;
            }
        }
        let has_room = self.0.len() < MOST_EXTENTS;
        if has_room {
            self.0.push(next);
        }
        has_room
    }
}

/// The kept parts of a core.
pub(crate) struct Kept<'f> {
    store: &'f FileStore,
    bytes: &'f [u8],
    extents: Extents,
    len: u64,
    is_compressed: bool,
    copied: AtomicU64,
}

impl<'f> Kept<'f> {
    /// Of a core of `len` bytes, of which `bytes` were kept.
    pub(super) fn new(
        store: &'f FileStore,
        bytes: &'f [u8],
        extents: Extents,
        len: u64,
        is_compressed: bool,
    ) -> Self {
        Self { store, bytes, extents, len, is_compressed, copied: AtomicU64::new(0) }
    }

    /// Length of the core, as far as it came.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether it was unpacked.
    pub(crate) fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    fn extent(&self, at: u64) -> Option<&Extent> {
        let after = self.extents.0.partition_point(|extent| extent.at <= at);
        let extent = self.extents.0.get(after.checked_sub(1)?)?;
        (at < extent.end()).then_some(extent)
    }

    fn slice(&self, place: u64, len: u64) -> &'f [u8] {
        let start = usize::try_from(place).unwrap_or(usize::MAX);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        rest.get(..len.min(rest.len())).unwrap_or_default()
    }

    /// Copies bytes from `at` on, and returns how many were there.
    pub(crate) fn read(&self, at: u64, out: &mut [u8]) -> usize {
        let mut done = 0usize;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64) else { break };
            let Some(extent) = self.extent(next) else { break };
            let skip = next.saturating_sub(extent.at);
            let there = extent.len.saturating_sub(skip).min(rest.len() as u64);
            let count = usize::try_from(there).unwrap_or(0);
            let target = rest.get_mut(..count).unwrap_or_default();
            match extent.place {
                Some(place) => {
                    let found = self.slice(place.saturating_add(skip), there);
                    if found.len() < count {
                        break;
                    }
                    target.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
                }
                None => target.fill(0),
            }
            done = done.saturating_add(count);
        }
        done
    }

    /// Bytes from `at` on, to stay; fewer where not all were kept.
    pub(crate) fn part(&self, at: u64, len: u64) -> &'f [u8] {
        let len = len.min(self.len.saturating_sub(at));
        if let Some(extent) = self.extent(at)
            && let Some(place) = extent.place
            && at.saturating_add(len) <= extent.end()
        {
            return self.slice(place.saturating_add(at.saturating_sub(extent.at)), len);
        }
        let before = self.copied.fetch_add(len, Ordering::Relaxed);
        let len = len.min(MOST_COPIED.saturating_sub(before));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = self.read(at, &mut bytes);
        bytes.truncate(got);
        self.store.keep(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_not_zero() {
        let store = FileStore::new();
        let mut extents = Extents::default();
        for (at, len, place) in [
            (0, 4, Some(0)),
            (4, 4, Some(4)),
            (8, 4, None),
            (12, 4, None),
            (16, 2, Some(8)),
            (30, 2, Some(10)),
        ] {
            assert!(extents.push(Extent { at, len, place }));
        }
        assert_eq!(extents.0.len(), 4, "neighbors are one");
        let kept = Kept::new(&store, b"abcdefghijkl", extents, 40, true);
        let cases: &[(u64, u64, &[u8])] = &[
            (0, 8, b"abcdefgh"),
            (6, 6, b"gh\0\0\0\0"),
            (14, 99, b"\0\0ij"),
            (18, 4, b""),
            (30, 4, b"kl"),
            (40, 4, b""),
            (u64::MAX, 9, b""),
        ];
        for (at, len, want) in cases {
            assert_eq!(kept.part(*at, *len), *want, "{at}");
            let mut out = vec![1; *len as usize];
            let got = kept.read(*at, &mut out);
            assert_eq!(&out[..got], *want, "{at}");
        }
    }
}
