//! Deques: elements in blocks of equal size, and a map of pointers to these.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::variables::place::Place;
use crate::variables::pretty::collection::{Collection, End};
use crate::variables::pretty::nodes::{Nodes, gathered};
use crate::variables::pretty::object::{Found, Object};
use crate::variables::read::Level;
use crate::variables::value::Value;

/// Where the elements of a deque are.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a, 'f> {
    /// Their type.
    pub(super) element: Option<Entry<'a, 'f>>,
    /// Pointers to the blocks.
    pub(super) map: RunAddr,
    /// How many elements a block has. Not zero.
    pub(super) block: u64,
    /// How many places for elements precede the first one.
    pub(super) skipped: u64,
    /// How many elements there are.
    pub(super) count: u64,
}

/// The elements.
pub(super) fn blocks<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    blocks: Blocks<'a, 'f>,
    level: Level,
) -> Found<Value> {
    let reading = object.reading;
    let of = reading.context.types.get(blocks.element);
    let size = object.at(blocks.element, RunAddr(0)).size()?;
    let mut walk = Walk { object, blocks, size, done: 0 };
    let found = Collection::sequence(reading);
    let push = |found: &mut Collection, at, level| {
        found.push(reading.typed(&of, &Place::Memory(at), level));
    };
    Ok(gathered(object, found, Some(blocks.count), &mut walk, level, push))
}

struct Walk<'o, 'r, 'c, 'a, 'f> {
    object: &'o Object<'r, 'c, 'a, 'f>,
    blocks: Blocks<'a, 'f>,
    size: u64,
    done: u64,
}

impl Nodes for Walk<'_, '_, '_, '_, '_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        let Blocks { map, block, skipped, count, .. } = self.blocks;
        if self.done >= count {
            return Ok(None);
        }
        let place = skipped.saturating_add(self.done);
        let node = place.checked_div(block).unwrap_or(0).saturating_mul(8);
        let start = self.object.word_at(RunAddr(map.0.wrapping_add(node)))?;
        let into = place.checked_rem(block).unwrap_or(0).saturating_mul(self.size);
        let at = RunAddr(start.wrapping_add(into));
        if !self.object.is_mapped(at) {
            return Err(self.object.absent(at));
        }
        self.done = self.done.saturating_add(1);
        Ok(Some(at))
    }
}
