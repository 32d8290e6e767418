//! Rust's standard library. Layouts were read with rustc 1.95; the compiler
//! orders members as it likes, so all are found by name.

use super::Printer;
use crate::base::addr::RunAddr;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::value::Value;

/// `&str`, `Box<str>`: an address and a length in bytes.
pub(super) struct Str;

/// `&[T]`, `Box<[T]>`: an address and a number of elements.
pub(super) struct Slice;

/// `String`: a vector of bytes.
pub(super) struct StringBuffer;

/// `Vec<T>`.
pub(super) struct Vector;

/// What a wide pointer points to: `str` in `&'static mut str`.
fn pointee<'n>(of: &'n Type<'_, '_>) -> Option<&'n str> {
    if of.dialect != Dialect::Rust {
        return None;
    }
    let name = of.plain_name.as_str();
    let name = match name.strip_prefix('&') {
        Some(name) => name.strip_prefix("mut ").unwrap_or(name),
        None => match name.strip_prefix("alloc::boxed::Box<") {
            Some(name) => {
                name.rsplit_once(", ").map_or(name, |(name, _)| name).trim_end_matches('>')
            }
            None => return None,
        },
    };
    Some(name)
}

impl Printer for Str {
    fn name(&self) -> &'static str {
        "&str"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        pointee(of) == Some("str")
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        _level: Level,
    ) -> Result<Value, String> {
        let at = RunAddr(reading.word_in(of, place, "data_ptr")?);
        let len = reading.word_in(of, place, "length")?;
        reading.sized_text(Dialect::Rust, at, len)
    }
}

impl Printer for Slice {
    fn name(&self) -> &'static str {
        "&[T]"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        // Not `&[T; 4]`, which is a plain pointer.
        pointee(of).is_some_and(|name| name.starts_with('[')) && of.member("length").is_some()
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        let (pointer, at) = reading.field(of, place, "data_ptr")?;
        let pointer = reading.context.types.get(pointer);
        let Shape::Pointer(element) = pointer.shape else {
            return Err("its layout is new to us".to_owned());
        };
        let at = RunAddr(reading.word(&pointer, &at).map_err(|missing| missing.reason())?);
        let len = reading.word_in(of, place, "length")?;
        reading.sequence(Dialect::Rust, element, at, len, level)
    }
}

impl Printer for StringBuffer {
    fn name(&self) -> &'static str {
        "alloc::string::String"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        of.plain_name == self.name()
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        _level: Level,
    ) -> Result<Value, String> {
        let (vector, place) = reading.field(of, place, "vec")?;
        let vector = reading.context.types.get(vector);
        let (at, len) = contents(reading, &vector, &place, 1)?;
        reading.sized_text(Dialect::Rust, at, len)
    }
}

impl Printer for Vector {
    fn name(&self) -> &'static str {
        "alloc::vec::Vec"
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
    ) -> Result<Value, String> {
        let element = of.type_argument("T").ok_or("its layout is new to us")?;
        let size = reading.context.types.get(Some(element)).size;
        let size = size.ok_or("the size of its elements is not known")?;
        let (at, len) = contents(reading, of, place, size)?;
        reading.sequence(Dialect::Rust, Some(element), at, len, level)
    }
}

/// Where a vector's elements are, and how many: `{buf: {inner: {ptr, cap}},
/// len}`, or before 1.84 `{buf: {ptr, cap}, len}`.
fn contents<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    place: &Place<'a, 'f>,
    size: u64,
) -> Result<(RunAddr, u64), String> {
    let len = reading.word_in(of, place, "len")?;
    let (buffer, place) = reading.field(of, place, "buf")?;
    let mut buffer = reading.context.types.get(buffer);
    let mut place = place;
    if let Ok((inner, at)) = reading.field(&buffer, &place, "inner") {
        (buffer, place) = (reading.context.types.get(inner), at);
    }
    let at = reading.word_in(&buffer, &place, "ptr")?;
    let capacity = reading.word_in(&buffer, &place, "cap")?;
    // Elements without a size need no memory: their capacity means nothing.
    if size > 0 && len > capacity {
        return Err(format!("damaged: {len} elements, with room for {capacity}"));
    }
    Ok((RunAddr(at), len))
}
