//! Elements one after the other, between two pointers, and adaptors of what
//! holds elements.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::Dialect;
use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::read::Level;
use crate::variables::value::Value;

/// The elements between two pointers into storage that ends at a third.
pub(super) fn between<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    element: Option<Entry<'a, 'f>>,
    [first, last, end]: [u64; 3],
    level: Level,
) -> Found<Value> {
    let size = object.at(element, RunAddr(first)).size()?;
    let bytes = last.checked_sub(first).filter(|bytes| last <= end && bytes % size == 0);
    let Some(bytes) = bytes else { return damaged("its pointers do not fit together") };
    // An object that was never constructed may have three equal pointers.
    if first != 0 && !object.is_mapped(RunAddr(first)) {
        return Err(object.absent(RunAddr(first)).into());
    }
    let count = bytes / size;
    Ok(object.reading.sequence(Dialect::Cpp, element, RunAddr(first), count, level)?)
}

/// Stacks and queues: the container that they adapt, which has this name by the
/// standard (C++20, 22.6).
pub(super) fn adaptor(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("c")?.value(level))
}
