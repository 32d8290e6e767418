//! The chunks of one heap, from its start to its end.
//!
//! A chunk begins two words before what `malloc` returned: the size of the
//! previous chunk, which only counts while that one is free, and this one's, in
//! whose lowest three bits are flags: 1 the previous chunk is in use, 2 mapped
//! by itself, 4 not of the main arena.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Mapping;
use crate::heap::lists::is_tcache;
use crate::heap::{Block, Damage, List, State, Word};

/// Bytes of the smallest chunk.
const SMALLEST: u64 = 32;

/// The largest heap of an arena that is not the main one, and what its address
/// is a multiple of (`HEAP_MAX_SIZE` on 64 bits).
const MOST_ARENA_HEAP: u64 = 64 << 20;

/// Bytes within which the first chunk of an arena begins: `struct malloc_state`
/// has about 2,200.
const MOST_ARENA: u64 = 4096;

/// Words of an arena among which the address of its last chunk is; in version
/// 2.36 it is the thirteenth.
const ARENA_WORDS: u64 = 32;

pub(super) const IN_USE: u64 = 1;
pub(super) const MAPPED: u64 = 2;
pub(super) const FLAGS: u64 = 7;

/// A heap whose chunks lead from its first one to its end, or to damage.
pub(super) struct Chunks {
    /// The addresses of the chunks, in order.
    starts: Vec<u64>,
    /// The first address that no chunk of [`Chunks::starts`] has.
    end: u64,
    /// Where the chunks stop to make sense.
    pub(super) damage: Option<Damage>,
    /// The arena, for heaps that begin with one.
    pub(super) arena: Option<u64>,
    /// Whether the last chunk is the one that new ones are cut from.
    has_top: bool,
}

impl Chunks {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Chunks with their sizes, flags left out.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.end]);
        self.starts.iter().zip(ends).map(|(start, end)| (*start, end.saturating_sub(*start)))
    }

    /// The size of the chunk that begins at an address.
    pub(super) fn size(&self, chunk: u64) -> Option<u64> {
        let index = self.starts.binary_search(&chunk).ok()?;
        let end = self.starts.get(index.checked_add(1)?).copied().unwrap_or(self.end);
        end.checked_sub(chunk)
    }

    /// The block around an address; whether it waits in a list of its size is
    /// not looked at.
    pub(super) fn block(&self, memory: &dyn Memory, at: RunAddr) -> Option<Block> {
        let first = *self.starts.first()?;
        if !(first..self.end).contains(&at.0) {
            return None;
        }
        let index = self.starts.partition_point(|start| *start <= at.0).checked_sub(1)?;
        let chunk = *self.starts.get(index)?;
        let next = self.starts.get(index.checked_add(1)?).copied();
        let bytes = next.unwrap_or(self.end).checked_sub(chunk)?;
        let is_last = next.is_none();
        let state = match next.unwrap_or(self.end) {
            _ if is_last && self.has_top => State::Top,
            next => {
                let size = memory.u64(RunAddr(next.checked_add(8)?)).ok()?;
                let is_free = size & IN_USE == 0
                    && self.damage.is_none_or(|it| it.at.0 != next.saturating_add(8));
                if is_free { State::Free(List::Bin) } else { State::Allocated }
            }
        };
        let start = chunk.checked_add(16)?;
        // The next chunk's first word is this one's to use.
        let size = bytes.checked_sub(if state == State::Top { 16 } else { 8 })?;
        let offset = at.0.wrapping_sub(start).cast_signed();
        Some(Block { start: RunAddr(start), size, offset, state })
    }
}

/// The main heap, if a mapping is that: its chunks lead to its end. Where they
/// do not, it is still the main heap when the arena's last chunk, `top`, lies
/// in it, or when it begins with the first thread's cache.
pub(super) fn main_chunks(
    memory: &dyn Memory,
    mapping: &Mapping,
    top: Option<u64>,
    most: usize,
) -> Option<Chunks> {
    let start = mapping.range.start.0;
    let size = memory.u64(RunAddr(start.checked_add(8)?)).ok()?;
    // Nothing comes before the first one, which counts as in use.
    if size & FLAGS != IN_USE || memory.u64(RunAddr(start)).ok()? != 0 {
        return None;
    }
    let chunks = walk(memory, start, mapping.range.end.0, most)?;
    let has_top = top.is_some_and(|top| mapping.range.contains(RunAddr(top)));
    let is_sound = chunks.has_top || has_top || is_tcache(memory, start, chunks.size(start)?);
    is_sound.then_some(chunks)
}

/// The heaps of other arenas, which threads other than the first use. Each
/// begins at a multiple of its largest size with `struct heap_info`: the arena,
/// the heap before, the size in use, the size that may be written. The first
/// heap of an arena then has the arena itself, `struct malloc_state`, and the
/// chunks behind that. Neither's size is the same in all versions, so the first
/// chunk is the first place from which chunks lead to the end, and to the one
/// that the arena has as its last; or the thread's cache, when damage keeps
/// them from getting there.
///
/// `effort` is what may still be spent: one for each place that is looked at, and
/// one for each chunk that led nowhere. A damaged mapping may span everything.
pub(super) fn arena_chunks(
    memory: &dyn Memory,
    mapping: &Mapping,
    most: usize,
    effort: &mut usize,
) -> Vec<Chunks> {
    let mut found = Vec::new();
    let first = mapping.range.start.0.checked_next_multiple_of(MOST_ARENA_HEAP);
    let mut next = first;
    while let Some(heap) = next.filter(|heap| *heap < mapping.range.end.0) {
        let left = most.saturating_sub(found.iter().map(Chunks::len).sum());
        if left == 0 || *effort == 0 {
            break;
        }
        *effort = effort.saturating_sub(1);
        found.extend(arena_heap(memory, mapping, heap, left, effort));
        next = heap.checked_add(MOST_ARENA_HEAP);
    }
    found
}

fn arena_heap(
    memory: &dyn Memory,
    mapping: &Mapping,
    heap: u64,
    most: usize,
    effort: &mut usize,
) -> Option<Chunks> {
    let word = |at: u64, into: u64| memory.u64(RunAddr(at.checked_add(into)?)).ok();
    let (arena, used, writable) = (word(heap, 0)?, word(heap, 16)?, word(heap, 24)?);
    let end = heap.checked_add(used)?;
    let is_sound = used > 0
        && used <= writable
        && writable <= MOST_ARENA_HEAP
        && used.is_multiple_of(0x1000)
        && end <= mapping.range.end.0
        && (heap.checked_add(32)?..end).contains(&arena)
        && arena.is_multiple_of(16);
    if !is_sound {
        return None;
    }
    let last = arena.checked_add(MOST_ARENA)?.min(end);
    let mut chunk = arena;
    while chunk < last && *effort > 0 {
        let size = word(chunk, 8)?;
        let is_first = size & MAPPED == 0 && size & IN_USE != 0 && size & !FLAGS >= SMALLEST;
        if is_first && let Some(chunks) = walk(memory, chunk, end, most) {
            let top = chunks.starts.last().copied().filter(|_| chunks.has_top);
            let is_top = |index: u64| word(arena, index.saturating_mul(8)) == top;
            let leads = top.is_some() && (0..ARENA_WORDS).any(is_top);
            let first_size = chunks.size(chunk)?;
            if leads || chunks.damage.is_some() && is_tcache(memory, chunk, first_size) {
                return Some(Chunks { arena: Some(arena), ..chunks });
            }
            *effort = effort.saturating_sub(chunks.len());
        }
        chunk = chunk.checked_add(16)?;
    }
    None
}

/// Goes from a chunk to the end, or to the first one that makes no sense.
/// `None`: that is the first one.
fn walk(memory: &dyn Memory, first: u64, end: u64, most: usize) -> Option<Chunks> {
    let mut starts = Vec::new();
    let mut chunk = first;
    let mut size = memory.u64(RunAddr(chunk.checked_add(8)?)).ok()?;
    let before = |starts: &[u64], chunk: u64| {
        let last = starts.last()?.checked_add(16)?;
        Some((RunAddr(last), chunk.checked_add(8)?.checked_sub(last)?))
    };
    while starts.len() < most {
        let bytes = size & !FLAGS;
        let next = chunk.checked_add(bytes).filter(|next| *next <= end);
        let is_sound = bytes >= SMALLEST && bytes.is_multiple_of(16) && size & MAPPED == 0;
        let Some(next) = next.filter(|_| is_sound) else {
            let at = RunAddr(chunk.checked_add(8)?);
            let before = before(&starts, chunk);
            let damage = Damage { at, found: size, word: Word::Size, before };
            return (!starts.is_empty()).then_some(Chunks {
                starts,
                end: chunk,
                damage: Some(damage),
                arena: None,
                has_top: false,
            });
        };
        if next == end {
            starts.push(chunk);
            return Some(Chunks { starts, end, damage: None, arena: None, has_top: true });
        }
        let Ok(next_size) = memory.u64(RunAddr(next.checked_add(8)?)) else { break };
        // A free chunk has its size behind it, too.
        if next_size & IN_USE == 0 {
            let found = memory.u64(RunAddr(next)).ok()?;
            let bytes_of_next = next_size & !FLAGS;
            let is_next_sound = bytes_of_next >= SMALLEST
                && bytes_of_next.is_multiple_of(16)
                && next_size & MAPPED == 0
                && next.checked_add(bytes_of_next).is_some_and(|after| after <= end);
            if found != bytes && is_next_sound {
                let word = Word::PreviousSize;
                let at = RunAddr(next);
                let before = Some((RunAddr(chunk.checked_add(16)?), bytes.checked_sub(8)?));
                starts.push(chunk);
                let damage = Some(Damage { at, found, word, before });
                return Some(Chunks { starts, end: next, damage, arena: None, has_top: false });
            }
        }
        starts.push(chunk);
        chunk = next;
        size = next_size;
    }
    Some(Chunks { starts, end: chunk, damage: None, arena: None, has_top: false })
}
