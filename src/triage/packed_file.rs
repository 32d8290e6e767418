//! Files as seekable zstd, as the store keeps cores.

use std::fs::File;
use std::io::{self, Read};

pub use crate::triage::store::packing::{copy_sparse, pack, unpack};

/// How zstd data begins.
pub const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// A reader of the plain bytes.
///
/// # Errors
///
/// When it is no zstd data.
pub fn reader(file: File) -> io::Result<impl Read> {
    zstd::stream::Decoder::new(file)
}
