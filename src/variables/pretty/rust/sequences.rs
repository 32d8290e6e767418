//! `Vec`, `VecDeque`, `LinkedList`, `BinaryHeap`, and iterators over slices.

use super::object::Object;
use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::pretty::collection::{Collection, End};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// `Vec<T>`.
pub(super) fn vector(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let element = object.parameter("T")?;
    let size = object.other(element, object.place.clone()).size()?;
    let (at, len) = contents(object, size)?;
    object.reading.sequence(Dialect::Rust, element, at, len, level)
}

/// Where a vector's elements of `size` bytes are, and how many.
pub(super) fn contents(
    vector: &Object<'_, '_, '_, '_, '_>,
    size: u64,
) -> Result<(RunAddr, u64), String> {
    let len = vector.member("len")?.word()?;
    let (at, capacity) = buffer(vector)?;
    // Elements without a size need no memory: their capacity means nothing.
    if size > 0 && len > capacity {
        return Err(format!("damaged: {len} elements, with room for {capacity}"));
    }
    Ok((at, len))
}

/// Where the buffer of a vector is, and for how many elements: `{buf: {inner:
/// {ptr, cap}}}`, or before 1.84 `{buf: {ptr, cap}}`.
fn buffer(vector: &Object<'_, '_, '_, '_, '_>) -> Result<(RunAddr, u64), String> {
    let mut buffer = vector.member("buf")?;
    if let Ok(inner) = buffer.member("inner") {
        buffer = inner;
    }
    let at = RunAddr(buffer.member("ptr")?.word()?);
    // `NonNull`, also when nothing was allocated.
    if at.0 == 0 {
        return Err("damaged: its pointer is null".to_owned());
    }
    Ok((at, buffer.member("cap")?.word()?))
}

/// `BinaryHeap<T>`: a vector, in the order of the heap.
pub(super) fn heap(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    Ok(object.member("data")?.value(level))
}

/// `VecDeque<T>`: a ring. Before 1.67 it had a `tail` and no length.
pub(super) fn deque(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let reading = object.reading;
    let element = object.parameter("T")?;
    let of = reading.context.types.get(element);
    let size = of.size.ok_or("the size of its elements is not known")?;
    let (at, capacity) = buffer(object)?;
    let mut head = object.member("head")?.word()?;
    let len = if object.of.member("tail").is_some() {
        // There, the tail was the first element, and the head behind the last.
        let end = std::mem::replace(&mut head, object.member("tail")?.word()?);
        if end >= head {
            end.saturating_sub(head)
        } else {
            end.wrapping_sub(head).wrapping_add(capacity)
        }
    } else {
        object.member("len")?.word()?
    };
    if size > 0 && (len > capacity || (capacity > 0 && head >= capacity)) {
        let room = format!("damaged: {len} elements from {head} on");
        return Err(format!("{room}, with room for {capacity}"));
    }
    reading.check_extent(at, capacity, size)?;
    let mut found = Collection::sequence(object.reading);
    for index in 0..len {
        if found.is_full(reading) || level.nested == 0 {
            break;
        }
        let slot = match head.checked_add(index) {
            Some(slot) if slot < capacity => slot,
            // Elements without a size have no capacity, either.
            _ => head.wrapping_add(index).wrapping_sub(capacity),
        };
        let place = Place::Memory(RunAddr(at.0.wrapping_add(slot.wrapping_mul(size))));
        found.push(reading.typed(&of, &place, level.deeper()));
    }
    found.omit(len.saturating_sub(found.len() as u64));
    Ok(found.finish(Dialect::Rust))
}

/// `LinkedList<T>`: nodes that point forth and back.
pub(super) fn linked_list(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let reading = object.reading;
    let len = object.member("len")?.word()?;
    let mut found = Collection::sequence(object.reading);
    let mut before = RunAddr(0);
    // `Option<NonNull<Node<T>>>`, which is null at the end.
    let mut link = object.member("head")?;
    while !found.is_full(reading) && level.nested > 0 {
        let Some(next) = link.payload("Some")? else { break };
        let pointer = next.pointer()?;
        if (found.len() as u64) >= len {
            found.damaged(format!("more nodes than its length of {len}"));
            break;
        }
        let node = object.other(pointer.target, Place::Memory(pointer.at));
        match node.member("prev")?.address_or_null() {
            Ok(back) if back == before => (),
            Ok(back) => {
                found.damaged(format!("its node at {} points back to {back}", pointer.at));
                break;
            }
            Err(why) => {
                found.ended(End::Missing(why));
                break;
            }
        }
        before = pointer.at;
        found.push(node.member("element")?.value(level.deeper()));
        link = node.member("next")?;
    }
    let here = found.len() as u64;
    if !found.is_full(reading) && level.nested > 0 && here < len {
        found.damaged(format!("its length is {len}"));
    } else {
        found.omit(len.saturating_sub(here));
    }
    Ok(found.finish(Dialect::Rust))
}

/// `vec::IntoIter<T>`: the elements that are left.
pub(super) fn into_iter(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    rest(object, "end", level)
}

/// `slice::Iter<T>`: the elements that are left.
pub(super) fn slice_iter(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    rest(object, "end_or_len", level)
}

/// The elements from `ptr` to the end, which is an address, except for elements
/// without a size.
fn rest(object: &Object<'_, '_, '_, '_, '_>, end: &str, level: Level) -> Result<Value, String> {
    let element = object.parameter("T")?;
    let size = object.other(element, object.place.clone()).size()?;
    let start = object.member("ptr")?.word()?;
    let end = object.member(end)?.word()?;
    let Some(bytes) = end.checked_sub(start).filter(|bytes| size > 0 && bytes % size == 0) else {
        return Err(match size {
            0 => super::super::NEW_LAYOUT.to_owned(),
            _ => format!("damaged: from {start:#x} to {end:#x}, in steps of {size}"),
        });
    };
    let count = bytes.checked_div(size).unwrap_or(0);
    let mut value =
        object.reading.sequence(Dialect::Rust, element, RunAddr(start), count, level)?;
    value.kind = ValueKind::Sequence;
    value.text = format!("{} left", value.text);
    Ok(value)
}
