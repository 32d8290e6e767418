//! The report, and answers to questions, as JSON.

use std::fmt::{self, Write};
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::report::render::escape::is_unsafe;

/// How the object is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Over many lines, for people.
    #[default]
    Indented,
    /// On one line, for streams of several reports.
    OneLine,
}

/// Writes a report or an answer as one JSON object and a newline.
///
/// Characters that a terminal would act upon are written as `\u` escapes, so
/// that JSON may be looked at as it is; its meaning is the same.
///
/// # Errors
///
/// Only those of `out`.
pub fn render(report: &impl Serialize, layout: Layout, out: &mut dyn Write) -> fmt::Result {
    let mut bytes = Vec::new();
    let done = match layout {
        Layout::Indented => {
            let formatter = Safe(PrettyFormatter::new());
            report.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))
        }
        Layout::OneLine => {
            let formatter = Safe(CompactFormatter);
            report.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))
        }
    };
    done.map_err(|_cannot_happen| fmt::Error)?;
    out.write_str(std::str::from_utf8(&bytes).map_err(|_cannot_happen| fmt::Error)?)?;
    out.write_char('\n')
}

/// Escapes more characters than JSON demands.
struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| is_unsafe(*char)) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = tail.strip_prefix(char).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Report;

    #[test]
    fn a_hostile_name_is_escaped_and_comes_back() {
        let verdict = "\x1b[2J \u{9b}31m \u{202e} \u{e0041} \"ö\"\n".to_owned();
        let report = Report { verdict: verdict.clone(), ..Report::default() };
        for layout in [Layout::Indented, Layout::OneLine] {
            let mut json = String::new();
            render(&report, layout, &mut json).unwrap();
            assert!(!json.chars().any(|char| is_unsafe(char) && char != '\n'), "{json}");
            assert!(json.contains(r"\u009b31m \u202e \udb40\udc41"), "{json}");
            assert_eq!(serde_json::from_str::<Report>(&json).unwrap().verdict, verdict);
            assert_eq!(json.lines().count() == 1, layout == Layout::OneLine);
        }
    }
}
