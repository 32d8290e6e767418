//! Words of stack lines that several tools share.

use crate::base::signal::Signal;
use crate::report::model::{Frame, Hex};

/// Frames of one text.
pub(super) const MOST: usize = 1_000;

/// The number in `#12 ` at the start of a line, and what follows it.
pub(super) fn numbered(line: &str) -> Option<(u64, &str)> {
    let rest = line.trim_start().strip_prefix('#')?;
    let end = rest.find(|char: char| !char.is_ascii_digit())?;
    let number = rest.get(..end)?.parse().ok()?;
    Some((number, rest.get(end..)?.trim_start()))
}

/// The number in `0x1f` at the start of a text, and what follows it.
pub(super) fn address(text: &str) -> Option<(Hex, &str)> {
    let digits = text.strip_prefix("0x")?;
    let end = digits.find(|char: char| !char.is_ascii_hexdigit()).unwrap_or(digits.len());
    let value = u64::from_str_radix(digits.get(..end)?, 16).ok()?;
    Some((Hex(value), digits.get(end..)?))
}

/// `file.c:12:5`, `file.c:12` or `file.c`.
pub(super) fn place(frame: &mut Frame, text: &str) {
    let text = text.trim();
    let mut parts = text.rsplitn(3, ':');
    let last = parts.next().and_then(|word| word.parse::<u32>().ok());
    let middle = parts.next();
    let middle_number = middle.and_then(|word| word.parse::<u32>().ok());
    let head = parts.next();
    let (file, line, column) = match (head, middle_number, last) {
        (Some(file), Some(line), Some(column)) => (file.to_owned(), Some(line), Some(column)),
        (head, None, Some(line)) => {
            let file = [head, middle].into_iter().flatten().collect::<Vec<_>>().join(":");
            (file, Some(line), None)
        }
        (None, Some(_), Some(_)) | (_, _, None) => (text.to_owned(), None, None),
    };
    if !file.is_empty() {
        frame.file = Some(file);
        frame.line = line.filter(|line| *line > 0);
        frame.column = column.filter(|column| *column > 0);
    }
}

/// The name of a signal of this kind, in a text like `signal SIGSEGV, ...`.
pub(super) fn signal(text: &str) -> Option<String> {
    let at = text.find("SIG")?;
    let rest = text.get(at..)?;
    let end = rest.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| name.len() > 4)?;
    Some(name.to_owned())
}

/// The name of a signal by its number.
pub(super) fn signal_name(number: i32) -> String {
    Signal(number).name()
}

/// The part of a text between two marks.
pub(super) fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(open)?;
    let (inner, _) = rest.split_once(close)?;
    Some(inner)
}
