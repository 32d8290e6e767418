//! What is wrong with an expression, with a mark under the place.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::report::model::Fault;
use crate::report::render::escape::escaped;
use crate::report::render::theme::{Role, Theme};

/// Columns of a long expression that are shown before the place.
const BEFORE: usize = 40;

/// Columns of a long expression that are shown in all.
const SHOWN: usize = 76;

/// Writes what is wrong, the expression, a mark under the place, and what can
/// be written instead.
///
/// # Errors
///
/// Only those of `out`.
pub fn render(expression: &str, fault: &Fault, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    theme.paint(Role::Alarm, "error:", out)?;
    writeln!(out, " {}", escaped(&fault.message))?;
    let start = boundary(expression, fault.start);
    let end = boundary(expression, fault.end).max(start);
    let part = |from: usize, to: usize| expression.get(from..to).unwrap_or_default();
    let (before, marked, after) = (part(0, start), part(start, end), part(end, expression.len()));
    let before = escaped(before);
    let marked = escaped(marked);
    let after = escaped(after);
    // Of a long expression the part around the place.
    let skipped = before.chars().count().saturating_sub(BEFORE);
    let (dots, before) = match before.chars().skip(skipped).collect::<String>() {
        whole if skipped == 0 => ("", whole),
        cut => ("...", cut),
    };
    let marked: String = marked.chars().take(SHOWN).collect();
    let after: String = after.chars().take(SHOWN).collect();
    let room = SHOWN.saturating_sub(before.width()).saturating_sub(marked.width());
    let cut: String = after.chars().take(room).collect();
    let end_dots = if cut.len() < after.len() { "..." } else { "" };
    writeln!(out, "  {dots}{before}{marked}{cut}{end_dots}")?;
    let column = dots.width().saturating_add(before.width());
    write!(out, "  {:column$}", "")?;
    theme.paint(Role::Alarm, &"^".repeat(marked.width().max(1)), out)?;
    out.write_char('\n')?;
    if let Some(hint) = &fault.hint {
        theme.paint(Role::Hint, "hint:", out)?;
        writeln!(out, " {}", escaped(hint))?;
    }
    Ok(())
}

/// The nearest place at or before `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(expression: &str, start: usize, end: usize, hint: Option<&str>) -> String {
        let fault =
            Fault { message: "it is wrong".to_owned(), start, end, hint: hint.map(str::to_owned) };
        let mut out = String::new();
        render(expression, &fault, Theme::Plain, &mut out).unwrap();
        out
    }

    #[test]
    fn the_mark_stands_under_the_place() {
        assert_eq!(
            rendered("conn->fdd", 6, 9, Some("its members: fd")),
            "error: it is wrong\n  conn->fdd\n        ^^^\nhint: its members: fd\n"
        );
        assert_eq!(rendered("a +", 3, 3, None), "error: it is wrong\n  a +\n     ^\n");
        // Wide characters take two columns, hostile ones are escaped.
        assert_eq!(rendered("名 x", 4, 5, None), "error: it is wrong\n  名 x\n     ^\n");
        assert_eq!(rendered("\x1bx", 1, 2, None), "error: it is wrong\n  \\x1bx\n      ^\n");
        // Not in the middle of a character, not behind the end.
        assert_eq!(rendered("名", 1, 2, None), "error: it is wrong\n  名\n  ^\n");
        assert_eq!(rendered("a", 7, 900, None), "error: it is wrong\n  a\n   ^\n");
    }

    #[test]
    fn a_long_expression_is_shown_around_the_place() {
        let text = format!("{}bad{}", "a+".repeat(500), "+c".repeat(500));
        let shown = rendered(&text, 1000, 1003, None);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].len() < 90, "{shown}");
        let column = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][column..column + 3], "bad", "{shown}");
    }
}
