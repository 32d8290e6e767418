//! From what an expression stands for to its value.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::query::evaluate::Evaluator;
use crate::variables::query::fault::Trouble;
use crate::variables::query::format::Format;
use crate::variables::query::number::Number;
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::{Expression, Kind};
use crate::variables::read::Level;
use crate::variables::strings::CharKind;
use crate::variables::texts::Texts;
use crate::variables::value::{Origin, Value, ValueKind};

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// How far values are read.
    pub(super) fn level(&self) -> Level {
        Level { nested: self.view.context.limits.depth, follows: true }
    }

    /// The value of an operand.
    pub(super) fn value(&self, operand: &Operand<'a, 'f>, format: Option<Format>) -> Value {
        match (operand, format) {
            (Operand::Object(object), None) => self.object(object, self.level()),
            (Operand::Object(object), Some(format)) => {
                let object = match self.unreferenced(object.clone()) {
                    Ok(object) => object,
                    Err(Trouble::Unknown(why)) => return Value::unknown(why),
                    Err(Trouble::Fault(fault)) => return Value::unknown(fault.what),
                };
                let value = self.formatted(&object.of, &object.place, object.bits, format);
                self.with_place(value, &object)
            }
            (Operand::Part(value), None) => value.clone(),
            (Operand::Part(value), Some(format)) => self.rewritten(value.clone(), format),
            (Operand::Symbol { at, is_code: true }, _) => {
                let mut value =
                    Value::leaf(ValueKind::Function, self.reading.code(*at), Origin::Memory);
                value.address = Some(*at);
                value.raw = Some(at.0);
                value
            }
            (Operand::Symbol { at, is_code: false }, _) => {
                let mut value = Value::unknown(
                    "its type: no debug information has it; cast its address to say what it is",
                );
                value.address = Some(*at);
                value
            }
        }
    }

    /// Of an enumerator that was asked for by its name, the number is the answer.
    pub(super) fn number_enumerator(
        &self,
        expression: &Expression,
        operand: &Operand<'a, 'f>,
        value: &mut Value,
    ) {
        let Kind::Name(name) = &expression.kind else { return };
        let last = |path: &str| path.rsplit("::").next().unwrap_or_default().to_owned();
        if value.kind != ValueKind::Enum || last(&name.path) != last(&value.text) {
            return;
        }
        if let Ok((Number::Whole(whole), _)) = self.number(operand.clone(), expression.at)
            && let Some(number) = whole.value()
        {
            value.text.push_str(&format!(" ({number})"));
        }
    }

    /// An object as the report shows it.
    fn object(&self, object: &Object<'a, 'f>, level: Level) -> Value {
        let value = match object.bits {
            Some((from, width)) => {
                self.reading.bit_field(object.of.entry(), &object.place, from, width)
            }
            None => self.typed(&object.of, &object.place, level),
        };
        self.with_place(value, object)
    }

    fn with_place(&self, mut value: Value, object: &Object<'a, 'f>) -> Value {
        if object.bits.is_none() {
            value.address = value.address.or_else(|| object.place.address());
        }
        value
    }

    /// A value of any type, made ones too.
    pub(super) fn typed(
        &self,
        of: &ResultType<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        match of {
            ResultType::Array(element, count, dialect) => {
                let kind = CharKind::of(&self.resolved(element));
                if let Some(kind) = kind.filter(|_| *dialect != Dialect::Rust)
                    && let Some(text) =
                        self.reading.char_array(&self.resolved(element), kind, *count, place)
                {
                    return text;
                }
                self.asked_elements(element, *count, *dialect, place, |place| {
                    self.typed(element, place, level.deeper())
                })
            }
            ResultType::Pointer(to, _) if !of.is_readable() => {
                let resolved = self.resolved(of);
                let word = match self.reading.word(&resolved, place) {
                    Ok(word) => word,
                    Err(missing) => return Value::unknown(missing.reason()),
                };
                self.made_pointer(to, RunAddr(word), place.origin(), level)
            }
            _ => self.reading.typed(&self.resolved(of), place, level),
        }
    }

    /// As many elements as were asked for, which is no matter of limits.
    pub(super) fn asked_elements(
        &self,
        element: &ResultType<'a, 'f>,
        count: u64,
        dialect: Dialect,
        place: &Place<'a, 'f>,
        read: impl Fn(&Place<'a, 'f>) -> Value,
    ) -> Value {
        let Some(size) = self.size_of(element) else {
            return Value::unknown("the size of its elements is not known");
        };
        let mut value = Value::leaf(ValueKind::Array, "", place.origin());
        value.address = place.address();
        let mut texts = Texts::new(self.view.context.limits.text);
        for at in 0..count {
            if !self.reading.has_parts() {
                break;
            }
            let part = read(&place.part(at.wrapping_mul(size)));
            texts.push(&part.text);
            value.elements.push(part);
        }
        let is_lost = value.elements.iter().all(|part| !part.is_known());
        if let Some(first) = value.elements.first().filter(|_| is_lost) {
            return first.clone();
        }
        value.omitted = count.saturating_sub(value.elements.len() as u64);
        let (open, close) = if dialect == Dialect::Rust { ("[", "]") } else { ("{", "}") };
        value.text = texts.close(open, close, value.omitted);
        value
    }

    /// A pointer to a type that has no entry.
    fn made_pointer(
        &self,
        to: &ResultType<'a, 'f>,
        at: RunAddr,
        origin: Origin,
        level: Level,
    ) -> Value {
        let mut value = Value::leaf(ValueKind::Pointer, at.to_string(), origin);
        value.raw = Some(at.0);
        if at.0 == 0 {
            value.text = if self.dialect == Dialect::C { "NULL" } else { "nullptr" }.to_owned();
            return value;
        }
        if !level.follows {
            return value;
        }
        let target_type = self.resolved(to);
        if CharKind::of(&target_type).is_some() && target_type.dialect != Dialect::Rust {
            if let Ok(text) = self.reading.string_at(&target_type, at) {
                return Value { origin, raw: Some(at.0), ..text };
            }
            value.text = format!("{at} {}", crate::variables::read::NOT_DUMPED);
            return value;
        }
        let target = self.typed(to, &Place::Memory(at), level.followed());
        value.text = match target.is_known() {
            true => format!("{at} -> {}", target.text),
            false => format!("{at} {}", target.text),
        };
        value.fields.push(("*".to_owned(), target));
        value
    }
}
