//! The debug information of one module, read unit by unit.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use elsa::sync::FrozenMap;
use gimli::{
    DebugInfoOffset, DebugTypeSignature, EndianSlice, RunTimeEndian, Section, SectionId,
    UnitOffset, UnitSectionOffset, constants,
};

use crate::base::addr::LinkAddr;
use crate::base::data_model::ByteOrder;
use crate::base::file_store::FileStore;
use crate::base::gap::Gap;
use crate::base::limits::Limits;
use crate::symbols::aranges::Aranges;
use crate::symbols::info::Info;
use crate::symbols::name_index::NameIndex;
use crate::symbols::name_scan::What;
use crate::symbols::object::Image;
use crate::symbols::packed::Packed;
use crate::symbols::split::{Split, SplitFile, SplitFiles};
use crate::symbols::type_units::{TypeUnit, TypeUnits};
use crate::symbols::units::{self, RootRanges};
use crate::symbols::workers::spread;

pub use crate::symbols::unit::{SplitHome, Unit, UnitId};

/// How DWARF bytes are read: borrowed from a map or from an inflated section.
pub type Reader<'f> = EndianSlice<'f, RunTimeEndian>;

/// The debug information of one module. Units are parsed when asked for, and
/// kept.
pub struct Debug<'f> {
    /// Of a file of shared pieces.
    path: Option<PathBuf>,
    supplement: Option<Box<Debug<'f>>>,
    sections: Sections<'f>,
    dwarf: Arc<gimli::Dwarf<Reader<'f>>>,
    info: Info<'f>,
    split: Option<SplitFiles<'f>>,
    units: FrozenMap<UnitId, Box<Unit<'f>>>,
    aranges: Aranges,
    /// Of the units that have no set in `.debug_aranges`.
    roots: OnceLock<RootRanges>,
    /// Of the others.
    others: OnceLock<RootRanges>,
    searches: AtomicUsize,
    type_units: OnceLock<TypeUnits>,
    names: OnceLock<NameIndex>,
    inner_names: OnceLock<NameIndex>,
}

/// How many split files of one module are opened.
const MOST_SPLIT_FILES: usize = 20_000;

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
    /// file of shared pieces that `.gnu_debugaltlink` names, `split` finds the
    /// files of split units. `None`: there is no debug information, or it is
    /// damaged.
    ///
    /// `first` is an address that will be asked for. Its unit is inflated
    /// while the other sections are.
    pub(super) fn open(
        image: &Image<'f>,
        supplement: Option<Self>,
        split: Option<SplitFiles<'f>>,
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
            path: None,
            supplement: supplement.map(Box::new),
            sections,
            dwarf: Arc::new(dwarf),
            info,
            split,
            units: FrozenMap::new(),
            aranges,
            roots: OnceLock::new(),
            others: OnceLock::new(),
            searches: AtomicUsize::new(0),
            type_units: OnceLock::new(),
            names: OnceLock::new(),
            inner_names: OnceLock::new(),
        })
    }

    /// The same, which is in this file.
    pub(super) fn at(self, path: Option<PathBuf>) -> Self {
        Self { path, ..self }
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
    /// for its units by [`Debug::unit_at`], [`Debug::unit_by_id`] and
    /// [`Debug::unit_containing`] instead, which also keep what they parsed.
    /// What a unit refers to is in [`Unit::dwarf`].
    pub(super) fn dwarf(&self) -> &Arc<gimli::Dwarf<Reader<'f>>> {
        &self.dwarf
    }

    /// The unit whose code contains `at`; of a skeleton, its split unit if
    /// that is found. Looks into `.debug_aranges` first, then into the roots of
    /// all units, since that table may be incomplete (rustc) or missing (clang).
    pub fn unit_at(&self, at: LinkAddr) -> Option<&Unit<'f>> {
        self.units_at(at).next().map(|unit| self.whole(unit))
    }

    /// All units that claim the code at `at`, the likeliest first. Skeletons
    /// stand for their split units.
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

    /// All units, in the order of the file; for skeletons, their split units as
    /// far as those are found.
    pub fn units(&self) -> impl Iterator<Item = &Unit<'f>> {
        let all = self.info.starts().into_iter().filter_map(|start| self.unit(start));
        all.map(|unit| self.whole(unit))
    }

    /// The unit whose header begins at `offset` of `.debug_info`.
    fn unit(&self, offset: DebugInfoOffset) -> Option<&Unit<'f>> {
        self.unit_by_id(UnitId::Info(offset))
    }

    /// The unit of that name.
    pub fn unit_by_id(&self, id: UnitId) -> Option<&Unit<'f>> {
        if let Some(unit) = self.units.get(&id) {
            return Some(unit);
        }
        let unit = match id {
            UnitId::Info(offset) => {
                let header = self.info.header_to_read(offset)?;
                Unit::new(gimli::Unit::new(&self.dwarf, header).ok()?, id, &self.dwarf)
            }
            UnitId::Types(offset) => {
                let section = self.dwarf.debug_types.reader();
                let bytes = section.slice().get(offset..)?;
                let types = gimli::DebugTypes::new(bytes, self.sections.order.of_dwarf());
                let header = types.units().next().ok()??;
                Unit::new(gimli::Unit::new(&self.dwarf, header).ok()?, id, &self.dwarf)
            }
            UnitId::Split(home, offset) => self.split_file(home)?.unit(offset, id)?,
            UnitId::SplitTypes(home, offset) => self.split_file(home)?.type_unit(offset, id)?,
        };
        // Of two threads that come here at once, the first one's unit stays.
        Some(self.units.insert(id, Box::new(unit)))
    }

    /// How many units were parsed, those in split files too.
    pub(super) fn units_read(&self) -> usize {
        self.units.len()
    }

    /// What a unit stands for: a skeleton for its split unit, if that is
    /// found, any other for itself.
    pub(super) fn whole<'u>(&'u self, unit: &'u Unit<'f>) -> &'u Unit<'f> {
        self.split_of(unit).and_then(Result::ok).unwrap_or(unit)
    }

    /// The split unit of a skeleton, or why there is none. `None`: it is no
    /// skeleton.
    pub(super) fn split_of(&self, unit: &Unit<'f>) -> Option<Result<&Unit<'f>, &Gap>> {
        let (offset, _) = unit.skeleton()?;
        let files = self.split.as_ref()?;
        match files.of_skeleton(unit) {
            Split::Missing(gap) => Some(Err(gap)),
            Split::Found(file) => {
                let id = UnitId::Split(SplitHome::Unit(offset), file.main()?);
                self.unit_by_id(id).map(Ok)
            }
        }
    }

    /// The split file, or the part of a package, of that name.
    pub(super) fn split_file(&self, home: SplitHome) -> Option<&SplitFile<'f>> {
        let files = self.split.as_ref()?;
        match home {
            SplitHome::Unit(offset) => match files.of_skeleton(self.unit(offset)?) {
                Split::Found(file) => Some(&**file),
                Split::Missing(_) => None,
            },
            SplitHome::Type(signature) => files.of_type(signature, &self.dwarf),
        }
    }

    /// The split files of all skeletons, and the parts of a package that hold
    /// types, as far as they are found.
    pub(super) fn split_files(&self) -> Vec<SplitHome> {
        let Some(files) = &self.split else { return Vec::new() };
        let mut found = Vec::new();
        for offset in self.info.starts() {
            let is_skeleton = self.unit(offset).is_some_and(|unit| unit.skeleton().is_some());
            if is_skeleton && self.split_file(SplitHome::Unit(offset)).is_some() {
                found.push(SplitHome::Unit(offset));
            }
            if found.len() >= MOST_SPLIT_FILES {
                break;
            }
        }
        if !found.is_empty() {
            found.extend(files.packed_types().into_iter().map(SplitHome::Type));
        }
        found
    }

    /// How many split units the module has, and what is missing of them.
    pub(super) fn count_split(&self) -> (usize, Vec<Gap>) {
        let mut gaps = Vec::new();
        let mut count = 0_usize;
        for offset in self.info.starts().into_iter().take(MOST_SPLIT_FILES) {
            let Some(unit) = self.unit(offset) else { continue };
            match self.split_of(unit) {
                None => continue,
                Some(Ok(_)) => (),
                Some(Err(gap)) => gaps.push(gap.clone()),
            }
            count = count.saturating_add(1);
        }
        (count, gaps)
    }

    /// The package of split files that is used, if one was asked for.
    pub(super) fn package_in_use(&self) -> Option<&Path> {
        self.split.as_ref()?.package_in_use()
    }

    /// The file of shared pieces.
    pub(super) fn supplement_path(&self) -> Option<&Path> {
        self.supplement.as_ref()?.path.as_deref()
    }

    /// Bytes of `.debug_info.dwo` of all split files.
    pub(super) fn split_size(&self) -> u64 {
        let sizes = self.split_files().into_iter();
        sizes.filter_map(|home| Some(self.split_file(home)?.size())).sum()
    }

    /// Where the unit begins that contains an offset.
    pub(super) fn unit_start(&self, offset: DebugInfoOffset) -> Option<DebugInfoOffset> {
        self.info.unit_start(offset)
    }

    /// The unit that contains the entry at `offset` of `.debug_info`, and the
    /// entry's place in it: what a `DW_FORM_ref_addr` points to.
    pub fn unit_containing(&self, offset: DebugInfoOffset) -> Option<(&Unit<'f>, UnitOffset)> {
        let unit = self.unit(self.info.unit_start(offset)?)?;
        let entry = UnitSectionOffset(offset.0).to_unit_offset(&unit.unit.header)?;
        Some((unit, entry))
    }

    /// The same, for a reference from a unit: within a split file, offsets are
    /// those of that file.
    pub fn unit_containing_from(
        &self,
        from: &Unit<'f>,
        offset: DebugInfoOffset,
    ) -> Option<(&Unit<'f>, UnitOffset)> {
        let Some(home) = from.id.home() else { return self.unit_containing(offset) };
        let start = self.split_file(home)?.info().unit_start(offset)?;
        let unit = self.unit_by_id(UnitId::Split(home, start))?;
        let entry = UnitSectionOffset(offset.0).to_unit_offset(&unit.unit.header)?;
        Some((unit, entry))
    }

    /// The unit that defines the type of a signature, for a reference from a
    /// unit; and the type's entry in it.
    pub fn type_unit(
        &self,
        from: UnitId,
        signature: DebugTypeSignature,
    ) -> Option<(&Unit<'f>, UnitOffset)> {
        let (id, entry) = match from.home() {
            None => {
                let make = || TypeUnits::new(&self.dwarf, &self.info);
                match self.type_units.get_or_init(make).get(signature)? {
                    TypeUnit::Info(offset, entry) => (UnitId::Info(offset), entry),
                    TypeUnit::Types(offset, entry) => (UnitId::Types(offset), entry),
                }
            }
            Some(home) => {
                let beside = self.split_file(home).and_then(|file| file.type_of(signature));
                let (home, found) = match beside {
                    Some(found) => (home, found),
                    None => {
                        let home = SplitHome::Type(signature.0);
                        (home, self.split_file(home)?.type_of(signature)?)
                    }
                };
                match found {
                    TypeUnit::Info(offset, entry) => (UnitId::Split(home, offset), entry),
                    TypeUnit::Types(offset, entry) => (UnitId::SplitTypes(home, offset), entry),
                }
            }
        };
        Some((self.unit_by_id(id)?, entry))
    }

    /// The name of the type that lives in a unit of its own: what stands for it
    /// elsewhere may have none.
    pub(super) fn type_name(
        &self,
        from: UnitId,
        signature: DebugTypeSignature,
    ) -> Option<Reader<'f>> {
        let (unit, entry) = self.type_unit(from, signature)?;
        let entry = unit.unit.entry(entry).ok()?;
        unit.dwarf().attr_string(&unit.unit, entry.attr_value(constants::DW_AT_name)?).ok()
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
        unit.names.get_or_init(|| NameIndex::of_unit(self, unit))
    }
}
