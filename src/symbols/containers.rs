//! What types are nested in: namespaces and classes.

use gimli::constants as dw;
use gimli::{AttributeValue, DwTag, UnitOffset};
use rustc_hash::FxHashMap;

use crate::symbols::entries::Entry;

/// How many namespaces and classes are written before a name.
const MOST_CONTAINERS: usize = 32;

/// A unit with more bytes of entries than this is not searched for namespaces:
/// the names of its types are then written without them.
const LARGEST_UNIT: usize = 256 << 20;

/// The namespaces and classes of one unit: what stands before the `::` of the
/// names within, and where types are defined that are declared elsewhere.
#[derive(Debug, Default)]
pub struct Containers<'f> {
    /// In the order of their offsets; they nest.
    spans: Vec<Span<'f>>,
    /// Definitions of structures, classes, unions and enumerations, by name.
    definitions: FxHashMap<&'f [u8], Vec<UnitOffset>>,
    /// Names of those that are only declared.
    declarations: FxHashMap<UnitOffset, &'f [u8]>,
    /// Where those were declared that are defined outside of their scope.
    declared_at: FxHashMap<UnitOffset, UnitOffset>,
}

#[derive(Debug)]
struct Span<'f> {
    start: usize,
    end: usize,
    name: Option<&'f [u8]>,
    /// The container that it belongs to, and the one that it stands in.
    parent: Option<usize>,
    outer: Option<usize>,
}

impl<'f> Containers<'f> {
    /// Reads the unit of `entry`, its functions' bodies excepted where the
    /// compiler wrote `DW_AT_sibling`.
    pub fn read(entry: Entry<'_, 'f>) -> Self {
        let mut found = Self::default();
        // An error ends the search, not the answer.
        let _ = found.search(entry);
        found
    }

    fn search(&mut self, entry: Entry<'_, 'f>) -> Result<(), gimli::Error> {
        let unit = &entry.unit.unit;
        if unit.header.length_including_self() > LARGEST_UNIT {
            return Ok(());
        }
        let mut raw = unit.entries_raw(None)?;
        let mut attributes = Vec::new();
        // Open containers: index of their span, depth of their entry.
        let mut open: Vec<(usize, isize)> = Vec::new();
        while !raw.is_empty() {
            let depth = raw.next_depth();
            let start = raw.next_offset();
            while let Some((index, _)) = open.pop_if(|(_, opened)| depth <= *opened) {
                if let Some(span) = self.spans.get_mut(index) {
                    span.end = start.0;
                }
            }
            let Some(abbreviation) = raw.read_abbreviation()? else { continue };
            let tag = abbreviation.tag();
            if !is_container(tag) {
                raw.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            raw.read_attributes(abbreviation.attributes(), &mut attributes)?;
            let attribute = |name| attributes.iter().find(|found| found.name() == name);
            let name = attribute(dw::DW_AT_name)
                .and_then(|name| entry.unit.dwarf().attr_string(unit, name.value()).ok());
            let signature = attribute(dw::DW_AT_signature).map(|found| found.value());
            // clang names no type here that has a unit of its own.
            let name = name.or_else(|| match signature {
                Some(AttributeValue::DebugTypesRef(of)) if abbreviation.has_children() => {
                    entry.debug.type_name(entry.unit.id, of)
                }
                _ => None,
            });
            let mut name = name.map(|name| name.slice());
            let declared = attribute(dw::DW_AT_specification).map(|found| found.value());
            if let Some(AttributeValue::UnitRef(declared)) = declared {
                name = name.or_else(|| self.declarations.get(&declared).copied());
                self.declared_at.insert(start, declared);
            }
            let is_declared = attribute(dw::DW_AT_declaration).is_some();
            if let Some(name) = name.filter(|_| is_type(tag)) {
                if is_declared {
                    self.declarations.insert(start, name);
                } else {
                    self.definitions.entry(name).or_default().push(start);
                }
            }
            if abbreviation.has_children() {
                let parent = match self.declared_at.get(&start) {
                    Some(declared) => self.innermost(*declared),
                    None => open.last().map(|(index, _)| *index),
                };
                let outer = open.last().map(|(index, _)| *index);
                open.push((self.spans.len(), depth));
                self.spans.push(Span { start: start.0, end: usize::MAX, name, parent, outer });
            }
        }
        Ok(())
    }

    /// The innermost namespace or class around an entry.
    pub fn around(&self, at: UnitOffset) -> Option<UnitOffset> {
        let span = self.spans.get(self.innermost(at)?)?;
        Some(UnitOffset(span.start))
    }

    /// The only definition of this name, without what stands before its `::`.
    pub fn defined(&self, name: &[u8]) -> Option<UnitOffset> {
        match self.definitions.get(name)?.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The names around an entry, outermost first; `None` for an anonymous one.
    pub fn path(&self, at: UnitOffset) -> Vec<Option<&'f [u8]>> {
        let mut here = self.innermost(self.declared_at.get(&at).copied().unwrap_or(at));
        let mut path = Vec::new();
        while let Some(span) = here.and_then(|index| self.spans.get(index)) {
            path.push(span.name);
            if path.len() >= MOST_CONTAINERS {
                break;
            }
            here = span.parent;
        }
        path.reverse();
        path
    }

    /// The innermost container around an entry, by its index.
    fn innermost(&self, at: UnitOffset) -> Option<usize> {
        let after = self.spans.partition_point(|span| span.start < at.0);
        let mut here = after.checked_sub(1);
        while let Some(index) = here {
            let span = self.spans.get(index)?;
            if span.start < at.0 && at.0 < span.end {
                return Some(index);
            }
            here = span.outer;
        }
        None
    }

    /// Where the type is defined that is declared at `at`: the one definition
    /// of its name with the same names around it.
    pub fn definition(&self, at: UnitOffset) -> Option<UnitOffset> {
        let name = self.declarations.get(&at)?;
        let path = self.path(at);
        let mut same =
            self.definitions.get(name)?.iter().filter(|found| self.path(**found) == path);
        match (same.next(), same.next()) {
            (Some(only), None) => Some(*only),
            _ => None,
        }
    }
}

pub(super) fn is_type(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_structure_type
            | dw::DW_TAG_class_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type
    )
}

fn is_container(tag: DwTag) -> bool {
    is_type(tag) || matches!(tag, dw::DW_TAG_namespace | dw::DW_TAG_module)
}
