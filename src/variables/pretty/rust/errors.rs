//! `std::io::Error`: a pointer or a number in one word, told by its two lowest
//! bits (`std/src/io/error/repr_bitpacked.rs`).

use super::object::Object;
use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::Shape;
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// `std::io::Error`, as the enum that it stands for: `Os(2)`,
/// `Simple(NotFound)`, `Custom {kind: Other, error: ..}`.
pub(super) fn io_error(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let repr = object.member("repr")?;
    let word = repr.member("__0")?.word()?;
    // `PhantomData<ErrorData<Box<Custom>>>`, which names all types.
    let marker = repr.member("__1")?;
    let data = marker.other(marker.parameter("T")?, object.place.clone());
    let high = u32::try_from(word >> 32).unwrap_or_default();
    let pointed = |variant, at: u64| -> Result<Value, String> {
        let pointer = data.other(data.inside(variant)?, object.place.clone());
        let Shape::Pointer(target) = pointer.of.shape else { return Err(NEW_LAYOUT.to_owned()) };
        let target: Option<Entry<'_, '_>> = target;
        Ok(data.other(target, Place::Memory(RunAddr(at))).value(level.followed()))
    };
    let (name, inside) = match word & 3 {
        0 => ("SimpleMessage", pointed("SimpleMessage", word)?),
        1 => ("Custom", pointed("Custom", word & !3)?),
        2 => {
            let code = high.cast_signed().to_string();
            ("Os", Value::leaf(ValueKind::Scalar, code, object.place.origin()))
        }
        _ => {
            let kind = data.other(data.inside("Simple")?, object.place.clone());
            let kind_bytes = high.to_le_bytes();
            let size = usize::try_from(kind.size()?).ok();
            let bytes = size.and_then(|size| kind_bytes.get(..size)).ok_or(NEW_LAYOUT)?;
            let Shape::Enumeration(names) = &kind.of.shape else {
                return Err(NEW_LAYOUT.to_owned());
            };
            ("Simple", object.reading.enumerator(&kind.of, names, bytes))
        }
    };
    let text = match inside.text.starts_with('{') {
        true => format!("{name} {}", inside.text),
        false => format!("{name}({})", inside.text),
    };
    let mut value = Value::leaf(ValueKind::Enum, text, object.place.origin());
    value.fields.push(("__0".to_owned(), inside));
    Ok(value)
}
