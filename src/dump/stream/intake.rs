//! Reads one core from front to back.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::io::{self, BufRead, Read as _};

use crate::base::limits::Limits;
use crate::dump::stream::kept::{Extent, Extents};
use crate::dump::stream::outline::{Beginning, Outline, outline};
use crate::dump::stream::scratch::Scratch;
use crate::dump::stream::selection::{PAGE, Selection};

/// Read of what may be no core at all, for words about it.
const LEAST_HEAD: u64 = 64 << 10;
/// Headers and notes that are looked at before the rest comes. More of them
/// are kept, but what they say does not steer what else is.
const MOST_HEAD: u64 = 32 << 20;
/// What is kept when there is no scratch file.
const MOST_IN_MEMORY: u64 = 32 << 20;

/// A core that was read.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// What was kept of it.
    pub(super) extents: Extents,
    /// How long it is, as far as it came.
    pub(super) len: u64,
    /// Bytes that came and were not kept.
    pub(super) dropped: u64,
    /// Why it ended before its end.
    pub(super) failure: Option<io::Error>,
    /// Why not all was kept that should have been.
    pub(super) full: Option<io::Error>,
}

/// Reads a core and keeps in `scratch` what is wanted of it.
pub(super) fn take(input: &mut dyn BufRead, scratch: &mut Scratch<'_>, limits: &Limits) -> Taken {
    let mut head = Vec::new();
    let mut failure = read_up_to(input, &mut head, LEAST_HEAD).err();
    let mut plan = None;
    while failure.is_none() {
        let needed = match outline(&head) {
            Beginning::Other => break,
            Beginning::Needs(more) => more,
            Beginning::Core(found) => {
                let notes = end_of_first_notes(&found);
                plan = Some(found);
                notes
            }
        };
        let before = head.len() as u64;
        if needed <= before || needed > MOST_HEAD {
            break;
        }
        // The plan may have to be made again, with the notes for good.
        failure = read_up_to(input, &mut head, needed).err();
        if head.len() as u64 == before {
            break;
        }
    }
    let budget = match scratch.is_file() {
        true => limits.kept_of_stream,
        false => limits.kept_of_stream.min(MOST_IN_MEMORY),
    };
    let plan = plan.unwrap_or_default();
    let selection = Selection::new(&plan, &head, budget);
    let end = end(&plan).max(head.len() as u64).min(limits.stream);
    let mut intake =
        Intake { scratch, selection, taken: Taken::default(), page: Vec::new(), at: 0 };
    intake.feed(&head);
    drop(head);
    while failure.is_none() && intake.came() < end {
        let wanted = usize::try_from(end.saturating_sub(intake.came())).unwrap_or(usize::MAX);
        let used = match input.fill_buf() {
            Ok([]) => break,
            Ok(piece) => {
                let piece = piece.get(..wanted.min(piece.len())).unwrap_or_default();
                intake.feed(piece);
                piece.len()
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => {
                failure = Some(error);
                0
            }
        };
        input.consume(used);
    }
    intake.end();
    Taken { failure, ..intake.taken }
}

/// The end of the notes, when they come before all memory.
fn end_of_first_notes(outline: &Outline) -> u64 {
    let memory = outline.loads.iter().map(|load| load.offset).min().unwrap_or(u64::MAX);
    let first = outline.notes.iter().map(|range| range.end).max().unwrap_or(0);
    if first <= memory { first } else { outline.table_end }
}

/// Where the last byte that anything tells of is; all there is, for what is no
/// core.
fn end(outline: &Outline) -> u64 {
    let loads = outline.loads.iter().map(|load| load.offset.saturating_add(load.size));
    let others = outline.notes.iter().chain(&outline.section).map(|range| range.end);
    loads.chain(others).max().unwrap_or(0)
}

fn read_up_to(input: &mut dyn BufRead, head: &mut Vec<u8>, len: u64) -> io::Result<()> {
    let more = len.saturating_sub(head.len() as u64);
    input.take(more).read_to_end(head).map(|_read| ())
}

struct Intake<'s, 'f> {
    scratch: &'s mut Scratch<'f>,
    selection: Selection,
    taken: Taken,
    /// The beginning of a page whose rest has not come.
    page: Vec<u8>,
    /// Where in the core the page is.
    at: u64,
}

impl Intake<'_, '_> {
    fn came(&self) -> u64 {
        self.at.saturating_add(self.page.len() as u64)
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        const SIZE: usize = PAGE as usize;
        if !self.page.is_empty() {
            let missing = SIZE.saturating_sub(self.page.len()).min(bytes.len());
            let (first, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.page.extend_from_slice(first);
            bytes = rest;
            if self.page.len() < SIZE {
                return;
            }
            let page = std::mem::take(&mut self.page);
            self.page(&page);
            self.page = page;
            self.page.clear();
        }
        let pages = bytes.chunks_exact(SIZE);
        let rest = pages.remainder();
        pages.for_each(|page| self.page(page));
        self.page.extend_from_slice(rest);
    }

    /// Decides on a page.
    fn page(&mut self, page: &[u8]) {
        let (at, len) = (self.at, page.len() as u64);
        self.at = at.saturating_add(len);
        let is_zero = is_zero(page);
        let is_kept = self.selection.keeps(at, is_zero) && self.keep(at, page, is_zero);
        if !is_kept {
            self.taken.dropped = self.taken.dropped.saturating_add(len);
        }
    }

    fn keep(&mut self, at: u64, page: &[u8], is_zero: bool) -> bool {
        let len = page.len() as u64;
        if is_zero {
            return self.taken.extents.push(Extent { at, len, place: None });
        }
        let place = Some(self.scratch.len());
        if let Err(error) = self.scratch.append(page) {
            self.selection.stop();
            self.taken.full = Some(error);
            return false;
        }
        self.selection.follow(at, page);
        self.taken.extents.push(Extent { at, len, place })
    }

    fn end(&mut self) {
        let page = std::mem::take(&mut self.page);
        if !page.is_empty() {
            self.page(&page);
        }
        self.taken.len = self.at;
    }
}

fn is_zero(page: &[u8]) -> bool {
    // Most pages that are not zero show it in their first words.
    let (first, rest) = page.split_at_checked(64).unwrap_or((page, &[]));
    first.iter().all(|byte| *byte == 0)
        && rest.chunks(64).all(|line| line.iter().fold(0, |all, byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::base::file_store::FileStore;
    use crate::dump::stream::kept::Kept;

    /// A core of a note and three pages of memory: full, zero, full.
    fn core() -> Vec<u8> {
        let mut out = b"\x7fELF\x02\x01\x01".to_vec();
        out.resize(64, 0);
        out[16] = 4;
        out[32] = 64;
        out[54] = 56;
        out[56] = 2;
        for (kind, offset, address, size) in [(4_u32, 176, 0, 20), (1, 4096, 0x7000, 3 * PAGE)] {
            out.extend(kind.to_le_bytes());
            out.extend(6_u32.to_le_bytes());
            for word in [offset, address, 0, size, size, 1] {
                out.extend(u64::to_le_bytes(word));
            }
        }
        out.extend([4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, b'G', b'N', b'U', 0]);
        out.resize(4096, 0);
        out.resize(8192, 0xaa);
        out.resize(12288, 0);
        out.resize(16384, 0xbb);
        out
    }

    fn taken(mut input: &[u8], limits: &Limits) -> (Taken, usize) {
        let store = FileStore::new();
        let mut scratch = Scratch::new(&store);
        let taken = take(&mut input, &mut scratch, limits);
        (taken, usize::try_from(scratch.len()).unwrap())
    }

    #[test]
    fn what_is_kept_is_what_came() {
        let whole = core();
        for cut in [0, 1, 63, 64, 100, 4095, 4096, 5000, 12288, 16383, 16384] {
            let store = FileStore::new();
            let mut scratch = Scratch::new(&store);
            let taken = take(&mut &whole[..cut], &mut scratch, &Limits::default());
            assert_eq!((taken.len, taken.dropped), (cut as u64, 0));
            let bytes = scratch.finish().unwrap();
            let kept = Kept::new(&store, bytes, taken.extents, taken.len, true);
            assert!(kept.part(0, u64::MAX) == &whole[..cut], "{cut}");
        }
    }

    #[test]
    fn reading_ends_with_the_core_or_its_limits() {
        let long = [core(), vec![0xcc; 1 << 20]].concat();
        let (taken_of_long, kept) = taken(&long, &Limits::default());
        // What was read to look at the head is kept.
        assert!(taken_of_long.len >= 16384 && kept <= 80 << 10, "{taken_of_long:?}");
        // Room for two pages: the headers, and the first one, to which they point.
        let limits = Limits { kept_of_stream: 8192, ..Limits::default() };
        let (some, kept) = taken(&core(), &limits);
        assert_eq!((some.len, some.dropped, kept), (16384, 4096, 8192));
        let limits = Limits { stream: 0, ..Limits::default() };
        let (none, _) = taken(&core(), &limits);
        assert_eq!(none.len, 16384, "it came with the head");
        let (other, _) = taken(b"this is no core", &Limits::default());
        assert_eq!((other.len, other.dropped), (15, 0));
    }
}
