//! Iterators of GNU's C++ library: what they are at.

use crate::variables::pretty::layout::Behind;
use crate::variables::pretty::libstdcxx::lists::links;
use crate::variables::pretty::lists::{in_chain, in_ring};
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
    let behind = Behind::links(object, object.argument("_Value", 0)?, base.size()?)?;
    Ok(pointed(&behind.of(at), object.place.origin(), level))
}

fn in_forward_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("_M_node")?.target()?;
    in_chain(object, &object.at(of, at), level)
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
            let behind = Behind::links(object, object.argument("_Tp", 0)?, node.size()?)?;
            Ok(pointed(&behind.of(at), object.place.origin(), level))
        }
        (false, false, _) => damaged(format!("the node at {at} is in no tree")),
    }
}

fn in_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("_M_node")?.target()?;
    let node = object.at(of, at);
    in_ring(object, &node, links(&node)?, level)
}
