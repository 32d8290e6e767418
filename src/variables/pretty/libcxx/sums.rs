//! What LLVM's C++ library has for values of several types, or of none.

use crate::base::addr::RunAddr;
use crate::variables::place::Place;
use crate::variables::pretty::erased::handler;
use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::pretty::sum::{
    alternative, empty, held, is_valueless, nothing, tuple_of, valueless,
};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::optional", print: optional },
    Template { name: "std::__1::variant", print: variant },
    Template { name: "std::__1::any", print: any },
    Template { name: "std::__1::function", print: function },
    Template { name: "std::__1::tuple", print: tuple },
];

/// How many elements of a tuple are looked for.
const MOST_ELEMENTS: usize = 128;

/// A value, and whether it is there.
fn optional(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    match object.flag("__engaged_")? {
        true => Ok(held(&object.member("__val_")?, level)),
        false => Ok(nothing(object)),
    }
}

/// Unions in unions: each has the next alternative first, and the rest.
fn variant(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let inner = object.any_member(&["__impl_", "__impl"])?;
    let index = inner.member("__index")?;
    if is_valueless(&index)? {
        return Ok(valueless(object));
    }
    let index = index.as_word()?;
    let mut union = inner.member("__data")?;
    for step in 0..index {
        union = match union.member("__tail") {
            Err(Failure::NewLayout) if step > 0 => return invalid(index),
            rest => rest?,
        };
    }
    match union.member("__head") {
        Err(Failure::NewLayout) if index > 0 => invalid(index),
        first => Ok(alternative(&first?.member("__value")?, level)),
    }
}

fn invalid<T>(index: u64) -> Found<T> {
    damaged(format!("it has no alternative {index}"))
}

/// A function that knows the type, and storage: for the value if it is small,
/// for a pointer to it otherwise.
fn any(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let function = object.any_member(&["__h_", "__h"])?.target()?.1;
    if function.0 == 0 {
        return Ok(empty(object));
    }
    let handler = handler(object, function)?;
    let storage = object.any_member(&["__s_", "__s"])?;
    let place = match () {
        () if handler.class.starts_with("std::__1::__any_imp::_SmallHandler<") => {
            storage.member("__buf")?.place
        }
        () if handler.class.starts_with("std::__1::__any_imp::_LargeHandler<") => {
            Place::Memory(storage.pointer("__ptr")?)
        }
        () => return Err(Failure::NewLayout),
    };
    handler.value("_Tp", 0, object, place, level)
}

/// A pointer to an object whose class is an instance for the target's type, and
/// which may be in the function itself.
fn function(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let pointer = object.path(&["__f_", "__f_"])?;
    let (of, at) = pointer.target()?;
    if at.0 == 0 {
        return Ok(empty(object));
    }
    let found = object.reading.object(&object.at(of, at).of, at);
    let whole = Object { of: found.of, place: Place::Memory(found.at), ..object.clone() };
    if !whole.of.plain_name.starts_with("std::__1::__function::__func<") {
        return Err(Failure::NewLayout);
    }
    let inner = whole.any_member(&["__func_", "__f_"])?;
    let target = match inner.of.plain_name.starts_with("std::__1::__function::__alloc_func<") {
        true => unpaired(&inner, &["__func_", "__f_"]),
        false => unpaired(&whole, &["__func_", "__f_"]),
    };
    let target = match target {
        // A target without members is a base of the pair.
        Err(Failure::NewLayout) => {
            let class = whole.argument("_Fp", 0)?;
            Object { place: Place::Memory(RunAddr(found.at.0)), ..whole.seen_as(Some(class)) }
        }
        target => target?,
    };
    Ok(alternative(&target, level))
}

/// Each element is in a base of its own.
fn tuple(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let Ok(inner) = object.any_member(&["__base_"]) else {
        return match object.of.plain_name.ends_with("<>") {
            true => Ok(tuple_of(object, &[], level)),
            false => Err(Failure::NewLayout),
        };
    };
    let mut elements = Vec::new();
    for index in 0..MOST_ELEMENTS {
        let Ok(leaf) = inner.numbered_base("std::__1::__tuple_leaf<", index) else { break };
        // An empty element is a base of the leaf.
        elements.push(match leaf.member("__value_") {
            Err(Failure::NewLayout) => leaf.base("")?,
            element => element?,
        });
    }
    match elements.len() {
        0 | MOST_ELEMENTS => Err(Failure::NewLayout),
        _ => Ok(tuple_of(object, &elements, level)),
    }
}
