//! Backtraces as gdb prints them, with the signal's line before them.

use super::Reader;
use super::draft::Draft;
use super::frame::{self, MOST, address, between, numbered, place};
use crate::report::model::{Frame, Report, Severity};

pub(super) struct Gdb;

/// Lines between the signal's line and the stack: source, warnings.
const BETWEEN: usize = 60;

impl Reader for Gdb {
    fn name(&self) -> &'static str {
        "gdb"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let is_signal =
            ["terminated with signal ", "received signal "].iter().any(|mark| first.contains(mark));
        let named = is_signal.then(|| frame::signal(first)).flatten();
        // gdb prints the innermost frame with the signal, and `bt` all of them.
        let start = match named {
            Some(_) => {
                let near = lines.get(..BETWEEN.min(lines.len()))?;
                let mut starts = near.iter().enumerate().filter(|(_, line)| is_first(line));
                let (at, _) = starts.next()?;
                let is_alone =
                    lines.get(at.saturating_add(1)).and_then(|it| numbered(it)).is_none();
                match starts.next().filter(|_| is_alone) {
                    Some((later, _)) => later,
                    None => at,
                }
            }
            None if is_first(first) => 0,
            None => return None,
        };
        let mut frames: Vec<Frame> = Vec::new();
        let mut taken = start;
        let mut expression = None;
        let mut text = String::new();
        for line in lines.iter().skip(start) {
            match numbered(line) {
                Some((number, rest)) if number == frames.len() as u64 && frames.len() < MOST => {
                    expression = expression.or_else(|| assertion(rest));
                    frames.push(parsed(rest));
                    text.clone_from(line);
                }
                // Long frames are broken into lines that are indented.
                None if line.starts_with("    ") && !frames.is_empty() => {
                    text.push(' ');
                    text.push_str(line.trim());
                    expression = expression.or_else(|| assertion(&text));
                    if let (Some((_, rest)), Some(last)) = (numbered(&text), frames.last_mut()) {
                        *last = parsed(rest);
                    }
                }
                _ => break,
            }
            taken = taken.saturating_add(1);
        }
        if frames.is_empty() {
            return None;
        }
        let mut draft = Draft { signal: named, frames, ..Draft::default() };
        if let Some(expression) = expression {
            draft.cause = "assertion-failed";
            draft.title = "assertion failed".to_owned();
            draft.explanation = format!("assertion `{expression}` failed");
            draft.severity = Severity::Low;
        }
        Some((draft.report(), taken))
    }
}

fn is_first(line: &str) -> bool {
    // A sanitizer's stacks are indented.
    line.starts_with("#0 ") && numbered(line).is_some()
}

/// The expression in `__assert_fail (assertion=0x55 "n > 0", ...)`.
fn assertion(line: &str) -> Option<String> {
    if !line.contains("__assert_fail") {
        return None;
    }
    let (_, rest) = line.split_once("assertion=")?;
    between(rest, "\"", "\"").map(str::to_owned)
}

/// `0x00005555 in f (a=1) at f.c:3`, `f (a=1) at f.c:3`, `0x0 in ?? ()`.
fn parsed(text: &str) -> Frame {
    let mut frame = Frame::default();
    let mut rest = text;
    if let Some((pc, after)) = address(text)
        && let Some(after) = after.strip_prefix(" in ")
    {
        frame.pc = pc;
        rest = after;
    }
    if rest.starts_with("<signal handler called>") {
        frame.signal_frame = true;
        return frame;
    }
    let end = arguments_start(rest).unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or_default().trim();
    if !name.is_empty() && name != "??" {
        frame.function = Some(name.to_owned());
    }
    if let Some((_, file)) = rest.rsplit_once(") at ") {
        place(&mut frame, file);
    } else if let Some((_, module)) = rest.rsplit_once(") from ") {
        frame.module = Some(module.trim().to_owned());
    }
    frame
}

/// Where the arguments begin: at the first ` (` that is in no `<...>`.
fn arguments_start(text: &str) -> Option<usize> {
    let mut depth = 0_i32;
    let mut before = ' ';
    for (at, char) in text.char_indices() {
        match char {
            '<' => depth = depth.saturating_add(1),
            '>' if before != '-' => depth = depth.saturating_sub(1).max(0),
            '(' if depth == 0 && before == ' ' && at > 0 => return Some(at.saturating_sub(1)),
            _ => (),
        }
        before = char;
    }
    None
}
