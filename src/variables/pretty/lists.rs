//! Lists, and iterators in them.

use rustc_hash::FxHashSet;

use crate::base::addr::RunAddr;
use crate::variables::pretty::collection::Collection;
use crate::variables::pretty::layout::Behind;
use crate::variables::pretty::nodes::{Chain, Nodes, Ring, gathered};
use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::pretty::pointed::{end, pointed};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// How many nodes of a list are passed to see which one is its head.
const MOST_NODES: u64 = 16_384;

/// Where a node of a ring has its links, and how large these are; the value lies
/// behind them.
#[derive(Clone, Copy)]
pub(super) struct Links {
    pub(super) next: u64,
    pub(super) previous: u64,
    pub(super) size: u64,
}

/// A list whose nodes are a ring with its head.
pub(super) fn ringed<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    head: &Object<'_, '_, 'a, 'f>,
    links: Links,
    count: Option<u64>,
    level: Level,
) -> Found<Value> {
    let at = head.address()?;
    let last = head.word_at(RunAddr(at.0.wrapping_add(links.previous)))?;
    if count.is_some_and(|count| (count == 0) != (last == at.0)) {
        return damaged(format!("its size is {}, its nodes say otherwise", count.unwrap_or(0)));
    }
    let mut nodes = Ring::new(head, at, [links.next, links.previous]);
    values(object, &mut nodes, count, links.size, level)
}

/// A list whose last node points to nothing, and whose nodes nobody counts.
pub(super) fn chained<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    head: &Object<'_, '_, 'a, 'f>,
    next: &str,
    level: Level,
) -> Found<Value> {
    let mut nodes = Chain::new(object, head.pointer(next)?, head.offset(next)?);
    values(object, &mut nodes, None, head.size()?, level)
}

/// The values behind the links of nodes.
fn values(
    object: &Object<'_, '_, '_, '_>,
    nodes: &mut dyn Nodes,
    count: Option<u64>,
    links: u64,
    level: Level,
) -> Found<Value> {
    let behind = Behind::links(object, object.argument("_Tp", 0)?, links)?;
    let found = Collection::sequence(object.reading);
    let value = |found: &mut Collection, node, level| found.push(behind.of(node).value(level));
    Ok(gathered(object, found, count, nodes, level, value))
}

/// What an iterator in a chain is at.
pub(super) fn in_chain<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    node: &Object<'_, '_, 'a, 'f>,
    level: Level,
) -> Found<Value> {
    let at = node.address()?;
    if at.0 == 0 {
        return Ok(end(object));
    }
    let behind = Behind::links(object, object.argument("_Tp", 0)?, node.size()?)?;
    Ok(pointed(&behind.of(at), object.place.origin(), level))
}

/// What an iterator in a ring is at. One of the nodes is the head, where the
/// number of the others is kept in place of a value. An element may happen to
/// have that value, too.
pub(super) fn in_ring<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    node: &Object<'_, '_, 'a, 'f>,
    links: Links,
    level: Level,
) -> Found<Value> {
    let at = node.address()?;
    if at.0 == 0 {
        return Ok(Value::leaf(ValueKind::Pointer, "nullptr", object.place.origin()));
    }
    let word = |node: RunAddr| object.word_at(RunAddr(node.0.wrapping_add(links.size))).ok();
    let element = || {
        let behind = Behind::links(object, object.argument("_Tp", 0)?, links.size)?;
        Ok(pointed(&behind.of(at), object.place.origin(), level))
    };
    let Some(claimed) = word(at).filter(|count| *count <= most_nodes(object, links.size)) else {
        return element();
    };
    let mut ring = Ring::new(node, at, [links.next, links.previous]);
    let mut others = FxHashSet::default();
    while let Some(node) = ring.next()? {
        if !others.insert(node) {
            return damaged(format!("the nodes of its list go in a circle at {node}"));
        }
        let count = others.len() as u64;
        if count > claimed {
            return element();
        }
        if count > MOST_NODES {
            let why = "its list is too long to tell an element from the end";
            return Err(why.to_owned().into());
        }
    }
    let count = others.len() as u64;
    if count != claimed {
        return element();
    }
    match others.into_iter().any(|node| word(node) == Some(count)) {
        false => Ok(end(object)),
        true => Err("it is at the end, or at an element: both look alike".to_owned().into()),
    }
}

/// How many nodes there may be in all memory.
fn most_nodes(object: &Object<'_, '_, '_, '_>, links: u64) -> u64 {
    let mappings = &object.reading.context.process.mappings;
    if mappings.is_empty() {
        return u64::MAX;
    }
    let sizes = mappings.iter().map(|it| it.range.end.0.saturating_sub(it.range.start.0));
    let bytes = sizes.fold(0_u64, u64::saturating_add);
    bytes.checked_div(links).unwrap_or(u64::MAX)
}
