//! Slices, texts and interfaces of Go and D, which their compilers describe as
//! plain structures.
//!
//! Sources: Go's `runtime/slice.go`, `runtime/string.go`, `runtime/runtime2.go`
//! (`iface`, `eface`) and `runtime/type.go`, as of Go 1.19; the D ABI, "Arrays".

use std::sync::Arc;

use super::Printer;
use super::object::{Failure, Found, Object};
use crate::base::addr::RunAddr;
use crate::symbols::types::{Dialect, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::strings::CharKind;
use crate::variables::value::{Origin, Value, ValueKind};

/// `tflagExtraStar`: the name of a type has a `*` too many before it.
const EXTRA_STAR: u64 = 1 << 1;

/// `kindDirectIface`: the interface holds the value, not a pointer to it.
const IS_DIRECT: u64 = 1 << 5;

/// Longest name of a type that is read.
const LONGEST_NAME: u64 = 1 << 10;

/// Every printer of this file.
pub(super) const PRINTERS: &[&dyn Printer] = &[
    &Native { name: "string", dialect: Dialect::Go, members: &["str", "len"], print: go_text },
    &Native {
        name: "[]",
        dialect: Dialect::Go,
        members: &["array", "len", "cap"],
        print: go_slice,
    },
    &Native {
        name: "interface",
        dialect: Dialect::Go,
        members: &["tab", "data"],
        print: go_interface,
    },
    &Native { name: "any", dialect: Dialect::Go, members: &["_type", "data"], print: go_interface },
    &Native { name: "T[]", dialect: Dialect::D, members: &["length", "ptr"], print: d_slice },
];

/// A structure that a language itself knows, told by its members.
struct Native {
    #[cfg_attr(not(test), expect(dead_code, reason = "tests tell printers apart by it"))]
    name: &'static str,
    dialect: Dialect,
    members: &'static [&'static str],
    print: for<'r, 'c, 'a, 'f> fn(&Object<'r, 'c, 'a, 'f>, Level) -> Found<Value>,
}

impl Printer for Native {
    #[cfg(test)]
    fn name(&self) -> &'static str {
        self.name
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        let Some(composite) = of.composite().filter(|_| of.dialect == self.dialect) else {
            return false;
        };
        let names = composite.members.iter().map(|member| member.name.as_deref());
        names.eq(self.members.iter().map(|name| Some(*name)))
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        let object = Object { reading, of: Arc::new(of.clone()), place: place.clone() };
        match (self.print)(&object, level) {
            Ok(value) => Ok(value),
            // Of a structure that is partly gone, the rest is shown.
            Err(Failure::Because(_)) if place.address().is_none() => Ok(object.raw(level)),
            Err(Failure::Because(why)) => Err(why),
            Err(Failure::NewLayout) => Ok(object.raw(level)),
        }
    }
}

fn go_text(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let len = object.word("len")?;
    Ok(object.reading.sized_text(Dialect::Go, object.pointer("str")?, len)?)
}

fn go_slice(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (len, cap) = (object.word("len")?, object.word("cap")?);
    let (element, at) = object.member("array")?.target()?;
    if cap < len {
        return super::object::damaged(format!("it holds {len} elements in room for {cap}"));
    }
    Ok(object.reading.sequence(Dialect::Go, element, at, len, level)?)
}

fn d_slice(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let reading = object.reading;
    let len = object.word("length")?;
    let (element, at) = object.member("ptr")?.target()?;
    let of = reading.context.types.get(element);
    match CharKind::of(&of) {
        Some(CharKind::Narrow) => Ok(reading.sized_text(Dialect::D, at, len)?),
        Some(kind @ CharKind::Wide(width)) => {
            reading.check_extent(at, len, width as u64)?;
            let text = reading.char_array(&of, kind, len, &Place::Memory(at));
            text.ok_or(Failure::NewLayout)
        }
        _ => Ok(reading.sequence(Dialect::D, element, at, len, level)?),
    }
}

/// What an interface holds: the value of its real type.
fn go_interface(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let types = match object.member("_type") {
        Ok(types) => types,
        Err(_) => {
            let table = object.member("tab")?;
            if table.as_word()? == 0 {
                return Ok(nil());
            }
            table.pointee()?.member("_type")?
        }
    };
    if types.as_word()? == 0 {
        return Ok(nil());
    }
    let of = types.pointee()?;
    let name = type_name(&of)?;
    let data = object.member("data")?;
    let mut value = match name.strip_prefix('*') {
        // A pointer, which the interface holds itself.
        Some(target) => {
            let at = RunAddr(data.as_word()?);
            let target = object.type_named(target).ok_or(Failure::NewLayout)?;
            object.reading.pointer_to(Dialect::Go, at, Some(target), Origin::Memory, level)
        }
        None => {
            let is_direct = of.word("kind")? & IS_DIRECT != 0;
            let own = object.type_named(&name).ok_or(Failure::NewLayout)?;
            let held = match is_direct {
                true => data.seen_as(Some(own)),
                false => data.at(Some(own), RunAddr(data.as_word()?)),
            };
            held.value(level)
        }
    };
    value.text = format!("({name}) {}", value.text);
    value.dynamic_type = Some(name);
    Ok(value)
}

fn nil() -> Value {
    Value::leaf(ValueKind::Optional, "nil", Origin::Memory)
}

/// The name of a type, from the runtime's description of it: flags, the length,
/// the text, at an offset from where the module's types begin.
fn type_name(of: &Object<'_, '_, '_, '_>) -> Found<String> {
    let context = of.reading.context;
    let modules = context.globals_named("runtime.firstmoduledata", of.of.entry);
    let module = modules.first().and_then(|module| module.attributes());
    let module = module.ok_or(Failure::NewLayout)?;
    let activation = of.reading.activation.ok_or(Failure::NewLayout)?;
    let place = activation.place(&module)?;
    let module = Object { reading: of.reading, of: context.types.get(module.type_entry()), place };
    let (first, end) = (module.word("types")?, module.word("etypes")?);
    let at = RunAddr(first).checked_add(of.word("str")?).filter(|at| at.0 < end);
    let at = at.ok_or(Failure::NewLayout)?;
    let mut head = [0_u8; 11];
    let got = context.memory.read(at, &mut head);
    let (mut len, mut used) = (0_u64, 1_u64);
    for (index, byte) in head.get(1..got).unwrap_or_default().iter().enumerate() {
        let shift = u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(7);
        len |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        used = used.saturating_add(1);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let bytes = Place::Memory(RunAddr(at.0.saturating_add(used)));
    let bytes = bytes.read(context.memory, len.min(LONGEST_NAME))?;
    let name = String::from_utf8(bytes).map_err(|_| Failure::NewLayout)?;
    let has_star = of.word("tflag")? & EXTRA_STAR != 0;
    let name = name.strip_prefix('*').filter(|_| has_star).map(str::to_owned).unwrap_or(name);
    (!name.is_empty()).then_some(name).ok_or(Failure::NewLayout)
}
