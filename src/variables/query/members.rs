//! Members by their names, as C++ looks for them: in the class itself, then in
//! its bases.
//!
//! Source: C++ standard, [class.member.lookup].
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::cell::Cell;

use crate::symbols::types::{Dialect, MemberPlace, Type};
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::hierarchy::is_called;
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;

/// How many base classes and anonymous members are looked through for a name.
pub(super) const MOST_SEARCHED: usize = 2_000;

/// How deeply they may nest.
pub(super) const MOST_BASES: usize = 32;

/// A member that has the name.
struct Hit<'a, 'f> {
    /// The class that it is declared in.
    of: Type<'a, 'f>,
    class: String,
    /// Where that part of the object is.
    place: Result<Place<'a, 'f>, String>,
    found: Result<Object<'a, 'f>, String>,
}

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// A member by its name, in a structure, its anonymous members and its
    /// bases; behind `Base::`, of that base. `None`: there is none.
    pub(super) fn find_member(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        name: &str,
    ) -> Option<Found<Object<'a, 'f>>> {
        if let Some((class, name)) = name.rsplit_once("::") {
            if is_called(&of.plain_name, class) {
                return self.find_member(of, place, name);
            }
            let part = self.parts_named(of, place, class).into_iter().next()?;
            return match part.at {
                Ok(place) => self.find_member(&part.of, &place, name),
                Err(why) => Some(Err(Trouble::Unknown(why))),
            };
        }
        let search = |name: &str| {
            let budget = Cell::new(MOST_SEARCHED);
            let mut found = Vec::new();
            self.members_within(of, place, name, (MOST_BASES, &budget), &mut found);
            found
        };
        let mut found = search(name);
        // `t.0` of Rust is called `__0`.
        if found.is_empty() && name.starts_with(|char: char| char.is_ascii_digit()) {
            found = search(&format!("__{name}"));
        }
        self.only_member(found, name)
    }

    /// Of members with one name, that which C++ means: one that hides the
    /// others.
    fn only_member(
        &self,
        mut found: Vec<Hit<'a, 'f>>,
        name: &str,
    ) -> Option<Found<Object<'a, 'f>>> {
        // One object may be reached in several ways.
        let mut distinct: Vec<Hit<'a, 'f>> = Vec::new();
        for member in found.drain(..) {
            let address = |of: &Hit<'a, 'f>| of.place.as_ref().ok().and_then(Place::address);
            let is_known = distinct.iter().any(|known| {
                known.class == member.class
                    && address(known).is_some()
                    && address(known) == address(&member)
            });
            if !is_known {
                distinct.push(member);
            }
        }
        // A member of a class hides those of its (virtual) bases.
        let is_hidden = |one: &Hit<'a, 'f>| {
            distinct.iter().any(|other| {
                let Ok(place) = &other.place else { return false };
                let parts = self.parts_named(&other.of, place, &one.class);
                let address = one.place.as_ref().ok().and_then(Place::address);
                address.is_some()
                    && parts
                        .iter()
                        .any(|part| part.at.as_ref().ok().and_then(Place::address) == address)
            })
        };
        let meant: Vec<&Hit<'a, 'f>> = match distinct.len() {
            0 | 1 => distinct.iter().collect(),
            _ => distinct.iter().filter(|one| !is_hidden(one)).collect(),
        };
        match meant.as_slice() {
            [] => None,
            [one] => Some(one.found.clone().map_err(Trouble::Unknown)),
            several => {
                let classes: Vec<&str> = several.iter().map(|one| one.class.as_str()).collect();
                let what = format!("`{name}` is ambiguous: {} have one", classes.join(" and "));
                let choices: Vec<String> =
                    classes.iter().map(|class| format!("{class}::{name}")).collect();
                let hint = format!("say which one: {}", choices.join(", "));
                Some(Err(Fault::new(Span::default(), what).with_hint(hint).into()))
            }
        }
    }

    fn members_within(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        name: &str,
        (depth, budget): (usize, &Cell<usize>),
        found: &mut Vec<Hit<'a, 'f>>,
    ) {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), budget.get().checked_sub(1)) else {
            return;
        };
        budget.set(left);
        let of_class = |place: Result<Place<'a, 'f>, String>,
                        it: Result<Object<'a, 'f>, String>| {
            Hit { class: of.plain_name.clone(), of: of.clone(), place, found: it }
        };
        if let Some(member) = of.member(name) {
            let of_member = ResultType::Declared(member.type_entry);
            let object = match member.place {
                MemberPlace::Bits(from, width) => {
                    let bits = Some((from, width));
                    Ok(Object { of: of_member, place: place.clone(), bits })
                }
                _ => {
                    let at = self.reading.member_place(of, member, place);
                    at.map(|place| Object::new(of_member, place))
                }
            };
            found.push(of_class(Ok(place.clone()), object));
            return;
        }
        let Some(composite) = of.composite() else { return };
        let inner =
            composite.members.iter().filter(|member| member.is_base || member.name.is_none());
        for member in inner {
            let inner = self.view.context.types.get(member.type_entry);
            // A virtual base of an object that lies in no memory: the member may
            // be there, and its place is not known.
            let (inner_place, why) = match self.reading.member_place(of, member, place) {
                Ok(place) => (place, None),
                Err(why) => (Place::constant(Vec::new()), Some(why)),
            };
            let before = found.len();
            self.members_within(&inner, &inner_place, name, (depth, budget), found);
            if let Some(why) = why {
                for lost in found.iter_mut().skip(before) {
                    (lost.place, lost.found) = (Err(why.clone()), Err(why.clone()));
                }
            }
        }
    }

    /// A static member of a class or of its bases.
    pub(super) fn static_member(
        &self,
        of: &Type<'a, 'f>,
        name: &str,
    ) -> Found<Option<Operand<'a, 'f>>> {
        if of.composite().is_none() || of.dialect != Dialect::Cpp {
            return Ok(None);
        }
        let mut classes = vec![of.plain_name.clone()];
        let mut budget = MOST_SEARCHED;
        self.base_names(of, &mut budget, &mut classes);
        for class in classes {
            if let Some(entry) = self.globals(&format!("{class}::{name}"), None, true).first() {
                return self.static_variable(*entry).map(Some);
            }
        }
        Ok(None)
    }

    fn base_names(&self, of: &Type<'a, 'f>, budget: &mut usize, names: &mut Vec<String>) {
        let Some(composite) = of.composite() else { return };
        for base in composite.members.iter().filter(|member| member.is_base) {
            if names.len() >= MOST_BASES || *budget == 0 {
                return;
            }
            *budget = budget.saturating_sub(1);
            let base = self.view.context.types.get(base.type_entry);
            names.push(base.plain_name.clone());
            self.base_names(&base, budget, names);
        }
    }

    /// The names that may stand behind a dot.
    pub(super) fn member_names(
        &self,
        of: &Type<'a, 'f>,
        names: &mut Vec<String>,
        budget: &Cell<usize>,
        depth: usize,
    ) {
        let (Some(depth), Some(composite)) = (depth.checked_sub(1), of.composite()) else { return };
        for member in &composite.members {
            let Some(left) = budget.get().checked_sub(1) else { return };
            budget.set(left);
            match &member.name {
                Some(name) if !member.is_base => {
                    let name = name.strip_prefix("__").filter(|rest| {
                        rest.chars().all(|char| char.is_ascii_digit()) && !rest.is_empty()
                    });
                    let shown =
                        name.map_or_else(|| member.name.clone(), |name| Some(name.to_owned()));
                    names.extend(shown.filter(|_| !member.is_artificial));
                }
                _ => {
                    let inner = self.view.context.types.get(member.type_entry);
                    self.member_names(&inner, names, budget, depth);
                }
            }
        }
    }
}
