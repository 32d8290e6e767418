//! Smart pointers and references of GNU's C++ library.

use crate::variables::pretty::object::{Failure, Found, Object, Template};
use crate::variables::pretty::owners::{Counts, Hold, shared, unique};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::unique_ptr", print: unique_ptr },
    Template { name: "std::shared_ptr", print: shared_ptr },
    Template { name: "std::weak_ptr", print: weak_ptr },
    Template { name: "std::reference_wrapper", print: reference_wrapper },
];

/// A tuple of a pointer and a deleter.
fn unique_ptr(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let outer = object.member("_M_t")?;
    // Before gcc 7 the tuple itself.
    let tuple = outer.member("_M_t").unwrap_or(outer);
    let inner = tuple.base("std::_Tuple_impl<0")?;
    let pointer = inner.base("std::_Head_base<0")?.member("_M_head_impl")?;
    let deleter = inner.base("std::_Tuple_impl<1").and_then(|rest| {
        let head = rest.base("std::_Head_base<1")?;
        // An empty deleter is a base of the head, not a member.
        head.member("_M_head_impl")
    });
    Ok(unique(&pointer, deleter.ok(), level))
}

fn shared_ptr(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    counted(object, Hold::Shared, level)
}

fn weak_ptr(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    counted(object, Hold::Weak, level)
}

/// A pointer to the object, and one to the counts. All owners together hold one
/// weak reference.
fn counted(object: &Object<'_, '_, '_, '_>, hold: Hold, level: Level) -> Found<Value> {
    let pointer = object.member("_M_ptr")?;
    let control = object.path(&["_M_refcount", "_M_pi"])?;
    let (of, at) = control.target()?;
    let counts = || -> Found<Counts> {
        let block = object.at(of, at);
        let uses = block.member("_M_use_count")?.as_signed()?;
        let weak = block.member("_M_weak_count")?.as_signed()?;
        Ok(Counts { uses, watchers: weak.saturating_sub(i128::from(uses != 0)) })
    };
    shared(&pointer, at, hold, counts, level)
}

fn reference_wrapper(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let pointer = object.member("_M_data")?;
    match pointer.of.shape {
        crate::symbols::types::Shape::Pointer(target) => {
            Ok(object.reading.reference(&pointer.of, target, &pointer.place, level))
        }
        _ => Err(Failure::NewLayout),
    }
}
