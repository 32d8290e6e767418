//! Pointers and references, with what they point to.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::named::ABSENT;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::pretty;
use crate::variables::read::{Level, NOT_DUMPED, Reading};
use crate::variables::strings::CharKind;
use crate::variables::value::{Origin, Value, ValueKind};

/// How long the text of a pointer's target may be; the tree has it in full.
pub(super) const TARGET_TEXT: usize = 72;

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    pub(super) fn pointer(
        &self,
        of: &Type<'a, 'f>,
        target: Option<Entry<'a, 'f>>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        if let Some((variable, offset)) = place.pointer() {
            return self.removed_target(variable, offset, target, level);
        }
        // Rust's references are pointers with a name.
        if of.dialect == Dialect::Rust && of.plain_name.starts_with('&') {
            return self.reference(of, target, place, level);
        }
        // What a box owns is a part of the whole: as deep as other parts.
        if of.dialect == Dialect::Rust && of.plain_name.starts_with("alloc::boxed::Box<") {
            let follows = level.nested > 0;
            let mut value = self.reference(of, target, place, Level { follows, ..level });
            if value.raw == Some(0) {
                return Value::unknown("damaged: a box without an address");
            }
            if value.kind == ValueKind::Reference {
                value.kind = ValueKind::Pointer;
            }
            return value;
        }
        let at = match self.word(of, place) {
            Ok(word) => RunAddr(word),
            Err(missing) => return Value::unknown(missing.reason()),
        };
        let mut value = self.pointer_to(of.dialect, at, target, place.origin(), level);
        value.raw = Some(at.0);
        value
    }

    pub(super) fn pointer_to(
        &self,
        dialect: Dialect,
        at: RunAddr,
        target: Option<Entry<'a, 'f>>,
        origin: Origin,
        level: Level,
    ) -> Value {
        let pointer = |text| Value::leaf(ValueKind::Pointer, text, origin);
        if at.0 == 0 {
            return pointer(null(dialect).to_owned());
        }
        let to = self.context.types.get(target);
        match &to.shape {
            Shape::Function => Value::leaf(ValueKind::Function, self.code(at), origin),
            Shape::Declared(why) if pretty::printer(&to).is_none() && *why != ABSENT => {
                let mut value = pointer(format!("{} <{why}>", self.code(at)));
                value.fields.push(("*".to_owned(), Value::unknown(*why)));
                value
            }
            // Of nothing, and of what is defined nowhere, there is no more to
            // say than the name of the object that is there.
            Shape::Nothing | Shape::Unknown(_) => pointer(self.code(at)),
            Shape::Declared(_) if pretty::printer(&to).is_none() => pointer(self.code(at)),
            _ if dialect != Dialect::Rust && CharKind::of(&to).is_some() => {
                match self.string_at(&to, at) {
                    Ok(text) => Value { origin, ..text },
                    Err(_) => pointer(format!("{at} {NOT_DUMPED}")),
                }
            }
            // Of `dyn Trait`, only the table knows what it is.
            Shape::Composite(_) if to.size == Some(0) => pointer(at.to_string()),
            _ if !level.follows => {
                let label = self.object(&to, at).label;
                let mut value = pointer(match &label {
                    Some(label) => format!("{at} ({label})"),
                    None => at.to_string(),
                });
                value.dynamic_type = label;
                value
            }
            shape => {
                let object = self.object(&to, at);
                let target = self.typed(&object.of, &Place::Memory(object.at), level.followed());
                if !target.is_known() && !self.is_there(at) {
                    return pointer(format!("{at} {NOT_DUMPED}"));
                }
                if !target.is_known() && matches!(shape, Shape::Declared(_)) {
                    return pointer(self.code(at));
                }
                let arrow = match shape {
                    Shape::Composite(_) | Shape::Declared(_) | Shape::Array(_) => "",
                    _ => "-> ",
                };
                let text = shortened(&target.text, TARGET_TEXT);
                let label = labeled(object.label.as_deref());
                let mut value = pointer(format!("{at} {label}{arrow}{text}"));
                value.dynamic_type = object.label;
                value.fields.push(("*".to_owned(), target));
                value
            }
        }
    }

    /// Whether anything is known of the memory there.
    pub(super) fn is_there(&self, at: RunAddr) -> bool {
        self.context.memory.read(at, &mut [0]) == 1
    }

    /// A pointer that the compiler removed together with what it points to
    /// (`DW_OP_implicit_pointer`).
    fn removed_target(
        &self,
        variable: Entry<'a, 'f>,
        offset: i64,
        target: Option<Entry<'a, 'f>>,
        level: Level,
    ) -> Value {
        let unknown = |why: String| Value::unknown(why);
        if !level.follows {
            return unknown("it points to a variable without an address".to_owned());
        }
        let Some(activation) = self.activation else {
            return unknown("it belongs to no frame".to_owned());
        };
        let Some(attributes) = variable.attributes() else {
            return unknown("it points to an entry that is missing".to_owned());
        };
        let place = match (activation.place(&attributes), u64::try_from(offset)) {
            (Ok(place), Ok(offset)) => place.part(offset),
            (Err(why), _) => return unknown(format!("what it points to is {why}")),
            (_, Err(_)) => return unknown("it points to before a variable".to_owned()),
        };
        let to = self.context.types.get(target);
        if let Some(kind) = CharKind::of(&to).filter(|_| to.dialect != Dialect::Rust)
            && let Some(text) =
                self.char_array(&to, kind, self.context.limits.string as u64, &place)
        {
            return text;
        }
        let target = self.typed(&to, &place, level.followed());
        let text = shortened(&target.text, TARGET_TEXT);
        let mut value =
            Value::leaf(ValueKind::Pointer, format!("<no address> {text}"), target.origin);
        value.fields.push(("*".to_owned(), target));
        value
    }

    pub(super) fn reference(
        &self,
        of: &Type<'a, 'f>,
        target: Option<Entry<'a, 'f>>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        if let Some((variable, offset)) = place.pointer() {
            return self.removed_target(variable, offset, target, level);
        }
        let at = match self.word(of, place) {
            Ok(word) => RunAddr(word),
            Err(missing) => return Value::unknown(missing.reason()),
        };
        let mut value = Value::leaf(ValueKind::Reference, format!("@{at}"), place.origin());
        value.raw = Some(at.0);
        if at.0 == 0 || !level.follows {
            return value;
        }
        let object = self.object(&self.context.types.get(target), at);
        // Rust's `&&T` is the reference that a closure or iterator got of one.
        let is_inner = of.dialect == Dialect::Rust && object.of.plain_name.starts_with('&');
        let inner = if is_inner { level.deeper() } else { level.followed() };
        let target = self.typed(&object.of, &Place::Memory(object.at), inner);
        let label = labeled(object.label.as_deref());
        value.dynamic_type = object.label;
        value.text = match target.is_known() {
            true => format!("{label}{}", target.text),
            false if !self.is_there(at) => format!("@{at} {NOT_DUMPED}"),
            false => format!("@{at} {}", target.text),
        };
        value.fields.push(("*".to_owned(), target));
        value
    }
}

/// What an object really is, as it stands before its members.
fn labeled(label: Option<&str>) -> String {
    label.map(|label| format!("({label}) ")).unwrap_or_default()
}

/// How a language writes a pointer to nothing.
fn null(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::C => "NULL",
        Dialect::Cpp => "nullptr",
        Dialect::Rust | Dialect::D => "null",
        Dialect::Go => "nil",
    }
}

/// Text of at most about `limit` characters, closed as it was opened.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    let end = match text.chars().next_back() {
        Some(close @ ('}' | ']' | ')')) => close.to_string(),
        _ => String::new(),
    };
    // Not in the middle of a part, if there are parts.
    match kept.rfind(", ") {
        Some(comma) if !end.is_empty() => {
            format!("{}, ...{end}", kept.get(..comma).unwrap_or_default())
        }
        _ => format!("{kept}...{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_between_parts_and_are_closed() {
        assert_eq!(shortened("{a = 1, b = 2}", 20), "{a = 1, b = 2}");
        assert_eq!(shortened("{a = 1, b = 2, c = 3}", 16), "{a = 1, b = 2, ...}");
        assert_eq!(shortened("[1, 2, 3, 4]", 8), "[1, 2, ...]");
        assert_eq!(shortened("0123456789", 4), "0123...");
    }
}
