//! Maps and sets of GNU's C++ library: red-black trees.

use crate::variables::pretty::nodes::{Tree, TreeLinks};
use crate::variables::pretty::object::{Found, Object, Template};
use crate::variables::pretty::sorted::{Sorted, sorted};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::map", print: map },
    Template { name: "std::multimap", print: map },
    Template { name: "std::set", print: set },
    Template { name: "std::multiset", print: set },
];

fn map(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    tree(object, true, level)
}

fn set(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    tree(object, false, level)
}

/// The header is a node that is no element: its parent is the root, its left
/// child the first node, its right child the last one. A node's value lies
/// behind its links.
fn tree(object: &Object<'_, '_, '_, '_>, is_map: bool, level: Level) -> Found<Value> {
    let tree = object.member("_M_t")?;
    let inner = tree.member("_M_impl")?;
    let header = inner.member("_M_header")?;
    let links = TreeLinks {
        parent: header.offset("_M_parent")?,
        left: header.offset("_M_left")?,
        right: header.offset("_M_right")?,
    };
    let end = header.address()?;
    let root = header.pointer("_M_parent")?;
    sorted(
        object,
        Sorted {
            element: tree.argument("_Val", 1)?,
            is_map,
            first: header.pointer("_M_left")?,
            end,
            count: inner.word("_M_node_count")?,
            links: header.size()?,
        },
        Tree::new(&header, links, root, end),
        level,
    )
}
