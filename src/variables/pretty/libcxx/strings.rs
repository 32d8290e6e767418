//! Strings and paths of LLVM's C++ library.

use crate::base::addr::RunAddr;
use crate::variables::pretty::characters::characters;
use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::basic_string", print: string },
    Template { name: "std::__1::basic_string_view", print: view },
    Template { name: "std::__1::__fs::filesystem::path", print: path },
    Template { name: "std::__1::filesystem::path", print: path },
];

/// Either a capacity, a length and a pointer, or the text itself; one bit tells
/// which.
fn string(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let inner = unpaired(object, &["__rep_", "__r_"])?;
    let (short, long) = (inner.member("__s")?, inner.member("__l")?);
    let (element, start) = long.member("__data_")?.target()?;
    let (is_long, short_len) = short_form(&short)?;
    if is_long {
        let (len, capacity) = (long.word("__size_")?, long.word("__cap_")?);
        // The lowest bit of the capacity, or its highest one, may be the flag.
        let capacity = capacity & (u64::MAX >> 1);
        // In multiples of two, where a bit-field holds it.
        if len > capacity.saturating_mul(2) {
            return damaged(format!("{len} characters, with room for {capacity}"));
        }
        return characters(object, element, start, len, level);
    }
    let data = short.member("__data_")?;
    let size = object.at(element, RunAddr(0)).size()?;
    let room = data.size()?.checked_div(size).unwrap_or(0);
    if short_len >= room {
        return damaged(format!("{short_len} characters, with room for {room}"));
    }
    characters(object, element, data.address()?, short_len, level)
}

/// Whether the text is elsewhere, and the length of one that is here. Since
/// version 15 bit-fields say so; before, the byte with the length has the flag
/// as its lowest bit, or as its highest bit where it comes last.
fn short_form(short: &Object<'_, '_, '_, '_>) -> Found<(bool, u64)> {
    let size = short.word("__size_")?;
    match short.word("__is_long_") {
        Err(Failure::NewLayout) if short.offset("__size_")? == 0 => Ok((size & 1 == 1, size >> 1)),
        Err(Failure::NewLayout) => Ok((size & 0x80 != 0, size & 0x7f)),
        flag => Ok((flag? != 0, size)),
    }
}

fn view(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.any_member(&["__data_", "__data"])?.target()?;
    let len = object.any_member(&["__size_", "__size"])?.as_word()?;
    characters(object, element, start, len, level)
}

fn path(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("__pn_")?.value(level))
}
