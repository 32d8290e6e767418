//! Names with the namespaces and classes around them.

use gimli::{AttributeValue, DwTag, UnitOffset, constants};

use crate::symbols::dwarf::{Debug, Reader, Unit};
use crate::symbols::names;

/// Scopes nest no deeper than this in a name that people read.
const MOST_SCOPES: usize = 64;

/// A namespace, a class, or a function with something in it.
struct Scope<'f> {
    depth: isize,
    entry: UnitOffset,
    tag: DwTag,
    name: Option<AttributeValue<Reader<'f>>>,
}

/// `namespace::class::name` of the entry, which must be a declaration or
/// definition that stands in its scope. Reads the unit up to the entry, since
/// entries do not refer to what is above them.
pub(super) fn qualified<'f>(
    debug: &Debug<'f>,
    unit: &Unit<'f>,
    entry: UnitOffset,
) -> Option<String> {
    let text = |value| unit.dwarf().attr_string(&unit.unit, value).ok();
    let mut entries = unit.unit.entries_raw(None).ok()?;
    // The scopes around the present place.
    let mut scopes: Vec<Scope<'_>> = Vec::new();
    while !entries.is_empty() {
        let (offset, depth) = (entries.next_offset(), entries.next_depth());
        if offset > entry {
            // No entry begins where one was said to be.
            return None;
        }
        let Some(abbreviation) = entries.read_abbreviation().ok()? else { continue };
        while scopes.last().is_some_and(|outer| outer.depth >= depth) {
            scopes.pop();
        }
        let is_scope = matches!(
            abbreviation.tag(),
            constants::DW_TAG_namespace
                | constants::DW_TAG_class_type
                | constants::DW_TAG_structure_type
                | constants::DW_TAG_union_type
                | constants::DW_TAG_subprogram
        );
        if offset != entry && !is_scope {
            entries.skip_attributes(abbreviation.attributes()).ok()?;
            continue;
        }
        let mut name = None;
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification).ok()?;
            if attribute.name() == constants::DW_AT_name {
                name = Some(attribute.value());
            }
        }
        if offset == entry {
            let name = text(name?)?;
            let mut parts = Vec::new();
            for scope in &scopes {
                if scope.tag == constants::DW_TAG_subprogram {
                    let (name, is_whole) = names::scope_name(debug, unit, scope.entry)?;
                    if is_whole {
                        parts.clear();
                    }
                    parts.push(name);
                    continue;
                }
                parts.push(match scope.name.and_then(text) {
                    Some(scope) => scope.to_string_lossy().into_owned(),
                    None if scope.tag == constants::DW_TAG_namespace => {
                        "(anonymous namespace)".to_owned()
                    }
                    // The class that a lambda expression makes has no name.
                    None if name.slice() == b"operator()" => "{lambda}".to_owned(),
                    None => "(unnamed)".to_owned(),
                });
            }
            parts.push(name.to_string_lossy().into_owned());
            return Some(parts.join("::"));
        }
        if scopes.len() < MOST_SCOPES {
            scopes.push(Scope { depth, entry: offset, tag: abbreviation.tag(), name });
        }
    }
    None
}
