//! Names of types, in the notation of their language.

use gimli::constants as dw;
use gimli::{DwTag, UnitOffset};
use rustc_hash::FxHashMap;

use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::type_shapes::is_qualifier;
use crate::symbols::types::{Dialect, Types};

/// How deeply a name may nest: a pointer to a function that takes a pointer to
/// an array of ... A damaged file may nest for ever.
const MOST_NESTED: usize = 24;

/// How many parameters of a function type are written out.
const MOST_PARAMETERS: usize = 12;

/// A unit with more bytes of entries than this is not searched for namespaces:
/// the names of its types are then written without them.
const LARGEST_UNIT: usize = 256 << 20;

/// The namespaces and classes of one unit: what stands before the `::` of the
/// names within, and where types are defined that are declared elsewhere.
#[derive(Debug, Default)]
pub struct Containers {
    /// In the order of their offsets; they nest.
    spans: Vec<Span>,
    /// Definitions of structures, classes, unions and enumerations, by name.
    definitions: FxHashMap<Vec<u8>, Vec<UnitOffset>>,
    /// Names of those that are only declared.
    declarations: FxHashMap<UnitOffset, Vec<u8>>,
}

#[derive(Debug)]
struct Span {
    start: usize,
    end: usize,
    name: Option<String>,
    parent: Option<usize>,
}

impl Containers {
    /// Reads the unit of `entry`, its functions' bodies excepted where the
    /// compiler wrote `DW_AT_sibling`.
    pub fn read(entry: Entry<'_, '_>) -> Self {
        let mut found = Self::default();
        // An error ends the search, not the answer.
        let _ = found.search(entry);
        found
    }

    fn search(&mut self, entry: Entry<'_, '_>) -> Result<(), gimli::Error> {
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
                .and_then(|name| entry.debug.dwarf().attr_string(unit, name.value()).ok());
            let name = name.map(|name| name.slice().to_vec());
            let is_declared = attribute(dw::DW_AT_declaration).is_some();
            if let Some(name) = name.clone().filter(|_| is_type(tag)) {
                if is_declared {
                    self.declarations.insert(start, name);
                } else {
                    self.definitions.entry(name).or_default().push(start);
                }
            }
            if abbreviation.has_children() {
                let parent = open.last().map(|(index, _)| *index);
                let name = name.map(|name| String::from_utf8_lossy(&name).into_owned());
                open.push((self.spans.len(), depth));
                self.spans.push(Span { start: start.0, end: usize::MAX, name, parent });
            }
        }
        Ok(())
    }

    /// The names around an entry, outermost first; `None` for an anonymous one.
    pub fn path(&self, at: UnitOffset) -> Vec<Option<&str>> {
        let after = self.spans.partition_point(|span| span.start < at.0);
        let mut here = after.checked_sub(1);
        let mut path = Vec::new();
        while let Some(span) = here.and_then(|index| self.spans.get(index)) {
            if span.start < at.0 && at.0 < span.end {
                path.push(span.name.as_deref());
            }
            here = span.parent;
        }
        path.reverse();
        path
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

fn is_type(tag: DwTag) -> bool {
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

/// The name of a type, in the notation of its unit: `const char *`,
/// `int [2][3]`, `void (*)(int)`, `std::vector<int>`, `&[u8]`.
pub fn name<'a, 'f>(types: &Types<'a, 'f>, entry: Option<Entry<'a, 'f>>) -> String {
    let Some(entry) = entry else { return "void".to_owned() };
    let mut name = declarator(types, Some(entry), 0);
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

fn declarator<'a, 'f>(
    types: &Types<'a, 'f>,
    entry: Option<Entry<'a, 'f>>,
    depth: usize,
) -> Declarator {
    let Some(entry) = entry else { return Declarator::plain("void") };
    if depth > MOST_NESTED {
        return Declarator::plain("...");
    }
    let Some(attributes) = entry.attributes() else { return Declarator::plain("<damaged>") };
    let dialect = types.dialect(entry);
    let target = || attributes.reference(dw::DW_AT_type);
    let inner = || declarator(types, target(), depth + 1);
    match attributes.tag() {
        // Rust names its pointers, and knows no qualifiers.
        _ if dialect == Dialect::Rust && attributes.get(dw::DW_AT_name).is_some() => {
            Declarator::plain(named(types, &attributes, ""))
        }
        dw::DW_TAG_array_type if dialect == Dialect::Rust => rust_array(types, &attributes, depth),
        dw::DW_TAG_subroutine_type if dialect == Dialect::Rust => {
            let function = function(types, &attributes, depth);
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
            let class = declarator(types, class, depth + 1).before;
            pointer(inner(), target(), &format!("{class}::*"))
        }
        tag if is_qualifier(tag) => qualified(inner(), target(), tag),
        dw::DW_TAG_array_type => {
            let mut name = inner();
            let mut lengths = String::new();
            for child in entry.children() {
                if child.tag() == dw::DW_TAG_subrange_type {
                    lengths.push_str(&format!("[{}]", length(&child)));
                }
            }
            name.after = lengths + &name.after;
            name
        }
        dw::DW_TAG_subroutine_type => {
            let mut name = inner();
            name.after = function(types, &attributes, depth) + &name.after;
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

/// The written name of a type with the namespaces around it.
fn named<'a, 'f>(types: &Types<'a, 'f>, attributes: &Attributes<'a, 'f>, keyword: &str) -> String {
    let tag = attributes.tag();
    let own = attributes.text(dw::DW_AT_name);
    let signature = || attributes.reference(dw::DW_AT_signature)?.attributes();
    let Some(own) = own.or_else(|| signature()?.text(dw::DW_AT_name)) else {
        let kind = match tag {
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
    if dialect == Dialect::C || !is_qualified {
        return format!("{keyword}{own}");
    }
    let is_rust = dialect == Dialect::Rust;
    // Names of Rust's own making: `&str`, `(i32, u8)`, `[u8]`.
    if is_rust && !own.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        return own;
    }
    let containers = types.containers(attributes.entry);
    let mut path = String::new();
    for part in containers.path(attributes.entry.offset) {
        path.push_str(part.unwrap_or("(anonymous namespace)"));
        path.push_str("::");
    }
    path + &own
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
    } else {
        name.before = format!("{word} {}", name.before);
    }
    name
}

fn rust_array<'a, 'f>(
    types: &Types<'a, 'f>,
    attributes: &Attributes<'a, 'f>,
    depth: usize,
) -> Declarator {
    let mut name = declarator(types, attributes.reference(dw::DW_AT_type), depth + 1).before;
    for child in attributes.entry.children() {
        if child.tag() == dw::DW_TAG_subrange_type {
            name = format!("[{name}; {}]", length(&child));
        }
    }
    Declarator::plain(name)
}

/// The parameters of a function type: `(int, char *)`.
fn function<'a, 'f>(
    types: &Types<'a, 'f>,
    attributes: &Attributes<'a, 'f>,
    depth: usize,
) -> String {
    let mut parameters = Vec::new();
    for child in attributes.entry.children() {
        let parameter = match child.tag() {
            dw::DW_TAG_formal_parameter => {
                let name = declarator(types, child.reference(dw::DW_AT_type), depth + 1);
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
    let is_c = types.dialect(attributes.entry) == Dialect::C;
    if parameters.is_empty() && is_c && attributes.is_set(dw::DW_AT_prototyped) {
        parameters.push("void".to_owned());
    }
    format!("({})", parameters.join(", "))
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
