//! Cores as seekable zstd: many small frames and a table at the end, so that a
//! few pages of a large core can be read without unpacking the rest. Every
//! `unzstd` unpacks it, too.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use nix::unistd::{Whence, lseek64};
use rayon::prelude::*;
use zeekstd::SeekTable;
use zstd::bulk::Compressor;
use zstd::stream::raw::CParameter;

use crate::triage::digest::Digest;

/// Bytes of the core in one frame: what reading one byte costs. Larger ones
/// are hardly smaller on disk.
const FRAME: usize = 256 << 10;
/// Frames that are compressed at a time, on all processors.
const BATCH: usize = 32;
/// Level 3 is zstd's own choice: higher ones cost more than they save.
const LEVEL: i32 = 3;
/// Holes are left for pages that are zero.
const PAGE: usize = 4096;

/// Compresses the core `from` into the empty file `to`, and returns the digest
/// of what was written.
///
/// # Errors
///
/// What the system says.
pub fn pack(from: &File, to: &File) -> io::Result<String> {
    let length = from.metadata()?.len();
    let mut out = Output { file: BufWriter::new(to), digest: Digest::new() };
    let mut table = SeekTable::new();
    let nothing = compressed(&vec![0; FRAME])?;
    let mut buffer = vec![0; FRAME * BATCH];
    let mut at = 0;
    let mut data = next_data(from, 0, length)?;
    while at < length {
        if data >= at + FRAME as u64 {
            // A hole reads as zeros: one frame of them does for all.
            out.write(&nothing)?;
            log(&mut table, nothing.len(), FRAME)?;
            at += FRAME as u64;
            continue;
        }
        let whole = usize::try_from(length - at).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = buffer.get_mut(..whole).unwrap_or_default();
        from.read_exact_at(bytes, at)?;
        let frames: Vec<io::Result<Vec<u8>>> = bytes.par_chunks(FRAME).map(compressed).collect();
        for (frame, bytes) in frames.into_iter().zip(bytes.chunks(FRAME)) {
            let frame = frame?;
            out.write(&frame)?;
            log(&mut table, frame.len(), bytes.len())?;
        }
        at += whole as u64;
        data = next_data(from, at, length)?;
    }
    let mut serializer = table.into_serializer();
    let mut piece = [0; 4096];
    loop {
        let len = serializer.write_into(&mut piece);
        if len == 0 {
            break;
        }
        out.write(piece.get(..len).unwrap_or_default())?;
    }
    out.file.flush()?;
    Ok(out.digest.finish())
}

struct Output<'f> {
    file: BufWriter<&'f File>,
    digest: Digest,
}

impl Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.add(bytes);
        self.file.write_all(bytes)
    }
}

/// Writes down one frame.
fn log(table: &mut SeekTable, compressed: usize, plain: usize) -> io::Result<()> {
    let sizes = u32::try_from(compressed).and_then(|packed| Ok((packed, u32::try_from(plain)?)));
    let (compressed, plain) = sizes.map_err(io::Error::other)?;
    table.log_frame(compressed, plain).map_err(io::Error::other)
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(LEVEL)?;
    // Damage on the disk is then seen, and not shown as memory.
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.compress(bytes)
}

/// Where the next bytes are that may not be zero, from `at` on.
fn next_data(file: &File, at: u64, length: u64) -> io::Result<u64> {
    let from = i64::try_from(at).map_err(io::Error::other)?;
    match lseek64(file.as_fd(), from, Whence::SeekData) {
        Ok(found) => Ok(u64::try_from(found).unwrap_or(at)),
        // Only holes up to the end.
        Err(nix::errno::Errno::ENXIO) => Ok(length),
        // A file system without holes.
        Err(nix::errno::Errno::EINVAL) => Ok(at),
        Err(error) => Err(error.into()),
    }
}

/// Unpacks a core that [`pack`] wrote into the empty file `to`, which stays
/// sparse, and returns its length.
///
/// # Errors
///
/// What the system says.
pub fn unpack(from: &File, to: &File) -> io::Result<u64> {
    let mut reader = zstd::stream::Decoder::new(from)?;
    let mut buffer = vec![0; FRAME];
    let mut at = 0;
    loop {
        let len = read_full(&mut reader, &mut buffer)?;
        let bytes = buffer.get(..len).unwrap_or_default();
        at = write_sparse(to, bytes, at)?;
        if len < buffer.len() {
            break;
        }
    }
    // The end may be a hole.
    to.set_len(at)?;
    Ok(at)
}

/// Copies a sparse core, and returns its length.
///
/// # Errors
///
/// What the system says.
pub fn copy_sparse(from: &File, to: &File) -> io::Result<u64> {
    let length = from.metadata()?.len();
    let mut buffer = vec![0; FRAME];
    let mut at = next_data(from, 0, length)?;
    while at < length {
        let len = usize::try_from(length - at).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = buffer.get_mut(..len).unwrap_or_default();
        from.read_exact_at(bytes, at)?;
        write_sparse(to, bytes, at)?;
        at = next_data(from, at + len as u64, length)?;
    }
    to.set_len(length)?;
    Ok(length)
}

fn write_sparse(to: &File, bytes: &[u8], mut at: u64) -> io::Result<u64> {
    for page in bytes.chunks(PAGE) {
        if page.iter().any(|byte| *byte != 0) {
            to.write_all_at(page, at)?;
        }
        at += page.len() as u64;
    }
    Ok(at)
}

fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(len) => done += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_core_comes_back_sparse() {
        let core = tempfile::tempfile().unwrap();
        core.write_all_at(b"head", 0).unwrap();
        core.write_all_at(&[7; 10_000], 20 << 20).unwrap();
        core.set_len((60 << 20) + 5).unwrap();
        let packed = tempfile::NamedTempFile::new().unwrap();
        let digest = pack(&core, packed.as_file()).unwrap();
        let bytes = std::fs::read(packed.path()).unwrap();
        assert_eq!(digest, crate::triage::digest::digest(&bytes));
        assert!(bytes.len() < 40_000, "{}", bytes.len());

        let back = tempfile::tempfile().unwrap();
        let length = unpack(&File::open(packed.path()).unwrap(), &back).unwrap();
        assert_eq!(length, core.metadata().unwrap().len());
        let copy = tempfile::tempfile().unwrap();
        copy_sparse(&core, &copy).unwrap();
        for file in [&back, &copy] {
            assert!(super::super::place::on_disk(&file.metadata().unwrap()) < 1 << 20);
            let (mut want, mut got) = (vec![0; 1 << 20], vec![0; 1 << 20]);
            for at in (0..60 << 20).step_by(1 << 20) {
                core.read_exact_at(&mut want, at).unwrap();
                file.read_exact_at(&mut got, at).unwrap();
                assert!(want == got, "at {at}");
            }
        }
    }
}
