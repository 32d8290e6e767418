//! What iterators and smart pointers lead to.

use crate::variables::pointers::{TARGET_TEXT, shortened};
use crate::variables::pretty::object::Object;
use crate::variables::read::Level;
use crate::variables::value::{Origin, Value, ValueKind};

/// An iterator that is at the end of its container.
pub(super) fn end(object: &Object<'_, '_, '_, '_>) -> Value {
    Value::leaf(ValueKind::Pointer, "end", object.place.origin())
}

/// A pointer to an object: its address, and what is there.
pub(super) fn pointed(to: &Object<'_, '_, '_, '_>, origin: Origin, level: Level) -> Value {
    let Some(at) = to.place.address() else { return to.value(level) };
    let mut value = Value::leaf(ValueKind::Pointer, at.to_string(), origin);
    value.raw = Some(at.0);
    if level.follows {
        let target = to.value(level.followed());
        let arrow = if to.of.composite().is_some() { "" } else { "-> " };
        value.text = format!("{at} {arrow}{}", shortened(&target.text, TARGET_TEXT));
        value.fields.push(("*".to_owned(), target));
    }
    value
}
