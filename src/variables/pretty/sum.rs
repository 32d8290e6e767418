//! Values of one of several types, and values that may be missing: how they
//! are written.

use crate::variables::pretty::object::Object;
use crate::variables::read::Level;
use crate::variables::texts::Texts;
use crate::variables::value::{Value, ValueKind};

/// An optional that holds nothing.
pub(super) fn nothing(object: &Object<'_, '_, '_, '_>) -> Value {
    Value::leaf(ValueKind::Optional, "nullopt", object.place.origin())
}

/// An optional that holds this: written as its value, unless that could be
/// taken for the optional itself.
pub(super) fn held(value: &Object<'_, '_, '_, '_>, level: Level) -> Value {
    let inner = value.value(level.deeper());
    if !inner.is_known() {
        return inner;
    }
    let text = match inner.kind {
        ValueKind::Optional => format!("{{{}}}", inner.text),
        _ => inner.text.clone(),
    };
    let mut held = Value::leaf(ValueKind::Optional, text, value.place.origin());
    held.fields.push(("value".to_owned(), inner));
    held
}

/// What may hold any type, and holds nothing.
pub(super) fn empty(object: &Object<'_, '_, '_, '_>) -> Value {
    Value::leaf(ValueKind::Optional, "<empty>", object.place.origin())
}

/// A variant whose last assignment failed (C++20, 20.7.3.6).
pub(super) fn valueless(object: &Object<'_, '_, '_, '_>) -> Value {
    Value::leaf(ValueKind::Optional, "<valueless by exception>", object.place.origin())
}

/// A value whose type the variable's type does not tell: `(int) 7`.
pub(super) fn alternative(value: &Object<'_, '_, '_, '_>, level: Level) -> Value {
    let inner = value.value(level.deeper());
    if !inner.is_known() {
        return inner;
    }
    // The type of a lambda has no name.
    let name = if value.of.name.ends_with(" {...}") { "lambda" } else { &value.of.name };
    let text = format!("({name}) {}", inner.text);
    let mut outer = Value::leaf(ValueKind::Optional, text, value.place.origin());
    outer.fields.push(("value".to_owned(), inner));
    outer
}

/// The elements of a tuple.
pub(super) fn tuple_of(
    object: &Object<'_, '_, '_, '_>,
    elements: &[Object<'_, '_, '_, '_>],
    level: Level,
) -> Value {
    let mut value = Value::leaf(ValueKind::Struct, "{...}", object.place.origin());
    if level.nested == 0 && !elements.is_empty() {
        value.omitted = elements.len() as u64;
        return value;
    }
    let mut texts = Texts::new(object.reading.context.limits.text);
    for (index, element) in elements.iter().enumerate() {
        let element = element.value(level.deeper());
        texts.push(&element.text);
        value.fields.push((index.to_string(), element));
    }
    value.text = texts.close("{", "}", 0);
    value
}
