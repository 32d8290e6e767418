//! `String` and its relatives.

use super::object::Object;
use super::sequences::contents;
use super::wide;
use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::read::Level;
use crate::variables::value::Value;

/// `String`, `OsString`, `PathBuf`: a vector of bytes within structures that
/// have one member each.
pub(super) fn buffer(object: &Object<'_, '_, '_, '_, '_>, _level: Level) -> Result<Value, String> {
    let vector = object.down_to("buf", &["vec", "inner"])?;
    let (at, len) = contents(&vector, 1)?;
    object.reading.sized_text(Dialect::Rust, at, len)
}

/// `CString`: `Box<[u8]>` with the NUL.
pub(super) fn c_string(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let pointer = object.member("inner")?.pointer()?;
    match pointer.metadata {
        wide::Metadata::Length(len) => c_text(object, pointer.at, len),
        _ => Err(super::super::NEW_LAYOUT.to_owned()),
    }
}

/// Text with its NUL, which `len` counts.
pub(super) fn c_text(
    object: &Object<'_, '_, '_, '_, '_>,
    at: RunAddr,
    len: u64,
) -> Result<Value, String> {
    let Some(len) = len.checked_sub(1) else {
        return Err("damaged: a C string without room for its NUL".to_owned());
    };
    object.reading.sized_text(Dialect::Rust, at, len)
}
