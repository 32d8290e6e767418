//! Names of functions, through the entries that refer to each other.

use gimli::{Attribute, AttributeValue, DebugInfoOffset, UnitOffset, constants};

use crate::symbols::demangle::demangled;
use crate::symbols::dwarf::{Debug, Reader, Unit};

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

/// The names of the function that `entry` describes, or refers to by
/// `DW_AT_abstract_origin` and `DW_AT_specification`.
pub(super) fn names<'d, 'f>(
    debug: &'d Debug<'f>,
    mut unit: &'d Unit<'f>,
    mut entry: UnitOffset,
) -> Option<Names> {
    let (mut plain, mut linkage) = (None, None);
    for _ in 0..MOST_REFERENCES {
        let mut next = None;
        let die = unit.unit.entry(entry).ok()?;
        for attribute in die.attrs() {
            let text = || debug.dwarf().attr_string(&unit.unit, attribute.value()).ok();
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
            Some(found) if linkage.is_none() || plain.is_none() => (unit, entry) = found,
            _ => break,
        }
    }
    let lossy = |name: &Reader<'_>| name.to_string_lossy().into_owned();
    let from_linkage = linkage.as_ref().and_then(|name| demangled(name.slice()));
    let display = from_linkage
        .or_else(|| plain.as_ref().map(lossy))
        .or_else(|| linkage.as_ref().map(lossy))?;
    let linkage = linkage.as_ref().map(lossy).filter(|linkage| *linkage != display);
    Some(Names { display, linkage })
}

/// The entry that a reference means, in its own unit or another one.
pub(super) fn target<'d, 'f>(
    debug: &'d Debug<'f>,
    unit: &'d Unit<'f>,
    attribute: &Attribute<Reader<'f>>,
) -> Option<(&'d Unit<'f>, UnitOffset)> {
    match attribute.value() {
        AttributeValue::UnitRef(entry) => Some((unit, entry)),
        AttributeValue::DebugInfoRef(DebugInfoOffset(offset)) => {
            debug.unit_containing(DebugInfoOffset(offset))
        }
        _ => None,
    }
}
