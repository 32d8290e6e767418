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

/// The debug information of one module.
pub struct Debug<'f> {
    dwarf: gimli::Dwarf<Reader<'f>>,
    units: elsa::sync::FrozenMap<usize, Box<Unit<'f>>>,
}

impl<'f> Debug<'f> {
    /// The sections.
    pub fn dwarf(&self) -> &gimli::Dwarf<Reader<'f>> {
        &self.dwarf
    }

    /// By header offset.
    pub fn unit(&self, offset: DebugInfoOffset) -> Option<&Unit<'f>> {
        self.units.get(&offset.0)
    }

    /// By entry offset.
    pub fn unit_containing(&self, offset: DebugInfoOffset) -> Option<(&Unit<'f>, gimli::UnitOffset)> {
        Some((self.unit(offset)?, gimli::UnitOffset(0)))
    }

    /// By signature.
    pub fn type_unit(&self, _: gimli::DebugTypeSignature) -> Option<(&Unit<'f>, gimli::UnitOffset)> {
        None
    }
}
