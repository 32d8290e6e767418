//! Names of types, in the notation of their language.

use std::cell::Cell;

use gimli::DwTag;
use gimli::constants as dw;

use crate::symbols::containers::is_type;
use crate::symbols::entries::{Attributes, Descend, Entry, shown};
use crate::symbols::type_shapes::{MOST_DIMENSIONS, is_qualifier};
use crate::symbols::types::{Dialect, Types};

/// How deeply a name may nest: a pointer to a function that takes a pointer to
/// an array of ... A damaged file may nest for ever.
const MOST_NESTED: usize = 24;

/// How many parameters of a function type are written out.
const MOST_PARAMETERS: usize = 12;

/// How many parts a name may have in all: each of its parameters may be a
/// function with parameters.
const MOST_PARTS: usize = 200;

/// The name of a type, in the notation of its unit: `const char *`,
/// `int [2][3]`, `void (*)(int)`, `std::vector<int>`, `&[u8]`.
pub fn name<'a, 'f>(types: &Types<'a, 'f>, entry: Option<Entry<'a, 'f>>) -> String {
    let Some(entry) = entry else { return "void".to_owned() };
    let mut name = Namer { types, left: Cell::new(MOST_PARTS) }.declarator(Some(entry), 0);
    if name.after.starts_with('[') && !name.before.ends_with(['*', '(']) {
        name.before.push(' ');
    }
    name.before + &name.after
}

/// The two halves of a name around what it declares: `int (*` and `)[3]`.
struct Declarator {
    before: String,
    after: String,
}

impl Declarator {
    fn plain(name: impl Into<String>) -> Self {
        Self { before: name.into(), after: String::new() }
    }
}

/// Writes one name.
struct Namer<'t, 'a, 'f> {
    types: &'t Types<'a, 'f>,
    /// How many more parts it may have.
    left: Cell<usize>,
}

impl<'a, 'f> Namer<'_, 'a, 'f> {
    fn declarator(&self, entry: Option<Entry<'a, 'f>>, depth: usize) -> Declarator {
        let types = self.types;
        let Some(entry) = entry else { return Declarator::plain("void") };
        let left = self.left.get();
        if depth > MOST_NESTED || left == 0 {
            return Declarator::plain("...");
        }
        self.left.set(left.saturating_sub(1));
        let Some(attributes) = entry.attributes() else { return Declarator::plain("<damaged>") };
        let dialect = types.dialect(entry);
        let target = || attributes.type_entry();
        let is_function = attributes.tag() == dw::DW_TAG_subprogram;
        let inner = || self.declarator(target(), depth + 1);
        match attributes.tag() {
            // Rust and Go name their pointers, and know no qualifiers.
            _ if matches!(dialect, Dialect::Rust | Dialect::Go)
                && !is_function
                && attributes.get(dw::DW_AT_name).is_some() =>
            {
                Declarator::plain(named(types, &attributes, ""))
            }
            dw::DW_TAG_array_type if dialect == Dialect::Rust => {
                self.rust_array(&attributes, depth)
            }
            dw::DW_TAG_subroutine_type | dw::DW_TAG_subprogram if dialect == Dialect::Rust => {
                let function = self.function(&attributes, depth);
                let result = match target() {
                    Some(_) => format!(" -> {}", inner().before),
                    None => String::new(),
                };
                Declarator::plain(format!("fn{function}{result}"))
            }
            dw::DW_TAG_pointer_type => pointer(inner(), target(), "*"),
            dw::DW_TAG_reference_type => pointer(inner(), target(), "&"),
            dw::DW_TAG_rvalue_reference_type => pointer(inner(), target(), "&&"),
            dw::DW_TAG_ptr_to_member_type => {
                let class = attributes.reference(dw::DW_AT_containing_type);
                let class = self.declarator(class, depth + 1).before;
                pointer(inner(), target(), &format!("{class}::*"))
            }
            tag if is_qualifier(tag) => qualified(inner(), target(), tag),
            dw::DW_TAG_array_type => {
                let mut name = inner();
                let lengths = lengths(&attributes).into_iter().map(|length| format!("[{length}]"));
                name.after = lengths.collect::<String>() + &name.after;
                name
            }
            dw::DW_TAG_subroutine_type | dw::DW_TAG_subprogram => {
                let mut name = inner();
                name.after = self.function(&attributes, depth) + &name.after;
                if !name.before.ends_with(['*', '(', ' ']) {
                    name.before.push(' ');
                }
                name
            }
            tag => {
                let keyword = match (dialect, tag) {
                    (Dialect::C, dw::DW_TAG_structure_type) => "struct ",
                    (Dialect::C, dw::DW_TAG_union_type) => "union ",
                    (Dialect::C, dw::DW_TAG_enumeration_type) => "enum ",
                    _ => "",
                };
                Declarator::plain(named(types, &attributes, keyword))
            }
        }
    }

    fn rust_array(&self, attributes: &Attributes<'a, 'f>, depth: usize) -> Declarator {
        let mut name = self.declarator(attributes.reference(dw::DW_AT_type), depth + 1).before;
        for length in lengths(attributes) {
            name = format!("[{name}; {length}]");
        }
        Declarator::plain(name)
    }

    /// The parameters of a function type: `(int, char *)`.
    fn function(&self, attributes: &Attributes<'a, 'f>, depth: usize) -> String {
        let mut parameters = Vec::new();
        for child in attributes.entry.children() {
            let parameter = match child.tag() {
                dw::DW_TAG_formal_parameter => {
                    let name = self.declarator(child.type_entry(), depth + 1);
                    name.before + &name.after
                }
                dw::DW_TAG_unspecified_parameters => "...".to_owned(),
                _ => continue,
            };
            if parameters.len() == MOST_PARAMETERS {
                parameters.push("...".to_owned());
                break;
            }
            parameters.push(parameter);
        }
        let is_c = self.types.dialect(attributes.entry) == Dialect::C;
        if parameters.is_empty() && is_c && attributes.is_set(dw::DW_AT_prototyped) {
            parameters.push("void".to_owned());
        }
        format!("({})", parameters.join(", "))
    }
}

/// The written name of a type with the namespaces around it.
fn named<'a, 'f>(types: &Types<'a, 'f>, attributes: &Attributes<'a, 'f>, keyword: &str) -> String {
    let tag = attributes.tag();
    let own = attributes.text(dw::DW_AT_name);
    if own.is_none()
        && let Some(unit) = attributes.reference(dw::DW_AT_signature).and_then(Entry::attributes)
        && unit.get(dw::DW_AT_name).is_some()
    {
        // gcc puts what stands for it outside of all namespaces.
        return named(types, &unit, keyword);
    }
    let Some(own) = own else {
        let kind = match tag {
            _ if is_closure(types, attributes) => return "lambda".to_owned(),
            dw::DW_TAG_structure_type => "struct",
            dw::DW_TAG_class_type => "class",
            dw::DW_TAG_union_type => "union",
            dw::DW_TAG_enumeration_type => "enum",
            _ => "type",
        };
        return format!("{kind} {{...}}");
    };
    let dialect = types.dialect(attributes.entry);
    let is_qualified = is_type(tag) || tag == dw::DW_TAG_typedef;
    if matches!(dialect, Dialect::C | Dialect::Go | Dialect::D) || !is_qualified {
        return format!("{keyword}{own}");
    }
    let is_rust = dialect == Dialect::Rust;
    // Names of Rust's own making: `&str`, `(i32, u8)`, `[u8]`. But closures are
    // in a function: `{closure_env#0}`.
    if is_rust && !own.starts_with(|first: char| first.is_alphabetic() || "_{".contains(first)) {
        return own;
    }
    let containers = types.containers(attributes.entry);
    let mut path = String::new();
    for part in containers.path(attributes.entry.offset) {
        match part {
            Some(name) => path.push_str(&shown(name)),
            None => path.push_str("(anonymous namespace)"),
        }
        path.push_str("::");
    }
    path + &own
}

/// Whether a type without a name is that of a lambda of C++: what has captures
/// for members, and can be called.
pub(super) fn is_closure<'a, 'f>(types: &Types<'a, 'f>, of: &Attributes<'a, 'f>) -> bool {
    let is_unnamed_class = matches!(of.tag(), dw::DW_TAG_structure_type | dw::DW_TAG_class_type)
        && of.get(dw::DW_AT_name).is_none()
        && types.dialect(of.entry) == Dialect::Cpp;
    let mut is_called = false;
    if is_unnamed_class {
        of.entry.walk(|child, _| {
            is_called = child.tag() == dw::DW_TAG_subprogram
                && child.text(dw::DW_AT_name).as_deref() == Some("operator()");
            if is_called { Descend::Stop } else { Descend::No }
        });
    }
    is_called
}

/// Puts `*`, `&` or `Class::*` into a name.
fn pointer(mut name: Declarator, target: Option<Entry<'_, '_>>, sign: &str) -> Declarator {
    let tag = target.and_then(Entry::attributes).map(|target| target.tag());
    if matches!(tag, Some(dw::DW_TAG_array_type | dw::DW_TAG_subroutine_type)) {
        if !name.before.ends_with([' ', '(', '*']) {
            name.before.push(' ');
        }
        name.before.push('(');
        name.after.insert(0, ')');
    } else if !name.before.ends_with(['*', '&', '(']) {
        name.before.push(' ');
    }
    name.before.push_str(sign);
    name
}

/// Puts a qualifier into a name: before what it qualifies, but after the `*` of
/// a pointer.
fn qualified(mut name: Declarator, target: Option<Entry<'_, '_>>, tag: DwTag) -> Declarator {
    let word = match tag {
        dw::DW_TAG_const_type => "const",
        dw::DW_TAG_volatile_type => "volatile",
        dw::DW_TAG_restrict_type => "restrict",
        dw::DW_TAG_atomic_type => "_Atomic",
        _ => return name,
    };
    let target = target.and_then(Entry::attributes).map(|target| target.tag());
    if matches!(target, Some(dw::DW_TAG_pointer_type | dw::DW_TAG_ptr_to_member_type)) {
        name.before.push_str(word);
    } else if !name.before.starts_with(&format!("{word} ")) {
        // gcc qualifies a volatile array and its elements, too.
        name.before = format!("{word} {}", name.before);
    }
    name
}

/// The lengths of an array's dimensions, outermost first.
fn lengths(array: &Attributes<'_, '_>) -> Vec<String> {
    let children = array.entry.children().into_iter();
    let ranges = children.filter(|child| child.tag() == dw::DW_TAG_subrange_type);
    ranges.take(MOST_DIMENSIONS).map(|range| length(&range)).collect()
}

/// The length of a dimension, where it is fixed.
fn length(subrange: &Attributes<'_, '_>) -> String {
    let count = subrange.number(dw::DW_AT_count).or_else(|| {
        let upper = subrange.signed(dw::DW_AT_upper_bound).filter(|upper| *upper >= -1);
        let upper = upper.or_else(|| i64::try_from(subrange.number(dw::DW_AT_upper_bound)?).ok());
        u64::try_from(upper?.checked_add(1)?).ok()
    });
    count.map(|count| count.to_string()).unwrap_or_default()
}
