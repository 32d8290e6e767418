//! The debug information of one module, read unit by unit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use elsa::sync::FrozenMap;
use gimli::{
    AttributeValue, DebugInfoOffset, DebugTypeSignature, DwLang, EndianSlice, RunTimeEndian,
    Section, SectionId, UnitOffset, UnitSectionOffset, constants,
};

use crate::base::addr::LinkAddr;
use crate::base::data_model::ByteOrder;
use crate::base::file_store::FileStore;
use crate::base::limits::Limits;
use crate::symbols::aranges::Aranges;
use crate::symbols::info::Info;
use crate::symbols::inlined::FunctionIndex;
use crate::symbols::lines::Lines;
use crate::symbols::name_index::{NameIndex, UnitId};
use crate::symbols::name_scan::What;
use crate::symbols::object::Image;
use crate::symbols::packed::Packed;
use crate::symbols::type_units::{TypeUnit, TypeUnits};
use crate::symbols::units::{self, RootRanges};
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
    names: OnceLock<NameIndex>,
}

impl<'f> Unit<'f> {
    fn new(unit: gimli::Unit<Reader<'f>>, offset: DebugInfoOffset) -> Self {
        Self {
            unit,
            offset,
            functions: OnceLock::new(),
            lines: OnceLock::new(),
            names: OnceLock::new(),
        }
    }

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
    supplement: Option<Box<Debug<'f>>>,
    sections: Sections<'f>,
    dwarf: gimli::Dwarf<Reader<'f>>,
    info: Info<'f>,
    units: FrozenMap<usize, Box<Unit<'f>>>,
    aranges: Aranges,
    /// Of the units that have no set in `.debug_aranges`.
    roots: OnceLock<RootRanges>,
    /// Of the others.
    others: OnceLock<RootRanges>,
    searches: AtomicUsize,
    type_units: OnceLock<TypeUnits>,
    /// Those of `.debug_types`, by the offset of their headers.
    types: FrozenMap<usize, Box<Unit<'f>>>,
    names: OnceLock<NameIndex>,
    inner_names: OnceLock<NameIndex>,
}

/// How many addresses are searched for one by one before an index is made.
const MOST_SEARCHES: usize = 4;

/// Work that opening debug information shares out among threads.
enum Job<'f> {
    /// Inflates a section.
    Section(SectionId, Packed<'f>),
    /// Inflates `.debug_info` up to the end of this unit.
    Unit(DebugInfoOffset),
}

/// The bytes of sections, inflated.
#[derive(Debug, Default)]
struct Sections<'f> {
    order: ByteOrder,
    found: Vec<(SectionId, &'f [u8])>,
    damaged: Vec<SectionId>,
}

impl<'f> Sections<'f> {
    /// Adds a section. Without bytes it is damaged.
    fn add(&mut self, id: SectionId, bytes: Option<&'f [u8]>) {
        match bytes {
            Some(bytes) => self.found.push((id, bytes)),
            None => self.damaged.push(id),
        }
    }

    fn bytes(&self, id: SectionId) -> &'f [u8] {
        let found = self.found.iter().find(|(found, _)| *found == id);
        found.map(|(_, bytes)| *bytes).unwrap_or_default()
    }

    fn reader(&self, id: SectionId) -> gimli::Result<Reader<'f>> {
        Ok(EndianSlice::new(self.bytes(id), self.order.of_dwarf()))
    }
}

/// The sections that are read, besides `.debug_aranges`, which comes first, and
/// `.debug_info`, which [`Info`] reads.
const SECTIONS: &[SectionId] = &[
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
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
    /// but for `.debug_info`: of that, what is needed. `supplement` is the
    /// file of shared pieces that `.gnu_debugaltlink` names. `None`: there is
    /// no debug information, or it is damaged.
    ///
    /// `first` is an address that will be asked for. Its unit is inflated
    /// while the other sections are.
    pub(super) fn open(
        image: &Image<'f>,
        supplement: Option<Self>,
        first: Option<LinkAddr>,
        store: &'f FileStore,
        limits: &Limits,
    ) -> Option<Self> {
        let info = image.packed(SectionId::DebugInfo.name())?;
        if info.bytes.is_empty() {
            return None;
        }
        let info = Info::open(info, image.arch().order, store, limits)?;
        let mut sections = Sections { order: image.arch().order, ..Sections::default() };
        if let Some(aranges) = image.packed(SectionId::DebugAranges.name()) {
            sections.add(SectionId::DebugAranges, aranges.whole(store, limits));
        }
        let aranges = Aranges::new(sections.bytes(SectionId::DebugAranges), image.arch().model());
        let first = first.and_then(|at| aranges.containing(at).first().copied());

        let packed = |id: &SectionId| Some((*id, image.packed(id.name())?));
        let (compressed, plain): (Vec<_>, Vec<_>) =
            SECTIONS.iter().filter_map(packed).partition(|(_, packed)| packed.is_compressed());
        for (id, packed) in plain {
            sections.add(id, Some(packed.bytes));
        }
        let jobs: Vec<_> = first
            .map(Job::Unit)
            .into_iter()
            .chain(compressed.into_iter().map(|(id, packed)| Job::Section(id, packed)))
            .collect();
        let done = spread(&jobs, |job| match job {
            Job::Section(id, packed) => Some((*id, packed.whole(store, limits))),
            Job::Unit(offset) => {
                // It stays inflated; who asks for it later reports damage.
                let _header = info.header(*offset);
                None
            }
        });
        for (id, bytes) in done.into_iter().flatten() {
            sections.add(id, bytes);
        }
        if let Some(bytes) = info.whole() {
            sections.add(SectionId::DebugInfo, Some(bytes));
        }

        let mut dwarf = gimli::Dwarf::load(|id| sections.reader(id)).ok()?;
        if let Some(supplement) = &supplement {
            dwarf.set_sup(gimli::Dwarf::load(|id| supplement.sections.reader(id)).ok()?);
        }
        Some(Self {
            supplement: supplement.map(Box::new),
            sections,
            dwarf,
            info,
            units: FrozenMap::new(),
            aranges,
            roots: OnceLock::new(),
            others: OnceLock::new(),
            searches: AtomicUsize::new(0),
            type_units: OnceLock::new(),
            types: FrozenMap::new(),
            names: OnceLock::new(),
            inner_names: OnceLock::new(),
        })
    }

    /// The file of pieces that several debug files share, made by `dwz`: what
    /// `DW_FORM_GNU_ref_alt` and `DW_FORM_ref_sup4` refer to.
    pub fn supplement(&self) -> Option<&Self> {
        self.supplement.as_deref()
    }

    /// Sections of debug information that could not be inflated.
    pub(super) fn damaged(&self) -> &[SectionId] {
        &self.sections.damaged
    }

    /// The byte order of the module.
    pub(super) fn order(&self) -> ByteOrder {
        self.sections.order
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

    /// All units that claim the code at `at`, the likeliest first.
    pub(super) fn units_at(&self, at: LinkAddr) -> impl Iterator<Item = &Unit<'f>> {
        let from_aranges = self.aranges.containing(at).into_iter();
        from_aranges
            .chain(std::iter::once_with(move || self.by_roots(at)).flatten())
            .chain(std::iter::once_with(move || self.by_other_roots(at)).flatten())
            .filter_map(|offset| self.unit(offset))
    }

    /// By the roots of the units that `.debug_aranges` leaves out.
    fn by_roots(&self, at: LinkAddr) -> Vec<DebugInfoOffset> {
        let roots = self.roots.get_or_init(|| {
            let (_, without) = self.split_units();
            RootRanges::new(&self.dwarf, &self.info, &without)
        });
        roots.containing(at)
    }

    /// By the roots of the units that it has: a set may lack functions. There
    /// are many, and every stack has an address or two that are in no unit, so
    /// they are only sorted when that does not help.
    fn by_other_roots(&self, at: LinkAddr) -> Vec<DebugInfoOffset> {
        if self.searches.fetch_add(1, Ordering::Relaxed) < MOST_SEARCHES {
            let (with, _) = self.split_units();
            return units::search(&self.dwarf, &self.info, &with, at).into_iter().collect();
        }
        let others = self.others.get_or_init(|| {
            let (with, _) = self.split_units();
            RootRanges::new(&self.dwarf, &self.info, &with)
        });
        others.containing(at)
    }

    /// The units that have a set in `.debug_aranges`, and those without.
    fn split_units(&self) -> (Vec<DebugInfoOffset>, Vec<DebugInfoOffset>) {
        let mut with = self.aranges.units().to_vec();
        with.sort_unstable();
        self.info.starts().into_iter().partition(|unit| with.binary_search(unit).is_ok())
    }

    /// All units, in the order of the file.
    pub fn units(&self) -> impl Iterator<Item = &Unit<'f>> {
        self.info.starts().into_iter().filter_map(|start| self.unit(start))
    }

    /// The unit whose header begins at `offset`.
    pub fn unit(&self, offset: DebugInfoOffset) -> Option<&Unit<'f>> {
        if let Some(unit) = self.units.get(&offset.0) {
            return Some(unit);
        }
        let header = self.info.header_to_read(offset)?;
        let unit = gimli::Unit::new(&self.dwarf, header).ok()?;
        let unit = Unit::new(unit, offset);
        // Of two threads that come here at once, the first one's unit stays.
        Some(self.units.insert(offset.0, Box::new(unit)))
    }

    /// Where the unit begins that contains an offset.
    pub(super) fn unit_start(&self, offset: DebugInfoOffset) -> Option<DebugInfoOffset> {
        self.info.unit_start(offset)
    }

    /// The unit that contains the entry at `offset`, and the entry's place in
    /// it: what a `DW_FORM_ref_addr` points to.
    pub fn unit_containing(&self, offset: DebugInfoOffset) -> Option<(&Unit<'f>, UnitOffset)> {
        let unit = self.unit(self.info.unit_start(offset)?)?;
        let entry = UnitSectionOffset(offset.0).to_unit_offset(&unit.unit.header)?;
        Some((unit, entry))
    }

    /// The unit that defines the type of a signature, and the type's entry in
    /// it.
    pub fn type_unit(&self, signature: DebugTypeSignature) -> Option<(&Unit<'f>, UnitOffset)> {
        let units = self.type_units.get_or_init(|| TypeUnits::new(&self.dwarf, &self.info));
        match units.get(signature)? {
            TypeUnit::Info(offset, entry) => Some((self.unit(offset)?, entry)),
            TypeUnit::Types(offset, entry) => Some((self.unit_of_types(offset)?, entry)),
        }
    }

    fn unit_of_types(&self, offset: usize) -> Option<&Unit<'f>> {
        if let Some(unit) = self.types.get(&offset) {
            return Some(unit);
        }
        let section = self.dwarf.debug_types.reader();
        let bytes = section.slice().get(offset..)?;
        let types = gimli::DebugTypes::new(bytes, self.sections.order.of_dwarf());
        let header = types.units().next().ok()??;
        let unit = gimli::Unit::new(&self.dwarf, header).ok()?;
        let unit = Unit::new(unit, DebugInfoOffset(offset));
        Some(self.types.insert(offset, Box::new(unit)))
    }

    /// The name of the type that lives in a unit of its own: what stands for it
    /// elsewhere may have none.
    pub(super) fn type_name(&self, signature: DebugTypeSignature) -> Option<Reader<'f>> {
        let (unit, entry) = self.type_unit(signature)?;
        let entry = unit.unit.entry(entry).ok()?;
        self.dwarf.attr_string(&unit.unit, entry.attr_value(constants::DW_AT_name)?).ok()
    }

    /// The names of all units. Made on first use, which takes a while.
    pub(super) fn names(&self) -> &NameIndex {
        self.names.get_or_init(|| NameIndex::of_module(self, &self.info, What::Outside))
    }

    /// The names within functions of all units.
    pub(super) fn inner_names(&self) -> &NameIndex {
        self.inner_names.get_or_init(|| NameIndex::of_module(self, &self.info, What::Inside))
    }

    /// The names of one unit.
    pub(super) fn names_of<'u>(&self, unit: &'u Unit<'f>) -> &'u NameIndex {
        let id = match unit.unit.header.section() {
            SectionId::DebugTypes => UnitId::Types(unit.offset.0),
            _ => UnitId::Info(unit.offset),
        };
        unit.names.get_or_init(|| NameIndex::of_unit(self, id, unit.unit.header))
    }

    /// The unit that an index means.
    pub(super) fn unit_by_id(&self, id: UnitId) -> Option<&Unit<'f>> {
        match id {
            UnitId::Info(offset) => self.unit(offset),
            UnitId::Types(offset) => self.unit_of_types(offset),
        }
    }
}
