//! Blocks of the C library's allocator.
//!
//! Layout of a chunk (glibc `malloc/malloc.c`, `struct malloc_chunk`): two
//! words before what `malloc` returned, the size of the previous chunk and this
//! one's, in whose lowest three bits are flags: 1 the previous chunk is in use,
//! 2 mapped by itself, 4 not of the main arena.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Mapping;
use crate::report::model::{HeapBlock, HeapState};

/// Chunks of one heap that are walked over.
const MOST_CHUNKS: usize = 2_000_000;

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

const IN_USE: u64 = 1;
const MAPPED: u64 = 2;
const FLAGS: u64 = 7;

/// The block around an address of a mapping without a file. `None`: it is no
/// heap of that kind for certain, or its chunks are damaged.
pub(super) fn block(memory: &dyn Memory, mapping: &Mapping, at: RunAddr) -> Option<HeapBlock> {
    // Chunks of 32-bit processes have words of four bytes, and are not read.
    let is_64 = memory.model().is_64();
    if !is_64 || mapping.path.as_deref().is_some_and(|path| path != b"[heap]") {
        return None;
    }
    let of_main = || walked(memory, mapping, at);
    mapped(memory, mapping, at).or_else(of_main).or_else(|| of_arena(memory, mapping, at))
}

/// A block so large that it has a mapping of its own.
fn mapped(memory: &dyn Memory, mapping: &Mapping, at: RunAddr) -> Option<HeapBlock> {
    let mut chunk = mapping.range.start.0;
    // Neighbors of the same kind share a mapping.
    for _ in 0..MOST_CHUNKS {
        let size = memory.u64(RunAddr(chunk.checked_add(8)?)).ok()?;
        let bytes = size & !FLAGS;
        let is_whole = size & FLAGS == MAPPED && bytes.is_multiple_of(0x1000) && bytes > 0;
        let end = chunk.checked_add(bytes)?;
        if !is_whole || end > mapping.range.end.0 || memory.u64(RunAddr(chunk)).ok()? != 0 {
            return None;
        }
        if at.0 < end {
            let start = chunk.checked_add(16)?;
            return found(at, start, end.checked_sub(start)?, HeapState::Mapped);
        }
        chunk = end;
    }
    None
}

/// A block of the main heap: the chunks from its start must lead to its end.
fn walked(memory: &dyn Memory, mapping: &Mapping, at: RunAddr) -> Option<HeapBlock> {
    let start = mapping.range.start.0;
    let size = memory.u64(RunAddr(start.checked_add(8)?)).ok()?;
    // Nothing comes before the first one, which counts as in use.
    if size & FLAGS != IN_USE || memory.u64(RunAddr(start)).ok()? != 0 {
        return None;
    }
    let walk = walk(memory, start, mapping.range.end.0, at)?;
    walk.found(at)
}

/// A block of the heap of another arena, which threads other than the first
/// use. It begins at a multiple of its largest size with `struct heap_info`
/// (`malloc/arena.c`): the arena, the heap before, the size in use, the size
/// that may be written. The first heap of an arena then has the arena itself,
/// `struct malloc_state`, and the chunks behind that. Neither's size is the
/// same in all versions, so the first chunk is the first place from which
/// chunks lead to the end, and to the one that the arena has as its last.
fn of_arena(memory: &dyn Memory, mapping: &Mapping, at: RunAddr) -> Option<HeapBlock> {
    let heap = at.0 & !(MOST_ARENA_HEAP.checked_sub(1)?);
    if !mapping.range.contains(RunAddr(heap)) {
        return None;
    }
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
    if !is_sound || at.0 >= end {
        return None;
    }
    let mut chunk = arena;
    let last = arena.checked_add(MOST_ARENA)?.min(end);
    while chunk < last {
        let size = word(chunk, 8)?;
        let is_first = size & MAPPED == 0 && size & IN_USE != 0;
        if is_first
            && let Some(walk) = walk(memory, chunk, end, at)
            && (0..ARENA_WORDS).any(|index| word(arena, index * 8) == Some(walk.top))
        {
            return walk.found(at);
        }
        chunk = chunk.checked_add(16)?;
    }
    None
}

/// Chunks that lead to the end of a heap.
struct Walk {
    /// The last chunk, from which new ones are cut.
    top: u64,
    /// The chunk around the address, its size, and what it is used for.
    around: Option<(u64, u64, HeapState)>,
}

impl Walk {
    fn found(&self, at: RunAddr) -> Option<HeapBlock> {
        let (start, bytes, state) = self.around?;
        let start = start.checked_add(16)?;
        // The next chunk's first word is this one's to use.
        let usable = bytes.checked_sub(if state == HeapState::Top { 16 } else { 8 })?;
        found(at, start, usable, state)
    }
}

/// Goes from a chunk to the end. `None`: they do not lead there.
fn walk(memory: &dyn Memory, first: u64, end: u64, at: RunAddr) -> Option<Walk> {
    let mut chunk = first;
    let mut around = None;
    let mut size = memory.u64(RunAddr(chunk.checked_add(8)?)).ok()?;
    for _ in 0..MOST_CHUNKS {
        let bytes = size & !FLAGS;
        let next = chunk.checked_add(bytes)?;
        let is_sound = bytes >= SMALLEST && bytes.is_multiple_of(16) && size & MAPPED == 0;
        if !is_sound || next > end {
            return None;
        }
        let is_here = (chunk..next).contains(&at.0);
        if next == end {
            if is_here {
                around = Some((chunk, bytes, HeapState::Top));
            }
            return Some(Walk { top: chunk, around });
        }
        let next_size = memory.u64(RunAddr(next.checked_add(8)?)).ok()?;
        if is_here {
            let is_used = next_size & IN_USE != 0;
            let state = if is_used { HeapState::Allocated } else { HeapState::Free };
            around = Some((chunk, bytes, state));
        }
        chunk = next;
        size = next_size;
    }
    None
}

fn found(at: RunAddr, start: u64, usable: u64, state: HeapState) -> Option<HeapBlock> {
    Some(HeapBlock {
        address: RunAddr(start).into(),
        size: usable,
        offset: at.0.wrapping_sub(start).cast_signed(),
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::{FileOff, RunRange};
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::Permissions;

    const START: u64 = 0x10000;

    /// A heap of these sizes, flags included; the rest is zero.
    fn heap(sizes: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for size in sizes {
            let mut chunk = vec![0; (size & !FLAGS) as usize];
            chunk[8..16].copy_from_slice(&size.to_le_bytes());
            bytes.extend(chunk);
        }
        bytes
    }

    fn block_in(bytes: &[u8], at: u64) -> Option<HeapBlock> {
        let end = RunAddr(START + bytes.len() as u64);
        let mapping = Mapping {
            range: RunRange { start: RunAddr(START), end },
            permissions: Permissions { read: true, write: true, execute: false, known: true },
            path: None,
            offset: FileOff(0),
            dumped: bytes.len() as u64,
        };
        block(&Bytes(START, bytes), &mapping, RunAddr(at))
    }

    #[test]
    fn blocks_of_a_sound_heap() {
        let heap = heap(&[0x21, 0x41, 0x31, 0x1000 - 0x90 + 1 - 1]);
        // The third chunk is free: the fourth says that its previous one is.
        let cases = [
            ("in the first", START + 0x18, 0x18, 8, HeapState::Allocated),
            ("at the start of the second", START + 0x30, 0x38, 0, HeapState::Allocated),
            ("in its header", START + 0x28, 0x38, -8, HeapState::Allocated),
            ("in the free one", START + 0x80, 0x28, 0x10, HeapState::Free),
            ("in what was never used", START + 0xf00, 0xf60, 0xe60, HeapState::Top),
        ];
        for (name, at, size, offset, state) in cases {
            let found = block_in(&heap, at).unwrap();
            assert_eq!((found.size, found.offset, found.state), (size, offset, state), "{name}");
        }
    }

    #[test]
    fn a_damaged_heap_says_nothing() {
        let sound = heap(&[0x21, 0x41, 0x31, 0xf70]);
        for (name, at, value) in [
            ("a size of zero", 0x28, 0_u64),
            ("a size that leads out", 0x28, 0x9001),
            ("a size that leads into a chunk", 0x28, 0x51),
            ("a crooked size", 0x28, 0x49),
        ] {
            let mut damaged = sound.clone();
            damaged[at..at + 8].copy_from_slice(&value.to_le_bytes());
            assert_eq!(block_in(&damaged, START + 0x18), None, "{name}");
        }
        assert_eq!(block_in(&[0; 0x1000], START + 0x18), None);
        assert_eq!(block_in(&[0xff; 0x1000], START + 0x18), None);
    }

    #[test]
    fn a_block_with_a_mapping_of_its_own() {
        let found = block_in(&heap(&[0x2002]), START + 0x20).unwrap();
        assert_eq!((found.size, found.offset), (0x1ff0, 0x10));
        assert_eq!(found.state, HeapState::Mapped);
    }

    /// The heap of an arena: heap_info, the arena with `top` at word 12, chunks.
    fn arena_heap(top_in_arena: Option<u64>) -> (u64, Vec<u8>) {
        let start = 3 * MOST_ARENA_HEAP;
        let mut bytes = vec![0; 0x2000];
        let mut put = |at: u64, word: u64| {
            bytes[at as usize..at as usize + 8].copy_from_slice(&word.to_le_bytes());
        };
        put(0, start + 0x30);
        put(16, 0x2000);
        put(24, 0x21000);
        // 0x8d0: the first chunk, in use; then a freed one, and the last.
        put(0x8d8, 0x45);
        put(0x918, 0x35);
        put(0x948, 0x2000 - 0x940);
        if let Some(top) = top_in_arena {
            put(0x30 + 96, start + top);
        }
        (start, bytes)
    }

    #[test]
    fn blocks_of_other_arenas() {
        let block_at = |top, into: u64| {
            let (start, bytes) = arena_heap(top);
            let mapping = Mapping {
                range: RunRange { start: RunAddr(start), end: RunAddr(start + 0x21000) },
                permissions: Permissions { read: true, write: true, execute: false, known: true },
                path: None,
                offset: FileOff(0),
                dumped: bytes.len() as u64,
            };
            block(&Bytes(start, &bytes), &mapping, RunAddr(start + into))
                .map(|found| (found.address.0 - start, found.size, found.state))
        };
        let top = Some(0x940);
        assert_eq!(block_at(top, 0x8f0), Some((0x8e0, 0x38, HeapState::Allocated)));
        assert_eq!(block_at(top, 0x920), Some((0x920, 0x28, HeapState::Free)));
        assert_eq!(block_at(top, 0x1000).unwrap().2, HeapState::Top);
        assert_eq!(block_at(top, 0x100), None, "in the arena itself");
        assert_eq!(block_at(None, 0x8f0), None, "the arena knows no such last chunk");
        assert_eq!(block_at(top, 0x2000), None, "behind what is in use");
    }
}
