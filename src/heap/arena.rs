//! The arena of the first thread, which lies in the C library's own data.
//!
//! No symbol that is always there names it. It is found by its bins: 127 pairs
//! of words, of which an empty one points 16 bytes before itself, twice.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::{Module, Process};

/// Pairs of words in an arena (`NBINS` - 1).
const BINS: usize = 127;

/// Empty pairs in a row that cannot be chance.
const ENOUGH: usize = 8;

/// Bytes of the library's writable memory that are looked at.
const MOST_DATA: u64 = 256 << 10;

/// From an arena's start to its bins; measured with 2.36, and so since 2.27.
const TO_BINS: u64 = 0x70;

/// From an arena's start to the address of its last chunk.
const TO_TOP: u64 = 0x60;

/// From an arena's start to its lists of small blocks.
pub(super) const TO_FASTBINS: u64 = 0x10;

/// Lists of small blocks (`NFASTBINS`).
pub(super) const FASTBINS: u64 = 10;

/// Where an arena is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arena(pub(super) u64);

impl Arena {
    /// The chunk that new ones are cut from.
    pub(super) fn top(self, memory: &dyn Memory) -> Option<u64> {
        memory.u64(RunAddr(self.0.checked_add(TO_TOP)?)).ok().filter(|top| *top != 0)
    }
}

/// The arena of the first thread.
pub(super) fn main_arena(process: &Process<'_>, memory: &dyn Memory) -> Option<Arena> {
    let is_libc = |module: &&Module| {
        let name = module.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        name.starts_with(b"libc.so") || name.starts_with(b"libc-2")
    };
    let libc = process.modules.iter().find(is_libc);
    let module = libc.or_else(|| process.modules.iter().find(|module| module.is_main))?;
    let range = module.range;
    let mappings = process
        .mappings
        .iter()
        .filter(|mapping| mapping.permissions.write && range.contains(mapping.range.start));
    let mut left = MOST_DATA;
    for mapping in mappings {
        let size = mapping.range.len().min(left);
        left = left.saturating_sub(size);
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        let got = memory.read(mapping.range.start, &mut bytes);
        let words: Vec<u64> = bytes
            .get(..got)?
            .chunks_exact(8)
            .map(|word| word.try_into().map_or(0, u64::from_le_bytes))
            .collect();
        if let Some(found) = arena_in(mapping.range.start.0, &words) {
            return Some(found);
        }
    }
    None
}

/// The arena among words that begin at `start`, a multiple of 16: the 127 pairs
/// of which the last and the most are empty, and none is zero.
fn arena_in(start: u64, words: &[u64]) -> Option<Arena> {
    let address = |pair: usize| start.checked_add(u64::try_from(pair).ok()?.checked_mul(16)?);
    let pairs: Vec<Pair> = words
        .chunks_exact(2)
        .enumerate()
        .map(|(index, pair)| {
            let [one, other] = *pair else { return Pair::Zero };
            match address(index).and_then(|at| at.checked_sub(16)) {
                _ if one == 0 || other == 0 => Pair::Zero,
                Some(itself) if one == itself && other == itself => Pair::Empty,
                _ => Pair::InUse,
            }
        })
        .collect();
    let windows = pairs
        .windows(BINS)
        .enumerate()
        .filter(|(_, window)| window.last() == Some(&Pair::Empty) && !window.contains(&Pair::Zero));
    let counted = windows
        .map(|(index, window)| (window.iter().filter(|pair| **pair == Pair::Empty).count(), index));
    let (_, first) = counted.filter(|(empty, _)| *empty >= ENOUGH).max()?;
    Some(Arena(address(first)?.checked_sub(TO_BINS)?))
}

/// A pair of words of which an arena has many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// It points to itself.
    Empty,
    /// It points elsewhere.
    InUse,
    /// A word of it is zero: it is no bin.
    Zero,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bins_give_the_arena_away() {
        let start = 0x7f00_0000_1000_u64;
        let arena = start + 0x40;
        let at = |index: usize| start + index as u64 * 8;
        let bins = ((arena + TO_BINS - start) / 8) as usize;
        let words = |in_use: &[usize]| {
            let mut words = vec![0; 600];
            for bin in 0..BINS {
                let index = bins + 2 * bin;
                let itself = at(index) - 16;
                let value = if in_use.contains(&bin) { 0x5555_5555_9000 } else { itself };
                words[index] = value;
                words[index + 1] = value;
            }
            words
        };
        let all: Vec<usize> = (0..BINS).collect();
        let cases: [(&str, &[usize], Option<Arena>); 4] = [
            ("nothing was freed", &[], Some(Arena(arena))),
            ("the unsorted list is in use", &[0], Some(Arena(arena))),
            ("some are", &[0, 3, 17, 64, 100], Some(Arena(arena))),
            ("no bin is empty", &all, None),
        ];
        for (name, in_use, want) in cases {
            assert_eq!(arena_in(start, &words(in_use)), want, "{name}");
        }
        assert_eq!(arena_in(start, &[0; 600]), None, "no bins");
        assert_eq!(arena_in(start, &[]), None);
    }
}
