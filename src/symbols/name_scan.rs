//! The names that one unit gives to types and variables outside of functions.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::hash::Hasher;

use gimli::constants as dw;
use gimli::{Attribute, AttributeValue, DwTag, UnitHeader, UnitOffset};
use rustc_hash::{FxHashMap, FxHasher};

use crate::symbols::containers::is_type;
use crate::symbols::dwarf::{Debug, Reader};
use crate::symbols::name_items::{Completion, Imports, Item, Keys, Kind, Names, variables};
use crate::symbols::name_keys::{ANONYMOUS, Key};
use crate::symbols::name_unit::{NamedUnit, UnitSource, get, is_set, jump, number, short_hash};
use crate::symbols::types::Dialect;

/// How deep namespaces and classes nest in honest programs, with room.
const MOST_SCOPES: usize = 64;

/// A namespace or class around the present place.
struct Scope {
    depth: isize,
    key: Key,
    /// The same, with inline namespaces left out.
    short: Key,
    is_private: bool,
    is_in_function: bool,
    /// The type whose members these are: its item or completion to be.
    class: Option<Class>,
}

/// A type whose members are being read.
struct Class {
    hasher: FxHasher,
    items: std::ops::Range<usize>,
    completion: Option<usize>,
}

/// Which names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Those that stand outside of functions.
    Outside,
    /// Those within functions.
    Inside,
}

/// Reads the names of a unit. What is damaged ends the unit.
pub(super) fn scan<'f>(
    debug: &Debug<'f>,
    source: UnitSource<'_, 'f>,
    header: UnitHeader<Reader<'f>>,
    what: What,
) -> Names {
    let Some(unit) = NamedUnit::open(debug, source, header) else { return Names::default() };
    let scan = Scan {
        unit: &unit,
        what,
        scopes: Vec::new(),
        names: Names::default(),
        local: FxHashMap::default(),
        prints: FxHashMap::default(),
    };
    scan.run()
}

struct Scan<'s, 'f> {
    unit: &'s NamedUnit<'s, 'f>,
    what: What,
    scopes: Vec<Scope>,
    names: Names,
    /// Origins of this unit.
    local: FxHashMap<usize, Keys>,
    /// What was computed of the types of members.
    prints: FxHashMap<UnitOffset, u64>,
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
        let unit = &self.unit.unit;
        let mut raw = unit.entries_raw(None)?;
        let mut base = 0_isize;
        let mut attributes = Vec::new();
        // Nothing deeper than this is looked at.
        let mut hidden_below = isize::MAX;
        while !raw.is_empty() {
            let depth = base.saturating_add(raw.next_depth());
            let offset = raw.next_offset();
            let Some(abbreviation) = raw.read_abbreviation()? else { continue };
            let specifications = abbreviation.attributes();
            if depth > hidden_below {
                raw.skip_attributes(specifications)?;
                continue;
            }
            hidden_below = isize::MAX;
            while self.scopes.last().is_some_and(|scope| scope.depth >= depth) {
                self.close();
            }
            let (tag, has_children) = (abbreviation.tag(), abbreviation.has_children());
            let is_wanted = self.is_wanted(tag);
            let has_sibling = || specifications.iter().any(|it| it.name() == dw::DW_AT_sibling);
            attributes.clear();
            if is_wanted || has_children && has_sibling() {
                raw.read_attributes(specifications, &mut attributes)?;
            } else {
                raw.skip_attributes(specifications)?;
            }
            let descends = depth == 0
                || is_wanted && self.entry(tag, offset, depth, &attributes, has_children)
                || tag == dw::DW_TAG_lexical_block && self.is_in_function();
            if has_children && !descends {
                hidden_below = depth;
                jump(unit, &attributes, &mut raw, &mut base, depth);
            }
        }
        Ok(())
    }

    /// Whether entries of this kind are read here.
    fn is_wanted(&self, tag: DwTag) -> bool {
        match self.what {
            What::Outside => is_named(tag),
            What::Inside if self.is_in_function() => is_named(tag) || tag == dw::DW_TAG_subprogram,
            What::Inside => matches!(tag, dw::DW_TAG_namespace | dw::DW_TAG_subprogram),
        }
    }

    fn is_in_function(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.is_in_function)
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
            dw::DW_TAG_subprogram => has_children && self.function(depth, attributes),
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
        let name = self.unit.text(attributes, dw::DW_AT_name);
        let is_inline = is_set(attributes, dw::DW_AT_export_symbols) && name.is_some();
        let inner = name.unwrap_or(ANONYMOUS);
        self.scopes.push(Scope {
            depth,
            key: key.inner(inner),
            short: if is_inline { short } else { short.inner(inner) },
            is_private: is_private || name.is_none(),
            is_in_function: false,
            class: None,
        });
        true
    }

    /// A function with what is within; only its own unit may mean that.
    fn function(&mut self, depth: isize, attributes: &[Attribute<Reader<'f>>]) -> bool {
        if self.scopes.len() >= MOST_SCOPES {
            return false;
        }
        let name = self.unit.text(attributes, dw::DW_AT_name).unwrap_or_default();
        let (key, short, _) = self.around();
        let (key, short) = (key.inner(name), short.inner(name));
        let is_in_function = true;
        self.scopes.push(Scope {
            depth,
            key,
            short,
            is_private: true,
            is_in_function,
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
        let name = self.unit.text(attributes, dw::DW_AT_name);
        // clang names no type here that has a unit of its own.
        let name = name.or_else(|| match get(attributes, dw::DW_AT_signature) {
            Some(AttributeValue::DebugTypesRef(signature)) if has_children => {
                self.unit.debug.type_name(self.unit.source.id, signature).map(|name| name.slice())
            }
            _ => None,
        });
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
            hasher.write_u64(self.unit.type_print(attributes, &mut self.prints));
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
            let (key, short) = match self.unit.dialect {
                Dialect::C | Dialect::Go | Dialect::D => (outer, outer_short),
                _ => (key, short),
            };
            let is_in_function = self.is_in_function();
            self.scopes.push(Scope { depth, key, short, is_private, is_in_function, class });
        }
        descends
    }

    /// A member that every object has, or a static one.
    fn member(&mut self, offset: UnitOffset, attributes: &[Attribute<Reader<'f>>]) {
        if is_set(attributes, dw::DW_AT_declaration) || is_set(attributes, dw::DW_AT_external) {
            self.variable(offset, attributes);
            return;
        }
        let name = get(attributes, dw::DW_AT_name).map_or(0, |name| self.unit.name_print(name));
        let line = get(attributes, dw::DW_AT_decl_line).and_then(|line| line.udata_value());
        let of = match self.unit.dialect {
            // In C, one name may mean two types; in C++, the language forbids.
            Dialect::C | Dialect::Go | Dialect::D => {
                self.unit.type_print(attributes, &mut self.prints)
            }
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
        let address = location.and_then(|location| self.unit.address(location));
        // Within functions, those count that outlive the call.
        let outlives = || location.is_some_and(|location| self.unit.is_thread_local(location));
        if self.is_in_function() && address.is_none() && !outlives() {
            return;
        }
        let has_value = location.is_some() || get(attributes, dw::DW_AT_const_value).is_some();
        let is_declared = is_set(attributes, dw::DW_AT_declaration);
        self.names.places.extend(address.map(|at| (at, entry)));
        if let Some(origin) = self.origin_of(attributes) {
            if has_value {
                let kind = Kind::Variable;
                self.names.completions.push(Completion { entry, kind, print: 0, origin });
            }
            return;
        }
        let Some(name) = self.unit.text(attributes, dw::DW_AT_name) else { return };
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
        let at = offset.to_unit_section_offset(&self.unit.unit.header).0;
        self.local.insert(at, keys);
        self.names.origins.push((at, keys));
    }

    /// The entry that this one completes, by its offset in the section.
    fn origin_of(&self, attributes: &[Attribute<Reader<'f>>]) -> Option<usize> {
        let origin = get(attributes, dw::DW_AT_specification)
            .or_else(|| get(attributes, dw::DW_AT_abstract_origin))?;
        match origin {
            AttributeValue::UnitRef(at) => {
                Some(at.to_unit_section_offset(&self.unit.unit.header).0)
            }
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
