//! The blocks of glibc's allocator: what an address is, which blocks are free,
//! and where the allocator's own words were overwritten.
//!
//! Only the memory is needed, no symbols. Layouts differ between versions, so
//! each one is tried and checked against what must hold before it is believed:
//! chunks lead to the heap's end, lists lead to chunks of their size.
//!
//! Sources: glibc `malloc/malloc.c` (`struct malloc_chunk`, `struct
//! malloc_state`, `struct tcache_perthread_struct`), `malloc/arena.c` (`struct
//! heap_info`).
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod arena;
mod chunks;
mod lists;
mod mapped;
#[cfg(test)]
mod tests;

use crate::base::addr::RunAddr;
use crate::base::data_model::ByteOrder;
use crate::base::memory::Memory;
use crate::dump::process::{Mapping, Process};
use crate::heap::arena::main_arena;
use crate::heap::chunks::{Chunks, arena_chunks, main_chunks};
use crate::heap::lists::listed;

/// Chunks of all heaps together that are walked over when one address is asked
/// for.
pub const MANY_CHUNKS: usize = 2_000_000;

/// Chunks that are walked over in search of a cause.
pub const SOME_CHUNKS: usize = 200_000;

/// Heaps that are looked at: one for the first thread, one or more for each
/// other arena.
const MOST_HEAPS: usize = 4096;

/// Places where a heap could begin, and chunks that lead nowhere, that are
/// looked at in all.
const MOST_EFFORT: usize = 1_000_000;

/// All heaps of a process.
pub struct Heaps<'m> {
    memory: &'m dyn Memory,
    mappings: &'m [Mapping],
    heaps: Vec<Chunks>,
    freed: Vec<Freed>,
    damages: Vec<Damage>,
}

/// A block that was freed, and waits in a list of its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// What `malloc` had returned for it.
    pub start: RunAddr,
    /// Which kind of list it waits in.
    pub list: List,
    /// The word by which the list goes on, as it is in memory: since 2.32
    /// mangled with its own address.
    pub link: u64,
}

/// Where freed blocks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The thread's own cache.
    Tcache,
    /// The arena's lists of small blocks.
    Fastbin,
    /// The arena's other lists, in which neighbors are merged.
    Bin,
}

impl List {
    /// As the allocator's documentation calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcache => "tcache",
            Self::Fastbin => "fastbin",
            Self::Bin => "bin",
        }
    }
}

/// What a block is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was handed out.
    Allocated,
    /// It was freed.
    Free(List),
    /// It was never handed out: the rest of the heap.
    Top,
    /// It was handed out, and has a mapping of its own.
    Mapped,
}

/// The block around an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What `malloc` returned for it.
    pub start: RunAddr,
    /// Bytes that may be used.
    pub size: u64,
    /// Bytes from its start to the address; negative in the allocator's words.
    pub offset: i64,
    /// What it is used for.
    pub state: State,
}

/// A place where the allocator's own words make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The word at fault.
    pub at: RunAddr,
    /// What it holds.
    pub found: u64,
    /// Which word it is.
    pub word: Word,
    /// The block right before, which was probably written beyond its end: its
    /// start and usable bytes. Of a link: the freed block that has it.
    pub before: Option<(RunAddr, u64)>,
}

/// The allocator's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The size of a chunk.
    Size,
    /// The size of the last chunk, whose end must be the heap's.
    TopSize,
    /// The size of the chunk before, which is free.
    PreviousSize,
    /// The link of a freed block.
    Link,
}

impl<'m> Heaps<'m> {
    /// Finds the heaps of a process and walks over at most `most` chunks of
    /// them.
    pub fn read(process: &'m Process<'_>, memory: &'m dyn Memory, most: usize) -> Self {
        let mappings = process.mappings.as_slice();
        let none =
            Self { memory, mappings, heaps: Vec::new(), freed: Vec::new(), damages: Vec::new() };
        // The layouts are those of 64 bits, and words are read little-endian.
        if !process.arch.is_64() || process.arch.model().order != ByteOrder::Little {
            return Self { mappings: &[], ..none };
        }
        let arena = main_arena(process, memory);
        let mut heaps: Vec<Chunks> = Vec::new();
        let (mut left, mut effort) = (most, MOST_EFFORT);
        for mapping in mappings.iter().filter(|mapping| may_be_heap(mapping)) {
            if heaps.len() >= MOST_HEAPS || left == 0 {
                break;
            }
            let top = arena.and_then(|arena| arena.top(memory));
            let main = main_chunks(memory, mapping, top, left);
            let of_arenas = || arena_chunks(memory, mapping, left, &mut effort);
            let found = main.map_or_else(of_arenas, |it| vec![it]);
            for chunks in found {
                left = left.saturating_sub(chunks.len());
                heaps.push(chunks);
            }
        }
        let (freed, broken) = listed(memory, arena, &heaps);
        let mut damages: Vec<Damage> = heaps.iter().filter_map(|heap| heap.damage).collect();
        damages.extend(broken);
        Self { heaps, freed, damages, ..none }
    }

    /// Whether any heap was found.
    pub fn is_empty(&self) -> bool {
        self.heaps.is_empty()
    }

    /// The block around an address. `None`: it is in no heap for certain, or
    /// behind damage.
    pub fn block(&self, at: RunAddr) -> Option<Block> {
        let found = self.heaps.iter().find_map(|heap| heap.block(self.memory, at));
        let found = found.map(|block| match self.freed_at(block.start) {
            Some(freed) => Block { state: State::Free(freed.list), ..block },
            None => block,
        });
        found.or_else(|| {
            let after = self.mappings.partition_point(|mapping| mapping.range.start <= at);
            let mapping = self.mappings.get(after.checked_sub(1)?)?;
            let fits = mapping.range.contains(at) && may_be_heap(mapping);
            fits.then(|| mapped::block(self.memory, mapping, at)).flatten()
        })
    }

    /// The block right behind another one.
    pub fn next(&self, block: &Block) -> Option<Block> {
        let end = block.start.checked_add(block.size)?.checked_add(8)?;
        self.block(end)
    }

    /// The freed blocks that wait in lists of their size, sorted by address.
    pub fn freed(&self) -> &[Freed] {
        &self.freed
    }

    /// The freed block that starts here.
    pub fn freed_at(&self, start: RunAddr) -> Option<&Freed> {
        let index = self.freed.binary_search_by_key(&start, |freed| freed.start).ok()?;
        self.freed.get(index)
    }

    /// Where the allocator's own words make no sense.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }
}

/// Whether the allocator may have its heaps there.
fn may_be_heap(mapping: &Mapping) -> bool {
    let permissions = mapping.permissions;
    let is_plain = mapping.path.as_deref().is_none_or(|path| path == b"[heap]");
    is_plain && permissions.write && !permissions.execute
}
