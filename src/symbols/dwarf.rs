//! The debug information of one module, read unit by unit.

use std::sync::OnceLock;

use elsa::sync::FrozenMap;
use gimli::{
    AttributeValue, DebugInfoOffset, DwLang, EndianSlice, RunTimeEndian, SectionId, UnitOffset,
    UnitSectionOffset, constants,
};

use crate::base::addr::LinkAddr;
use crate::base::file_store::FileStore;
use crate::base::limits::Limits;
use crate::symbols::info::Info;
use crate::symbols::inlined::FunctionIndex;
use crate::symbols::lines::Lines;
use crate::symbols::object::Image;
use crate::symbols::packed::Packed;
use crate::symbols::units::UnitRanges;
use crate::symbols::workers::spread;

/// How DWARF bytes are read: borrowed from a map or from an inflated section.
pub type Reader<'f> = EndianSlice<'f, RunTimeEndian>;

/// One unit that somebody asked for.
pub struct Unit<'f> {
    /// The parsed header, abbreviations and root attributes.
    pub unit: gimli::Unit<Reader<'f>>,
    /// Where its header begins in `.debug_info`: its identity.
    pub offset: DebugInfoOffset,
    pub(super) functions: OnceLock<FunctionIndex>,
    pub(super) lines: OnceLock<Lines>,
}

impl<'f> Unit<'f> {
    /// `DW_AT_language` of the unit's root.
    pub fn language(&self) -> Option<DwLang> {
        let root = self.unit.entry(self.unit.header.root_offset()).ok()?;
        match root.attr_value(constants::DW_AT_language)? {
            AttributeValue::Language(language) => Some(language),
            _ => None,
        }
    }
}

/// The debug information of one module. Units are parsed when asked for, and
/// kept.
pub struct Debug<'f> {
    dwarf: gimli::Dwarf<Reader<'f>>,
    info: Info<'f>,
    units: FrozenMap<usize, Box<Unit<'f>>>,
    aranges: OnceLock<UnitRanges>,
    roots: OnceLock<UnitRanges>,
}

/// The sections that are read, besides `.debug_info`, which [`Info`] reads.
const SECTIONS: &[SectionId] = &[
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
];

impl<'f> Debug<'f> {
    /// Opens the debug information in `image`, inflating what is compressed,
    /// but for `.debug_info`: of that, what is needed. `None`: it has none.
    pub(super) fn open(image: &Image<'f>, store: &'f FileStore, limits: &Limits) -> Option<Self> {
        let info = image.packed(SectionId::DebugInfo.name())?;
        if info.bytes.is_empty() {
            return None;
        }
        let packed: Vec<(SectionId, Packed<'f>)> =
            SECTIONS.iter().filter_map(|id| Some((*id, image.packed(id.name())?))).collect();
        let (compressed, plain): (Vec<_>, Vec<_>) =
            packed.into_iter().partition(|(_, packed)| packed.is_compressed());
        let inflated = spread(&compressed, |(_, packed)| packed.whole(store, limits));
        let info = Info::open(info, store, limits)?;
        let section = |id: SectionId| -> Result<Reader<'f>, gimli::Error> {
            let plain = plain.iter().find(|(found, _)| *found == id);
            let bytes = match (id, plain) {
                (SectionId::DebugInfo, _) => info.whole().unwrap_or_default(),
                (_, Some((_, packed))) => packed.bytes,
                _ => {
                    let index = compressed.iter().position(|(found, _)| *found == id);
                    let bytes = index.and_then(|index| inflated.get(index).copied().flatten());
                    bytes.unwrap_or_default()
                }
            };
            Ok(EndianSlice::new(bytes, RunTimeEndian::Little))
        };
        let dwarf = gimli::Dwarf::load(section).ok()?;
        Some(Self {
            dwarf,
            info,
            units: FrozenMap::new(),
            aranges: OnceLock::new(),
            roots: OnceLock::new(),
        })
    }

    /// The sections. `.debug_info` is there only if it is not compressed: ask
    /// for its units by [`Debug::unit_at`], [`Debug::unit`] and
    /// [`Debug::unit_containing`] instead, which also keep what they parsed.
    pub fn dwarf(&self) -> &gimli::Dwarf<Reader<'f>> {
        &self.dwarf
    }

    /// The unit whose code contains `at`. Looks into `.debug_aranges` first,
    /// then into the roots of all units, since that table may be incomplete
    /// (rustc) or missing (clang).
    pub fn unit_at(&self, at: LinkAddr) -> Option<&Unit<'f>> {
        self.units_at(at).next()
    }

    /// All units that claim the code at `at`, the likeliest first: those from
    /// `.debug_aranges`, then those from the units' roots.
    pub(super) fn units_at(&self, at: LinkAddr) -> impl Iterator<Item = &Unit<'f>> {
        let aranges = self.aranges.get_or_init(|| UnitRanges::from_aranges(&self.dwarf));
        let by_roots = move || {
            let roots = self.roots.get_or_init(|| UnitRanges::from_roots(&self.dwarf, &self.info));
            roots.containing(at)
        };
        aranges
            .containing(at)
            .chain(std::iter::once_with(by_roots).flatten())
            .filter_map(|offset| self.unit(offset))
    }

    /// The unit whose header begins at `offset`.
    pub fn unit(&self, offset: DebugInfoOffset) -> Option<&Unit<'f>> {
        if let Some(unit) = self.units.get(&offset.0) {
            return Some(unit);
        }
        let header = self.info.header_to_read(offset)?;
        let unit = gimli::Unit::new(&self.dwarf, header).ok()?;
        let unit = Unit { unit, offset, functions: OnceLock::new(), lines: OnceLock::new() };
        // Of two threads that come here at once, the first one's unit stays.
        Some(self.units.insert(offset.0, Box::new(unit)))
    }

    /// The unit that contains the entry at `offset`, and the entry's place in
    /// it: what a `DW_FORM_ref_addr` points to.
    pub fn unit_containing(&self, offset: DebugInfoOffset) -> Option<(&Unit<'f>, UnitOffset)> {
        let unit = self.unit(self.info.unit_start(offset)?)?;
        let entry = UnitSectionOffset(offset.0).to_unit_offset(&unit.unit.header)?;
        Some((unit, entry))
    }
}
