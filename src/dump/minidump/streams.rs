//! The streams of a minidump.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::{FileOff, RunAddr, RunRange};
use crate::base::bytes::{Cursor, Truncated};
use crate::dump::contents::Contents;
use crate::dump::process::{Identity, Mapping, Permissions};

/// Kinds of streams.
const THREAD_LIST: u32 = 3;
const MODULE_LIST: u32 = 4;
const MEMORY_LIST: u32 = 5;
const EXCEPTION: u32 = 6;
const SYSTEM_INFO: u32 = 7;
const MEMORY_64_LIST: u32 = 9;
const THREAD_NAMES: u32 = 24;
const LINUX_PROC_STATUS: u32 = 0x4767_0004;
const LINUX_CMD_LINE: u32 = 0x4767_0006;
const LINUX_AUXV: u32 = 0x4767_0008;
const LINUX_MAPS: u32 = 0x4767_0009;

/// More streams than anybody writes.
const MOST_STREAMS: u32 = 4096;
/// A path or a name of a thread, in bytes of UTF-16.
const LONGEST_NAME: u64 = 16 << 10;
/// Ranges of memory that are looked at.
const MOST_RANGES: u64 = 1 << 20;

/// Where something is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) len: u64,
}

/// A piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryRange {
    pub(super) start: u64,
    pub(super) place: Place,
}

/// One thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadRecord {
    pub(super) tid: u32,
    pub(super) stack: MemoryRange,
    pub(super) context: Place,
}

/// One module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModuleRecord {
    pub(super) base: u64,
    pub(super) size: u64,
    pub(super) name: Vec<u8>,
    pub(super) build_id: Option<Vec<u8>>,
}

/// Why the dump was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExceptionRecord {
    pub(super) tid: u32,
    pub(super) code: u32,
    pub(super) flags: u32,
    pub(super) address: u64,
    pub(super) context: Place,
}

/// The directory.
pub(super) struct Streams<'c, 'f> {
    contents: &'c Contents<'f>,
    /// Kind and place of each.
    directory: Vec<(u32, Place)>,
}

/// `u32 size, u32 rva`.
fn place(cursor: &mut Cursor<'_>) -> Result<Place, Truncated> {
    let len = u64::from(cursor.u32_le()?);
    let at = u64::from(cursor.u32_le()?);
    Ok(Place { at, len })
}

impl<'c, 'f> Streams<'c, 'f> {
    /// Reads the header of 32 bytes, `MDMP, u32 version, u32 count, u32 rva`,
    /// and the directory, entries of `u32 kind, u32 size, u32 rva`. `None`: it
    /// is cut.
    pub(super) fn read(contents: &'c Contents<'f>) -> Option<Self> {
        let mut header = Cursor::new(contents.part(0, 32), FileOff(0));
        header.skip(8).ok()?;
        let count = header.u32_le().ok()?.min(MOST_STREAMS);
        let at = u64::from(header.u32_le().ok()?);
        let table = contents.part(at, u64::from(count).saturating_mul(12));
        let mut cursor = Cursor::new(table, FileOff(at));
        let mut directory = Vec::new();
        while let (Ok(kind), Ok(place)) = (cursor.u32_le(), place(&mut cursor)) {
            directory.push((kind, place));
        }
        (!directory.is_empty()).then_some(Self { contents, directory })
    }

    fn place(&self, kind: u32) -> Option<Place> {
        self.directory.iter().find(|(found, _)| *found == kind).map(|(_, place)| *place)
    }

    fn stream(&self, kind: u32) -> Cursor<'f> {
        self.place(kind).map(|place| self.cursor(place)).unwrap_or(Cursor::new(&[], FileOff(0)))
    }

    fn cursor(&self, place: Place) -> Cursor<'f> {
        Cursor::new(self.contents.part(place.at, place.len), FileOff(place.at))
    }

    /// Where the last stream, stack or piece of memory ends.
    pub(super) fn end(&self) -> u64 {
        let streams = self.directory.iter().map(|(_, place)| *place);
        let memory = self.memory().map(|range| range.place);
        let stacks = self.threads(usize::MAX).into_iter().map(|thread| thread.stack.place);
        let ends = streams.chain(memory).chain(stacks);
        ends.map(|place| place.at.saturating_add(place.len)).max().unwrap_or(0)
    }

    /// `ProcessorArchitecture` (9 is x86-64) and `PlatformId` (0x8201 is Linux,
    /// 0x8203 Android) of `MINIDUMP_SYSTEM_INFO`: `u16` at 0, `u32` at 20.
    pub(super) fn system(&self) -> Option<(u16, u32)> {
        let mut cursor = self.stream(SYSTEM_INFO);
        let processor = cursor.u16_le().ok()?;
        cursor.skip(18).ok()?;
        Some((processor, cursor.u32_le().ok()?))
    }

    /// A list of `u32 count` and entries of `size` bytes. Some writers align
    /// the entries to eight bytes.
    fn list(&self, kind: u32, size: u64) -> impl Iterator<Item = Cursor<'f>> {
        let mut cursor = self.stream(kind);
        let count = cursor.u32_le().unwrap_or(0);
        let needed = u64::from(count).saturating_mul(size);
        if cursor.rest().len() as u64 == needed.saturating_add(4) {
            let _padding = cursor.u32_le();
        }
        let entry = move |_| {
            let at = cursor.at();
            cursor.take(size).ok().map(|bytes| Cursor::new(bytes, at))
        };
        (0..count).map_while(entry)
    }

    /// `MINIDUMP_THREAD`, 48 bytes: `u32` id, three words of 4 bytes, `u64`
    /// teb, the stack (`u64` address, size and rva), size and rva of the
    /// context.
    pub(super) fn threads(&self, limit: usize) -> Vec<ThreadRecord> {
        let read = |mut entry: Cursor<'_>| -> Result<ThreadRecord, Truncated> {
            let tid = entry.u32_le()?;
            entry.skip(20)?;
            let start = entry.u64_le()?;
            let stack = MemoryRange { start, place: place(&mut entry)? };
            Ok(ThreadRecord { tid, stack, context: place(&mut entry)? })
        };
        self.list(THREAD_LIST, 48).take(limit).filter_map(|entry| read(entry).ok()).collect()
    }

    /// `MINIDUMP_MODULE`, 108 bytes: `u64` base, `u32` size, two words of 4
    /// bytes, `u32` rva of the name, 52 bytes of version, size and rva of the
    /// CodeView record.
    pub(super) fn modules(&self, limit: usize) -> Vec<ModuleRecord> {
        let read = |mut entry: Cursor<'_>| -> Result<ModuleRecord, Truncated> {
            let base = entry.u64_le()?;
            let size = u64::from(entry.u32_le()?);
            entry.skip(8)?;
            let name = self.text(u64::from(entry.u32_le()?));
            entry.skip(52)?;
            let build_id = self.build_id(place(&mut entry)?);
            Ok(ModuleRecord { base, size, name, build_id })
        };
        self.list(MODULE_LIST, 108).take(limit).filter_map(|entry| read(entry).ok()).collect()
    }

    /// `MDCVInfoELF`: `u32` signature, then the build-id. Older writers put its
    /// first 16 bytes into a record `RSDS`, which is not enough to compare.
    fn build_id(&self, record: Place) -> Option<Vec<u8>> {
        /// `MD_CVINFOELF_SIGNATURE`.
        const ELF: u32 = 0x4270_454c;
        const LONGEST: u64 = 64;
        let mut cursor = self.cursor(Place { len: record.len.min(LONGEST), ..record });
        let is_elf = cursor.u32_le().ok()? == ELF;
        let id = cursor.rest();
        (is_elf && id.iter().any(|byte| *byte != 0)).then(|| id.to_vec())
    }

    /// `MINIDUMP_STRING`: `u32` length in bytes, then UTF-16.
    fn text(&self, at: u64) -> Vec<u8> {
        let mut head = Cursor::new(self.contents.part(at, 4), FileOff(at));
        let len = u64::from(head.u32_le().unwrap_or(0)).min(LONGEST_NAME);
        let units = self.contents.part(at.saturating_add(4), len).chunks_exact(2);
        let units =
            units.filter_map(|pair| pair.first_chunk().map(|pair| u16::from_le_bytes(*pair)));
        char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
            .into_bytes()
    }

    /// `MINIDUMP_THREAD_NAME`, 12 bytes: `u32` id, `u64` rva of the name.
    pub(super) fn thread_names(&self) -> Vec<(u32, Vec<u8>)> {
        let read =
            |mut entry: Cursor<'_>| Some((entry.u32_le().ok()?, self.text(entry.u64_le().ok()?)));
        self.list(THREAD_NAMES, 12).filter_map(read).collect()
    }

    /// `MINIDUMP_EXCEPTION_STREAM`: `u32` thread, padding, `u32` code, `u32`
    /// flags, `u64` record, `u64` address; size and rva of the context at 160.
    pub(super) fn exception(&self) -> Option<ExceptionRecord> {
        let mut cursor = self.stream(EXCEPTION);
        let tid = cursor.u32_le().ok()?;
        cursor.skip(4).ok()?;
        let code = cursor.u32_le().ok()?;
        let flags = cursor.u32_le().ok()?;
        cursor.skip(8).ok()?;
        let address = cursor.u64_le().ok()?;
        cursor.skip(128).ok()?;
        let context = place(&mut cursor).ok()?;
        Some(ExceptionRecord { tid, code, flags, address, context })
    }

    /// Entries of `u64` address, size and rva; and in one list of its own, of
    /// `u64` address and `u64` size, whose bytes lie in a row.
    pub(super) fn memory(&self) -> impl Iterator<Item = MemoryRange> {
        let read = |mut entry: Cursor<'_>| {
            let start = entry.u64_le().ok()?;
            Some(MemoryRange { start, place: place(&mut entry).ok()? })
        };
        let small = self.list(MEMORY_LIST, 16).filter_map(read);
        let mut cursor = self.stream(MEMORY_64_LIST);
        let count = cursor.u64_le().unwrap_or(0).min(MOST_RANGES);
        let mut at = cursor.u64_le().unwrap_or(0);
        let large = (0..count).map_while(move |_| {
            let (start, len) = (cursor.u64_le().ok()?, cursor.u64_le().ok()?);
            let range = MemoryRange { start, place: Place { at, len } };
            at = at.saturating_add(len);
            Some(range)
        });
        small.chain(large)
    }

    /// Pairs of words, up to the first of type 0.
    pub(super) fn auxv(&self) -> Vec<(u64, u64)> {
        let mut cursor = self.stream(LINUX_AUXV);
        let mut pairs = Vec::new();
        while let (Ok(kind), Ok(value)) = (cursor.u64_le(), cursor.u64_le()) {
            pairs.push((kind, value));
            if kind == 0 {
                break;
            }
        }
        pairs
    }

    /// Who the process was: from `/proc/PID/status` and `/proc/PID/cmdline`.
    pub(super) fn identity(&self) -> Identity {
        let status = self.stream(LINUX_PROC_STATUS).rest();
        let field = |name: &[u8]| {
            let mut lines = status.split(|byte| *byte == b'\n');
            lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
        };
        let number = |name: &[u8]| -> Option<u32> {
            let first = field(name)?.split(|byte| byte.is_ascii_whitespace()).next()?;
            std::str::from_utf8(first).ok()?.parse().ok()
        };
        let words = self.stream(LINUX_CMD_LINE).rest();
        let words = words.strip_suffix(b"\0").unwrap_or(words);
        let arguments: Vec<Vec<u8>> = match words {
            [] => Vec::new(),
            words => words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
        };
        Identity {
            pid: number(b"Pid:"),
            ppid: number(b"PPid:"),
            uid: number(b"Uid:"),
            gid: number(b"Gid:"),
            command: field(b"Name:").unwrap_or_default().to_vec(),
            arguments_complete: !arguments.is_empty(),
            arguments,
            ..Identity::default()
        }
    }

    /// `/proc/PID/maps`: lines of `start-end rwxp offset dev inode path`.
    pub(super) fn mappings(&self) -> Vec<Mapping> {
        let lines = self.stream(LINUX_MAPS).rest().split(|byte| *byte == b'\n');
        lines.filter_map(mapping).collect()
    }
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    let hex = |field: &[u8]| u64::from_str_radix(std::str::from_utf8(field).ok()?, 16).ok();
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut range = fields.next()?.splitn(2, |byte| *byte == b'-');
    let (start, end) = (hex(range.next()?)?, hex(range.next()?)?);
    let letters = fields.next()?;
    let offset = hex(fields.next()?)?;
    let path = fields.nth(2).unwrap_or_default().trim_ascii();
    Some(Mapping {
        range: RunRange { start: RunAddr(start), end: RunAddr(end) },
        permissions: Permissions {
            read: letters.contains(&b'r'),
            write: letters.contains(&b'w'),
            execute: letters.contains(&b'x'),
            known: true,
        },
        path: (!path.is_empty()).then(|| path.to_vec()),
        offset: FileOff(offset),
        dumped: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps() {
        let found =
            mapping(b"00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b").unwrap();
        assert_eq!((found.range.start, found.range.end), (RunAddr(0x40_0000), RunAddr(0x45_2000)));
        assert_eq!(found.path.as_deref(), Some(&b"/usr/bin/a b"[..]));
        assert_eq!(found.offset, FileOff(0x1000));
        assert!(found.permissions.read && found.permissions.execute && !found.permissions.write);
        assert_eq!(mapping(b"7f00-8000 rw-p 0 00:00 0").unwrap().path, None);
        for line in [&b""[..], b"x-y r 0 0 0", b"1000", b"1000-2000", b"1000-2000 r"] {
            assert!(mapping(line).is_none());
        }
    }
}
