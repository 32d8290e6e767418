//! `NT_FILE`: which files were mapped where.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::FileOff;
use crate::base::addr::{RunAddr, RunRange};
use crate::dump::error::DumpError;
use crate::dump::notes::Note;

/// One line of the `NT_FILE` note: a file range seen through a memory range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedFile<'a> {
    /// The addresses of the mapping; page-aligned.
    pub range: RunRange,
    /// Where in the file the mapping starts. **In bytes**: the note counts
    /// pages of its own `page_size`, and this reader has multiplied.
    pub offset: FileOff,
    /// Path as the process saw it, which may be inside a container, and may end
    /// in ` (deleted)`. Bytes, not text: Linux paths need not be UTF-8.
    pub path: &'a [u8],
}

/// Reads an `NT_FILE` note (owner `CORE`, type `0x46494c45`).
///
/// Layout, all `long` of the process: `count, page_size`, then
/// `count` triples `start, end, offset-in-pages`, then `count` NUL-terminated
/// paths in the same order. Source: Linux `fs/binfmt_elf.c`,
/// `fill_files_note()`; there since Linux 3.7.
///
/// # Errors
///
/// When the note is cut, or claims more entries than its bytes can hold.
pub fn mapped_files<'a>(note: &Note<'a>) -> Result<Vec<MappedFile<'a>>, DumpError> {
    let cut = |source| DumpError::NoteCutShort { note: note.at, source };
    let mut desc = note.desc;
    let claimed = desc.word().map_err(cut)?;
    let page_size = desc.word().map_err(cut)?;

    // Three words and one byte for the NUL of the path. Checked before anything
    // is allocated, since the count may be made up.
    let entry = desc.model().word().saturating_mul(3).saturating_add(1);
    let room = (desc.rest().len() as u64).checked_div(entry).unwrap_or(0);
    if room < claimed {
        return Err(DumpError::ImpossibleCount { note: note.at, claimed, room });
    }

    let mut files = Vec::new();
    for _ in 0..claimed {
        let start = RunAddr(desc.word().map_err(cut)?);
        let end = RunAddr(desc.word().map_err(cut)?);
        let offset = FileOff(desc.word().map_err(cut)?.saturating_mul(page_size));
        files.push(MappedFile { range: RunRange { start, end }, offset, path: b"" });
    }
    for (file, path) in files.iter_mut().zip(desc.rest().split(|byte| *byte == 0)) {
        file.path = path;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Cursor;

    fn note(words: &[u64], paths: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(paths);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<MappedFile<'_>>, DumpError> {
        let desc = Cursor::new(bytes, FileOff(0));
        mapped_files(&Note { at: FileOff(0), owner: b"CORE", kind: 0x4649_4c45, desc })
    }

    #[test]
    fn offsets_are_in_bytes() {
        let bytes = note(&[2, 4096, 0x1000, 0x2000, 0, 0x2000, 0x4000, 3], b"/a\n\xff\0/b\0");
        let files = read(&bytes).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].path, b"/a\n\xff");
        assert_eq!((files[1].path, files[1].offset), (&b"/b"[..], FileOff(3 * 4096)));
    }

    #[test]
    fn made_up_counts_allocate_nothing() {
        let bytes = note(&[u64::MAX, 4096, 1, 2, 3], b"/a\0");
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, DumpError::ImpossibleCount { claimed: u64::MAX, room: 1, .. }));
    }
}
