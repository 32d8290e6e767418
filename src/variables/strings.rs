//! Texts: C strings, arrays of characters, wide characters.

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::base::memory::Unreadable;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::read::{NOT_DUMPED, Reading, is_small_number, wide_prefix};
use crate::variables::text::{is_printable, quoted};
use crate::variables::value::{Origin, Value, ValueKind};

/// What an element of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CharKind {
    /// `char`, `char8_t`: bytes of text.
    Narrow,
    /// `unsigned char`, `signed char`, `uint8_t`: text or bytes, as they look.
    Byte,
    /// Units of 2 or 4 bytes.
    Wide(usize),
}

impl CharKind {
    /// What kind of character a type is, if it is one.
    pub(super) fn of(of: &Type<'_, '_>) -> Option<Self> {
        let Shape::Number(encoding) = of.shape else { return None };
        match (encoding, of.size?) {
            // gcc describes char8_t as an unsigned integer.
            (_, 1) if of.plain_name == "char8_t" => Some(Self::Narrow),
            (dw::DW_ATE_signed_char | dw::DW_ATE_unsigned_char, 1) => {
                Some(if of.plain_name == "char" && !is_small_number(of) {
                    Self::Narrow
                } else {
                    Self::Byte
                })
            }
            (dw::DW_ATE_UTF, 1) => Some(Self::Narrow),
            (dw::DW_ATE_UTF, 2) => Some(Self::Wide(2)),
            (dw::DW_ATE_UTF, 4) => Some(Self::Wide(4)),
            // `wchar` and `dchar` of D.
            (dw::DW_ATE_unsigned_char, size @ (2 | 4)) => {
                Some(Self::Wide(if size == 2 { 2 } else { 4 }))
            }
            // In C, wchar_t is a typedef of int; char16_t one of short.
            (dw::DW_ATE_signed | dw::DW_ATE_unsigned, size @ (2 | 4)) if is_wide(of) => {
                Some(Self::Wide(if size == 2 { 2 } else { 4 }))
            }
            _ => None,
        }
    }
}

/// Whether an integer type is meant for characters: in C these are typedefs.
pub(super) fn is_wide(of: &Type<'_, '_>) -> bool {
    let names = of.aliases.iter().map(String::as_str).chain([of.plain_name.as_str()]);
    names.into_iter().any(|name| matches!(name, "wchar_t" | "char16_t" | "char32_t"))
}

/// What stands before a literal of a wide character type.
pub(super) fn prefix(of: &Type<'_, '_>) -> &'static str {
    let names = of.aliases.iter().map(String::as_str).chain([of.plain_name.as_str()]);
    names.map(wide_prefix).find(|prefix| !prefix.is_empty()).unwrap_or("")
}

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// The text that a `char *` points to, up to its NUL.
    pub(super) fn string_at(
        &self,
        element: &Type<'a, 'f>,
        at: RunAddr,
    ) -> Result<Value, Unreadable> {
        let limit = self.context.limits.string;
        let kind = CharKind::of(element);
        if let Some(CharKind::Wide(width)) = kind {
            let bytes = Place::Memory(at)
                .read_some(self.context.memory, (limit as u64).saturating_mul(width as u64));
            if bytes.len() < width {
                return Err(Unreadable { at });
            }
            return Ok(wide_text(element, width, &bytes, limit));
        }
        let (bytes, is_whole) = self.context.memory.text(at, limit)?;
        if kind == Some(CharKind::Byte) && !is_printable(&bytes) && !bytes.is_empty() {
            // Bytes, whose number nobody states: one is sure.
            let first = bytes.first().copied().unwrap_or(0);
            let text = format!("{at} -> {first:#04x}");
            return Ok(Value::leaf(ValueKind::Pointer, text, Origin::Memory));
        }
        let mut text = quoted(&bytes, element.dialect);
        let mut omitted = 0;
        if !is_whole {
            let is_cut = bytes.len() >= limit;
            text.push_str(if is_cut { "..." } else { " " });
            if !is_cut {
                text.push_str(NOT_DUMPED);
            }
            omitted = 1;
        }
        let mut value = Value::leaf(ValueKind::String, prefixed(element, &text), Origin::Memory);
        value.omitted = omitted;
        Ok(value)
    }

    /// An array of characters. `None`: these are bytes, not text.
    pub(super) fn char_array(
        &self,
        element: &Type<'a, 'f>,
        kind: CharKind,
        count: u64,
        place: &Place<'a, 'f>,
    ) -> Option<Value> {
        let limit = self.context.limits.string;
        let width = match kind {
            CharKind::Wide(width) => width,
            CharKind::Narrow | CharKind::Byte => 1,
        };
        // Longer than what is shown, to see whether there is more than NULs.
        let wanted = count.saturating_mul(width as u64).min(1 << 16);
        let bytes = place.read_some(self.context.memory, wanted);
        if bytes.is_empty() && wanted > 0 {
            let missing = place.read(self.context.memory, 1).err();
            let why = missing.map_or_else(|| "not known".to_owned(), |why| why.reason());
            return Some(Value::unknown(why));
        }
        if let CharKind::Wide(width) = kind {
            return Some(wide_text(element, width, &bytes, limit));
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let has_more = rest.iter().any(|byte| *byte != 0);
        if kind == CharKind::Byte && (has_more || !is_printable(text)) {
            return None;
        }
        // Bytes behind a first NUL are mostly left over from earlier text. But an
        // array that begins with one, and goes on, is not empty: it holds no text.
        let (text, has_more) = if text.is_empty() && has_more {
            let last = rest.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            (rest.get(..=last).unwrap_or(rest), false)
        } else {
            (text, has_more)
        };
        let shown = text.get(..limit.min(text.len())).unwrap_or_default();
        let mut literal = quoted(shown, element.dialect);
        let left_out = text.len().saturating_sub(shown.len());
        let is_short = end.is_none() && (bytes.len() as u64) < wanted;
        if left_out > 0 || has_more || is_short {
            literal.push_str("...");
        }
        let mut value = Value::leaf(ValueKind::String, prefixed(element, &literal), place.origin());
        value.omitted = left_out as u64;
        Some(value)
    }

    /// Text of a known length in memory.
    pub(super) fn text_of(&self, dialect: Dialect, at: RunAddr, len: u64) -> Result<Value, String> {
        let limit = self.context.limits.string as u64;
        let wanted = len.min(limit);
        let bytes = Place::Memory(at).read_some(self.context.memory, wanted);
        if bytes.is_empty() && wanted > 0 {
            return Err(Unreadable { at }.to_string());
        }
        // Not in the middle of a character.
        let shown = match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() && len > limit => {
                bytes.get(..error.valid_up_to()).unwrap_or_default()
            }
            _ => &bytes,
        };
        let mut text = quoted(shown, dialect);
        if (bytes.len() as u64) < wanted {
            text.push_str(&format!(" {NOT_DUMPED}"));
        } else if len > limit {
            text.push_str("...");
        }
        let mut value = Value::leaf(ValueKind::String, text, Origin::Memory);
        value.omitted = len.saturating_sub(shown.len() as u64);
        value.address = Some(at);
        Ok(value)
    }
}

fn prefixed(element: &Type<'_, '_>, literal: &str) -> String {
    format!("{}{literal}", prefix(element))
}

/// UTF-16 or UTF-32 up to its NUL.
fn wide_text(element: &Type<'_, '_>, width: usize, bytes: &[u8], limit: usize) -> Value {
    let units = bytes
        .chunks_exact(width)
        .map(|unit| unit.iter().rev().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte)));
    let units: Vec<u32> = units.take_while(|unit| *unit != 0).take(limit).collect();
    let is_cut = units.len() >= limit;
    let text: String = if width == 2 {
        let halves = units.iter().map(|unit| *unit as u16);
        char::decode_utf16(halves).map(|found| found.unwrap_or('\u{fffd}')).collect()
    } else {
        units.iter().map(|unit| char::from_u32(*unit).unwrap_or('\u{fffd}')).collect()
    };
    let mut literal = quoted(text.as_bytes(), element.dialect);
    if is_cut {
        literal.push_str("...");
    }
    let mut value = Value::leaf(ValueKind::String, prefixed(element, &literal), Origin::Memory);
    value.omitted = u64::from(is_cut);
    value
}
