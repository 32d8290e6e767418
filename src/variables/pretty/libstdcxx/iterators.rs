//! Iterators of GNU's C++ library: what they are at.

use rustc_hash::FxHashSet;

use crate::base::addr::RunAddr;
use crate::variables::pretty::libstdcxx::lists;
use crate::variables::pretty::nodes::{Nodes, Ring};
use crate::variables::pretty::object::{Found, Object, Template, damaged};
use crate::variables::pretty::pointed::{end, pointed};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "__gnu_cxx::__normal_iterator", print: pointer },
    Template { name: "std::_Deque_iterator", print: in_deque },
    Template { name: "std::_List_iterator", print: in_list },
    Template { name: "std::_List_const_iterator", print: in_list },
    Template { name: "std::_Fwd_list_iterator", print: in_forward_list },
    Template { name: "std::_Fwd_list_const_iterator", print: in_forward_list },
    Template { name: "std::_Rb_tree_iterator", print: in_tree },
    Template { name: "std::_Rb_tree_const_iterator", print: in_tree },
    Template { name: "std::__detail::_Node_iterator", print: in_hash_table },
    Template { name: "std::__detail::_Node_const_iterator", print: in_hash_table },
];

/// How many nodes of a list are passed to see which one is its head.
const MOST_NODES: u64 = 16_384;

/// A pointer in disguise.
fn pointer(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("_M_current")?.value(level))
}

fn in_deque(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("_M_cur")?.value(level))
}

/// In an unordered container only the end has no node.
fn in_hash_table(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let node = object.member("_M_cur")?;
    let (of, at) = node.target()?;
    if at.0 == 0 {
        return Ok(end(object));
    }
    let base = object.at(of, at).base("std::__detail::_Hash_node_base")?;
    let element = object.behind(object.argument("_Value", 0)?, at, base.size()?);
    Ok(pointed(&element, object.place.origin(), level))
}

fn in_forward_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("_M_node")?.target()?;
    if at.0 == 0 {
        return Ok(end(object));
    }
    let element = object.behind(object.argument("_Tp", 0)?, at, object.at(of, at).size()?);
    Ok(pointed(&element, object.place.origin(), level))
}

/// The header of a tree is the end: a red node that is its parent's parent. The
/// root, of which that is true as well, is black.
fn in_tree(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("_M_node")?.target()?;
    if at.0 == 0 {
        return Ok(Value::leaf(ValueKind::Pointer, "nullptr", object.place.origin()));
    }
    let node = object.at(of, at);
    let is_red = node.word("_M_color")? == 0;
    let parent = node.pointer("_M_parent")?;
    let (left, right) = (node.pointer("_M_left")?, node.pointer("_M_right")?);
    if parent.0 == 0 {
        // The header of an empty tree.
        return match is_red && left == at && right == at {
            true => Ok(end(object)),
            false => damaged(format!("the node at {at} is in no tree")),
        };
    }
    let above = object.at(of, parent);
    let is_opposite = above.pointer("_M_parent")? == at;
    let is_child = above.pointer("_M_left")? == at || above.pointer("_M_right")? == at;
    match (is_opposite, is_child, is_red) {
        (true, _, true) => Ok(end(object)),
        (true, _, false) | (false, true, _) => {
            let element = object.behind(object.argument("_Tp", 0)?, at, node.size()?);
            Ok(pointed(&element, object.place.origin(), level))
        }
        (false, false, _) => damaged(format!("the node at {at} is in no tree")),
    }
}

/// Of the nodes of a ring, one is the head, where the number of the others is
/// kept in place of a value (`std::__detail::_List_size`). An element may happen
/// to have that value, too.
fn in_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("_M_node")?.target()?;
    if at.0 == 0 {
        return Ok(Value::leaf(ValueKind::Pointer, "nullptr", object.place.origin()));
    }
    let node = object.at(of, at);
    let (next, previous, links) = lists::links(&node)?;
    let word = |node: RunAddr| object.word_at(RunAddr(node.0.wrapping_add(links))).ok();
    let element = || {
        let element = object.behind(object.argument("_Tp", 0)?, at, links);
        Ok(pointed(&element, object.place.origin(), level))
    };
    let Some(claimed) = word(at).filter(|count| *count <= most_nodes(object, links)) else {
        return element();
    };
    let mut ring = Ring::new(&node, at, [next, previous]);
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
