//! Kinds of compressed data, told by their first bytes.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use lz4_flex::frame::FrameDecoder;

/// A kind of compressed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Zstandard frames (RFC 8878).
    Zstd,
    /// The LZ4 frame format.
    Lz4,
    /// The .xz file format.
    Xz,
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
}

/// Dictionary of an .xz stream, in bytes: `xz -9` takes 65 MiB.
const MOST_XZ_MEMORY: u64 = 128 << 20;
/// Window of a zstd frame, as a power of two: what `zstd --long` takes.
const MOST_WINDOW: u32 = 27;

impl Codec {
    /// The kind of what begins so.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        const MAGICS: [(&[u8], Codec); 5] = [
            (b"\x28\xb5\x2f\xfd", Codec::Zstd),
            (b"\x04\x22\x4d\x18", Codec::Lz4),
            (b"\xfd7zXZ\0", Codec::Xz),
            (b"\x1f\x8b\x08", Codec::Gzip),
            (b"BZh", Codec::Bzip2),
        ];
        MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, codec)| *codec)
    }

    /// As people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
        }
    }

    /// Unpacks `input`, frame after frame.
    ///
    /// # Errors
    ///
    /// When the decoder cannot be made: it has no memory.
    pub(super) fn decoder<'i>(
        self,
        input: Box<dyn BufRead + Send + 'i>,
    ) -> io::Result<Box<dyn Read + Send + 'i>> {
        Ok(match self {
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(MOST_WINDOW)?;
                Box::new(decoder)
            }
            Self::Lz4 => Box::new(Lz4(FrameDecoder::new(Tail { input, last: 1 }))),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(MOST_XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(input, stream))
            }
            Self::Gzip => Box::new(MultiGzDecoder::new(input)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(input)),
        })
    }
}

/// Frames in a row. The decoder says the end of each as if it were that of all,
/// and says the same where the file is cut between blocks.
struct Lz4<R: BufRead>(FrameDecoder<Tail<R>>);

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let got = self.0.read(out)?;
            if got > 0 || out.is_empty() {
                return Ok(got);
            }
            let tail = self.0.get_mut();
            if tail.input.fill_buf()?.is_empty() {
                return if tail.is_end() {
                    Ok(0)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }
}

/// Remembers the last eight bytes, the last one lowest.
struct Tail<R> {
    input: R,
    last: u64,
}

impl<R> Tail<R> {
    /// Whether a frame may end here: with an empty block, and perhaps a
    /// checksum of four bytes. Source: LZ4 Frame Format, "EndMark".
    fn is_end(&self) -> bool {
        self.last & 0xffff_ffff == 0 || self.last >> 32 == 0
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(out)?;
        let read = out.get(..got).unwrap_or_default();
        for byte in read.get(got.saturating_sub(8)..).unwrap_or_default() {
            self.last = self.last.wrapping_shl(8) | u64::from(*byte);
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn packed(codec: Codec, plain: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Zstd => zstd::bulk::compress(plain, 3).unwrap(),
            Codec::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Xz => {
                let mut out = Vec::new();
                liblzma::read::XzEncoder::new(plain, 1).read_to_end(&mut out).unwrap();
                out
            }
            Codec::Gzip => {
                let mut out = Vec::new();
                let level = flate2::Compression::fast();
                flate2::read::GzEncoder::new(plain, level).read_to_end(&mut out).unwrap();
                out
            }
            Codec::Bzip2 => {
                let mut out = Vec::new();
                let level = bzip2::Compression::fast();
                bzip2::read::BzEncoder::new(plain, level).read_to_end(&mut out).unwrap();
                out
            }
        }
    }

    const ALL: [Codec; 5] = [Codec::Zstd, Codec::Lz4, Codec::Xz, Codec::Gzip, Codec::Bzip2];

    fn unpacked(codec: Codec, bytes: &[u8]) -> (Vec<u8>, Option<io::Error>) {
        let mut out = Vec::new();
        let mut decoder = codec.decoder(Box::new(bytes)).unwrap();
        let mut piece = [0; 1000];
        loop {
            match decoder.read(&mut piece) {
                Ok(0) => return (out, None),
                Ok(got) => out.extend(&piece[..got]),
                Err(error) => return (out, Some(error)),
            }
        }
    }

    #[test]
    fn all_kinds_in_a_row() {
        let plain: Vec<u8> = (0..100_000_u32).flat_map(|word| (word / 9).to_le_bytes()).collect();
        for codec in ALL {
            let once = packed(codec, &plain);
            assert_eq!(Codec::of(&once), Some(codec));
            let (out, error) = unpacked(codec, &once);
            assert!(out == plain && error.is_none(), "{codec:?}: {error:?}");
            let twice = [once.clone(), once].concat();
            let (out, error) = unpacked(codec, &twice);
            assert!(out == [&plain[..], &plain].concat(), "{codec:?} twice: {error:?}");
        }
    }

    #[test]
    fn damage_keeps_what_came_before_it() {
        let plain: Vec<u8> = (0..400_000_u32).flat_map(|word| (word / 9).to_le_bytes()).collect();
        for codec in ALL {
            let whole = packed(codec, &plain);
            for cut in [0, 3, 7, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
                let (out, error) = unpacked(codec, &whole[..cut]);
                assert!(plain.starts_with(&out), "{codec:?} cut at {cut}");
                assert!(error.is_some() || cut == 0 || out == plain, "{codec:?} cut at {cut}");
            }
            for at in (0..whole.len()).step_by(whole.len() / 200 + 1) {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x41;
                // No panic, no end without an end.
                let (out, _) = unpacked(codec, &bytes);
                assert!(out.len() <= plain.len() * 64, "{codec:?} at {at}");
            }
        }
    }
}
