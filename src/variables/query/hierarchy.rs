//! Where the parts of a class lie in its objects: what a cast between pointers
//! to classes of one hierarchy does to the address.
//!
//! Source: C++ standard, [conv.ptr], [expr.static.cast]; where a virtual base
//! lies, only the object's virtual table tells.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::Arc;

use crate::base::addr::RunAddr;
use crate::symbols::named::is_same_name;
use crate::symbols::types::{Dialect, MemberPlace, Type};
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::operand::Operand;
use crate::variables::query::result_type::ResultType;

/// How many base classes are looked at for one cast.
const MOST_LOOKED_AT: usize = 2_000;

/// How deeply they may nest.
const MOST_BASES: usize = 32;

/// A base class within an object.
pub(super) struct Part<'a, 'f> {
    /// The base.
    pub(super) of: Arc<Type<'a, 'f>>,
    /// Where it is. `Err`: a virtual base whose place is not known; says why.
    pub(super) at: Result<Place<'a, 'f>, String>,
    /// Bytes from the start of the whole. `None`: it is a virtual base, or lies
    /// in one.
    offset: Option<u64>,
}

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// The bases of that name in an object of class `of`, in their order; a
    /// virtual base as often as it is inherited. The name may be the last part
    /// of the base's.
    pub(super) fn parts_named(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        name: &str,
    ) -> Vec<Part<'a, 'f>> {
        let mut parts = Vec::new();
        let mut left = MOST_LOOKED_AT;
        self.add_parts(of, &Ok(place.clone()), Some(0), name, (MOST_BASES, &mut left), &mut parts);
        parts
    }

    fn add_parts(
        &self,
        of: &Type<'a, 'f>,
        place: &Result<Place<'a, 'f>, String>,
        offset: Option<u64>,
        name: &str,
        (depth, left): (usize, &mut usize),
        parts: &mut Vec<Part<'a, 'f>>,
    ) {
        let (Some(depth), Some(composite)) = (depth.checked_sub(1), of.composite()) else { return };
        for base in composite.members.iter().filter(|member| member.is_base) {
            let Some(fewer) = left.checked_sub(1) else { return };
            *left = fewer;
            let inner = self.view.context.types.get(base.type_entry);
            let at = match place {
                Ok(place) => self.reading.member_place(of, base, place),
                Err(why) => Err(why.clone()),
            };
            let offset = match base.place {
                MemberPlace::Bytes(bytes) => offset.and_then(|offset| offset.checked_add(bytes)),
                _ => None,
            };
            if is_called(&inner.plain_name, name) {
                parts.push(Part { of: inner, at, offset });
            } else {
                self.add_parts(&inner, &at, offset, name, (depth, left), parts);
            }
        }
    }

    /// The address that a pointer to a `from` has once it is one to a `to`, as
    /// C++ converts it. `None`: the classes are not of one hierarchy.
    pub(super) fn converted(
        &self,
        address: u64,
        from: &ResultType<'a, 'f>,
        to: &ResultType<'a, 'f>,
        at: Span,
    ) -> Found<Option<u64>> {
        let (from, to) = (self.resolved(from), self.resolved(to));
        let is_class = |of: &Type<'a, 'f>| of.composite().is_some() && of.dialect == Dialect::Cpp;
        let is_one = is_same_name(&from.plain_name, &to.plain_name);
        if address == 0 || is_one || !is_class(&from) || !is_class(&to) {
            return Ok(None);
        }
        let place = Place::Memory(RunAddr(address));
        if let Some(base) = self.one_part(&from, &place, &to, at)? {
            return base.map(Some).map_err(Trouble::Unknown);
        }
        // From a base to what it is a part of.
        let parts = self.parts_named(&to, &Place::constant(Vec::new()), &from.plain_name);
        match parts.as_slice() {
            [] => return Ok(None),
            [Part { offset: Some(offset), .. }] => return Ok(Some(address.wrapping_sub(*offset))),
            _ => (),
        }
        // Several such bases, or a virtual one: the object itself tells.
        let whole = self.reading.object(&from, RunAddr(address));
        let start = Place::Memory(whole.at);
        let found = if is_same_name(&whole.of.plain_name, &to.plain_name) {
            Some(Ok(whole.at.0))
        } else {
            self.one_part(&whole.of, &start, &to, at)?
        };
        match found {
            Some(Ok(address)) => Ok(Some(address)),
            Some(Err(why)) => Err(Trouble::Unknown(why)),
            None => Err(Trouble::Unknown(format!(
                "where the `{}` lies whose base this is was not found: no virtual table tells",
                to.name
            ))),
        }
    }

    /// The address of the only base of class `to`. `None`: it is no base.
    fn one_part(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        to: &Type<'a, 'f>,
        at: Span,
    ) -> Found<Option<Result<u64, String>>> {
        let mut found: Option<u64> = None;
        let mut lost = None;
        for part in self.parts_named(of, place, &to.plain_name) {
            let address = match part.at {
                Ok(place) => place.address().ok_or_else(|| "it lies in no memory".to_owned()),
                Err(why) => Err(why),
            };
            match address {
                Ok(address) if found.is_none_or(|known| known == address.0) => {
                    found = Some(address.0);
                }
                Ok(_) => {
                    let what = format!("`{}` is a base of `{}` more than once", to.name, of.name);
                    let hint = "cast to the base in between first";
                    return Err(Fault::new(at, what).with_hint(hint).into());
                }
                Err(why) => lost = Some(why),
            }
        }
        Ok(match (found, lost) {
            (_, Some(why)) => Some(Err(why)),
            (found, None) => found.map(Ok),
        })
    }

    /// Two pointers to classes of one hierarchy as C++ compares them: both as
    /// pointers to the base. `None`: they are no such pointers.
    pub(super) fn compared(
        &self,
        left: &Operand<'a, 'f>,
        right: &Operand<'a, 'f>,
        at: Span,
    ) -> Found<Option<(u64, u64)>> {
        let (Some(one), Some(two)) = (self.pointed(left)?, self.pointed(right)?) else {
            return Ok(None);
        };
        let is_base = |base: &ResultType<'a, 'f>, of: &ResultType<'a, 'f>| {
            let (base, of) = (self.resolved(base), self.resolved(of));
            let nowhere = Place::constant(Vec::new());
            of.dialect == Dialect::Cpp
                && !self.parts_named(&of, &nowhere, &base.plain_name).is_empty()
        };
        if is_base(&one.0, &two.0) {
            let moved = self.converted(two.1, &two.0, &one.0, at)?.unwrap_or(two.1);
            return Ok(Some((one.1, moved)));
        }
        if is_base(&two.0, &one.0) {
            let moved = self.converted(one.1, &one.0, &two.0, at)?.unwrap_or(one.1);
            return Ok(Some((moved, two.1)));
        }
        Ok(None)
    }
}

/// Whether a class may be called so: by its whole name, or the last parts of it.
pub(super) fn is_called(whole: &str, name: &str) -> bool {
    is_same_name(whole, name)
        || whole.strip_suffix(name).is_some_and(|rest| rest.ends_with("::"))
        || whole.split('<').next() == Some(name)
}
