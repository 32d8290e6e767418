//! Enumerations: the enumerators of C and C++, the variants of Rust.

use crate::symbols::types::{Dialect, Enumeration, Type, Variant, Variants};
use crate::variables::aggregates::structure_text;
use crate::variables::numbers::{sign_extended, unsigned};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::value::{Origin, Value, ValueKind};

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// The active variant of a Rust enum.
    pub(super) fn variant(
        &self,
        of: &Type<'a, 'f>,
        variants: &Variants<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        let active = match self.active(of, variants, place) {
            Ok(active) => active,
            Err(why) => return Value::unknown(why),
        };
        let Some(member) = &active.member else {
            return Value::leaf(ValueKind::Enum, "<unnamed variant>", place.origin());
        };
        let payload = self.context.types.get(member.type_entry);
        let name = member.name.clone().unwrap_or_else(|| last_segment(&payload.name).to_owned());
        let is_option = last_segment(&of.plain_name).starts_with("Option<");
        let kind = if is_option { ValueKind::Optional } else { ValueKind::Enum };
        let mut value = Value::leaf(kind, name.clone(), place.origin());
        let fields = payload.composite().map(|composite| composite.members.as_slice());
        if fields.unwrap_or_default().iter().all(|field| field.is_artificial) {
            return value;
        }
        // `Some(x)` is as deep as `x`.
        let is_wrapper = fields
            .is_some_and(|fields| matches!(fields, [only] if only.name.as_deref() == Some("__0")));
        let inner = if is_wrapper { level } else { level.deeper() };
        if level.nested == 0 && !is_wrapper {
            value.text = format!("{name}(...)");
            value.omitted = 1;
            return value;
        }
        let place = match self.member_place(of, member, place) {
            Ok(place) => place,
            Err(why) => return Value::unknown(why),
        };
        let mut parts = Vec::new();
        for field in fields.unwrap_or_default().iter().filter(|field| !field.is_artificial) {
            let part = self.member(&payload, field, &place, inner);
            parts.push((field.name.clone().unwrap_or_default(), part));
        }
        let fields = structure_text(Dialect::Rust, &parts, self.context.limits.text, 0);
        let space = if fields.starts_with('{') { " " } else { "" };
        value.text = format!("{name}{space}{fields}");
        value.fields = parts;
        value
    }

    /// Which variant the discriminant selects.
    pub(super) fn active<'v>(
        &self,
        of: &Type<'a, 'f>,
        variants: &'v Variants<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> Result<&'v Variant<'a, 'f>, String> {
        let Some(discriminant) = &variants.discriminant else {
            return variants.list.first().ok_or_else(|| "its type has no variants".to_owned());
        };
        let tag = self.context.types.get(discriminant.type_entry);
        let at = self.member_place(of, discriminant, place)?;
        let bytes = self.bytes(&tag, &at).map_err(|missing| missing.reason())?;
        let bits = (bytes.len() as u64).saturating_mul(8);
        let value = unsigned(&bytes).ok_or("its discriminant is too large")?;
        // Selectors are sign-extended or not, as the compiler likes.
        let mask = u128::MAX >> 128_u64.saturating_sub(bits).min(127);
        let is_in = |(low, high): &(u128, u128)| {
            let (low, high) = (low & mask, high & mask);
            if low <= high { (low..=high).contains(&value) } else { value >= low || value <= high }
        };
        let selected = variants.list.iter().find(|variant| variant.selected_by.iter().any(is_in));
        let default = || variants.list.iter().find(|variant| variant.selected_by.is_empty());
        selected
            .or_else(default)
            .ok_or_else(|| format!("its discriminant is {value:#x}, which no variant has"))
    }

    /// A value of an enumeration, from its bytes.
    pub(super) fn enumerator(&self, of: &Type<'a, 'f>, names: &Enumeration, bytes: &[u8]) -> Value {
        let bits = (bytes.len() as u64).saturating_mul(8);
        let Some(raw) = unsigned(bytes) else { return Value::unknown("its type is too large") };
        let signed = if names.is_signed {
            sign_extended(raw, bits)
        } else {
            i128::try_from(raw).unwrap_or(i128::MAX)
        };
        let scope = match (names.is_scoped, of.dialect) {
            (true, Dialect::Cpp) => format!("{}::", last_segment(&of.plain_name)),
            _ => String::new(),
        };
        let named = |value: i128| {
            let found = names.enumerators.iter().find(|(_, known)| *known == value);
            found.map(|(name, _)| format!("{scope}{name}"))
        };
        let is_wrong = of.dialect == Dialect::Rust && named(signed).is_none();
        if is_wrong {
            return Value::unknown(format!("its discriminant is {signed}, which no variant has"));
        }
        let text = named(signed)
            .or_else(|| flags(names, signed, &scope))
            .unwrap_or_else(|| signed.to_string());
        let mut value = Value::leaf(ValueKind::Enum, text, Origin::Memory);
        value.raw = u64::try_from(raw).ok();
        value
    }
}

/// A value as the OR of enumerators, if the enumeration is one of flags:
/// `(A | C)`. What no enumerator names is shown as a number.
fn flags(names: &Enumeration, value: i128, scope: &str) -> Option<String> {
    let named: Vec<&(String, i128)> =
        names.enumerators.iter().filter(|(_, value)| *value != 0).collect();
    let flags: Vec<&(String, i128)> =
        named.iter().copied().filter(|(_, value)| *value > 0 && value.count_ones() == 1).collect();
    let bits = flags.iter().fold(0, |bits, (_, flag)| bits | flag);
    // One, two and three are numbers to most people; so are one to nine. Names
    // for combinations of flags are common.
    let are_masks = named.iter().all(|(_, value)| *value > 0 && value & !bits == 0);
    let is_count = (1..=named.len() as i128).all(|n| named.iter().any(|(_, value)| *value == n));
    if value <= 0 || value & bits == 0 || flags.len() < 3 || !are_masks || is_count {
        return None;
    }
    let set = flags.iter().filter(|(_, flag)| value & flag != 0);
    let mut parts: Vec<String> = set.map(|(name, _)| format!("{scope}{name}")).collect();
    if value & !bits != 0 {
        parts.push(format!("{:#x}", value & !bits));
    }
    Some(format!("({})", parts.join(" | ")))
}
/// What comes after the last `::` outside of `<>`.
pub(super) fn last_segment(name: &str) -> &str {
    let end = name.find('<').unwrap_or(name.len());
    let start = name.get(..end).and_then(|head| head.rfind("::")).map_or(0, |at| at + 2);
    name.get(start..).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[(&str, i128)]) -> Enumeration {
        let enumerators = list.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Enumeration { enumerators, ..Enumeration::default() }
    }

    #[test]
    fn flags_are_told_from_counts() {
        let flagged = names(&[("A", 1), ("B", 2), ("C", 4), ("AC", 5)]);
        let counted = names(&[("ZERO", 0), ("ONE", 1), ("TWO", 2), ("THREE", 3), ("FOUR", 4)]);
        let cases: &[(&str, &Enumeration, i128, Option<&str>)] = &[
            ("two flags", &flagged, 6, Some("(B | C)")),
            ("a bit without a name", &flagged, 12, Some("(C | 0x8)")),
            ("only bits without a name", &flagged, 8, None),
            ("no flag", &flagged, 0, None),
            ("a negative number", &flagged, -1, None),
            ("an enumeration that counts", &counted, 7, None),
            ("one and two may be a count", &names(&[("RED", 0), ("A", 1), ("B", 2)]), 3, None),
        ];
        for (name, names, value, want) in cases {
            assert_eq!(flags(names, *value, "").as_deref(), *want, "{name}");
        }
        assert_eq!(flags(&flagged, 3, "E::").as_deref(), Some("(E::A | E::B)"));
    }

    #[test]
    fn last_segments() {
        assert_eq!(last_segment("core::option::Option<a::b>"), "Option<a::b>");
        assert_eq!(last_segment("Color"), "Color");
        assert_eq!(last_segment("std::vector<int>::iterator"), "vector<int>::iterator");
    }
}
