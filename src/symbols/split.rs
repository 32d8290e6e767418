//! Split debug information (`-gsplit-dwarf`): a skeleton in the program, and
//! everything but lines and addresses in a `.dwo` file, or in a package of them.
//!
//! Source: DWARF 5, section 7.3.2; for DWARF 4, GNU's "Debug Fission".

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use elsa::sync::FrozenMap;
use gimli::{
    DebugAddrBase, DebugInfoOffset, DebugRngListsBase, DebugTypeSignature, DwoId, EndianSlice,
    RunTimeEndian, Section as _, SectionId, UnitHeader, UnitType,
};

use crate::base::gap::Gap;
use crate::symbols::dwarf::Reader;
use crate::symbols::fetch::{Fetch, Opened};
use crate::symbols::info::Info;
use crate::symbols::object::Image;
use crate::symbols::package::{Package, Pieces};
use crate::symbols::packed::Packed;
use crate::symbols::plan;
use crate::symbols::type_units::{TypeUnit, TypeUnits};
use crate::symbols::unit::{SplitHome, Unit, UnitId};

/// The sections of a split file, besides `.debug_info.dwo`.
const SECTIONS: &[SectionId] = &[
    SectionId::DebugAbbrev,
    SectionId::DebugLine,
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
];

/// How many units of one `.dwo` file are looked at for the wanted one; all but
/// one are of types.
const MOST_UNITS: usize = 100_000;

/// How many places are named in a gap.
const MOST_NAMED: usize = 2;

/// Finds the split files of one module, each once.
pub(super) struct SplitFiles<'f> {
    fetch: Arc<Fetch<'f>>,
    /// The module's file and its debug file, as far as they are used.
    near: Vec<PathBuf>,
    /// The package, or what is wrong with it.
    package: OnceLock<Option<(PathBuf, Result<Package<'f>, String>)>>,
    found: FrozenMap<SplitHome, Box<Split<'f>>>,
}

/// The outcome of the search for a split unit.
pub(super) enum Split<'f> {
    /// Found, and it has the skeleton's id.
    Found(Box<SplitFile<'f>>),
    /// Not found, or not sound.
    Missing(Gap),
}

/// A `.dwo` file, or one unit's pieces of a package.
pub(super) struct SplitFile<'f> {
    dwarf: Arc<gimli::Dwarf<Reader<'f>>>,
    order: RunTimeEndian,
    info: Info<'f>,
    size: u64,
    bases: Option<Bases>,
    main: Option<DebugInfoOffset>,
    types: OnceLock<TypeUnits>,
}

/// What only the skeleton knows, since the linker relocates it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bases {
    low_pc: u64,
    addresses: DebugAddrBase,
    ranges: DebugRngListsBase,
}

impl Bases {
    fn of(skeleton: &gimli::Unit<Reader<'_>>) -> Self {
        Self {
            low_pc: skeleton.low_pc,
            addresses: skeleton.addr_base,
            ranges: skeleton.rnglists_base,
        }
    }

    /// Gives them to a unit of the split file.
    pub(super) fn apply(self, unit: &mut gimli::Unit<Reader<'_>>) {
        unit.low_pc = self.low_pc;
        unit.addr_base = self.addresses;
        // In DWARF 4, ranges are in the program; later, in the split file.
        if unit.header.version() < 5 {
            unit.rnglists_base = self.ranges;
        }
    }
}

impl<'f> SplitFiles<'f> {
    /// For the module whose file and debug file are `near`.
    pub(super) fn new(fetch: &Arc<Fetch<'f>>, near: Vec<PathBuf>) -> Self {
        let fetch = Arc::clone(fetch);
        Self { fetch, near, package: OnceLock::new(), found: FrozenMap::new() }
    }

    /// The split file of a skeleton.
    pub(super) fn of_skeleton(&self, skeleton: &Unit<'f>) -> &Split<'f> {
        let Some((offset, id)) = skeleton.skeleton() else {
            // Nobody asks this of other units; there is no file to name.
            return self.missing(SplitHome::Type(0), &[], Vec::new(), "it is no skeleton");
        };
        let home = SplitHome::Unit(offset);
        match self.found.get(&home) {
            Some(known) => known,
            None => self.search(home, skeleton, id),
        }
    }

    /// The part of the package that has the type of a signature.
    pub(super) fn of_type(
        &self,
        signature: u64,
        parent: &Arc<gimli::Dwarf<Reader<'f>>>,
    ) -> Option<&SplitFile<'f>> {
        let home = SplitHome::Type(signature);
        let split = match self.found.get(&home) {
            Some(known) => known,
            None => {
                let (_, package) = self.package()?;
                let pieces = package.as_ref().ok()?.type_unit(signature)?.ok()?;
                let file = SplitFile::of_pieces(&pieces, &self.fetch, parent, None).ok()?;
                // The index is not trusted: the unit says which type it has.
                file.type_of(DebugTypeSignature(signature))?;
                self.found.insert(home, Box::new(Split::Found(Box::new(file))))
            }
        };
        match split {
            Split::Found(file) => Some(&**file),
            Split::Missing(_) => None,
        }
    }

    /// The signatures of the types in the package.
    pub(super) fn packed_types(&self) -> Vec<u64> {
        let package = self.package().and_then(|(_, package)| package.as_ref().ok());
        package.map(Package::types).unwrap_or_default()
    }

    fn search(&self, home: SplitHome, skeleton: &Unit<'f>, id: DwoId) -> &Split<'f> {
        let text = |value| skeleton.dwarf().attr_string(&skeleton.unit, value).ok();
        let name = skeleton.unit.dwo_name().ok().flatten().and_then(text);
        let Some(name) = name.map(|name| name.to_string_lossy().into_owned()) else {
            return self.missing(home, &[], Vec::new(), "its skeleton names no file");
        };
        let directory = skeleton.unit.comp_dir.map(|path| path.to_string_lossy().into_owned());
        let bases = Bases::of(&skeleton.unit);
        let parent = skeleton.dwarf();
        let mut troubles = Vec::new();
        if let Some((path, package)) = self.package() {
            let found = match package {
                Ok(package) => package.unit(id.0).map(|pieces| {
                    let pieces = pieces.map_err(|why| match package.is_too_large() {
                        true => format!("{why}: it is larger than 4 GiB"),
                        false => why,
                    })?;
                    let file = SplitFile::of_pieces(&pieces, &self.fetch, parent, Some(bases))?;
                    file.with_unit(id)
                        .ok_or_else(|| match package.is_too_large() {
                            true => "its index leads to another unit: it is larger than 4 GiB",
                            false => "its index leads to another unit",
                        })
                        .map_err(str::to_owned)
                }),
                Err(why) => Some(Err(why.clone())),
            };
            match found {
                Some(Ok(file)) => {
                    return self.found.insert(home, Box::new(Split::Found(Box::new(file))));
                }
                Some(Err(why)) => troubles.push(format!("{}: {why}", path.display())),
                None => troubles.push(format!("{} does not have it", path.display())),
            }
        }
        let places =
            plan::split_files(&name, directory.as_deref(), &self.near, &self.fetch.options);
        for place in &places {
            let image = match self.fetch.opened(place) {
                Opened::Image(image) => image,
                Opened::Absent => continue,
                Opened::Unfit(why) => {
                    troubles.push(format!("{}: {why}", place.display()));
                    continue;
                }
            };
            let file = SplitFile::of_image(&image, &self.fetch, parent, bases);
            match file.map(|file| file.with_unit(id)) {
                Ok(Some(file)) => {
                    return self.found.insert(home, Box::new(Split::Found(Box::new(file))));
                }
                Ok(None) => troubles.push(format!("{} is of another build", place.display())),
                Err(why) => troubles.push(format!("{}: {why}", place.display())),
            }
        }
        self.missing(home, &places, troubles, &name)
    }

    fn missing(
        &self,
        home: SplitHome,
        places: &[PathBuf],
        troubles: Vec<String>,
        name: &str,
    ) -> &Split<'f> {
        let module = self.near.first().and_then(|path| path.file_name());
        let module = module.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut why = format!("they are in the split file {name} (-gsplit-dwarf), which ");
        if troubles.is_empty() {
            let named: Vec<String> =
                places.iter().take(MOST_NAMED).map(|path| path.display().to_string()).collect();
            why.push_str(&format!("is neither at {} nor in {module}.dwp", named.join(" nor at ")));
        } else {
            why.push_str(&format!("is not used: {}", troubles.join("; ")));
        }
        let place = places.first().map_or_else(|| name.to_owned(), |at| at.display().to_string());
        let gap = Gap {
            missing: format!("inlined calls and variables of {module} in the unit of {name}"),
            why,
            hint: Some(format!(
                "where {module} was built, run `dwp -e {module}`, and put {module}.dwp beside the \
                 program; or copy {place} from there, beside the program or to a --debug-dir"
            )),
        };
        self.found.insert(home, Box::new(Split::Missing(gap)))
    }

    fn package(&self) -> Option<&(PathBuf, Result<Package<'f>, String>)> {
        let open = || {
            plan::packages(&self.near, &self.fetch.options).into_iter().find_map(|path| {
                let package = match self.fetch.opened(&path) {
                    Opened::Absent => return None,
                    Opened::Unfit(why) => Err(why),
                    Opened::Image(image) => {
                        Package::open(image, self.fetch.store, &self.fetch.limits)
                            .ok_or_else(|| "it has no index that is sound".to_owned())
                    }
                };
                Some((path, package))
            })
        };
        self.package.get_or_init(open).as_ref()
    }

    /// The package that is used, if one was asked for.
    pub(super) fn package_in_use(&self) -> Option<&Path> {
        match self.package.get()?.as_ref()? {
            (path, Ok(_)) => Some(path),
            _ => None,
        }
    }
}

/// A section of a `.dwo` file. Compilers put each type into a section of its
/// own, and no linker joins them.
fn whole<'f>(image: &Image<'f>, name: &str, fetch: &Fetch<'f>) -> Result<Option<&'f [u8]>, String> {
    let mut parts = Vec::new();
    for packed in image.all_packed(name).take(MOST_UNITS) {
        let bytes = packed.and_then(|packed| match packed.is_compressed() {
            true => packed.whole(fetch.store, &fetch.limits),
            false => Some(packed.bytes),
        });
        parts.push(bytes.ok_or_else(|| format!("its {name} cannot be inflated"))?);
    }
    Ok(match parts.as_slice() {
        [] => None,
        [only] => Some(only),
        parts => Some(fetch.store.keep(parts.concat())),
    })
}

impl<'f> SplitFile<'f> {
    fn of_image(
        image: &Image<'f>,
        fetch: &Fetch<'f>,
        parent: &gimli::Dwarf<Reader<'f>>,
        bases: Bases,
    ) -> Result<Self, String> {
        let whole = |id: SectionId| whole(image, id.dwo_name()?, fetch).transpose();
        let info = whole(SectionId::DebugInfo).ok_or("it has no .debug_info.dwo")??;
        let mut found = Vec::new();
        for id in SECTIONS {
            if let Some(bytes) = whole(*id) {
                found.push((*id, bytes?));
            }
        }
        Self::new(Packed::plain(info), &found, fetch, parent, Some(bases))
    }

    fn of_pieces(
        pieces: &Pieces<'f>,
        fetch: &Fetch<'f>,
        parent: &gimli::Dwarf<Reader<'f>>,
        bases: Option<Bases>,
    ) -> Result<Self, String> {
        let info = Packed::plain(pieces.get(SectionId::DebugInfo).unwrap_or_default());
        let found: Vec<_> =
            SECTIONS.iter().filter_map(|id| Some((*id, pieces.get(*id)?))).collect();
        Self::new(info, &found, fetch, parent, bases)
    }

    fn new(
        info: Packed<'f>,
        sections: &[(SectionId, &'f [u8])],
        fetch: &Fetch<'f>,
        parent: &gimli::Dwarf<Reader<'f>>,
        bases: Option<Bases>,
    ) -> Result<Self, String> {
        let damaged = || "its .debug_info.dwo cannot be inflated".to_owned();
        let size = info.expanded_size(&fetch.limits).ok_or_else(damaged)?;
        let order = fetch.arch.order;
        let info = Info::open(info, order, fetch.store, &fetch.limits).ok_or_else(damaged)?;
        let reader = |id| {
            let bytes = match id {
                SectionId::DebugInfo => info.whole(),
                _ => sections.iter().find(|(found, _)| *found == id).map(|(_, bytes)| *bytes),
            };
            Ok(EndianSlice::new(bytes.unwrap_or_default(), order.of_dwarf()))
        };
        let mut dwarf =
            gimli::Dwarf::load(reader).map_err(|error: gimli::Error| error.to_string())?;
        dwarf.make_dwo(parent);
        Ok(Self {
            dwarf: Arc::new(dwarf),
            order: order.of_dwarf(),
            info,
            size: u64::try_from(size).unwrap_or(u64::MAX),
            bases,
            main: None,
            types: OnceLock::new(),
        })
    }

    /// The same, if it has the unit with this id.
    fn with_unit(mut self, id: DwoId) -> Option<Self> {
        let starts = self.info.starts();
        self.main = starts.into_iter().take(MOST_UNITS).find(|start| {
            let Some(header) = self.info.header(*start) else { return false };
            match header.type_() {
                UnitType::SplitCompilation(found) => found == id,
                // In DWARF 4, only the root has the id.
                UnitType::Compilation => {
                    let unit = gimli::Unit::new(&self.dwarf, header);
                    unit.is_ok_and(|unit| unit.dwo_id == Some(id))
                }
                _ => false,
            }
        });
        self.main.is_some().then_some(self)
    }

    /// Where the split unit itself begins.
    pub(super) fn main(&self) -> Option<DebugInfoOffset> {
        self.main
    }

    /// Its `.debug_info.dwo`.
    pub(super) fn info(&self) -> &Info<'f> {
        &self.info
    }

    /// Its sections.
    pub(super) fn dwarf(&self) -> &Arc<gimli::Dwarf<Reader<'f>>> {
        &self.dwarf
    }

    /// What its skeleton knows, if it has one.
    pub(super) fn bases(&self) -> Option<Bases> {
        self.bases
    }

    /// Bytes of `.debug_info.dwo`.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The unit in it that defines a type.
    pub(super) fn type_of(&self, signature: DebugTypeSignature) -> Option<TypeUnit> {
        self.types.get_or_init(|| TypeUnits::new(&self.dwarf, &self.info)).get(signature)
    }

    /// Parses one of its units.
    pub(super) fn unit(&self, offset: DebugInfoOffset, id: UnitId) -> Option<Unit<'f>> {
        self.parsed(self.info.header(offset)?, id)
    }

    /// Parses one of the units of its `.debug_types.dwo`.
    pub(super) fn type_unit(&self, offset: usize, id: UnitId) -> Option<Unit<'f>> {
        let bytes = self.dwarf.debug_types.reader().slice().get(offset..)?;
        let types = gimli::DebugTypes::new(bytes, self.order);
        self.parsed(types.units().next().ok()??, id)
    }

    fn parsed(&self, header: UnitHeader<Reader<'f>>, id: UnitId) -> Option<Unit<'f>> {
        let mut unit = gimli::Unit::new(&self.dwarf, header).ok()?;
        if let Some(bases) = self.bases {
            bases.apply(&mut unit);
        }
        Some(Unit::new(unit, id, &self.dwarf))
    }
}
