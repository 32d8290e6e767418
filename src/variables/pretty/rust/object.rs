//! A value that a printer takes apart.

use std::sync::Arc;

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Shape, Type};
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::{Level, Reading};
use crate::variables::value::{Origin, Value, ValueKind};

/// How many structures around a pointer are looked through.
const MOST_WRAPPERS: usize = 8;

/// A type, and where a value of it is.
#[derive(Clone)]
pub(super) struct Object<'o, 'r, 'c, 'a, 'f> {
    pub(super) reading: &'o Reading<'r, 'c, 'a, 'f>,
    pub(super) of: Arc<Type<'a, 'f>>,
    pub(super) place: Place<'a, 'f>,
}

/// Where a pointer of any kind points to.
#[derive(Clone, Copy)]
pub(super) struct Pointer<'a, 'f> {
    pub(super) at: RunAddr,
    /// What is there; of a slice, its elements.
    pub(super) target: Option<Entry<'a, 'f>>,
    pub(super) metadata: Metadata,
}

/// The second half of a wide pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    /// There is none: the size of the target is known.
    None,
    /// How many elements there are.
    Length(u64),
    /// Where the table of the target's methods is.
    Table(RunAddr),
}

impl<'o, 'r, 'c, 'a, 'f> Object<'o, 'r, 'c, 'a, 'f> {
    pub(super) fn new(
        reading: &'o Reading<'r, 'c, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> Self {
        Self { reading, of: Arc::new(of.clone()), place: place.clone() }
    }

    /// A value of another type elsewhere.
    pub(super) fn other(&self, of: Option<Entry<'a, 'f>>, place: Place<'a, 'f>) -> Self {
        Self { reading: self.reading, of: self.reading.context.types.get(of), place }
    }

    /// A member, or a member of a member: `inner.futex`.
    pub(super) fn member(&self, path: &str) -> Result<Self, String> {
        let mut here = self.clone();
        for name in path.split('.') {
            let member = here.of.member(name).ok_or(NEW_LAYOUT)?;
            let place = self.reading.member_place(&here.of, member, &here.place)?;
            here = self.other(member.type_entry, place);
        }
        Ok(here)
    }

    /// The first of some members that is there.
    pub(super) fn any_member(&self, names: &[&str]) -> Result<Self, String> {
        let found = names.iter().find(|name| self.of.member(name).is_some());
        self.member(found.ok_or(NEW_LAYOUT)?)
    }

    /// The structure that has this member: this one, or one within it, through
    /// members of these names; of no names, through what it wraps.
    pub(super) fn down_to(&self, wanted: &str, through: &[&str]) -> Result<Self, String> {
        let mut here = self.clone();
        for _ in 0..MOST_WRAPPERS {
            if here.of.member(wanted).is_some() {
                return Ok(here);
            }
            here = if through.is_empty() { here.wrapped()? } else { here.any_member(through)? };
        }
        Err(NEW_LAYOUT.to_owned())
    }

    /// The one member that has a size: what a wrapper wraps.
    pub(super) fn wrapped(&self) -> Result<Self, String> {
        let members = self.of.composite().map(|all| all.members.as_slice()).unwrap_or_default();
        let mut sized = members
            .iter()
            .filter(|member| self.reading.context.types.get(member.type_entry).size != Some(0));
        match (sized.next(), sized.next()) {
            (Some(member), None) => {
                let place = self.reading.member_place(&self.of, member, &self.place)?;
                Ok(self.other(member.type_entry, place))
            }
            _ => Err(NEW_LAYOUT.to_owned()),
        }
    }

    /// The number in it, through what only wraps it.
    pub(super) fn word(&self) -> Result<u64, String> {
        let entry = self.of.entry;
        self.reading.wrapped_word(entry, &self.place).map_err(|missing| missing.reason())
    }

    /// As any value of its type is shown.
    pub(super) fn value(&self, level: Level) -> Value {
        self.reading.typed(&self.of, &self.place, level)
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> Result<u64, String> {
        self.of.size.ok_or_else(|| "the size of its type is not known".to_owned())
    }

    /// The type that a parameter stands for.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<Entry<'a, 'f>>, String> {
        self.of.type_argument(name).map(Some).ok_or_else(|| NEW_LAYOUT.to_owned())
    }

    /// Where it points to, if it is a pointer, or wraps only one.
    pub(super) fn pointer(&self) -> Result<Pointer<'a, 'f>, String> {
        let mut here = self.clone();
        for _ in 0..MOST_WRAPPERS {
            if let Shape::Pointer(target) = here.of.shape {
                let at = RunAddr(here.word()?);
                return Ok(Pointer { at, target, metadata: Metadata::None });
            }
            let (data, metadata) = if here.of.member("data_ptr").is_some() {
                (here.member("data_ptr")?, Metadata::Length(here.member("length")?.word()?))
            } else if here.of.member("vtable").is_some() {
                (here.member("pointer")?, Metadata::Table(RunAddr(here.member("vtable")?.word()?)))
            } else {
                here = here.wrapped()?;
                continue;
            };
            let Shape::Pointer(target) = data.of.shape else { break };
            return Ok(Pointer { at: RunAddr(data.word()?), target, metadata });
        }
        Err(NEW_LAYOUT.to_owned())
    }

    /// What is in a variant of an enum: `__0` of `Some`; `None` when another
    /// variant is the active one.
    pub(super) fn payload(&self, variant: &str) -> Result<Option<Self>, String> {
        let variants =
            self.of.composite().and_then(|all| all.variants.as_ref()).ok_or(NEW_LAYOUT)?;
        let active = self.reading.active(&self.of, variants, &self.place)?;
        let member = active.member.as_ref().ok_or(NEW_LAYOUT)?;
        if member.name.as_deref() != Some(variant) {
            return Ok(None);
        }
        let place = self.reading.member_place(&self.of, member, &self.place)?;
        self.other(member.type_entry, place).member("__0").map(Some)
    }
}

impl<'o, 'r, 'c, 'a, 'f> Object<'o, 'r, 'c, 'a, 'f> {
    /// The type of the first field of an enum's variant: of what `Some` holds.
    pub(super) fn inside(&self, variant: &str) -> Result<Option<Entry<'a, 'f>>, String> {
        let variants = self.of.composite().and_then(|all| all.variants.as_ref());
        let mut members = variants.ok_or(NEW_LAYOUT)?.list.iter().flat_map(|one| &one.member);
        let found = members.find(|member| member.name.as_deref() == Some(variant));
        let found = self.reading.context.types.get(found.ok_or(NEW_LAYOUT)?.type_entry);
        Ok(found.member("__0").ok_or(NEW_LAYOUT)?.type_entry)
    }

    /// Where an `Option` of a pointer points to; zero for `None`.
    pub(super) fn address_or_null(&self) -> Result<RunAddr, String> {
        match self.payload("Some")? {
            Some(pointer) => Ok(pointer.pointer()?.at),
            None => Ok(RunAddr(0)),
        }
    }
}

/// A value with a remark on it: `5 (locked)`.
pub(super) fn remarked(mut value: Value, remarks: &[String]) -> Value {
    if !remarks.is_empty() && value.is_known() {
        value.text = format!("{} ({})", value.text, remarks.join(", "));
    }
    value
}

/// A number as a part of a value.
pub(super) fn number(number: i64) -> Value {
    let mut value = Value::leaf(ValueKind::Scalar, number.to_string(), Origin::Memory);
    value.raw = Some(number.cast_unsigned());
    value
}

/// The arguments in the name of a generic type: `str` and `alloc::alloc::Global`
/// in `alloc::sync::Arc<str, alloc::alloc::Global>`.
pub(super) fn arguments(name: &str) -> Vec<&str> {
    let Some((_, list)) = name.split_once('<') else { return Vec::new() };
    let list = list.strip_suffix('>').unwrap_or(list);
    let mut found = Vec::new();
    let (mut depth, mut start, mut before) = (0_usize, 0_usize, ' ');
    for (at, letter) in list.char_indices() {
        match letter {
            '<' | '(' | '[' | '{' => depth = depth.saturating_add(1),
            // The arrow of a function type closes nothing.
            '>' if before == '-' => (),
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(list.get(start..at).unwrap_or_default().trim());
                start = at.saturating_add(1);
            }
            _ => (),
        }
        before = letter;
    }
    found.push(list.get(start..).unwrap_or_default().trim());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_generic_types() {
        let cases: &[(&str, &[&str])] = &[
            ("alloc::string::String", &[]),
            ("Arc<str, Global>", &["str", "Global"]),
            ("Box<dyn Fn(i32, u8) -> i32, Global>", &["dyn Fn(i32, u8) -> i32", "Global"]),
            ("LazyLock<u32, fn() -> u32>", &["u32", "fn() -> u32"]),
            ("Map<(A, B), [C<D, E>; 3]>", &["(A, B)", "[C<D, E>; 3]"]),
            ("Broken<A", &["A"]),
        ];
        for (name, want) in cases {
            assert_eq!(arguments(name), *want, "{name}");
        }
    }
}
