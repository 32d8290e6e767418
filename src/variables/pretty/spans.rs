//! Elements one after the other, between two pointers.

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
    let count = bytes / size;
    Ok(object.reading.sequence(Dialect::Cpp, element, RunAddr(first), count, level)?)
}
