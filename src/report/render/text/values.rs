//! Arguments and variables.

use std::fmt;

use crate::base::count::counted;
use crate::report::model::{Frame, Origin, Value, ValueKind, Variable};
use crate::report::render::layout::{Lines, Span, cut, shortened, span};
use crate::report::render::theme::Role;

/// How much is said of a frame's variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of them, large ones over several lines of so many parts.
    Full {
        /// How many parts of one value are shown.
        parts: usize,
    },
    /// The first few, one short text each.
    Brief,
}

/// Columns of an argument's value within the line of its frame.
const ARGUMENT: usize = 40;
/// Where the variables of a frame begin.
const INDENT: usize = 8;
/// Columns that are worth it to show a part of a type.
const SHORTEST_TYPE: usize = 12;
/// Variables that [`Detail::Brief`] shows.
const BRIEF: usize = 6;
/// Variables that [`Detail::Full`] shows.
const FULL: usize = 60;
/// `name=value`, as it stands in a frame's line.
pub(super) fn argument(variable: &Variable) -> Vec<Span> {
    let mut spans = vec![span(Role::Name, &variable.name).cut(ARGUMENT), span(Role::Plain, "=")];
    let value = &variable.value;
    match why_unknown(value) {
        Some(why) if is_short(why) => spans.push(span(Role::Unknown, &format!("<{why}>"))),
        Some(_) => spans.push(span(Role::Unknown, "<unknown>")),
        None => spans.push(span(Role::Value, &value.text).cut(ARGUMENT)),
    }
    spans.extend(at_entry(value));
    spans
}

/// The variables below a frame's line.
pub(super) fn variables(frame: &Frame, detail: Detail, lines: &mut Lines<'_>) -> fmt::Result {
    // What did not fit into the frame's line is shown again.
    let was_cut = |argument: &&Variable| {
        detail != Detail::Brief
            && match why_unknown(&argument.value) {
                Some(why) => !is_short(why),
                None => span(Role::Value, &argument.value.text).width() > ARGUMENT,
            }
    };
    let all: Vec<&Variable> = frame.arguments.iter().filter(was_cut).chain(&frame.locals).collect();
    list(&all, detail, lines)
}

/// Variables with their values; those that are unknown last.
pub(super) fn list(all: &[&Variable], detail: Detail, lines: &mut Lines<'_>) -> fmt::Result {
    let (known, unknown): (Vec<&Variable>, Vec<&Variable>) =
        all.iter().partition(|variable| why_unknown(&variable.value).is_none());
    let most = if detail == Detail::Brief { BRIEF } else { FULL };
    let room = lines.width().saturating_sub(INDENT);
    let mut line = OpenLine { is_open: false };
    for variable in known.iter().take(most) {
        let spans = assignment(variable, room);
        let wide: usize = spans.iter().map(Span::width).sum();
        if wide <= room {
            line.word(&spans, lines)?;
        } else if let Detail::Full { parts } = detail {
            line.close(lines)?;
            large(variable, parts, lines)?;
        } else {
            line.word(&short_assignment(variable, room / 2), lines)?;
        }
    }
    if let Some(more) = known.len().checked_sub(most).filter(|more| *more > 0) {
        line.word(&[span(Role::Dim, &format!("... {more} more"))], lines)?;
    }
    line.close(lines)?;
    not_known(&unknown, most, lines)
}

/// A line that is begun when its first word comes.
struct OpenLine {
    is_open: bool,
}

impl OpenLine {
    fn word(&mut self, spans: &[Span], lines: &mut Lines<'_>) -> fmt::Result {
        let gap = if self.is_open { 4 } else { 0 };
        if !self.is_open {
            lines.begin(INDENT, INDENT)?;
            self.is_open = true;
        }
        lines.word(gap, spans)
    }

    fn close(&mut self, lines: &mut Lines<'_>) -> fmt::Result {
        if std::mem::take(&mut self.is_open) { lines.end() } else { Ok(()) }
    }
}

/// `name = value (type)`.
fn assignment(variable: &Variable, room: usize) -> Vec<Span> {
    let value = &variable.value;
    let mut spans = vec![
        span(Role::Name, &variable.name),
        span(Role::Plain, " = "),
        span(Role::Value, &value.text),
    ];
    // A long type takes what the value leaves of the line.
    let taken: usize = spans.iter().map(Span::width).sum();
    let left = room.saturating_sub(taken).saturating_sub(3);
    let name = &variable.type_name;
    let fits = name.len() <= left;
    if needs_type(variable) && (fits || left >= SHORTEST_TYPE || taken > room) {
        let name = if taken > room { name.clone() } else { shortened(name, left) };
        spans.push(span(Role::Dim, &format!(" ({name})")));
    }
    // The text of what has parts counts them itself.
    if let Some(note) = left_out(value) {
        spans.push(span(Role::Dim, &note));
    }
    spans.extend(at_entry(value));
    spans
}

fn short_assignment(variable: &Variable, columns: usize) -> Vec<Span> {
    let name = span(Role::Name, &variable.name).cut(columns / 2);
    let room = columns.saturating_sub(name.width()).saturating_sub(3);
    let value = span(Role::Value, &variable.value.text).cut(room);
    let mut spans = vec![name, span(Role::Plain, " = "), value];
    spans.extend(at_entry(&variable.value));
    spans
}

/// A value that does not fit into one line: its parts, one a line.
fn large(variable: &Variable, most: usize, lines: &mut Lines<'_>) -> fmt::Result {
    let value = &variable.value;
    let target = value.fields.first().filter(|field| field.name == "*" && has_parts(&field.value));
    let parts_of = target.map_or(value, |field| &field.value);
    lines.begin(INDENT, INDENT)?;
    let name = span(Role::Name, &variable.name).cut(ARGUMENT);
    let room = lines.width().saturating_sub(INDENT.saturating_add(name.width()).saturating_add(3));
    if !has_parts(parts_of) {
        let text = span(Role::Value, &value.text).cut(room);
        lines.word(0, &[name, span(Role::Plain, " = "), text])?;
        return lines.end();
    }
    let mut head = match (target, value.raw) {
        (Some(_), Some(raw)) => format!("{raw} "),
        _ => String::new(),
    };
    if let Some(class) = &value.dynamic_type {
        head.push_str(&format!("({}) ", cut(class, room / 2)));
    }
    lines.word(0, &[name, span(Role::Plain, " = "), span(Role::Value, &head)])?;
    lines.word(0, &[span(Role::Dim, &format!("({})", cut(&variable.type_name, room / 2)))])?;
    // What is known of the pointer besides its target: counts.
    let beside = value.fields.iter().skip(1).filter(|_| target.is_some());
    for field in beside.filter(|field| !has_parts(&field.value)) {
        let name = span(Role::Dim, &format!("{} ", field.name.replace('_', " ")));
        lines.word(2, &[name, span(Role::Value, &field.value.text).cut(ARGUMENT)])?;
    }
    lines.end()?;
    if parts_of.fields.is_empty() && !parts_of.elements.iter().any(has_parts) {
        simple_elements(parts_of, lines)?;
    } else {
        parts(parts_of, most, lines)?;
    }
    Ok(())
}

/// Elements without parts of their own, as many in a line as fit.
fn simple_elements(value: &Value, lines: &mut Lines<'_>) -> fmt::Result {
    let indent = INDENT.saturating_add(2);
    lines.begin(indent, indent)?;
    for (number, element) in value.elements.iter().enumerate() {
        let is_last = number.saturating_add(1) == value.elements.len();
        let role = if why_unknown(element).is_some() { Role::Unknown } else { Role::Value };
        let text = span(role, &element.text).cut(ARGUMENT);
        let comma = span(Role::Plain, if is_last { "" } else { "," });
        lines.word(usize::from(number > 0), &[text, comma])?;
    }
    if let Some(more) = value.truncated.filter(|more| *more > 0) {
        let text = format!("... {}", counted(more, &format!("more {}", unit(value))));
        lines.word(1, &[span(Role::Dim, &text)])?;
    }
    lines.end()
}

/// Parts that have names or parts of their own, one a line.
fn parts(parts_of: &Value, most: usize, lines: &mut Lines<'_>) -> fmt::Result {
    let fields = parts_of.fields.iter().map(|field| (format!(".{}", field.name), &field.value));
    let elements = parts_of.elements.iter().enumerate();
    let elements = elements.map(|(index, value)| (format!("[{index}]"), value));
    for (name, part) in fields.chain(elements).take(most) {
        lines.begin(INDENT.saturating_add(2), INDENT)?;
        let name = span(Role::Name, &name).cut(ARGUMENT);
        let taken = INDENT.saturating_add(name.width()).saturating_add(5);
        let role = if why_unknown(part).is_some() { Role::Unknown } else { Role::Value };
        let room = lines.width().saturating_sub(taken);
        let text = span(role, &part.text).cut(room);
        lines.word(0, &[name, span(Role::Plain, " = "), text])?;
        lines.end()?;
    }
    let here = parts_of.fields.len().saturating_add(parts_of.elements.len());
    let more =
        (here.saturating_sub(most) as u64).saturating_add(parts_of.truncated.unwrap_or_default());
    if more > 0 {
        let text = format!("... {}", counted(more, &format!("more {}", unit(parts_of))));
        lines.line(INDENT.saturating_add(2), Role::Dim, &text)?;
    }
    Ok(())
}

/// Unknown variables, those with the same reason together.
fn not_known(unknown: &[&Variable], most: usize, lines: &mut Lines<'_>) -> fmt::Result {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for variable in unknown {
        let why = why_unknown(&variable.value).unwrap_or_default();
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, names)) => names.push(&variable.name),
            None => reasons.push((why, vec![&variable.name])),
        }
    }
    for (why, names) in reasons.iter().take(most) {
        lines.begin(INDENT, INDENT.saturating_add(2))?;
        lines.sentence(0, Role::Unknown, &format!("unknown ({why}):"))?;
        let shown = names.len().min(most);
        for (number, name) in names.iter().take(shown).enumerate() {
            let is_last = number.saturating_add(1) == names.len();
            let comma = if is_last { "" } else { "," };
            let name = span(Role::Name, name).cut(ARGUMENT);
            lines.word(1, &[name, span(Role::Plain, comma)])?;
        }
        if let Some(more) = names.len().checked_sub(shown).filter(|more| *more > 0) {
            lines.word(1, &[span(Role::Dim, &format!("... {more} more"))])?;
        }
        lines.end()?;
    }
    Ok(())
}

fn has_parts(value: &Value) -> bool {
    !value.fields.is_empty() || !value.elements.is_empty()
}

/// Whether the value's text leaves open what it is.
fn needs_type(variable: &Variable) -> bool {
    let type_name = &variable.type_name;
    let kind = variable.value.kind;
    let is_clear = matches!(
        kind,
        ValueKind::Scalar | ValueKind::Enum | ValueKind::Unknown | ValueKind::Function
    );
    // A string in an array is one that may lack its end.
    let is_string = kind == ValueKind::String && !type_name.contains('[');
    // Rust texts begin with the type's name.
    let says_so =
        type_name.split('<').next().is_some_and(|name| variable.value.text.starts_with(name));
    !type_name.is_empty() && !is_clear && !is_string && !says_so
}

/// How much of a value without parts was left out, unless its text says that
/// itself.
pub(in crate::report::render) fn left_out(value: &Value) -> Option<String> {
    let omitted = value.truncated.filter(|omitted| *omitted > 0)?;
    let says_so = has_parts(value) || value.text.ends_with('>');
    (!says_so).then(|| format!(" ({} left out)", counted(omitted, unit(value))))
}

/// What is counted when parts of the value were left out.
fn unit(value: &Value) -> &'static str {
    match value.kind {
        // `L"wide"`, `u"..."`, `U"..."`: units of two or four bytes.
        ValueKind::String if value.text.starts_with(['L', 'U']) => "character",
        ValueKind::String if value.text.starts_with("u\"") => "character",
        ValueKind::String => "byte",
        ValueKind::Struct | ValueKind::Enum => "member",
        ValueKind::Map => "pair",
        _ => "element",
    }
}

fn why_unknown(value: &Value) -> Option<&str> {
    let is_unknown = value.kind == ValueKind::Unknown;
    value.why_unknown.as_deref().or(is_unknown.then_some("no reason is given"))
}

/// Whether a reason fits into the line of a frame.
fn is_short(why: &str) -> bool {
    why.len() <= "optimized out at this point".len()
}

fn at_entry(value: &Value) -> Option<Span> {
    let is_old = value.origin == Some(Origin::EntryValue);
    is_old.then(|| span(Role::Unknown, " (at entry)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::render::theme::Theme;

    #[test]
    fn a_type_takes_what_the_value_leaves() {
        let value = Value { text: "1..5".to_owned(), kind: ValueKind::Struct, ..Value::default() };
        let type_name = "core::ops::range::Range<i32>".to_owned();
        let range = Variable { name: "r".to_owned(), type_name, value, declared: None };
        let text = |room| -> String {
            let mut text = String::new();
            for span in assignment(&range, room) {
                span.paint(Theme::Plain, &mut text).unwrap();
            }
            text
        };
        // (columns, want)
        let cases = [
            (80, "r = 1..5 (core::ops::range::Range<i32>)"),
            (39, "r = 1..5 (core::ops::range::Range<i32>)"),
            (38, "r = 1..5 (core::ops::range::Range<...)"),
            (23, "r = 1..5 (core::ops...)"),
            (22, "r = 1..5"),
            // The value itself does not fit: the caller sees that.
            (7, "r = 1..5 (core::ops::range::Range<i32>)"),
        ];
        for (room, want) in cases {
            assert_eq!(text(room), want, "{room}");
        }
    }
}
