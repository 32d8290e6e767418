//! The bytes of a core file, as they lie in it or compressed.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::Arc;

use crate::dump::compressed::Packed;
use crate::dump::stream::Kept;

/// A core file's bytes, wherever they come from.
#[derive(Clone)]
pub(super) enum Contents<'f> {
    /// The mapped file itself.
    Mapped(&'f [u8]),
    /// What the mapped file unpacks to.
    Packed(Arc<Packed<'f>>),
    /// What was kept of a stream.
    Kept(Arc<Kept<'f>>),
}

impl<'f> Contents<'f> {
    pub(super) fn is_compressed(&self) -> bool {
        match self {
            Self::Mapped(_) => false,
            Self::Packed(_) => true,
            Self::Kept(kept) => kept.is_compressed(),
        }
    }

    /// Length of the core.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Mapped(bytes) => bytes.len() as u64,
            Self::Packed(packed) => packed.len(),
            Self::Kept(kept) => kept.len(),
        }
    }

    /// Bytes from `at` on: those of the `len` that are there. For headers and
    /// notes; of a compressed core they are copied.
    pub(super) fn part(&self, at: u64, len: u64) -> &'f [u8] {
        match self {
            Self::Mapped(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX);
                let rest = bytes.get(start..).unwrap_or_default();
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
                rest.get(..len).unwrap_or_default()
            }
            Self::Packed(packed) => packed.part(at, len),
            Self::Kept(kept) => kept.part(at, len),
        }
    }

    /// Copies bytes from `at` on, and returns how many were there.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> usize {
        match self {
            Self::Mapped(_) => {
                let found = self.part(at, out.len() as u64);
                for (to, from) in out.iter_mut().zip(found) {
                    *to = *from;
                }
                found.len()
            }
            Self::Packed(packed) => packed.read(at, out),
            Self::Kept(kept) => kept.read(at, out),
        }
    }
}
