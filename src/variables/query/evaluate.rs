//! From the parts of an expression to what it stands for.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::cell::RefCell;

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::location::Activation;
use crate::variables::numbers::unsigned;
use crate::variables::place::Place;
use crate::variables::query::Viewpoint;
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::number::{Number, Whole};
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::{Expression, Kind, Prefix};
use crate::variables::read::{Level, Reading};
use crate::variables::value::{Origin, Value, ValueKind};

/// More elements than this are not made into one array.
pub(super) const MOST_ELEMENTS: u64 = 1 << 20;

/// Evaluates expressions in one frame.
pub(super) struct Evaluator<'e, 'v, 'a, 'f> {
    pub(super) view: &'e Viewpoint<'v, 'a, 'f>,
    /// The frame as the debug information has it. `None`: it says nothing of it.
    pub(super) activation: Option<&'e Activation<'v, 'a, 'f>>,
    /// The entry of the call.
    pub(super) function: Option<Entry<'a, 'f>>,
    pub(super) reading: Reading<'e, 'v, 'a, 'f>,
    /// The notation of the call's unit.
    pub(super) dialect: Dialect,
    /// The whole expression, for messages.
    pub(super) text: &'e str,
    /// What a reader of the result should know.
    pub(super) notes: RefCell<Vec<String>>,
    /// Null pointers that were followed, as they were written.
    pub(super) nulls: RefCell<Vec<String>>,
}

/// A result, or why there is none.
pub(super) type Found<T> = Result<T, Trouble>;

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// What was written there.
    pub(super) fn written(&self, at: Span) -> &str {
        self.text.get(at.start..at.end).unwrap_or_default()
    }

    pub(super) fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn resolved(&self, of: &ResultType<'a, 'f>) -> std::sync::Arc<Type<'a, 'f>> {
        of.resolved(&self.view.context.types)
    }

    pub(super) fn name_of(&self, of: &ResultType<'a, 'f>) -> String {
        of.name(&self.view.context.types)
    }

    pub(super) fn size_of(&self, of: &ResultType<'a, 'f>) -> Option<u64> {
        of.size(&self.view.context.types)
    }

    /// What an expression stands for.
    pub(super) fn evaluate(&self, expression: &Expression) -> Found<Operand<'a, 'f>> {
        // Chains may be long: they take no room on the stack.
        let mut links = Vec::new();
        let mut first = expression;
        while let Some(inner) = first.first() {
            links.push(first);
            first = inner;
        }
        let mut found = self.first(first)?;
        while let Some(link) = links.pop() {
            found = self.linked(found, link)?;
        }
        Ok(found)
    }

    /// What an operator makes of the operand on its left.
    fn linked(&self, first: Operand<'a, 'f>, link: &Expression) -> Found<Operand<'a, 'f>> {
        match &link.kind {
            Kind::Infix(infix, left, right) => self.infix(*infix, first, left.at, right),
            Kind::Member(of, member) => self.member(first, member, of.at),
            Kind::Index(of, index) => self.index(first, of.at, index),
            Kind::Slice(of, from, to) => self.slice(first, of.at, from.as_deref(), to.as_deref()),
            _ => Ok(first),
        }
    }

    /// What an expression stands for that begins with no other one.
    fn first(&self, expression: &Expression) -> Found<Operand<'a, 'f>> {
        let at = expression.at;
        match &expression.kind {
            Kind::Name(name) => self.named(name, at),
            Kind::Register(name) => self.register(name, at).map(Operand::Object),
            Kind::Integer(value, suffix) => {
                let is_decimal = !self.written(at).starts_with('0');
                match Whole::literal(*value, suffix, is_decimal) {
                    Some(whole) => Ok(self.computed(Number::Whole(whole), Origin::Computed)),
                    None => Err(Fault::new(at, "the number does not fit into its type").into()),
                }
            }
            Kind::Float(value) => Ok(self.computed(Number::Float(*value), Origin::Computed)),
            Kind::Character(code) => Ok(self.character(*code)),
            Kind::Text(_) => Err(Fault::new(at, "a text can only be the key of a map").into()),
            Kind::Prefix(Prefix::Target, inner) => {
                let target = self.target(self.evaluate(inner)?, inner.at)?;
                Ok(target)
            }
            Kind::Prefix(Prefix::Address, inner) => self.address_of(inner),
            Kind::Prefix(prefix, inner) => self.prefixed(*prefix, inner),
            // These begin with another one.
            Kind::Infix(..) | Kind::Member(..) | Kind::Index(..) | Kind::Slice(..) => {
                Err(Fault::new(at, "a value is missing").into())
            }
            Kind::Cast(of, inner) => {
                let to = self.type_named(of)?;
                self.cast(&to, self.evaluate(inner)?, at)
            }
            Kind::SizeOf(inner) => self.size_of_expression(inner),
            Kind::SizeOfType(of) => {
                let found = self.type_named(of)?;
                self.size_result(&found, of.at)
            }
        }
    }

    /// A number that was computed, as the language of the frame has it.
    pub(super) fn computed(&self, number: Number, origin: Origin) -> Operand<'a, 'f> {
        Operand::Object(Object::number(number, origin, self.dialect))
    }

    /// A truth value: a number in C, one of two words elsewhere.
    pub(super) fn truth(&self, is_true: bool, origin: Origin) -> Operand<'a, 'f> {
        if self.dialect == Dialect::C {
            return self.computed(Number::Whole(Whole::truth(is_true)), origin);
        }
        let of = ResultType::number("bool", 1, dw::DW_ATE_boolean, self.dialect);
        Operand::Object(Object::new(of, Place::bytes(vec![u8::from(is_true)], origin)))
    }

    fn character(&self, code: u32) -> Operand<'a, 'f> {
        if self.dialect == Dialect::Rust {
            let of = ResultType::number("char", 4, dw::DW_ATE_UTF, self.dialect);
            let place = Place::bytes(code.to_le_bytes().to_vec(), Origin::Computed);
            return Operand::Object(Object::new(of, place));
        }
        match u8::try_from(code) {
            Ok(byte) => {
                let of = ResultType::number("char", 1, dw::DW_ATE_signed_char, self.dialect);
                Operand::Object(Object::new(of, Place::bytes(vec![byte], Origin::Computed)))
            }
            Err(_) => {
                let whole = Whole::new(u128::from(code), 32, true);
                self.computed(Number::Whole(whole), Origin::Computed)
            }
        }
    }

    /// A pointer to that.
    pub(super) fn pointer(
        &self,
        to: ResultType<'a, 'f>,
        at: u64,
        origin: Origin,
    ) -> Operand<'a, 'f> {
        let place = Place::bytes(at.to_le_bytes().to_vec(), origin);
        Operand::Object(Object::new(to.pointer(self.dialect), place))
    }

    /// The number that an operand is. References are followed.
    pub(super) fn number(&self, operand: Operand<'a, 'f>, at: Span) -> Found<(Number, Origin)> {
        let no_number = |of: &str| {
            Err(Fault::new(at, format!("`{}` is no number, but of type `{of}`", self.written(at)))
                .into())
        };
        let object = match self.settled(operand)? {
            Operand::Object(object) => object,
            Operand::Part(value) => return self.part_number(&value, at),
            Operand::Symbol { at: address, .. } => {
                let whole = Whole::new(u128::from(address.0), 64, false);
                return Ok((Number::Whole(whole), Origin::Constant));
            }
        };
        let of = self.resolved(&object.of);
        let origin = object.place.origin();
        let is_signed = match &of.shape {
            Shape::Number(encoding) => match *encoding {
                dw::DW_ATE_signed | dw::DW_ATE_signed_char => true,
                dw::DW_ATE_float => {
                    return self.float(&object, &of, at).map(|found| (found, origin));
                }
                dw::DW_ATE_complex_float | dw::DW_ATE_imaginary_float => {
                    return no_number(&of.name);
                }
                _ => false,
            },
            Shape::Enumeration(names) => names.is_signed,
            Shape::Pointer(_) => false,
            Shape::Array(_) | Shape::Function => {
                let Some(address) = object.place.address() else { return no_number(&of.name) };
                let whole = Whole::new(u128::from(address.0), 64, false);
                return Ok((Number::Whole(whole), Origin::Computed));
            }
            // `std::atomic<int>` and the like.
            Shape::Composite(_) => {
                let level = Level { nested: 1, follows: false };
                let value = self.reading.typed(&of, &object.place, level);
                if value.kind == ValueKind::Struct {
                    return no_number(&of.name);
                }
                return self.part_number(&value, at);
            }
            _ => return no_number(&of.name),
        };
        if let Some((from, width)) = object.bits {
            let raw = self.reading.field_bits(&object.place, from, width);
            let raw = raw.map_err(|why| why.reason())?;
            let whole =
                Whole::new(raw, u32::try_from(width).unwrap_or(128).clamp(1, 128), is_signed);
            let bits = if width <= 32 { 32 } else { 64 };
            return Ok((Number::Whole(whole.converted(bits, is_signed || width < 32)), origin));
        }
        let bytes = self.reading.bytes(&of, &object.place).map_err(|why| why.reason())?;
        let bits = u32::try_from(bytes.len()).unwrap_or(0).saturating_mul(8);
        match unsigned(&bytes) {
            Some(raw) if bits > 0 => Ok((Number::Whole(Whole::new(raw, bits, is_signed)), origin)),
            _ => no_number(&of.name),
        }
    }

    fn float(&self, object: &Object<'a, 'f>, of: &Type<'a, 'f>, at: Span) -> Found<Number> {
        let bytes = self.reading.bytes(of, &object.place).map_err(|why| why.reason())?;
        match (bytes.first_chunk(), bytes.first_chunk(), bytes.len()) {
            (Some(single), _, 4) => Ok(Number::Single(f32::from_le_bytes(*single))),
            (_, Some(double), 8) => Ok(Number::Float(f64::from_le_bytes(*double))),
            _ => {
                let what =
                    format!("numbers of type `{}` are shown, but not computed with", of.name);
                Err(Fault::new(at, what).into())
            }
        }
    }

    /// The number that a printer's text says.
    fn part_number(&self, value: &Value, at: Span) -> Found<(Number, Origin)> {
        if let Some(why) = &value.why_unknown {
            return Err(Trouble::Unknown(why.clone()));
        }
        let first = value.text.split(' ').next().unwrap_or_default();
        let whole = match (first, first.parse::<i128>(), value.raw) {
            ("true", ..) => Some(Whole::truth(true)),
            ("false", ..) => Some(Whole::truth(false)),
            (_, Ok(number), _) => Some(Whole::of_value(number)),
            (_, Err(_), Some(raw)) => Some(Whole::new(u128::from(raw), 64, false)),
            _ => None,
        };
        match (whole, first.parse()) {
            (Some(whole), _) => Ok((Number::Whole(whole), value.origin)),
            (None, Ok(float)) => Ok((Number::Float(float), value.origin)),
            _ => {
                let what = format!("`{}` is no number: {}", self.written(at), value.text);
                Err(Fault::new(at, what).into())
            }
        }
    }

    /// A count of elements, or an index.
    pub(super) fn whole(&self, expression: &Expression) -> Found<i64> {
        let (number, _) = self.number(self.evaluate(expression)?, expression.at)?;
        let value = match number {
            Number::Whole(whole) => whole.value().and_then(|value| i64::try_from(value).ok()),
            Number::Float(_) | Number::Single(_) => None,
        };
        value.ok_or_else(|| {
            let what = format!("`{}` is no index", self.written(expression.at));
            Fault::new(expression.at, what).into()
        })
    }

    /// How many elements an array is to have.
    pub(super) fn count(&self, expression: &Expression) -> Found<u64> {
        let count = self.whole(expression)?;
        u64::try_from(count).ok().filter(|count| (1..=MOST_ELEMENTS).contains(count)).ok_or_else(
            || {
                let what = format!("{count} elements cannot be shown");
                Fault::new(expression.at, what)
                    .with_hint(format!("from 1 to {MOST_ELEMENTS} elements can"))
                    .into()
            },
        )
    }

    pub(super) fn repeated(
        &self,
        of: Operand<'a, 'f>,
        at: Span,
        count: u64,
    ) -> Found<Operand<'a, 'f>> {
        match self.settled(of)? {
            Operand::Object(object)
                if object.place.address().is_some() && object.bits.is_none() =>
            {
                let of = object.of.array(count, self.dialect);
                Ok(Operand::Object(Object::new(of, object.place)))
            }
            _ => {
                let what = format!("`{}` is not in memory", self.written(at));
                Err(Fault::new(at, what).into())
            }
        }
    }

    fn address_of(&self, inner: &Expression) -> Found<Operand<'a, 'f>> {
        let no_address = |why: &str| {
            let what = format!("`{}` has no address: {why}", self.written(inner.at));
            Err(Fault::new(inner.at, what).into())
        };
        match self.settled(self.evaluate(inner)?)? {
            Operand::Object(Object { bits: Some(_), .. }) => no_address("it is a bit-field"),
            Operand::Object(object) => match (&object.place, object.place.origin()) {
                (Place::Memory(at), _) => Ok(self.pointer(object.of, at.0, Origin::Computed)),
                (_, Origin::Register) => no_address("it is in a register"),
                (_, Origin::Computed) => no_address("it was computed"),
                (_, Origin::Constant) => no_address("it is a constant"),
                (_, Origin::EntryValue) => no_address("only its value at entry is known"),
                _ => no_address("it is in pieces"),
            },
            Operand::Part(value) => match value.address {
                Some(at) => Ok(self.pointer(ResultType::Declared(None), at.0, Origin::Computed)),
                None => no_address("it is part of a value"),
            },
            Operand::Symbol { at, .. } => {
                Ok(self.pointer(ResultType::Declared(None), at.0, Origin::Constant))
            }
        }
    }

    fn size_of_expression(&self, inner: &Expression) -> Found<Operand<'a, 'f>> {
        if let Some(of) = self.type_in_place(inner) {
            return self.size_result(&of, inner.at);
        }
        let found = match self.evaluate(inner)? {
            Operand::Object(Object { bits: Some(_), .. }) => {
                return Err(Fault::new(inner.at, "a bit-field has no size in bytes").into());
            }
            Operand::Object(object) => {
                let of = self.resolved(&object.of);
                match &of.shape {
                    // C: the size of a reference is that of what it refers to.
                    Shape::Reference(to) => ResultType::Declared(*to),
                    Shape::Array(array) if of.size.is_none() => {
                        let bytes = self.array_bytes(&of, array).map_err(Trouble::Unknown)?;
                        return Ok(self.size_number(bytes));
                    }
                    _ => object.of,
                }
            }
            Operand::Part(..) | Operand::Symbol { .. } => {
                let what = format!("the size of `{}` is not known", self.written(inner.at));
                return Err(Fault::new(inner.at, what).into());
            }
        };
        self.size_result(&found, inner.at)
    }

    fn size_number(&self, size: u64) -> Operand<'a, 'f> {
        let whole = Whole::new(u128::from(size), 64, false);
        self.computed(Number::Whole(whole), Origin::Computed)
    }

    fn size_result(&self, of: &ResultType<'a, 'f>, at: Span) -> Found<Operand<'a, 'f>> {
        match self.size_of(of) {
            Some(size) => Ok(self.size_number(size)),
            None => {
                let what = format!("the size of `{}` is not known", self.name_of(of));
                Err(Fault::new(at, what).into())
            }
        }
    }

    /// `(to)operand`.
    fn cast(
        &self,
        to: &ResultType<'a, 'f>,
        operand: Operand<'a, 'f>,
        at: Span,
    ) -> Found<Operand<'a, 'f>> {
        let of = self.resolved(to);
        let size = of.size.unwrap_or(0);
        let bits = u32::try_from(size.saturating_mul(8)).unwrap_or(0);
        let object = |bytes: Vec<u8>, origin| {
            Ok(Operand::Object(Object::new(to.clone(), Place::bytes(bytes, origin))))
        };
        match &of.shape {
            Shape::Pointer(_) | Shape::Enumeration(_) => {
                let from = self.pointed(&operand)?.filter(|_| self.is_pointer(&operand));
                let (number, origin) = self.number(operand, at)?;
                if let (Some((from, address, _)), Some(to)) = (from, self.target_type(to))
                    && let Some(moved) = self.converted(address, &from, &to, at)?
                {
                    return object(moved.to_le_bytes().to_vec(), computed_from(&[origin]));
                }
                object(number.whole(bits, false).bytes(), kept(origin))
            }
            Shape::Number(dw::DW_ATE_boolean) => {
                let (number, origin) = self.number(operand, at)?;
                object(vec![u8::from(number.is_true())], kept(origin))
            }
            Shape::Number(dw::DW_ATE_float) => {
                let (number, origin) = self.number(operand, at)?;
                match size {
                    4 => object(number.single().to_le_bytes().to_vec(), kept(origin)),
                    8 => object(number.float().to_le_bytes().to_vec(), kept(origin)),
                    _ => {
                        let what = format!("nothing can be cast to `{}` here", of.name);
                        Err(Fault::new(at, what).into())
                    }
                }
            }
            Shape::Number(encoding) if (8..=128).contains(&bits) => {
                let (number, origin) = self.number(operand, at)?;
                let is_signed = matches!(*encoding, dw::DW_ATE_signed | dw::DW_ATE_signed_char);
                if let Some(value) = number.fractional()
                    && !fits(value, bits, is_signed)
                {
                    let what = format!("{value} does not fit into `{}`", of.name);
                    return Err(Fault::new(at, what).into());
                }
                object(number.whole(bits, is_signed).bytes(), kept(origin))
            }
            _ => {
                let what = format!("nothing can be cast to `{}`", of.name);
                let hint = format!("to look at memory as one: `*({} *)address`", of.name);
                Err(Fault::new(at, what).with_hint(hint).into())
            }
        }
    }

    /// The address that an operand means: where an array or structure is, where
    /// a pointer points to, or the number itself.
    pub(super) fn address(&self, operand: Operand<'a, 'f>, at: Span) -> Found<RunAddr> {
        let operand = self.settled(operand)?;
        if let Operand::Object(object) = &operand
            && object.bits.is_none()
            && let Some(address) = object.place.address()
            && matches!(
                self.resolved(&object.of).shape,
                Shape::Composite(_) | Shape::Array(_) | Shape::Function
            )
        {
            return Ok(address);
        }
        match self.number(operand, at)? {
            (Number::Whole(whole), _) if whole.value().is_none_or(|value| value >= 0) => {
                Ok(RunAddr(whole.word()))
            }
            _ => {
                let what = format!("`{}` is no address", self.written(at));
                Err(Fault::new(at, what).into())
            }
        }
    }
}

/// The origin of what was computed: one value at entry makes it one.
pub(super) fn computed_from(origins: &[Origin]) -> Origin {
    let is_old = origins.contains(&Origin::EntryValue);
    if is_old { Origin::EntryValue } else { Origin::Computed }
}

/// The origin of what was cast.
fn kept(origin: Origin) -> Origin {
    computed_from(&[origin])
}

/// Whether a number, its fraction dropped, fits into a whole number.
fn fits(value: f64, bits: u32, is_signed: bool) -> bool {
    let value = value.trunc();
    let magnitude =
        2_f64.powi(i32::try_from(bits.saturating_sub(u32::from(is_signed))).unwrap_or(0));
    let least = if is_signed { -magnitude } else { 0.0 };
    value >= least && value < magnitude
}
