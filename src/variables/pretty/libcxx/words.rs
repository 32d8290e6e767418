//! Small classes of LLVM's C++ library: bits, errors, times.

use crate::variables::pretty::clock::{duration, time_point};
use crate::variables::pretty::object::{Failure, Found, Object, Template};
use crate::variables::pretty::thrown::exception;
use crate::variables::pretty::word::{bit_set, coroutine, error, source_location};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::bitset", print: bits },
    Template { name: "std::__1::complex", print: complex },
    Template { name: "std::exception_ptr", print: exception_pointer },
    Template { name: "std::__1::error_code", print: error_code },
    Template { name: "std::__1::error_condition", print: error_code },
    Template { name: "std::__1::source_location", print: source_location },
    Template { name: "std::__1::coroutine_handle", print: coroutine_handle },
    Template { name: "std::__1::chrono::duration", print: duration },
    Template { name: "std::__1::chrono::time_point", print: time_point },
];

fn bits(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let words = object.member("__first_").map(|words| words.place);
    bit_set(object, words.ok(), object.constant("_Size")?.cast_unsigned())
}

fn complex(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (real, imaginary) = (object.member("__re_")?, object.member("__im_")?);
    let (real, imaginary) = (real.value(level), imaginary.value(level));
    if let Some(lost) = [&real, &imaginary].into_iter().find(|half| !half.is_known()) {
        let why = lost.why_unknown.clone().unwrap_or_default();
        return Err(Failure::Because(why));
    }
    let text = match imaginary.text.strip_prefix('-') {
        Some(positive) => format!("{} - {positive}i", real.text),
        None => format!("{} + {}i", real.text, imaginary.text),
    };
    Ok(Value::leaf(ValueKind::Scalar, text, object.place.origin()))
}

fn exception_pointer(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    exception(object, object.pointer("__ptr_")?, level)
}

fn error_code(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    error(object, &object.member("__val_")?, object.pointer("__cat_")?)
}

fn coroutine_handle(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    coroutine(object, object.pointer("__handle_")?)
}
