//! Members of a tar.
//!
//! A header of 512 bytes: the name at 0 (100 bytes), the size at 124 (12 bytes,
//! octal, or with the highest bit set binary), the checksum at 148 (8 bytes),
//! the kind at 156, `ustar` at 257, a prefix of the name at 345 (155 bytes).
//! Then the bytes, padded to 512. Long names come in a member of their own of
//! kind `L` (GNU), or in a record `path` of one of kind `x` (POSIX), where
//! `size` may be, too. Source: POSIX.1-2017, pax, "ustar Interchange Format";
//! GNU tar manual, "Basic Tar Format".
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::io::{self, BufRead, Read as _};
use std::path::PathBuf;

/// Size of a block.
const BLOCK: u64 = 512;
/// A member that holds a name.
const MOST_NAME: u64 = 64 << 10;
/// More members are not looked at.
const MOST_MEMBERS: usize = 1_000_000;

/// Whether `head` is the first block of a tar.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar") && checksum_fits(head)
}

/// The sum of all bytes of the header, its own field taken as blanks.
fn checksum_fits(head: &[u8]) -> bool {
    let Some(block) = head.get(..512) else { return false };
    let sum = block.iter().enumerate().fold(0u64, |sum, (at, byte)| {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        sum.saturating_add(u64::from(byte))
    });
    number(block.get(148..156).unwrap_or_default()) == Some(sum)
}

/// A regular file of a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: PathBuf,
    /// Where its bytes are in the tar.
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// Goes through the regular files of a tar. `take` reads as much of each as it
/// likes, and says whether it wants more of them.
///
/// # Errors
///
/// What reading says; that the tar is cut; that a header makes no sense.
pub(super) fn members(
    input: &mut (dyn BufRead + Send),
    mut take: impl FnMut(&Member, &mut (dyn BufRead + Send)) -> bool,
) -> io::Result<()> {
    let mut long = Member { name: PathBuf::new(), offset: 0, size: 0 };
    let mut offset = 0u64;
    for _ in 0..MOST_MEMBERS {
        let mut block = Vec::new();
        input.take(BLOCK).read_to_end(&mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            // The end, with or without its two empty blocks.
            return Ok(());
        }
        if !checksum_fits(&block) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a header of the tar is damaged",
            ));
        }
        offset = offset.saturating_add(BLOCK);
        let field = |from: usize, to: usize| block.get(from..to).unwrap_or_default();
        let kind = field(156, 157).first().copied().unwrap_or(0);
        let mut size = number(field(124, 136)).unwrap_or(0);
        let padding = |size: u64| size.wrapping_neg() & BLOCK.wrapping_sub(1);
        match kind {
            b'L' | b'x' if size <= MOST_NAME => {
                let mut text = Vec::new();
                input.take(size).read_to_end(&mut text)?;
                skip(input, padding(size))?;
                offset = offset.saturating_add(size).saturating_add(padding(size));
                if kind == b'L' {
                    long.name = path(until_nul(&text));
                } else {
                    pax(&text, &mut long);
                }
                continue;
            }
            b'0' | 0 | b'7' => {
                let mut name = until_nul(field(345, 500)).to_vec();
                if !name.is_empty() {
                    name.push(b'/');
                }
                name.extend(until_nul(field(0, 100)));
                let mut member = Member { name: path(&name), offset, size };
                if !long.name.as_os_str().is_empty() {
                    member.name = std::mem::take(&mut long.name);
                }
                if long.size > 0 {
                    member.size = std::mem::take(&mut long.size);
                }
                size = member.size;
                let mut bytes = input.take(size);
                let goes_on = take(&member, &mut bytes);
                let rest = bytes.limit();
                if !goes_on {
                    return Ok(());
                }
                skip(input, rest.saturating_add(padding(size)))?;
                offset = offset.saturating_add(size).saturating_add(padding(size));
            }
            // Of links and directories the size says nothing.
            b'1'..=b'6' => (),
            _ => {
                skip(input, size.saturating_add(padding(size)))?;
                offset = offset.saturating_add(size).saturating_add(padding(size));
            }
        }
        long = Member { name: PathBuf::new(), offset: 0, size: 0 };
    }
    Ok(())
}

/// Goes on without looking: bytes of a map are not even read.
fn skip(input: &mut dyn BufRead, mut len: u64) -> io::Result<()> {
    while len > 0 {
        let there = input.fill_buf()?.len();
        if there == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let used = usize::try_from(len).unwrap_or(usize::MAX).min(there);
        input.consume(used);
        len = len.saturating_sub(used as u64);
    }
    Ok(())
}

fn path(bytes: &[u8]) -> PathBuf {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A field of octal digits, or of 64 bits with a mark in front.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let low = field.get(field.len().checked_sub(8)?..)?;
        return low
            .first_chunk()
            .map(|bytes| u64::from_be_bytes(*bytes))
            .filter(|it| *it < 1 << 62);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|char| char == ' ' || char == '\0');
    u64::from_str_radix(digits, 8).ok()
}

/// Records `LENGTH KEY=VALUE\n`.
fn pax(mut text: &[u8], long: &mut Member) {
    while let Some(space) = text.iter().position(|byte| *byte == b' ') {
        let length = text.get(..space).and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(length) = length.and_then(|digits| digits.parse::<usize>().ok()) else { break };
        let record = text.get(space..length).unwrap_or_default();
        let record = record.strip_prefix(b" ").and_then(|record| record.strip_suffix(b"\n"));
        let Some(record) = record else { break };
        if let Some(name) = record.strip_prefix(b"path=") {
            long.name = path(name);
        } else if let Some(size) = record.strip_prefix(b"size=") {
            let size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
            long.size = size.unwrap_or(0);
        }
        text = text.get(length..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, kind: u8, size: &str) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..124 + size.len()].copy_from_slice(size.as_bytes());
        block[156] = kind;
        block[257..262].copy_from_slice(b"ustar");
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    fn file(name: &str, kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = header(name, kind, &format!("{:011o}", bytes.len()));
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    fn list(tar: &[u8]) -> (Vec<(String, Vec<u8>)>, Option<String>) {
        let mut found = Vec::new();
        let mut input = tar;
        let done = members(&mut input, |member, bytes| {
            let mut all = Vec::new();
            // The first bytes only: the rest is skipped.
            bytes.take(5).read_to_end(&mut all).unwrap();
            found.push((member.name.display().to_string(), all));
            true
        });
        (found, done.err().map(|error| error.to_string()))
    }

    #[test]
    fn members_and_their_names() {
        let mut tar = file("dir/", b'5', b"");
        tar.extend(file("short", b'0', b"hello world"));
        tar.extend(file("././@LongLink", b'L', b"a/very/long/name\0"));
        tar.extend(file("cut", b'0', b"long"));
        tar.extend(file("pax", b'x', b"18 path=pax/name\n\n"));
        tar.extend(file("pax", b'x', b"17 path=pax/name\n"));
        tar.extend(file("cut", 0, b"pax"));
        tar.extend(file("empty", b'0', b""));
        assert!(is_tar(&tar) && !is_tar(&tar[1..]) && !is_tar(b""));
        let want = [
            ("short", &b"hello"[..]),
            ("a/very/long/name", b"long"),
            ("pax/name", b"pax"),
            ("empty", b""),
        ];
        let want = want.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        assert_eq!(list(&tar), (want.to_vec(), None));
        let ended = [tar.clone(), vec![0; 1024], b"rubbish".to_vec()].concat();
        assert_eq!(list(&ended), (want.to_vec(), None));
    }

    #[test]
    fn damage_is_told() {
        let tar = [file("first", b'0', &[1; 600]), file("second", b'0', b"2")].concat();
        for cut in 1..tar.len() {
            let (found, error) = list(&tar[..cut]);
            // Between members, the end of the file is the end of the tar.
            let is_between = cut == 3 * 512;
            assert_eq!(error.is_none(), is_between, "{cut}: {found:?} {error:?}");
            assert_eq!(
                found.len(),
                if cut < 512 {
                    0
                } else if cut < 4 * 512 {
                    1
                } else {
                    2
                }
            );
        }
        for at in 0..tar.len() {
            let mut bytes = tar.clone();
            bytes[at] ^= 0xff;
            let (found, _) = list(&bytes);
            assert!(found.len() <= 2);
        }
        let mut binary = header("huge", b'0', "");
        binary[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(number(&binary[124..136]), Some(1 << 32));
    }
}
