//! Unordered maps and sets of LLVM's C++ library.

use crate::variables::pretty::hashed::{Hashed, hashed};
use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::object::{Found, Object, Template};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::unordered_map", print: map },
    Template { name: "std::__1::unordered_multimap", print: map },
    Template { name: "std::__1::unordered_set", print: set },
    Template { name: "std::__1::unordered_multiset", print: set },
];

fn map(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    table(object, true, level)
}

fn set(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    table(object, false, level)
}

/// All nodes are in one list, in which the buckets point around.
fn table(object: &Object<'_, '_, '_, '_>, is_map: bool, level: Level) -> Found<Value> {
    let table = object.member("__table_")?;
    let buckets = table.member("__bucket_list_")?;
    let start = unpaired(&buckets, &["__ptr_"])?.target()?.1;
    let deleter = match buckets.member("__deleter_") {
        Ok(deleter) => deleter,
        // In a pair with the pointer, as its second part.
        Err(_) => buckets.member("__ptr_")?.numbered_element(1)?,
    };
    let bucket_count = unpaired(&deleter, &["__size_", "__data_"])?.as_word()?;
    let before = unpaired(&table, &["__first_node_", "__p1_"])?;
    let of = Hashed {
        element: table.argument("_Tp", 0)?,
        is_map,
        buckets: (start, bucket_count),
        count: unpaired(&table, &["__size_", "__p2_"])?.as_word()?,
        next: before.offset("__next_")?,
        links: links(&before)?,
    };
    hashed(object, &before, of, level)
}

/// How many bytes of a node precede its value, given a node's base: the link and
/// the hash.
pub(super) fn links(base: &Object<'_, '_, '_, '_>) -> Found<u64> {
    let node = node(base)?;
    Ok(node.offset("__hash_")?.saturating_add(node.member("__hash_")?.size()?))
}

/// A node, given its base, whose template argument is a pointer to it.
pub(super) fn node<'r, 'c, 'a, 'f>(base: &Object<'r, 'c, 'a, 'f>) -> Found<Object<'r, 'c, 'a, 'f>> {
    let pointer = base.seen_as(Some(base.argument("_NodePtr", 0)?));
    Ok(base.seen_as(pointer.target_type()?))
}
