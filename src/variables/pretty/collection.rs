//! What a container holds, gathered one by one.

use crate::symbols::types::Dialect;
use crate::variables::read::Reading;
use crate::variables::texts::Texts;
use crate::variables::value::{Origin, Value, ValueKind};

/// The elements of a container, or its keys with their values, as far as the
/// limits go and as far as the container is sound.
pub(super) struct Collection {
    value: Value,
    texts: Texts,
    end: Option<End>,
}

/// Why a collection ends before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The container contradicts itself; says how.
    Damaged(String),
    /// What comes next was not dumped; says where.
    Missing(String),
    /// It goes on, and nothing tells how far.
    Endless,
}

impl From<String> for End {
    /// What reading says is missing, not damaged.
    fn from(why: String) -> Self {
        Self::Missing(why)
    }
}

impl Collection {
    /// Of elements.
    pub(super) fn sequence(reading: &Reading<'_, '_, '_, '_>) -> Self {
        Self::new(ValueKind::Sequence, reading.context.limits.text)
    }

    /// Of keys with values.
    pub(super) fn map(reading: &Reading<'_, '_, '_, '_>) -> Self {
        Self::new(ValueKind::Map, reading.context.limits.text)
    }

    fn new(kind: ValueKind, text: usize) -> Self {
        let value = Value::leaf(kind, "", Origin::Memory);
        Self { value, texts: Texts::new(text), end: None }
    }

    /// Whether as many are here as may be shown.
    pub(super) fn is_full(&self, reading: &Reading<'_, '_, '_, '_>) -> bool {
        self.len() >= reading.context.limits.elements || !reading.has_parts()
    }

    /// A container of `count` elements that nests too deep to be shown.
    pub(super) fn unopened(self, count: u64) -> Value {
        let mut value = Value::leaf(self.value.kind, "{...}", Origin::Memory);
        value.omitted = count;
        value
    }

    /// How many are here.
    pub(super) fn len(&self) -> usize {
        self.value.elements.len()
    }

    /// Adds an element.
    pub(super) fn push(&mut self, element: Value) {
        self.texts.push(&element.text);
        self.value.elements.push(element);
    }

    /// Adds a key and its value.
    pub(super) fn push_pair(&mut self, key: Value, value: Value) {
        let text = format!("{}: {}", key.text, value.text);
        self.texts.push(&text);
        let mut pair = Value::leaf(ValueKind::Struct, text, Origin::Memory);
        pair.fields = vec![("key".to_owned(), key), ("value".to_owned(), value)];
        self.value.elements.push(pair);
    }

    /// Counts what the limits leave out.
    pub(super) fn omit(&mut self, count: u64) {
        self.value.omitted = self.value.omitted.saturating_add(count);
    }

    /// Notes that the rest cannot be read, and why. What came before stands.
    pub(super) fn damaged(&mut self, why: impl Into<String>) {
        self.ended(End::Damaged(why.into()));
    }

    /// Notes why the rest is not here. The first reason stands.
    pub(super) fn ended(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// All of it as a value; a container of which nothing could be read is
    /// unknown.
    pub(super) fn finish(self, dialect: Dialect) -> Value {
        let Self { mut value, texts, end } = self;
        match end.as_ref().filter(|_| value.elements.is_empty()) {
            Some(End::Damaged(why)) => return Value::unknown(format!("damaged: {why}")),
            Some(End::Missing(why)) => return Value::unknown(why.clone()),
            Some(End::Endless) | None => (),
        }
        let (open, close) = match (dialect, value.kind) {
            (Dialect::Rust, ValueKind::Sequence) => ("[", "]"),
            _ => ("{", "}"),
        };
        let remark = end.map(|end| match end {
            End::Damaged(why) => format!("<damaged: {why}>"),
            End::Missing(why) => format!("<unknown: {why}>"),
            End::Endless => "...".to_owned(),
        });
        value.text = texts.close_with(open, close, value.omitted, remark.as_deref());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> Value {
        Value::leaf(ValueKind::Scalar, number.to_string(), Origin::Memory)
    }

    #[test]
    fn elements_pairs_and_damage() {
        let mut sequence = Collection::new(ValueKind::Sequence, 160);
        sequence.push(number(1));
        sequence.push(number(2));
        sequence.omit(1_244);
        sequence.damaged("its node at 0x10 points back");
        sequence.damaged("a later reason");
        let value = sequence.finish(Dialect::Rust);
        assert_eq!(value.text, "[1, 2, ... 1,244 more, <damaged: its node at 0x10 points back>]");
        assert_eq!((value.elements.len(), value.omitted), (2, 1_244));

        let mut map = Collection::new(ValueKind::Map, 160);
        map.push_pair(number(1), number(2));
        let value = map.finish(Dialect::Rust);
        assert_eq!(value.text, "{1: 2}");
        assert_eq!(value.elements[0].field("value"), Some(&number(2)));

        let mut lost = Collection::new(ValueKind::Sequence, 160);
        lost.damaged("it is gone");
        assert_eq!(lost.finish(Dialect::Cpp).text, "<unknown: damaged: it is gone>");
        assert_eq!(Collection::new(ValueKind::Sequence, 160).finish(Dialect::Cpp).text, "{}");
    }
}
