//! Values and types that were asked for, as text.

use std::fmt::{self, Write};

use crate::base::count::{counted, thousands};
use crate::report::model::{
    Layout, LayoutKind, LayoutMember, Origin, Printed, Printout, Value, ValueKind,
};
use crate::report::render::escape::escaped;
use crate::report::render::layout::{Span, span};
use crate::report::render::text::values::left_out;
use crate::report::render::theme::{Role, Theme};

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintOptions {
    /// With or without color.
    pub theme: Theme,
    /// Values that are wider than so many columns are shown with one part a
    /// line. `None`: every value is one line.
    pub width: Option<usize>,
    /// Whether types are shown.
    pub types: bool,
}

/// Parts nest no deeper than this in text.
const MOST_NESTED: usize = 64;

/// Writes the values of all expressions that have one. Those that mean nothing
/// are left to [`fault::render`](super::fault::render).
///
/// # Errors
///
/// Only those of `out`.
pub fn render(printout: &Printout, options: PrintOptions, out: &mut dyn Write) -> fmt::Result {
    for result in &printout.results {
        if let Some(value) = &result.value {
            let mut printer = Printer { options, out };
            printer.line(result, value)?;
        }
        for note in &result.notes {
            options.theme.paint(Role::Dim, &format!("  note: {}", escaped(note)), out)?;
            out.write_char('\n')?;
        }
        if result.value.is_none() && result.fault.is_none() {
            types(result, options.theme, out)?;
        }
    }
    Ok(())
}

struct Printer<'o> {
    options: PrintOptions,
    out: &'o mut dyn Write,
}

impl Printer<'_> {
    fn paint(&mut self, span: &Span) -> fmt::Result {
        span.paint(self.options.theme, self.out)
    }

    fn line(&mut self, result: &Printed, value: &Value) -> fmt::Result {
        let mut head = vec![span(Role::Name, subject(result)), span(Role::Plain, " = ")];
        if let Some(of) = result.type_name.as_ref().filter(|_| self.options.types) {
            head.push(span(Role::Dim, &format!("({of}) ")));
        }
        for span in &head {
            self.paint(span)?;
        }
        let taken = head.iter().map(Span::width).sum();
        self.value(value, 0, taken)?;
        self.out.write_char('\n')
    }

    /// A value behind what takes up the line's first columns; its parts each on
    /// a line of their own, when it is too wide.
    fn value(&mut self, value: &Value, depth: usize, taken: usize) -> fmt::Result {
        let role = if value.kind == ValueKind::Unknown { Role::Unknown } else { Role::Value };
        let text = span(role, &value.text);
        let fits =
            self.options.width.is_none_or(|width| taken.saturating_add(text.width()) <= width);
        let target = value.fields.first().filter(|field| field.name == "*");
        let parts_of = target.map_or(value, |field| &field.value);
        let has_parts = !parts_of.fields.is_empty() || !parts_of.elements.is_empty();
        if fits || !has_parts || depth >= MOST_NESTED {
            self.paint(&text)?;
            self.remarks(value)?;
            return Ok(());
        }
        if let Some(raw) = value.raw.filter(|_| target.is_some()) {
            self.paint(&span(Role::Value, &format!("{raw} ")))?;
        }
        let (open, close) = brackets(parts_of);
        self.paint(&span(Role::Value, &open))?;
        self.remarks(value)?;
        self.out.write_char('\n')?;
        self.parts(parts_of, depth.saturating_add(1))?;
        write!(self.out, "{:1$}", "", depth.saturating_mul(2))?;
        self.paint(&span(Role::Value, close))
    }

    fn parts(&mut self, value: &Value, depth: usize) -> fmt::Result {
        let indent = depth.saturating_mul(2);
        let is_map = value.kind == ValueKind::Map;
        for field in &value.fields {
            let head = [span(Role::Name, &field.name), span(Role::Plain, " = ")];
            self.part(&head, &field.value, depth, indent)?;
        }
        for (number, element) in value.elements.iter().enumerate() {
            let key = element.fields.first().filter(|field| is_map && field.name == "key");
            match (key, element.fields.get(1)) {
                (Some(key), Some(of_key)) => {
                    let head = [span(Role::Name, &key.value.text), span(Role::Plain, ": ")];
                    self.part(&head, &of_key.value, depth, indent)?;
                }
                _ => {
                    let head = [span(Role::Dim, &format!("[{number}] "))];
                    self.part(&head, element, depth, indent)?;
                }
            }
        }
        if let Some(more) = value.truncated.filter(|more| *more > 0) {
            write!(self.out, "{:indent$}", "")?;
            self.paint(&span(Role::Dim, &format!("... {} more", thousands(more))))?;
            self.out.write_char('\n')?;
        }
        Ok(())
    }

    fn part(&mut self, head: &[Span], value: &Value, depth: usize, indent: usize) -> fmt::Result {
        write!(self.out, "{:indent$}", "")?;
        for span in head {
            self.paint(span)?;
        }
        let taken = head.iter().map(Span::width).sum::<usize>().saturating_add(indent);
        self.value(value, depth, taken)?;
        self.out.write_char('\n')
    }

    fn remarks(&mut self, value: &Value) -> fmt::Result {
        if value.kind == ValueKind::String
            && let Some(note) = left_out(value)
        {
            self.paint(&span(Role::Dim, &note))?;
        }
        if value.origin == Some(Origin::EntryValue) {
            self.paint(&span(Role::Unknown, " (at entry)"))?;
        }
        Ok(())
    }
}

/// What was asked about, without the words that say how it is to be shown.
fn subject(result: &Printed) -> &str {
    let mut text = result.expression.trim();
    for word in ["whatis ", "ptype "] {
        text = text.strip_prefix(word).unwrap_or(text).trim_start();
    }
    match text.strip_prefix('/') {
        Some(rest) => {
            rest.trim_start_matches(|char: char| char.is_ascii_alphanumeric()).trim_start()
        }
        None => text,
    }
}

/// How a value begins that is shown part by part, and how it ends.
fn brackets(value: &Value) -> (String, &'static str) {
    let text = value.text.as_str();
    let at = text.find(['{', '(', '[']).unwrap_or(0);
    let head = text.get(..at).unwrap_or_default();
    // Only a name may stand before it: `Some(`, `size=3 {`.
    let head = if head.chars().count() <= 60 { head } else { "" };
    match text.get(at..).and_then(|rest| rest.chars().next()) {
        Some('(') => (format!("{head}("), ")"),
        Some('[') => (format!("{head}["), "]"),
        _ => (format!("{head}{{"), "}"),
    }
}

/// A type with what it is made of.
fn types(result: &Printed, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    let name = span(Role::Name, subject(result));
    name.paint(theme, out)?;
    let of = result.type_name.as_deref().unwrap_or("<unknown type>");
    let size = result.size.map(|size| format!(" ({})", counted(size, "byte"))).unwrap_or_default();
    let is_own = result
        .layout
        .as_ref()
        .is_some_and(|layout| result.type_name.as_ref() == Some(&layout.type_name));
    writeln!(out, ": {}{size}", escaped(of))?;
    let Some(layout) = &result.layout else { return Ok(()) };
    if let Some(plain) = &layout.plain_type {
        writeln!(out, "  the same as {}", escaped(plain))?;
    }
    if layout.members.is_empty() && layout.enumerators.is_empty() {
        return Ok(());
    }
    if !is_own {
        let size = layout.size.map(|size| format!(" ({})", counted(size, "byte")));
        writeln!(out, "{}{}", escaped(&layout.type_name), size.unwrap_or_default())?;
    }
    for enumerator in &layout.enumerators {
        writeln!(out, "  {} = {}", escaped(&enumerator.name), escaped(&enumerator.value))?;
    }
    members(layout, theme, out)?;
    if let Some(more) = layout.truncated.filter(|more| *more > 0) {
        writeln!(out, "  ... {} more", thousands(more))?;
    }
    Ok(())
}

fn members(layout: &Layout, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    if layout.members.is_empty() {
        return Ok(());
    }
    theme.paint(Role::Dim, "  offset    size  member", out)?;
    out.write_char('\n')?;
    for member in &layout.members {
        let offset = match (member.offset, member.bit) {
            (Some(offset), Some(bit)) => format!("{offset}.{bit}"),
            (Some(offset), None) => offset.to_string(),
            // Of a virtual base only an object says where it lies.
            (None, _) if member.kind == LayoutKind::Base => "virtual".to_owned(),
            (None, _) => "?".to_owned(),
        };
        let size = match (member.bits, member.size) {
            (Some(bits), _) => counted(bits, "bit"),
            (None, Some(size)) => size.to_string(),
            (None, None) => "?".to_owned(),
        };
        write!(out, "  {offset:>6}  {size:>6}  ")?;
        write!(out, "{:1$}", "", member.depth.saturating_mul(2))?;
        let (role, text) = described(member);
        theme.paint(role, &escaped(&text), out)?;
        out.write_char('\n')?;
    }
    Ok(())
}

fn described(member: &LayoutMember) -> (Role, String) {
    let of = &member.type_name;
    match member.kind {
        LayoutKind::Hole => (Role::Dim, "(no member)".to_owned()),
        LayoutKind::Base => (Role::Plain, format!("base {of}")),
        LayoutKind::Variant => (Role::Name, member.name.clone()),
        LayoutKind::Hidden if member.name.is_empty() => (Role::Dim, format!("{of} (discriminant)")),
        _ if member.name.is_empty() => (Role::Plain, format!("{of} (anonymous)")),
        LayoutKind::Hidden => (Role::Dim, format!("{}: {of}", member.name)),
        LayoutKind::Member => (Role::Plain, format!("{}: {of}", member.name)),
    }
}
