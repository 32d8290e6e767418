//! What a name means at a place of the program.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::cell::{Cell, OnceCell};

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::functions::Call;
use crate::symbols::module::{ModuleSymbols, Symbol, SymbolTableKind};
use crate::symbols::named::is_same_name;
use crate::symbols::types::Dialect;
use crate::variables::location::Activation;
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::functions::enclosing_function;
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::spelling::closest;
use crate::variables::query::syntax::Name;
use crate::variables::query::{Viewpoint, with_evaluator};
use crate::variables::scope::{Declared, variables_at};
use crate::variables::value::Origin;

/// How many names a hint has.
const MOST_NAMES: usize = 20;

/// How many frames are searched for a function.
const MOST_FRAMES: usize = 256;

/// How many members are searched for names like the one that is not there.
const MOST_ENTRIES: usize = 200_000;

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// What a name means: a variable of the call, innermost block first; an
    /// argument; a member of the object that the call is about; a global
    /// variable; an enumerator; a symbol.
    pub(super) fn named(&self, name: &Name, at: Span) -> Found<Operand<'a, 'f>> {
        let variables = self.variables();
        // `::name` is what stands in no namespace, class or function.
        let (path, is_global) = match name.path.strip_prefix("::") {
            Some(path) => (path, true),
            None => (name.path.as_str(), false),
        };
        let file = name.file.as_deref();
        if file.is_none() && !is_global {
            if let Some(found) = self.local(&variables, path) {
                return self.variable(found);
            }
            if let Some(found) = self.own_member(&variables, path) {
                return found.map_err(|trouble| trouble.placed(at));
            }
            if let Some(found) = self.function_static(path, None, true, at)? {
                return Ok(found);
            }
            if let Some(found) = self.of_function(path) {
                return found;
            }
        }
        if let Some(found) = self.global(path, file, is_global, at)? {
            return Ok(found);
        }
        if let Some(found) = self.enumerator(path, file, at)? {
            return Ok(found);
        }
        if let Some(found) = self.function_named(path, file, at)? {
            return Ok(found);
        }
        if file.is_none() {
            if let Some(found) = self.symbol(path) {
                return Ok(found);
            }
            if let Some(found) = self.constant(path) {
                return Ok(found);
            }
        }
        if let Some(found) = self.function_static(path, file, false, at)? {
            return Ok(found);
        }
        Err(self.no_such_name(name, at, &variables).into())
    }

    /// Words that languages have for values.
    fn constant(&self, word: &str) -> Option<Operand<'a, 'f>> {
        match word {
            "true" | "false" => Some(self.truth(word == "true", Origin::Computed)),
            "NULL" | "nullptr" => {
                Some(self.pointer(ResultType::Declared(None), 0, Origin::Computed))
            }
            _ => None,
        }
    }

    /// Whether a name is that of a variable here.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        let variables = self.variables();
        self.local(&variables, name).is_some() || self.own_member(&variables, name).is_some()
    }

    fn variables(&self) -> Vec<Declared<'a, 'f>> {
        match (self.function, self.activation) {
            (Some(function), Some(activation)) => variables_at(function, activation.at),
            _ => Vec::new(),
        }
    }

    /// The variable of that name that the source means: those of inner blocks
    /// come first, arguments last.
    fn local<'d>(
        &self,
        variables: &'d [Declared<'a, 'f>],
        name: &str,
    ) -> Option<&'d Declared<'a, 'f>> {
        let locals = variables.iter().filter(|variable| !variable.is_argument);
        let arguments = variables.iter().filter(|variable| variable.is_argument);
        locals.chain(arguments).find(|variable| variable.name.as_deref() == Some(name))
    }

    /// A variable of the call.
    fn variable(&self, declared: &Declared<'a, 'f>) -> Found<Operand<'a, 'f>> {
        let attributes = &declared.attributes;
        let of = ResultType::Declared(attributes.type_entry());
        let Some(activation) = self.activation else {
            return Err(Trouble::Unknown("the frame has no debug information".to_owned()));
        };
        let place = activation.place(attributes);
        // What an argument was when the function was called may still be known.
        let is_inlined = self.view.call.is_some_and(|call| call.is_inlined);
        if declared.is_argument && !is_inlined {
            let is_known = |place: &Place<'a, 'f>| {
                self.reading.variable(attributes.type_entry(), place).is_known()
            };
            if !place.as_ref().is_ok_and(is_known)
                && let Ok(passed) = activation.argument_at_entry(attributes)
                && is_known(&passed)
            {
                return Ok(Operand::Object(Object::new(of, passed)));
            }
        }
        let place = place.map_err(Trouble::Unknown)?;
        Ok(Operand::Object(Object::new(of, place)))
    }

    /// `function::name`: a variable of the innermost call of that function.
    fn of_function(&self, path: &str) -> Option<Found<Operand<'a, 'f>>> {
        let (function, name) = path.rsplit_once("::")?;
        let view = self.view;
        let inner = view.frames.iter().enumerate().take(MOST_FRAMES);
        for (index, frame) in inner {
            let calls = view.context.symbols.calls(frame.at);
            let is_it = |call: &&Call| {
                let named = call.function.as_ref().map(|found| found.display.as_str());
                named.is_some_and(|named| {
                    let rest = named.strip_suffix(function);
                    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
                })
            };
            let Some(call) = calls.iter().find(is_it) else { continue };
            let there = Viewpoint { index, call: Some(call), ..*view };
            let found = with_evaluator(&there, self.text, |evaluator| {
                let variables = evaluator.variables();
                evaluator.local(&variables, name).map(|found| evaluator.variable(found))
            });
            return found;
        }
        None
    }

    /// A member of `*this`, of `self`, of what a lambda captured.
    fn own_member(
        &self,
        variables: &[Declared<'a, 'f>],
        name: &str,
    ) -> Option<Found<Operand<'a, 'f>>> {
        let this = self.local(variables, "this").or_else(|| self.local(variables, "self"))?;
        let object = match self.variable(this).and_then(|this| self.this_object(this)) {
            Ok(Operand::Object(object)) => object,
            Ok(_) => return None,
            Err(_) => {
                // The member is there, but where the object is is not known.
                let of = self.this_type(this)?;
                let nowhere = Place::constant(Vec::new());
                let is_there = self.find_member(&self.resolved(&of), &nowhere, name).is_some();
                let this = this.name.as_deref().unwrap_or("this");
                let why = format!("it is a member of `*{this}`, which is not known");
                return is_there.then_some(Err(Trouble::Unknown(why)));
            }
        };
        let of = self.resolved(&object.of);
        let captured = format!("__{name}");
        let found = self
            .find_member(&of, &object.place, name)
            .or_else(|| self.find_member(&of, &object.place, &captured))?;
        Some(found.map(Operand::Object))
    }

    fn this_object(&self, this: Operand<'a, 'f>) -> Found<Operand<'a, 'f>> {
        let this = self.settled(this)?;
        match &this {
            Operand::Object(object) if self.target_type(&object.of).is_some() => {
                self.target(this, Span::default())
            }
            _ => Ok(this),
        }
    }

    fn this_type(&self, this: &Declared<'a, 'f>) -> Option<ResultType<'a, 'f>> {
        let of = ResultType::Declared(this.attributes.type_entry());
        self.target_type(&of).or(Some(of))
    }

    /// A global or static variable.
    fn global(
        &self,
        path: &str,
        file: Option<&str>,
        is_global: bool,
        at: Span,
    ) -> Found<Option<Operand<'a, 'f>>> {
        let found = self.globals(path, file, is_global);
        let Some(first) = found.first().copied() else { return Ok(None) };
        // Those of the unit at hand come first, and are meant.
        let is_near = self.function.is_some_and(|function| std::ptr::eq(function.unit, first.unit));
        let others: Vec<Entry<'a, 'f>> =
            found.into_iter().filter(|other| !std::ptr::eq(other.unit, first.unit)).collect();
        if !is_near && !others.is_empty() && file.is_none() {
            let mut files: Vec<String> =
                [first].iter().chain(&others).filter_map(|entry| unit_file(*entry)).collect();
            files.dedup();
            let choices: Vec<String> = files
                .iter()
                .take(MOST_NAMES)
                .map(|file| format!("'{}'::{path}", last_part(file)))
                .collect();
            if choices.len() > 1 {
                let what = format!("there are {} variables named `{path}`", choices.len());
                let hint = format!("say which one: {}", choices.join(", "));
                return Err(Fault::new(at, what).with_hint(hint).into());
            }
        }
        self.static_variable(first).map(Some)
    }

    /// The variables that a name may mean, those of the unit at hand first.
    pub(super) fn globals(
        &self,
        path: &str,
        file: Option<&str>,
        is_global: bool,
    ) -> Vec<Entry<'a, 'f>> {
        let context = self.view.context;
        let scopes = if is_global { vec![String::new()] } else { self.scopes() };
        for scope in scopes {
            let whole = format!("{scope}{path}");
            let visible = whole.replace("(anonymous namespace)::", "");
            let is_it = |entry: &Entry<'a, 'f>| {
                let name = self.qualified(*entry);
                name.is_some_and(|name| is_same_name(&name, &visible))
            };
            let mut found = context.globals_named(&whole, self.function);
            if found.is_empty()
                && let Some((_, last)) = whole.rsplit_once("::")
            {
                // What stands in an anonymous namespace is named without it.
                found = context.globals_named(last, self.function);
                found.retain(|entry| is_it(entry) && enclosing_function(*entry).is_none());
            }
            if let Some(file) = file {
                found.retain(|entry| is_of_file(*entry, file) || self.is_of_function(*entry, file));
            }
            let exact: Vec<_> = found.iter().copied().filter(is_it).collect();
            if is_global {
                found = exact;
                found.retain(|entry| enclosing_function(*entry).is_none());
            } else if !exact.is_empty() {
                found = exact;
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// What may stand before a name that is written here, from the innermost
    /// class or namespace of the function outwards: `ns::Class::`, `ns::`, and
    /// nothing.
    pub(super) fn scopes(&self) -> Vec<String> {
        let declared = self
            .function
            .and_then(Entry::attributes)
            .and_then(|function| function.origins().last().map(|origin| origin.entry));
        let Some(declared) = declared else { return vec![String::new()] };
        let around = self.view.context.types.containers(declared).path(declared.offset);
        let names = around.into_iter().map(|name| match name {
            Some(name) => String::from_utf8_lossy(name).into_owned(),
            None => "(anonymous namespace)".to_owned(),
        });
        let mut scopes = vec![String::new()];
        for name in names {
            let outer = scopes.last().cloned().unwrap_or_default();
            scopes.push(format!("{outer}{name}::"));
        }
        scopes.reverse();
        scopes
    }

    /// A variable of a module, not of a frame.
    pub(super) fn static_variable(&self, entry: Entry<'a, 'f>) -> Found<Operand<'a, 'f>> {
        let lost = || Trouble::Unknown("its entry is damaged".to_owned());
        let attributes = entry.attributes().ok_or_else(lost)?;
        let place = self.static_place(&attributes).map_err(Trouble::Unknown)?;
        let of = ResultType::Declared(attributes.type_entry());
        Ok(Operand::Object(Object::new(of, place)))
    }

    fn static_place(&self, attributes: &Attributes<'a, 'f>) -> Result<Place<'a, 'f>, String> {
        let context = self.view.context;
        let module = context
            .symbols
            .modules()
            .iter()
            .find(|module| module.has_debug(attributes.entry.debug));
        let module = module.ok_or("its module is not known")?;
        let activation = Activation {
            context,
            frames: self.view.frames,
            index: self.view.index,
            subprogram: attributes.entry.root(),
            at: module.range().start.to_link(module.bias()),
            bias: module.bias(),
            call_site: OnceCell::new(),
            body: OnceCell::new(),
            is_passing: false,
        };
        activation.place(attributes)
    }

    /// Whether a variable is declared in a function of that name.
    fn is_of_function(&self, entry: Entry<'a, 'f>, function: &str) -> bool {
        let here = self.function.and_then(Entry::attributes).and_then(|found| found.name());
        here.as_deref() == Some(function)
            && self.function.is_some_and(|found| std::ptr::eq(found.unit, entry.unit))
    }

    /// A symbol of any module, that of the frame first.
    fn symbol(&self, path: &str) -> Option<Operand<'a, 'f>> {
        let named = |module: &'a ModuleSymbols<'f>| {
            module.symbol_named(path.as_bytes()).map(|symbol| (module, symbol))
        };
        let (mut module, mut symbol) = self.near_modules().find_map(named)?;
        // The program's own copy of a library's variable is the one in use.
        let is_shared = |symbol: &Symbol<'f>| symbol.table == SymbolTableKind::Dynsym;
        if !symbol.is_function
            && is_shared(&symbol)
            && let Some(main) = self.near_modules().find(|module| module.is_main())
            && let Some((main, copy)) = named(main).filter(|(_, copy)| is_shared(copy))
        {
            (module, symbol) = (main, copy);
        }
        let at = symbol.start.to_run(module.bias());
        if !symbol.is_function
            && let Some(of) = self.declared_type(path).or_else(|| self.type_at(at))
            && self.size_of(&of).is_some_and(|size| size == symbol.size)
        {
            return Some(Operand::Object(Object::new(of, Place::Memory(at))));
        }
        Some(Operand::Symbol { at, is_code: symbol.is_function })
    }

    /// The type of the variable that begins at an address, whatever its name.
    fn type_at(&self, at: RunAddr) -> Option<ResultType<'a, 'f>> {
        let (entry, into) = self.view.context.static_near(at, self.function)?;
        let of = entry.attributes()?.type_entry();
        (into == 0 && of.is_some()).then_some(ResultType::Declared(of))
    }

    fn no_such_name(&self, name: &Name, at: Span, variables: &[Declared<'a, 'f>]) -> Fault {
        let what = match &name.file {
            Some(file) => format!("there is no `{}` in `{file}`", name.path),
            None => format!("there is no `{}` here", name.path),
        };
        let fault = Fault::new(at, what);
        if name.file.is_some() {
            return fault;
        }
        let mut names: Vec<String> =
            variables.iter().filter_map(|variable| variable.name.clone()).collect();
        let this = self.local(variables, "this");
        if let Some(of) = this.and_then(|this| self.this_type(this)) {
            self.member_names(&self.resolved(&of), &mut names, &Cell::new(MOST_ENTRIES), 8);
        }
        match (closest(&names, &name.path, MOST_NAMES), self.function) {
            (Some(list), _) => fault.with_hint(format!("names in scope: {list}")),
            (None, Some(_)) => fault.with_hint("the function has no variables here"),
            (None, None) => fault
                .with_hint("the frame has no debug information; `--frame N` chooses another one"),
        }
    }
}

/// Whether an entry belongs to a unit of that source file: its name, or the end
/// of its path.
pub(super) fn is_of_file(entry: Entry<'_, '_>, file: &str) -> bool {
    unit_file(entry).is_some_and(|unit| {
        let rest = unit.strip_suffix(file);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    })
}

pub(super) fn unit_file(entry: Entry<'_, '_>) -> Option<String> {
    entry.root().attributes()?.text(dw::DW_AT_name)
}

pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The notation of a frame without debug information.
pub(super) const PLAIN: Dialect = Dialect::C;
