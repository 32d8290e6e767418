//! Crashes that only a text tells: what debuggers, sanitizers, runtimes and the
//! kernel print.
//!
//! A log may hold many of them between other lines. Each kind is one reader in
//! the table [`READERS`]; the first that knows a line takes it and those that
//! belong to it. What is read becomes a [`Report`] like any other, with what a
//! text can tell: a cause, a stack, no values.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod draft;
mod frame;
mod gdb;
mod java;
mod kernel;
mod panics;
mod python;
mod sanitizer;
mod script;
mod systemd;

use crate::report::model::Report;

/// One kind of text.
pub trait Reader: Sync {
    /// Its name: `gdb`, `sanitizer`.
    fn name(&self) -> &'static str;
    /// The crash that begins in the first of these lines, and how many lines it
    /// takes. `None`: none begins there.
    fn read(&self, lines: &[String]) -> Option<(Report, usize)>;
}

/// Every kind, the more specific first.
pub const READERS: &[&dyn Reader] = &[
    &sanitizer::Sanitizer,
    &sanitizer::Undefined,
    &systemd::Systemd,
    &gdb::Gdb,
    &panics::RustPanic,
    &panics::GoPanic,
    &python::Python,
    &python::Fatal,
    &java::Java,
    &java::HotSpot,
    &script::Node,
    &kernel::Segfault,
];

/// Lines of one crash.
const MOST_LINES: usize = 4_000;

/// A longer line is cut: no tool writes one.
const LONGEST_LINE: usize = 8 << 10;

/// Crashes of one text.
const MOST_CRASHES: usize = 100_000;

/// All crashes that a text tells, in its order.
pub fn read(text: &str) -> Vec<Report> {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() && found.len() < MOST_CRASHES {
        let end = lines.len().min(at.saturating_add(MOST_LINES));
        let rest = lines.get(at..end).unwrap_or_default();
        match READERS.iter().find_map(|reader| reader.read(rest)) {
            Some((report, taken)) => {
                found.push(report);
                at = at.saturating_add(taken.max(1));
            }
            None => at = at.saturating_add(1),
        }
    }
    found
}

/// A line without color, and without the time that a CI log puts before it.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len().min(LONGEST_LINE));
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // `ESC [ ... letter`; others are left to the renderers' escapes.
            if chars.clone().next() == Some('[') {
                let _end = chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
            }
            continue;
        }
        if plain.len() >= LONGEST_LINE {
            break;
        }
        plain.push(char);
    }
    let stamp = plain.split_once(' ').filter(|(stamp, _)| {
        stamp.len() >= 20
            && stamp.ends_with('Z')
            && stamp.get(4..5) == Some("-")
            && stamp.get(10..11) == Some("T")
    });
    match stamp {
        Some((_, rest)) => rest.to_owned(),
        None => plain,
    }
}

#[cfg(test)]
mod tests;
