//! Exceptions that somebody keeps a pointer to.

use crate::base::addr::RunAddr;
use crate::symbols::demangle::demangled;
use crate::variables::pretty::erased::undescribed;
use crate::variables::pretty::messages::{has_message, message};
use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::pretty::sum::alternative;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// How far before the thrown object its `__cxa_exception` has what we need: the
/// pointer to the `type_info`, and the class of the exception. Both libraries
/// have the same layout from there on (Itanium C++ ABI, Exception Handling,
/// 2.2.1; `unwind-cxx.h` of libstdc++, `cxa_exception.h` of libc++abi).
const TYPE: u64 = 112;
const CLASS: u64 = 32;

/// Vendor and language of C++ exceptions, highest byte first; the last byte is
/// set for one that was thrown again.
const CLASSES: [&[u8; 8]; 2] = [b"GNUCC++\0", b"CLNGC++\0"];

/// How long the name of a type may be.
const LONGEST_NAME: usize = 4 << 10;

/// An exception, given the address of the object that was thrown.
pub(super) fn exception(
    object: &Object<'_, '_, '_, '_>,
    thrown: RunAddr,
    level: Level,
) -> Found<Value> {
    if thrown.0 == 0 {
        return Ok(Value::leaf(ValueKind::Pointer, "nullptr", object.place.origin()));
    }
    let before = |bytes: u64| RunAddr(thrown.0.wrapping_sub(bytes));
    let class = object.word_at(before(CLASS))?;
    if !CLASSES.iter().any(|known| class & !0xff == u64::from_be_bytes(**known)) {
        return damaged(format!("there is no exception of C++ at {thrown}"));
    }
    let type_info = RunAddr(object.word_at(before(TYPE))?);
    let name = type_name(object, type_info)?;
    match object.type_named(&name) {
        Some(of) => Ok(alternative(&object.at(Some(of), thrown), level)),
        None if has_message(&name) => {
            let mut value = message(&object.at(None, thrown), level)?;
            value.text = format!("({name}) {}", value.text);
            Ok(value)
        }
        None => Err(undescribed(&name)),
    }
}

/// The name of the type that a `std::type_info` describes: its second word
/// points to it, mangled (Itanium C++ ABI, 2.9.5).
pub(super) fn type_name(object: &Object<'_, '_, '_, '_>, type_info: RunAddr) -> Found<String> {
    let at = RunAddr(object.word_at(RunAddr(type_info.0.wrapping_add(8)))?);
    let memory = object.reading.context.memory;
    let (name, _) = memory.text(at, LONGEST_NAME).map_err(|missing| object.absent(missing.at))?;
    // Types of one module only begin with an asterisk.
    let name = name.strip_prefix(b"*").unwrap_or(&name);
    let symbol = [b"_ZTS", name].concat();
    let shown = demangled(&symbol);
    match shown.as_deref().and_then(|shown| shown.strip_prefix("typeinfo name for ")) {
        Some(name) => Ok(name.to_owned()),
        None => damaged(format!("its type at {type_info} has no name")),
    }
}
