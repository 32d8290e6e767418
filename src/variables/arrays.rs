//! Arrays, and whatever else holds equal elements one after the other.

use crate::symbols::types::{Array, Dialect, Length, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::strings::CharKind;
use crate::variables::texts::Texts;
use crate::variables::value::{Value, ValueKind};

/// From how many equal elements on the text says "repeats".
const REPEATS: usize = 10;

/// How many bytes of an array are looked at for repeats.
const ARRAY_BYTES: u64 = 1 << 16;

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    pub(super) fn array(
        &self,
        of: &Type<'a, 'f>,
        array: &Array<'a, 'f>,
        dimensions: &[Length<'a, 'f>],
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        if let Some(text) = self.flexible_text(of, array, dimensions, place, level) {
            return text;
        }
        let element = self.context.types.get(array.element);
        let mut counts = Vec::new();
        for dimension in dimensions {
            match self.length(of, *dimension) {
                Ok(count) => counts.push(count),
                Err(why) => return Value::unknown(why),
            }
        }
        let Some(size) = element.size else {
            return Value::unknown("the size of its elements is not known");
        };
        self.rows(of, &element, size, &counts, place, level)
    }

    /// An array, or a row of one.
    fn rows(
        &self,
        of: &Type<'a, 'f>,
        element: &Type<'a, 'f>,
        size: u64,
        counts: &[u64],
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        let Some((count, inner)) = counts.split_first() else {
            return self.typed(element, place, level);
        };
        if inner.is_empty()
            && of.dialect != Dialect::Rust
            && let Some(kind) = CharKind::of(element)
            && let Some(text) = self.char_array(element, kind, *count, place)
        {
            return text;
        }
        let stride = inner.iter().try_fold(size, |size, count| size.checked_mul(*count));
        let Some(stride) = stride else { return Value::unknown("it is larger than all memory") };
        let is_bytes = of.dialect != Dialect::Rust && CharKind::of(element) == Some(CharKind::Byte);
        self.elements(of.dialect, *count, stride, place, level, |place, level| {
            if is_bytes && inner.is_empty() {
                return self.hexadecimal(place);
            }
            self.rows(of, element, size, inner, place, level)
        })
    }

    /// One byte of what is no text.
    fn hexadecimal(&self, place: &Place<'a, 'f>) -> Value {
        match place.read(self.context.memory, 1) {
            Ok(bytes) => {
                let byte = bytes.first().copied().unwrap_or(0);
                let mut value =
                    Value::leaf(ValueKind::Scalar, format!("{byte:#04x}"), place.origin());
                value.raw = Some(u64::from(byte));
                value
            }
            Err(missing) => Value::unknown(missing.reason()),
        }
    }

    /// Equal elements one after the other: the values of the first ones, and a
    /// text in which long repeats are folded.
    pub(super) fn elements(
        &self,
        dialect: Dialect,
        count: u64,
        stride: u64,
        place: &Place<'a, 'f>,
        level: Level,
        read: impl Fn(&Place<'a, 'f>, Level) -> Value,
    ) -> Value {
        let (open, close) = match dialect {
            Dialect::Rust | Dialect::Go | Dialect::D => ("[", "]"),
            Dialect::C | Dialect::Cpp => ("{", "}"),
        };
        let mut value = Value::leaf(ValueKind::Array, "", place.origin());
        value.address = place.address();
        if level.nested == 0 && count > 0 {
            value.text = format!("{open}...{close}");
            value.omitted = count;
            return value;
        }
        let limit = self.context.limits.elements as u64;
        let bytes =
            place.read_some(self.context.memory, stride.saturating_mul(count).min(ARRAY_BYTES));
        let mut texts = Texts::new(self.context.limits.text);
        let mut at = 0_u64;
        let mut shown = 0_u64;
        while at < count && shown < limit && self.has_parts() {
            let part = read(&place.part(at.saturating_mul(stride)), level.deeper());
            let repeats = repeats(&bytes, at, stride).min(count.saturating_sub(at));
            let step = if repeats >= REPEATS as u64 { repeats } else { 1 };
            // An element that is unknown repeats as one, too.
            let lost = !part.is_known() && value.elements.is_empty();
            match step {
                1 => texts.push(&part.text),
                _ => texts.push_many(&format!("{} <repeats {step} times>", part.text), step),
            }
            if lost && count > 1 && !self.is_any_known(place, stride, count) {
                return part;
            }
            for _ in 0..step.min(limit.saturating_sub(value.elements.len() as u64)) {
                value.elements.push(part.clone());
            }
            at = at.saturating_add(step);
            shown = shown.saturating_add(1);
        }
        value.omitted = count.saturating_sub(value.elements.len() as u64);
        value.text = texts.close(open, close, count.saturating_sub(at));
        value
    }

    /// Whether any of the first elements of an array is known.
    fn is_any_known(&self, place: &Place<'a, 'f>, stride: u64, count: u64) -> bool {
        let count = count.min(self.context.limits.elements as u64);
        let mut starts = (0..count).map(|at| place.part(at.saturating_mul(stride)));
        starts.any(|start| start.read(self.context.memory, 1).is_ok())
    }

    /// The length of one dimension.
    pub(super) fn length(&self, of: &Type<'a, 'f>, length: Length<'a, 'f>) -> Result<u64, String> {
        let computed = |value: Result<u64, String>, more: i64| {
            let value = value.map_err(|why| format!("its length: {why}"))?;
            // gcc computes the last index, which for no elements is -1.
            let count = value.cast_signed().checked_add(more).unwrap_or(-1);
            u64::try_from(count).map_err(|_| format!("its length is {count}"))
        };
        match (length, self.activation, of.entry) {
            (Length::Fixed(count), _, _) => Ok(count),
            (Length::Computed(expression, more), Some(activation), Some(entry)) => {
                computed(activation.computed(entry, expression, None), more)
            }
            (Length::Variable(variable, more), Some(activation), _) => {
                computed(activation.length_in(variable), more)
            }
            _ => Err("its length is not known".to_owned()),
        }
    }
}

/// How many elements from `at` on have the same bytes, as far as they are
/// known.
fn repeats(bytes: &[u8], at: u64, stride: u64) -> u64 {
    let Ok(stride) = usize::try_from(stride) else { return 1 };
    let start = usize::try_from(at).ok().and_then(|at| at.checked_mul(stride));
    let Some(rest) = start.and_then(|start| bytes.get(start..)).filter(|_| stride > 0) else {
        return 1;
    };
    let mut elements = rest.chunks_exact(stride);
    let Some(first) = elements.next() else { return 1 };
    1 + elements.take_while(|element| *element == first).count() as u64
}
