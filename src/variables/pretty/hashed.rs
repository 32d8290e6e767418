//! Maps and sets that are hash tables, all nodes of which are in one list.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::variables::pretty::collection::Collection;
use crate::variables::pretty::nodes::{Chain, gathered};
use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::pretty::sorted::push;
use crate::variables::read::Level;
use crate::variables::value::Value;

/// What a table says of itself.
pub(super) struct Hashed<'a, 'f> {
    /// What its nodes hold.
    pub(super) element: Entry<'a, 'f>,
    /// Whether these are pairs of a key and a value.
    pub(super) is_map: bool,
    /// Where its buckets are, and how many.
    pub(super) buckets: (RunAddr, u64),
    /// How many nodes it has.
    pub(super) count: u64,
    /// Where a node keeps its successor.
    pub(super) next: u64,
    /// How many bytes of a node precede the value.
    pub(super) links: u64,
}

/// The elements of a table, whose first node `before` points to as a node would.
pub(super) fn hashed<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    before: &Object<'_, '_, 'a, 'f>,
    of: Hashed<'a, 'f>,
    level: Level,
) -> Found<Value> {
    let (buckets, bucket_count) = of.buckets;
    object.reading.check_extent(buckets, bucket_count, 8)?;
    let first = RunAddr(before.word_at(RunAddr(before.address()?.0.wrapping_add(of.next)))?);
    if (first.0 == 0) != (of.count == 0) || (bucket_count == 0 && of.count > 0) {
        return damaged(format!("its size is {}, its nodes say otherwise", of.count));
    }
    let found = match of.is_map {
        true => Collection::map(object.reading),
        false => Collection::sequence(object.reading),
    };
    let mut nodes = Chain::new(object, first, of.next);
    let value = |found: &mut Collection, node, level| {
        push(found, &object.behind(of.element, node, of.links), of.is_map, level);
    };
    Ok(gathered(object, found, Some(of.count), &mut nodes, level, value))
}
