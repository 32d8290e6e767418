//! Pointers to members of C++ classes: the members' names.

use gimli::constants as dw;
use gimli::{AttributeValue, Operation};

use crate::base::addr::RunAddr;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::types::{Member, MemberPlace, Type};
use crate::variables::numbers::unsigned;
use crate::variables::place::Place;
use crate::variables::read::Reading;
use crate::variables::value::{Value, ValueKind};

/// How many base classes deep a member is looked for.
const MOST_BASES: usize = 12;

/// Bytes of a pointer in a virtual table.
const SLOT: u64 = 8;

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// A pointer to a member (Itanium C++ ABI 2.3): the member's offset, -1 for
    /// none; or a function's address with an adjustment of `this`, or, when
    /// odd, one more than its place in the virtual table.
    pub(super) fn member_pointer(
        &self,
        of: &Type<'a, 'f>,
        is_function: bool,
        place: &Place<'a, 'f>,
    ) -> Value {
        let bytes = match self.bytes(of, place) {
            Ok(bytes) => bytes,
            Err(missing) => return Value::unknown(missing.reason()),
        };
        let word = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk::<8>()?;
            unsigned(bytes).and_then(|word| u64::try_from(word).ok())
        };
        let Some(first) = word(0) else { return Value::unknown("it is smaller than an address") };
        let adjustment = word(8).unwrap_or(0);
        let class = of.entry.and_then(Entry::attributes);
        let class = class.and_then(|of| of.reference(dw::DW_AT_containing_type));
        let class = class.map(|class| self.context.types.get(Some(class)));
        let text = match (is_function, first) {
            (false, u64::MAX) | (true, 0) => "nullptr".to_owned(),
            (false, offset) => {
                let wanted = of.entry.and_then(Entry::attributes);
                let wanted = wanted.and_then(|of| of.reference(dw::DW_AT_type));
                let found = class.as_deref().and_then(|class| {
                    let name = self.member_at(class, offset, wanted, MOST_BASES)?;
                    Some(format!("&{}::{name}", class.plain_name))
                });
                found.unwrap_or_else(|| format!("<member at offset {offset}>"))
            }
            (true, odd) if odd % 2 == 1 => {
                let slot = odd / SLOT;
                let found = class.as_deref().and_then(|class| {
                    let name = self.virtual_at(class, slot, adjustment, MOST_BASES)?;
                    Some(format!("&{name} (virtual)"))
                });
                found.unwrap_or_else(|| format!("<virtual function {slot} of the table>"))
            }
            (true, at) => match adjustment {
                0 => self.code(RunAddr(at)),
                by => format!("{} (this{:+})", self.code(RunAddr(at)), by.cast_signed()),
            },
        };
        let mut value = Value::leaf(ValueKind::Pointer, text, place.origin());
        value.raw = Some(first);
        value
    }

    /// The member at an offset, in a class or its bases: of those that share
    /// it, the one of the wanted type.
    fn member_at(
        &self,
        class: &Type<'a, 'f>,
        offset: u64,
        wanted: Option<Entry<'a, 'f>>,
        depth: usize,
    ) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let members = &class.composite()?.members;
        let is_named = |member: &&Member<'a, 'f>| !member.is_base && member.name.is_some();
        let at = members.iter().filter(|member| member.place == MemberPlace::Bytes(offset));
        let named: Vec<_> = at.filter(is_named).collect();
        let right = named.iter().find(|member| member.type_entry == wanted).or(named.first());
        if let Some(name) = right.and_then(|member| member.name.clone()) {
            return Some(name);
        }
        members.iter().filter(|member| member.is_base || member.name.is_none()).find_map(|base| {
            let MemberPlace::Bytes(start) = base.place else { return None };
            let inner = self.context.types.get(base.type_entry);
            let offset = offset.checked_sub(start)?;
            let is_inside = inner.size.is_some_and(|size| offset < size);
            is_inside.then(|| self.member_at(&inner, offset, wanted, depth)).flatten()
        })
    }

    /// The virtual function in a slot of a class's table, `adjustment` bytes
    /// into its objects: declared in the class, or in the base at whose place
    /// the table is.
    fn virtual_at(
        &self,
        class: &Type<'a, 'f>,
        slot: u64,
        adjustment: u64,
        depth: usize,
    ) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        if adjustment == 0 {
            let children = class.entry?.children().into_iter();
            let functions = children.filter(|child| child.tag() == dw::DW_TAG_subprogram);
            let mut here = functions.filter(|function| table_slot(function) == Some(slot));
            if let Some(name) = here.find_map(|function| function.name()) {
                return Some(format!("{}::{name}", class.plain_name));
            }
        }
        class.composite()?.members.iter().filter(|member| member.is_base).find_map(|base| {
            let MemberPlace::Bytes(start) = base.place else { return None };
            let inner = self.context.types.get(base.type_entry);
            let rest = adjustment.checked_sub(start)?;
            let is_inside = rest == 0 || inner.size.is_some_and(|size| rest < size);
            is_inside.then(|| self.virtual_at(&inner, slot, rest, depth)).flatten()
        })
    }
}

/// Which slot of the virtual table a member function has.
fn table_slot(function: &Attributes<'_, '_>) -> Option<u64> {
    match function.get(dw::DW_AT_vtable_elem_location)? {
        AttributeValue::Exprloc(expression) => {
            let mut operations = expression.operations(function.entry.unit.unit.encoding());
            match (operations.next().ok()??, operations.next().ok()?) {
                (Operation::UnsignedConstant { value }, None) => Some(value),
                _ => None,
            }
        }
        value => value.udata_value(),
    }
}
