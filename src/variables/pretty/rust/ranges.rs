//! Ranges, as the source writes them: `1..5`, `..=4`.

use super::object::{Object, remarked};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// `1..5`
pub(super) fn range(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    written(object, Some("start"), "..", Some("end"), level)
}

/// `1..=5`, which knows when it has been used up.
pub(super) fn inclusive(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let last = if object.of.member("last").is_some() { "last" } else { "end" };
    let value = written(object, Some("start"), "..=", Some(last), level)?;
    let is_exhausted =
        object.of.member("exhausted").is_some() && object.member("exhausted")?.word()? == 1;
    let remark = is_exhausted.then(|| "exhausted".to_owned());
    Ok(remarked(value, remark.as_slice()))
}

/// `3..`
pub(super) fn from(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    written(object, Some("start"), "..", None, level)
}

/// `..4`, `..=4`
pub(super) fn to(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let dots = if object.of.plain_name.contains("Inclusive<") { "..=" } else { ".." };
    written(object, None, dots, Some("end"), level)
}

/// `..`
pub(super) fn full(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    written(object, None, "..", None, level)
}

fn written(
    object: &Object<'_, '_, '_, '_, '_>,
    start: Option<&str>,
    dots: &str,
    end: Option<&str>,
    level: Level,
) -> Result<Value, String> {
    let mut value = Value::leaf(ValueKind::Struct, "", object.place.origin());
    let mut ends = [String::new(), String::new()];
    for (name, text) in [start, end].into_iter().zip(&mut ends) {
        let Some(name) = name else { continue };
        let part = object.member(name)?.value(level.deeper());
        *text = part.text.clone();
        value.fields.push((name.to_owned(), part));
    }
    if let Some((_, first)) = value.fields.first()
        && value.fields.iter().all(|(_, part)| !part.is_known())
    {
        return Ok(first.clone());
    }
    let [start, end] = ends;
    value.text = format!("{start}{dots}{end}");
    Ok(value)
}
