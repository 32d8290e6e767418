//! Strings and paths of GNU's C++ library.

use crate::base::addr::RunAddr;
use crate::variables::pretty::characters::characters;
use crate::variables::pretty::object::{Found, Object, Template, damaged};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__cxx11::basic_string", print: string },
    Template { name: "std::basic_string", print: shared_string },
    Template { name: "std::__cow_string", print: message },
    Template { name: "std::basic_string_view", print: view },
    Template { name: "std::filesystem::__cxx11::path", print: path },
    Template { name: "std::filesystem::path", print: path },
];

/// A string is a pointer, a length, and 16 bytes for short texts, to which the
/// pointer then leads.
fn string(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.path(&["_M_dataplus", "_M_p"])?.target()?;
    let len = object.word("_M_string_length")?;
    let buffer = object.member("_M_local_buf")?;
    let capacity = match buffer.place.address() == Some(start) {
        // One of the characters is the NUL.
        true => {
            let size = object.at(element, start).size()?;
            (buffer.size()? / size).saturating_sub(1)
        }
        false => object.word("_M_allocated_capacity")?,
    };
    if len > capacity {
        return damaged(format!("{len} characters, with room for {capacity}"));
    }
    characters(object, element, start, len, level)
}

/// Before gcc 5, and with `_GLIBCXX_USE_CXX11_ABI=0`, strings share their
/// characters, which their length and capacity precede.
fn shared_string(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.path(&["_M_dataplus", "_M_p"])?.target()?;
    counted(object, element, start, level)
}

/// What `std::runtime_error` and its like say: a string of the older kind,
/// whose type nobody names.
fn message(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.member("_M_p")?.target()?;
    counted(object, element, start, level)
}

/// Characters behind their `_Rep`: a length, a capacity, and a count of users
/// that is filled up to a word (`bits/cow_string.h`). No type of the program
/// need describe it.
fn counted<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    element: Option<crate::symbols::entries::Entry<'a, 'f>>,
    start: RunAddr,
    level: Level,
) -> Found<Value> {
    let before = |words: u64| RunAddr(start.0.wrapping_sub(words.saturating_mul(8)));
    let len = object.word_at(before(3))?;
    let capacity = object.word_at(before(2))?;
    if len > capacity {
        return damaged(format!("{len} characters, with room for {capacity}"));
    }
    characters(object, element, start, len, level)
}

fn view(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.member("_M_str")?.target()?;
    characters(object, element, start, object.word("_M_len")?, level)
}

fn path(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("_M_pathname")?.value(level))
}
