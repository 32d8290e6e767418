//! LLVM's C++ library. Version 19 wraps some members in a pair with an
//! allocator, whose base holds them as `__value_`; later ones do not.

use super::{Printer, libstdcxx};
use crate::base::addr::RunAddr;
use crate::symbols::types::{Shape, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::value::Value;

/// `std::string`: either a capacity, a length and a pointer, or the text
/// itself; one bit tells which.
pub(super) struct String;

/// `std::string_view`: a pointer and a length.
pub(super) struct StringView;

/// `std::vector`: three pointers.
pub(super) struct Vector;

impl Printer for String {
    fn name(&self) -> &'static str {
        "std::__1::basic_string"
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
        let named = reading.field(of, place, "__rep_").or_else(|_| {
            let (pair, at) = reading.field(of, place, "__r_")?;
            let pair = reading.context.types.get(pair);
            reading.field(&pair, &at, "__value_")
        })?;
        let inner = reading.context.types.get(named.0);
        let (short, short_at) = reading.field(&inner, &named.1, "__s")?;
        let short = reading.context.types.get(short);
        let is_long = flag(reading, &short, &short_at, "__is_long_")?;
        if is_long {
            let (long, at) = reading.field(&inner, &named.1, "__l")?;
            let long = reading.context.types.get(long);
            let start = reading.word_in(&long, &at, "__data_")?;
            let len = reading.word_in(&long, &at, "__size_")?;
            return libstdcxx::characters(reading, of, RunAddr(start), len, level);
        }
        let len = number(reading, &short, &short_at, "__size_")?;
        let (_, data) = reading.field(&short, &short_at, "__data_")?;
        let room = short.size.unwrap_or(0);
        if len >= room {
            return Err(format!("damaged: {len} characters, with room for less"));
        }
        let at = data.address().ok_or("a short text in registers")?;
        libstdcxx::characters(reading, of, at, len, level)
    }
}

fn flag<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    place: &Place<'a, 'f>,
    name: &str,
) -> Result<bool, std::string::String> {
    number(reading, of, place, name).map(|number| number != 0)
}

/// A member that may be a bit-field, in the structure itself or in an
/// anonymous one.
fn number<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    place: &Place<'a, 'f>,
    name: &str,
) -> Result<u64, std::string::String> {
    let new = || format!("`{}` has no member `{name}` here", of.plain_name);
    let level = Level { nested: 3, follows: false };
    let value = reading.composite(of, of.composite().ok_or_else(new)?, place, level);
    let field = value.field(name).ok_or_else(new)?;
    match (field.raw, &field.why_unknown) {
        (Some(raw), _) => Ok(raw),
        (None, Some(why)) => Err(why.clone()),
        (None, None) => Err(new()),
    }
}

impl Printer for StringView {
    fn name(&self) -> &'static str {
        "std::__1::basic_string_view"
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
        let start = reading.word_in(of, place, "__data_")?;
        let len = reading.word_in(of, place, "__size_")?;
        libstdcxx::characters(reading, of, RunAddr(start), len, level)
    }
}

impl Printer for Vector {
    fn name(&self) -> &'static str {
        "std::__1::vector"
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
        let (start, at) = reading.field(of, place, "__begin_")?;
        let start = reading.context.types.get(start);
        let Shape::Pointer(element) = start.shape else {
            return Err("its layout is new to us".to_owned());
        };
        let first = reading.word(&start, &at).map_err(|missing| missing.reason())?;
        let last = reading.word_in(of, place, "__end_")?;
        // The end of the storage is in a pair of another shape in each
        // version; without it, what is mapped has to do for a check.
        libstdcxx::between(reading, element, [first, last, u64::MAX], level)
    }
}
