//! Arrays at the end of a structure that are as long as there was room for:
//! `struct message { int id; char text[]; }`.
//!
//! Nothing states their length. Of characters, what is there up to a NUL is worth
//! showing; it is said that this is all that is known.

use crate::base::addr::RunAddr;
use crate::symbols::types::{Array, Dialect, Length, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::strings::CharKind;
use crate::variables::value::{Value, ValueKind};

/// What is said of such a text.
const LABEL: &str = "<up to a NUL; its length is not known>";

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// The text of an array of characters whose length is not stated. `None`: it is
    /// another array, or none of its elements may exist.
    pub(super) fn flexible_text(
        &self,
        of: &Type<'a, 'f>,
        array: &Array<'a, 'f>,
        dimensions: &[Length<'a, 'f>],
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Option<Value> {
        let is_flexible = matches!(dimensions, [Length::Unknown])
            && matches!(of.dialect, Dialect::C | Dialect::Cpp);
        let at = place.address().filter(|_| is_flexible && place.is_memory())?;
        let element = self.context.types.get(array.element);
        CharKind::of(&element)?;
        if level.follows && !self.may_have_room(at) {
            return None;
        }
        let mut value = self.string_at(&element, at).ok()?;
        // Bytes, not text.
        if value.kind != ValueKind::String {
            return None;
        }
        value.address = Some(at);
        value.text = format!("{} {LABEL}", value.text);
        Some(value)
    }

    /// Whether there may be elements at the end of an object that no pointer led
    /// to. A variable has none, and what follows it is another one; but a static
    /// one may have been given some, and then its symbol is larger.
    fn may_have_room(&self, at: RunAddr) -> bool {
        let process = self.context.process;
        if self.context.symbols.module_at(at).is_some() {
            let symbol = self.context.symbols.symbol_at(at);
            return symbol.is_some_and(|symbol| symbol.offset > 0 && !symbol.is_function);
        }
        let sp = process.arch.general_index(process.arch.stack_pointer());
        let mapping = process.mapping(at).map(|mapping| mapping.range);
        let mut stacks = process
            .threads
            .iter()
            .filter_map(|thread| thread.registers.as_ref()?.word(sp?).map(RunAddr));
        mapping.is_some_and(|range| !stacks.any(|sp| range.contains(sp)))
    }
}
