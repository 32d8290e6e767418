//! Lists of LLVM's C++ library.

use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::lists::{Links, chained, ringed};
use crate::variables::pretty::object::{Found, Object, Template};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::list", print: list },
    Template { name: "std::__1::forward_list", print: forward_list },
];

/// A ring of nodes, whose head is the list itself.
fn list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let head = object.member("__end_")?;
    let count = unpaired(object, &["__size_", "__size_alloc_"])?.as_word()?;
    ringed(object, &head, links(&head)?, Some(count), level)
}

/// Where a node has its links.
pub(super) fn links(node: &Object<'_, '_, '_, '_>) -> Found<Links> {
    Ok(Links {
        next: node.offset("__next_")?,
        previous: node.offset("__prev_")?,
        size: node.size()?,
    })
}

/// Nodes that end with a null pointer; nobody counts them.
fn forward_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let head = unpaired(object, &["__before_begin_"])?;
    chained(object, &head, "__next_", level)
}
