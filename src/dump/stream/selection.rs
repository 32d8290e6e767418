//! Which parts of a core are worth keeping.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::collections::BTreeSet;
use std::ops::Range;

use crate::base::addr::FileOff;
use crate::base::bytes::Cursor;
use crate::dump::notes::Notes;
use crate::dump::stream::outline::{Load, Outline, Words};

/// Decisions are made for so many bytes at once.
pub(super) const PAGE: u64 = 4096;
/// Kept below and above what a register points to: frames and objects.
const BELOW: u64 = 64 << 10;
const ABOVE: u64 = 1 << 20;
/// The same for the thread that crashed.
const ABOVE_CRASHED: u64 = 8 << 20;
/// Pages that others point to, of segments that are not kept in whole.
const MOST_POINTED: usize = 16_384;
/// Words of segments no larger than this are looked at as pointers: global
/// data, stacks.
const LARGEST_ROOT: u64 = 16 << 20;

/// What is kept, decided page by page as the core goes by.
pub(super) struct Selection {
    /// Sorted, not overlapping, of whole pages: kept whatever comes.
    wanted: Vec<Range<u64>>,
    /// The first of `wanted` that has not gone by.
    next: usize,
    /// Bytes of `wanted` that have not gone by.
    reserved: u64,
    /// Bytes that only pages that others point to may still take.
    reserved_for_pointed: u64,
    /// Bytes that may still be kept.
    left: u64,
    /// By address.
    loads: Vec<Load>,
    /// Addresses whose pages may be dropped.
    doubtful: Range<u64>,
    pointed: BTreeSet<u64>,
    word_size: usize,
    is_big: bool,
}

impl Selection {
    /// Decides with `head`, all that has come so far, for up to `budget` bytes.
    pub(super) fn new(outline: &Outline, head: &[u8], budget: u64) -> Self {
        let mut loads = outline.loads.clone();
        loads.sort_by_key(|load| load.address);
        let words = Words::of(head, head);
        let reserved_for_pointed = budget.wrapping_div(8);
        let sure = budget.saturating_sub(reserved_for_pointed);
        let mut plan = Plan { wanted: Vec::new(), size: 0, budget: sure };
        plan.add(0..outline.table_end);
        for range in outline.notes.iter().chain(&outline.section) {
            plan.add(range.clone());
        }
        for (index, value) in registers(outline, head).into_iter().enumerate() {
            if let Some((load, at)) = located(&loads, value) {
                // The first thread is the crashed one; it has a few dozen.
                let above = if index < 40 { ABOVE_CRASHED } else { ABOVE };
                let end = at.saturating_add(above).min(load.offset.saturating_add(load.size));
                plan.add(at.saturating_sub(BELOW).max(load.offset)..end);
            }
        }
        let mut by_size: Vec<&Load> = loads.iter().collect();
        by_size.sort_by_key(|load| load.size);
        // Empty: nothing may be dropped so far.
        let mut doubtful = Range { start: u64::MAX, end: 0 };
        for load in by_size {
            if !plan.add(load.offset..load.offset.saturating_add(load.size)) {
                doubtful.start = doubtful.start.min(load.address);
                doubtful.end = doubtful.end.max(load.address.saturating_add(load.size));
            }
        }
        let wanted = merged(plan.wanted);
        let size = |range: &Range<u64>| range.end.saturating_sub(range.start);
        let reserved = wanted.iter().map(size).fold(0, u64::saturating_add);
        Self {
            wanted,
            next: 0,
            reserved,
            reserved_for_pointed,
            left: budget,
            loads,
            doubtful,
            pointed: BTreeSet::new(),
            word_size: words.map_or(8, Words::word_size),
            is_big: head.get(5) == Some(&2),
        }
    }

    /// Whether the page at `at` is kept; `is_zero` ones cost nothing. Pages are
    /// asked for in order.
    pub(super) fn keeps(&mut self, at: u64, is_zero: bool) -> bool {
        let end = at.saturating_add(PAGE);
        while let Some(range) = self.wanted.get(self.next)
            && range.end <= at
        {
            self.next = self.next.saturating_add(1);
        }
        let is_wanted = self.wanted.get(self.next).is_some_and(|range| range.start < end);
        if is_wanted {
            self.reserved = self.reserved.saturating_sub(PAGE);
        }
        if is_zero {
            return true;
        }
        let is_pointed = self.pointed.remove(&at);
        // A page that is pointed to never takes the place of what is sure: a heap
        // full of pointers comes before the stack.
        let kept_free = match (is_wanted, is_pointed) {
            (true, _) => 0,
            (false, true) => self.reserved,
            (false, false) => self.reserved.saturating_add(self.reserved_for_pointed),
        };
        let has_room = self.left.saturating_sub(kept_free) >= PAGE;
        if has_room && is_pointed {
            self.reserved_for_pointed = self.reserved_for_pointed.saturating_sub(PAGE);
        }
        if has_room {
            self.left = self.left.saturating_sub(PAGE);
        }
        has_room
    }

    /// Looks for pointers in a page that is kept, to pages that come later and
    /// might be dropped.
    pub(super) fn follow(&mut self, at: u64, page: &[u8]) {
        if self.doubtful.is_empty() || self.pointed.len() >= MOST_POINTED {
            return;
        }
        let root = self.wanted.get(self.next).filter(|range| range.start <= at);
        let is_root = root.is_some_and(|range| {
            range.end.saturating_sub(range.start) <= LARGEST_ROOT.saturating_mul(4)
        });
        if !is_root {
            return;
        }
        for bytes in page.chunks_exact(self.word_size) {
            let join = |value: u64, byte: &u8| value.wrapping_shl(8) | u64::from(*byte);
            let value = match self.is_big {
                true => bytes.iter().fold(0, join),
                false => bytes.iter().rev().fold(0, join),
            };
            if !self.doubtful.contains(&value) {
                continue;
            }
            if let Some((_, target)) = located(&self.loads, value)
                && target > at
            {
                let page = target & !PAGE.wrapping_sub(1);
                self.pointed.insert(page);
                self.pointed.insert(page.saturating_add(PAGE));
            }
        }
    }

    /// Nothing more can be kept: the disk is full.
    pub(super) fn stop(&mut self) {
        self.left = 0;
    }
}

/// Ranges that are sure to be kept.
struct Plan {
    wanted: Vec<Range<u64>>,
    size: u64,
    budget: u64,
}

impl Plan {
    /// Adds one, if the budget allows it.
    fn add(&mut self, range: Range<u64>) -> bool {
        let mask = PAGE.wrapping_sub(1);
        let start = range.start & !mask;
        let end = range.end.saturating_add(mask) & !mask;
        let after = self.size.saturating_add(end.saturating_sub(start));
        if range.is_empty() {
            return true;
        }
        let fits = after <= self.budget;
        if fits {
            self.size = after;
            self.wanted.push(start..end);
        }
        fits
    }
}

fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The segment of an address, and where in the file the address is.
fn located(loads: &[Load], address: u64) -> Option<(&Load, u64)> {
    let after = loads.partition_point(|load| load.address <= address);
    let load = loads.get(after.checked_sub(1)?)?;
    let into = address.checked_sub(load.address).filter(|into| *into < load.size)?;
    Some((load, load.offset.checked_add(into)?))
}

/// All words of all `NT_PRSTATUS` notes that have come: registers, and what
/// else may be among them.
fn registers(outline: &Outline, head: &[u8]) -> Vec<u64> {
    const NT_PRSTATUS: u32 = 1;
    /// Those of some 100,000 threads.
    const MOST: usize = 4_000_000;
    let mut found = Vec::new();
    for range in &outline.notes {
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(head.len());
        let notes = head.get(start..end).unwrap_or_default();
        for note in Notes::new(Cursor::new(notes, FileOff(range.start))).flatten() {
            let Some(words) = Words::of(head, note.desc.rest()) else { break };
            if (note.owner, note.kind) != (b"CORE", NT_PRSTATUS) || found.len() > MOST {
                continue;
            }
            // pr_reg is at 112, or 72 in 32-bit cores.
            let size = words.word_size();
            let mut at = if size == 8 { 112usize } else { 72 };
            while let Some(value) = words.word(at) {
                found.push(value);
                at = at.saturating_add(size);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(offset: u64, address: u64, size: u64) -> Load {
        Load { offset, address, size }
    }

    /// A core: a page of headers and notes, 8 pages of data, 1000 of heap, 100
    /// of stack, with one register that points into the stack.
    fn core() -> (Outline, Vec<u8>) {
        let mut head = b"\x7fELF\x02\x01".to_vec();
        head.resize(1000, 0);
        let mut state = vec![0; 336];
        state[112 + 19 * 8..][..8].copy_from_slice(&0x7fff_0006_3000_u64.to_le_bytes());
        for field in [5u32, 336, 1] {
            head.extend(field.to_le_bytes());
        }
        head.extend(b"CORE\0\0\0\0");
        head.extend(state);
        let outline = Outline {
            table_end: 1000,
            notes: std::iter::once(1000..head.len() as u64).collect(),
            loads: vec![
                load(PAGE, 0x40_0000, 8 * PAGE),
                load(9 * PAGE, 0x100_0000, 1000 * PAGE),
                load(1009 * PAGE, 0x7fff_0000_0000, 100 * PAGE),
            ],
            section: None,
        };
        (outline, head)
    }

    fn kept(pages: u64, mut page: impl FnMut(u64) -> bool) -> Vec<u64> {
        let (outline, head) = core();
        let mut selection = Selection::new(&outline, &head, pages * PAGE);
        (0..1109).filter(|number| selection.keeps(number * PAGE, page(number * PAGE))).collect()
    }

    #[test]
    fn stacks_and_data_come_first() {
        let all: Vec<u64> = (0..1109).collect();
        assert_eq!(kept(2000, |_| false), all);
        let some = kept(200, |_| false);
        // An eighth is for what others point to.
        assert_eq!(some.len(), 175);
        assert!(some.starts_with(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), "{some:?}");
        assert!((1009..1109).all(|page| some.contains(&page)), "the stack: {some:?}");
        // Only what lies around the stack pointer (page 99 of the stack).
        let few = kept(40, |_| false);
        assert!(few.contains(&0) && few.contains(&1108) && few.contains(&(1108 - 16)), "{few:?}");
        // Zeros cost nothing.
        assert_eq!(kept(200, |at| at < 1000 * PAGE).len(), 1109);
        assert_eq!(kept(0, |_| false), [] as [u64; 0]);
    }

    #[test]
    fn pages_that_data_points_to() {
        let (outline, head) = core();
        let mut selection = Selection::new(&outline, &head, 150 * PAGE);
        let mut page = vec![0; PAGE as usize];
        page[8..16].copy_from_slice(&(0x100_0000 + 500 * PAGE + 24).to_le_bytes());
        let mut kept = Vec::new();
        for number in 0..1109 {
            let at = number * PAGE;
            if selection.keeps(at, false) {
                kept.push(number);
                if number == 3 {
                    selection.follow(at, &page);
                }
            }
        }
        assert!(kept.contains(&509) && kept.contains(&510) && !kept.contains(&508), "{kept:?}");
    }

    /// A heap whose every page points to others does not cost the stack.
    #[test]
    fn pointers_do_not_starve_what_is_sure() {
        let (outline, head) = core();
        let mut selection = Selection::new(&outline, &head, 150 * PAGE);
        let pointers: Vec<u8> = (0..512_u64)
            .flat_map(|number| (0x100_0000 + 2 * number * PAGE).to_le_bytes())
            .collect();
        let mut kept = Vec::new();
        for number in 0..1109 {
            if selection.keeps(number * PAGE, false) {
                kept.push(number);
                selection.follow(number * PAGE, &pointers);
            }
        }
        assert!((1009..1109).all(|page| kept.contains(&page)), "{kept:?}");
        assert!(kept.len() <= 150, "{kept:?}");
    }
}
