//! Types and variables of the whole process by name.
//!
//! The unit at hand is asked first, then its module, then the others. What is
//! private to a unit (in an anonymous namespace) is found in that unit only.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gimli::constants as dw;
use gimli::{DebugInfoOffset, UnitOffset};
use rustc_hash::FxHashSet;

use crate::base::addr::LinkAddr;
use crate::symbols::Symbols;
use crate::symbols::dwarf::{Debug, Unit, UnitId};
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::module::ModuleSymbols;
use crate::symbols::name_index::{NameIndex, Named};
use crate::symbols::name_items::{Imports, Kind};
use crate::symbols::name_keys::Key;
use crate::symbols::type_names;
use crate::symbols::type_shapes::composite;
use crate::symbols::types::{Dialect, MemberPlace, Types};

/// How many definitions of one name are compared.
const MOST_COMPARED: usize = 16;

/// How many variables of one name are given.
const MOST_VARIABLES: usize = 100;

/// How many variables before an address may be too short to reach it. One can
/// lie at the place of another, empty one.
const MOST_BEFORE: usize = 8;

/// How many variables of a module are asked whether they are thread-local.
const MOST_THREAD_LOCAL: usize = 1 << 20;

/// How many times units of shared pieces may include each other.
const MOST_IMPORTS: usize = 16;

/// The process's names.
#[derive(Clone, Copy)]
pub(super) struct Process<'a, 'f> {
    /// Its modules.
    pub(super) symbols: &'a Symbols<'f>,
    /// Of how many bytes of `.debug_info` an index may be made.
    pub(super) indexed: u64,
}

/// What came of looking for a type.
pub(super) enum Search<'a, 'f> {
    /// All that have this name are alike; this is one of them.
    Found(Entry<'a, 'f>),
    /// None has it, or nobody looked; says why.
    Missing(&'static str),
}

/// Why a type is not known: the usual case, and the others.
pub const ABSENT: &str = "it is defined in no unit with debug information";
const AMBIGUOUS: &str = "several types that differ have this name";
const PRIVATE: &str = "it is private to a unit that does not define it";
const TOO_LARGE: &str = "the debug information is too large to search for its definition";

impl<'a, 'f> Types<'a, 'f> {
    /// The definition of the type with this qualified name, as its language
    /// writes it: `ns::Pair<int>`, `struct conn`. Looked for in the unit of
    /// `near`, then in its module, then in the others. `None` as well when
    /// types that differ have the name.
    pub fn type_named(&self, name: &str, near: Option<Entry<'a, 'f>>) -> Option<Entry<'a, 'f>> {
        if let Some(found) = near.and_then(|near| self.type_in_unit(name, near)) {
            return Some(found);
        }
        let (name, kinds) = without_keyword(name);
        match self.search(Key::of(name), kinds, near) {
            Search::Found(entry) => Some(entry),
            Search::Missing(_) => None,
        }
    }

    /// The definition of the type with this qualified name in the unit of
    /// `near`.
    pub fn type_in_unit(&self, name: &str, near: Entry<'a, 'f>) -> Option<Entry<'a, 'f>> {
        let (name, kinds) = without_keyword(name);
        let index = near.debug.names_of(near.unit);
        let mut all = index.named(Key::of(name)).filter(|found| kinds.contains(&found.kind));
        entry(near.debug, all.next()?)
    }

    /// Global and static variables with this name, qualified or its last part
    /// only, and a place or value: those of the unit of `near` first. Without
    /// any, the static variables of functions.
    pub fn globals_named(&self, name: &str, near: Option<Entry<'a, 'f>>) -> Vec<Entry<'a, 'f>> {
        let key = Key::of(name);
        let mut found: Vec<Entry<'a, 'f>> = Vec::new();
        let mut add = |debug: &'a Debug<'f>, index: &NameIndex| {
            for named in index.named(key).filter(|named| named.kind == Kind::Variable) {
                if found.len() >= MOST_VARIABLES {
                    break;
                }
                found.extend(entry(debug, named).filter(|entry| !found.contains(entry)));
            }
        };
        if let Some(near) = near {
            add(near.debug, near.debug.names_of(near.unit));
        }
        let small = self.modules(near).filter_map(|(module, is_small)| is_small.then_some(module));
        let opened: Vec<_> = small.filter_map(ModuleSymbols::debug).collect();
        for debug in &opened {
            add(debug, debug.names());
        }
        if found.is_empty() {
            for debug in opened {
                let named = debug.inner_names().named(key).filter(|it| it.kind == Kind::Variable);
                found.extend(named.filter_map(|named| entry(debug, named)).take(MOST_VARIABLES));
            }
        }
        found
    }

    /// Static variables of functions with this name, wherever the functions
    /// are: those of the unit of `near` first.
    pub fn function_statics_named(
        &self,
        name: &str,
        near: Option<Entry<'a, 'f>>,
    ) -> Vec<Entry<'a, 'f>> {
        let key = Key::of(name);
        let mut found = Vec::new();
        let small = self.modules(near).filter_map(|(module, is_small)| is_small.then_some(module));
        for debug in small.filter_map(ModuleSymbols::debug) {
            let named = debug.inner_names().named(key).filter(|it| it.kind == Kind::Variable);
            found.extend(named.filter_map(|named| entry(debug, named)).take(MOST_VARIABLES));
        }
        let is_near =
            |of: &Entry<'a, 'f>| near.is_some_and(|near| std::ptr::eq(near.unit, of.unit));
        found.sort_by_key(|of| !is_near(of));
        found
    }

    /// The types of this name that differ, where that makes
    /// [`Types::type_named`] find none: one of each kind, those of the module
    /// of `near`.
    pub fn rivals_named(&self, name: &str, near: Option<Entry<'a, 'f>>) -> Vec<Entry<'a, 'f>> {
        let (name, kinds) = without_keyword(name);
        let key = Key::of(name);
        for (module, _) in self.modules(near).filter(|(_, is_small)| *is_small) {
            let Some(debug) = module.debug() else { continue };
            let mut rivals: Vec<Entry<'a, 'f>> = Vec::new();
            let all = in_module(debug, key).into_iter().filter(|(_, kind)| kinds.contains(kind));
            for (of, _) in all.take(MOST_COMPARED) {
                if !rivals.iter().any(|known| self.is_alike(*known, of)) {
                    rivals.push(of);
                }
            }
            if !rivals.is_empty() {
                return rivals;
            }
        }
        Vec::new()
    }

    /// All types of this name in the process's modules, in units whose file
    /// `is_wanted`.
    pub fn types_of_units(
        &self,
        name: &str,
        near: Option<Entry<'a, 'f>>,
        is_wanted: &dyn Fn(Entry<'a, 'f>) -> bool,
    ) -> Option<Entry<'a, 'f>> {
        let (name, kinds) = without_keyword(name);
        let key = Key::of(name);
        let small = self.modules(near).filter_map(|(module, is_small)| is_small.then_some(module));
        small.filter_map(ModuleSymbols::debug).find_map(|debug| {
            let mut all = in_module(debug, key).into_iter();
            all.find(|(of, kind)| kinds.contains(kind) && is_wanted(*of)).map(|(of, _)| of)
        })
    }

    /// The global or static variable that covers an address of a module, and
    /// how far into it the address is. `units` are asked first.
    pub fn static_at(
        &self,
        module: &'a ModuleSymbols<'f>,
        at: LinkAddr,
        units: &[&'a Unit<'f>],
    ) -> Option<(Entry<'a, 'f>, u64)> {
        let debug = module.debug()?;
        let covering = |index: &NameIndex| {
            index.before(at.0).take(MOST_BEFORE).find_map(|(start, unit, offset)| {
                let found = entry_at(debug, unit, offset)?;
                let size = self.get(found.attributes()?.type_entry()).size?;
                let into = at.0.checked_sub(start)?;
                (into < size).then_some((found, into))
            })
        };
        let near = units.iter().find_map(|unit| covering(debug.names_of(unit)));
        near.or_else(|| {
            let is_small = self.process.is_some_and(|process| process.is_small(module));
            let all = || covering(debug.names()).or_else(|| covering(debug.inner_names()));
            is_small.then(all).flatten()
        })
    }

    /// The variable that each thread has for itself and that covers an offset
    /// in the module's block of them, and how far into it the offset is.
    pub fn thread_local_at(
        &self,
        module: &'a ModuleSymbols<'f>,
        at: u64,
    ) -> Option<(Entry<'a, 'f>, u64)> {
        let debug = module.debug()?;
        if !self.process.is_some_and(|process| process.is_small(module)) {
            return None;
        }
        [debug.names(), debug.inner_names()].into_iter().find_map(|index| {
            index.variables().take(MOST_THREAD_LOCAL).find_map(|(unit, offset)| {
                let found = entry_at(debug, unit, offset)?;
                let attributes = found.attributes()?;
                let start = thread_offset(&attributes)?;
                let into = at.checked_sub(start)?;
                let size = self.get(attributes.type_entry()).size?;
                (into < size).then_some((found, into))
            })
        })
    }

    /// The definition of a type that is only declared.
    pub(super) fn completion(&self, declared: &Attributes<'a, 'f>) -> Search<'a, 'f> {
        let near = declared.entry;
        let containers = self.containers(near);
        let path = match self.dialect(near) {
            Dialect::C | Dialect::Go | Dialect::D => Vec::new(),
            _ => containers.path(near.offset),
        };
        let Some(name) = declared.text(dw::DW_AT_name) else {
            return Search::Missing(ABSENT);
        };
        if path.iter().any(Option::is_none) {
            return Search::Missing(PRIVATE);
        }
        let scope = path.iter().flatten().fold(Key::default(), |key, part| key.inner(part));
        self.search(scope.inner(name.as_bytes()), &[Kind::Tagged], Some(near))
    }

    /// Looks through whole modules.
    fn search(&self, key: Key, kinds: &[Kind], near: Option<Entry<'a, 'f>>) -> Search<'a, 'f> {
        let mut why = ABSENT;
        for (module, is_small) in self.modules(near) {
            if !is_small {
                why = TOO_LARGE;
                continue;
            }
            let Some(debug) = module.debug() else { continue };
            let found = in_module(debug, key);
            // A name for a type and the type itself are as good as one.
            let Some(kind) = kinds.iter().find(|kind| found.iter().any(|of| of.1 == **kind)) else {
                continue;
            };
            let mut same = found.iter().filter(|(_, found)| found == kind).map(|(of, _)| *of);
            let Some(first) = same.next() else { continue };
            let is_one = same.clone().count() < MOST_COMPARED
                && same.all(|other| self.is_alike(first, other));
            return match is_one {
                true => Search::Found(first),
                false => Search::Missing(AMBIGUOUS),
            };
        }
        Search::Missing(why)
    }

    /// The modules to look through, that of `near` first, and whether an index
    /// of each may be made.
    fn modules(
        &self,
        near: Option<Entry<'a, 'f>>,
    ) -> impl Iterator<Item = (&'a ModuleSymbols<'f>, bool)> {
        let process = self.process;
        let all = process.map(|process| process.symbols.modules()).unwrap_or_default();
        let is_near = move |module: &&ModuleSymbols<'f>| {
            near.is_some_and(|near| {
                module.opened_debug().is_some_and(|debug| {
                    let shared = debug.supplement();
                    std::ptr::eq(debug, near.debug)
                        || shared.is_some_and(|shared| std::ptr::eq(shared, near.debug))
                })
            })
        };
        let first = all.iter().find(is_near);
        let others = all
            .iter()
            .filter(move |module| !first.is_some_and(|first| std::ptr::eq(first, *module)));
        // What all of them have counts, in their order.
        let mut left = process.map_or(0, |process| process.indexed);
        let others = others.map(move |module| {
            let size = module.debug_info_size();
            let is_small = size <= left;
            left = if is_small { left.saturating_sub(size) } else { left };
            (module, is_small)
        });
        let first = first
            .map(move |module| (module, process.is_some_and(|process| process.is_small(module))));
        first.into_iter().chain(others)
    }

    /// Whether two types with one name have the same members.
    fn is_alike(&self, one: Entry<'a, 'f>, other: Entry<'a, 'f>) -> bool {
        let (Some(one), Some(other)) = (one.attributes(), other.attributes()) else {
            return false;
        };
        let size = |of: &Attributes<'a, 'f>| of.number(dw::DW_AT_byte_size);
        let target = |of: &Attributes<'a, 'f>| type_names::name(self, of.reference(dw::DW_AT_type));
        if one.tag() != other.tag() {
            // `struct` and `class` are one thing.
            let is_class = |of: &Attributes<'a, 'f>| {
                matches!(of.tag(), dw::DW_TAG_structure_type | dw::DW_TAG_class_type)
            };
            if !is_class(&one) || !is_class(&other) {
                return false;
            }
        }
        size(&one) == size(&other)
            && match one.tag() {
                dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type => {
                    self.members(&one) == self.members(&other)
                }
                dw::DW_TAG_enumeration_type => enumerators(&one) == enumerators(&other),
                dw::DW_TAG_base_type => {
                    one.get(dw::DW_AT_encoding) == other.get(dw::DW_AT_encoding)
                }
                _ => target(&one) == target(&other),
            }
    }

    /// Names, places and types of the members.
    fn members(&self, of: &Attributes<'a, 'f>) -> Vec<(Option<String>, Option<u64>, String)> {
        let members = composite(of).members.into_iter();
        let described = members.map(|member| {
            let at = match member.place {
                MemberPlace::Bytes(at) => at.checked_mul(8),
                MemberPlace::Bits(at, width) => at.checked_add(width),
                MemberPlace::Computed(_) => None,
            };
            (member.name, at, type_names::name(self, member.type_entry))
        });
        described.collect()
    }
}

impl<'f> Process<'_, 'f> {
    /// Whether an index of this module alone may be made.
    fn is_small(&self, module: &ModuleSymbols<'f>) -> bool {
        module.debug_info_size() <= self.indexed
    }
}

/// The entries of that name in a module, and in the pieces that it shares with
/// others and includes.
fn in_module<'a, 'f>(debug: &'a Debug<'f>, key: Key) -> Vec<(Entry<'a, 'f>, Kind)> {
    let all = |debug: &'a Debug<'f>| {
        let found = debug.names().named(key);
        found.filter_map(move |named| Some((entry(debug, named)?, named.kind)))
    };
    let mut found: Vec<_> = all(debug).collect();
    if let Some(shared) = debug.supplement() {
        let included = included(debug, shared);
        found.extend(all(shared).filter(|(entry, _)| is_included(&included, entry.unit)));
    }
    found
}

/// The units of the file of shared pieces that a module includes. The others
/// belong to other programs.
fn included(debug: &Debug<'_>, shared: &Debug<'_>) -> FxHashSet<DebugInfoOffset> {
    let mut found: FxHashSet<_> = debug
        .names()
        .imports(Imports::Shared)
        .filter_map(|(_, at)| shared.unit_start(at))
        .collect();
    let inner: Vec<_> = shared.names().imports(Imports::Own).collect();
    for _ in 0..MOST_IMPORTS {
        let before = found.len();
        for (unit, at) in &inner {
            if let UnitId::Info(unit) = unit
                && found.contains(unit)
            {
                found.extend(shared.unit_start(*at));
            }
        }
        if found.len() == before {
            break;
        }
    }
    found
}

fn is_included(included: &FxHashSet<DebugInfoOffset>, unit: &Unit<'_>) -> bool {
    matches!(unit.id, UnitId::Info(offset) if included.contains(&offset))
}

fn entry<'a, 'f>(debug: &'a Debug<'f>, named: Named) -> Option<Entry<'a, 'f>> {
    entry_at(debug, named.unit, named.entry)
}

/// Where in a block of thread-local variables one begins: its location is a
/// number, and an operation that turns that into an address.
fn thread_offset(attributes: &Attributes<'_, '_>) -> Option<u64> {
    let location = attributes.get(dw::DW_AT_location)?.exprloc_value()?;
    let mut operations = location.operations(attributes.entry.unit.unit.encoding());
    let offset = match operations.next().ok()?? {
        gimli::Operation::UnsignedConstant { value } => value,
        gimli::Operation::SignedConstant { value } => u64::try_from(value).ok()?,
        gimli::Operation::Address { address } => address,
        _ => return None,
    };
    matches!(operations.next(), Ok(Some(gimli::Operation::TLS))).then_some(offset)
}

fn entry_at<'a, 'f>(
    debug: &'a Debug<'f>,
    unit: UnitId,
    offset: UnitOffset,
) -> Option<Entry<'a, 'f>> {
    Some(Entry { debug, unit: debug.unit_by_id(unit)?, offset })
}

fn enumerators(of: &Attributes<'_, '_>) -> Vec<(Option<String>, Option<i64>)> {
    let all = of.entry.children().into_iter();
    let enumerators = all.filter(|child| child.tag() == dw::DW_TAG_enumerator);
    enumerators
        .map(|child| (child.text(dw::DW_AT_name), child.signed(dw::DW_AT_const_value)))
        .collect()
}

/// Whether two names are one, however compilers write it: `A<B<int> >` and
/// `A<B<int>>`.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one == other || Key::of(one) == Key::of(other)
}

/// A name without the keyword that C writes before it, and what it may mean:
/// `struct conn` is no typedef.
fn without_keyword(name: &str) -> (&str, &'static [Kind]) {
    let name = name.trim();
    for keyword in ["struct ", "union ", "class ", "enum "] {
        if let Some(rest) = name.strip_prefix(keyword) {
            return (rest.trim_start(), &[Kind::Tagged]);
        }
    }
    (name, &[Kind::Tagged, Kind::Alias, Kind::Base])
}
