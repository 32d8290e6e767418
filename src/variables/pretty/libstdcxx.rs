//! GNU's C++ library, with the ABI of gcc 5 and later.

use super::Printer;
use super::collection::Collection;
use crate::base::addr::RunAddr;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::value::{Origin, Value, ValueKind};

/// `std::string` and its relatives: a pointer, a length, and 16 bytes for
/// short texts, to which the pointer then leads.
pub(super) struct String;

/// `std::string_view`: a length and a pointer.
pub(super) struct StringView;

/// `std::vector`: three pointers.
pub(super) struct Vector;

impl Printer for String {
    fn name(&self) -> &'static str {
        "std::__cxx11::basic_string"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        super::is_instance(of, self.name())
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, std::string::String> {
        let (pointer, at) = reading.field(of, place, "_M_dataplus")?;
        let pointer = reading.context.types.get(pointer);
        let start = reading.word_in(&pointer, &at, "_M_p")?;
        let len = reading.word_in(of, place, "_M_string_length")?;
        let (_, buffer) = reading.field(of, place, "_M_local_buf")?;
        let is_short = buffer.address() == Some(RunAddr(start));
        // A short one has room for 15 bytes and the NUL.
        if is_short && len > 15 {
            return Err(format!("damaged: {len} characters, with room for 15"));
        }
        if !is_short && reading.word_in(of, place, "_M_allocated_capacity")? < len {
            return Err(format!("damaged: {len} characters, more than there is room for"));
        }
        characters(reading, of, RunAddr(start), len, level)
    }
}

impl Printer for StringView {
    fn name(&self) -> &'static str {
        "std::basic_string_view"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        super::is_instance(of, self.name())
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, std::string::String> {
        let start = reading.word_in(of, place, "_M_str")?;
        let len = reading.word_in(of, place, "_M_len")?;
        characters(reading, of, RunAddr(start), len, level)
    }
}

/// The characters of a string: text, unless they are wide.
pub(super) fn characters<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    at: RunAddr,
    len: u64,
    level: Level,
) -> Result<Value, std::string::String> {
    if len == 0 {
        return Ok(super::empty_text());
    }
    let element = of.type_argument("_CharT");
    let character = reading.context.types.get(element);
    match character.size {
        Some(1) => reading.sized_text(Dialect::Cpp, at, len),
        // A template without its arguments, named `basic_string<char, ...`.
        None if of.plain_name.contains("<char,") => reading.sized_text(Dialect::Cpp, at, len),
        Some(size) => {
            reading.check_extent(at, len, size)?;
            reading.string_at(&character, at).map_err(|missing| missing.to_string())
        }
        None => reading.sequence(Dialect::Cpp, element, at, len, level),
    }
}

impl Printer for Vector {
    fn name(&self) -> &'static str {
        "std::vector"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        super::is_instance(of, self.name())
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, std::string::String> {
        let (inner, place) = reading.field(of, place, "_M_impl")?;
        let inner = reading.context.types.get(inner);
        let (start, at) = reading.field(&inner, &place, "_M_start")?;
        let start = reading.context.types.get(start);
        if start.composite().is_some() {
            return bits(reading, &inner, &place);
        }
        let Shape::Pointer(element) = start.shape else {
            return Err("its layout is new to us".to_owned());
        };
        let first = reading.word(&start, &at).map_err(|missing| missing.reason())?;
        let last = reading.word_in(&inner, &place, "_M_finish")?;
        let end = reading.word_in(&inner, &place, "_M_end_of_storage")?;
        between(reading, element, [first, last, end], level)
    }
}

/// The elements between two pointers into storage that ends at a third.
pub(super) fn between<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    element: Option<crate::symbols::entries::Entry<'a, 'f>>,
    [first, last, end]: [u64; 3],
    level: Level,
) -> Result<Value, std::string::String> {
    let size = reading.context.types.get(element).size.filter(|size| *size > 0);
    let size = size.ok_or("the size of its elements is not known")?;
    let bytes = last.checked_sub(first).filter(|bytes| last <= end && bytes % size == 0);
    let bytes = bytes.ok_or("damaged: its pointers do not fit together")?;
    reading.sequence(Dialect::Cpp, element, RunAddr(first), bytes / size, level)
}

/// `std::vector<bool>`: bits, lowest first, between two iterators, each of
/// which is a pointer to a word and a number of bits in it.
fn bits<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    place: &Place<'a, 'f>,
) -> Result<Value, std::string::String> {
    let iterator = |name| -> Result<(u64, u64), std::string::String> {
        let (of, place) = reading.field(of, place, name)?;
        let of = reading.context.types.get(of);
        let word = reading.word_in(&of, &place, "_M_p")?;
        Ok((word, reading.word_in(&of, &place, "_M_offset")?))
    };
    let (first, skipped) = iterator("_M_start")?;
    let (last, extra) = iterator("_M_finish")?;
    let damaged = "damaged: its pointers do not fit together";
    let count = last
        .checked_sub(first)
        .and_then(|bytes| bytes.checked_mul(8)?.checked_add(extra)?.checked_sub(skipped));
    let count = count.ok_or(damaged)?;
    reading.check_extent(RunAddr(first), count.div_ceil(8), 1)?;
    let mut found = Collection::sequence(reading);
    for bit in 0..count {
        if found.is_full(reading) {
            found.omit(count.saturating_sub(bit));
            break;
        }
        let at = Place::Memory(RunAddr(first));
        let bit = at.read_bits(reading.context.memory, bit.saturating_add(skipped), 1);
        let bit = bit.map_err(|missing| missing.reason())?;
        let text = if bit == 1 { "true" } else { "false" };
        found.push(Value::leaf(ValueKind::Scalar, text, Origin::Memory));
    }
    Ok(found.finish(Dialect::Cpp))
}
