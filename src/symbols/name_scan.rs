//! The names that one unit gives to types and variables outside of functions.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::hash::Hasher;
use std::sync::Arc;

use gimli::constants as dw;
use gimli::{
    Attribute, AttributeValue, DebugInfoOffset, DebugLocListsBase, DebugRngListsBase,
    DebugStrOffsetsBase, DwAt, DwTag, Dwarf, DwarfFileType, EntriesRaw, UnitHeader, UnitOffset,
};
use rustc_hash::{FxHashMap, FxHasher};

use crate::symbols::containers::is_type;
use crate::symbols::dwarf::Reader;
use crate::symbols::name_keys::{ANONYMOUS, Key};
use crate::symbols::types::{Dialect, dialect_of};

/// How deep namespaces and classes nest in honest programs, with room.
const MOST_SCOPES: usize = 64;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// A structure, class, union or enumeration, defined.
    Tagged,
    /// Another name for a type.
    Alias,
    /// A base type of the language.
    Base,
    /// A variable with a place or a value.
    Variable,
}

/// One name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// The name.
    pub(super) key: Key,
    /// What it stands for.
    pub(super) kind: Kind,
    /// Of types: equal for those with the same members.
    pub(super) print: u32,
    /// Which unit, by its place among those of the index.
    pub(super) unit: u32,
    /// The entry's offset in the unit.
    pub(super) entry: u32,
    /// Whether only its own unit may mean it: it is in an anonymous namespace.
    pub(super) is_private: bool,
}

/// What one unit has.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Types and variables. [`Item::unit`] is not filled in.
    pub(super) items: Vec<Item>,
    /// Variables that lie at an address, and their entries.
    pub(super) places: Vec<(u64, u32)>,
    /// Names of entries that others complete: static members, and what
    /// link-time optimization left in another unit. By offset in the section.
    pub(super) origins: Vec<(usize, Keys)>,
    /// Entries that complete another one, by its offset in the section.
    pub(super) completions: Vec<Completion>,
    /// Units that this one includes.
    pub(super) imports: Vec<(DebugInfoOffset, Imports)>,
}

/// Where an included unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Imports {
    /// In the same file.
    Own,
    /// In the file of shared pieces.
    Shared,
}

/// The keys of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) whole: Key,
    /// Without inline namespaces.
    pub(super) short: Key,
    /// The last part alone.
    pub(super) last: Key,
    pub(super) is_private: bool,
}

/// An entry that has its name from another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Completion {
    pub(super) entry: u32,
    pub(super) kind: Kind,
    pub(super) print: u32,
    pub(super) origin: usize,
}

/// A namespace or class around the present place.
struct Scope {
    depth: isize,
    key: Key,
    /// The same, with inline namespaces left out.
    short: Key,
    is_private: bool,
    /// The type whose members these are: its item or completion to be.
    class: Option<Class>,
}

/// A type whose members are being read.
struct Class {
    hasher: FxHasher,
    items: std::ops::Range<usize>,
    completion: Option<usize>,
}

/// Reads the names of a unit. What is damaged ends the unit.
pub(super) fn scan<'f>(dwarf: &Dwarf<Reader<'f>>, header: UnitHeader<Reader<'f>>) -> Names {
    let Some((unit, dialect)) = opened(dwarf, header) else { return Names::default() };
    let scan = Scan {
        dwarf,
        unit: &unit,
        dialect,
        scopes: Vec::new(),
        names: Names::default(),
        local: FxHashMap::default(),
    };
    scan.run()
}

/// A unit with what names need of its root; without its line table's header.
fn opened<'f>(
    dwarf: &Dwarf<Reader<'f>>,
    header: UnitHeader<Reader<'f>>,
) -> Option<(gimli::Unit<Reader<'f>>, Dialect)> {
    let abbreviations = header.abbreviations(&dwarf.debug_abbrev).ok()?;
    let encoding = header.encoding();
    let file = DwarfFileType::Main;
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
    Some((unit, dialect_of(language)))
}

struct Scan<'s, 'f> {
    dwarf: &'s Dwarf<Reader<'f>>,
    unit: &'s gimli::Unit<Reader<'f>>,
    dialect: Dialect,
    scopes: Vec<Scope>,
    names: Names,
    /// Origins of this unit.
    local: FxHashMap<usize, Keys>,
}

impl<'f> Scan<'_, 'f> {
    fn run(mut self) -> Names {
        // An error ends the unit, not the names before it.
        let _ = self.entries();
        while self.close() {}
        self.complete();
        self.names
    }

    fn entries(&mut self) -> Result<(), gimli::Error> {
        let unit = self.unit;
        let mut raw = unit.entries_raw(None)?;
        let mut base = 0_isize;
        let mut attributes = Vec::new();
        // Nothing deeper than this is looked at.
        let mut hidden_below = isize::MAX;
        while !raw.is_empty() {
            let depth = base.saturating_add(raw.next_depth());
            let offset = raw.next_offset();
            let Some(abbreviation) = raw.read_abbreviation()? else { continue };
            if depth > hidden_below {
                raw.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            hidden_below = isize::MAX;
            while self.scopes.last().is_some_and(|scope| scope.depth >= depth) {
                self.close();
            }
            let tag = abbreviation.tag();
            let has_children = abbreviation.has_children();
            let descends = match tag {
                _ if depth == 0 => {
                    raw.skip_attributes(abbreviation.attributes())?;
                    continue;
                }
                _ if is_named(tag) => {
                    attributes.clear();
                    raw.read_attributes(abbreviation.attributes(), &mut attributes)?;
                    self.entry(tag, offset, depth, &attributes, has_children)
                }
                _ if has_children => {
                    attributes.clear();
                    raw.read_attributes(abbreviation.attributes(), &mut attributes)?;
                    false
                }
                _ => {
                    raw.skip_attributes(abbreviation.attributes())?;
                    false
                }
            };
            if !has_children || descends {
                continue;
            }
            hidden_below = depth;
            jump(unit, &attributes, &mut raw, &mut base, depth);
        }
        Ok(())
    }

    /// Takes one entry that has a name. Whether what is below it counts, too.
    fn entry(
        &mut self,
        tag: DwTag,
        offset: UnitOffset,
        depth: isize,
        attributes: &[Attribute<Reader<'f>>],
        has_children: bool,
    ) -> bool {
        match tag {
            dw::DW_TAG_namespace | dw::DW_TAG_module => self.namespace(depth, attributes),
            dw::DW_TAG_variable => {
                self.variable(offset, attributes);
                false
            }
            dw::DW_TAG_member | dw::DW_TAG_inheritance => {
                self.member(offset, attributes);
                false
            }
            dw::DW_TAG_imported_unit => {
                self.names.imports.extend(match get(attributes, dw::DW_AT_import) {
                    Some(AttributeValue::DebugInfoRefSup(at)) => Some((at, Imports::Shared)),
                    Some(AttributeValue::DebugInfoRef(at)) => Some((at, Imports::Own)),
                    _ => None,
                });
                false
            }
            _ => self.named_type(tag, offset, depth, attributes, has_children),
        }
    }

    fn namespace(&mut self, depth: isize, attributes: &[Attribute<Reader<'f>>]) -> bool {
        if self.scopes.len() >= MOST_SCOPES {
            return false;
        }
        let (key, short, is_private) = self.around();
        let name = self.text(attributes, dw::DW_AT_name);
        let is_inline = is_set(attributes, dw::DW_AT_export_symbols) && name.is_some();
        let inner = name.unwrap_or(ANONYMOUS);
        self.scopes.push(Scope {
            depth,
            key: key.inner(inner),
            short: if is_inline { short } else { short.inner(inner) },
            is_private: is_private || name.is_none(),
            class: None,
        });
        true
    }

    fn named_type(
        &mut self,
        tag: DwTag,
        offset: UnitOffset,
        depth: isize,
        attributes: &[Attribute<Reader<'f>>],
        has_children: bool,
    ) -> bool {
        let (outer, outer_short, _) = self.around();
        let name = self.text(attributes, dw::DW_AT_name);
        // What is defined outside of its scope says where it was declared; it
        // may have a name, too.
        let origin = self.origin_of(attributes);
        let declared = origin.and_then(|origin| self.local.get(&origin)).copied();
        let keys = declared.or_else(|| Some(self.keys(name.filter(|_| origin.is_none())?)));
        let (key, short, is_private) = match keys {
            Some(keys) => (keys.whole, keys.short, keys.is_private),
            None => self.around(),
        };
        let is_declared = is_set(attributes, dw::DW_AT_declaration);
        let kind = match tag {
            dw::DW_TAG_typedef => Kind::Alias,
            dw::DW_TAG_base_type | dw::DW_TAG_unspecified_type => Kind::Base,
            _ => Kind::Tagged,
        };
        let entry = number(offset);
        let size = get(attributes, dw::DW_AT_byte_size).and_then(|size| size.udata_value());
        let mut hasher = FxHasher::default();
        hasher.write_u16(tag.0);
        hasher.write_u64(size.unwrap_or(u64::MAX));
        if kind == Kind::Alias {
            hasher.write_u64(self.type_print(attributes));
        }
        let items = self.names.items.len();
        let mut completion = None;
        match keys {
            Some(keys) if is_declared => self.origin(offset, keys),
            Some(_) => {
                let print = short_hash(&hasher);
                let item = Item { key, kind, print, unit: 0, entry, is_private };
                self.names.items.push(item);
                if short != key {
                    self.names.items.push(Item { key: short, ..item });
                }
            }
            None => {
                if let Some(origin) = origin.filter(|_| !is_declared) {
                    completion = Some(self.names.completions.len());
                    let print = short_hash(&hasher);
                    self.names.completions.push(Completion { entry, kind, print, origin });
                }
            }
        }
        let descends = is_type(tag)
            && tag != dw::DW_TAG_enumeration_type
            && has_children
            && self.scopes.len() < MOST_SCOPES;
        if descends {
            let items = items..self.names.items.len();
            let class = Some(Class { hasher, items, completion });
            // In C, types that are written inside of others are outside.
            let (key, short) = match self.dialect {
                Dialect::C | Dialect::Go | Dialect::D => (outer, outer_short),
                _ => (key, short),
            };
            self.scopes.push(Scope { depth, key, short, is_private, class });
        }
        descends
    }

    /// A member that every object has, or a static one.
    fn member(&mut self, offset: UnitOffset, attributes: &[Attribute<Reader<'f>>]) {
        if is_set(attributes, dw::DW_AT_declaration) || is_set(attributes, dw::DW_AT_external) {
            self.variable(offset, attributes);
            return;
        }
        let name = get(attributes, dw::DW_AT_name).map_or(0, |name| self.name_print(name));
        let line = get(attributes, dw::DW_AT_decl_line).and_then(|line| line.udata_value());
        let of = match self.dialect {
            // In C, one name may mean two types; in C++, the language forbids.
            Dialect::C | Dialect::Go | Dialect::D => self.type_print(attributes),
            _ => line.unwrap_or(0),
        };
        let places =
            [dw::DW_AT_data_member_location, dw::DW_AT_data_bit_offset, dw::DW_AT_bit_size].map(
                |place| get(attributes, place).and_then(|place| place.udata_value()).unwrap_or(0),
            );
        let Some(class) = self.scopes.last_mut().and_then(|scope| scope.class.as_mut()) else {
            return;
        };
        class.hasher.write_u64(name);
        class.hasher.write_u64(of);
        for place in places {
            class.hasher.write_u64(place);
        }
    }

    fn variable(&mut self, offset: UnitOffset, attributes: &[Attribute<Reader<'f>>]) {
        let entry = number(offset);
        let location = get(attributes, dw::DW_AT_location);
        let has_value = location.is_some() || get(attributes, dw::DW_AT_const_value).is_some();
        let is_declared = is_set(attributes, dw::DW_AT_declaration);
        if let Some(at) = location.and_then(|location| self.address(location)) {
            self.names.places.push((at, entry));
        }
        if let Some(origin) = self.origin_of(attributes) {
            if has_value {
                let kind = Kind::Variable;
                self.names.completions.push(Completion { entry, kind, print: 0, origin });
            }
            return;
        }
        let Some(name) = self.text(attributes, dw::DW_AT_name) else { return };
        let keys = self.keys(name);
        if !has_value || is_declared {
            self.origin(offset, keys);
        }
        if has_value {
            variables(entry, keys, &mut self.names.items);
        }
    }

    /// The keys of a name in the present scope.
    fn keys(&self, name: &[u8]) -> Keys {
        let (key, short, is_private) = self.around();
        let last = Key::default().inner(name);
        Keys { whole: key.inner(name), short: short.inner(name), last, is_private }
    }

    fn origin(&mut self, offset: UnitOffset, keys: Keys) {
        let at = offset.to_unit_section_offset(&self.unit.header).0;
        self.local.insert(at, keys);
        self.names.origins.push((at, keys));
    }

    /// The entry that this one completes, by its offset in the section.
    fn origin_of(&self, attributes: &[Attribute<Reader<'f>>]) -> Option<usize> {
        let origin = get(attributes, dw::DW_AT_specification)
            .or_else(|| get(attributes, dw::DW_AT_abstract_origin))?;
        match origin {
            AttributeValue::UnitRef(at) => Some(at.to_unit_section_offset(&self.unit.header).0),
            AttributeValue::DebugInfoRef(at) => Some(at.0),
            _ => None,
        }
    }

    /// Names what completes an entry of this unit.
    fn complete(&mut self) {
        let mut others = Vec::new();
        for completion in std::mem::take(&mut self.names.completions) {
            match self.local.get(&completion.origin) {
                Some(keys) => completion.named(*keys, &mut self.names.items),
                None => others.push(completion),
            }
        }
        self.names.completions = others;
    }

    /// Leaves the innermost scope; false: there is none.
    fn close(&mut self) -> bool {
        let Some(scope) = self.scopes.pop() else { return false };
        let Some(class) = scope.class else { return true };
        let print = short_hash(&class.hasher);
        for item in self.names.items.get_mut(class.items).unwrap_or_default() {
            item.print = print;
        }
        let completion = class.completion.and_then(|at| self.names.completions.get_mut(at));
        if let Some(completion) = completion {
            completion.print = print;
        }
        true
    }

    /// The scope here, without inline namespaces, and whether it is private.
    fn around(&self) -> (Key, Key, bool) {
        self.scopes
            .last()
            .map_or_else(Default::default, |scope| (scope.key, scope.short, scope.is_private))
    }

    fn text(&self, attributes: &[Attribute<Reader<'f>>], name: DwAt) -> Option<&'f [u8]> {
        let text = self.dwarf.attr_string(self.unit, get(attributes, name)?).ok()?;
        Some(text.slice())
    }

    /// The address that a location consists of.
    fn address(&self, location: AttributeValue<Reader<'f>>) -> Option<u64> {
        let expression = location.exprloc_value()?;
        let mut operations = expression.operations(self.unit.encoding());
        let at = match (operations.next().ok()??, operations.next().ok()?) {
            (gimli::Operation::Address { address }, None) => address,
            (gimli::Operation::AddressIndex { index }, None) => {
                self.dwarf.address(self.unit, index).ok()?
            }
            _ => return None,
        };
        // What the linker threw away has an address of 0, 1 or close to the top.
        (at > 1 && at < u64::MAX.wrapping_sub(16)).then_some(at)
    }

    /// A number for a name: where the linker put its text, since it keeps one
    /// copy of each.
    fn name_print(&self, name: AttributeValue<Reader<'f>>) -> u64 {
        match name {
            AttributeValue::DebugStrRef(at) => at.0 as u64,
            AttributeValue::DebugStrOffsetsIndex(index) => {
                self.dwarf.string_offset(self.unit, index).map_or(0, |at| at.0 as u64)
            }
            name => self.dwarf.attr_string(self.unit, name).map_or(0, |text| {
                let mut hasher = FxHasher::default();
                hasher.write(text.slice());
                hasher.finish()
            }),
        }
    }

    /// A number for the kind, name and size of the type that an entry has.
    fn type_print(&self, attributes: &[Attribute<Reader<'f>>]) -> u64 {
        let of = match get(attributes, dw::DW_AT_type) {
            Some(AttributeValue::UnitRef(of)) => of,
            Some(AttributeValue::DebugInfoRef(of)) => return of.0 as u64,
            _ => return 0,
        };
        let Ok(entry) = self.unit.entry(of) else { return 1 };
        let mut hasher = FxHasher::default();
        hasher.write_u16(entry.tag().0);
        if let Some(name) = entry.attr_value(dw::DW_AT_name) {
            hasher.write_u64(self.name_print(name));
        }
        let size = entry.attr(dw::DW_AT_byte_size).and_then(Attribute::udata_value);
        hasher.write_u64(size.unwrap_or(0));
        hasher.finish()
    }
}

impl Completion {
    /// The items of an entry, now that its name is known.
    pub(super) fn named(&self, keys: Keys, items: &mut Vec<Item>) {
        let Self { entry, kind, print, .. } = *self;
        if kind == Kind::Variable {
            return variables(entry, keys, items);
        }
        let item =
            Item { key: keys.whole, kind, print, unit: 0, entry, is_private: keys.is_private };
        items.push(item);
        if keys.short != keys.whole {
            items.push(Item { key: keys.short, ..item });
        }
    }
}

/// The items of a variable: by its whole name, and by shorter ones.
fn variables(entry: u32, keys: Keys, items: &mut Vec<Item>) {
    let kind = Kind::Variable;
    let is_private = keys.is_private;
    let item = |key| Item { key, kind, print: 0, unit: 0, entry, is_private };
    items.push(item(keys.whole));
    if keys.last != keys.whole {
        items.push(item(keys.last));
    }
    if keys.short != keys.whole && keys.short != keys.last {
        items.push(item(keys.short));
    }
}

/// Whether entries of this kind are read.
fn is_named(tag: DwTag) -> bool {
    is_type(tag)
        || matches!(
            tag,
            dw::DW_TAG_namespace
                | dw::DW_TAG_module
                | dw::DW_TAG_variable
                | dw::DW_TAG_member
                | dw::DW_TAG_inheritance
                | dw::DW_TAG_typedef
                | dw::DW_TAG_base_type
                | dw::DW_TAG_unspecified_type
                | dw::DW_TAG_imported_unit
        )
}

/// Goes on behind the entries below, where the compiler says where that is.
fn jump<'u, 'f>(
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

fn get<'f>(attributes: &[Attribute<Reader<'f>>], name: DwAt) -> Option<AttributeValue<Reader<'f>>> {
    attributes.iter().find(|found| found.name() == name).map(Attribute::value)
}

fn is_set(attributes: &[Attribute<Reader<'_>>], name: DwAt) -> bool {
    matches!(get(attributes, name), Some(AttributeValue::Flag(true)))
}

fn number(offset: UnitOffset) -> u32 {
    u32::try_from(offset.0).unwrap_or(u32::MAX)
}

fn short_hash(hasher: &FxHasher) -> u32 {
    let whole = hasher.finish();
    (whole ^ (whole >> 32)) as u32
}
