//! Which of many address ranges contain an address.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::LinkAddr;

/// Address ranges with a value each. They may overlap.
#[derive(Debug, Default)]
pub(super) struct RangeIndex<T> {
    /// By start; of equal starts the longest first.
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    start: u64,
    end: u64,
    /// The highest end of this entry and all before it: where a search
    /// backwards may stop.
    highest_end: u64,
    value: T,
}

/// A search looks at no more than this many entries: hostile files can overlap
/// all of their ranges.
const MOST_STEPS: usize = 100_000;

impl<T: Copy> RangeIndex<T> {
    /// Sorts `ranges`, each from its first address up to, and without, its
    /// second one. Empty ones are dropped, and so are those that start at
    /// zero: linkers leave them behind for functions that they removed, and an
    /// ELF file has its header there, not code.
    pub(super) fn new(ranges: impl IntoIterator<Item = (u64, u64, T)>) -> Self {
        let mut entries: Vec<_> = ranges
            .into_iter()
            .filter(|(start, end, _)| *start > 0 && start < end)
            .map(|(start, end, value)| Entry { start, end, highest_end: 0, value })
            .collect();
        entries.sort_by(|one, other| {
            one.start.cmp(&other.start).then_with(|| other.end.cmp(&one.end))
        });
        let mut highest_end = 0;
        for entry in &mut entries {
            highest_end = entry.end.max(highest_end);
            entry.highest_end = highest_end;
        }
        Self { entries }
    }

    /// The start and value of each range that contains `at`, the one with the
    /// nearest start first.
    pub(super) fn containing(&self, at: LinkAddr) -> impl Iterator<Item = (LinkAddr, T)> {
        let after = self.entries.partition_point(|entry| entry.start <= at.0);
        let before = self.entries.get(..after).unwrap_or_default();
        before
            .iter()
            .rev()
            .take(MOST_STEPS)
            .take_while(move |entry| entry.highest_end > at.0)
            .filter(move |entry| entry.end > at.0)
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
            (u64::MAX, &[]),
        ];
        for (at, want) in cases {
            let found: Vec<_> = index.containing(LinkAddr(*at)).map(|(_, value)| value).collect();
            assert_eq!(&found, want, "{at:#x}");
        }
    }
}
