//! Smart pointers and references of LLVM's C++ library.

use crate::symbols::types::Shape;
use crate::variables::pretty::libcxx::unpaired;
use crate::variables::pretty::object::{Failure, Found, Object, Template};
use crate::variables::pretty::owners::{Counts, Hold, shared, unique};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::unique_ptr", print: unique_ptr },
    Template { name: "std::__1::shared_ptr", print: shared_ptr },
    Template { name: "std::__1::weak_ptr", print: weak_ptr },
    Template { name: "std::__1::reference_wrapper", print: reference_wrapper },
];

/// A pointer and a deleter, in a pair or not.
fn unique_ptr(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let pointer = unpaired(object, &["__ptr_"])?;
    let deleter = object.member("__deleter_");
    let deleter = deleter.or_else(|_| object.member("__ptr_")?.numbered_element(1));
    Ok(unique(&pointer, deleter.ok(), level))
}

fn shared_ptr(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    counted(object, Hold::Shared, level)
}

fn weak_ptr(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    counted(object, Hold::Weak, level)
}

/// A pointer to the object, and one to the counts, which are one less than what
/// they count. All owners together hold one weak reference.
fn counted(object: &Object<'_, '_, '_, '_>, hold: Hold, level: Level) -> Found<Value> {
    let pointer = object.member("__ptr_")?;
    let (of, at) = object.member("__cntrl_")?.target()?;
    let counts = || -> Found<Counts> {
        let block = object.at(of, at);
        let (owners, weak) = match block.is_declared() {
            // Its virtual table, and the description, are in the library. The
            // counts follow the pointer to the table.
            true => (signed(block.word_within(8)?), signed(block.word_within(16)?)),
            false => (
                block.member("__shared_owners_")?.as_signed()?,
                block.member("__shared_weak_owners_")?.as_signed()?,
            ),
        };
        let uses = owners.saturating_add(1);
        Ok(Counts { uses, watchers: weak.saturating_add(i128::from(uses == 0)) })
    };
    shared(&pointer, at, hold, counts, level)
}

fn signed(word: u64) -> i128 {
    word.cast_signed().into()
}

fn reference_wrapper(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let pointer = object.member("__f_")?;
    match pointer.of.shape {
        Shape::Pointer(target) => {
            Ok(object.reading.reference(&pointer.of, target, &pointer.place, level))
        }
        _ => Err(Failure::NewLayout),
    }
}
