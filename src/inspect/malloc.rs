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

const IN_USE: u64 = 1;
const MAPPED: u64 = 2;
const FLAGS: u64 = 7;

/// The block around an address of a mapping without a file. `None`: it is no
/// heap of that kind for certain, or its chunks are damaged.
pub(super) fn block(memory: &dyn Memory, mapping: &Mapping, at: RunAddr) -> Option<HeapBlock> {
    if mapping.path.as_deref().is_some_and(|path| path != b"[heap]") {
        return None;
    }
    mapped(memory, mapping, at).or_else(|| walked(memory, mapping, at))
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
    let end = mapping.range.end.0;
    let mut chunk = mapping.range.start.0;
    let mut around: Option<(u64, u64)> = None;
    let mut size = memory.u64(RunAddr(chunk.checked_add(8)?)).ok()?;
    // Nothing comes before the first one, which counts as in use.
    if size & FLAGS != IN_USE || memory.u64(RunAddr(chunk)).ok()? != 0 {
        return None;
    }
    let mut state = HeapState::Allocated;
    for _ in 0..MOST_CHUNKS {
        let bytes = size & !FLAGS;
        let next = chunk.checked_add(bytes)?;
        let is_sound = bytes >= SMALLEST && bytes.is_multiple_of(16) && size & (MAPPED | 4) == 0;
        if !is_sound || next > end {
            return None;
        }
        let is_here = (chunk..next).contains(&at.0);
        if is_here {
            around = Some((chunk, bytes));
        }
        // The last chunk, from which new ones are cut, reaches to the end.
        if next == end {
            let (start, bytes) = around?;
            let state = if is_here { HeapState::Top } else { state };
            let start = start.checked_add(16)?;
            // The next chunk's first word is this one's to use.
            let usable = bytes.checked_sub(if state == HeapState::Top { 16 } else { 8 })?;
            return found(at, start, usable, state);
        }
        let next_size = memory.u64(RunAddr(next.checked_add(8)?)).ok()?;
        if is_here {
            let is_used = next_size & IN_USE != 0;
            state = if is_used { HeapState::Allocated } else { HeapState::Free };
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
}
