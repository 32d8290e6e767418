//! Values in the format that was asked for.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Composite, Dialect, Member, MemberPlace, Shape, Type};
use crate::variables::aggregates::structure_text;
use crate::variables::numbers::unsigned;
use crate::variables::place::Place;
use crate::variables::pretty;
use crate::variables::query::evaluate::Evaluator;
use crate::variables::query::fault::Trouble;
use crate::variables::query::format::Format;
use crate::variables::query::result_type::ResultType;
use crate::variables::read::Level;
use crate::variables::strings::CharKind;
use crate::variables::value::{Origin, Value, ValueKind};

/// How many bytes `/b` shows of something of unknown size.
const SOME_BYTES: u64 = 16;

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// A value in the format that was asked for, its parts too.
    pub(super) fn formatted(
        &self,
        of: &ResultType<'a, 'f>,
        place: &Place<'a, 'f>,
        bits: Option<(u64, u64)>,
        format: Format,
    ) -> Value {
        match format {
            Format::Text => {
                if let Some(text) = self.as_text(of, place) {
                    return text;
                }
                return self.typed(of, place, self.level());
            }
            Format::Bytes => return self.as_bytes(of, place),
            _ => (),
        }
        if let Some((from, width)) = bits {
            return self.formatted_bits(of.entry(), place, (from, width), format);
        }
        self.formatted_at(of, place, format, self.level())
    }

    fn formatted_at(
        &self,
        of: &ResultType<'a, 'f>,
        place: &Place<'a, 'f>,
        format: Format,
        level: Level,
    ) -> Value {
        if let ResultType::Array(element, count, dialect) = of {
            return self.asked_elements(element, *count, *dialect, place, |place| {
                self.formatted_at(element, place, format, level.deeper())
            });
        }
        let resolved = self.resolved(of);
        if pretty::printer(&resolved).is_some() {
            return self.rewritten(self.reading.typed(&resolved, place, level), format);
        }
        if let Some(target) = self.referred_type(of) {
            return self.formatted_reference(&resolved, place, &target, format, level);
        }
        match &resolved.shape {
            Shape::Number(dw::DW_ATE_float) | Shape::Pointer(_) | Shape::Enumeration(_)
                if format == Format::Float =>
            {
                self.reading.typed(&resolved, place, level)
            }
            Shape::Number(_) | Shape::Enumeration(_) | Shape::Pointer(_) => {
                if !self.reading.take_part() {
                    return Value::unknown("left out, the expression has too many values");
                }
                match self.reading.bytes(&resolved, place) {
                    Ok(bytes) => match unsigned(&bytes) {
                        Some(raw) => {
                            let bits = (bytes.len() as u64).saturating_mul(8);
                            self.number_text(raw, bits, place.origin(), format)
                        }
                        None => self.reading.typed(&resolved, place, level),
                    },
                    Err(missing) => Value::unknown(missing.reason()),
                }
            }
            Shape::Composite(composite) if composite.variants.is_none() => {
                self.formatted_members(&resolved, composite, place, format, level)
            }
            Shape::Array(_) => match self.element_type(of) {
                Some(element) => {
                    let size = self.size_of(&element);
                    let count = self.first_length(&resolved);
                    let (Some(size), Ok(count)) = (size, count) else {
                        return self.reading.typed(&resolved, place, level);
                    };
                    let dialect = resolved.dialect;
                    self.reading.elements(dialect, count, size, place, level, |place, level| {
                        self.formatted_at(&element, place, format, level)
                    })
                }
                None => self.reading.typed(&resolved, place, level),
            },
            _ => self.rewritten(self.reading.typed(&resolved, place, level), format),
        }
    }

    /// What a reference refers to, as long as references are followed.
    fn formatted_reference(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        target: &ResultType<'a, 'f>,
        format: Format,
        level: Level,
    ) -> Value {
        if !level.follows {
            return self.reading.typed(of, place, level);
        }
        match self.through(of, place, target.clone()) {
            Ok(found) => self.formatted_at(&found.of, &found.place, format, level.followed()),
            Err(Trouble::Unknown(why)) => Value::unknown(why),
            Err(Trouble::Fault(fault)) => Value::unknown(fault.what),
        }
    }

    fn first_length(&self, of: &Type<'a, 'f>) -> Result<u64, String> {
        match &of.shape {
            Shape::Array(array) => match array.dimensions.first() {
                Some(first) => self.reading.length(of, *first),
                None => Err("its length is not known".to_owned()),
            },
            _ => Err("it is no array".to_owned()),
        }
    }

    fn formatted_members(
        &self,
        of: &Type<'a, 'f>,
        composite: &Composite<'a, 'f>,
        place: &Place<'a, 'f>,
        format: Format,
        level: Level,
    ) -> Value {
        let mut value = Value::leaf(ValueKind::Struct, "{...}", place.origin());
        if level.nested == 0 {
            value.omitted = composite.members.len() as u64;
            return value;
        }
        let mut parts: Vec<(String, Value)> = Vec::new();
        for member in composite.members.iter().filter(|member| !member.is_artificial) {
            if !self.reading.has_parts() {
                value.omitted = value.omitted.saturating_add(1);
                continue;
            }
            let part = self.formatted_member(of, member, place, format, level.deeper());
            match &member.name {
                Some(name) => parts.push((name.clone(), part)),
                None if member.is_base => {
                    let base = self.view.context.types.get(member.type_entry);
                    // A base without members is no part.
                    if base.composite().is_none_or(|base| !base.members.is_empty()) {
                        parts.push((format!("<{}>", base.plain_name), part));
                    }
                }
                None if part.fields.is_empty() => parts.push(("<unnamed>".to_owned(), part)),
                None => parts.extend(part.fields),
            }
        }
        let limit = self.view.context.limits.text;
        value.text = structure_text(of.dialect, &parts, limit, value.omitted);
        value.fields = parts;
        value.address = place.address();
        value
    }

    fn formatted_member(
        &self,
        of: &Type<'a, 'f>,
        member: &Member<'a, 'f>,
        place: &Place<'a, 'f>,
        format: Format,
        level: Level,
    ) -> Value {
        if let MemberPlace::Bits(from, width) = member.place {
            return self.formatted_bits(member.type_entry, place, (from, width), format);
        }
        match self.reading.member_place(of, member, place) {
            Ok(place) => {
                let of = ResultType::Declared(member.type_entry);
                self.formatted_at(&of, &place, format, level)
            }
            Err(why) => Value::unknown(why),
        }
    }

    /// A bit-field: signed only if its type is.
    fn formatted_bits(
        &self,
        of: Option<Entry<'a, 'f>>,
        place: &Place<'a, 'f>,
        (from, width): (u64, u64),
        format: Format,
    ) -> Value {
        // One bit more, which is zero, makes a number that is not negative.
        let bits = width.saturating_add(u64::from(!self.is_signed(of)));
        match self.reading.field_bits(place, from, width) {
            Ok(raw) => self.number_text(raw, bits, place.origin(), format),
            Err(missing) => Value::unknown(missing.reason()),
        }
    }

    fn is_signed(&self, of: Option<Entry<'a, 'f>>) -> bool {
        match &self.view.context.types.get(of).shape {
            Shape::Number(encoding) => {
                matches!(*encoding, dw::DW_ATE_signed | dw::DW_ATE_signed_char)
            }
            Shape::Enumeration(names) => names.is_signed,
            _ => false,
        }
    }

    pub(super) fn number_text(
        &self,
        raw: u128,
        bits: u64,
        origin: Origin,
        format: Format,
    ) -> Value {
        let word = u64::try_from(raw).ok();
        let text = match (format, word) {
            (Format::Address, Some(word)) => self.reading.code(RunAddr(word)),
            _ => format.number(raw, bits, self.dialect),
        };
        let mut value = Value::leaf(ValueKind::Scalar, text, origin);
        value.raw = word;
        value
    }

    /// `/s`: the text in an array, or behind a pointer.
    fn as_text(&self, of: &ResultType<'a, 'f>, place: &Place<'a, 'f>) -> Option<Value> {
        let char = ResultType::number("char", 1, dw::DW_ATE_signed_char, Dialect::C);
        let char = self.resolved(&char);
        let element = |of: &ResultType<'a, 'f>| match CharKind::of(&self.resolved(of)) {
            Some(CharKind::Wide(_)) => self.resolved(of),
            _ => std::sync::Arc::clone(&char),
        };
        let resolved = self.resolved(of);
        if let Some(to) = self.target_type(of) {
            if resolved.dialect == Dialect::Rust && pretty::printer(&resolved).is_some() {
                return None;
            }
            let at = match self.reading.word(&resolved, place) {
                Ok(word) => RunAddr(word),
                Err(missing) => return Some(Value::unknown(missing.reason())),
            };
            return Some(match self.reading.string_at(&element(&to), at) {
                Ok(text) => Value { address: Some(at), ..text },
                Err(missing) => Value::unknown(missing.to_string()),
            });
        }
        let item = self.element_type(of)?;
        if self.target_type(&item).is_some() {
            // Texts that are pointed to are shown as such anyway.
            return None;
        }
        let size = self.size_of(&item)?;
        let count = match of {
            ResultType::Array(_, count, _) => *count,
            _ => self.first_length(&resolved).ok()?,
        };
        let item = element(&item);
        let kind = match CharKind::of(&item) {
            Some(kind) if item.size == Some(size) => kind,
            _ => CharKind::Narrow,
        };
        let width = item.size.unwrap_or(1).max(1);
        let count = count.saturating_mul(size).checked_div(width)?;
        self.reading.char_array(&item, kind, count, place)
    }

    /// `/b`: the bytes of a value.
    fn as_bytes(&self, of: &ResultType<'a, 'f>, place: &Place<'a, 'f>) -> Value {
        let size = self.size_of(of).unwrap_or(SOME_BYTES);
        let limit = (self.view.context.limits.string as u64).max(SOME_BYTES);
        let mut value = Value::leaf(ValueKind::Array, "", place.origin());
        value.address = place.address();
        let mut texts: Vec<String> = Vec::new();
        let mut first_missing = None;
        for at in 0..size.min(limit) {
            match place.part(at).read(self.view.context.memory, 1) {
                Ok(byte) => {
                    let byte = byte.first().copied().unwrap_or(0);
                    let mut part =
                        Value::leaf(ValueKind::Scalar, format!("{byte:#04x}"), place.origin());
                    part.raw = Some(u64::from(byte));
                    texts.push(format!("{byte:02x}"));
                    value.elements.push(part);
                }
                Err(missing) => {
                    texts.push("??".to_owned());
                    let why = missing.reason();
                    first_missing.get_or_insert_with(|| why.clone());
                    value.elements.push(Value::unknown(why));
                }
            }
        }
        if let Some(why) = first_missing
            && value.elements.iter().all(|byte| !byte.is_known())
        {
            return Value::unknown(why);
        }
        value.omitted = size.saturating_sub(value.elements.len() as u64);
        if value.omitted > 0 {
            texts.push(format!("... {} more", crate::base::count::thousands(value.omitted)));
        }
        value.text = texts.join(" ");
        value
    }
}
