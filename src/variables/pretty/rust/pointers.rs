//! `Rc`, `Arc`, their `Weak`, and guards that are pointers.

use super::object::{Metadata, Object, Pointer, arguments, number};
use super::wide;
use crate::base::addr::RunAddr;
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Origin, Value, ValueKind};

/// `Rc<T>`, `Arc<T>`: a pointer to two counts and the value.
pub(super) fn shared(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let pointer = object.member("ptr")?.pointer()?;
    let counts = Counts::read(object, &pointer)?;
    if counts.strong == 0 {
        return Err(format!("damaged: nothing owns what it points to at {}", pointer.at));
    }
    let mut value = Value::leaf(ValueKind::Pointer, "", Origin::Memory);
    value.raw = Some(pointer.at.0);
    let inside = held(object, &pointer, level)?;
    // All strong pointers together count as one weak one.
    let weak = counts.weak.saturating_sub(1);
    value.text = format!("{} (strong {}, weak {weak})", inside.text, counts.strong);
    value.fields = vec![
        ("*".to_owned(), inside),
        ("strong".to_owned(), number(counts.strong)),
        ("weak".to_owned(), number(weak)),
    ];
    Ok(value)
}

/// `Weak<T>`: a pointer to what may be gone, or one that never pointed to
/// anything (all bits set).
pub(super) fn weak(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let pointer = object.member("ptr")?.pointer()?;
    let mut value = Value::leaf(ValueKind::Pointer, "", Origin::Memory);
    value.raw = Some(pointer.at.0);
    if pointer.at.0 == u64::MAX {
        value.text = "(dangling)".to_owned();
        return Ok(value);
    }
    let counts = Counts::read(object, &pointer)?;
    let weak = if counts.strong > 0 { counts.weak.saturating_sub(1) } else { counts.weak };
    value.fields =
        vec![("strong".to_owned(), number(counts.strong)), ("weak".to_owned(), number(weak))];
    if counts.strong == 0 {
        value.text = format!("(dropped) (strong 0, weak {weak})");
        return Ok(value);
    }
    // One that only watches does not follow: what it watches may own it.
    let inside = match level.follows {
        true => held(object, &pointer, level.followed())?,
        false => Value::leaf(ValueKind::Pointer, pointer.at.to_string(), Origin::Memory),
    };
    value.text = format!("{} (strong {}, weak {weak})", inside.text, counts.strong);
    value.fields.insert(0, ("*".to_owned(), inside));
    Ok(value)
}

/// `Ref<T>`, `RefMut<T>`: what it refers to.
pub(super) fn guard(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let target = object.member("value")?;
    referred(&target, arguments(&object.of.plain_name).first().copied().unwrap_or_default(), level)
}

/// What a guard's pointer, to a type of this name, refers to, as a reference.
pub(super) fn referred(
    pointer: &Object<'_, '_, '_, '_, '_>,
    name: &str,
    level: Level,
) -> Result<Value, String> {
    let to = pointer.pointer()?;
    let mut value = Value::leaf(ValueKind::Reference, format!("@{}", to.at), Origin::Memory);
    value.raw = Some(to.at.0);
    if !level.follows {
        return Ok(value);
    }
    let inside = match to.metadata {
        Metadata::None => pointer.other(to.target, Place::Memory(to.at)).value(level.followed()),
        _ => wide::target(pointer, name, &to, level.followed())?,
    };
    value.text = inside.text.clone();
    value.fields.push(("*".to_owned(), inside));
    Ok(value)
}

/// The counts in front of a shared value.
struct Counts {
    strong: i64,
    weak: i64,
}

impl Counts {
    fn read<'a, 'f>(
        object: &Object<'_, '_, '_, 'a, 'f>,
        pointer: &Pointer<'a, 'f>,
    ) -> Result<Self, String> {
        let counted = object.other(pointer.target, Place::Memory(pointer.at));
        let count = |name: &str| {
            let word = counted.member(name)?.word()?;
            // More pointers than this do not fit into memory: the library
            // aborts before there are as many. An `Arc` locks its weak count
            // for a moment by setting all bits.
            match i64::try_from(word) {
                Ok(count) => Ok(count),
                Err(_) if word == u64::MAX && name == "weak" => Ok(1),
                Err(_) => Err(format!("damaged: {name} count of {word:#x} at {}", pointer.at)),
            }
        };
        Ok(Self { strong: count("strong")?, weak: count("weak")? })
    }
}

/// The value behind the counts.
fn held<'a, 'f>(
    object: &Object<'_, '_, '_, 'a, 'f>,
    pointer: &Pointer<'a, 'f>,
    level: Level,
) -> Result<Value, String> {
    let counted = object.other(pointer.target, Place::Memory(pointer.at));
    let data = counted.any_member(&["value", "data"])?;
    let start = data.place.address().ok_or(NEW_LAYOUT)?;
    let name = arguments(&object.of.plain_name).first().copied().unwrap_or_default();
    let metadata = pointer.metadata;
    Ok(match metadata {
        Metadata::None => data.value(level),
        Metadata::Length(_) => {
            let inner = Pointer { at: start, target: data.of.entry, metadata };
            wide::target(object, name, &inner, level)?
        }
        Metadata::Table(table) => {
            // The counts may be followed by room, up to the value's alignment.
            let align = object.reading.alignment(table)?;
            let offset = start.0.wrapping_sub(pointer.at.0).checked_next_multiple_of(align);
            let offset = offset.ok_or(NEW_LAYOUT)?;
            object.reading.trait_object(RunAddr(pointer.at.0.wrapping_add(offset)), table, level)
        }
    })
}
