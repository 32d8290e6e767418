//! The crashed thread's registers.

use std::fmt;

use super::main_thread;
use crate::report::model::Report;
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::Role;

/// Those that say where the thread stood come first.
const FIRST: [&str; 8] = ["rip", "rsp", "rbp", "pc", "sp", "lr", "eflags", "orig_rax"];

pub(super) fn registers(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(thread) = main_thread(report) else { return Ok(()) };
    let Some(registers) = &thread.registers else {
        return Ok(());
    };
    lines.end()?;
    lines.line(0, Role::Heading, &format!("Registers of thread {}:", thread.tid))?;
    let mut general: Vec<(&String, &String)> = registers.general.iter().collect();
    general.sort_by_cached_key(|(name, _)| {
        let rank = FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
        (rank, natural(name))
    });
    let mut vector: Vec<(&String, &String)> = registers.vector.iter().collect();
    vector.sort_by_cached_key(|(name, _)| natural(name));
    table(&general, 18, lines)?;
    table(&vector, 34, lines)
}

/// As many registers in a line as fit; `digits` is the width of most values.
fn table(registers: &[(&String, &String)], digits: usize, lines: &mut Lines<'_>) -> fmt::Result {
    if registers.is_empty() {
        return Ok(());
    }
    let names = registers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    lines.begin(2, 2)?;
    let mut gap = 0;
    for (name, value) in registers {
        let name = span(Role::Name, &format!("{name:<names$} "));
        lines.word(gap, &[name, span(Role::Value, value)])?;
        // The next one begins where it would behind the longest value.
        gap = digits.saturating_sub(value.len()).saturating_add(2);
    }
    lines.end()
}

/// A name as letters and a number, so that `r9` comes before `r10`.
fn natural(name: &str) -> (String, u64, String) {
    let start = name.find(|char: char| char.is_ascii_digit()).unwrap_or(name.len());
    let (letters, rest) = name.split_at_checked(start).unwrap_or((name, ""));
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (letters.to_owned(), digits.parse().unwrap_or_default(), tail.to_owned())
}
