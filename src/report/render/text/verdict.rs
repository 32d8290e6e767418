//! Line one: what happened, to whom.

use std::fmt;

use crate::report::model::{Report, Thread};
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::Role;

pub(super) fn verdict(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    lines.begin(0, 7)?;
    let is_crash = report.signal.is_some();
    let (label, role) = if is_crash { ("CRASH", Role::Alarm) } else { ("STATE", Role::Heading) };
    lines.word(0, &[span(role, label)])?;
    // The signal and its thread, then the reason. Only a colon with a space
    // ends them: names of C++ have others.
    let verdict = report.verdict.as_str();
    let named = report.signal.as_ref().is_some_and(|signal| verdict.starts_with(&signal.name));
    match verdict.split_once(": ").filter(|_| named) {
        Some((who, why)) => {
            lines.sentence(2, Role::Alarm, &format!("{who}:"))?;
            lines.sentence(1, Role::Verdict, why)?;
        }
        None => lines.sentence(2, Role::Verdict, verdict)?,
    }
    lines.end()?;
    process(report, lines)
}

/// Which process it was; a core by itself does not say that.
fn process(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    let process = &report.process;
    let words: Vec<String> = match (process.arguments.is_empty(), &process.executable) {
        (false, _) if process.arguments_complete == Some(false) => process.arguments.clone(),
        (false, _) => process.arguments.iter().map(|word| quoted(word)).collect(),
        (true, Some(path)) => vec![path.clone()],
        (true, None) => process.command.iter().cloned().collect(),
    };
    let pid = process.pid.map(|pid| format!("process {pid}"));
    let text = match (words.join(" "), pid) {
        (words, Some(pid)) if words.is_empty() => pid,
        (words, Some(pid)) => format!("{pid}: {words}"),
        (words, None) => words,
    };
    if text.is_empty() {
        return Ok(());
    }
    lines.begin(7, 7)?;
    let room = lines.width().saturating_sub(7);
    lines.word(0, &[span(Role::Dim, &text).cut(room)])?;
    lines.end()
}

/// A thread's id, and its name if that is not just the program's.
pub(super) fn name_of(report: &Report, thread: &Thread) -> String {
    match thread.name.as_ref().filter(|_| thread.name != report.process.command) {
        Some(name) => format!("{} \"{name}\"", thread.tid),
        None => thread.tid.to_string(),
    }
}

/// An argument as a shell would need it.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "%+,-./:=@_^".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
