//! Unordered maps and sets of GNU's C++ library.

use crate::variables::pretty::hashed::{Hashed, hashed};
use crate::variables::pretty::object::{Found, Object, Template, damaged};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::unordered_map", print: map },
    Template { name: "std::unordered_multimap", print: map },
    Template { name: "std::unordered_set", print: set },
    Template { name: "std::unordered_multiset", print: set },
];

fn map(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    table(object, true, level)
}

fn set(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    table(object, false, level)
}

/// All nodes are in one list, in which the buckets point around. A node's value
/// lies behind its link; a hash may follow, which is not needed.
fn table(object: &Object<'_, '_, '_, '_>, is_map: bool, level: Level) -> Found<Value> {
    let table = object.member("_M_h")?;
    let before = table.member("_M_before_begin")?;
    let buckets = table.pointer("_M_buckets")?;
    let bucket_count = table.word("_M_bucket_count")?;
    // The only bucket of a small table is a member.
    let single = table.member("_M_single_bucket").and_then(|single| single.address());
    if single.is_ok_and(|single| (single == buckets) != (bucket_count == 1)) {
        return damaged("its buckets and their number do not fit together");
    }
    hashed(
        object,
        &before,
        Hashed {
            element: table.argument("_Value", 1)?,
            is_map,
            buckets: (buckets, bucket_count),
            count: table.word("_M_element_count")?,
            next: before.offset("_M_nxt")?,
            links: before.size()?,
        },
        level,
    )
}
