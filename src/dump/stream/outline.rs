//! Where things are in a core, from its beginning: before the rest has come.
//!
//! This only steers what is kept. Reading the headers in earnest, with words
//! for what is wrong, is [`crate::dump::elf_core`]'s, for all cores alike.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::ops::Range;

const PT_LOAD: u64 = 1;
const PT_NOTE: u64 = 4;
/// `e_phnum` of a core with 65,535 or more segments.
const PN_XNUM: u64 = 0xffff;

/// One `PT_LOAD` with bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) offset: u64,
    pub(super) address: u64,
    pub(super) size: u64,
}

/// The plan of a core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Where the table of program headers ends.
    pub(super) table_end: u64,
    /// Of each `PT_NOTE`.
    pub(super) notes: Vec<Range<u64>>,
    pub(super) loads: Vec<Load>,
    /// Section 0, where it has the number of headers.
    pub(super) section: Option<Range<u64>>,
}

/// What the first bytes of a file tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// No ELF core.
    Other,
    /// A core, of which so many bytes are needed.
    Needs(u64),
    /// A core, and its plan.
    Core(Outline),
}

/// Numbers as the file has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'b> {
    bytes: &'b [u8],
    is_64: bool,
    is_big: bool,
}

impl<'b> Words<'b> {
    /// Of an ELF file that begins with `head`, in `bytes` of it.
    pub(super) fn of(head: &[u8], bytes: &'b [u8]) -> Option<Self> {
        let is_64 = *head.get(4)? == 2;
        let is_big = *head.get(5)? == 2;
        head.starts_with(b"\x7fELF").then_some(Self { bytes, is_64, is_big })
    }

    /// Bytes of a word.
    pub(super) fn word_size(self) -> usize {
        if self.is_64 { 8 } else { 4 }
    }

    /// An unsigned number of `size` bytes.
    pub(super) fn number(self, at: usize, size: usize) -> Option<u64> {
        let field = self.bytes.get(at..at.checked_add(size)?)?;
        let join = |value: u64, byte: &u8| value.wrapping_shl(8) | u64::from(*byte);
        Some(match self.is_big {
            true => field.iter().fold(0, join),
            false => field.iter().rev().fold(0, join),
        })
    }

    /// A word.
    pub(super) fn word(self, at: usize) -> Option<u64> {
        self.number(at, self.word_size())
    }
}

/// Reads the plan.
pub(super) fn outline(head: &[u8]) -> Beginning {
    const ET_CORE: u64 = 4;
    let is_core = |words: &Words<'_>| words.number(16, 2) == Some(ET_CORE);
    let Some(words) = Words::of(head, head).filter(is_core) else { return Beginning::Other };
    // Offsets of e_phoff, e_shoff, e_phentsize (then e_phnum) for both classes.
    let (table_at, sections_at, sizes_at) = if words.is_64 { (32, 40, 54) } else { (28, 32, 42) };
    let fields = || {
        Some((
            words.word(table_at)?,
            words.word(sections_at)?,
            words.number(sizes_at, 2)?,
            words.number(sizes_at.checked_add(2)?, 2)?,
        ))
    };
    let Some((table, sections, entry, count)) = fields() else { return Beginning::Needs(64) };
    let least = if words.is_64 { 56 } else { 32 };
    let entry = entry.max(least);
    let mut section = None;
    let mut count = count;
    if count == PN_XNUM {
        let size = if words.is_64 { 64 } else { 40 };
        section = (sections > 0).then(|| sections..sections.saturating_add(size));
        // Section 0 comes last; but the notes come right behind the table.
        let first = usize::try_from(table).ok().and_then(|at| header(words, at));
        let Some(first) = first else { return Beginning::Needs(table.saturating_add(entry)) };
        let table_size = first.offset.saturating_sub(table);
        if first.kind == PT_NOTE && table_size.checked_rem(entry) == Some(0) {
            count = table_size.checked_div(entry).unwrap_or(count);
        }
    }
    let table_end = table.saturating_add(entry.saturating_mul(count));
    if table_end > head.len() as u64 {
        return Beginning::Needs(table_end);
    }
    let mut found = Outline { table_end, section, ..Outline::default() };
    for index in 0..count {
        let at = table.saturating_add(index.saturating_mul(entry));
        let Some(header) = usize::try_from(at).ok().and_then(|at| header(words, at)) else { break };
        match header.kind {
            PT_LOAD if header.size > 0 => found.loads.push(Load {
                offset: header.offset,
                address: header.address,
                size: header.size,
            }),
            PT_NOTE => {
                found.notes.push(header.offset..header.offset.saturating_add(header.size));
            }
            _ => (),
        }
    }
    Beginning::Core(found)
}

/// What is used of a program header.
struct Header {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

fn header(words: Words<'_>, at: usize) -> Option<Header> {
    let field = |offset: usize| words.word(at.checked_add(offset)?);
    let kind = words.number(at, 4)?;
    Some(match words.is_64 {
        true => Header { kind, offset: field(8)?, address: field(16)?, size: field(32)? },
        false => Header { kind, offset: field(4)?, address: field(8)?, size: field(16)? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core of one note segment and one of memory, in all four shapes.
    fn core(is_64: bool, is_big: bool) -> Vec<u8> {
        let mut out = b"\x7fELF".to_vec();
        out.extend([if is_64 { 2 } else { 1 }, if is_big { 2 } else { 1 }, 1]);
        out.resize(16, 0);
        let put = |out: &mut Vec<u8>, value: u64, size: usize| {
            let bytes = value.to_be_bytes();
            let field = bytes[8 - size..].iter().copied();
            if is_big { out.extend(field) } else { out.extend(field.rev()) }
        };
        let word = if is_64 { 8 } else { 4 };
        for (value, size) in [(4, 2), (62, 2), (1, 4)] {
            put(&mut out, value, size);
        }
        let (head, entry) = if is_64 { (64, 56) } else { (52, 32) };
        for value in [0, head, 0] {
            put(&mut out, value, word);
        }
        put(&mut out, 0, 4);
        for value in [head, entry, 2, 0, 0, 0] {
            put(&mut out, value, 2);
        }
        for (kind, offset, address, size) in [(4, 200, 0, 20), (1, 4096, 0x7000, 8192)] {
            put(&mut out, kind, 4);
            if is_64 {
                put(&mut out, 4, 4);
            }
            for value in [offset, address, 0, size, size] {
                put(&mut out, value, word);
            }
            if !is_64 {
                put(&mut out, 4, 4);
            }
            put(&mut out, 1, word);
        }
        out
    }

    #[test]
    fn all_classes_and_orders() {
        for (is_64, is_big) in [(false, false), (false, true), (true, false), (true, true)] {
            let bytes = core(is_64, is_big);
            let Beginning::Core(found) = outline(&bytes) else { panic!("{is_64} {is_big}") };
            assert_eq!(found.table_end, bytes.len() as u64);
            assert_eq!(found.notes.len(), 1);
            assert_eq!(found.notes[0], 200..220);
            assert_eq!(found.loads, [Load { offset: 4096, address: 0x7000, size: 8192 }]);
            for cut in 0..bytes.len() {
                match outline(&bytes[..cut]) {
                    Beginning::Other => assert!(cut < 18),
                    Beginning::Needs(more) => assert!(more > cut as u64, "{cut}"),
                    Beginning::Core(_) => panic!("{cut} bytes are not enough"),
                }
            }
        }
        assert_eq!(outline(b"hello"), Beginning::Other);
    }
}
