//! Which of many address ranges contain an address.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::LinkAddr;

/// Address ranges with a value each. They may overlap.
#[derive(Debug)]
pub(super) struct RangeIndex<T> {
    /// By start; of equal starts the longest first.
    entries: Vec<Entry<T>>,
    /// For each [`BLOCK`] of entries, the highest end in it and all blocks
    /// before it: where a search backwards may stop.
    highest_ends: Vec<u64>,
}

/// Sixteen bytes with a value of four: large binaries have millions of ranges.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    start: u64,
    len: u32,
    value: T,
}

impl<T> Entry<T> {
    fn end(&self) -> u64 {
        self.start.saturating_add(u64::from(self.len))
    }
}

/// Entries that are searched before it is asked whether to go on.
const BLOCK: usize = 32;

/// A search looks at no more than this many entries: hostile files can overlap
/// all of their ranges.
const MOST_STEPS: usize = 100_000;

impl<T: Copy> RangeIndex<T> {
    /// Sorts `ranges`, each from its first address up to, and without, its
    /// second one. Empty ones are dropped, and so are those that start at
    /// zero: linkers leave them behind for functions that they removed, and an
    /// ELF file has its header there, not code. Of a range longer than 4 GiB
    /// the first 4 GiB count: no code is.
    pub(super) fn new(ranges: impl IntoIterator<Item = (u64, u64, T)>) -> Self {
        let entry = |(start, end, value): (u64, u64, T)| {
            let len = end.checked_sub(start).filter(|len| *len > 0 && start > 0)?;
            Some(Entry { start, len: u32::try_from(len).unwrap_or(u32::MAX), value })
        };
        let mut entries: Vec<Entry<T>> = ranges.into_iter().filter_map(entry).collect();
        // Compilers write their functions in order, so that there are long
        // sorted runs, which a stable sort makes use of.
        entries.sort_by(|one, other| {
            one.start.cmp(&other.start).then_with(|| other.len.cmp(&one.len))
        });
        let mut highest_end = 0;
        let highest_ends = entries
            .chunks(BLOCK)
            .map(|block| {
                let end = block.iter().map(Entry::end).max().unwrap_or(0);
                highest_end = end.max(highest_end);
                highest_end
            })
            .collect();
        Self { entries, highest_ends }
    }

    /// The start and value of each range that contains `at`, the one with the
    /// nearest start first.
    pub(super) fn containing(&self, at: LinkAddr) -> impl Iterator<Item = (LinkAddr, T)> {
        let after = self.entries.partition_point(|entry| entry.start <= at.0);
        let before = self.entries.get(..after).unwrap_or_default();
        // From the end of what begins before the address, block by block.
        let blocks = before.chunks(BLOCK).zip(&self.highest_ends).rev();
        blocks
            .take_while(move |(_, highest_end)| **highest_end > at.0)
            .flat_map(|(block, _)| block.iter().rev())
            .take(MOST_STEPS)
            .filter(move |entry| entry.end() > at.0)
            .map(|entry| (LinkAddr(entry.start), entry.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_start_comes_first() {
        let index = RangeIndex::new([
            (0x100, 0x200, "outer"),
            (0x140, 0x180, "inner"),
            (0x140, 0x150, "innermost"),
            (0x300, 0x310, "apart"),
            (0x0, 0x1000, "removed by the linker"),
            (0x500, 0x400, "backwards"),
            (u64::MAX - 1, u64::MAX, "top"),
        ]);
        let cases: &[(u64, &[&str])] = &[
            (0xff, &[]),
            (0x100, &["outer"]),
            (0x145, &["innermost", "inner", "outer"]),
            (0x150, &["inner", "outer"]),
            (0x1ff, &["outer"]),
            (0x200, &[]),
            (0x30f, &["apart"]),
            (0x450, &[]),
            (u64::MAX - 1, &["top"]),
            (u64::MAX, &[]),
        ];
        for (at, want) in cases {
            let found: Vec<_> = index.containing(LinkAddr(*at)).map(|(_, value)| value).collect();
            assert_eq!(&found, want, "{at:#x}");
        }
    }

    #[test]
    fn a_long_range_is_found_behind_many_short_ones() {
        let short = (1..1000_u64).map(|number| (number * 16, number * 16 + 8, number as u32));
        let index = RangeIndex::new(short.chain([(8, 100_000, 0)]));
        let at = |at| index.containing(LinkAddr(at)).map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(at(500 * 16 + 7), [500, 0]);
        assert_eq!(at(500 * 16 + 8), [0]);
        assert_eq!(at(99_999), [0]);
        assert_eq!(at(100_000), [0; 0]);
    }
}
