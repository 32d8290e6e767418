//! From a frame and its debug information to values.
//!
//! [`scope`] says which variables a call has, [`location`] where each one is,
//! [`read`] what is there. Whatever cannot be known is a
//! [`Value`] that says why.

mod aggregates;
mod arrays;
mod body;
mod branches;
pub mod calls;
mod decimal_float;
mod dynamic;
mod entry_values;
mod enums;
mod expression;
mod flexible;
pub mod globals;
pub mod location;
mod member_pointers;
mod numbers;
pub mod place;
mod pointers;
mod pretty;
pub mod query;
pub mod reach;
pub mod read;
pub mod scope;
mod slot_addresses;
mod strings;
pub mod suspects;
mod tail_calls;
mod text;
mod texts;
mod tls;
mod typed;
pub mod value;

use std::cell::OnceCell;
use std::sync::OnceLock;

use crate::base::addr::RunAddr;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::link_map::LinkEntry;
use crate::dump::process::Process;
use crate::symbols::Symbols;
use crate::symbols::dwarf::Unit;
use crate::symbols::entries::Entry;
use crate::symbols::functions::Call;
use crate::symbols::types::{Dialect, Types};
use crate::unwind::frame::Frame;
use crate::variables::location::Activation;
use crate::variables::place::Place;
use crate::variables::read::Reading;
use crate::variables::scope::{Declared, variables_at};
use crate::variables::value::{Value, Variable};

/// How many words of a table of functions are looked at: of a table of Rust, a
/// function, two numbers and some functions.
const TABLE_WORDS: u64 = 6;

/// What reading a value may need besides its frame.
pub struct Context<'a, 'f> {
    /// The process.
    pub process: &'a Process<'f>,
    /// Its memory, with the matching bytes of mapped files.
    pub memory: &'a dyn Memory,
    /// Names, lines and debug information.
    pub symbols: &'a Symbols<'f>,
    /// Bounds on everything that the input controls.
    pub limits: &'a Limits,
    /// The types read so far.
    pub types: Types<'a, 'f>,
    /// The loader's list of modules, once somebody asked.
    link_map: OnceLock<Vec<LinkEntry>>,
}

impl<'a, 'f> Context<'a, 'f> {
    /// A context in which no type was read yet.
    pub fn new(
        process: &'a Process<'f>,
        memory: &'a dyn Memory,
        symbols: &'a Symbols<'f>,
        limits: &'a Limits,
    ) -> Self {
        let types = Types::new(symbols, limits);
        Self { process, memory, symbols, limits, types, link_map: OnceLock::new() }
    }

    /// The complete definition of the type with this qualified name
    /// (`ns::T<int>`, `struct conn`): in the unit of `near`, its module, or any
    /// other. `None`: there is none, or several that differ.
    pub fn type_named(&self, name: &str, near: Option<Entry<'a, 'f>>) -> Option<Entry<'a, 'f>> {
        self.types.type_named(name, near)
    }

    /// Global and static variables of that name, qualified or its last part,
    /// with a place or value; those in the unit of `near` first.
    pub fn globals_named(&self, name: &str, near: Option<Entry<'a, 'f>>) -> Vec<Entry<'a, 'f>> {
        self.types.globals_named(name, near)
    }

    /// The global or static variable that covers an address, virtual tables of
    /// Rust included, and how far into it the address is.
    pub fn static_at(&self, at: RunAddr) -> Option<(Entry<'a, 'f>, u64)> {
        self.static_near(at, None)
    }

    /// As [`Context::static_at`], looking first in the unit of `near`, which
    /// helps where a module has too many units to look into all.
    pub fn static_near(
        &self,
        at: RunAddr,
        near: Option<Entry<'a, 'f>>,
    ) -> Option<(Entry<'a, 'f>, u64)> {
        let (_, module) = self.symbols.module_at(at)?;
        let debug = module.debug()?;
        let near = near.filter(|near| std::ptr::eq(near.debug, debug));
        // A table of functions is often in the unit of one of them.
        let mut units: Vec<&Unit<'f>> = near.map(|near| near.unit).into_iter().collect();
        for index in 0..TABLE_WORDS {
            let word = at.checked_add(index.saturating_mul(self.memory.model().word()));
            let Some(code) = word.and_then(|word| self.memory.word(word).ok()) else { break };
            let code = RunAddr(code);
            if module.range().contains(code)
                && let Some(unit) = debug.unit_at(code.to_link(module.bias()))
                && !units.iter().any(|known| std::ptr::eq(*known, unit))
            {
                units.push(unit);
            }
        }
        self.types.static_at(module, at.to_link(module.bias()), &units)
    }

    /// The function or object at an address: `name`, or `name+8` within it.
    pub fn symbol(&self, at: RunAddr) -> Option<String> {
        let symbol = self.symbols.symbol_at(at)?;
        let offset = symbol.offset;
        let name = symbol.name;
        Some(if offset == 0 { name } else { format!("{name}+{offset}") })
    }
}

/// Which variables of a call are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that are in scope.
    All,
    /// What the function was called with.
    Arguments,
}

/// The variables of one call: its arguments in order, then its locals, those of
/// the innermost block first.
///
/// `frames` are the thread's frames, innermost first, and `index` says which
/// one the call belongs to; the outer ones are there to tell what a caller
/// passed.
pub fn variables(
    context: &Context<'_, '_>,
    frames: &[&Frame],
    index: usize,
    call: &Call,
    which: Which,
) -> Vec<Variable> {
    let Some((activation, function)) = activation(context, frames, index, call) else {
        return Vec::new();
    };
    let reading = Reading::new(context, Some(&activation));
    let declared = variables_at(function, activation.at);
    let wanted = declared.iter().filter(|it| which == Which::All || it.is_argument);
    wanted.map(|declared| variable(&reading, &activation, declared, call)).collect()
}

/// The frame to evaluate expressions in, and the call's entry.
pub(crate) fn activation<'c, 'a, 'f>(
    context: &'c Context<'a, 'f>,
    frames: &'c [&'c Frame],
    index: usize,
    call: &Call,
) -> Option<(Activation<'c, 'a, 'f>, Entry<'a, 'f>)> {
    let scope = call.scope?;
    let frame = frames.get(index)?;
    let (_, module) = context.symbols.module_at(frame.at.lookup())?;
    let debug = module.debug()?;
    let unit = debug.unit_by_id(scope.unit)?;
    let activation = Activation {
        context,
        frames,
        index,
        subprogram: Entry { debug, unit, offset: scope.subprogram },
        at: scope.at,
        bias: module.bias(),
        call_site: OnceCell::new(),
        body: OnceCell::new(),
        is_passing: false,
    };
    Some((activation, Entry { debug, unit, offset: scope.entry }))
}

fn variable<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    activation: &Activation<'_, 'a, 'f>,
    declared: &Declared<'a, 'f>,
    call: &Call,
) -> Variable {
    let attributes = &declared.attributes;
    let type_entry = attributes.type_entry();
    let of = reading.context.types.get(type_entry);
    let mut value = match activation.place(attributes) {
        Ok(place) => reading.variable(type_entry, &place),
        // Without a byte, there is but one value: `()`.
        Err(_) if of.size == Some(0) && of.dialect == Dialect::Rust => {
            reading.variable(type_entry, &Place::constant(Vec::new()))
        }
        Err(why) => Value::unknown(why),
    };
    // What an argument was when the function was called may still be known.
    if !value.is_known()
        && declared.is_argument
        && !call.is_inlined
        && let Ok(place) = activation.argument_at_entry(attributes)
    {
        let passed = reading.variable(type_entry, &place);
        if passed.is_known() {
            value = passed;
        }
    }
    Variable {
        name: declared.name.clone().unwrap_or_else(|| "<unnamed>".to_owned()),
        type_name: of.name.clone(),
        is_argument: declared.is_argument,
        declared: attributes.declared(),
        value,
    }
}
