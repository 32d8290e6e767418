//! The global and static variables of the unit that a call belongs to.

use gimli::Operation;
use gimli::constants as dw;

use crate::symbols::entries::{Attributes, Descend, Entry};
use crate::unwind::frame::Frame;
use crate::variables::calls::{FrameCall, ThreadCalls};
use crate::variables::location::Activation;
use crate::variables::read::Reading;
use crate::variables::value::{Value, Variable};
use crate::variables::{Context, activation};

/// More variables than this of one unit are left out, and counted.
const MOST_GLOBALS: usize = 500;

/// The variables of one unit that live as long as the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Globals {
    /// The unit's main source file.
    pub unit: String,
    /// They, in the order of the unit.
    pub variables: Vec<Variable>,
    /// How many more there are.
    pub omitted: usize,
}

/// The variables of the unit in which a thread stood: that of its innermost
/// call in the program itself, or else of its innermost call in a library with
/// debug information. `None`: there is no such call.
pub fn globals(context: &Context<'_, '_>, thread: &ThreadCalls) -> Option<Globals> {
    let frames: Vec<&Frame> = thread.stack.frames().collect();
    let is_own = |call: &&FrameCall| {
        let frame = frames.get(call.frame);
        frame
            .and_then(|frame| context.process.module(frame.at.lookup()))
            .is_some_and(|(_, module)| module.is_main)
    };
    let mut known = thread.calls.iter().filter(|call| call.call.scope.is_some());
    let found = known.clone().find(is_own).or_else(|| known.next())?;
    let (activation, function) = activation(context, &frames, found.frame, &found.call)?;
    let root = function.root();
    let mut globals = Globals {
        unit: root.attributes()?.text(dw::DW_AT_name).unwrap_or_default(),
        variables: Vec::new(),
        omitted: 0,
    };
    let declared = collect(context, root);
    globals.omitted = declared.len().saturating_sub(MOST_GLOBALS);
    for (name, attributes) in declared.into_iter().take(MOST_GLOBALS) {
        globals.variables.push(read(&activation, name, &attributes));
    }
    Some(globals)
}

/// Variables that have a place, those in namespaces and the static ones of
/// functions, too, with their qualified names: `fact::calls`. Those whose names
/// are reserved to the implementation come from its headers, and are left out.
fn collect<'a, 'f>(
    context: &Context<'a, 'f>,
    unit: Entry<'a, 'f>,
) -> Vec<(String, Attributes<'a, 'f>)> {
    let mut found: Vec<(String, Attributes<'a, 'f>)> = Vec::new();
    // The functions around, with their depths.
    let mut functions: Vec<(usize, String)> = Vec::new();
    unit.walk(|entry, depth| {
        while functions.last().is_some_and(|(around, _)| *around >= depth) {
            functions.pop();
        }
        match entry.tag() {
            dw::DW_TAG_variable => {
                let is_static = functions.is_empty() || is_static(entry);
                if let Some(name) = name(entry).filter(|_| is_static) {
                    let name = match functions.last() {
                        Some((_, function)) => format!("{function}::{name}"),
                        None => qualified(context, entry, &name),
                    };
                    // Copies of an inlined function share its variables.
                    if !is_reserved(&name)
                        && !found.iter().any(|(other, it)| {
                            *other == name
                                && !functions.is_empty()
                                && it.declared() == entry.declared()
                        })
                    {
                        found.push((name, entry.clone()));
                    }
                }
                Descend::No
            }
            dw::DW_TAG_subprogram => match entry.name() {
                Some(name) => {
                    functions.push((depth, qualified(context, entry, &name)));
                    Descend::Yes
                }
                None => Descend::No,
            },
            dw::DW_TAG_namespace | dw::DW_TAG_lexical_block => Descend::Yes,
            _ => Descend::No,
        }
    });
    found
}

/// A name with the namespaces and classes around it.
fn qualified<'a, 'f>(context: &Context<'a, 'f>, entry: &Attributes<'a, 'f>, name: &str) -> String {
    // A member of a class says whose it is where it is declared.
    let named = entry.origins().last().map_or(entry.entry, |origin| origin.entry);
    let around = context.types.containers(named).path(named.offset).into_iter();
    let around = around.map(|name| match name {
        Some(name) => format!("{}::", String::from_utf8_lossy(name)),
        None => "(anonymous namespace)::".to_owned(),
    });
    around.collect::<String>() + name
}

/// Whether a variable of a function outlives its calls.
fn is_static(entry: &Attributes<'_, '_>) -> bool {
    let location = entry.get(dw::DW_AT_location).and_then(|location| location.exprloc_value());
    let Some(location) = location else { return false };
    let mut operations = location.operations(entry.entry.unit.unit.encoding());
    let first = operations.next();
    matches!(
        (first, operations.next()),
        (Ok(Some(Operation::Address { .. } | Operation::AddressIndex { .. })), Ok(None))
            | (_, Ok(Some(Operation::TLS)))
    )
}

/// Whether a part of a name is one that programs may not use (ISO C 7.1.3, C++
/// `[lex.name]`, `[namespace.std]`).
fn is_reserved(name: &str) -> bool {
    name.split("::").any(|part| {
        let mut letters = part.chars();
        let is_low = letters.next() == Some('_');
        part == "std"
            || is_low && letters.next().is_some_and(|c| c == '_' || c.is_ascii_uppercase())
    })
}

/// The name of a variable that has a place and that the source has.
fn name(entry: &Attributes<'_, '_>) -> Option<String> {
    let has_place =
        entry.get(dw::DW_AT_location).is_some() || entry.get(dw::DW_AT_const_value).is_some();
    let name = entry.name().filter(|_| has_place)?;
    // Rust's tables of virtual functions are `<T as Trait>::{vtable}`.
    (!name.ends_with("{vtable}") && !name.ends_with("{vtable_type}")).then_some(name)
}

fn read<'a, 'f>(
    activation: &Activation<'_, 'a, 'f>,
    name: String,
    attributes: &Attributes<'a, 'f>,
) -> Variable {
    // Each with the limits of a frame of its own.
    let reading = Reading::new(activation.context, Some(activation));
    let of = activation.context.types.get(attributes.type_entry());
    let value = match activation.place(attributes) {
        Ok(place) => reading.variable(attributes.type_entry(), &place),
        Err(why) => Value::unknown(why),
    };
    Variable {
        name,
        type_name: of.name.clone(),
        is_argument: false,
        declared: attributes.declared(),
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names() {
        let cases = [
            ("counter", false),
            ("fact::calls", false),
            ("_lower", false),
            ("(anonymous namespace)::x", false),
            ("standard::x", false),
            ("__x", true),
            ("_X", true),
            ("std::x", true),
            ("__gnu_cxx::__default_lock_policy", true),
            ("__pstl::execution::v1::seq", true),
            ("mine::__hidden", true),
        ];
        for (name, want) in cases {
            assert_eq!(is_reserved(name), want, "{name}");
        }
    }
}
