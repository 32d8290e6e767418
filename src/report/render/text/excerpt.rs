//! The lines of source around a frame.

use std::fmt;

use crate::report::model::Excerpt;
use crate::report::render::escape::escaped_source;
use crate::report::render::layout::{Lines, Span, shortened, span};
use crate::report::render::theme::Role;

/// Lines shown before and after the marked one.
const AROUND: u32 = 3;

/// Shows the marked line and up to three on each side, without the empty ones
/// at both ends.
pub(super) fn excerpt(excerpt: &Excerpt, lines: &mut Lines<'_>) -> fmt::Result {
    let marked = excerpt.marked;
    let near = marked.saturating_sub(AROUND)..=marked.saturating_add(AROUND);
    let numbered = (excerpt.start..).zip(&excerpt.lines);
    let shown: Vec<(u32, String)> = numbered
        .filter(|(number, _)| near.contains(number))
        .map(|(number, line)| (number, escaped_source(line)))
        .collect();
    let is_wanted = |(number, line): &(u32, String)| *number == marked || !line.is_empty();
    let first = shown.iter().position(is_wanted).unwrap_or(shown.len());
    let end = shown.iter().rposition(is_wanted).map_or(0, |last| last.saturating_add(1));
    let digits = shown.last().map_or(1, |(number, _)| number.to_string().len()).max(4);
    for (number, line) in shown.get(first..end).unwrap_or_default() {
        let is_marked = *number == marked;
        let (mark, role) = if is_marked { (">", Role::Mark) } else { (" ", Role::Plain) };
        lines.begin(4, 4)?;
        let margin = span(Role::Dim, &format!("{number:>digits$} |"));
        let room = lines.width().saturating_sub(digits.saturating_add(9));
        let mut spans = vec![span(Role::Alarm, mark), span(Role::Plain, " "), margin];
        if !line.is_empty() {
            spans.push(span(Role::Plain, " "));
            spans.push(Span::safe(role, shortened(line, room)));
        }
        lines.word(0, &spans)?;
        lines.end()?;
    }
    if excerpt.newer_than_program {
        lines.begin(4, 4)?;
        let doubt = "(the file is newer than the program: these may be other lines)";
        lines.word(0, &[span(Role::Dim, doubt)])?;
        lines.end()?;
    }
    Ok(())
}
