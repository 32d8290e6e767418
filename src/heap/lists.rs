//! Freed blocks that wait in lists of their size: the caches of the threads,
//! and the arenas' lists of small blocks.
//!
//! Such a block still counts as in use in the words of its neighbors.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::heap::arena::{Arena, FASTBINS, TO_FASTBINS};
use crate::heap::chunks::Chunks;
use crate::heap::{Damage, Freed, List, Word};

/// Blocks of all lists together.
const MOST_FREED: usize = 100_000;

/// Blocks of one list of a cache. The default limit is 7; a tunable allows
/// more.
const MOST_CACHED: u64 = 127;

/// A layout of `struct tcache_perthread_struct`: counters, then pointers.
struct Layout {
    /// The size of its chunk.
    chunk: u64,
    /// How many lists there are.
    lists: u64,
    /// Bytes of one counter.
    counter: u64,
    /// Whether the counters say how many blocks are there, not how many more
    /// may come.
    counts_blocks: bool,
}

/// By version: 2.30 to 2.41, 2.26 to 2.29, from 2.42 on. The first was
/// measured, the others are read from the sources; all are checked before use.
const LAYOUTS: [Layout; 3] = [
    Layout { chunk: 0x290, lists: 64, counter: 2, counts_blocks: true },
    Layout { chunk: 0x250, lists: 64, counter: 1, counts_blocks: true },
    Layout { chunk: 0x300, lists: 76, counter: 2, counts_blocks: false },
];

/// A cache: the first block of each list, null where it is empty.
struct Cache {
    heads: Vec<u64>,
}

/// Whether a chunk holds a thread's cache: its counters and pointers agree.
pub(super) fn is_tcache(memory: &dyn Memory, chunk: u64, size: u64) -> bool {
    cache(memory, chunk, size).is_some()
}

fn cache(memory: &dyn Memory, chunk: u64, size: u64) -> Option<Cache> {
    let layout = LAYOUTS.iter().find(|layout| layout.chunk == size)?;
    let user = chunk.checked_add(16)?;
    let counters = layout.lists.checked_mul(layout.counter)?;
    let mut bytes = vec![0; usize::try_from(size.checked_sub(16)?).ok()?];
    memory.read_exact(RunAddr(user), &mut bytes).ok()?;
    let split = usize::try_from(counters).ok()?;
    let (counters, pointers) = bytes.split_at_checked(split)?;
    let counters = counters.chunks_exact(usize::try_from(layout.counter).ok()?).map(|counter| {
        let bytes = counter.iter().rev();
        bytes.fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    });
    let lists = usize::try_from(layout.lists).ok()?;
    let heads = pointers.chunks_exact(8).take(lists);
    let heads: Vec<u64> = heads.map(|word| word.try_into().map_or(0, u64::from_le_bytes)).collect();
    let agrees = |(count, head): (u64, &u64)| {
        let is_aligned = head.is_multiple_of(16);
        let is_counted = (count == 0) == (*head == 0) && count <= MOST_CACHED;
        is_aligned && (is_counted || !layout.counts_blocks && count <= MOST_CACHED)
    };
    // One list may be what was damaged.
    let wrong = counters.zip(&heads).filter(|pair| !agrees(*pair)).count();
    (heads.len() == lists && wrong <= 1).then_some(Cache { heads })
}

/// The freed blocks of all lists, sorted by address, and the links that lead to
/// nothing.
pub(super) fn listed(
    memory: &dyn Memory,
    main: Option<Arena>,
    heaps: &[Chunks],
) -> (Vec<Freed>, Vec<Damage>) {
    let mut lists = Lists { memory, heaps, freed: Vec::new(), broken: Vec::new() };
    for heap in heaps {
        for (chunk, size) in heap.sizes() {
            let Some(cache) = cache(memory, chunk, size) else { continue };
            for head in cache.heads {
                lists.follow(head, List::Tcache);
            }
        }
    }
    let others = heaps.iter().filter_map(|heap| heap.arena).map(Arena);
    for arena in main.into_iter().chain(others) {
        for index in 0..FASTBINS {
            let at = arena.0.saturating_add(TO_FASTBINS).saturating_add(index.saturating_mul(8));
            // Fastbins link chunks, not what is in them.
            let chunk = memory.u64(RunAddr(at)).unwrap_or(0);
            if chunk != 0 && chunk.is_multiple_of(16) {
                lists.follow(chunk.saturating_add(16), List::Fastbin);
            }
        }
    }
    lists.freed.sort_unstable_by_key(|freed| freed.start);
    lists.freed.dedup_by_key(|freed| freed.start);
    (lists.freed, lists.broken)
}

struct Lists<'l> {
    memory: &'l dyn Memory,
    heaps: &'l [Chunks],
    freed: Vec<Freed>,
    broken: Vec<Damage>,
}

impl Lists<'_> {
    /// Follows a list of blocks of one size from its first one.
    fn follow(&mut self, first: u64, list: List) {
        let mut user = first;
        let mut size = None;
        let mut here = 0_usize;
        while user != 0 && self.freed.len() < MOST_FREED {
            let Some(own) = self.size(user) else { return };
            // A list has one size; what does not fit was not put there.
            if size.is_some_and(|size| size != own) {
                return;
            }
            size = Some(own);
            let Ok(link) = self.memory.u64(RunAddr(user)) else { return };
            let start = RunAddr(user);
            // A list that leads into itself is damaged, too.
            let own_part =
                self.freed.len().checked_sub(here).and_then(|from| self.freed.get(from..));
            if own_part.is_some_and(|part| part.iter().any(|freed| freed.start == start)) {
                return;
            }
            self.freed.push(Freed { start, list, link });
            here = here.saturating_add(1);
            match self.next(user, link, list) {
                Some(next) => user = next,
                None => {
                    let before = own.checked_sub(8).map(|usable| (start, usable));
                    self.broken.push(Damage { at: start, found: link, word: Word::Link, before });
                    return;
                }
            }
            // Quadratic searches stay short.
            if here > 1024 {
                return;
            }
        }
    }

    /// Where a link leads: as it is, or mangled with its own address, as since
    /// 2.32. `None`: nowhere.
    fn next(&self, at: u64, link: u64, list: List) -> Option<u64> {
        let into = if list == List::Fastbin { 16 } else { 0 };
        let targets = [link ^ (at >> 12), link];
        targets.into_iter().find_map(|target| match target {
            0 => Some(0),
            target => {
                let user = target.checked_add(into)?;
                self.size(user).map(|_| user)
            }
        })
    }

    /// The size of the chunk that holds a block.
    fn size(&self, user: u64) -> Option<u64> {
        let chunk = user.checked_sub(16)?;
        self.heaps.iter().find_map(|heap| heap.size(chunk))
    }
}
