//! What reading names needs of a unit: its bases, its attributes, and numbers
//! that tell types apart.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::hash::Hasher;
use std::sync::Arc;

use gimli::constants as dw;
use gimli::{
    Attribute, AttributeValue, DebugLocListsBase, DebugRngListsBase, DebugStrOffsetsBase, DwAt,
    EntriesRaw, UnitHeader, UnitOffset,
};
use rustc_hash::{FxHashMap, FxHasher};

use crate::symbols::dwarf::{Debug, Reader, UnitId};
use crate::symbols::split::Bases;
use crate::symbols::types::{Dialect, dialect_of};

/// Which unit, and the sections that it refers to.
#[derive(Clone, Copy)]
pub(super) struct UnitSource<'s, 'f> {
    pub(super) id: UnitId,
    pub(super) dwarf: &'s gimli::Dwarf<Reader<'f>>,
    /// Of a split unit: what its skeleton knows.
    pub(super) bases: Option<Bases>,
}

/// A unit whose names are read.
pub(super) struct NamedUnit<'s, 'f> {
    pub(super) debug: &'s Debug<'f>,
    pub(super) source: UnitSource<'s, 'f>,
    pub(super) unit: gimli::Unit<Reader<'f>>,
    pub(super) dialect: Dialect,
}

impl<'s, 'f> NamedUnit<'s, 'f> {
    /// Reads the root, but not the line table's header.
    pub(super) fn open(
        debug: &'s Debug<'f>,
        source: UnitSource<'s, 'f>,
        header: UnitHeader<Reader<'f>>,
    ) -> Option<Self> {
        let abbreviations = header.abbreviations(&source.dwarf.debug_abbrev).ok()?;
        let encoding = header.encoding();
        let file = source.dwarf.file_type;
        let mut unit = gimli::Unit {
            header,
            abbreviations: Arc::new(abbreviations),
            name: None,
            comp_dir: None,
            low_pc: 0,
            str_offsets_base: DebugStrOffsetsBase::default_for_encoding_and_file(encoding, file),
            addr_base: gimli::DebugAddrBase(0),
            loclists_base: DebugLocListsBase::default_for_encoding_and_file(encoding, file),
            rnglists_base: DebugRngListsBase::default_for_encoding_and_file(encoding, file),
            line_program: None,
            dwo_id: None,
        };
        let root = unit.entry(unit.header.root_offset()).ok()?;
        let mut language = None;
        let (mut strings, mut addresses) = (None, None);
        for attribute in root.attrs() {
            match attribute.value() {
                AttributeValue::DebugStrOffsetsBase(base) => strings = Some(base),
                AttributeValue::DebugAddrBase(base) => addresses = Some(base),
                AttributeValue::Language(found) => language = Some(found),
                _ => (),
            }
        }
        unit.str_offsets_base = strings.unwrap_or(unit.str_offsets_base);
        unit.addr_base = addresses.unwrap_or(unit.addr_base);
        if let Some(bases) = source.bases {
            bases.apply(&mut unit);
        }
        Some(Self { debug, source, unit, dialect: dialect_of(language) })
    }

    /// The address that a location consists of.
    pub(super) fn address(&self, location: AttributeValue<Reader<'f>>) -> Option<u64> {
        let expression = location.exprloc_value()?;
        let mut operations = expression.operations(self.unit.encoding());
        let at = match (operations.next().ok()??, operations.next().ok()?) {
            (gimli::Operation::Address { address }, None) => address,
            (gimli::Operation::AddressIndex { index }, None) => {
                self.source.dwarf.address(&self.unit, index).ok()?
            }
            _ => return None,
        };
        // What the linker threw away has an address of 0, 1 or close to the top.
        (at > 1 && at < u64::MAX.wrapping_sub(16)).then_some(at)
    }

    /// Whether a location is one that each thread has for itself.
    pub(super) fn is_thread_local(&self, location: AttributeValue<Reader<'f>>) -> bool {
        let operations = location.exprloc_value().map(|it| it.operations(self.unit.encoding()));
        let Some(mut operations) = operations else { return false };
        // An offset comes first.
        let _offset = operations.next();
        matches!(operations.next(), Ok(Some(gimli::Operation::TLS)))
    }

    /// A number for a name: where the linker put its text, since it keeps one
    /// copy of each.
    pub(super) fn name_print(&self, name: AttributeValue<Reader<'f>>) -> u64 {
        match name {
            AttributeValue::DebugStrRef(at) => at.0 as u64,
            AttributeValue::DebugStrOffsetsIndex(index) => {
                self.source.dwarf.string_offset(&self.unit, index).map_or(0, |at| at.0 as u64)
            }
            name => self.source.dwarf.attr_string(&self.unit, name).map_or(0, |text| {
                let mut hasher = FxHasher::default();
                hasher.write(text.slice());
                hasher.finish()
            }),
        }
    }

    /// A number for the kind, name and size of the type that an entry has.
    pub(super) fn type_print(
        &self,
        attributes: &[Attribute<Reader<'f>>],
        known: &mut FxHashMap<UnitOffset, u64>,
    ) -> u64 {
        let of = match get(attributes, dw::DW_AT_type) {
            Some(AttributeValue::UnitRef(of)) => of,
            Some(AttributeValue::DebugInfoRef(of)) => return of.0 as u64,
            _ => return 0,
        };
        *known.entry(of).or_insert_with(|| self.print_of(of).unwrap_or(1))
    }

    fn print_of(&self, of: UnitOffset) -> Option<u64> {
        let mut raw = self.unit.entries_raw(Some(of)).ok()?;
        let abbreviation = raw.read_abbreviation().ok()??;
        let mut hasher = FxHasher::default();
        hasher.write_u16(abbreviation.tag().0);
        let is_named = abbreviation.attributes().iter().any(|it| it.name() == dw::DW_AT_name);
        // Of a pointer, its kind is enough.
        for specification in abbreviation.attributes().iter().filter(|_| is_named) {
            let attribute = raw.read_attribute(*specification).ok()?;
            match attribute.name() {
                dw::DW_AT_name => hasher.write_u64(self.name_print(attribute.value())),
                dw::DW_AT_byte_size => hasher.write_u64(attribute.udata_value().unwrap_or(0)),
                _ => (),
            }
        }
        Some(hasher.finish())
    }

    /// An attribute as text.
    pub(super) fn text(
        &self,
        attributes: &[Attribute<Reader<'f>>],
        name: DwAt,
    ) -> Option<&'f [u8]> {
        let text = self.source.dwarf.attr_string(&self.unit, get(attributes, name)?).ok()?;
        Some(text.slice())
    }
}

/// Goes on behind the entries below, where the compiler says where that is.
pub(super) fn jump<'u, 'f>(
    unit: &'u gimli::Unit<Reader<'f>>,
    attributes: &[Attribute<Reader<'f>>],
    raw: &mut EntriesRaw<'u, Reader<'f>>,
    base: &mut isize,
    depth: isize,
) {
    if let Some(AttributeValue::UnitRef(next)) = get(attributes, dw::DW_AT_sibling)
        && next > raw.next_offset()
        && let Ok(further) = unit.entries_raw(Some(next))
    {
        *raw = further;
        *base = depth;
    }
}

pub(super) fn get<'f>(
    attributes: &[Attribute<Reader<'f>>],
    name: DwAt,
) -> Option<AttributeValue<Reader<'f>>> {
    attributes.iter().find(|found| found.name() == name).map(Attribute::value)
}

pub(super) fn is_set(attributes: &[Attribute<Reader<'_>>], name: DwAt) -> bool {
    matches!(get(attributes, name), Some(AttributeValue::Flag(true)))
}

pub(super) fn number(offset: UnitOffset) -> u32 {
    u32::try_from(offset.0).unwrap_or(u32::MAX)
}

pub(super) fn short_hash(hasher: &FxHasher) -> u32 {
    let whole = hasher.finish();
    (whole ^ (whole >> 32)) as u32
}
