//! Elements of arrays and containers, one or several.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::base::count::counted;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found, MOST_ELEMENTS};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::number::Number;
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::{Expression, Kind};
use crate::variables::read::Level;
use crate::variables::text::quoted;
use crate::variables::texts::Texts;
use crate::variables::value::{Origin, Value, ValueKind};

/// Containers whose elements lie one after the other.
const CONTIGUOUS: &[&str] = &[
    "std::vector<",
    "std::array<",
    "std::span<",
    "std::initializer_list<",
    "std::__1::vector<",
    "std::__1::array<",
    "alloc::vec::Vec<",
    "&[",
    "&mut [",
];

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// `operand[index]`.
    pub(super) fn index(
        &self,
        operand: Operand<'a, 'f>,
        at: Span,
        index: &Expression,
    ) -> Found<Operand<'a, 'f>> {
        let object = match operand {
            Operand::Part(value) => return self.part_element(&value, at, index),
            Operand::Symbol { .. } => return Err(self.untyped(at)),
            Operand::Object(object) => self.unreferenced(object)?,
        };
        let of = self.resolved(&object.of);
        if self.target_type(&object.of).is_some() {
            let number = self.whole(index)?;
            let Operand::Object(first) = self.target(Operand::Object(object), at)? else {
                return Err(self.untyped(at));
            };
            return self.moved(first, number, at).map(Operand::Object);
        }
        if let Some(element) = self.element_type(&object.of) {
            let number = self.whole(index)?;
            let length = self.length(&object.of);
            let is_inside = u64::try_from(number)
                .is_ok_and(|number| length.is_none_or(|length| number < length));
            if !is_inside {
                let of = &of.name;
                if object.place.address().is_none() || of.starts_with('[') {
                    let what = format!("`{of}` has no element {number}");
                    return Err(Fault::new(index.at, what).into());
                }
                self.note(format!("element {number} is outside of `{of}`"));
            }
            let first = Object::new(element, object.place);
            return self.moved(first, number, at).map(Operand::Object);
        }
        if of.composite().is_some() {
            let value = self.container(&of, &object.place)?;
            return self.contained(&of, &object.place, &value, at, index);
        }
        let what = format!("`{}` is no array, but of type `{}`", self.written(at), of.name);
        Err(Fault::new(at, what).into())
    }

    /// An object so many of its own sizes further on.
    fn moved(&self, first: Object<'a, 'f>, by: i64, at: Span) -> Found<Object<'a, 'f>> {
        let size = self.size_of(&first.of).and_then(|size| i64::try_from(size).ok());
        let Some(size) = size else {
            let what = format!("the size of `{}` is not known", self.name_of(&first.of));
            return Err(Fault::new(at, what).into());
        };
        let far = || {
            let what = format!("element {by} of `{}` is outside of all memory", self.written(at));
            Trouble::from(Fault::new(at, what))
        };
        let bytes = by.checked_mul(size).ok_or_else(far)?;
        let place = match first.place {
            Place::Memory(start) => {
                let start = start.0.checked_add_signed(bytes).ok_or_else(far)?;
                Place::Memory(RunAddr(start))
            }
            pieces @ Place::Pieces(..) => pieces.part(u64::try_from(bytes).unwrap_or(u64::MAX)),
        };
        Ok(Object { place, ..first })
    }

    /// The number of an array's elements.
    fn length(&self, of: &ResultType<'a, 'f>) -> Option<u64> {
        if let ResultType::Array(_, count, _) = of {
            return Some(*count);
        }
        let of = self.resolved(of);
        let Shape::Array(array) = &of.shape else { return None };
        self.reading.length(&of, *array.dimensions.first()?).ok()
    }

    /// A container, as its printer reads it.
    fn container(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>) -> Found<Value> {
        let level = Level { nested: self.view.context.limits.depth, follows: true };
        let value = self.reading.typed(of, place, level);
        match value.why_unknown {
            Some(why) => Err(Trouble::Unknown(why)),
            None => Ok(value),
        }
    }

    /// Refuses what has no elements, or is read as a whole.
    fn check_elements(&self, value: &Value, of: &str, at: Span) -> Found<()> {
        let written = self.written(at);
        if let Some(why) = &value.why_unknown {
            return Err(Trouble::Unknown(why.clone()));
        }
        match value.kind {
            ValueKind::Sequence | ValueKind::Array | ValueKind::Map => Ok(()),
            ValueKind::String => {
                let what = format!("`{written}` is text, which is shown as a whole");
                let hint = "a larger --max-string shows more of it";
                Err(Fault::new(at, what).with_hint(hint).into())
            }
            _ => {
                let what = format!("`{written}` has no elements: its type is `{of}`");
                Err(Fault::new(at, what).into())
            }
        }
    }

    /// One element of a container.
    fn contained(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        value: &Value,
        at: Span,
        index: &Expression,
    ) -> Found<Operand<'a, 'f>> {
        self.check_elements(value, &of.name, at)?;
        if value.kind == ValueKind::Map {
            return self.keyed(value, at, index);
        }
        let number = self.whole(index)?;
        let known = value.elements.len() as u64;
        let count = known.saturating_add(value.omitted);
        let Some(number) = u64::try_from(number).ok().filter(|number| *number < count) else {
            let what = format!("`{}` has {}", self.written(at), counted(count, "element"));
            return Err(Fault::new(index.at, what).into());
        };
        let held = self.argument(of);
        if let Some((first, size)) = self.contiguous(of, place, value, held.as_ref())
            && let Some(held) = held
        {
            let at = first.0.wrapping_add(number.wrapping_mul(size));
            return Ok(Operand::Object(Object::new(held, Place::Memory(RunAddr(at)))));
        }
        let element = usize::try_from(number).ok().and_then(|number| value.elements.get(number));
        let Some(element) = element else {
            let why = format!(
                "only the first {known} elements are read; a larger --max-elements reads more"
            );
            return Err(Trouble::Unknown(why));
        };
        let held = held.filter(|held| self.is_plain(held) && element.is_known());
        Ok(match (held, element.address) {
            (Some(held), Some(at)) => Operand::Object(Object::new(held, Place::Memory(at))),
            _ => Operand::Part(element.clone()),
        })
    }

    /// Where the elements of a container begin that lie one after the other,
    /// and how large each is.
    fn contiguous(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        value: &Value,
        held: Option<&ResultType<'a, 'f>>,
    ) -> Option<(RunAddr, u64)> {
        if !CONTIGUOUS.iter().any(|name| of.plain_name.starts_with(name)) {
            return None;
        }
        let held = held?;
        let size = self.size_of(held).filter(|size| *size > 0)?;
        let first = match self.first_of_vector(of, place) {
            Some(first) => first,
            None if self.is_plain(held) => value.elements.first()?.address?,
            None => return None,
        };
        // What the printer read must agree.
        let second = value.elements.get(1).filter(|_| self.is_plain(held));
        let agrees = second.is_none_or(|second| {
            second.address.is_some_and(|second| second.0.checked_sub(first.0) == Some(size))
        });
        agrees.then_some((first, size))
    }

    /// Where the elements of a vector of a C++ library begin.
    fn first_of_vector(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>) -> Option<RunAddr> {
        if !of.plain_name.contains("vector<") {
            return None;
        }
        let inner = match self.find_member(of, place, "_M_impl") {
            Some(inner) => inner.ok()?,
            None => return self.pointer_in(of, place, "__begin_"),
        };
        self.pointer_in(&self.resolved(&inner.of), &inner.place, "_M_start")
    }

    fn pointer_in(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>, name: &str) -> Option<RunAddr> {
        let found = self.find_member(of, place, name)?.ok()?;
        self.target_type(&found.of)?;
        let word = self.reading.word(&self.resolved(&found.of), &found.place).ok()?;
        Some(RunAddr(word))
    }

    /// The value of a key.
    fn keyed(&self, value: &Value, at: Span, index: &Expression) -> Found<Operand<'a, 'f>> {
        let wanted = match &index.kind {
            Kind::Text(text) => Key::Text(text.clone()),
            _ => match self.number(self.evaluate(index)?, index.at)?.0 {
                Number::Whole(whole) => Key::Number(whole.value()),
                Number::Float(_) | Number::Single(_) => {
                    let what = "keys are looked up by whole numbers and texts";
                    return Err(Fault::new(index.at, what).into());
                }
            },
        };
        let found =
            value.elements.iter().find(|pair| pair.field("key").is_some_and(|key| wanted.is(key)));
        match found.and_then(|pair| pair.field("value")) {
            Some(found) => Ok(Operand::Part(found.clone())),
            None if value.omitted > 0 => {
                let known = value.elements.len();
                Err(Trouble::Unknown(format!(
                    "it is not among the first {known} keys; a larger --max-elements reads more"
                )))
            }
            None => {
                let what = format!("`{}` has no such key", self.written(at));
                let keys: Vec<String> = value
                    .elements
                    .iter()
                    .filter_map(|pair| pair.field("key"))
                    .map(|key| key.text.clone())
                    .collect();
                let hint =
                    crate::variables::query::spelling::closest(&keys, self.written(index.at), 10);
                let hint = hint.map(|keys| format!("its keys: {keys}"));
                Err(Fault { at: index.at, what, hint }.into())
            }
        }
    }

    fn part_element(&self, value: &Value, at: Span, index: &Expression) -> Found<Operand<'a, 'f>> {
        if let Some(why) = &value.why_unknown {
            return Err(Trouble::Unknown(why.clone()));
        }
        let value = value.field("*").filter(|_| value.elements.is_empty()).unwrap_or(value);
        if value.kind == ValueKind::Map {
            return self.keyed(value, at, index);
        }
        let number = self.whole(index)?;
        let known = value.elements.len();
        let element = usize::try_from(number).ok().and_then(|number| value.elements.get(number));
        match element {
            Some(element) => Ok(Operand::Part(element.clone())),
            None if value.omitted > 0 && known > 0 => {
                let why = format!(
                    "only the first {known} elements are read; a larger --max-elements reads more"
                );
                Err(Trouble::Unknown(why))
            }
            None => {
                let what = format!("`{}` has no element {number}", self.written(at));
                Err(Fault::new(index.at, what).into())
            }
        }
    }

    /// `operand[from..to]`.
    pub(super) fn slice(
        &self,
        operand: Operand<'a, 'f>,
        at: Span,
        from: Option<&Expression>,
        to: Option<&Expression>,
    ) -> Found<Operand<'a, 'f>> {
        let start = from.map_or(Ok(0), |from| self.whole(from))?;
        let end = to.map(|to| self.whole(to)).transpose()?;
        let whole = match (from, to) {
            (Some(from), Some(to)) => from.at.to(to.at),
            (Some(one), None) | (None, Some(one)) => one.at,
            (None, None) => at,
        };
        let count = |length: Option<u64>| -> Found<u64> {
            let end = end.or_else(|| length.and_then(|length| i64::try_from(length).ok()));
            let Some(end) = end else {
                let fault = Fault::new(whole, "where the slice ends is not known");
                return Err(fault.with_hint("write both ends: `p[0..10]`").into());
            };
            let count = end.checked_sub(start).and_then(|count| u64::try_from(count).ok());
            count.filter(|count| *count <= MOST_ELEMENTS).ok_or_else(|| {
                let what = format!("from {start} to {end} no elements can be shown");
                let hint = format!("the end comes after the start, by up to {MOST_ELEMENTS}");
                Fault::new(whole, what).with_hint(hint).into()
            })
        };
        let object = match operand {
            Operand::Part(value) => {
                let value =
                    value.field("*").filter(|_| value.elements.is_empty()).unwrap_or(&value);
                if let ValueKind::String = value.kind {
                    self.check_elements(value, "", at)?;
                }
                let length = (value.elements.len() as u64).saturating_add(value.omitted);
                let count = count(Some(length))?;
                return self.part_slice(value, at, whole, start, count);
            }
            Operand::Symbol { .. } => return Err(self.untyped(at)),
            Operand::Object(object) => self.unreferenced(object)?,
        };
        let of = self.resolved(&object.of);
        let is_pointer = self.target_type(&object.of).is_some();
        if is_pointer || self.element_type(&object.of).is_some() {
            let length = self.length(&object.of);
            let count = count(length)?;
            let end = u64::try_from(start).ok().and_then(|start| start.checked_add(count));
            let is_inside = length.is_none() || end.is_some_and(|end| length >= Some(end));
            if !is_inside {
                if object.place.address().is_none() || of.dialect == Dialect::Rust {
                    let what = format!("`{}` has fewer elements", of.name);
                    return Err(Fault::new(whole, what).into());
                }
                self.note(format!("the slice goes out of `{}`", of.name));
            }
            let Operand::Object(first) = self.target(Operand::Object(object), at)? else {
                return Err(self.untyped(at));
            };
            let first = self.moved(first, start, at)?;
            let of = first.of.array(count, self.dialect);
            return Ok(Operand::Object(Object::new(of, first.place)));
        }
        if of.composite().is_none() {
            let what = format!("`{}` is no array, but of type `{}`", self.written(at), of.name);
            return Err(Fault::new(at, what).into());
        }
        let value = self.container(&of, &object.place)?;
        self.check_elements(&value, &of.name, at)?;
        let length = (value.elements.len() as u64).saturating_add(value.omitted);
        let count = count(Some(length))?;
        let held = self.argument(&of);
        let end = u64::try_from(start).ok().and_then(|start| start.checked_add(count));
        if let Some((first, size)) = self.contiguous(&of, &object.place, &value, held.as_ref())
            && let Some(held) = held
            && end.is_some_and(|end| end <= length)
        {
            let at = first.wrapping_add(start.wrapping_mul(size.cast_signed()));
            let of = held.array(count, self.dialect);
            return Ok(Operand::Object(Object::new(of, Place::Memory(at))));
        }
        self.part_slice(&value, at, whole, start, count)
    }

    /// Elements of a container that do not lie one after the other.
    fn part_slice(
        &self,
        value: &Value,
        at: Span,
        whole: Span,
        start: i64,
        count: u64,
    ) -> Found<Operand<'a, 'f>> {
        let length = (value.elements.len() as u64).saturating_add(value.omitted);
        let start = u64::try_from(start).ok();
        let end = start.and_then(|start| start.checked_add(count)).filter(|end| *end <= length);
        let (Some(start), Some(end)) = (start, end) else {
            let what = format!("`{}` has {}", self.written(at), counted(length, "element"));
            return Err(Fault::new(whole, what).into());
        };
        let within = |at: &u64| (start..end).contains(at);
        let elements: Vec<Value> = (0_u64..)
            .zip(&value.elements)
            .filter(|(at, _)| within(at))
            .map(|(_, element)| element.clone())
            .collect();
        let mut part = Value::leaf(ValueKind::Array, "", Origin::Memory);
        part.omitted = count.saturating_sub(elements.len() as u64);
        let mut texts = Texts::new(self.view.context.limits.text);
        elements.iter().for_each(|element| texts.push(&element.text));
        let (open, close) = if self.dialect == Dialect::Rust { ("[", "]") } else { ("{", "}") };
        part.text = texts.close(open, close, part.omitted);
        part.elements = elements;
        Ok(Operand::Part(part))
    }
}

/// What a key must be.
enum Key {
    Text(String),
    Number(Option<i128>),
}

impl Key {
    fn is(&self, key: &Value) -> bool {
        match self {
            Self::Text(text) => {
                let bytes = text.as_bytes();
                key.kind == ValueKind::String
                    && (key.text == quoted(bytes, Dialect::Cpp)
                        || key.text == quoted(bytes, Dialect::Rust))
            }
            Self::Number(number) => {
                let first = key.text.split(' ').next().unwrap_or_default();
                number.is_some() && first.parse().ok() == *number
            }
        }
    }
}
