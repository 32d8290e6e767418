//! Vectors, deques, arrays and spans of GNU's C++ library.

use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::pretty::bits::{Bits, bits};
use crate::variables::pretty::blocks::{Blocks, blocks};
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::pretty::spans::between;
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::vector", print: vector },
    Template { name: "std::deque", print: deque },
    Template { name: "std::array", print: array },
    Template { name: "std::span", print: span },
    Template { name: "std::initializer_list", print: initializer_list },
    Template { name: "std::stack", print: adaptor },
    Template { name: "std::queue", print: adaptor },
    Template { name: "std::priority_queue", print: adaptor },
];

/// Three pointers; of truth values, two iterators over bits.
fn vector(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let inner = object.member("_M_impl")?;
    let start = inner.member("_M_start")?;
    if start.of.composite().is_some() {
        return bit_vector(object, &start, &inner.member("_M_finish")?, level);
    }
    let (element, first) = start.target()?;
    let last = inner.word("_M_finish")?;
    let end = inner.word("_M_end_of_storage")?;
    between(object, element, [first.0, last, end], level)
}

/// Each iterator is a pointer to a word and a number of bits in it.
fn bit_vector(
    object: &Object<'_, '_, '_, '_>,
    start: &Object<'_, '_, '_, '_>,
    finish: &Object<'_, '_, '_, '_>,
    level: Level,
) -> Found<Value> {
    let (first, skipped) = (start.word("_M_p")?, start.word("_M_offset")?);
    let (last, extra) = (finish.word("_M_p")?, finish.word("_M_offset")?);
    let count = last
        .checked_sub(first)
        .and_then(|bytes| bytes.checked_mul(8)?.checked_add(extra)?.checked_sub(skipped));
    match count.filter(|_| skipped < 64 && extra < 64) {
        Some(count) => bits(object, Bits { at: RunAddr(first), skipped, count }, level),
        None => damaged("its pointers do not fit together"),
    }
}

/// A map of pointers to blocks, and iterators to the first element and behind
/// the last one, each of which knows its block.
fn deque(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let inner = object.member("_M_impl")?;
    let (start, finish) = (inner.member("_M_start")?, inner.member("_M_finish")?);
    let (element, first) = start.member("_M_cur")?.target()?;
    let size = object.at(element, first).size()?;
    let map = inner.word("_M_map")?;
    let map_size = inner.word("_M_map_size")?;
    let place = |of: &Object<'_, '_, '_, '_>| -> Found<Place> {
        Ok(Place {
            node: of.word("_M_node")?,
            at: of.word("_M_cur")?,
            first: of.word("_M_first")?,
            last: of.word("_M_last")?,
        })
    };
    let (start, finish) = (place(&start)?, place(&finish)?);
    let found = layout(start, finish, size, [map, map_size]);
    let Some((block, skipped, count)) = found else {
        return damaged("its iterators do not fit together");
    };
    if object.word_at(RunAddr(start.node))? != start.first {
        return damaged("its first block is not where its map says");
    }
    let blocks_of = Blocks { element, map: RunAddr(start.node), block, skipped, count };
    blocks(object, blocks_of, level)
}

/// An iterator of a deque, as numbers.
#[derive(Clone, Copy)]
struct Place {
    node: u64,
    at: u64,
    first: u64,
    last: u64,
}

/// How many elements a block has, how many precede the first one in its block,
/// and how many there are. `None`: the iterators contradict each other.
fn layout(start: Place, finish: Place, size: u64, map: [u64; 2]) -> Option<(u64, u64, u64)> {
    let [map, map_size] = map;
    let map_end = map.checked_add(map_size.checked_mul(8)?)?;
    // How long the block is, and how far into it an iterator points.
    let parts = |place: Place| {
        let is_in_map = (map..map_end).contains(&place.node) && place.node.is_multiple_of(8);
        let len = place.last.checked_sub(place.first)?;
        let into = place.at.checked_sub(place.first)?;
        let is_sound = is_in_map && into <= len && into.checked_rem(size)? == 0;
        is_sound.then_some((len / size, into / size))
    };
    let (block, skipped) = parts(start)?;
    let (other, behind) = parts(finish)?;
    if block == 0 || block != other {
        return None;
    }
    let blocks = finish.node.checked_sub(start.node)? / 8;
    let count = blocks.checked_mul(block)?.checked_add(behind)?.checked_sub(skipped)?;
    Some((block, skipped, count))
}

fn array(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("_M_elems")?.value(level))
}

/// A pointer, and a length that the type may state.
fn span(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, first) = object.member("_M_ptr")?.target()?;
    let count = match object.member("_M_extent").and_then(|it| it.word("_M_extent_value")) {
        Err(Failure::NewLayout) => object.constant("_Extent")?.cast_unsigned(),
        stored => stored?,
    };
    Ok(object.reading.sequence(Dialect::Cpp, element, first, count, level)?)
}

fn initializer_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, first) = object.member("_M_array")?.target()?;
    let count = object.word("_M_len")?;
    Ok(object.reading.sequence(Dialect::Cpp, element, first, count, level)?)
}

/// Stacks and queues: the container that they adapt, which has this name by the
/// standard (C++20, 22.6).
pub(in crate::variables::pretty) fn adaptor(
    object: &Object<'_, '_, '_, '_>,
    level: Level,
) -> Found<Value> {
    Ok(object.member("c")?.value(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterators_of_a_deque_have_to_agree() {
        // Blocks of 128 elements of 4 bytes, in a map of 8 pointers at 0x1000.
        let place = |node, at| Place { node, at, first: 0x2000, last: 0x2200 };
        let far = |node, at| Place { node, at, first: 0x3000, last: 0x3200 };
        let map = [0x1000, 8];
        // (first, behind the last, size, want)
        let cases = [
            (place(0x1018, 0x2000), place(0x1018, 0x2000), 4, Some((128, 0, 0))),
            (place(0x1018, 0x2008), place(0x1018, 0x200c), 4, Some((128, 2, 1))),
            (place(0x1018, 0x2008), far(0x1028, 0x3004), 4, Some((128, 2, 255))),
            // The end before the start; outside of the map; outside of a block.
            (place(0x1018, 0x2008), place(0x1018, 0x2004), 4, None),
            (place(0x1018, 0x2008), far(0x1040, 0x3004), 4, None),
            (place(0x1018, 0x2008), far(0x1028, 0x3204), 4, None),
            (place(0x1018, 0x2009), far(0x1028, 0x3004), 4, None),
            // No element fits into a block.
            (place(0x1018, 0x2000), place(0x1018, 0x2000), 0x400, None),
        ];
        for (index, (start, finish, size, want)) in cases.into_iter().enumerate() {
            assert_eq!(layout(start, finish, size, map), want, "case {index}");
        }
    }
}
