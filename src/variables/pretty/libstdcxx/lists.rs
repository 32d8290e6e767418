//! Lists of GNU's C++ library.

use crate::variables::pretty::lists::{Links, chained, ringed};
use crate::variables::pretty::object::{Failure, Found, Object, Template};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__cxx11::list", print: list },
    Template { name: "std::list", print: list },
    Template { name: "std::forward_list", print: forward_list },
];

/// A ring of nodes, whose head is the list itself.
fn list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let head = object.path(&["_M_impl", "_M_node"])?;
    // Before gcc 5, nobody counts.
    let count = match head.word("_M_size") {
        Err(Failure::NewLayout) => None,
        stored => Some(stored?),
    };
    ringed(object, &head, links(&head)?, count, level)
}

/// Where a node has its links. The head has a number behind them.
pub(super) fn links(node: &Object<'_, '_, '_, '_>) -> Found<Links> {
    let base = node.base("std::__detail::_List_node_base").unwrap_or_else(|_| node.clone());
    Ok(Links {
        next: base.offset("_M_next")?,
        previous: base.offset("_M_prev")?,
        size: base.size()?,
    })
}

/// Nodes that end with a null pointer; nobody counts them.
fn forward_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let head = object.path(&["_M_impl", "_M_head"])?;
    chained(object, &head, "_M_next", level)
}
