//! Smart pointers: what they lead to, and who shares it.

use crate::base::addr::RunAddr;
use crate::symbols::types::Shape;
use crate::variables::pretty::object::{Found, Object};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// A pointer as its member says, with what it leads to.
pub(super) fn owned(pointer: &Object<'_, '_, '_, '_>, level: Level) -> Value {
    match pointer.of.shape {
        Shape::Pointer(target) => {
            pointer.reading.pointer(&pointer.of, target, &pointer.place, level)
        }
        _ => pointer.value(level),
    }
}

/// A pointer that alone owns what it leads to, with what deletes it.
pub(super) fn unique(
    pointer: &Object<'_, '_, '_, '_>,
    deleter: Option<Object<'_, '_, '_, '_>>,
    level: Level,
) -> Value {
    let mut value = owned(pointer, level);
    // One without members has nothing to tell besides its type.
    let deleter = deleter.filter(|it| it.of.composite().is_none_or(|it| !it.members.is_empty()));
    if let Some(deleter) = deleter.filter(|_| value.is_known()) {
        let deleter = deleter.value(level.deeper());
        value.text = format!("{} (deleter = {})", value.text, deleter.text);
        value.fields.push(("deleter".to_owned(), deleter));
    }
    value
}

/// How many share an object, and how many only watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) uses: i128,
    pub(super) watchers: i128,
}

/// Whether a pointer keeps its object alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// `std::shared_ptr`.
    Shared,
    /// `std::weak_ptr`.
    Weak,
}

/// A pointer to what several share. `control` is the pointer to the counts, and
/// `counts` reads them. Only of what is alive it is said what is there.
pub(super) fn shared(
    pointer: &Object<'_, '_, '_, '_>,
    control: RunAddr,
    hold: Hold,
    counts: impl FnOnce() -> Found<Counts>,
    level: Level,
) -> Found<Value> {
    if control.0 == 0 {
        // Empty; or shares nothing, and points to what others keep alive.
        return Ok(owned(pointer, level));
    }
    let counts = counts()?;
    let Counts { uses, watchers } = counts;
    let is_sound = watchers >= 0
        && match hold {
            Hold::Shared => uses > 0,
            Hold::Weak => uses >= 0 && watchers > 0,
        };
    if !is_sound {
        return crate::variables::pretty::object::damaged(format!(
            "its counts at {control} are {uses} and {watchers}"
        ));
    }
    let mut value = match uses {
        0 => {
            let mut value = owned(pointer, Level { follows: false, ..level });
            // Of text even that would be shown.
            let at = value.raw.map_or_else(String::new, |raw| format!("{} ", RunAddr(raw)));
            value.kind = ValueKind::Pointer;
            value.text = format!("{at}<expired>");
            value
        }
        _ => owned(pointer, level),
    };
    let text = match uses {
        0 => format!("(weak {watchers})"),
        _ => format!("(use {uses}, weak {watchers})"),
    };
    value.text = format!("{} {text}", value.text);
    for (name, count) in [("use_count", uses), ("weak_count", watchers)] {
        let mut part = Value::leaf(ValueKind::Scalar, count.to_string(), value.origin);
        part.raw = u64::try_from(count).ok();
        value.fields.push((name.to_owned(), part));
    }
    Ok(value)
}
