//! The list of kept crashes, for people.

use std::fmt::{self, Write};

use crate::base::count::counted;
use crate::report::model::{KeptCrash, KeptCrashes, Pruned};
use crate::report::render::layout::{Lines, cut, shortened, span};
use crate::report::render::size::size;
use crate::report::render::theme::{Role, Theme};

/// How the list is shown.
#[derive(Clone, Copy, Debug)]
pub struct KeptOptions {
    /// With or without color.
    pub theme: Theme,
    /// Columns of a line. `None`: nobody cuts it.
    pub width: Option<usize>,
    /// The time, in milliseconds since 1970: ages are shown.
    pub now: u64,
}

/// The widest program name.
const PROGRAM: usize = 24;
/// The narrowest column for what happened.
const VERDICT: usize = 20;

/// Writes one line for each crash, the newest first.
///
/// # Errors
///
/// Only those of `out`.
pub fn list(kept: &KeptCrashes, options: KeptOptions, out: &mut dyn Write) -> fmt::Result {
    let rows: Vec<[String; 6]> = kept.crashes.iter().map(|crash| row(crash, options.now)).collect();
    let head = ["ID", "AGE", "PROGRAM", "SIGNAL", "COUNT", "CORE"].map(str::to_owned);
    let mut widths = [0_usize; 6];
    for row in rows.iter().chain([&head]) {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(span(Role::Plain, text).width());
        }
    }
    let taken: usize = widths.iter().map(|width| width.saturating_add(2)).sum();
    if let Some(width) = options.width
        && width < taken.saturating_add(VERDICT)
    {
        return narrow_list(kept, &rows, width, options.theme, out);
    }
    let room = options.width.map(|width| width.saturating_sub(taken));
    let mut lines = Lines::new(out, options.theme, usize::MAX);
    line(&mut lines, &head, &widths, Role::Dim, "WHAT HAPPENED")?;
    for (crash, row) in kept.crashes.iter().zip(&rows) {
        let verdict = short_verdict(&crash.verdict);
        let verdict = room.map_or_else(|| verdict.to_owned(), |room| cut_to(verdict, room));
        line(&mut lines, row, &widths, Role::Plain, &verdict)?;
    }
    Ok(())
}

/// Three short lines for each crash, where one does not fit.
fn narrow_list(
    kept: &KeptCrashes,
    rows: &[[String; 6]],
    width: usize,
    theme: Theme,
    out: &mut dyn Write,
) -> fmt::Result {
    let inner = width.saturating_sub(2).max(1);
    let mut lines = Lines::new(out, theme, usize::MAX);
    for (crash, [id, age, program, signal, _, core]) in kept.crashes.iter().zip(rows) {
        lines.begin(0, 0)?;
        lines.word(0, &[span(Role::Path, id)])?;
        let room = width.saturating_sub(id.len().saturating_add(1)).max(1);
        lines.word(1, &[span(Role::Plain, &cut_to(program, room))])?;
        lines.end()?;
        let times = counted(crash.count, "time");
        let core = crash.core.as_ref().map(|_| format!(", core {core}")).unwrap_or_default();
        let facts = format!("{signal}, {age}, {times}{core}");
        lines.line(2, Role::Dim, &cut_to(&facts, inner))?;
        lines.line(2, Role::Plain, &cut_to(short_verdict(&crash.verdict), inner))?;
    }
    Ok(())
}

/// A verdict in `room` columns, as it looks when it is escaped.
fn cut_to(verdict: &str, room: usize) -> String {
    let mut text = verdict.to_owned();
    let mut room = room;
    // Escapes are wider than what they stand for.
    while span(Role::Plain, &text).width() > room && room > 0 {
        text = shortened(verdict, room);
        let wide = span(Role::Plain, &text).width();
        if wide <= room {
            break;
        }
        room = room.saturating_sub(1);
        text = cut(verdict, room);
    }
    text
}

fn line(
    lines: &mut Lines<'_>,
    row: &[String; 6],
    widths: &[usize; 6],
    role: Role,
    last: &str,
) -> fmt::Result {
    lines.begin(0, 0)?;
    for (column, (text, width)) in row.iter().zip(widths).enumerate() {
        let role = if column == 0 && role == Role::Plain { Role::Path } else { role };
        let text = span(role, text);
        let room = width.saturating_sub(text.width());
        // Numbers end below each other.
        let is_number = matches!(column, 1 | 4 | 5);
        let (before, after) = if is_number { (room, 0) } else { (0, room) };
        let gap = if column == 0 { before } else { before.saturating_add(2) };
        lines.word(gap, &[text, span(Role::Plain, &" ".repeat(after))])?;
    }
    lines.word(2, &[span(role, last)])?;
    lines.end()
}

fn row(crash: &KeptCrash, now: u64) -> [String; 6] {
    [
        crash.id.clone(),
        age(now.saturating_sub(crash.time_ms)),
        shortened(&crash.program, PROGRAM),
        crash.signal.clone().unwrap_or_else(|| "-".to_owned()),
        crash.count.to_string(),
        crash.core.as_ref().map_or_else(|| "-".to_owned(), |core| size(core.bytes)),
    ]
}

/// What happened, without the signal and the thread, which have their own
/// column or do not matter here.
fn short_verdict(verdict: &str) -> &str {
    let is_signal = verdict.starts_with("SIG");
    verdict.split_once(": ").filter(|_| is_signal).map_or(verdict, |(_, rest)| rest)
}

/// An age in one or two figures: `5 min`.
pub fn age(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = milliseconds / 1000;
    let unit = UNITS.iter().find(|(length, _)| seconds >= *length);
    unit.map_or_else(|| "now".to_owned(), |(length, name)| format!("{} {name}", seconds / length))
}

/// Writes what a prune removed, or would remove.
///
/// # Errors
///
/// Only those of `out`.
pub fn pruned(pruned: &Pruned, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    let mut lines = Lines::new(out, theme, usize::MAX);
    let verb = if pruned.dry_run { "would remove" } else { "removed" };
    for crash in &pruned.removed {
        let why = match crash.why.as_str() {
            "age" => "too old",
            "program" => "too much of this program",
            "keep_free" => "the disk is nearly full",
            _ => "too much in all",
        };
        lines.begin(0, 0)?;
        let what = if crash.core_only { "the core of " } else { "" };
        lines.word(0, &[span(Role::Plain, &format!("{verb} {what}"))])?;
        lines.word(0, &[span(Role::Path, &crash.id)])?;
        let rest = format!(" ({}, {}): {why}", crash.program, size(crash.bytes));
        lines.word(0, &[span(Role::Plain, &rest)])?;
        lines.end()?;
    }
    if pruned.compressed > 0 {
        let cores = counted(pruned.compressed, "core");
        lines.line(0, Role::Plain, &format!("compressed {cores}"))?;
    }
    let freed = if pruned.dry_run { "would be freed" } else { "freed" };
    let (now, size) = (size(pruned.bytes), size(pruned.freed));
    lines.line(0, Role::Plain, &format!("{size} {freed}; the store takes {now}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::KeptCore;

    fn kept() -> KeptCrashes {
        let crash = |id: &str, program: &str, verdict: &str, count, core| KeptCrash {
            id: id.to_owned(),
            time_ms: 1_000,
            program: program.to_owned(),
            signal: Some("SIGSEGV".to_owned()),
            verdict: verdict.to_owned(),
            count,
            core,
            ..KeptCrash::default()
        };
        let core = KeptCore { bytes: 1_900_000, ..KeptCore::default() };
        let verdict = "SIGSEGV in thread 7 \"w\": read of 4 bytes at 0x18, because conn is null";
        KeptCrashes {
            crashes: vec![
                crash("3f9ac2d10b77", "server", verdict, 12, Some(core)),
                crash("00aa11bb22cc", "evil\x1b[2J\n", "\x1b]0;\x07", 1, None),
            ],
            ..KeptCrashes::default()
        }
    }

    #[test]
    fn a_line_each_that_fits() {
        let now = 1_000 + 7_200_000;
        for width in [Some(80), Some(100), None] {
            let mut out = String::new();
            list(&kept(), KeptOptions { theme: Theme::Plain, width, now }, &mut out).unwrap();
            assert_eq!(out.lines().count(), 3, "{out}");
            for line in out.lines() {
                assert!(width.is_none_or(|width| line.len() <= width), "{line}");
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
            let first = out.lines().nth(1).unwrap();
            assert!(first.starts_with("3f9ac2d10b77  2 h  server"), "{first}");
            assert!(first.contains("SIGSEGV     12  1.9 MB  read of 4"), "{first}");
            assert_eq!(width.is_none(), first.ends_with("because conn is null"), "{first}");
        }
    }

    #[test]
    fn where_a_line_is_too_long_there_are_three() {
        let now = 1_000 + 7_200_000;
        for width in [20, 40, 60] {
            let mut out = String::new();
            let options = KeptOptions { theme: Theme::Plain, width: Some(width), now };
            list(&kept(), options, &mut out).unwrap();
            let lines: Vec<&str> = out.lines().collect();
            assert_eq!(lines.len(), 6, "{out}");
            for line in &lines {
                assert!(line.chars().count() <= width, "{width}: {line}");
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
            assert_eq!(lines[0], "3f9ac2d10b77 server");
            if width == 40 {
                assert_eq!(lines[1], "  SIGSEGV, 2 h, 12 times, core 1.9 MB");
            }
        }
    }

    #[test]
    fn ages() {
        let cases = [(0, "now"), (59_999, "59 s"), (60_000, "1 min"), (86_400_000, "1 d")];
        for (milliseconds, want) in cases {
            assert_eq!(age(milliseconds), want);
        }
        assert_eq!(age(u64::MAX / 1_000_000), "584 y");
    }
}
