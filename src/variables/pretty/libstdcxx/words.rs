//! Small classes of GNU's C++ library: bits, errors, places in the source.

use crate::base::addr::RunAddr;
use crate::variables::pretty::object::{Found, Object, Template};
use crate::variables::pretty::thrown::exception;
use crate::variables::pretty::word::{bit_set, byte, coroutine, error, source_location};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::bitset", print: bits },
    Template { name: "std::byte", print: byte },
    Template { name: "std::complex", print: complex },
    Template { name: "std::__exception_ptr::exception_ptr", print: exception_pointer },
    Template { name: "std::error_code", print: error_code },
    Template { name: "std::error_condition", print: error_code },
    Template { name: "std::source_location", print: source_location },
    Template { name: "std::__n4861::coroutine_handle", print: coroutine_handle },
];

fn bits(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let words = match object.member("_M_w") {
        Ok(words) => Some(words.place),
        // None of no bits.
        Err(_) => None,
    };
    bit_set(object, words, object.constant("_Nb")?.cast_unsigned())
}

fn complex(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("_M_value")?.value(level))
}

fn exception_pointer(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    exception(object, object.pointer("_M_exception_object")?, level)
}

fn error_code(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    error(object, &object.member("_M_value")?, object.pointer("_M_cat")?)
}

fn coroutine_handle(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    coroutine(object, RunAddr(object.pointer("_M_fr_ptr")?.0))
}
