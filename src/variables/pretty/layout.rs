//! Where the value of a node lies, which no member of the node's own type says.

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{MemberPlace, Shape};
use crate::variables::place::Place;
use crate::variables::pretty::object::{Failure, Found, Object};

/// How many types are looked at for the alignment of one.
const MOST_TYPES: usize = 2_000;

/// How deep structures nest that are looked at for the alignment of one.
const MOST_NESTED: usize = 24;

/// The values of nodes, behind their links.
pub(super) struct Behind<'r, 'c, 'a, 'f> {
    /// The type of the values, at any place.
    element: Object<'r, 'c, 'a, 'f>,
    /// How many bytes of a node precede its value.
    offset: u64,
}

impl<'r, 'c, 'a, 'f> Behind<'r, 'c, 'a, 'f> {
    /// Values of this type behind so many bytes of links, where their alignment
    /// allows.
    pub(super) fn links(
        object: &Object<'r, 'c, 'a, 'f>,
        element: Entry<'a, 'f>,
        links: u64,
    ) -> Found<Self> {
        let element = object.at(Some(element), RunAddr(0));
        let mut left = MOST_TYPES;
        let why = || Failure::Because("the alignment of its elements is not known".to_owned());
        let alignment = alignment(&element, MOST_NESTED, &mut left).ok_or_else(why)?;
        let offset = links.checked_next_multiple_of(alignment).ok_or_else(why)?;
        Ok(Self { element, offset })
    }

    /// Values of this type at an offset that is known.
    pub(super) fn at(object: &Object<'r, 'c, 'a, 'f>, element: Entry<'a, 'f>, offset: u64) -> Self {
        Self { element: object.at(Some(element), RunAddr(0)), offset }
    }

    /// The value of a node.
    pub(super) fn of(&self, node: RunAddr) -> Object<'r, 'c, 'a, 'f> {
        let at = RunAddr(node.0.wrapping_add(self.offset));
        Object { place: Place::Memory(at), ..self.element.clone() }
    }
}

/// The alignment of a type: what the debug information states, or the largest of
/// its parts (System V psABI for x86-64, 3.1.2). `None`: nothing tells.
pub(super) fn alignment(
    of: &Object<'_, '_, '_, '_>,
    depth: usize,
    left: &mut usize,
) -> Option<u64> {
    let depth = depth.checked_sub(1)?;
    *left = left.checked_sub(1)?;
    let attributes = of.of.entry.and_then(Entry::attributes);
    let stated = attributes.as_ref().and_then(|it| it.number(dw::DW_AT_alignment));
    if let Some(stated) = stated {
        return stated.is_power_of_two().then_some(stated);
    }
    let is_vector = attributes.is_some_and(|it| it.is_set(dw::DW_AT_GNU_vector));
    match &of.of.shape {
        Shape::Composite(composite) => {
            let mut largest = stated_by_members(of);
            for member in &composite.members {
                let part = alignment(&of.seen_as(member.type_entry), depth, left)?;
                // A part that is not aligned is in a packed structure.
                let is_packed = match member.place {
                    MemberPlace::Bytes(at) => !at.is_multiple_of(part),
                    MemberPlace::Bits(..) | MemberPlace::Computed(_) => false,
                };
                if is_packed {
                    return Some(1);
                }
                largest = largest.max(part);
            }
            // Of a packed structure even the size may not fit.
            let size = of.of.size?;
            Some(if size.is_multiple_of(largest) { largest } else { 1 })
        }
        Shape::Array(_) if is_vector => of.of.size?.checked_next_power_of_two(),
        Shape::Array(array) => alignment(&of.seen_as(array.element), depth, left),
        // All that is only declared, and has a size that is known, has words.
        Shape::MemberPointer(_) | Shape::Declared(_) => Some(8),
        // Complex numbers are aligned as their halves.
        Shape::Number(dw::DW_ATE_complex_float) => Some((of.of.size? / 2).clamp(1, 16)),
        _ => Some(of.of.size?.min(16).next_power_of_two().max(1)),
    }
}

/// The largest alignment that the members of a structure state themselves.
fn stated_by_members(of: &Object<'_, '_, '_, '_>) -> u64 {
    let children = of.of.entry.map(Entry::children).unwrap_or_default();
    let stated = children.iter().filter_map(|it| it.number(dw::DW_AT_alignment));
    stated.filter(|it| it.is_power_of_two()).max().unwrap_or(1)
}
