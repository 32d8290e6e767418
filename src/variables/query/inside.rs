//! From an address to the variable, and the member of it, that lies there.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::types::{Composite, Length, MemberPlace, Shape, Types};
use crate::variables::place::Place;
use crate::variables::query::evaluate::Evaluator;
use crate::variables::query::{Viewpoint, with_evaluator};
use crate::variables::scope::variables_at;

/// How many members and elements are gone through.
const MOST_STEPS: usize = 64;

/// What lies at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// The variable's name, with its namespaces.
    pub variable: String,
    /// Its type.
    pub type_name: String,
    /// Where it begins.
    pub start: RunAddr,
    /// Its size in bytes.
    pub size: u64,
    /// Where the source declares it.
    pub declared: Option<(String, u64)>,
    /// The member or element at the address: `table[3].name`.
    pub path: String,
    /// Its type.
    pub part_type: String,
    /// How many bytes into it the address is.
    pub into: u64,
    /// Whether the address is in bytes between members.
    pub is_padding: bool,
}

/// The variable of the call that covers an address.
pub fn variable_at(view: &Viewpoint<'_, '_, '_>, at: RunAddr) -> Option<Inside> {
    with_evaluator(view, "", |evaluator| {
        let (function, activation) = (evaluator.function?, evaluator.activation?);
        variables_at(function, activation.at).into_iter().find_map(|declared| {
            let attributes = &declared.attributes;
            let Ok(Place::Memory(start)) = activation.place(attributes) else { return None };
            let size = size_of(evaluator, attributes.type_entry())?;
            let into = at.0.checked_sub(start.0).filter(|into| *into < size)?;
            let name = declared.name.clone().unwrap_or_else(|| "<unnamed>".to_owned());
            Some(inside(&view.context.types, attributes, name, start, size, into))
        })
    })
}

/// The global or static variable that covers an address.
pub fn static_at(view: &Viewpoint<'_, '_, '_>, at: RunAddr) -> Option<Inside> {
    let (entry, into) = view.context.static_at(at)?;
    outside(view, entry, at, into)
}

/// A variable that is in no frame, `into` bytes of which are before an address.
pub fn outside<'a, 'f>(
    view: &Viewpoint<'_, 'a, 'f>,
    entry: Entry<'a, 'f>,
    at: RunAddr,
    into: u64,
) -> Option<Inside> {
    let context = view.context;
    let attributes = entry.attributes()?;
    let start = RunAddr(at.0.checked_sub(into)?);
    let size = context.types.get(attributes.type_entry()).size?;
    // A member of a class says whose it is where it is declared.
    let named = attributes.origins().last().map_or(entry, |origin| origin.entry);
    let around = context.types.containers(named).path(named.offset);
    let around = around.into_iter().map(|name| match name {
        Some(name) => format!("{}::", String::from_utf8_lossy(name)),
        None => "(anonymous namespace)::".to_owned(),
    });
    let name = attributes.name().unwrap_or_else(|| "<unnamed>".to_owned());
    let name = around.collect::<String>() + &name;
    Some(inside(&context.types, &attributes, name, start, size, into))
}

fn size_of<'a, 'f>(
    evaluator: &Evaluator<'_, '_, 'a, 'f>,
    entry: Option<Entry<'a, 'f>>,
) -> Option<u64> {
    let of = evaluator.view.context.types.get(entry);
    match &of.shape {
        Shape::Array(array) if of.size.is_none() => evaluator.array_bytes(&of, array).ok(),
        _ => of.size,
    }
}

fn inside<'a, 'f>(
    types: &Types<'a, 'f>,
    attributes: &Attributes<'a, 'f>,
    name: String,
    start: RunAddr,
    size: u64,
    into: u64,
) -> Inside {
    let of = types.get(attributes.type_entry());
    let mut found = Inside {
        variable: name.clone(),
        type_name: of.name.clone(),
        start,
        size,
        declared: attributes.declared(),
        path: name,
        part_type: of.name.clone(),
        into,
        is_padding: false,
    };
    go_in(types, attributes.type_entry(), &mut found);
    found
}

/// The name of the part of a type that covers one of its bytes, after `path`:
/// that of the pointer that leads there, say.
pub(crate) fn part_of<'a, 'f>(
    types: &Types<'a, 'f>,
    entry: Option<Entry<'a, 'f>>,
    path: String,
    into: u64,
) -> String {
    let mut found = Inside { path, into, ..Inside::default() };
    go_in(types, entry, &mut found);
    found.path
}

/// Goes from a variable to the innermost part that covers the place.
fn go_in<'a, 'f>(types: &Types<'a, 'f>, entry: Option<Entry<'a, 'f>>, found: &mut Inside) {
    let mut entry = entry;
    for _ in 0..MOST_STEPS {
        let of = types.get(entry);
        match &of.shape {
            Shape::Array(array) => {
                let element = types.get(array.element);
                let mut stride = element.size.filter(|size| *size > 0);
                let mut indices: Vec<u64> = Vec::new();
                // Innermost dimension first; the length of the outermost one
                // does not matter.
                for dimension in array.dimensions.iter().skip(1).rev() {
                    let Length::Fixed(count) = dimension else { return };
                    indices.push(*count);
                    stride = stride.and_then(|stride| stride.checked_mul(*count));
                }
                let Some(mut stride) = stride.filter(|stride| *stride > 0) else { return };
                indices.push(1);
                // `a[2][3]`: the stride of a row, then that of an element.
                for count in indices.iter().rev() {
                    stride = stride.checked_div(*count).unwrap_or(1).max(1);
                    let index = found.into.checked_div(stride).unwrap_or(0);
                    found.into = found.into.checked_rem(stride).unwrap_or(0);
                    found.path.push_str(&format!("[{index}]"));
                }
                found.part_type.clone_from(&element.name);
                entry = array.element;
            }
            Shape::Composite(composite) if composite.variants.is_none() && !composite.is_union => {
                match member_at(types, composite, found.into) {
                    Some((name, offset, member)) => {
                        let is_named = !name.is_empty();
                        if is_named {
                            found.path.push('.');
                            found.path.push_str(&name);
                        }
                        found.into = found.into.saturating_sub(offset);
                        let inner = types.get(member);
                        found.part_type.clone_from(&inner.name);
                        entry = member;
                    }
                    None => {
                        found.is_padding = !is_empty(types, entry, MOST_STEPS);
                        return;
                    }
                }
            }
            _ => return,
        }
    }
}

/// Whether objects of a type hold nothing, so that other members may lie at the
/// same address: classes without members, their bases alike.
fn is_empty<'a, 'f>(types: &Types<'a, 'f>, entry: Option<Entry<'a, 'f>>, depth: usize) -> bool {
    let of = types.get(entry);
    let Shape::Composite(composite) = &of.shape else { return false };
    depth > 0
        && composite.variants.is_none()
        && of.size.is_some_and(|size| size <= 1)
        && composite
            .members
            .iter()
            .all(|member| is_empty(types, member.type_entry, depth.saturating_sub(1)))
}

/// The member that covers a byte: its name (empty for a base and an anonymous
/// member), its offset, its type. Where an empty one shares its address with
/// another, that one; an empty base covers nothing.
fn member_at<'a, 'f>(
    types: &Types<'a, 'f>,
    composite: &Composite<'a, 'f>,
    into: u64,
) -> Option<(String, u64, Option<Entry<'a, 'f>>)> {
    let mut empty = None;
    let mut members = composite.members.iter().filter_map(|member| {
        let size = types.get(member.type_entry).size.unwrap_or(0);
        let (offset, size) = match member.place {
            MemberPlace::Bytes(offset) => (offset, size),
            MemberPlace::Bits(from, width) => {
                let first = from.checked_div(8)?;
                let end = from.saturating_add(width).div_ceil(8);
                (first, end.saturating_sub(first))
            }
            MemberPlace::Computed(_) => return None,
        };
        let covers = into.checked_sub(offset).is_some_and(|into| into < size);
        let name = member.name.clone().filter(|_| !member.is_base).unwrap_or_default();
        let found = covers.then_some((name, offset, member.type_entry))?;
        if is_empty(types, member.type_entry, MOST_STEPS) {
            empty = empty.take().or((!member.is_base).then_some(found));
            return None;
        }
        Some(found)
    });
    let found = members.next();
    found.or(empty)
}
