//! Lists of GNU's C++ library.

use crate::variables::pretty::collection::Collection;
use crate::variables::pretty::nodes::{Chain, Nodes, Ring, gathered};
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__cxx11::list", print: list },
    Template { name: "std::list", print: list },
    Template { name: "std::forward_list", print: forward_list },
];

/// A ring of nodes, whose head is the list itself. A node is its links, with
/// the value behind them.
fn list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let head = object.path(&["_M_impl", "_M_node"])?;
    let links = links(&head)?;
    // Before gcc 5, nobody counts.
    let count = match head.word("_M_size") {
        Err(Failure::NewLayout) => None,
        stored => Some(stored?),
    };
    let at = head.address()?;
    let last = head.word_at(crate::base::addr::RunAddr(at.0.wrapping_add(links.1)))?;
    let mut nodes = Ring::new(&head, at, [links.0, links.1]);
    if count == Some(0) && last != at.0 {
        return damaged("it has nodes, but says that it is empty");
    }
    values(object, &mut nodes, count, links.2, level)
}

/// Where a node of a list has its links, and its value.
pub(super) fn links(node: &Object<'_, '_, '_, '_>) -> Found<(u64, u64, u64)> {
    let base = node.base("std::__detail::_List_node_base").unwrap_or_else(|_| node.clone());
    Ok((base.offset("_M_next")?, base.offset("_M_prev")?, base.size()?))
}

/// The values behind the links of nodes.
fn values(
    object: &Object<'_, '_, '_, '_>,
    nodes: &mut dyn Nodes,
    count: Option<u64>,
    links: u64,
    level: Level,
) -> Found<Value> {
    let element = object.argument("_Tp", 0)?;
    let found = Collection::sequence(object.reading);
    let value = |found: &mut Collection, node, level| {
        found.push(object.behind(element, node, links).value(level));
    };
    Ok(gathered(object, found, count, nodes, level, value))
}

/// Nodes that end with a null pointer; nobody counts them.
fn forward_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let head = object.path(&["_M_impl", "_M_head"])?;
    let (_, first) = head.member("_M_next")?.target()?;
    let mut nodes = Chain::new(object, first, head.offset("_M_next")?);
    values(object, &mut nodes, None, head.size()?, level)
}
