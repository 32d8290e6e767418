//! Reads the shapes of types from their entries: typedefs and qualifiers are
//! looked through, declarations completed, members placed.

use gimli::constants as dw;
use gimli::{AttributeValue, Expression, RunTimeEndian};

use crate::base::data_model::ByteOrder;
use crate::symbols::cpp_names::simplified;
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::named::Search;
use crate::symbols::type_names;
use crate::symbols::types::{
    Array, Composite, Dialect, Enumeration, Length, Member, MemberPlace, Shape, Type, Types,
    Variant, Variants, void,
};

/// How many typedefs and qualifiers are looked through. Honest code nests a
/// dozen; a damaged file may nest them in a circle.
const MOST_ALIASES: usize = 64;

/// How many dimensions of an array are read.
pub(super) const MOST_DIMENSIONS: usize = 8;

/// How many types may need the size of another one, as an array of arrays does.
const MOST_NESTED: usize = 16;

/// Reads a type: looks through typedefs and qualifiers, then describes it.
pub(super) fn read<'a, 'f>(
    types: &Types<'a, 'f>,
    entry: Entry<'a, 'f>,
    depth: usize,
) -> Type<'a, 'f> {
    if depth > MOST_NESTED {
        return unknown(types, entry, String::new(), "it contains itself");
    }
    let name = type_names::name(types, Some(entry));
    let mut aliases = Vec::new();
    let mut here = Some(entry);
    for _ in 0..MOST_ALIASES {
        let Some(entry) = here else { break };
        let Some(attributes) = entry.attributes() else {
            return unknown(types, entry, name, "its entry is damaged");
        };
        match attributes.tag() {
            dw::DW_TAG_typedef => aliases.extend(attributes.text(dw::DW_AT_name)),
            tag if is_qualifier(tag) => (),
            _ => {
                let (attributes, missing) = definition(types, attributes);
                let mut of = describe(types, &attributes, name, aliases, depth + 1);
                if let (Shape::Declared(why), Some(missing)) = (&mut of.shape, missing) {
                    *why = missing;
                }
                return of;
            }
        }
        here = attributes.reference(dw::DW_AT_type);
        if here.is_none() {
            return Type { name, aliases, ..void() };
        }
    }
    unknown(types, entry, name, "its typedefs go in a circle")
}

fn unknown<'a, 'f>(
    types: &Types<'a, 'f>,
    entry: Entry<'a, 'f>,
    name: String,
    why: &str,
) -> Type<'a, 'f> {
    Type {
        plain_name: name.clone(),
        name,
        aliases: Vec::new(),
        entry: Some(entry),
        size: None,
        dialect: types.dialect(entry),
        shape: Shape::Unknown(why.to_owned()),
    }
}

/// Whether a tag only qualifies another type.
pub(super) fn is_qualifier(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type
            | dw::DW_TAG_atomic_type
            | dw::DW_TAG_packed_type
            | dw::DW_TAG_shared_type
            | dw::DW_TAG_immutable_type
    )
}

/// The definition of a type that is only declared here: in its type unit, or
/// elsewhere in the same unit, or in another one. Without one, the declaration,
/// and why.
fn definition<'a, 'f>(
    types: &Types<'a, 'f>,
    declared: Attributes<'a, 'f>,
) -> (Attributes<'a, 'f>, Option<&'static str>) {
    if let Some(unit) = declared.reference(dw::DW_AT_signature).and_then(Entry::attributes) {
        return (unit, None);
    }
    if !declared.is_set(dw::DW_AT_declaration) {
        return (declared, None);
    }
    let containers = types.containers(declared.entry);
    let found = containers
        .definition(declared.entry.offset)
        .map(|offset| Entry { offset, ..declared.entry });
    if let Some(found) = found.and_then(Entry::attributes) {
        return (found, None);
    }
    match types.completion(&declared) {
        Search::Found(found) => match found.attributes() {
            Some(found) => (found, None),
            None => (declared, Some("the entry of its definition is damaged")),
        },
        Search::Missing(why) => (declared, Some(why)),
    }
}

fn describe<'a, 'f>(
    types: &Types<'a, 'f>,
    attributes: &Attributes<'a, 'f>,
    name: String,
    aliases: Vec<String>,
    depth: usize,
) -> Type<'a, 'f> {
    let entry = attributes.entry;
    let stated = attributes.number(dw::DW_AT_byte_size);
    let address = u64::from(entry.unit.unit.header.encoding().address_size);
    let target = || attributes.reference(dw::DW_AT_type);
    let (size, shape) = match attributes.tag() {
        dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type
            if attributes.is_set(dw::DW_AT_declaration) =>
        {
            (None, Shape::Declared(""))
        }
        dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type => {
            let mut parts = composite(attributes);
            if type_names::is_closure(types, attributes) {
                // gcc writes the capture `x` as `__x`.
                for member in &mut parts.members {
                    let name = member.name.take();
                    member.name =
                        name.map(|name| name.strip_prefix("__").map(str::to_owned).unwrap_or(name));
                }
            }
            (stated, Shape::Composite(parts))
        }
        dw::DW_TAG_enumeration_type if attributes.is_set(dw::DW_AT_declaration) => {
            (stated, Shape::Declared(""))
        }
        dw::DW_TAG_enumeration_type if is_swapped(attributes) => {
            (stated, Shape::Unknown("its bytes are in big-endian order".to_owned()))
        }
        dw::DW_TAG_enumeration_type => {
            let of = target().map(|of| types.nested(Some(of), depth));
            let size = stated.or_else(|| of.as_ref().and_then(|of| of.size));
            (size, Shape::Enumeration(enumeration(attributes, of.as_deref())))
        }
        dw::DW_TAG_base_type => {
            let encoding = match attributes.get(dw::DW_AT_encoding) {
                Some(AttributeValue::Encoding(encoding)) => Some(encoding),
                _ => None,
            };
            let bits = attributes.number(dw::DW_AT_bit_size).map(|bits| bits.div_ceil(8));
            let shape = match encoding {
                Some(encoding) if is_swapped(attributes) => Shape::Swapped(encoding),
                Some(encoding) => Shape::Number(encoding),
                None => Shape::Unknown("its entry has no encoding".to_owned()),
            };
            (stated.or(bits), shape)
        }
        dw::DW_TAG_pointer_type => (stated.or(Some(address)), Shape::Pointer(target())),
        dw::DW_TAG_reference_type | dw::DW_TAG_rvalue_reference_type => {
            (stated.or(Some(address)), Shape::Reference(target()))
        }
        dw::DW_TAG_ptr_to_member_type => {
            let of = types.nested(target(), depth);
            let is_function = matches!(of.shape, Shape::Function);
            // Itanium C++ ABI 2.3: an offset, or a function and an adjustment.
            let size = if is_function { address.saturating_mul(2) } else { address };
            (stated.or(Some(size)), Shape::MemberPointer(is_function))
        }
        dw::DW_TAG_array_type => {
            let array = array(attributes);
            let size = stated.or_else(|| array_size(types, &array, depth));
            (size, Shape::Array(array))
        }
        dw::DW_TAG_subroutine_type | dw::DW_TAG_subprogram => (None, Shape::Function),
        // `decltype(nullptr)` is as large as a pointer.
        dw::DW_TAG_unspecified_type => {
            let is_null = name.contains("nullptr");
            (stated.or(is_null.then_some(address)), Shape::Nothing)
        }
        dw::DW_TAG_subrange_type => match target() {
            Some(of) => {
                let of = types.nested(Some(of), depth);
                (stated.or(of.size), of.shape.clone())
            }
            None => (stated, Shape::Unknown("a range of an unknown type".to_owned())),
        },
        tag => (stated, Shape::Unknown(format!("types of kind {tag} are unknown to this program"))),
    };
    let shape = if types.has_room(room(&shape)) {
        shape
    } else {
        Shape::Unknown("the debug information has more types than are kept".to_owned())
    };
    let plain_name = type_names::name(types, Some(entry));
    let dialect = types.dialect(entry);
    let name = if dialect == Dialect::Cpp { simplified(&name) } else { name };
    Type { name, aliases, plain_name, entry: Some(entry), size, dialect, shape }
}

/// About how many bytes the parts of a type take.
fn room(shape: &Shape<'_, '_>) -> usize {
    let names: (usize, usize) = match shape {
        Shape::Composite(composite) => {
            let names = composite.members.iter().filter_map(|member| member.name.as_ref());
            (composite.members.len(), names.map(String::len).sum())
        }
        Shape::Enumeration(names) => {
            (names.enumerators.len(), names.enumerators.iter().map(|(name, _)| name.len()).sum())
        }
        _ => (1, 0),
    };
    names.0.saturating_mul(128).saturating_add(names.1)
}

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
fn member<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Option<Member<'a, 'f>> {
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
    // gcc counts the fields of big-endian structures in the same way.
    let storage = attributes.number(dw::DW_AT_byte_size).or_else(|| {
        attributes.reference(dw::DW_AT_type)?.attributes()?.number(dw::DW_AT_byte_size)
    });
    if is_big_endian(attributes) {
        return MemberPlace::Bits(base.saturating_add(from_top), width);
    }
    match from_low_bit(base, storage.unwrap_or(4), from_top, width) {
        Some(bit) => MemberPlace::Bits(bit, width),
        None => MemberPlace::Bits(base, 0),
    }
}

/// Where a bit-field begins that is counted from the most significant bit of
/// its storage unit. The field of a packed structure may reach beyond that
/// unit: clang then counts from above it, with a negative number.
fn from_low_bit(base: u64, storage: u64, from_top: u64, width: u64) -> Option<u64> {
    let end = storage.checked_mul(8)?.checked_add_signed(from_top.cast_signed().checked_neg()?)?;
    base.checked_add(end.checked_sub(width)?)
}

/// Whether a type's bytes are in another order than those of the machine.
fn is_swapped(attributes: &Attributes<'_, '_>) -> bool {
    let other = if is_big_endian(attributes) { dw::DW_END_little } else { dw::DW_END_big };
    let stated = attributes.get(dw::DW_AT_endianity);
    matches!(stated, Some(AttributeValue::Endianity(order)) if order == other)
}

/// Whether the machine's own order has the most significant byte first.
fn is_big_endian(attributes: &Attributes<'_, '_>) -> bool {
    attributes.entry.debug.order() == ByteOrder::Big
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

fn variants<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Variants<'a, 'f> {
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
            let order = match gimli::Reader::endian(&bytes) {
                RunTimeEndian::Little => ByteOrder::Little,
                RunTimeEndian::Big => ByteOrder::Big,
            };
            order.wide_number(bytes.slice())
        }
        value => value.udata_value().map(u128::from),
    }
}

fn enumeration(attributes: &Attributes<'_, '_>, of: Option<&Type<'_, '_>>) -> Enumeration {
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

fn array<'a, 'f>(attributes: &Attributes<'a, 'f>) -> Array<'a, 'f> {
    let mut dimensions = Vec::new();
    for child in attributes.entry.children() {
        match child.tag() {
            dw::DW_TAG_subrange_type => dimensions.push(length(&child)),
            dw::DW_TAG_enumeration_type => dimensions.push(Length::Unknown),
            _ => (),
        }
        if dimensions.len() >= MOST_DIMENSIONS {
            break;
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

fn array_size<'a, 'f>(types: &Types<'a, 'f>, array: &Array<'a, 'f>, depth: usize) -> Option<u64> {
    let mut size = types.nested(array.element, depth).size?;
    for dimension in &array.dimensions {
        let Length::Fixed(count) = dimension else { return None };
        size = size.checked_mul(*count)?;
    }
    Some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_fields_counted_from_the_top() {
        let cases: &[(&str, (u64, u64, u64, u64), Option<u64>)] = &[
            ("the lowest bits of four bytes", (0, 4, 29, 3), Some(0)),
            ("the highest bits", (0, 4, 0, 3), Some(29)),
            ("in the second unit", (32, 4, 28, 4), Some(32)),
            // clang: `int64_t b : 31` after 41 bits of a packed structure.
            ("beyond its unit", (0, 8, 8_u64.wrapping_neg(), 31), Some(41)),
            ("wider than what is left", (0, 4, 30, 3), None),
            ("damaged", (0, u64::MAX, 1, 1), None),
        ];
        for (name, (base, storage, from_top, width), want) in cases {
            assert_eq!(from_low_bit(*base, *storage, *from_top, *width), *want, "{name}");
        }
    }
}
