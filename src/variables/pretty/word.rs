//! Small classes of both C++ libraries that are written in one word.

use crate::base::addr::RunAddr;
use crate::variables::place::Place;
use crate::variables::pretty::bits::no_big_endian;
use crate::variables::pretty::object::{Failure, Found, Object};
use crate::variables::pretty::thrown::type_name;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// Up to so many bits are written as a number.
const ONE_WORD: u64 = 64;

/// Bits, lowest first: as a number, or as a list of those that are set.
pub(super) fn bit_set<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    words: Option<Place<'a, 'f>>,
    count: u64,
) -> Found<Value> {
    no_big_endian(object)?;
    let memory = object.reading.context.memory;
    let said = |text| Value::leaf(ValueKind::Scalar, text, object.place.origin());
    let words = match words {
        Some(words) if count > 0 => words,
        _ => return Ok(said("0 bits".to_owned())),
    };
    if count <= ONE_WORD {
        let bits = words.read_bits(memory, 0, count)?;
        let width = usize::try_from(count).unwrap_or_default();
        let mut value = said(format!("0b{bits:0width$b}"));
        value.raw = u64::try_from(bits).ok();
        return Ok(value);
    }
    let bytes = words.read(memory, count.div_ceil(8))?;
    let is_set = |bit: &u64| {
        let byte = usize::try_from(bit / 8).ok().and_then(|at| bytes.get(at));
        byte.is_some_and(|byte| (byte >> (bit % 8)) & 1 == 1)
    };
    let set: Vec<u64> = (0..count).filter(is_set).collect();
    let most = object.reading.context.limits.elements;
    let mut list: Vec<String> = set.iter().take(most).map(u64::to_string).collect();
    if set.len() > most {
        list.push(format!("... {} more", set.len().saturating_sub(most)));
    }
    Ok(said(format!("{{{}}} of {count} bits", list.join(", "))))
}

/// `std::byte`: bits, rather than a number.
pub(super) fn byte(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let word = object.as_word()?;
    let mut value = Value::leaf(ValueKind::Scalar, format!("{word:#04x}"), object.place.origin());
    value.raw = Some(word);
    Ok(value)
}

/// An error code, as the library itself writes it: `generic:2`. The category is
/// an object whose class tells which one it is.
pub(super) fn error(
    object: &Object<'_, '_, '_, '_>,
    code: &Object<'_, '_, '_, '_>,
    category: RunAddr,
) -> Found<Value> {
    let code = code.as_signed()?;
    let table = RunAddr(object.word_at(category)?);
    let type_info = object.word_at(RunAddr(table.0.wrapping_sub(8)))?;
    let class = type_name(object, RunAddr(type_info))?;
    // The standard's own ones are in libraries whose symbols are mostly gone.
    let name = match class.rsplit("::").next().unwrap_or_default() {
        "generic_error_category" | "__generic_error_category" => "generic".to_owned(),
        "system_error_category" | "__system_error_category" => "system".to_owned(),
        "__iostream_category" | "io_error_category" => "iostream".to_owned(),
        _ => class,
    };
    let text = format!("{name}:{code}");
    let mut value = Value::leaf(ValueKind::Scalar, text, object.place.origin());
    value.raw = u64::try_from(code).ok();
    Ok(value)
}

/// A place in the source: `file:line:column, function`.
pub(super) fn source_location(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let pointer = object.any_member(&["_M_impl", "__ptr_"])?;
    if pointer.target()?.1.0 == 0 {
        return Ok(Value::leaf(ValueKind::Scalar, "nowhere", object.place.origin()));
    }
    let inner = pointer.pointee()?;
    let file = inner.member("_M_file_name")?.value(level);
    let function = inner.member("_M_function_name")?.value(level);
    let (line, column) = (inner.word("_M_line")?, inner.word("_M_column")?);
    if !file.is_known() {
        return Ok(file);
    }
    let text = format!(
        "{}:{line}:{column} in {}",
        file.text.trim_matches('"'),
        function.text.trim_matches('"'),
    );
    let mut value = Value::leaf(ValueKind::Scalar, text, object.place.origin());
    value.fields = vec![("file".to_owned(), file), ("function".to_owned(), function)];
    Ok(value)
}

/// A coroutine: its frame begins with the function that resumes it (the ABI that
/// gcc and clang share), which is none once it has ended.
pub(super) fn coroutine(object: &Object<'_, '_, '_, '_>, frame: RunAddr) -> Found<Value> {
    let said = |text| Value::leaf(ValueKind::Pointer, text, object.place.origin());
    if frame.0 == 0 {
        return Ok(said("nullptr".to_owned()));
    }
    let resume = RunAddr(object.word_at(frame)?);
    let name = match resume.0 {
        0 => "at its end".to_owned(),
        _ => match object.reading.context.symbol(resume) {
            Some(name) => name,
            None if object.is_mapped(resume) => format!("resumes at {resume}"),
            None => return Err(Failure::from(object.absent(resume))),
        },
    };
    let mut value = said(format!("{frame} <{name}>"));
    value.raw = Some(frame.0);
    Ok(value)
}
