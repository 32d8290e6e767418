//! `.dwp` files: the split files of a whole program in one, with an index.
//!
//! Layout: DWARF 5, section 7.3.5 "DWARF Package Files"; version 2 of the index
//! is GNU's for DWARF 4 (<https://gcc.gnu.org/wiki/DebugFissionDWP>). Numbers
//! are in the program's byte order.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::{Mutex, PoisonError};

use gimli::SectionId;

use crate::base::addr::FileOff;
use crate::base::bytes::Cursor;
use crate::base::data_model::ByteOrder;
use crate::base::file_store::FileStore;
use crate::base::limits::Limits;
use crate::symbols::object::Image;

/// Kinds of sections that an index has columns for; there are eight.
const MOST_COLUMNS: u32 = 64;

/// A package: its index by compilation units, its index by types.
pub(super) struct Package<'f> {
    image: Image<'f>,
    store: &'f FileStore,
    limits: Limits,
    units: Option<Index<'f>>,
    types: Option<Index<'f>>,
    sections: Mutex<Vec<(SectionId, &'f [u8])>>,
}

/// `.debug_cu_index` or `.debug_tu_index`: a hash table of signatures, and for
/// each the places of its pieces in the sections.
struct Index<'f> {
    order: ByteOrder,
    columns: Vec<Option<SectionId>>,
    /// u64 signatures.
    signatures: &'f [u8],
    /// u32 numbers of rows, from 1; zero: the slot is free.
    rows: &'f [u8],
    /// A row of u32 for each unit, a column for each section.
    offsets: &'f [u8],
    sizes: &'f [u8],
}

/// Where a unit's piece of a section is: offset and size, in bytes.
type Piece = (SectionId, usize, usize);

/// The pieces of one unit.
pub(super) struct Pieces<'f>(Vec<(SectionId, &'f [u8])>);

impl<'f> Pieces<'f> {
    /// The unit's piece of a section. Strings are shared by all.
    pub(super) fn get(&self, id: SectionId) -> Option<&'f [u8]> {
        self.0.iter().find(|(found, _)| *found == id).map(|(_, bytes)| *bytes)
    }
}

impl<'f> Package<'f> {
    /// Reads the heads of the indices. `None`: it has none that is sound.
    pub(super) fn open(image: Image<'f>, store: &'f FileStore, limits: &Limits) -> Option<Self> {
        let order = image.arch().order;
        let index = |name| Index::parse(image.whole(name, store, limits)?, order);
        let (units, types) = (index(".debug_cu_index"), index(".debug_tu_index"));
        if units.is_none() && types.is_none() {
            return None;
        }
        let sections = Mutex::default();
        Some(Self { units, types, image, store, limits: *limits, sections })
    }

    /// The pieces of the compilation unit with this id.
    ///
    /// # Errors
    ///
    /// When the index contradicts the sections.
    pub(super) fn unit(&self, id: u64) -> Option<Result<Pieces<'f>, String>> {
        self.pieces(self.units.as_ref()?.find(id)?)
    }

    /// The pieces of the type unit with this signature.
    ///
    /// # Errors
    ///
    /// When the index contradicts the sections.
    pub(super) fn type_unit(&self, signature: u64) -> Option<Result<Pieces<'f>, String>> {
        self.pieces(self.types.as_ref()?.find(signature)?)
    }

    /// The signatures of all types that have a unit.
    pub(super) fn types(&self) -> Vec<u64> {
        self.types.as_ref().map(Index::all).unwrap_or_default()
    }

    fn pieces(&self, row: Vec<Piece>) -> Option<Result<Pieces<'f>, String>> {
        let mut found = vec![(SectionId::DebugStr, self.section(SectionId::DebugStr))];
        for (id, offset, size) in row {
            let section = self.section(id);
            let end = offset.checked_add(size);
            let Some(piece) = end.and_then(|end| section.get(offset..end)) else {
                return Some(Err(format!(
                    "its index points beyond the end of {}",
                    id.dwo_name().unwrap_or(id.name())
                )));
            };
            found.push((id, piece));
        }
        Some(Ok(Pieces(found)))
    }

    /// Whether the file is larger than its index can count: offsets are of 32
    /// bits, and wrap.
    pub(super) fn is_too_large(&self) -> bool {
        let large = |section: &crate::symbols::object::Section<'_>| {
            section.name.ends_with(b".dwo") && section.size > u64::from(u32::MAX)
        };
        self.image.sections().iter().any(large)
    }

    fn section(&self, id: SectionId) -> &'f [u8] {
        let mut known = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = known.iter().find(|(found, _)| *found == id) {
            return bytes;
        }
        let packed = id.dwo_name().and_then(|name| self.image.packed(name));
        let bytes = packed.and_then(|packed| match packed.is_compressed() {
            true => packed.whole(self.store, &self.limits),
            false => Some(packed.bytes),
        });
        let bytes = bytes.unwrap_or_default();
        known.push((id, bytes));
        bytes
    }
}

impl<'f> Index<'f> {
    /// Layout: a u32 version 2, or a u16 version 5 and two bytes of padding;
    /// u32 numbers of columns, units and slots, the last one a power of two;
    /// the slots' signatures and rows; the columns' kinds of section; offsets;
    /// sizes.
    fn parse(bytes: &'f [u8], order: ByteOrder) -> Option<Self> {
        let mut cursor = Cursor::new(bytes, FileOff(0)).with_order(order);
        let old = cursor.u32().ok()?;
        let version = match old {
            2 => 2,
            _ => u32::try_from(order.number(bytes.get(..2)?)).ok()?,
        };
        let kind = match version {
            2 => section_of_version_2,
            5 => section_of_version_5,
            _ => return None,
        };
        let columns = cursor.u32().ok()?;
        let units = u64::from(cursor.u32().ok()?);
        let slots = u64::from(cursor.u32().ok()?);
        if columns > MOST_COLUMNS || !(slots == 0 || slots.is_power_of_two()) {
            return None;
        }
        let signatures = cursor.take(slots.checked_mul(8)?).ok()?;
        let rows = cursor.take(slots.checked_mul(4)?).ok()?;
        let mut found = Vec::new();
        for _ in 0..columns {
            found.push(kind(cursor.u32().ok()?));
        }
        let table = units.checked_mul(u64::from(columns))?.checked_mul(4)?;
        let offsets = cursor.take(table).ok()?;
        let sizes = cursor.take(table).ok()?;
        Some(Self { order, columns: found, signatures, rows, offsets, sizes })
    }

    /// The pieces of a unit. Double hashing: DWARF 5, section 7.3.5.3.
    fn find(&self, signature: u64) -> Option<Vec<Piece>> {
        let slots = self.rows.len().checked_div(4)?;
        let mask = (slots as u64).checked_sub(1)?;
        let mut slot = signature & mask;
        let step = ((signature >> 32) & mask) | 1;
        for _ in 0..slots {
            let at = usize::try_from(slot).ok()?;
            let row = number(self.order, self.rows, at)?;
            if row == 0 {
                return None;
            }
            if self.signature(at)? == signature {
                return self.row(row);
            }
            slot = slot.wrapping_add(step) & mask;
        }
        None
    }

    fn signature(&self, slot: usize) -> Option<u64> {
        let bytes = self.signatures.get(slot.checked_mul(8)?..)?;
        Some(self.order.number(bytes.get(..8)?))
    }

    fn row(&self, row: u32) -> Option<Vec<Piece>> {
        let first = usize::try_from(row.checked_sub(1)?).ok()?.checked_mul(self.columns.len())?;
        let mut pieces = Vec::new();
        for (column, id) in (first..).zip(&self.columns) {
            let Some(id) = id else { continue };
            let offset = usize::try_from(number(self.order, self.offsets, column)?).ok()?;
            let size = usize::try_from(number(self.order, self.sizes, column)?).ok()?;
            pieces.push((*id, offset, size));
        }
        Some(pieces)
    }

    fn all(&self) -> Vec<u64> {
        let slots = self.rows.len().checked_div(4).unwrap_or(0);
        let used = (0..slots)
            .filter(|slot| number(self.order, self.rows, *slot).is_some_and(|row| row > 0));
        used.filter_map(|slot| self.signature(slot)).collect()
    }
}

fn number(order: ByteOrder, table: &[u8], index: usize) -> Option<u32> {
    u32::try_from(order.number(table.get(index.checked_mul(4)?..)?.get(..4)?)).ok()
}

/// `DW_SECT_*` of GNU's version 2. Columns of other kinds are not read.
fn section_of_version_2(number: u32) -> Option<SectionId> {
    Some(match number {
        1 => SectionId::DebugInfo,
        2 => SectionId::DebugTypes,
        3 => SectionId::DebugAbbrev,
        4 => SectionId::DebugLine,
        5 => SectionId::DebugLoc,
        6 => SectionId::DebugStrOffsets,
        _ => return None,
    })
}

/// `DW_SECT_*` of DWARF 5, table 7.1.
fn section_of_version_5(number: u32) -> Option<SectionId> {
    Some(match number {
        1 => SectionId::DebugInfo,
        3 => SectionId::DebugAbbrev,
        4 => SectionId::DebugLine,
        5 => SectionId::DebugLocLists,
        6 => SectionId::DebugStrOffsets,
        8 => SectionId::DebugRngLists,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index of version 5 with two slots and one unit, which has a piece of
    /// `.debug_info.dwo` at 16, 32 bytes long.
    fn index(version: u32, slots: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [version, 1, 1, slots] {
            bytes.extend(u32::to_le_bytes(word));
        }
        // Slot 1 has the signature; slot 0 is free.
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(0xabcd_0001_u64.to_le_bytes());
        for word in [0, 1, 1, 16, 32] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes
    }

    #[test]
    fn signatures_are_found() {
        let bytes = index(5, 2);
        let index = Index::parse(&bytes, ByteOrder::Little).unwrap();
        assert_eq!(index.find(0xabcd_0001), Some(vec![(SectionId::DebugInfo, 16, 32)]));
        assert_eq!(index.find(0xabcd_0003), None);
        assert_eq!(index.all(), [0xabcd_0001]);
    }

    #[test]
    fn unsound_indices_are_refused() {
        let cases: &[(&str, u32, u32)] =
            &[("version 3", 3, 2), ("three slots", 5, 3), ("more slots than bytes", 5, 1 << 30)];
        for (name, version, slots) in cases {
            assert!(Index::parse(&index(*version, *slots), ByteOrder::Little).is_none(), "{name}");
        }
        let whole = index(5, 2);
        for len in 0..whole.len() {
            assert!(Index::parse(&whole[..len], ByteOrder::Little).is_none(), "cut at {len}");
        }
        // All slots taken by others: the search ends.
        let mut full = whole.clone();
        full[32..36].copy_from_slice(&1_u32.to_le_bytes());
        assert_eq!(Index::parse(&full, ByteOrder::Little).unwrap().find(4), None);
        // A row that is not there.
        let mut beyond = whole;
        beyond[36..40].copy_from_slice(&7_u32.to_le_bytes());
        assert_eq!(Index::parse(&beyond, ByteOrder::Little).unwrap().find(0xabcd_0001), None);
    }
}
