//! The characters of strings whose length is known.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Type};
use crate::variables::place::Place;
use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::read::{Level, NOT_DUMPED};
use crate::variables::strings::{CharKind, prefix};
use crate::variables::text::quoted;
use crate::variables::value::{Origin, Value, ValueKind};

/// Text of `len` characters of the type `element`; a sequence of what is no
/// character.
pub(super) fn characters<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    element: Option<Entry<'a, 'f>>,
    at: RunAddr,
    len: u64,
    level: Level,
) -> Found<Value> {
    let reading = object.reading;
    let character = reading.context.types.get(element);
    match (CharKind::of(&character), character.size) {
        (Some(CharKind::Wide(width)), _) => {
            reading.check_extent(at, len, width as u64)?;
            wide(object, &character, width, at, len)
        }
        // A template without its arguments, named `basic_string<char, ...`.
        (None, None) if object.of.plain_name.contains("<char,") => narrow(object, "", at, len),
        (_, Some(1)) => narrow(object, prefix(&character), at, len),
        _ => Ok(reading.sequence(Dialect::Cpp, element, at, len, level)?),
    }
}

/// Characters behind their `_Rep`: a length, a capacity, and a count of users
/// that is filled up to a word (`bits/cow_string.h` of libstdc++). No type of
/// the program need describe it.
pub(super) fn counted<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    element: Option<Entry<'a, 'f>>,
    start: RunAddr,
    level: Level,
) -> Found<Value> {
    let before = |words: u64| RunAddr(start.0.wrapping_sub(words.saturating_mul(8)));
    let len = object.word_at(before(3))?;
    let capacity = object.word_at(before(2))?;
    if len > capacity {
        return damaged(format!("{len} characters, with room for {capacity}"));
    }
    characters(object, element, start, len, level)
}

fn narrow(object: &Object<'_, '_, '_, '_>, prefix: &str, at: RunAddr, len: u64) -> Found<Value> {
    if len == 0 {
        return Ok(Value::leaf(ValueKind::String, format!("{prefix}\"\""), Origin::Memory));
    }
    let mut value = object.reading.sized_text(Dialect::Cpp, at, len)?;
    value.text.insert_str(0, prefix);
    Ok(value)
}

fn wide(
    object: &Object<'_, '_, '_, '_>,
    character: &Type<'_, '_>,
    width: usize,
    at: RunAddr,
    len: u64,
) -> Found<Value> {
    let limits = object.reading.context.limits;
    let wanted = len.min(limits.string as u64);
    let bytes_wanted = wanted.saturating_mul(width as u64);
    let place = Place::Memory(at);
    let bytes = place.read_some(object.reading.context.memory, bytes_wanted);
    if bytes.is_empty() && wanted > 0 {
        return Err(object.absent(at).into());
    }
    let units: Vec<u32> = bytes
        .chunks_exact(width)
        .map(|unit| unit.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte)))
        .collect();
    let mut shown = units.as_slice();
    // Not in the middle of a character.
    if let (2, Some((0xd800..=0xdbff, rest))) = (width, units.split_last())
        && wanted < len
    {
        shown = rest;
    }
    let mut literal = quoted(decoded(shown, width).as_bytes(), character.dialect);
    if (units.len() as u64) < wanted {
        literal.push_str(&format!(" {NOT_DUMPED}"));
    } else if wanted < len {
        literal.push_str("...");
    }
    let text = format!("{}{literal}", prefix(character));
    let mut value = Value::leaf(ValueKind::String, text, Origin::Memory);
    value.omitted = len.saturating_sub(shown.len() as u64);
    value.address = Some(at);
    Ok(value)
}

/// UTF-16 or UTF-32 as text.
fn decoded(units: &[u32], width: usize) -> String {
    if width == 2 {
        let halves = units.iter().map(|unit| *unit as u16);
        return char::decode_utf16(halves).map(|found| found.unwrap_or('\u{fffd}')).collect();
    }
    units.iter().map(|unit| char::from_u32(*unit).unwrap_or('\u{fffd}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters() {
        let cases: &[(&[u32], usize, &str)] = &[
            (&[0x68, 0, 0x69], 2, "h\0i"),
            (&[0xd83d, 0xde00], 2, "\u{1f600}"),
            (&[0xd83d, 0x69], 2, "\u{fffd}i"),
            (&[0x1f600, 0x11_0000], 4, "\u{1f600}\u{fffd}"),
        ];
        for (units, width, want) in cases {
            assert_eq!(decoded(units, *width), *want);
        }
    }
}
