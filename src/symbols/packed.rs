//! Sections that may be compressed.

use flate2::{Decompress, FlushDecompress, Status};

use crate::base::file_store::FileStore;
use crate::base::limits::Limits;

/// A section's bytes as the file has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed<'f> {
    /// Plain bytes, or a compressed stream.
    pub(super) bytes: &'f [u8],
    packing: Packing,
    /// What the header claims that the stream expands to.
    size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Zlib,
    Zstd,
}

/// A section that claims to expand to more than this many times its size is
/// taken for a bomb. Debug sections compress to a third, tables of strides and
/// zeros to a tenth.
const MOST_EXPANSION: u64 = 64;

/// Small sections may expand to this much, whatever the ratio.
const ALWAYS_ALLOWED: u64 = 1 << 20;

impl<'f> Packed<'f> {
    /// Not compressed.
    pub(super) fn plain(bytes: &'f [u8]) -> Self {
        Self { bytes, packing: Packing::Plain, size: bytes.len() as u64 }
    }

    /// A zlib stream (RFC 1950) that claims to expand to `size` bytes.
    pub(super) fn zlib(bytes: &'f [u8], size: u64) -> Self {
        Self { bytes, packing: Packing::Zlib, size }
    }

    /// A zstd frame (RFC 8878) that claims to expand to `size` bytes.
    pub(super) fn zstd(bytes: &'f [u8], size: u64) -> Self {
        Self { bytes, packing: Packing::Zstd, size }
    }

    /// Whether reading it in whole costs more than looking at it.
    pub(super) fn is_compressed(&self) -> bool {
        self.packing != Packing::Plain
    }

    /// Whether it can be inflated piece by piece.
    pub(super) fn is_zlib(&self) -> bool {
        self.packing == Packing::Zlib
    }

    /// The expanded size in bytes, unless the claim is not believable.
    pub(super) fn expanded_size(&self, limits: &Limits) -> Option<usize> {
        let most = (self.bytes.len() as u64)
            .saturating_mul(MOST_EXPANSION)
            .max(ALWAYS_ALLOWED)
            .min(limits.section);
        let believable = self.packing == Packing::Plain || self.size <= most;
        believable.then(|| usize::try_from(self.size).ok()).flatten()
    }

    /// All bytes, inflated into `store` if they are compressed. `None`: the
    /// stream is damaged or too large.
    pub(super) fn whole(&self, store: &'f FileStore, limits: &Limits) -> Option<&'f [u8]> {
        let size = self.expanded_size(limits)?;
        let inflated = match self.packing {
            Packing::Plain => {
                store.will_need(self.bytes);
                return Some(self.bytes);
            }
            Packing::Zlib => {
                store.will_need(self.bytes);
                inflate(self.bytes, size)?
            }
            Packing::Zstd => {
                store.will_need(self.bytes);
                let data = object::CompressedData {
                    format: object::CompressionFormat::Zstandard,
                    data: self.bytes,
                    uncompressed_size: self.size,
                };
                data.decompress().ok()?.into_owned()
            }
        };
        Some(store.keep(inflated))
    }
}

/// Expands a zlib stream that must give exactly `size` bytes.
fn inflate(stream: &[u8], size: usize) -> Option<Vec<u8>> {
    // Zeroed pages cost nothing until the stream fills them.
    let mut out = vec![0; size];
    let mut inflater = Inflater::new(stream);
    let got = inflater.fill(&mut out)?;
    (got == size).then_some(out)
}

/// A zlib stream on its way.
pub(super) struct Inflater<'f> {
    state: Decompress,
    rest: &'f [u8],
    is_done: bool,
}

impl<'f> Inflater<'f> {
    /// At the start of `stream`.
    pub(super) fn new(stream: &'f [u8]) -> Self {
        Self { state: Decompress::new(true), rest: stream, is_done: false }
    }

    /// Fills `out` from its start, and returns how many bytes came: fewer only
    /// at the stream's end. `None`: the stream is damaged.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Option<usize> {
        let mut filled = 0_usize;
        while let Some(free) = out.get_mut(filled..)
            && !free.is_empty()
            && !self.is_done
        {
            let (in_before, out_before) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(self.rest, free, FlushDecompress::None).ok()?;
            let taken = usize::try_from(self.state.total_in().checked_sub(in_before)?).ok()?;
            let given = usize::try_from(self.state.total_out().checked_sub(out_before)?).ok()?;
            self.rest = self.rest.get(taken..)?;
            filled = filled.checked_add(given)?;
            match status {
                Status::StreamEnd => self.is_done = true,
                // Neither input nor output moved: the stream is cut.
                _ if taken == 0 && given == 0 => return None,
                _ => (),
            }
        }
        Some(filled)
    }
}
