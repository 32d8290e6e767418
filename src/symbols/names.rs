//! Names of functions, through the entries that refer to each other.

use gimli::{Attribute, AttributeValue, DwLang, UnitOffset, constants};

use crate::symbols::demangle::demangled;
use crate::symbols::dwarf::{Debug, Reader, Unit};
use crate::symbols::scopes;

/// How many references are followed from an entry to the one that has its
/// name. Compilers need three: inlined, abstract, declared.
const MOST_REFERENCES: usize = 16;

/// What the debug information calls a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// For people.
    pub(super) display: String,
    /// For the linker, when that is another one.
    pub(super) linkage: Option<String>,
}

/// What is found along the references from an entry.
struct Found<'d, 'f> {
    plain: Option<Reader<'f>>,
    linkage: Option<Reader<'f>>,
    /// The last entry: the one that stands in the function's scope.
    declared: (&'d Debug<'f>, &'d Unit<'f>, UnitOffset),
}

/// The names of the function that `entry` describes, or refers to by
/// `DW_AT_abstract_origin` and `DW_AT_specification`.
pub(super) fn names<'d, 'f>(
    debug: &'d Debug<'f>,
    unit: &'d Unit<'f>,
    entry: UnitOffset,
) -> Option<Names> {
    let found = follow(debug, unit, entry)?;
    // Without a linkage name the name's scopes are only in the tree above it.
    let qualified = || {
        let (debug, unit, entry) = found.declared;
        let has_scopes = found.linkage.is_none() && unit.language().is_some_and(has_namespaces);
        has_scopes.then(|| scopes::qualified(debug, unit, entry)).flatten()
    };
    let linkage = found.linkage.as_ref().map(lossy);
    let display = found.display().or_else(qualified);
    let display =
        display.or_else(|| found.plain.as_ref().map(lossy)).or_else(|| linkage.clone())?;
    let linkage = linkage.filter(|linkage| *linkage != display);
    Some(Names { display, linkage })
}

/// The name of a function that other names stand in: its whole name, or only
/// the last part of it, as the flag says.
pub(super) fn scope_name<'d, 'f>(
    debug: &'d Debug<'f>,
    unit: &'d Unit<'f>,
    entry: UnitOffset,
) -> Option<(String, bool)> {
    let found = follow(debug, unit, entry)?;
    let whole = found.display().map(|name| (name, true));
    whole.or_else(|| found.plain.as_ref().map(|name| (lossy(name), false)))
}

impl Found<'_, '_> {
    /// By the linkage name, if there is one that means more than itself.
    fn display(&self) -> Option<String> {
        self.linkage.as_ref().and_then(|name| demangled(name.slice()))
    }
}

fn lossy(name: &Reader<'_>) -> String {
    name.to_string_lossy().into_owned()
}

fn follow<'d, 'f>(
    mut debug: &'d Debug<'f>,
    mut unit: &'d Unit<'f>,
    mut entry: UnitOffset,
) -> Option<Found<'d, 'f>> {
    let (mut plain, mut linkage) = (None, None);
    for _ in 0..MOST_REFERENCES {
        let mut next = None;
        let die = unit.unit.entry(entry).ok()?;
        for attribute in die.attrs() {
            let text = || unit.dwarf().attr_string(&unit.unit, attribute.value()).ok();
            match attribute.name() {
                constants::DW_AT_linkage_name | constants::DW_AT_MIPS_linkage_name => {
                    linkage = linkage.or_else(text);
                }
                constants::DW_AT_name => plain = plain.or_else(text),
                constants::DW_AT_abstract_origin | constants::DW_AT_specification => {
                    next = target(debug, unit, attribute);
                }
                _ => (),
            }
        }
        match next {
            Some(found) if linkage.is_none() || plain.is_none() => (debug, unit, entry) = found,
            _ => break,
        }
    }
    Some(Found { plain, linkage, declared: (debug, unit, entry) })
}

/// Whether functions of the language have more of a name than its last part.
fn has_namespaces(language: DwLang) -> bool {
    matches!(
        language,
        constants::DW_LANG_C_plus_plus
            | constants::DW_LANG_C_plus_plus_03
            | constants::DW_LANG_C_plus_plus_11
            | constants::DW_LANG_C_plus_plus_14
            | constants::DW_LANG_C_plus_plus_17
            | constants::DW_LANG_C_plus_plus_20
            | constants::DW_LANG_Rust
    )
}

/// The entry that a reference means: in its own unit, in another one, or in
/// the file of shared pieces.
fn target<'d, 'f>(
    debug: &'d Debug<'f>,
    unit: &'d Unit<'f>,
    attribute: &Attribute<Reader<'f>>,
) -> Option<(&'d Debug<'f>, &'d Unit<'f>, UnitOffset)> {
    let (debug, (next, entry)) = match attribute.value() {
        AttributeValue::UnitRef(entry) => (debug, (unit, entry)),
        AttributeValue::DebugInfoRef(offset) => (debug, debug.unit_containing_from(unit, offset)?),
        AttributeValue::DebugInfoRefSup(offset) => {
            let shared = debug.supplement()?;
            (shared, shared.unit_containing(offset)?)
        }
        _ => return None,
    };
    next.inherit(unit);
    Some((debug, next, entry))
}
