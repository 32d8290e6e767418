//! What a C++ object really is, as its virtual table says.
//!
//! Every object of a class with virtual functions or bases begins with a
//! pointer to its table. Before the place that it points to lie the distance to
//! the whole object and a pointer to its `std::type_info`, whose second word
//! points to the mangled name of the class. The table has a symbol, too:
//! `_ZTV` and the same name. Sources: Itanium C++ ABI, 2.5.2 (virtual tables),
//! 2.9.5 (`type_info`), 5.1.4 (names).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use gimli::constants as dw;

use crate::base::addr::{FrameAddr, RunAddr};
use crate::symbols::demangle::demangled;
use crate::symbols::entries::Entry;
use crate::symbols::named::is_same_name;
use crate::symbols::types::{Dialect, Member, Shape, Type};
use crate::variables::read::Reading;

/// How deep base classes nest.
const MOST_BASES: usize = 16;

/// How many base classes are looked at in all.
const MOST_LOOKED_AT: usize = 500;

/// Bytes of a mangled class name.
const LONGEST_NAME: usize = 4 << 10;

/// A part of an object lies no further behind its beginning than this.
const LARGEST_OBJECT: i64 = 1 << 30;

/// How many functions of a table are looked at, and units that they are in.
const MOST_SLOTS: u64 = 64;
const MOST_UNITS: usize = 8;

/// What the pointer to the virtual table says.
enum Table {
    /// Its memory is not known.
    Unknown,
    /// It points to no table.
    Wrong(u64),
    /// The object is of this class.
    Of {
        /// The class, as C++ writes it.
        class: String,
        /// From here to the beginning of the whole object: zero or less.
        to_top: i64,
        /// Where the pointer points.
        at: RunAddr,
        /// Whether it is the part of an object that is being built or
        /// destroyed.
        is_partial: bool,
    },
}

/// The object that a pointer or reference leads to.
pub(super) struct Object<'a, 'f> {
    /// Its class, if its members are known; or else what was declared.
    pub(super) of: Arc<Type<'a, 'f>>,
    /// Where it begins.
    pub(super) at: RunAddr,
    /// What it is, where that is not as declared.
    pub(super) label: Option<String>,
}

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// The object at an address that is declared to be of class `of`.
    pub(super) fn object(&self, of: &Arc<Type<'a, 'f>>, at: RunAddr) -> Object<'a, 'f> {
        let declared = |label| Object { of: Arc::clone(of), at, label };
        let has_table = match &of.shape {
            Shape::Composite(_) => of.dialect == Dialect::Cpp && self.is_dynamic(of),
            _ => false,
        };
        if !has_table {
            return declared(None);
        }
        let Table::Of { class, to_top, at: table, is_partial } = self.table(at) else {
            return declared(None);
        };
        let same = is_same_name(&class, &of.plain_name);
        if is_partial {
            return declared(Some(format!("{class}, a part of an unfinished object")));
        }
        if same && to_top == 0 {
            return declared(None);
        }
        let found = of.entry.and_then(|near| self.class_named(&class, near, table));
        let found = found.map(|found| self.context.types.get(Some(found)));
        let is_known = |of: &Arc<Type<'a, 'f>>| matches!(of.shape, Shape::Composite(_));
        let Some(found) = found.filter(is_known) else {
            // The class is sure, only its members are not known.
            return match same {
                true => declared(None),
                false => declared(Some(format!("{class}, whose members are not known"))),
            };
        };
        if self.has_base(of, &found.plain_name) {
            // The constructors of base classes come first, and their
            // destructors last.
            return declared(Some(format!("{class}, under construction or destroyed")));
        }
        let whole = at.wrapping_add(to_top);
        // Demanglers write some template arguments as nobody does.
        let mut label = if class.contains('<') { found.name.clone() } else { class };
        if whole != at {
            label = format!("{label} at {whole}");
        }
        if !same && !self.has_base(&found, &of.plain_name) {
            label = format!("{label}, which is no {}", of.plain_name);
        }
        Object { of: found, at: whole, label: Some(label) }
    }

    /// What is wrong with the pointer to the virtual table at an address.
    pub(super) fn table_damage(&self, at: RunAddr) -> Option<String> {
        match self.table(at) {
            Table::Wrong(word) => Some(format!("<{word:#x} is no vtable>")),
            Table::Unknown | Table::Of { .. } => None,
        }
    }

    /// Whether objects of the class begin with a pointer to a virtual table.
    fn is_dynamic(&self, of: &Type<'a, 'f>) -> bool {
        let mut left = MOST_LOOKED_AT;
        self.any_class(of, MOST_BASES, &mut left, &|of| {
            of.composite().is_some_and(|composite| composite.members.iter().any(is_table))
        })
    }

    /// Whether a class of this name is among the bases of `of`.
    fn has_base(&self, of: &Type<'a, 'f>, name: &str) -> bool {
        let mut left = MOST_LOOKED_AT;
        bases(of).any(|base| {
            let base = self.context.types.get(base.type_entry);
            self.any_class(&base, MOST_BASES, &mut left, &|of| {
                // Of a base whose members are unknown nobody knows the bases.
                is_same_name(&of.plain_name, name)
            })
        })
    }

    /// Whether `test` holds of a class or one of its bases.
    fn any_class(
        &self,
        of: &Type<'a, 'f>,
        depth: usize,
        left: &mut usize,
        test: &dyn Fn(&Type<'a, 'f>) -> bool,
    ) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        *left = left.saturating_sub(1);
        *left > 0
            && (test(of)
                || bases(of).any(|base| {
                    let base = self.context.types.get(base.type_entry);
                    self.any_class(&base, depth, left, test)
                }))
    }

    /// The table of the object at an address.
    fn table(&self, object: RunAddr) -> Table {
        let memory = self.context.memory;
        let size = memory.model().word();
        let Ok(word) = memory.word(object) else { return Table::Unknown };
        let at = RunAddr(word);
        let wrong = Table::Wrong(word);
        let process = self.context.process;
        if !word.is_multiple_of(size)
            || process.mapping(at).is_none() && process.module(at).is_none()
        {
            return wrong;
        }
        let before = |bytes: u64| {
            let at = RunAddr(word.checked_sub(bytes)?);
            memory.word(at).ok()
        };
        let symbol = self.table_symbol(at);
        let (Some(to_top), Some(info)) = (before(size.saturating_mul(2)), before(size)) else {
            // The file of a module may be missing.
            return if process.module(at).is_some() { Table::Unknown } else { wrong };
        };
        let to_top = if size == 8 { to_top.cast_signed() } else { i64::from(to_top as u32 as i32) };
        if !(-LARGEST_OBJECT..=0).contains(&to_top) {
            return wrong;
        }
        let name = self.type_info_name(RunAddr(info));
        let (mangled, is_partial) = match (&symbol, name) {
            // Without run-time type information, the symbol alone tells.
            (Some(TableSymbol::Whole(name)), None) if info == 0 => (name.clone(), false),
            (Some(TableSymbol::Whole(symbol)), Some(name)) if *symbol == name => (name, false),
            (Some(TableSymbol::Partial(symbol)), Some(name))
                if symbol.strip_suffix(&name).is_some_and(|rest| rest.ends_with('_')) =>
            {
                (name, true)
            }
            // Stripped: what type information says, where nobody can have
            // written it.
            (None, Some(name)) if self.is_constant(at) && self.is_constant(RunAddr(info)) => {
                (name, false)
            }
            _ => return wrong,
        };
        // The whole object has a table of the same class.
        let whole = object.wrapping_add(to_top);
        if to_top != 0 {
            let table = memory.word(whole).ok();
            let before = |table: u64| memory.word(RunAddr(table.checked_sub(size)?)).ok();
            let other = table.and_then(before);
            if other.is_some_and(|other| other != info) || table.is_some() && other.is_none() {
                return wrong;
            }
        }
        match class_name(&mangled) {
            Some(class) => Table::Of { class, to_top, at, is_partial },
            None => wrong,
        }
    }

    /// The mangled name in the symbol of the table that an address is in.
    fn table_symbol(&self, at: RunAddr) -> Option<TableSymbol> {
        let (_, module) = self.context.symbols.module_at(at)?;
        let symbol = module.symbol_at(at.to_link(module.bias()))?;
        let name = std::str::from_utf8(symbol.name).ok()?;
        // `_ZTVN3app4BaseE@@VERSION`
        let name = name.split('@').next()?;
        let whole = name.strip_prefix("_ZTV").map(|name| TableSymbol::Whole(name.to_owned()));
        let partial =
            || name.strip_prefix("_ZTC").map(|name| TableSymbol::Partial(name.to_owned()));
        whole.or_else(partial)
    }

    /// The mangled name of the class that a `std::type_info` is of.
    fn type_info_name(&self, info: RunAddr) -> Option<String> {
        let memory = self.context.memory;
        let name = RunAddr(memory.word(info.checked_add(memory.model().word())?).ok()?);
        let (name, is_whole) = memory.text(name, LONGEST_NAME).ok()?;
        let name = String::from_utf8(name).ok().filter(|_| is_whole)?;
        // A star stands before names that are compared by address.
        let name = name.strip_prefix('*').unwrap_or(&name);
        class_name(name).map(|_| name.to_owned())
    }

    /// Whether memory belongs to a module and could not be written.
    fn is_constant(&self, at: RunAddr) -> bool {
        let process = self.context.process;
        let may_be_written = process
            .mapping(at)
            .is_some_and(|mapping| mapping.permissions.known && mapping.permissions.write);
        process.module(at).is_some() && !may_be_written
    }

    /// The class of this name: that of the unit at hand, or that of a unit of
    /// one of the functions in its table, or that of any unit.
    fn class_named(
        &self,
        name: &str,
        near: Entry<'a, 'f>,
        table: RunAddr,
    ) -> Option<Entry<'a, 'f>> {
        let types = &self.context.types;
        // Each unit may have a class of its own in an anonymous namespace.
        let is_private = name.contains("(anonymous namespace)");
        let here = || types.type_in_unit(name, near);
        let found = if is_private { None } else { here() };
        found
            .or_else(|| self.class_of_functions(name, table))
            .or_else(|| if is_private { here() } else { types.type_named(name, Some(near)) })
    }

    /// The class of this name in the units of the functions in its table.
    fn class_of_functions(&self, name: &str, table: RunAddr) -> Option<Entry<'a, 'f>> {
        let context = self.context;
        let mut units: Vec<Entry<'a, 'f>> = Vec::new();
        for slot in 0..MOST_SLOTS {
            let at = table.checked_add(slot.checked_mul(context.memory.model().word())?)?;
            let Ok(code) = context.memory.word(at) else { break };
            let code = RunAddr(code);
            let Some((_, module)) = context.symbols.module_at(code) else { break };
            let Some(debug) = module.debug() else { continue };
            let calls = context.symbols.calls(FrameAddr::Pc(code));
            let Some(scope) = calls.last().and_then(|call| call.scope) else { continue };
            let Some(unit) = debug.unit_by_id(scope.unit) else { continue };
            let function = Entry { debug, unit, offset: scope.subprogram };
            if units.iter().all(|known| !std::ptr::eq(known.unit, unit)) {
                if let Some(found) = context.types.type_in_unit(name, function) {
                    return Some(found);
                }
                units.push(function);
            }
            if let Some(found) = containing_class(function, name) {
                return Some(found);
            }
            if units.len() >= MOST_UNITS {
                break;
            }
        }
        None
    }
}

/// The name that a table's symbol has.
enum TableSymbol {
    /// Of a class.
    Whole(String),
    /// Of a base class while a class that has it is built: the names of both.
    Partial(String),
}

/// The class of a destructor, when its name is the last part of `name`. No
/// class inherits its destructor.
fn containing_class<'a, 'f>(function: Entry<'a, 'f>, name: &str) -> Option<Entry<'a, 'f>> {
    let origins = function.attributes()?.origins();
    let own = origins.iter().find_map(|origin| origin.text(dw::DW_AT_name))?;
    let class = origins.iter().find_map(|origin| origin.reference(dw::DW_AT_containing_type))?;
    let class_name = class.attributes()?.text(dw::DW_AT_name)?;
    let plain = class_name.split('<').next()?;
    let is_own = own.strip_prefix('~').is_some_and(|own| own.split('<').next() == Some(plain));
    // `outer()::Local`, `ns::Local<int>`: what comes before `<` ends so.
    let is_named = is_same_name(name, &class_name)
        || name
            .split('<')
            .next()
            .is_some_and(|name| name.strip_suffix(plain).is_some_and(|rest| rest.ends_with("::")));
    (is_own && is_named).then_some(class)
}

fn bases<'t, 'a, 'f>(of: &'t Type<'a, 'f>) -> impl Iterator<Item = &'t Member<'a, 'f>> {
    let members = of.composite().map(|composite| composite.members.as_slice());
    members.unwrap_or_default().iter().filter(|member| member.is_base)
}

/// Whether a member is the pointer to a virtual table.
pub(super) fn is_table(member: &Member<'_, '_>) -> bool {
    member.is_artificial && member.name.as_deref().is_some_and(|name| name.starts_with("_vptr"))
}

/// A class from its mangled name.
fn class_name(mangled: &str) -> Option<String> {
    let display = demangled(format!("_ZTS{mangled}").as_bytes())?;
    display.strip_prefix("typeinfo name for ").map(str::to_owned)
}
