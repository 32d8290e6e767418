//! Vectors, deques, arrays and spans of LLVM's C++ library.

use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::pretty::bits::{Bits, bits};
use crate::variables::pretty::blocks::{Blocks, blocks};
use crate::variables::pretty::collection::Collection;
use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::pretty::spans::{adaptor, between};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::vector", print: vector },
    Template { name: "std::__1::deque", print: deque },
    Template { name: "std::__1::array", print: array },
    Template { name: "std::__1::span", print: span },
    Template { name: "std::__1::stack", print: adaptor },
    Template { name: "std::__1::queue", print: adaptor },
    Template { name: "std::__1::priority_queue", print: adaptor },
];

/// Three pointers; of truth values, a pointer to words and a number of bits.
fn vector(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, first) = object.member("__begin_")?.target()?;
    if object.of.plain_name.starts_with("std::__1::vector<bool") {
        let count = object.word("__size_")?;
        // The capacity is in words.
        let words = unpaired(object, &["__cap_", "__cap_alloc_"])?.as_word()?;
        if count > words.saturating_mul(64) {
            return damaged(format!("{count} bits, with room for {words} words"));
        }
        return bits(object, Bits { at: first, skipped: 0, count }, level);
    }
    let last = object.pointer("__end_")?;
    let end = unpaired(object, &["__cap_", "__end_cap_"])?.target()?.1;
    between(object, element, [first.0, last.0, end.0], level)
}

/// A buffer of pointers to blocks, how many places for elements precede the
/// first one, and how many elements there are.
fn deque(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let map = object.member("__map_")?;
    let (of, begin) = map.member("__begin_")?.target()?;
    let end = map.pointer("__end_")?;
    let element = object.at(of, begin).target_type()?;
    let size = object.at(element, RunAddr(0)).size()?;
    // `__deque_block_size` of the library.
    let block = if size < 256 { 4_096 / size } else { 16 };
    let skipped = object.word("__start_")?;
    let count = unpaired(object, &["__size_"])?.as_word()?;
    let bytes = end.0.checked_sub(begin.0).filter(|bytes| bytes.is_multiple_of(8));
    let places = bytes.and_then(|bytes| (bytes / 8).checked_mul(block));
    let behind = skipped.checked_add(count);
    match (places, behind) {
        (Some(places), Some(behind)) if behind <= places => {
            blocks(object, Blocks { element, map: begin, block, skipped, count }, level)
        }
        _ => damaged(format!("{count} elements, with room for less")),
    }
}

/// An array without elements has bytes of no meaning in their place.
fn array(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    match object.constant("_Size") {
        Ok(0) => Ok(Collection::sequence(object.reading).finish(Dialect::Cpp)),
        _ => Ok(object.member("__elems_")?.value(level)),
    }
}

/// A pointer, and a length that the type may state.
fn span(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, first) = object.any_member(&["__data_", "__data"])?.target()?;
    let count = match object.any_member(&["__size_", "__size"]) {
        Err(Failure::NewLayout) => object.constant("_Extent")?.cast_unsigned(),
        stored => stored?.as_word()?,
    };
    Ok(object.reading.sequence(Dialect::Cpp, element, first, count, level)?)
}
