//! Functions by name, as people and as linkers write it, and the static
//! variables in them.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::Arc;

use gimli::constants as dw;

use crate::base::addr::{FrameAddr, RunAddr};
use crate::symbols::demangle::demangled;
use crate::symbols::entries::{Descend, Entry};
use crate::symbols::module::{ModuleSymbols, SymbolTableKind};
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span};
use crate::variables::query::hierarchy::is_called;
use crate::variables::query::names::{is_of_file, last_part, unit_file};
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;

/// How many functions of one name are told apart.
const MOST_FUNCTIONS: usize = 64;

/// How many of them a hint names.
const MOST_NAMES: usize = 12;

/// A function that has the name.
struct Function<'a, 'f> {
    at: RunAddr,
    /// As the linker knows it.
    linkage: String,
    /// Its `DW_TAG_subprogram`, where there is debug information.
    entry: Option<Entry<'a, 'f>>,
    /// How well the name fits: zero is best.
    rank: usize,
    /// Whether other modules may call it.
    is_shared: bool,
}

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// The function of that name: of the unit at hand, or else the only one.
    pub(super) fn function_named(
        &self,
        path: &str,
        file: Option<&str>,
        at: Span,
    ) -> Found<Option<Operand<'a, 'f>>> {
        let mut found = Vec::new();
        for module in self.near_modules() {
            found = self.functions_of(module, path);
            if let Some(file) = file {
                found.retain(|of| of.entry.is_some_and(|entry| is_of_file(entry, file)));
            }
            if !found.is_empty() {
                break;
            }
        }
        let best = found.iter().map(|of| of.rank).min();
        found.retain(|of| Some(of.rank) == best);
        let is_near = |of: &Function<'a, 'f>| {
            let (Some(entry), Some(here)) = (of.entry, self.function) else { return false };
            std::ptr::eq(entry.unit, here.unit)
        };
        if found.iter().any(is_near) {
            found.retain(is_near);
        }
        // From elsewhere, only what a library offers is meant.
        let is_far = |of: &Function<'a, 'f>| of.is_shared && !self.is_of_module(of.at);
        if file.is_none() && found.iter().any(is_far) {
            found.retain(is_far);
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(self.function_operand(one))),
            several => Err(self.several_functions(several, path, at).into()),
        }
    }

    /// Whether an address belongs to the frame's module.
    fn is_of_module(&self, at: RunAddr) -> bool {
        self.near_modules().next().is_some_and(|module| module.range().contains(at))
    }

    /// The modules, that of the frame first.
    pub(super) fn near_modules(&self) -> impl Iterator<Item = &'a ModuleSymbols<'f>> {
        let symbols = self.view.context.symbols;
        let frame = self.view.frames.get(self.view.index);
        let here = frame.and_then(|frame| symbols.module_at(frame.at.lookup()));
        let here = here.map(|(index, _)| index);
        let first = here.and_then(|index| symbols.modules().get(index));
        let others = symbols.modules().iter().enumerate();
        first
            .into_iter()
            .chain(others.filter(move |(index, _)| Some(*index) != here).map(|(_, module)| module))
    }

    fn functions_of(&self, module: &'a ModuleSymbols<'f>, path: &str) -> Vec<Function<'a, 'f>> {
        let mut found: Vec<Function<'a, 'f>> = Vec::new();
        // Mangled names hold each part of a name as it is, without arguments.
        let plain = path.split('<').next().unwrap_or(path);
        let part = plain.rsplit("::").next().unwrap_or(plain);
        if part.is_empty() {
            return found;
        }
        let scopes = self.scopes();
        for symbol in module.functions_with(part.as_bytes()) {
            let linkage = String::from_utf8_lossy(symbol.name).into_owned();
            let display = demangled(symbol.name);
            let Some(rank) = rank(path, &linkage, display.as_deref(), &scopes) else { continue };
            let at = symbol.start.to_run(module.bias());
            if found.len() >= MOST_FUNCTIONS {
                break;
            }
            let is_shared = symbol.table == SymbolTableKind::Dynsym;
            if let Some(known) = found.iter_mut().find(|known| known.at == at) {
                known.is_shared |= is_shared;
                continue;
            }
            let entry = self.subprogram(module, at);
            found.push(Function { at, linkage, entry, rank, is_shared });
        }
        found
    }

    /// The `DW_TAG_subprogram` of the code at an address.
    fn subprogram(&self, module: &'a ModuleSymbols<'f>, at: RunAddr) -> Option<Entry<'a, 'f>> {
        let calls = self.view.context.symbols.calls(FrameAddr::Pc(at));
        let scope = calls.last()?.scope?;
        let debug = module.debug()?;
        Some(Entry { debug, unit: debug.unit_by_id(scope.unit)?, offset: scope.subprogram })
    }

    fn function_operand(&self, function: &Function<'a, 'f>) -> Operand<'a, 'f> {
        match function.entry {
            Some(entry) => {
                let of = self.view.context.types.function(entry);
                let of = ResultType::Plain(Arc::new(of));
                Operand::Object(Object::new(of, Place::Memory(function.at)))
            }
            None => Operand::Symbol { at: function.at, is_code: true },
        }
    }

    fn several_functions(&self, several: &[Function<'a, 'f>], path: &str, at: Span) -> Fault {
        let what = format!("there are {} functions named `{path}`", several.len());
        let is_one_name = several.iter().all(|of| {
            of.linkage == several.first().map(|first| first.linkage.as_str()).unwrap_or_default()
        });
        let choices = several.iter().take(MOST_NAMES).map(|of| match of.entry {
            Some(entry) if is_one_name => {
                let file = unit_file(entry).unwrap_or_default();
                format!("'{}'::{path}", last_part(&file))
            }
            Some(entry) => {
                format!("{} is `{}`", of.linkage, self.view.context.types.function(entry).name)
            }
            None => format!("{} at {}", of.linkage, of.at),
        });
        let choices: Vec<String> = choices.collect();
        Fault::new(at, what).with_hint(format!("say which one: {}", choices.join(", ")))
    }

    /// `function::name`: a static variable of a function, in whatever state the
    /// threads are. `is_near`: only of functions of the unit at hand.
    pub(super) fn function_static(
        &self,
        path: &str,
        file: Option<&str>,
        is_near: bool,
        at: Span,
    ) -> Found<Option<Operand<'a, 'f>>> {
        let Some((function, name)) = path.rsplit_once("::") else { return Ok(None) };
        let here = self.function;
        let is_here =
            |of: &Entry<'a, 'f>| here.is_some_and(|here| std::ptr::eq(of.unit, here.unit));
        let mut found = match is_near {
            true => self.statics_here(function, name),
            false => self.view.context.types.function_statics_named(name, here),
        };
        found.truncate(MOST_FUNCTIONS);
        found.retain(|of| {
            file.is_none_or(|file| is_of_file(*of, file)) && self.is_in_function(*of, function)
        });
        if found.iter().any(is_here) {
            found.retain(is_here);
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => self.static_variable(*one).map(Some),
            several => {
                let files = several.iter().take(MOST_NAMES).filter_map(|of| unit_file(*of));
                let choices: Vec<String> =
                    files.map(|file| format!("'{}'::{path}", last_part(&file))).collect();
                let what = format!("there are {} variables named `{path}`", several.len());
                let hint = format!("say which one: {}", choices.join(", "));
                Err(Fault::new(at, what).with_hint(hint).into())
            }
        }
    }

    /// Static variables in functions of that name in the unit at hand.
    fn statics_here(&self, function: &str, name: &str) -> Vec<Entry<'a, 'f>> {
        let mut found = Vec::new();
        let Some(unit) = self.function.map(Entry::root) else { return found };
        let last = function.rsplit("::").next().unwrap_or(function);
        unit.walk(|entry, _| match entry.tag() {
            dw::DW_TAG_subprogram => {
                let is_it = entry
                    .name()
                    .is_some_and(|own| own == last || own.split('<').next() == Some(last));
                if is_it { Descend::Yes } else { Descend::No }
            }
            dw::DW_TAG_variable if entry.text(dw::DW_AT_name).as_deref() == Some(name) => {
                // A variable of a frame has another place in each.
                let location = entry.expression(dw::DW_AT_location);
                let is_static = location.is_some_and(|of| is_fixed(&of.0));
                if is_static && found.len() < MOST_FUNCTIONS {
                    found.push(entry.entry);
                }
                Descend::No
            }
            dw::DW_TAG_namespace
            | dw::DW_TAG_structure_type
            | dw::DW_TAG_class_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_lexical_block => Descend::Yes,
            _ => Descend::No,
        });
        found
    }

    /// Whether a variable stands in a function of that name.
    fn is_in_function(&self, variable: Entry<'a, 'f>, function: &str) -> bool {
        let Some(found) = enclosing_function(variable) else { return false };
        self.qualified(found).is_some_and(|name| is_called(&name, function))
    }

    /// The name of a variable or function with the namespaces and classes
    /// around it; anonymous ones are left out, as in the source.
    pub(super) fn qualified(&self, entry: Entry<'a, 'f>) -> Option<String> {
        let attributes = entry.attributes()?;
        let declared = attributes.origins().last()?.entry;
        let containers = self.view.context.types.containers(declared);
        let around = containers.path(declared.offset).into_iter().flatten();
        let around = around.map(|name| format!("{}::", String::from_utf8_lossy(name)));
        Some(around.collect::<String>() + &attributes.name()?)
    }
}

/// Whether a location is the same in all frames: it begins with an address.
fn is_fixed(location: &[u8]) -> bool {
    let fixed = [dw::DW_OP_addr, dw::DW_OP_addrx, dw::DW_OP_GNU_addr_index];
    location.first().is_some_and(|first| fixed.iter().any(|operation| operation.0 == *first))
}

/// The innermost function around an entry. `None`: there is none.
pub(super) fn enclosing_function<'a, 'f>(inner: Entry<'a, 'f>) -> Option<Entry<'a, 'f>> {
    let mut open: Vec<(usize, Entry<'a, 'f>)> = Vec::new();
    let mut found = None;
    inner.root().walk(|entry, depth| {
        while open.last().is_some_and(|(outer, _)| *outer >= depth) {
            open.pop();
        }
        if entry.entry.offset.0 >= inner.offset.0 {
            found = open.last().map(|(_, function)| *function);
            return Descend::Stop;
        }
        if entry.tag() == dw::DW_TAG_subprogram {
            open.push((depth, entry.entry));
        }
        Descend::Yes
    });
    found
}

/// How well a written name fits to a function's: zero is best. `None`: it does
/// not.
fn rank(path: &str, linkage: &str, display: Option<&str>, scopes: &[String]) -> Option<usize> {
    if linkage == path {
        return Some(0);
    }
    let display = display?;
    // `(anonymous namespace)` is not written in the source.
    let display = without_trait(&display.replace("(anonymous namespace)::", ""));
    let path = path.replace("(anonymous namespace)::", "");
    // The arguments of the last template may be left out.
    let bare = match display.find('<') {
        Some(at) if display.ends_with('>') => display.get(..at).unwrap_or(&display),
        _ => &display,
    };
    let is_it = |wanted: &str| display == wanted || bare == wanted;
    let exact = scopes.iter().position(|scope| is_it(&format!("{scope}{path}")));
    exact.or_else(|| {
        let is_end = |whole: &str| {
            whole.strip_suffix(path.as_str()).is_some_and(|rest| rest.ends_with("::"))
        };
        (is_end(&display) || is_end(bare)).then_some(scopes.len())
    })
}

/// `<Type as Trait>::name` and `<Type>::name` of Rust as `Type::name`.
fn without_trait(display: &str) -> String {
    let parts = display.strip_prefix('<').and_then(|rest| rest.rsplit_once(">::"));
    match parts {
        Some((of, name)) => {
            let of = of.split(" as ").next().unwrap_or(of);
            format!("{of}::{name}")
        }
        None => display.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_functions() {
        let scopes = ["app::Widget::".to_owned(), "app::".to_owned(), String::new()];
        let cases = [
            ("main", "main", None, Some(0)),
            ("run", "_ZN3app3runEv", Some("app::run"), Some(1)),
            ("app::run", "_ZN3app3runEv", Some("app::run"), Some(2)),
            ("run", "_ZN1x3runEv", Some("x::run"), Some(3)),
            ("keep", "_ZN3app4keepIiEEvT_", Some("app::keep<int>"), Some(1)),
            ("deep", "_ZN12_GLOBAL__N_14deepEv", Some("(anonymous namespace)::deep"), Some(2)),
            ("app::W::f", "_RN", Some("<app::W as app::T>::f"), Some(2)),
            ("W::f", "_RN", Some("<app::W>::f"), Some(1)),
            ("un", "_ZN3app3runEv", Some("app::run"), None),
        ];
        for (path, linkage, display, want) in cases {
            assert_eq!(rank(path, linkage, display, &scopes), want, "{path}");
        }
    }
}
