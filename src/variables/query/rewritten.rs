//! Values that printers read, their numbers written in another format.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::symbols::types::Dialect;
use crate::variables::aggregates::structure_text;
use crate::variables::query::evaluate::Evaluator;
use crate::variables::query::format::Format;
use crate::variables::texts::Texts;
use crate::variables::value::{Value, ValueKind};

impl Evaluator<'_, '_, '_, '_> {
    /// A value that a printer read, its numbers written otherwise.
    pub(super) fn rewritten(&self, value: Value, format: Format) -> Value {
        if !value.is_known() {
            return value;
        }
        let mut new = value.clone();
        if !value.fields.is_empty() && value.field("*").is_none() {
            let parts = value.fields.iter();
            new.fields = parts
                .map(|(name, part)| (name.clone(), self.rewritten(part.clone(), format)))
                .collect();
        } else if !value.elements.is_empty() {
            let parts = value.elements.iter();
            new.elements = parts.map(|part| self.rewritten(part.clone(), format)).collect();
        } else {
            if let Some(raw) = value.raw {
                // How wide it is nobody knows any more: as a signed number it is
                // what it was.
                let stays = matches!(format, Format::Decimal | Format::Text | Format::Float);
                if !stays || value.kind != ValueKind::Scalar {
                    new.text = self.number_text(u128::from(raw), 64, value.origin, format).text;
                }
            }
            return new;
        }
        new.text = text(&value, &new, self.dialect, self.view.context.limits.text);
        new
    }
}

/// The text of a value whose parts have new texts. It is put together as the old
/// one was.
fn text(old: &Value, new: &Value, dialect: Dialect, limit: usize) -> String {
    let dialects = [dialect, Dialect::Cpp, Dialect::Rust];
    // An optional, a variant: `5`, `(int) 5`, `{5}`.
    if let ([(_, old_part)], [(_, new_part)]) = (old.fields.as_slice(), new.fields.as_slice()) {
        if let Some(head) = old.text.strip_suffix(&old_part.text) {
            return format!("{head}{}", new_part.text);
        }
        if old.text == format!("{{{}}}", old_part.text) {
            return format!("{{{}}}", new_part.text);
        }
    }
    match (old.fields.as_slice(), new.fields.as_slice()) {
        ([(key, old_key), (_, old_of)], [(_, new_key), (_, new_of)])
            if key == "key" && old.text == format!("{}: {}", old_key.text, old_of.text) =>
        {
            format!("{}: {}", new_key.text, new_of.text)
        }
        ([_, ..], _) => {
            let of = |value: &Value, dialect| {
                structure_text(dialect, &value.fields, limit, value.omitted)
            };
            // `Some(5)`: the variant's name stays.
            let found = dialects.into_iter().find_map(|dialect| {
                let head = old.text.strip_suffix(&of(old, dialect))?;
                Some(format!("{head}{}", of(new, dialect)))
            });
            found.unwrap_or_else(|| of(new, dialect))
        }
        ([], _) => {
            let remark = remark(&old.text);
            let of = |value: &Value, (open, close)| {
                let mut texts = Texts::new(limit);
                value.elements.iter().for_each(|part| texts.push(&part.text));
                texts.close_with(open, close, value.omitted, remark)
            };
            let brackets = if old.text.ends_with(']') { ("[", "]") } else { ("{", "}") };
            let head = old.text.strip_suffix(&of(old, brackets)).unwrap_or_default();
            format!("{head}{}", of(new, brackets))
        }
    }
}

/// What a container's text says at its end of the elements that are not there.
fn remark(text: &str) -> Option<&str> {
    let text = text.strip_suffix(['}', ']'])?;
    let start = ["<damaged: ", "<unknown: "].iter().filter_map(|start| text.rfind(start)).max()?;
    text.get(start..).filter(|remark| remark.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::value::Origin;

    fn leaf(text: &str) -> Value {
        Value::leaf(ValueKind::Scalar, text, Origin::Memory)
    }

    #[test]
    fn texts_are_put_together_as_they_were() {
        let with = |text: &str, parts: &[(&str, &str)]| {
            let mut value = leaf(text);
            value.fields =
                parts.iter().map(|(name, text)| ((*name).to_owned(), leaf(text))).collect();
            value
        };
        // (old text, old parts, new parts, want)
        let cases: &[(&str, &[(&str, &str)], &[&str], &str)] = &[
            ("5", &[("value", "5")], &["0x5"], "0x5"),
            ("{5}", &[("value", "5")], &["0x5"], "{0x5}"),
            ("(int32_t) 3", &[("value", "3")], &["0x3"], "(int32_t) 0x3"),
            ("Some(10)", &[("__0", "10")], &["0xa"], "Some(0xa)"),
            ("2: 3", &[("key", "2"), ("value", "3")], &["0x2", "0x3"], "0x2: 0x3"),
            ("{x = 1, y = 2}", &[("x", "1"), ("y", "2")], &["0x1", "0x2"], "{x = 0x1, y = 0x2}"),
            ("C {x: 1, y: 2}", &[("x", "1"), ("y", "2")], &["0x1", "0x2"], "C {x: 0x1, y: 0x2}"),
        ];
        for (old, parts, texts, want) in cases {
            let pairs = parts.iter().zip(*texts);
            let new: Vec<(&str, &str)> = pairs.map(|((name, _), text)| (*name, *text)).collect();
            let found = text(&with(old, parts), &with("", &new), Dialect::Cpp, 99);
            assert_eq!(found, *want, "{old}");
        }
    }

    #[test]
    fn damage_stays_said() {
        let with = |text: &str, part: &str| {
            let mut value = leaf(text);
            value.elements = vec![leaf(part)];
            value
        };
        let old = with("{1, <damaged: x>}", "1");
        let found = text(&old, &with("", "0x1"), Dialect::Cpp, 99);
        assert_eq!(found, "{0x1, <damaged: x>}");
    }
}
