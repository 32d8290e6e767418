//! Strings and paths of GNU's C++ library.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::Type;
use crate::variables::pretty::characters::{characters, counted};
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
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

/// The size of a string, which is no business of the compiler where the library
/// has the code: clang then only declares the class.
pub(super) fn declared_size(of: &Type<'_, '_>) -> Option<u64> {
    match of.plain_name.split('<').next()? {
        "std::__cxx11::basic_string" => Some(32),
        "std::basic_string" => Some(8),
        _ => None,
    }
}

/// A string is a pointer, a length, and 16 bytes for short texts, to which the
/// pointer then leads. Without a description, the ABI tells: the three follow
/// each other.
fn string(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = start(object)?;
    let (len, buffer, stored) = match object.is_declared() {
        true => (object.word_within(8)?, object.place.part(16), None),
        false => {
            let buffer = object.member("_M_local_buf")?;
            (object.word("_M_string_length")?, buffer.place, Some("_M_allocated_capacity"))
        }
    };
    let capacity = match (buffer.address() == Some(start), stored) {
        // One of the characters is the NUL.
        (true, _) => (16 / object.at(element, start).size()?).saturating_sub(1),
        (false, Some(name)) => object.word(name)?,
        (false, None) => object.word_within(16)?,
    };
    // Even an empty string has its NUL.
    if start.0 == 0 {
        return damaged("its pointer is null, as before its constructor has run");
    }
    if !object.is_mapped(start) {
        return Err(object.absent(start).into());
    }
    if len > capacity {
        return damaged(format!("{len} characters, with room for {capacity}"));
    }
    characters(object, element, start, len, level)
}

/// What a string points to: the first member of all its versions.
fn start<'a, 'f>(object: &Object<'_, '_, 'a, 'f>) -> Found<(Option<Entry<'a, 'f>>, RunAddr)> {
    match object.path(&["_M_dataplus", "_M_p"]).and_then(|pointer| pointer.target()) {
        // clang may declare the whole class, or only what holds the pointer.
        Err(Failure::NewLayout) if is_hidden(object) => {
            let element = object.argument("_CharT", 0)?;
            Ok((Some(element), RunAddr(object.word_within(0)?)))
        }
        found => found,
    }
}

fn is_hidden(object: &Object<'_, '_, '_, '_>) -> bool {
    object.is_declared() || object.member("_M_dataplus").is_ok_and(|it| it.is_declared())
}

/// Before gcc 5, and with `_GLIBCXX_USE_CXX11_ABI=0`, strings share their
/// characters, which their length and capacity precede.
fn shared_string(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = start(object)?;
    counted(object, element, start, level)
}

/// What `std::runtime_error` and its like say: a string of the older kind,
/// whose type nobody names.
fn message(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.member("_M_p")?.target()?;
    counted(object, element, start, level)
}

fn view(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, start) = object.member("_M_str")?.target()?;
    characters(object, element, start, object.word("_M_len")?, level)
}

fn path(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("_M_pathname")?.value(level))
}
