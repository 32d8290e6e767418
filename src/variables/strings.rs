//! Texts: C strings, arrays of characters, wide characters.

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::base::count::thousands;
use crate::base::memory::Unreadable;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::read::{NOT_DUMPED, Reading, is_small_number, wide_prefix};
use crate::variables::text::{is_printable, quoted};
use crate::variables::value::{Origin, Value, ValueKind};

/// How many bytes of a text are counted that are not shown.
const FARTHEST: u64 = 1 << 16;

/// What is known of the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Where it is.
    Known,
    /// It lies in memory that is not in the dump, if it has one.
    Missing,
    /// It is farther away than was looked.
    Far,
}

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
            let wanted = (limit.saturating_mul(width) as u64).saturating_add(FARTHEST);
            let bytes = Place::Memory(at).read_some(self.context.memory, wanted);
            if bytes.len() < width {
                return Err(Unreadable { at });
            }
            let end = if (bytes.len() as u64) < wanted { End::Missing } else { End::Far };
            return Ok(wide_text(element, width, &bytes, limit, end));
        }
        let (bytes, is_whole) = self.context.memory.text(at, limit)?;
        if kind == Some(CharKind::Byte) && !is_printable(&bytes) && !bytes.is_empty() {
            // Bytes, whose number nobody states: one is sure.
            let first = bytes.first().copied().unwrap_or(0);
            let text = format!("{at} -> {first:#04x}");
            return Ok(Value::leaf(ValueKind::Pointer, text, Origin::Memory));
        }
        let is_cut = !is_whole && bytes.len() >= limit;
        let (more, end) = match (is_whole, is_cut) {
            (true, _) => (0, End::Known),
            (_, true) => self.rest(at, bytes.len() as u64),
            (_, false) => (0, End::Missing),
        };
        let shown = if more > 0 { whole_characters(&bytes) } else { &bytes };
        let more = more.saturating_add(bytes.len().saturating_sub(shown.len()) as u64);
        let text = prefixed(element, &quoted(shown, element.dialect));
        Ok(closed(text, more, end, Origin::Memory))
    }

    /// How many bytes of a text there are from `skipped` bytes behind `at` on,
    /// up to its NUL.
    fn rest(&self, at: RunAddr, skipped: u64) -> (u64, End) {
        let mut more = 0_u64;
        while more < FARTHEST {
            let mut piece = [0; 512];
            let from = at.checked_add(skipped.saturating_add(more));
            let got = from.map_or(0, |from| self.context.memory.read(from, &mut piece));
            let found = piece.get(..got).unwrap_or_default();
            if let Some(end) = found.iter().position(|byte| *byte == 0) {
                return (more.saturating_add(end as u64), End::Known);
            }
            more = more.saturating_add(got as u64);
            if got < piece.len() {
                return (more, End::Missing);
            }
        }
        (more, End::Far)
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
        let size = count.saturating_mul(width as u64);
        let shown_size = limit.saturating_mul(width) as u64;
        let wanted = size.min(shown_size.saturating_add(FARTHEST));
        let bytes = place.read_some(self.context.memory, wanted);
        if bytes.is_empty() && wanted > 0 {
            let missing = place.read(self.context.memory, 1).err();
            let why = missing.map_or_else(|| "not known".to_owned(), |why| why.reason());
            return Some(Value::unknown(why));
        }
        let read = bytes.len() as u64;
        let without_nul = match (read < wanted, read < size) {
            (true, _) => End::Missing,
            (false, true) => End::Far,
            (false, false) => End::Known,
        };
        if let CharKind::Wide(width) = kind {
            let mut value = wide_text(element, width, &bytes, limit, without_nul);
            value.origin = place.origin();
            return Some(value);
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let has_more = rest.iter().any(|byte| *byte != 0);
        if kind == CharKind::Byte && (has_more || !is_printable(text)) {
            return None;
        }
        // Bytes behind a first NUL are mostly left over from earlier text. But an
        // array that begins with one, and goes on, is not empty: it holds no text.
        let holds_no_text = text.is_empty() && has_more;
        let (text, has_more) = if holds_no_text {
            let last = rest.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            (rest.get(..=last).unwrap_or(rest), false)
        } else {
            (text, has_more)
        };
        let is_cut = text.len() > limit;
        let shown = match text.get(..limit).filter(|_| is_cut) {
            Some(shown) => whole_characters(shown),
            None => text,
        };
        let mut literal = quoted(shown, element.dialect);
        let left_out = text.len().saturating_sub(shown.len()) as u64;
        let end = if end.is_none() || holds_no_text { without_nul } else { End::Known };
        if has_more && left_out == 0 {
            literal.push_str("...");
        }
        Some(closed(prefixed(element, &literal), left_out, end, place.origin()))
    }

    /// Text of a known length in memory.
    pub(super) fn text_of(&self, dialect: Dialect, at: RunAddr, len: u64) -> Result<Value, String> {
        let limit = self.context.limits.string as u64;
        let wanted = len.min(limit);
        let bytes = Place::Memory(at).read_some(self.context.memory, wanted);
        if bytes.is_empty() && wanted > 0 {
            return Err(Unreadable { at }.to_string());
        }
        let shown = if len > limit { whole_characters(&bytes) } else { &bytes };
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

/// A text that lacks so many of its units at the end.
fn closed(mut text: String, left_out: u64, end: End, origin: Origin) -> Value {
    let mut omitted = left_out;
    match (end, left_out) {
        (End::Known, 0) => (),
        (End::Known, _) => text.push_str("..."),
        (End::Missing, 0) => {
            text.push_str(&format!(" {NOT_DUMPED}"));
            omitted = 1;
        }
        (End::Far, 0) => {
            text.push_str("... <and more>");
            omitted = 1;
        }
        (End::Missing | End::Far, _) => {
            text.push_str(&format!("... <at least {} more>", thousands(left_out)));
        }
    }
    let mut value = Value::leaf(ValueKind::String, text, origin);
    value.omitted = omitted;
    value
}

/// Text that was cut, without the first bytes of a character whose other bytes
/// it lacks.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    let last = bytes.utf8_chunks().last().map(|chunk| chunk.invalid()).unwrap_or_default();
    let is_begun = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    let len = bytes.len().saturating_sub(if is_begun { last.len() } else { 0 });
    bytes.get(..len).unwrap_or(bytes)
}

/// UTF-16 or UTF-32 up to its NUL; `end` says what follows if it has none.
fn wide_text(element: &Type<'_, '_>, width: usize, bytes: &[u8], limit: usize, end: End) -> Value {
    let units = bytes
        .chunks_exact(width)
        .map(|unit| unit.iter().rev().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte)));
    let all: Vec<u32> = units.clone().take_while(|unit| *unit != 0).collect();
    let end = if all.len() < units.count() { End::Known } else { end };
    let mut units = all.get(..limit).unwrap_or(&all);
    // Not in the middle of a character.
    if let (2, Some((0xd800..=0xdbff, rest))) = (width, units.split_last())
        && all.len() > limit
    {
        units = rest;
    }
    let text: String = if width == 2 {
        let halves = units.iter().map(|unit| *unit as u16);
        char::decode_utf16(halves).map(|found| found.unwrap_or('\u{fffd}')).collect()
    } else {
        units.iter().map(|unit| char::from_u32(*unit).unwrap_or('\u{fffd}')).collect()
    };
    let literal = quoted(text.as_bytes(), element.dialect);
    let left_out = all.len().saturating_sub(units.len()) as u64;
    closed(prefixed(element, &literal), left_out, end, Origin::Memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cut_text_lacks_is_said() {
        // (left out, end, text behind the literal, omitted)
        let cases = [
            (0, End::Known, "", 0),
            (12, End::Known, "...", 12),
            (0, End::Missing, " <memory not in the dump>", 1),
            (4_091, End::Missing, "... <at least 4,091 more>", 4_091),
            (65_536, End::Far, "... <at least 65,536 more>", 65_536),
            (0, End::Far, "... <and more>", 1),
        ];
        for (left_out, end, want, omitted) in cases {
            let value = closed("\"x\"".to_owned(), left_out, end, Origin::Memory);
            assert_eq!(value.text, format!("\"x\"{want}"));
            assert_eq!(value.omitted, omitted);
        }
    }

    #[test]
    fn no_cut_within_a_character() {
        let text = "a\u{65e5}b".as_bytes();
        let wants = [0, 1, 1, 1, 4, 5];
        for (cut, want) in wants.into_iter().enumerate() {
            assert_eq!(whole_characters(&text[..cut]).len(), want, "{cut}");
        }
        // What is no text stays.
        assert_eq!(whole_characters(b"a\xff"), b"a\xff");
        assert_eq!(whole_characters(b"\xe6\xff\xe6"), b"\xe6\xff");
    }
}
