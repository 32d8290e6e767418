//! `dyn Trait`: which type it is, by the table of its methods.
//!
//! The compiler describes each table as a variable at its address, whose type
//! names the concrete type (`DW_AT_containing_type`). A table is the function
//! that drops the value, or null, then its size and alignment, then the
//! methods.

use gimli::constants as dw;

use super::futures::is_future;
use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::Type;
use crate::variables::place::Place;
use crate::variables::read::{Level, NOT_DUMPED, Reading};
use crate::variables::value::{Origin, Value, ValueKind};

/// The largest alignment that Rust knows (`repr(align)`).
const LARGEST_ALIGNMENT: u64 = 1 << 29;

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// The value at `at`, whose methods are in the table at `table`.
    pub(super) fn trait_object(&self, at: RunAddr, table: RunAddr, level: Level) -> Value {
        let mut value = Value::leaf(ValueKind::Pointer, "", Origin::Memory);
        value.raw = Some(at.0);
        let unknown = |why: String| Value::unknown(format!("{why}; its value is at {at}"));
        let concrete = match self.concrete(table) {
            Ok(concrete) => concrete,
            Err(why) => return unknown(why),
        };
        let of = self.context.types.get(Some(concrete.of));
        match self.shape_of(table) {
            Ok((size, _)) if of.size == Some(size) => (),
            Ok((size, _)) => {
                let name = &of.plain_name;
                return unknown(format!("damaged: its table is of `{name}`, but for {size} bytes"));
            }
            Err(why) => return unknown(why),
        }
        let inside = self.typed(&of, &Place::Memory(at), level);
        let name = concrete.name.unwrap_or_else(|| of.plain_name.clone());
        value.text = match inside.is_known() {
            // What names itself needs no second name.
            true if is_future(&of) || is_bare(&of) => inside.text.clone(),
            true if inside.text.starts_with('(') => format!("{name}{}", inside.text),
            true => format!("{name} {}", inside.text),
            false if !self.is_there(at) => format!("{name} at {at} {NOT_DUMPED}"),
            false => format!("{name} {}", inside.text),
        };
        match concrete.is_sure {
            true => value.dynamic_type = Some(name),
            false => value.text.push_str(" (a guess: by the names of its methods)"),
        }
        value.fields.push(("*".to_owned(), inside));
        value
    }

    /// The alignment of a value with this table.
    pub(super) fn alignment(&self, table: RunAddr) -> Result<u64, String> {
        self.shape_of(table).map(|(_, alignment)| alignment)
    }

    /// Size and alignment, as a table has them.
    fn shape_of(&self, table: RunAddr) -> Result<(u64, u64), String> {
        let memory = self.context.memory;
        let missing = |_| format!("its table of methods at {table} is not in the dump");
        let word = |index: u64| {
            let skip = index.wrapping_mul(memory.model().word());
            memory.word(RunAddr(table.0.wrapping_add(skip))).map_err(missing)
        };
        let (size, alignment) = (word(1)?, word(2)?);
        if !alignment.is_power_of_two()
            || alignment > LARGEST_ALIGNMENT
            || !size.is_multiple_of(alignment)
        {
            return Err(format!("damaged: there is no table of methods at {table}"));
        }
        Ok((size, alignment))
    }

    /// The type whose methods are in a table.
    fn concrete(&self, table: RunAddr) -> Result<Concrete<'a, 'f>, String> {
        // The table is in the unit that made the pointer.
        let near = self.activation.map(|activation| activation.subprogram);
        if let Some((variable, 0)) = self.context.static_near(table, near) {
            let of = variable.attributes().and_then(|variable| variable.type_entry());
            let containing = of
                .and_then(Entry::attributes)
                .and_then(|of| of.reference(dw::DW_AT_containing_type));
            if let Some(of) = containing {
                return Ok(Concrete { of, name: None, is_sure: true });
            }
        }
        self.named_by_functions(table, near)
    }

    /// The type whose name the functions in a table have. Tables in a library
    /// may be without a description. It is not sure: the compiler uses one
    /// function for several types when its code is the same.
    fn named_by_functions(
        &self,
        table: RunAddr,
        near: Option<Entry<'a, 'f>>,
    ) -> Result<Concrete<'a, 'f>, String> {
        let function = |index: u64| {
            let slot = RunAddr(
                table.0.wrapping_add(index.wrapping_mul(self.context.memory.model().word())),
            );
            let code = self.context.memory.word(slot).ok().filter(|code| *code != 0)?;
            self.symbol(RunAddr(code))
        };
        let vague = || format!("the table of methods at {table} is not described");
        // Behind the one that drops a value, its size and its alignment.
        let drops = function(0).ok_or_else(vague)?;
        let name = dropped(&drops).ok_or_else(vague)?;
        let perhaps = || format!("{}; perhaps of `{name}`", vague());
        let method = function(3).ok_or_else(perhaps)?;
        if !method.starts_with(&format!("<{name} as ")) {
            return Err(perhaps());
        }
        // `Box<dyn Error>` from text: a type within a function, whose name the
        // debug information writes in another way. It holds only a `String`.
        let (known, name) = match name.ends_with("::from::StringError") {
            true => ("alloc::string::String", "StringError"),
            false => (name, name),
        };
        let of = self.context.type_named(known, near).ok_or_else(perhaps)?;
        Ok(Concrete { of, name: Some(name.to_owned()), is_sure: false })
    }
}

/// The type of a value behind `dyn`.
struct Concrete<'a, 'f> {
    of: Entry<'a, 'f>,
    /// Its name, where that is another one than the entry's.
    name: Option<String>,
    /// Whether the debug information says so.
    is_sure: bool,
}

/// Of what type the function of this name drops values: `core::ptr::drop_in_place<T>`,
/// in newer names `drop_in_place::<T>`.
fn dropped(function: &str) -> Option<&str> {
    let (_, name) = function.split_once("drop_in_place")?;
    name.strip_prefix("::").unwrap_or(name).strip_prefix('<')?.strip_suffix('>')
}

/// Whether a type has nothing but a name, which is then its text.
fn is_bare(of: &Type<'_, '_>) -> bool {
    of.composite().is_some_and(|all| all.members.is_empty() && all.variants.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_types() {
        let cases = [
            ("core::ptr::drop_in_place<app::Circle>", Some("app::Circle")),
            ("core::ptr::drop_in_place::<app::Pair<u8, i8>>", Some("app::Pair<u8, i8>")),
            ("core::ptr::drop_in_place<<A as B>::f::C>", Some("<A as B>::f::C")),
            ("core::ptr::drop_in_place<app::Circle>+8", None),
            ("app::drop", None),
        ];
        for (function, want) in cases {
            assert_eq!(dropped(function), want, "{function}");
        }
    }
}
