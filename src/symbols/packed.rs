//! Sections that may be compressed.

use std::io::Read as _;

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

/// Bytes of memory that expanding an xz file may take: `xz -9` needs 65 MiB.
const MOST_XZ_MEMORY: u64 = 128 << 20;

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
        if self.packing == Packing::Plain {
            store.will_need(self.bytes);
            return Some(self.bytes);
        }
        store.made_of(self.bytes, size, || {
            store.will_need(self.bytes);
            self.inflated(size)
        })
    }

    /// The expanded bytes, `size` of them.
    fn inflated(&self, size: usize) -> Option<Vec<u8>> {
        match self.packing {
            Packing::Plain => Some(self.bytes.to_vec()),
            Packing::Zlib => inflate(self.bytes, size),
            Packing::Zstd => {
                let data = object::CompressedData {
                    format: object::CompressionFormat::Zstandard,
                    data: self.bytes,
                    uncompressed_size: self.size,
                };
                data.decompress().ok().map(|bytes| bytes.into_owned())
            }
        }
    }
}

/// Expands a zlib stream that must give `size` bytes.
fn inflate(stream: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Inflater::new(stream).fill(&mut out, size)?;
    out.truncate(size);
    (out.len() == size).then_some(out)
}

/// Expands an xz file. `None`: it is damaged, or expands to too much.
pub(super) fn unpack_xz(file: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let most = (file.len() as u64).saturating_mul(MOST_EXPANSION).max(ALWAYS_ALLOWED);
    let most = most.min(limits.section);
    let stream = liblzma::stream::Stream::new_stream_decoder(MOST_XZ_MEMORY, 0).ok()?;
    let reader = liblzma::read::XzDecoder::new_stream(file, stream);
    let mut out = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut out).ok()?;
    (out.len() as u64 <= most).then_some(out)
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

    /// Appends to `out` until it has `size` bytes, or the stream ends. There
    /// may be some more than that. `None`: the stream is damaged, and `out` has
    /// what came before.
    ///
    /// The memory is not cleared first: a page costs nothing until the stream
    /// fills it, so that a false claim of size does no harm.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, size: usize) -> Option<()> {
        out.try_reserve_exact(size.saturating_sub(out.len())).ok()?;
        while out.len() < size && !self.is_done {
            let (taken_before, given_before) = (self.state.total_in(), out.len());
            let status = self.state.decompress_vec(self.rest, out, FlushDecompress::None).ok()?;
            let taken = usize::try_from(self.state.total_in().checked_sub(taken_before)?).ok()?;
            self.rest = self.rest.get(taken..)?;
            match status {
                Status::StreamEnd => self.is_done = true,
                // Neither input nor output moved: the stream is cut.
                _ if taken == 0 && out.len() == given_before => return None,
                _ => (),
            }
        }
        Some(())
    }
}
