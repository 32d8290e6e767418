//! Wide pointers: to text, slices and trait objects.

pub(super) use super::object::{Metadata, Pointer};
use super::object::{Object, arguments};
use super::text::c_text;
use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Type};
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// How many structures around the unsized end of a type are looked through.
const MOST_TAILS: usize = 8;

/// Whether a type is a wide pointer: `{data_ptr, length}`, `{pointer, vtable}`.
pub(super) fn is_wide(of: &Type<'_, '_>) -> bool {
    let Some(composite) = of.composite() else { return false };
    let has = |name| of.member(name).is_some();
    composite.members.len() == 2
        && ((has("data_ptr") && has("length")) || (has("pointer") && has("vtable")))
}

/// A wide pointer: what it points to.
pub(super) fn pointer(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let pointer = object.pointer()?;
    // Only pointers without a promise may be null.
    if pointer.at.0 == 0 && object.of.plain_name.starts_with('*') {
        return Ok(Value::leaf(ValueKind::Pointer, "null", object.place.origin()));
    }
    target(object, pointee(&object.of.plain_name), &pointer, level)
}

/// What a pointer of this name points to: `str` for `&'static mut str`,
/// `Box<str, A>`, `*const str`.
fn pointee(name: &str) -> &str {
    let name = match name.strip_prefix("alloc::boxed::Box<") {
        Some(_) => arguments(name).first().copied().unwrap_or_default(),
        None => name,
    };
    let name = name.trim_start_matches(['&', '*']);
    ["mut ", "const "].iter().find_map(|word| name.strip_prefix(word)).unwrap_or(name)
}

/// What a wide pointer points to, which has this name.
pub(super) fn target<'a, 'f>(
    object: &Object<'_, '_, '_, 'a, 'f>,
    name: &str,
    pointer: &Pointer<'a, 'f>,
    level: Level,
) -> Result<Value, String> {
    let at = pointer.at;
    let mut value = match pointer.metadata {
        Metadata::Table(table) => object.reading.trait_object(at, table, level),
        Metadata::Length(len) => unsized_value(object, name, pointer.target, at, len, level)?,
        Metadata::None => return Err(NEW_LAYOUT.to_owned()),
    };
    value.address = Some(at);
    Ok(value)
}

/// A value whose size the pointer to it tells: `str`, `[T]`, `Path`, or a
/// structure that ends in one of these.
fn unsized_value<'a, 'f>(
    object: &Object<'_, '_, '_, 'a, 'f>,
    name: &str,
    target: Option<Entry<'a, 'f>>,
    at: RunAddr,
    len: u64,
    level: Level,
) -> Result<Value, String> {
    let reading = object.reading;
    match name {
        "str" | "std::path::Path" | "std::ffi::os_str::OsStr" => {
            return reading.sized_text(Dialect::Rust, at, len);
        }
        "core::ffi::c_str::CStr" => return c_text(object, at, len),
        _ if name.starts_with('[') => {
            return reading.sequence(Dialect::Rust, target, at, len, level);
        }
        _ => (),
    }
    // The debug information shows one element for the unsized end.
    let mut here = object.other(target, Place::Memory(at));
    let mut parts = Vec::new();
    for _ in 0..MOST_TAILS {
        let members = here.of.composite().map(|all| all.members.as_slice()).unwrap_or_default();
        let offset =
            |member: &&_| reading.member_place(&here.of, member, &here.place).ok()?.address();
        let Some(last) = members.iter().max_by_key(offset) else { break };
        for member in members.iter().filter(|member| member.name != last.name) {
            let part = reading.member(&here.of, member, &here.place, level.deeper());
            parts.push((member.name.clone().unwrap_or_default(), part));
        }
        here = here.member(last.name.as_deref().unwrap_or_default())?;
    }
    let Some(start) = here.place.address().filter(|_| !parts.is_empty()) else {
        return Err(NEW_LAYOUT.to_owned());
    };
    let tail = reading.sequence(Dialect::Rust, here.of.entry, start, len, level.deeper());
    parts.push(("..".to_owned(), tail.unwrap_or_else(Value::unknown)));
    let value = Value::leaf(ValueKind::Struct, "", object.place.origin());
    Ok(reading.assembled(&object.of, value, parts))
}
