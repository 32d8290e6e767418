//! The parts of a type: members, variants, enumerators, dimensions.

use gimli::constants as dw;
use gimli::{AttributeValue, Expression};

use crate::symbols::dwarf::Reader;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::types::{
    Array, Composite, Enumeration, Length, Member, MemberPlace, Shape, Type, Types, Variant,
    Variants,
};

pub(super) fn composite<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Composite<'a, 'f> {
    let mut found =
        Composite { is_union: attributes.tag() == dw::DW_TAG_union_type, ..Composite::default() };
    for child in attributes.entry.children() {
        match child.tag() {
            dw::DW_TAG_member | dw::DW_TAG_inheritance => found.members.extend(member(&child)),
            dw::DW_TAG_variant_part => found.variants = Some(variants(&child)),
            dw::DW_TAG_template_type_parameter => {
                if let Some(argument) = child.reference(dw::DW_AT_type) {
                    let name = child.text(dw::DW_AT_name).unwrap_or_default();
                    found.type_arguments.push((name, argument));
                }
            }
            _ => (),
        }
    }
    found
}

/// A member or base class. `None` for a static member.
pub(super) fn member<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Option<Member<'a, 'f>> {
    // Before DWARF 5, static members were members that are declarations.
    if attributes.is_set(dw::DW_AT_external) || attributes.is_set(dw::DW_AT_declaration) {
        return None;
    }
    let name = attributes.text(dw::DW_AT_name);
    let is_vtable = name.as_deref().is_some_and(|name| name.starts_with("_vptr"));
    Some(Member {
        is_base: attributes.tag() == dw::DW_TAG_inheritance,
        // gcc marks the pointer to the virtual table, clang 19 does not.
        is_artificial: attributes.is_set(dw::DW_AT_artificial) || is_vtable,
        name,
        type_entry: attributes.reference(dw::DW_AT_type),
        place: member_place(attributes),
        line: attributes.number(dw::DW_AT_decl_line),
    })
}

fn member_place<'f>(attributes: &Attributes<'_, 'f>) -> MemberPlace<'f> {
    let bytes = match attributes.get(dw::DW_AT_data_member_location) {
        Some(AttributeValue::Exprloc(expression)) => match plain_offset(expression, attributes) {
            Some(bytes) => bytes,
            None => return MemberPlace::Computed(expression),
        },
        Some(value) => value.udata_value().unwrap_or(0),
        // Members of unions, and bit-fields counted from the start.
        None => 0,
    };
    let Some(width) = attributes.number(dw::DW_AT_bit_size) else {
        return MemberPlace::Bytes(bytes);
    };
    let base = bytes.saturating_mul(8);
    if let Some(bit) = attributes.number(dw::DW_AT_data_bit_offset) {
        return MemberPlace::Bits(base.saturating_add(bit), width);
    }
    let Some(from_top) = attributes.number(dw::DW_AT_bit_offset) else {
        return MemberPlace::Bits(base, width);
    };
    // DWARF 3 counts from the most significant bit of a storage unit, whose
    // size is this attribute or that of the type.
    let storage = attributes.number(dw::DW_AT_byte_size).or_else(|| {
        attributes.reference(dw::DW_AT_type)?.attributes()?.number(dw::DW_AT_byte_size)
    });
    let storage = storage.unwrap_or(4).saturating_mul(8);
    let bit = storage.saturating_sub(from_top).saturating_sub(width);
    MemberPlace::Bits(base.saturating_add(bit), width)
}

/// The offset that DWARF 2 wrote as the expression `DW_OP_plus_uconst`.
fn plain_offset<'f>(
    expression: Expression<Reader<'f>>,
    attributes: &Attributes<'_, 'f>,
) -> Option<u64> {
    let mut operations = expression.operations(attributes.entry.unit.unit.header.encoding());
    match (operations.next().ok()??, operations.next().ok()?) {
        (gimli::Operation::PlusConstant { value }, None) => Some(value),
        _ => None,
    }
}

pub(super) fn variants<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Variants<'a, 'f> {
    let discriminant = attributes.reference(dw::DW_AT_discr).and_then(Entry::attributes);
    let mut list = Vec::new();
    for child in attributes.entry.children() {
        if child.tag() != dw::DW_TAG_variant {
            continue;
        }
        let mut members = child.entry.children().into_iter();
        let first = members.find(|inner| inner.tag() == dw::DW_TAG_member);
        list.push(Variant {
            selected_by: selectors(&child),
            member: first.as_ref().and_then(member),
        });
    }
    Variants { discriminant: discriminant.as_ref().and_then(member), list }
}

fn selectors(attributes: &Attributes<'_, '_>) -> Vec<(u128, u128)> {
    if let Some(value) = attributes.get(dw::DW_AT_discr_value).and_then(wide) {
        return vec![(value, value)];
    }
    let Some(AttributeValue::Block(mut list)) = attributes.get(dw::DW_AT_discr_list) else {
        return Vec::new();
    };
    // DWARF 5, 5.7.10: DW_DSC_label value, or DW_DSC_range low high.
    let mut found = Vec::new();
    while let Ok(kind) = gimli::Reader::read_u8(&mut list) {
        let Ok(low) = gimli::Reader::read_uleb128(&mut list) else { break };
        let high = match dw::DwDsc(kind) {
            dw::DW_DSC_range => gimli::Reader::read_uleb128(&mut list).unwrap_or(low),
            _ => low,
        };
        found.push((u128::from(low), u128::from(high)));
    }
    found
}

/// A constant of any form, sign-extended to 128 bits.
fn wide(value: AttributeValue<Reader<'_>>) -> Option<u128> {
    match value {
        AttributeValue::Sdata(value) => Some(i128::from(value).cast_unsigned()),
        AttributeValue::Data16(value) => Some(value),
        AttributeValue::Block(bytes) => {
            let mut wide = [0; 16];
            let slice = bytes.slice();
            wide.get_mut(..slice.len())?.copy_from_slice(slice);
            Some(u128::from_le_bytes(wide))
        }
        value => value.udata_value().map(u128::from),
    }
}

pub(super) fn enumeration(
    attributes: &Attributes<'_, '_>,
    of: Option<&Type<'_, '_>>,
) -> Enumeration {
    let mut found =
        Enumeration { is_scoped: attributes.is_set(dw::DW_AT_enum_class), ..Default::default() };
    // Without an underlying type, negative enumerators tell.
    let signed = of.map(|of| match of.shape {
        Shape::Number(encoding) => {
            matches!(encoding, dw::DW_ATE_signed | dw::DW_ATE_signed_char)
        }
        _ => false,
    });
    for child in attributes.entry.children() {
        if child.tag() != dw::DW_TAG_enumerator {
            continue;
        }
        // Only the signed forms are sign-extended: gcc writes 200 as one byte.
        let value = match child.get(dw::DW_AT_const_value) {
            Some(AttributeValue::Sdata(value)) => Some(i128::from(value)),
            Some(value) => value.udata_value().map(i128::from),
            None => None,
        };
        if let (Some(name), Some(value)) = (child.text(dw::DW_AT_name), value) {
            found.enumerators.push((name, value));
        }
    }
    found.is_signed =
        signed.unwrap_or_else(|| found.enumerators.iter().any(|(_, value)| *value < 0));
    found
}

pub(super) fn array<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Array<'a, 'f> {
    let mut dimensions = Vec::new();
    for child in attributes.entry.children() {
        match child.tag() {
            dw::DW_TAG_subrange_type => dimensions.push(length(&child)),
            dw::DW_TAG_enumeration_type => dimensions.push(Length::Unknown),
            _ => (),
        }
    }
    if dimensions.is_empty() {
        dimensions.push(Length::Unknown);
    }
    Array { element: attributes.reference(dw::DW_AT_type), dimensions }
}

fn length<'a, 'f>(subrange: &Attributes<'a, 'f>) -> Length<'a, 'f> {
    let lower = subrange.signed(dw::DW_AT_lower_bound).unwrap_or(0);
    let bound = |name, more: i64| {
        let value = subrange.get(name)?;
        Some(match value {
            AttributeValue::Exprloc(expression) => Length::Computed(expression, more),
            AttributeValue::UnitRef(_) | AttributeValue::DebugInfoRef(_) => {
                Length::Variable(subrange.entry.follow(value)?, more)
            }
            // gcc writes `int empty[0]` in C as an upper bound of -1.
            AttributeValue::Sdata(value) => {
                Length::Fixed(u64::try_from(value.checked_add(more)?).ok()?)
            }
            AttributeValue::Data8(value) | AttributeValue::Udata(value)
                if value == u64::MAX && more == 1 =>
            {
                Length::Fixed(0)
            }
            value => Length::Fixed(value.udata_value()?.checked_add_signed(more)?),
        })
    };
    bound(dw::DW_AT_count, 0)
        .or_else(|| bound(dw::DW_AT_upper_bound, 1_i64.checked_sub(lower)?))
        .unwrap_or(Length::Unknown)
}

pub(super) fn array_size<'a, 'f>(
    types: &Types<'a, 'f>,
    array: &Array<'a, 'f>,
    depth: usize,
) -> Option<u64> {
    let mut size = types.nested(array.element, depth).size?;
    for dimension in &array.dimensions {
        let Length::Fixed(count) = dimension else { return None };
        size = size.checked_mul(*count)?;
    }
    Some(size)
}
