//! What holds a value of a type that only a function knows.

use crate::base::addr::{FrameAddr, RunAddr};
use crate::symbols::cpp_names::template_arguments;
use crate::symbols::entries::Entry;
use crate::variables::place::Place;
use crate::variables::pretty::object::{Failure, Found, Object};
use crate::variables::pretty::sum::alternative;
use crate::variables::read::{Level, Reading};
use crate::variables::value::Value;

/// The class that a function belongs to, an instance of a template for one type.
pub(super) struct Handler<'a, 'f> {
    /// Its name: `std::any::_Manager_internal<int>`.
    pub(super) class: String,
    /// Its entry, if the function has debug information.
    pub(super) entry: Option<Entry<'a, 'f>>,
}

/// The class whose member function starts at an address.
pub(super) fn handler<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    at: RunAddr,
) -> Found<Handler<'a, 'f>> {
    let context = object.reading.context;
    let entry = class_of(object.reading, at);
    if let Some(entry) = entry {
        let class = context.types.get(Some(entry)).plain_name.clone();
        return Ok(Handler { class, entry: Some(entry) });
    }
    let symbol = context.symbols.symbol_at(at).filter(|symbol| symbol.offset == 0);
    if symbol.is_none() && !object.is_mapped(at) {
        return Err(object.absent(at).into());
    }
    let name = symbol.map(|symbol| symbol.name).unwrap_or_default();
    match name.rsplit_once("::") {
        Some((class, _)) => Ok(Handler { class: class.to_owned(), entry: None }),
        None => {
            let why = format!("the function at {at}, which knows what it holds, has no name");
            Err(Failure::Because(why))
        }
    }
}

/// Why a value is unknown whose type has only a name.
pub(super) fn undescribed(name: &str) -> Failure {
    Failure::Because(format!("it holds a `{name}`, of which there is no debug information"))
}

/// The class that declares the function which starts at an address.
fn class_of<'a, 'f>(reading: &Reading<'_, '_, 'a, 'f>, at: RunAddr) -> Option<Entry<'a, 'f>> {
    let context = reading.context;
    let (_, module) = context.symbols.module_at(at)?;
    let calls = context.symbols.calls(FrameAddr::Pc(at));
    let call = calls
        .last()
        .filter(|call| call.function.as_ref().is_some_and(|it| it.offset == Some(0)))?;
    let scope = call.scope?;
    let debug = module.debug()?;
    let unit = debug.unit_by_id(scope.unit)?;
    let subprogram = Entry { debug, unit, offset: scope.subprogram }.attributes()?;
    let declared = subprogram.origins().last()?.entry;
    let class = context.types.containers(declared).around(declared.offset)?;
    Some(Entry { offset: class, ..declared })
}

impl<'a, 'f> Handler<'a, 'f> {
    /// The type that the template argument of this name stands for, or the one
    /// at this index; as an object without a place.
    pub(super) fn argument<'r, 'c>(
        &self,
        name: &str,
        index: usize,
        object: &Object<'r, 'c, 'a, 'f>,
    ) -> Found<Object<'r, 'c, 'a, 'f>> {
        let class = object.at(self.entry, RunAddr(0));
        if let Some(argument) = class.of.type_argument(name) {
            return Ok(object.at(Some(argument), RunAddr(0)));
        }
        let arguments = template_arguments(&self.class).unwrap_or_default();
        let Some(argument) = arguments.get(index) else { return Err(Failure::NewLayout) };
        match object.type_named(argument) {
            Some(argument) => Ok(object.at(Some(argument), RunAddr(0))),
            None => Err(undescribed(argument)),
        }
    }

    /// The value at a place, whose type is that argument.
    pub(super) fn value(
        &self,
        name: &str,
        index: usize,
        object: &Object<'_, '_, 'a, 'f>,
        place: Place<'a, 'f>,
        level: Level,
    ) -> Found<Value> {
        let of = self.argument(name, index, object)?;
        Ok(alternative(&Object { place, ..of }, level))
    }
}
