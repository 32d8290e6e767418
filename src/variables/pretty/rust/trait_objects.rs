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
        let of = self.context.types.get(Some(concrete));
        match self.shape_of(table) {
            Ok((size, _)) if of.size == Some(size) => (),
            Ok((size, _)) => {
                let name = &of.plain_name;
                return unknown(format!("damaged: its table is of `{name}`, but for {size} bytes"));
            }
            Err(why) => return unknown(why),
        }
        let inside = self.typed(&of, &Place::Memory(at), level);
        value.text = match inside.is_known() {
            // What names itself needs no second name.
            true if is_future(&of) || is_bare(&of) => inside.text.clone(),
            true if inside.text.starts_with('(') => format!("{}{}", of.plain_name, inside.text),
            true => format!("{} {}", of.plain_name, inside.text),
            false if !self.is_there(at) => format!("{} at {at} {NOT_DUMPED}", of.plain_name),
            false => format!("{} {}", of.plain_name, inside.text),
        };
        value.fields.push(("*".to_owned(), inside));
        value
    }

    /// The alignment of a value with this table.
    pub(super) fn alignment(&self, table: RunAddr) -> Result<u64, String> {
        self.shape_of(table).map(|(_, alignment)| alignment)
    }

    /// Size and alignment, as a table has them.
    fn shape_of(&self, table: RunAddr) -> Result<(u64, u64), String> {
        let mut words = [0; 24];
        let missing = |_| format!("its table of methods at {table} is not in the dump");
        self.context.memory.read_exact(table, &mut words).map_err(missing)?;
        let (words, _) = words.as_chunks::<8>();
        let [_, size, alignment] = words.first_chunk().copied().unwrap_or_default();
        let (size, alignment) = (u64::from_le_bytes(size), u64::from_le_bytes(alignment));
        if !alignment.is_power_of_two()
            || alignment > LARGEST_ALIGNMENT
            || !size.is_multiple_of(alignment)
        {
            return Err(format!("damaged: there is no table of methods at {table}"));
        }
        Ok((size, alignment))
    }

    /// The type whose methods are in a table.
    fn concrete(&self, table: RunAddr) -> Result<Entry<'a, 'f>, String> {
        // The table is in the unit that made the pointer.
        let near = self.activation.map(|activation| activation.subprogram);
        if let Some((variable, 0)) = self.context.static_near(table, near) {
            let of = variable.attributes().and_then(|variable| variable.type_entry());
            let containing = of
                .and_then(Entry::attributes)
                .and_then(|of| of.reference(dw::DW_AT_containing_type));
            if let Some(concrete) = containing {
                return Ok(concrete);
            }
        }
        // A table may be one of a library without descriptions. The functions
        // in it say of what type it is, but not surely: the compiler uses one
        // function for several types when its code is the same.
        let drop = self.context.memory.u64(table);
        let drop = drop.map_err(|_| format!("its table at {table} is not in the dump"))?;
        let symbol = self.symbol(RunAddr(drop)).filter(|_| drop != 0);
        let name = symbol.as_deref().and_then(|symbol| symbol.split_once("drop_in_place"));
        Err(match name {
            Some((_, name)) => {
                // `drop_in_place<T>`, `drop_in_place::<T>`
                let name = name.trim_start_matches("::").strip_prefix('<').unwrap_or(name);
                let name = name.rsplit_once('>').map_or(name, |(name, _)| name);
                format!("the table of methods at {table} is not described; perhaps of `{name}`")
            }
            None => format!("the table of methods at {table} is not described"),
        })
    }
}

/// Whether a type has nothing but a name, which is then its text.
fn is_bare(of: &Type<'_, '_>) -> bool {
    of.composite().is_some_and(|all| all.members.is_empty() && all.variants.is_none())
}
