//! Maps and sets that are trees.

use crate::base::addr::RunAddr;
use crate::variables::pretty::collection::Collection;
use crate::variables::pretty::layout::Behind;
use crate::variables::pretty::nodes::{Tree, gathered};
use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::read::Level;
use crate::variables::value::Value;

/// What a tree says of itself.
pub(super) struct Sorted<'r, 'c, 'a, 'f> {
    /// What its nodes hold, and where.
    pub(super) values: Behind<'r, 'c, 'a, 'f>,
    /// Whether these are pairs of a key and a value.
    pub(super) is_map: bool,
    /// Its first node; without any, the end.
    pub(super) first: RunAddr,
    /// The parent of its root.
    pub(super) end: RunAddr,
    /// How many nodes it has.
    pub(super) count: u64,
}

/// The elements of a tree.
pub(super) fn sorted<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    of: Sorted<'_, '_, 'a, 'f>,
    mut nodes: Tree<'_>,
    level: Level,
) -> Found<Value> {
    if nodes.is_empty() != (of.count == 0) || nodes.is_empty() && of.first != of.end {
        return damaged(format!("its size is {}, its nodes say otherwise", of.count));
    }
    let mut found = match of.is_map {
        true => Collection::map(object.reading),
        false => Collection::sequence(object.reading),
    };
    if level.nested > 0 && nodes.first()?.is_some_and(|first| first != of.first) {
        found.damaged("its first node is another one than its tree has");
    }
    let value = |found: &mut Collection, node, level| {
        push(found, &of.values.of(node), of.is_map, level);
    };
    Ok(gathered(object, found, Some(of.count), &mut nodes, level, value))
}

/// Adds an element of a set, or the pair of a map.
pub(super) fn push(
    found: &mut Collection,
    element: &Object<'_, '_, '_, '_>,
    is_map: bool,
    level: Level,
) {
    let element = wrapped_pair(element);
    let pair = |name: &str| element.member(name).map(|half| half.value(level));
    match (is_map, pair("first"), pair("second")) {
        (true, Ok(key), Ok(value)) => found.push_pair(key, value),
        _ => found.push(element.value(level)),
    }
}

/// The pair of a key and a value that a node of LLVM's library holds in a
/// structure of its own; anything else as it is.
pub(super) fn wrapped_pair<'r, 'c, 'a, 'f>(
    element: &Object<'r, 'c, 'a, 'f>,
) -> Object<'r, 'c, 'a, 'f> {
    let names = ["std::__1::__value_type<", "std::__1::__hash_value_type<"];
    match names.iter().any(|name| element.of.plain_name.starts_with(name)) {
        true => element.any_member(&["__cc_", "__cc"]).unwrap_or_else(|_| element.clone()),
        false => element.clone(),
    }
}
