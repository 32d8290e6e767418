//! Types and variables of a module by name, and variables by address.
//!
//! Made when somebody asks for a name that is not in the unit at hand. Keeps a
//! hash and a place of each name, no text. `.debug_names`, `.gdb_index` and
//! `.debug_pubtypes` are not used: compilers and linkers leave types out of
//! them (units without `-gpubnames`, types in type units, static variables of
//! classes), and an absent name would be taken for one that is not there.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gimli::{DebugInfoOffset, UnitHeader, UnitOffset};
use rustc_hash::FxHashMap;

use crate::symbols::dwarf::{Debug, Reader, Unit, UnitId};
use crate::symbols::info::Info;
use crate::symbols::name_items::{Completion, Imports, Item, Keys, Kind, Names};
use crate::symbols::name_keys::Key;
use crate::symbols::name_scan::{What, scan};
use crate::symbols::name_unit::UnitSource;
use crate::symbols::workers::spread;

/// Units that one worker takes at a time.
const BATCH: usize = 16;

/// How many names of one module are kept: 200 MB of them.
const MOST_NAMES: usize = 8 << 20;

/// The names of some units: all of a module, or one.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    units: Vec<UnitId>,
    /// Sorted.
    items: Vec<Item>,
    /// Address, number of the unit, entry. Sorted.
    places: Vec<(u64, u32, u32)>,
    /// Which unit includes which.
    imports: Vec<(u32, DebugInfoOffset, Imports)>,
}

/// An entry that has the name that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Its unit.
    pub(super) unit: UnitId,
    /// Its offset there.
    pub(super) entry: UnitOffset,
    /// What it is.
    pub(super) kind: Kind,
    /// Whether only its own unit may mean it.
    pub(super) is_private: bool,
}

impl NameIndex {
    /// Reads all units of a module, those in split files too.
    pub(super) fn of_module<'f>(debug: &Debug<'f>, info: &Info<'f>, what: What) -> Self {
        let mut all: Vec<Listed<'_, 'f>> = Vec::new();
        let own = |id| UnitSource { id, dwarf: debug.dwarf(), bases: None };
        all.extend(info.starts().into_iter().map(|start| Listed {
            source: own(UnitId::Info(start)),
            header: Header::At(info, start),
        }));
        all.extend(types(debug.dwarf()).map(|(offset, header)| Listed {
            source: own(UnitId::Types(offset)),
            header: Header::Parsed(header),
        }));
        for home in debug.split_files() {
            let Some(file) = debug.split_file(home) else { continue };
            let of = |id| UnitSource { id, dwarf: file.dwarf(), bases: file.bases() };
            all.extend(file.info().starts().into_iter().map(|start| Listed {
                source: of(UnitId::Split(home, start)),
                header: Header::At(file.info(), start),
            }));
            all.extend(types(file.dwarf()).map(|(offset, header)| Listed {
                source: of(UnitId::SplitTypes(home, offset)),
                header: Header::Parsed(header),
            }));
        }
        let numbered: Vec<_> = (0_usize..).zip(&all).collect();
        let batches: Vec<_> = numbered.chunks(BATCH).collect();
        let scanned = spread(&batches, |batch| {
            let mut found = Building::default();
            for (number, unit) in *batch {
                let header = match &unit.header {
                    Header::At(info, start) => info.header(*start),
                    Header::Parsed(header) => Some(*header),
                };
                let Some(header) = header else { continue };
                let mut names = scan(debug, unit.source, header, what);
                if unit.source.id.is_elsewhere() {
                    // They are found by their offset, but in the other section.
                    names.origins = Vec::new();
                }
                found.add(u32::try_from(*number).unwrap_or(u32::MAX), names);
            }
            // Many units include the same headers.
            found.sort();
            found
        });
        let units = all.iter().map(|unit| unit.source.id).collect();
        let mut all = Building::default();
        for batch in scanned {
            all.append(batch);
        }
        all.finish(units)
    }

    /// Reads one unit.
    pub(super) fn of_unit<'f>(debug: &Debug<'f>, unit: &Unit<'f>) -> Self {
        let mut all = Building::default();
        let bases = unit.id.home().and_then(|home| debug.split_file(home)?.bases());
        let source = UnitSource { id: unit.id, dwarf: unit.dwarf(), bases };
        all.add(0, scan(debug, source, unit.unit.header, What::Outside));
        all.finish(vec![unit.id])
    }

    /// The entries of that name, in their order in the module.
    pub(super) fn named(&self, key: Key) -> impl Iterator<Item = Named> + Clone {
        let start = self.items.partition_point(|item| item.key < key);
        let items = self.items.get(start..).unwrap_or_default().iter();
        items.take_while(move |item| item.key == key).filter_map(|item| {
            let unit = *self.units.get(usize::try_from(item.unit).ok()?)?;
            let entry = UnitOffset(usize::try_from(item.entry).ok()?);
            Some(Named { unit, entry, kind: item.kind, is_private: item.is_private })
        })
    }

    /// All variables, by their units and entries.
    pub(super) fn variables(&self) -> impl Iterator<Item = (UnitId, UnitOffset)> {
        let items = self.items.iter().filter(|item| item.kind == Kind::Variable);
        items.filter_map(|item| {
            let unit = *self.units.get(usize::try_from(item.unit).ok()?)?;
            Some((unit, UnitOffset(usize::try_from(item.entry).ok()?)))
        })
    }

    /// Variables that begin at or before an address of the file, the last ones
    /// first: their addresses and entries.
    pub(super) fn before(&self, at: u64) -> impl Iterator<Item = (u64, UnitId, UnitOffset)> {
        let end = self.places.partition_point(|(start, ..)| *start <= at);
        self.places.get(..end).unwrap_or_default().iter().rev().filter_map(
            |(start, unit, entry)| {
                let unit = *self.units.get(usize::try_from(*unit).ok()?)?;
                Some((*start, unit, UnitOffset(usize::try_from(*entry).ok()?)))
            },
        )
    }

    /// The units that are included by others: of the file of shared pieces, for
    /// a module; of itself, for that file.
    pub(super) fn imports(&self, of: Imports) -> impl Iterator<Item = (UnitId, DebugInfoOffset)> {
        self.imports.iter().filter_map(move |(unit, target, found)| {
            let unit = *self.units.get(usize::try_from(*unit).ok()?)?;
            (*found == of).then_some((unit, *target))
        })
    }
}

/// A unit that is to be read.
struct Listed<'s, 'f> {
    source: UnitSource<'s, 'f>,
    header: Header<'s, 'f>,
}

enum Header<'s, 'f> {
    /// To be parsed by who reads it.
    At(&'s Info<'f>, DebugInfoOffset),
    Parsed(UnitHeader<Reader<'f>>),
}

/// The units of `.debug_types`: offsets and headers.
fn types<'f>(
    dwarf: &gimli::Dwarf<Reader<'f>>,
) -> impl Iterator<Item = (usize, UnitHeader<Reader<'f>>)> {
    let mut headers = dwarf.type_units();
    let all = std::iter::from_fn(move || headers.next().ok().flatten());
    all.filter_map(|header| Some((header.debug_types_offset()?.0, header)))
}

/// An index that is being made.
#[derive(Default)]
struct Building {
    items: Vec<Item>,
    places: Vec<(u64, u32, u32)>,
    origins: Vec<(usize, Keys)>,
    completions: Vec<(u32, Completion)>,
    imports: Vec<(u32, DebugInfoOffset, Imports)>,
}

impl Building {
    fn add(&mut self, unit: u32, names: Names) {
        if self.items.len() >= MOST_NAMES {
            return;
        }
        self.items.extend(names.items.into_iter().map(|item| Item { unit, ..item }));
        self.places.extend(names.places.into_iter().map(|(at, entry)| (at, unit, entry)));
        self.origins.extend(names.origins);
        self.completions.extend(names.completions.into_iter().map(|found| (unit, found)));
        self.imports.extend(names.imports.into_iter().map(|(at, from)| (unit, at, from)));
    }

    fn append(&mut self, other: Self) {
        if self.items.len() >= MOST_NAMES {
            return;
        }
        self.items.extend(other.items);
        self.places.extend(other.places);
        self.origins.extend(other.origins);
        self.completions.extend(other.completions);
        self.imports.extend(other.imports);
    }

    /// Sorts, and keeps one of the types that have one name and the same
    /// members.
    fn sort(&mut self) {
        self.items.sort_unstable();
        self.items.dedup_by(|one, other| {
            let is_type = one.kind != Kind::Variable && !one.is_private && !other.is_private;
            is_type && (one.key, one.kind, one.print) == (other.key, other.kind, other.print)
        });
        // Of variables that the linker merged, one.
        self.places.sort_unstable();
        self.places.dedup_by_key(|(at, ..)| *at);
    }

    fn finish(mut self, units: Vec<UnitId>) -> NameIndex {
        if !self.completions.is_empty() {
            let names: FxHashMap<usize, Keys> = self.origins.drain(..).collect();
            for (unit, completion) in std::mem::take(&mut self.completions) {
                let Some(keys) = names.get(&completion.origin) else { continue };
                let mut items = Vec::new();
                completion.named(*keys, &mut items);
                self.items.extend(items.into_iter().map(|item| Item { unit, ..item }));
            }
        }
        self.sort();
        let Self { mut items, mut places, imports, .. } = self;
        items.shrink_to_fit();
        places.shrink_to_fit();
        NameIndex { units, items, places, imports }
    }
}
