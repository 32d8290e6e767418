//! What GNU's C++ library has for values of several types, or of none.

use crate::base::addr::RunAddr;
use crate::variables::place::Place;
use crate::variables::pretty::erased::{Handler, handler};
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::pretty::sum::{alternative, empty, held, nothing, tuple_of, valueless};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::optional", print: optional },
    Template { name: "std::variant", print: variant },
    Template { name: "std::any", print: any },
    Template { name: "std::function", print: function },
    Template { name: "std::tuple", print: tuple },
];

/// A value, and whether it is there.
fn optional(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let payload = object.member("_M_payload")?;
    match payload.flag("_M_engaged")? {
        true => Ok(held(&payload.path(&["_M_payload", "_M_value"])?, level)),
        false => Ok(nothing(object)),
    }
}

/// Unions in unions: each has the next alternative first, and the rest.
fn variant(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let index = object.member("_M_index")?;
    let size = index.size()?;
    let index = index.as_word()?;
    if index == u64::MAX.checked_shr(64_u32.saturating_sub(8 * size.min(8) as u32)).unwrap_or(0) {
        return Ok(valueless(object));
    }
    let mut union = object.member("_M_u")?;
    for step in 0..index {
        union = match union.member("_M_rest") {
            Ok(rest) => rest,
            Err(Failure::NewLayout) if step > 0 => return invalid(index),
            Err(failure) => return Err(failure),
        };
    }
    let first = match union.member("_M_first") {
        Err(Failure::NewLayout) if index > 0 => return invalid(index),
        first => first?,
    };
    let storage = first.member("_M_storage")?;
    let value = storage.seen_as(Some(first.argument("_Type", 0)?));
    Ok(alternative(&value, level))
}

fn invalid<T>(index: u64) -> Found<T> {
    damaged(format!("it has no alternative {index}"))
}

/// A function that knows the type, and storage: for the value if it is small,
/// for a pointer to it otherwise. The function is a member of a class whose
/// template argument is the type.
fn any(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let manager = object.pointer("_M_manager")?;
    if manager.0 == 0 {
        return Ok(empty(object));
    }
    let handler = handler(object, manager)?;
    let storage = object.member("_M_storage")?;
    let place = match () {
        () if handler.class.starts_with("std::any::_Manager_internal<") => {
            storage.member("_M_buffer")?.place
        }
        () if handler.class.starts_with("std::any::_Manager_external<") => {
            Place::Memory(storage.pointer("_M_ptr")?)
        }
        () => return Err(Failure::NewLayout),
    };
    handler.value("_Tp", 0, object, place, level)
}

/// As [`any`], with storage of two words, for what is copied as bytes. A
/// pointer to a function is small, too.
fn function(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let manager = object.pointer("_M_manager")?;
    if manager.0 == 0 {
        return Ok(empty(object));
    }
    let storage = object.member("_M_functor")?;
    let handler = handler(object, manager)?;
    if !handler.class.starts_with("std::_Function_handler<") {
        return Err(Failure::NewLayout);
    }
    let functor = handler.argument("_Functor", 1, object)?;
    let place = match is_stored_locally(object, &handler, &functor) {
        Some(true) => storage.place,
        Some(false) => {
            Place::Memory(RunAddr(storage.path(&["_M_unused", "_M_object"])?.as_word()?))
        }
        None => {
            let why = format!("whether its `{}` is within it", functor.of.name);
            return Err(Failure::Because(format!("{why}, the debug information does not say")));
        }
    };
    Ok(alternative(&Object { place, ..functor }, level))
}

/// Whether a function's target is inside of it: the library computes that when
/// the program is compiled (`_Function_base::_Base_manager::__stored_locally`).
/// Only what is copied as bytes may be.
fn is_stored_locally<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    handler: &Handler<'a, 'f>,
    functor: &Object<'_, '_, 'a, 'f>,
) -> Option<bool> {
    let class = object.at(handler.entry, RunAddr(0));
    let base = class.base("std::_Function_base::_Base_manager").ok();
    if let Some(stated) = base.and_then(|base| base.static_constant("__stored_locally")) {
        return Some(stated != 0);
    }
    if functor.of.size? > 16 || functor.alignment() > 8 {
        return Some(false);
    }
    functor.of.composite().is_none().then_some(true)
}

/// How many elements of a tuple are looked for.
const MOST_ELEMENTS: usize = 128;

/// Each element is in a base of its own; the first one is in the nearest.
fn tuple(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let mut elements = Vec::new();
    let mut here = object.clone();
    for index in 0..MOST_ELEMENTS {
        let Ok(next) = here.numbered_base("std::_Tuple_impl<", index) else { break };
        let head = next.numbered_base("std::_Head_base<", index)?;
        // An empty element is a base of the head before gcc 12.
        let element = match head.member("_M_head_impl") {
            Err(Failure::NewLayout) => head.base("")?,
            element => element?,
        };
        elements.push(element);
        here = next;
    }
    let is_whole = elements.len() < MOST_ELEMENTS
        && (!elements.is_empty() || object.of.plain_name.ends_with("<>"));
    match is_whole {
        true => Ok(tuple_of(object, &elements, level)),
        false => Err(Failure::NewLayout),
    }
}
