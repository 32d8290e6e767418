//! Names with the namespaces and classes around them.

use gimli::{AttributeValue, UnitOffset, constants};

use crate::symbols::dwarf::{Debug, Reader, Unit};

/// Scopes nest no deeper than this in a name that people read.
const MOST_SCOPES: usize = 64;

/// `namespace::class::name` of the entry, which must be a declaration or
/// definition that stands in its scope. Reads the unit up to the entry, since
/// entries do not refer to what is above them.
pub(super) fn qualified(debug: &Debug<'_>, unit: &Unit<'_>, entry: UnitOffset) -> Option<String> {
    let text = |value| debug.dwarf().attr_string(&unit.unit, value).ok();
    let mut entries = unit.unit.entries_raw(None).ok()?;
    // The depth and name of each scope around the present place.
    let mut scopes: Vec<(isize, Option<AttributeValue<Reader<'_>>>)> = Vec::new();
    while !entries.is_empty() {
        let (offset, depth) = (entries.next_offset(), entries.next_depth());
        if offset > entry {
            // No entry begins where one was said to be.
            return None;
        }
        let Some(abbreviation) = entries.read_abbreviation().ok()? else { continue };
        while scopes.last().is_some_and(|(outer, _)| *outer >= depth) {
            scopes.pop();
        }
        let is_scope = matches!(
            abbreviation.tag(),
            constants::DW_TAG_namespace
                | constants::DW_TAG_class_type
                | constants::DW_TAG_structure_type
                | constants::DW_TAG_union_type
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
            let parts = scopes.iter().map(|(_, scope)| match scope.and_then(text) {
                Some(scope) => scope.to_string_lossy().into_owned(),
                None => "(anonymous namespace)".to_owned(),
            });
            let parts: Vec<_> = parts.chain([name.to_string_lossy().into_owned()]).collect();
            return Some(parts.join("::"));
        }
        if scopes.len() < MOST_SCOPES {
            scopes.push((depth, name));
        }
    }
    None
}
