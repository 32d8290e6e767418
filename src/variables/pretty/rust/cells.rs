//! Types that wrap one value: cells, atomics, numbers with a rule.

use super::object::{Object, number, remarked};
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// What only wraps a value, as that value.
pub(super) fn wrapper(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    Ok(object.wrapped()?.value(level))
}

/// `MaybeUninit<T>`: nobody knows whether there is a value.
pub(super) fn maybe_uninit(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let value = object.member("value")?.value(level);
    Ok(remarked(value, &["if initialized".to_owned()]))
}

/// `NonZero<T>`, which is never zero.
pub(super) fn non_zero(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let mut inner = object.wrapped()?;
    // `NonZeroU8Inner(u8)`
    if inner.of.composite().is_some() {
        inner = inner.wrapped()?;
    }
    let value = inner.value(level);
    match value.raw {
        Some(0) => Err("damaged: it is zero, which it cannot be".to_owned()),
        _ => Ok(value),
    }
}

/// `AtomicBool`: a byte.
pub(super) fn atomic_bool(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let text = match object.word()? {
        0 => "false",
        1 => "true",
        other => return Err(format!("damaged: its byte is {other}, which is no bool")),
    };
    Ok(Value::leaf(ValueKind::Scalar, text, object.place.origin()))
}

/// `RefCell<T>`, and whether it is borrowed.
pub(super) fn ref_cell(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let borrow = object.member("borrow")?.word()?.cast_signed();
    let mut value = object.member("value")?.value(level);
    let remark = match borrow {
        0 => None,
        1 => Some("borrowed".to_owned()),
        count @ 2.. => Some(format!("borrowed {count} times")),
        -1 => Some("mutably borrowed".to_owned()),
        count => Some(format!("mutably borrowed {} times", count.unsigned_abs())),
    };
    value = remarked(value, remark.as_slice());
    value.fields.push(("borrow".to_owned(), number(borrow)));
    Ok(value)
}

/// `OnceCell<T>`, `LazyCell<T>`: a value that is made once.
pub(super) fn once_cell(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let state = object.any_member(&["inner", "state"])?;
    let state = state.member("value")?;
    // `Option<T>`, or `State::{Uninit, Init, Poisoned}`.
    let set = match state.payload("Some")? {
        Some(value) => Some(value),
        None => state.payload("Init")?,
    };
    if let Some(set) = set {
        return Ok(set.value(level));
    }
    let is_poisoned = object.of.member("state").is_some() && state.active_name()? == "Poisoned";
    let text = if is_poisoned { "(poisoned)" } else { NOT_SET };
    Ok(Value::leaf(ValueKind::Optional, text, object.place.origin()))
}

/// What is shown of a cell that has no value.
pub(super) const NOT_SET: &str = "(not initialized)";

impl Object<'_, '_, '_, '_, '_> {
    /// The name of an enum's active variant.
    pub(super) fn active_name(&self) -> Result<String, String> {
        let variants =
            self.of.composite().and_then(|all| all.variants.as_ref()).ok_or(NEW_LAYOUT)?;
        let active = self.reading.active(&self.of, variants, &self.place)?;
        let name = active.member.as_ref().and_then(|member| member.name.clone());
        name.ok_or_else(|| NEW_LAYOUT.to_owned())
    }
}
