//! Stacks, a frame a line.

use std::fmt;

use super::fold::{self, Entry, Fold};
use super::values::{self, Detail};
use super::{excerpt, file_name, is_library, is_own};
use crate::base::count::counted;
use crate::report::model::{Frame, NameSource, Report, Thread, Trust};
use crate::report::render::layout::{Lines, Span, span};
use crate::report::render::theme::Role;

/// Entries shown of one stack. A longer one is in the JSON report.
const MOST_CRASHED: usize = 60;
const MOST_OTHER: usize = 24;

/// Where the text that belongs to a frame is indented to.
const INDENT: usize = 8;

/// A function's name is cut beyond this many lines.
const NAME_LINES: usize = 2;

/// The stack that the report is about, with source and variables.
pub(super) fn crashed_stack(
    report: &Report,
    thread: &Thread,
    parts: usize,
    lines: &mut Lines<'_>,
) -> fmt::Result {
    // The program's own code tells more than the library that it called.
    let has_source = |frame: &&Frame| frame.source.is_some();
    let mut with_source = thread.frames.iter().filter(has_source);
    let own = with_source.clone().find(|frame| is_own(report, frame));
    let own = own.or_else(|| thread.frames.iter().find(|frame| is_own(report, frame)));
    let own = own.or_else(|| with_source.next()).map(|frame| frame.index);
    for entry in fold::entries(thread, MOST_CRASHED) {
        match entry {
            Entry::Fold(fold) => folded(&fold, lines)?,
            Entry::Start(frames) => start(frames, lines)?,
            Entry::Frame(frame) => {
                frame_line(report, frame, lines)?;
                let is_main = frame.index == 0 || Some(frame.index) == own;
                if let Some(source) = frame.source.as_ref().filter(|_| is_main) {
                    excerpt::excerpt(source, lines)?;
                }
                // A library's variables mean little to who did not write it.
                if !is_library(report, frame) {
                    let detail = if is_main { Detail::Full { parts } } else { Detail::Brief };
                    values::variables(frame, detail, lines)?;
                }
            }
        }
    }
    end_of(thread, lines)
}

/// The stack of another thread, with its variables if they were read.
pub(super) fn other_stack(report: &Report, thread: &Thread, lines: &mut Lines<'_>) -> fmt::Result {
    for entry in fold::entries(thread, MOST_OTHER) {
        match entry {
            Entry::Fold(fold) => folded(&fold, lines)?,
            Entry::Start(frames) => start(frames, lines)?,
            Entry::Frame(frame) => {
                frame_line(report, frame, lines)?;
                if !is_library(report, frame) && !frame.locals.is_empty() {
                    values::variables(frame, Detail::Brief, lines)?;
                }
            }
        }
    }
    end_of(thread, lines)
}

fn end_of(thread: &Thread, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(why) = thread.why_it_ends.as_ref().filter(|_| thread.stack_complete != Some(true))
    else {
        return Ok(());
    };
    let what = if thread.frames.is_empty() { "no stack" } else { "the stack ends here" };
    lines.line(6, Role::Unknown, &format!("({what}: {why})"))
}

fn folded(fold: &Fold<'_>, lines: &mut Lines<'_>) -> fmt::Result {
    let mut text = format!("... {}", counted(fold.count, "more frame"));
    if let Some(first) = fold.cycle.first() {
        // Each calls the next; the last one calls the first again.
        let shown = fold.cycle.iter().take(4);
        text.push_str(": ");
        for name in shown {
            text.push_str(name);
            text.push_str(" -> ");
        }
        let more = fold.cycle.len().saturating_sub(4);
        if more > 0 {
            text.push_str(&format!("{more} more -> "));
        }
        text.push_str(&format!("{first} ..."));
    }
    lines.line(6, Role::Dim, &text)
}

/// The C library's frames below `main` or a thread's function, which are the
/// same in each program.
fn start(frames: &[Frame], lines: &mut Lines<'_>) -> fmt::Result {
    let names: Vec<&str> = frames.iter().filter_map(|frame| frame.function.as_deref()).collect();
    lines.line(6, Role::Dim, &format!("started by {}", names.join(" <- ")))
}

/// The one line of a frame.
pub(super) fn frame_line(report: &Report, frame: &Frame, lines: &mut Lines<'_>) -> fmt::Result {
    lines.begin(2, INDENT)?;
    lines.word(0, &[span(Role::Dim, &format!("#{:<2}", frame.index))])?;
    if frame.signal_frame {
        lines.word(1, &[span(Role::Dim, "<signal handler called>")])?;
        return lines.end();
    }
    if frame.inlined {
        lines.word(1, &[span(Role::Dim, "[inlined]")])?;
    }
    let room = lines.width().saturating_mul(NAME_LINES).saturating_sub(INDENT);
    let mut name = vec![function_name(report, frame, room)];
    if frame.line.is_none()
        && let Some(offset) = frame.function_offset.filter(|_| frame.function.is_some())
    {
        name.push(span(Role::Dim, &format!("+{offset:#x}")));
    }
    match frame.arguments.split_last() {
        Some((last, others)) => {
            // The name's line keeps the parenthesis, so that each of the lines
            // that may follow begins with an argument.
            name.push(span(Role::Plain, " ("));
            for (number, argument) in others.iter().enumerate() {
                let mut spans = if number == 0 { std::mem::take(&mut name) } else { Vec::new() };
                spans.extend(values::argument(argument));
                spans.push(span(Role::Plain, ","));
                lines.word(1, &spans)?;
            }
            name.extend(values::argument(last));
            name.push(span(Role::Plain, ")"));
        }
        None if frame.name_source == Some(NameSource::Dwarf)
            && !frame.function.as_ref().is_some_and(|name| name.ends_with(')')) =>
        {
            name.push(span(Role::Plain, " ()"));
        }
        None => (),
    }
    lines.word(1, &name)?;
    place(report, frame, lines)?;
    if let Some(doubt) = doubt(frame) {
        lines.word(2, &[span(Role::Unknown, doubt)])?;
    }
    lines.end()
}

fn function_name(report: &Report, frame: &Frame, room: usize) -> Span {
    let role = if is_own(report, frame) { Role::OwnFunction } else { Role::Function };
    match frame.function.as_deref() {
        Some(name) => span(role, &without_inner_arguments(name, room)).cut(room),
        None => span(Role::Unknown, "??"),
    }
}

/// A name without the arguments of templates and generics, if it is longer
/// than `room`: `std::map<...>::at`.
fn without_inner_arguments(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    let mut short = String::new();
    let mut depth = 0_usize;
    let mut previous = ' ';
    for char in name.chars() {
        // Neither `operator<<` nor `->` begin or end a list of arguments.
        let is_operator = short.ends_with("operator") || short.ends_with("operator<");
        let opens =
            char == '<' && !is_operator && (previous.is_alphanumeric() || "_:".contains(previous));
        if char == '>' && previous != '-' && depth > 0 {
            depth -= 1;
            if depth == 0 {
                short.push_str("...");
            }
        }
        if depth == 0 {
            short.push(char);
        }
        if opens || (char == '<' && depth > 0) {
            depth += 1;
        }
        previous = char;
    }
    short
}

/// `at file:line`, or the next best thing.
fn place(report: &Report, frame: &Frame, lines: &mut Lines<'_>) -> fmt::Result {
    let module = frame.module.as_deref().map(file_name);
    let in_module = || module.filter(|_| is_library(report, frame));
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => {
            let at = [span(Role::Plain, "at "), lines.place(file, line)];
            lines.word(1, &at)?;
            if let Some(module) = in_module() {
                lines.word(1, &[span(Role::Dim, &format!("in {module}"))])?;
            }
        }
        // Without a name, only the address says where this is: as the module's
        // file states it, for other tools.
        _ if frame.function.is_none() => match (module, frame.offset) {
            (Some(module), Some(offset)) => {
                let text = format!("at {} in {module}+{offset}", frame.pc);
                lines.word(1, &[span(Role::Plain, &text)])?;
            }
            _ => lines.word(1, &[span(Role::Plain, &format!("at {}", frame.pc))])?,
        },
        (Some(file), None) => {
            lines.word(1, &[span(Role::Plain, "in "), span(Role::Path, file)])?;
        }
        _ => {
            if let Some(module) = module {
                lines.word(1, &[span(Role::Dim, &format!("in {module}"))])?;
            }
        }
    }
    Ok(())
}

/// What makes a frame less than certain.
fn doubt(frame: &Frame) -> Option<&'static str> {
    match (frame.trust, frame.name_source) {
        (Trust::Scan, _) => Some("(guess: found by scanning the stack)"),
        (Trust::FramePointer, _) => Some("(by frame pointer)"),
        (Trust::TailCall, _) => Some("(its frame was reused by a tail call)"),
        (_, Some(NameSource::Nearest)) => Some("(guess: the nearest symbol)"),
        (Trust::Context | Trust::Cfi, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_inner_arguments() {
        let cases = [
            ("std::map<int, std::vector<int> >::at", 100, "std::map<int, std::vector<int> >::at"),
            ("std::map<int, std::vector<int> >::at", 10, "std::map<...>::at"),
            ("operator<< <char>(std::ostream<char>&)", 10, "operator<< <char>(std::ostream<...>&)"),
            ("a<b>::c<d<e>>", 5, "a<...>::c<...>"),
            ("unbalanced<a", 5, "unbalanced<"),
        ];
        for (name, room, want) in cases {
            assert_eq!(without_inner_arguments(name, room), want);
        }
    }
}
