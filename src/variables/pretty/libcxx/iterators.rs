//! Iterators of LLVM's C++ library: what they are at.

use crate::base::addr::RunAddr;
use crate::variables::pretty::layout::Behind;
use crate::variables::pretty::libcxx::{hashes, lists, trees};
use crate::variables::pretty::lists::{in_chain, in_ring};
use crate::variables::pretty::object::{Found, Object, Template, damaged};
use crate::variables::pretty::pointed::{end, pointed};
use crate::variables::pretty::sorted::wrapped_pair;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::__wrap_iter", print: pointer },
    Template { name: "std::__1::__deque_iterator", print: in_deque },
    Template { name: "std::__1::__list_iterator", print: in_list },
    Template { name: "std::__1::__list_const_iterator", print: in_list },
    Template { name: "std::__1::__forward_list_iterator", print: in_forward_list },
    Template { name: "std::__1::__forward_list_const_iterator", print: in_forward_list },
    Template { name: "std::__1::__tree_iterator", print: in_tree },
    Template { name: "std::__1::__tree_const_iterator", print: in_tree },
    Template { name: "std::__1::__map_iterator", print: of_map },
    Template { name: "std::__1::__map_const_iterator", print: of_map },
    Template { name: "std::__1::__hash_iterator", print: in_hash_table },
    Template { name: "std::__1::__hash_const_iterator", print: in_hash_table },
    Template { name: "std::__1::__hash_map_iterator", print: of_map },
    Template { name: "std::__1::__hash_map_const_iterator", print: of_map },
];

/// How deep a balanced tree can be.
const DEEPEST: usize = 128;

/// A pointer in disguise.
fn pointer(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.any_member(&["__i_", "__i"])?.value(level))
}

fn in_deque(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("__ptr_")?.value(level))
}

fn in_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("__ptr_")?.target()?;
    let node = object.at(of, at);
    in_ring(object, &node, lists::links(&node)?, level)
}

fn in_forward_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("__ptr_")?.target()?;
    in_chain(object, &object.at(of, at), level)
}

/// An iterator of a map is one of its tree or table.
fn of_map(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("__i_")?.value(level))
}

/// In an unordered container only the end has no node.
fn in_hash_table(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("__node_")?.target()?;
    if at.0 == 0 {
        return Ok(end(object));
    }
    let base = object.at(of, at);
    let element = hashes::node(&base)?.argument("_Tp", 0)?;
    let behind = Behind::links(object, element, hashes::links(&base)?)?;
    Ok(pointed(&wrapped_pair(&behind.of(at)), object.place.origin(), level))
}

/// The end of a tree lies between the pointer to the first node and the size. No
/// other node is preceded by a pointer to the first one of its branch.
fn in_tree(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("__ptr_")?.target()?;
    if at.0 == 0 {
        return Ok(Value::leaf(ValueKind::Pointer, "nullptr", object.place.origin()));
    }
    let node = object.at(of, at);
    let (links, size) = trees::links(&node)?;
    let word = |node: RunAddr, offset: u64| object.word_at(RunAddr(node.0.wrapping_add(offset)));
    let mut first = at;
    for _ in 0..DEEPEST {
        match word(first, links.left)? {
            0 => break,
            left => first = RunAddr(left),
        }
    }
    if word(RunAddr(at.0.wrapping_sub(8)), 0).is_ok_and(|before| before == first.0) {
        return Ok(end(object));
    }
    let parent = RunAddr(word(at, links.parent)?);
    let is_child = [links.left, links.right].iter().any(|side| word(parent, *side) == Ok(at.0));
    if !is_child {
        return damaged(format!("the node at {at} is in no tree"));
    }
    let element = trees::values(object, object.argument("_Tp", 0)?, size)?.of(at);
    Ok(pointed(&wrapped_pair(&element), object.place.origin(), level))
}
