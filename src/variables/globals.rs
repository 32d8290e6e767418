//! The global and static variables of the unit that a call belongs to.

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
    let declared = collect(root);
    globals.omitted = declared.len().saturating_sub(MOST_GLOBALS);
    for (name, attributes) in declared.into_iter().take(MOST_GLOBALS) {
        globals.variables.push(read(&activation, name, &attributes));
    }
    Some(globals)
}

/// Entries of variables that have a place, those in namespaces, too.
fn collect<'a, 'f>(unit: Entry<'a, 'f>) -> Vec<(String, Attributes<'a, 'f>)> {
    let mut found = Vec::new();
    unit.walk(|entry, _| match entry.tag() {
        dw::DW_TAG_variable => {
            found.extend(name(entry).map(|name| (name, entry.clone())));
            Descend::No
        }
        dw::DW_TAG_namespace => Descend::Yes,
        _ => Descend::No,
    });
    found
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
    // A member of a class says whose it is where it is declared.
    let named = attributes.reference(dw::DW_AT_specification).unwrap_or(attributes.entry);
    let containers = activation.context.types.containers(named);
    let around = containers.path(named.offset).into_iter().map(|name| match name {
        Some(name) => format!("{}::", String::from_utf8_lossy(name)),
        None => "(anonymous namespace)::".to_owned(),
    });
    let name = around.collect::<String>() + &name;
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
