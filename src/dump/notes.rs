//! The records of a `PT_NOTE` segment.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::FileOff;
use crate::base::bytes::Cursor;
use crate::base::bytes::Truncated;
use crate::base::data_model::ByteOrder;
use crate::dump::error::DumpError;

/// One note, still raw. Borrowed from the mapped core file.
///
/// Layout: `u32 namesz, u32 descsz, u32 type`, then the name and the
/// description, each padded to four bytes. Sizes are in bytes and leave the
/// padding out; `namesz` counts the name's NUL.
///
/// Source: System V gABI, chapter 5 "Note Section"; Linux `fs/binfmt_elf.c`,
/// `writenote()`. Linux pads to four in 64-bit cores too, where the gABI says
/// eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Where the note's header begins in the file.
    pub at: FileOff,
    /// Who defines `kind`: `CORE`, `LINUX`, ... Without the NUL.
    pub owner: &'a [u8],
    /// `NT_PRSTATUS` and so on; its meaning depends on `owner`.
    pub kind: u32,
    /// The payload, ready to read.
    pub desc: Cursor<'a>,
}

/// Walks the notes of one segment. Ends after the first broken note, since
/// nothing says where the next one would begin.
#[derive(Clone, Debug)]
pub struct Notes<'a> {
    cursor: Cursor<'a>,
    broken: bool,
}

impl<'a> Notes<'a> {
    /// Starts at the first note of a `PT_NOTE` segment. The notes are read by
    /// the cursor's model.
    pub fn new(segment: Cursor<'a>) -> Self {
        Self { cursor: segment, broken: false }
    }

    fn parse(&mut self) -> Result<Note<'a>, Truncated> {
        let cursor = &mut self.cursor;
        let at = cursor.at();
        let owner_len = u64::from(cursor.u32()?);
        let desc_len = u64::from(cursor.u32()?);
        let kind = cursor.u32()?;
        let owner = cursor.take(owner_len)?;
        cursor.skip_padding_of(owner_len);
        let desc_at = cursor.at();
        let model = cursor.model();
        let desc = Cursor::new(cursor.take(desc_len)?, desc_at).with_model(model);
        cursor.skip_padding_of(desc_len);
        Ok(Note { at, owner: owner.strip_suffix(b"\0").unwrap_or(owner), kind, desc })
    }
}

impl<'a> Iterator for Notes<'a> {
    type Item = Result<Note<'a>, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken || self.cursor.is_empty() {
            return None;
        }
        let note = self.cursor.at();
        let parsed = self.parse().map_err(|source| DumpError::NoteCutShort { note, source });
        self.broken = parsed.is_err();
        Some(parsed)
    }
}

/// The identifier of a binary: the note `NT_GNU_BUILD_ID` (owner `GNU`, type
/// 3) among the notes of one segment or section. Of any length but zero.
pub fn build_id(notes: &[u8], order: ByteOrder) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    Notes::new(Cursor::new(notes, FileOff(0)).with_order(order))
        .filter_map(Result::ok)
        .find(|note| note.owner == b"GNU" && note.kind == NT_GNU_BUILD_ID)
        .map(|note| note.desc.rest())
        .filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(owner: &[u8], kind: u32, desc: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [owner.len() as u32, desc.len() as u32, kind] {
            bytes.extend(field.to_le_bytes());
        }
        for part in [owner, desc] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn notes_in_a_row() {
        let bytes = [note(b"CORE\0", 1, b"12345"), note(b"LINUX\0", 0x202, b"")].concat();
        let notes: Vec<_> = Notes::new(Cursor::new(&bytes, FileOff(0x40))).collect();
        let [Ok(first), Ok(second)] = notes.as_slice() else { panic!("{notes:?}") };
        assert_eq!((first.owner, first.kind, first.desc.rest()), (&b"CORE"[..], 1, &b"12345"[..]));
        // 12 bytes of header, 8 of name, then the description.
        assert_eq!((first.at, first.desc.at()), (FileOff(0x40), FileOff(0x54)));
        assert_eq!((second.owner, second.kind), (&b"LINUX"[..], 0x202));
    }

    #[test]
    fn a_broken_note_ends_the_walk() {
        let mut bytes = note(b"CORE\0", 1, b"1234");
        bytes.extend([9, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0]);
        let notes: Vec<_> = Notes::new(Cursor::new(&bytes, FileOff(0))).collect();
        assert!(matches!(
            notes.as_slice(),
            [Ok(_), Err(DumpError::NoteCutShort { note: FileOff(24), .. })]
        ));
    }

    #[test]
    fn build_ids_are_found_by_owner_and_type() {
        let id = note(b"GNU\0", 3, b"\xab\xcd");
        let cases = [
            ("alone", id.clone(), Some(&b"\xab\xcd"[..])),
            ("after an ABI tag", [note(b"GNU\0", 1, b"1234"), id].concat(), Some(b"\xab\xcd")),
            ("Go's own id is another one", note(b"Go\0", 3, b"x"), None),
            ("an empty id identifies nothing", note(b"GNU\0", 3, b""), None),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(build_id(&bytes, ByteOrder::Little), want, "{name}");
        }
    }
}
