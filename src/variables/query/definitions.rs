//! What only the entries of the units tell: enumerators, templates without
//! their default arguments, types of what is declared.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::cell::Cell;

use gimli::UnitOffset;
use gimli::constants as dw;

use crate::symbols::entries::{Attributes, Descend, Entry};
use crate::symbols::named::is_same_name;
use crate::symbols::types::Shape;
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span};
use crate::variables::query::names::{is_of_file, last_part, unit_file};
use crate::variables::query::number::Whole;
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::value::Origin;

/// How many entries are looked at for one name.
const MOST_ENTRIES: usize = 1_000_000;

/// How many enumerators of one name are told apart.
const MOST_RIVALS: usize = 12;

/// An enumerator that has the name.
struct Enumerator<'a, 'f> {
    of: ResultType<'a, 'f>,
    type_name: String,
    value: i128,
    bytes: Vec<u8>,
}

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// The units of the frame's module, its own one first.
    fn near_units(&self) -> impl Iterator<Item = Entry<'a, 'f>> {
        let own = self.function.map(Entry::root);
        let module = || self.near_modules().next()?.debug();
        let debug = own.map(|own| own.debug).or_else(module);
        let all = debug.into_iter().flat_map(|debug| {
            debug.units().map(move |unit| Entry { debug, unit, offset: UnitOffset(0) }.root())
        });
        let is_own =
            move |unit: &Entry<'a, 'f>| own.is_some_and(|own| std::ptr::eq(own.unit, unit.unit));
        own.into_iter().chain(all.filter(move |unit| !is_own(unit)))
    }

    /// An enumerator: of the unit at hand, or else the only one of the module.
    pub(super) fn enumerator(
        &self,
        path: &str,
        file: Option<&str>,
        at: Span,
    ) -> Found<Option<Operand<'a, 'f>>> {
        let left = Cell::new(MOST_ENTRIES);
        let mut found: Vec<(Enumerator<'a, 'f>, Entry<'a, 'f>)> = Vec::new();
        for (index, unit) in self.near_units().enumerate() {
            if file.is_none_or(|file| is_of_file(unit, file)) {
                for one in self.enumerators_in(unit, path, &left) {
                    let is_known = found.iter().any(|(known, _)| {
                        known.value == one.value && known.type_name == one.type_name
                    });
                    if !is_known && found.len() < MOST_RIVALS {
                        found.push((one, unit));
                    }
                }
            }
            let is_own = index == 0 && self.function.is_some();
            if left.get() == 0 || is_own && !found.is_empty() {
                break;
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [(one, _)] => {
                let place = Place::bytes(one.bytes.clone(), Origin::Constant);
                Ok(Some(Operand::Object(Object::new(one.of.clone(), place))))
            }
            several => {
                let what = format!("there are {} enumerators named `{path}`", several.len());
                let last = path.rsplit("::").next().unwrap_or(path);
                let (first, unit) = (several.first(), |of: &Entry<'a, 'f>| unit_file(*of));
                let is_one_type = several
                    .iter()
                    .all(|(one, _)| first.is_some_and(|(of, _)| of.type_name == one.type_name));
                let choices = several.iter().map(|(one, of)| match unit(of) {
                    Some(file) if is_one_type => format!("'{}'::{path}", last_part(&file)),
                    _ => format!("{}::{last}", one.type_name.trim_start_matches("enum ")),
                });
                let choices: Vec<String> = choices.collect();
                let hint = format!("say which one: {}", choices.join(", "));
                Err(Fault::new(at, what).with_hint(hint).into())
            }
        }
    }

    fn enumerators_in(
        &self,
        unit: Entry<'a, 'f>,
        path: &str,
        left: &Cell<usize>,
    ) -> Vec<Enumerator<'a, 'f>> {
        let wanted = path.rsplit("::").next().unwrap_or(path);
        let mut enumerations = Vec::new();
        self.walk(unit, left, &mut |entry| {
            if entry.tag() == dw::DW_TAG_enumeration_type && enumerations.len() < MOST_RIVALS {
                let has_it = entry.entry.children().iter().any(|child| {
                    child.tag() == dw::DW_TAG_enumerator
                        && child.text(dw::DW_AT_name).as_deref() == Some(wanted)
                });
                if has_it {
                    enumerations.push(entry.entry);
                }
            }
            false
        });
        let scope = path.rsplit("::").nth(1);
        let all = enumerations.into_iter().filter_map(|entry| {
            let of = ResultType::Declared(Some(entry));
            let resolved = self.resolved(&of);
            let Shape::Enumeration(names) = &resolved.shape else { return None };
            let (_, value) = names.enumerators.iter().find(|(name, _)| name == wanted)?;
            // `ns::Color::Red` must be one of `Color`, if that was written.
            let is_meant = scope
                .is_none_or(|scope| resolved.plain_name.rsplit("::").any(|part| part == scope));
            let bits = u32::try_from(resolved.size?.saturating_mul(8)).ok()?;
            let bytes = Whole::new(value.cast_unsigned(), bits, names.is_signed).bytes();
            let type_name = resolved.plain_name.clone();
            is_meant.then_some(Enumerator { of, type_name, value: *value, bytes })
        });
        all.collect()
    }

    /// Shows what stands in the namespaces and classes of a unit, until the
    /// visitor has found what it looks for.
    fn walk(
        &self,
        unit: Entry<'a, 'f>,
        left: &Cell<usize>,
        visit: &mut dyn FnMut(&Attributes<'a, 'f>) -> bool,
    ) {
        unit.walk(|entry, _| {
            left.set(left.get().saturating_sub(1));
            if left.get() == 0 || visit(entry) {
                return Descend::Stop;
            }
            match entry.tag() {
                dw::DW_TAG_namespace
                | dw::DW_TAG_structure_type
                | dw::DW_TAG_class_type
                | dw::DW_TAG_union_type => Descend::Yes,
                _ => Descend::No,
            }
        });
    }

    /// The class that is shown under a name with template arguments: those that
    /// have their default are left out there.
    pub(super) fn template(&self, name: &str, scopes: &[String]) -> Option<Entry<'a, 'f>> {
        if !name.ends_with('>') {
            return None;
        }
        let plain = name.split('<').next().unwrap_or(name);
        let start = format!("{}<", plain.rsplit("::").next().unwrap_or(plain).trim());
        let wanted: Vec<String> = scopes.iter().map(|scope| format!("{scope}{name}")).collect();
        let left = Cell::new(MOST_ENTRIES);
        let mut found = None;
        for unit in self.near_units() {
            self.walk(unit, &left, &mut |entry| {
                let is_class =
                    matches!(entry.tag(), dw::DW_TAG_structure_type | dw::DW_TAG_class_type);
                if is_class
                    && !entry.is_set(dw::DW_AT_declaration)
                    && entry.text(dw::DW_AT_name).is_some_and(|own| own.starts_with(&start))
                {
                    let of = self.view.context.types.get(Some(entry.entry));
                    let is_it = |wanted: &String| {
                        is_same_name(&of.name, wanted) || is_same_name(&of.plain_name, wanted)
                    };
                    if wanted.iter().any(is_it) {
                        found = Some(entry.entry);
                    }
                }
                found.is_some()
            });
            if found.is_some() || left.get() == 0 {
                break;
            }
        }
        found
    }

    /// The type that the unit at hand declares a variable with, whose
    /// definition has no debug information: `extern char **environ`.
    pub(super) fn declared_type(&self, name: &str) -> Option<ResultType<'a, 'f>> {
        let left = Cell::new(MOST_ENTRIES);
        let mut found = None;
        let unit = self.function?.root();
        self.walk(unit, &left, &mut |entry| {
            if entry.tag() == dw::DW_TAG_variable
                && entry.is_set(dw::DW_AT_declaration)
                && entry.text(dw::DW_AT_name).as_deref() == Some(name)
            {
                found = entry.type_entry();
            }
            found.is_some()
        });
        found.map(|of| ResultType::Declared(Some(of)))
    }
}
