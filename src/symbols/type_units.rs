//! Types that live in units of their own (`-fdebug-types-section`): in
//! `.debug_types` in DWARF 4, among the other units in DWARF 5.

use gimli::{DebugInfoOffset, DebugTypeSignature, Dwarf, UnitHeader, UnitOffset, UnitType};
use rustc_hash::FxHashMap;

use crate::symbols::dwarf::Reader;
use crate::symbols::info::Info;

/// Which unit defines the type of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeUnit {
    /// A unit of `.debug_info`, and the type's entry in it.
    Info(DebugInfoOffset, UnitOffset),
    /// A unit of `.debug_types`, by the offset of its header.
    Types(usize, UnitOffset),
}

/// The type units of one module, by signature.
#[derive(Debug, Default)]
pub(super) struct TypeUnits(FxHashMap<u64, TypeUnit>);

impl TypeUnits {
    /// Reads the headers of all units.
    pub(super) fn new(dwarf: &Dwarf<Reader<'_>>, info: &Info<'_>) -> Self {
        let mut found = FxHashMap::default();
        for offset in info.starts() {
            let Some(header) = info.header(offset) else { continue };
            if let Some((signature, entry)) = defined(&header) {
                found.entry(signature.0).or_insert(TypeUnit::Info(offset, entry));
            }
        }
        let mut types = dwarf.type_units();
        while let Ok(Some(header)) = types.next() {
            let offset = header.debug_types_offset();
            if let (Some((signature, entry)), Some(offset)) = (defined(&header), offset) {
                found.entry(signature.0).or_insert(TypeUnit::Types(offset.0, entry));
            }
        }
        Self(found)
    }

    /// The unit that defines a type.
    pub(super) fn get(&self, signature: DebugTypeSignature) -> Option<TypeUnit> {
        self.0.get(&signature.0).copied()
    }
}

fn defined(header: &UnitHeader<Reader<'_>>) -> Option<(DebugTypeSignature, UnitOffset)> {
    match header.type_() {
        UnitType::Type { type_signature, type_offset }
        | UnitType::SplitType { type_signature, type_offset } => {
            Some((type_signature, type_offset))
        }
        _ => None,
    }
}
