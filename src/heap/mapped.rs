//! Blocks so large that each has a mapping of its own.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Mapping;
use crate::heap::chunks::{FLAGS, MAPPED};
use crate::heap::{Block, State};

/// Neighbors of the same kind share a mapping.
const MOST_NEIGHBORS: usize = 100_000;

/// The block around an address of a mapping that holds nothing but such blocks.
pub(super) fn block(memory: &dyn Memory, mapping: &Mapping, at: RunAddr) -> Option<Block> {
    let mut chunk = mapping.range.start.0;
    for _ in 0..MOST_NEIGHBORS {
        let size = memory.u64(RunAddr(chunk.checked_add(8)?)).ok()?;
        let bytes = size & !FLAGS;
        let is_whole = size & FLAGS == MAPPED && bytes.is_multiple_of(0x1000) && bytes > 0;
        let end = chunk.checked_add(bytes)?;
        if !is_whole || end > mapping.range.end.0 || memory.u64(RunAddr(chunk)).ok()? != 0 {
            return None;
        }
        if at.0 < end {
            let start = chunk.checked_add(16)?;
            let offset = at.0.wrapping_sub(start).cast_signed();
            let size = end.checked_sub(start)?;
            return Some(Block { start: RunAddr(start), size, offset, state: State::Mapped });
        }
        chunk = end;
    }
    None
}
