//! The debug information of one module, read unit by unit.

use gimli::{DebugInfoOffset, EndianSlice, RunTimeEndian};

/// How DWARF bytes are read: borrowed from a map or from an inflated section.
pub type Reader<'f> = EndianSlice<'f, RunTimeEndian>;

/// One unit that somebody asked for.
pub struct Unit<'f> {
    /// The parsed header, abbreviations and root attributes.
    pub unit: gimli::Unit<Reader<'f>>,
    /// Where its header begins in `.debug_info`: its identity.
    pub offset: DebugInfoOffset,
}
