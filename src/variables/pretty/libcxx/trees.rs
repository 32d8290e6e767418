//! Maps and sets of LLVM's C++ library: red-black trees.

use crate::symbols::entries::Entry;
use crate::variables::pretty::layout::Behind;
use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::nodes::{Tree, TreeLinks};
use crate::variables::pretty::object::{Found, Object, Template};
use crate::variables::pretty::sorted::{Sorted, sorted};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::map", print: map },
    Template { name: "std::__1::multimap", print: map },
    Template { name: "std::__1::set", print: set },
    Template { name: "std::__1::multiset", print: set },
];

fn map(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    tree(object, true, level)
}

fn set(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    tree(object, false, level)
}

/// A pointer to the first node; the end, a node that has only a left child, the
/// root; and the size.
fn tree(object: &Object<'_, '_, '_, '_>, is_map: bool, level: Level) -> Found<Value> {
    let tree = object.member("__tree_")?;
    let end = unpaired(&tree, &["__end_node_", "__pair1_"])?;
    let (links, size) = links(&end)?;
    let of = Sorted {
        values: values(object, tree.argument("_Tp", 0)?, size)?,
        is_map,
        first: tree.pointer("__begin_node_")?,
        end: end.address()?,
        count: unpaired(&tree, &["__size_", "__pair3_"])?.as_word()?,
    };
    let nodes = Tree::new(&end, links, end.pointer("__left_")?, of.end);
    sorted(object, of, nodes, level)
}

/// Where a node has its links, and how many bytes precede its value, given the
/// end, whose child is a node. A value may lie where the links are filled up.
pub(super) fn links(end: &Object<'_, '_, '_, '_>) -> Found<(TreeLinks, u64)> {
    let child = end.member("__left_")?.target_type()?;
    let node = end.seen_as(child);
    let links = TreeLinks {
        parent: node.offset("__parent_")?,
        left: node.offset("__left_")?,
        right: node.offset("__right_")?,
    };
    Ok((links, node.offset("__is_black_")?.saturating_add(1)))
}

/// Where the nodes of a tree have their values of this type. The unit that uses
/// the tree describes its node, and only that is sure about packed structures.
pub(super) fn values<'r, 'c, 'a, 'f>(
    object: &Object<'r, 'c, 'a, 'f>,
    element: Entry<'a, 'f>,
    links: u64,
) -> Found<Behind<'r, 'c, 'a, 'f>> {
    let value = object.seen_as(Some(element));
    let name = format!("__tree_node<{}, void *>", value.of.plain_name);
    let containers = object.reading.context.types.containers(element);
    if let Some(offset) = containers.defined(name.as_bytes()) {
        let node = object.seen_as(Some(Entry { offset, ..element }));
        return Ok(Behind::at(object, element, node.offset("__value_")?));
    }
    Behind::links(object, element, links)
}
