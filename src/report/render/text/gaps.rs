//! What is not known, and where things are.

use std::fmt;

use super::file_name;
use crate::report::model::Report;
use crate::report::render::layout::{Lines, span};
use crate::report::render::size::size;
use crate::report::render::theme::Role;

/// Gaps shown.
const MOST: usize = 12;

pub(super) fn gaps(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    if report.gaps.is_empty() {
        return Ok(());
    }
    lines.end()?;
    lines.line(0, Role::Heading, "Not known:")?;
    for (number, gap) in report.gaps.iter().take(MOST).enumerate() {
        lines.begin(2, 4)?;
        lines.sentence(0, Role::Unknown, &gap.missing)?;
        if !gap.why.is_empty() {
            lines.sentence(0, Role::Plain, ":")?;
            lines.sentence(1, Role::Plain, &gap.why)?;
        }
        lines.end()?;
        // One remedy for several gaps in a row is said once, after the last.
        let next = report.gaps.get(number.saturating_add(1)).filter(|_| number < MOST - 1);
        if next.is_some_and(|next| next.hint == gap.hint) {
            continue;
        }
        if let Some(hint) = &gap.hint {
            lines.begin(4, 10)?;
            lines.word(0, &[span(Role::Hint, "hint:")])?;
            lines.sentence(1, Role::Plain, hint)?;
            lines.end()?;
        }
    }
    let more = report.gaps.len().saturating_sub(MOST);
    if more > 0 {
        lines.line(2, Role::Dim, &format!("... {more} more (--format json has them all)"))?;
    }
    Ok(())
}

pub(super) fn saved(report: &Report, home: Option<&str>, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(saved) = &report.saved else { return Ok(()) };
    lines.end()?;
    lines.begin(0, 7)?;
    lines.word(0, &[span(Role::Heading, "Saved:")])?;
    let mut files = Vec::new();
    if let Some(core) = &saved.core {
        let bytes = saved.core_bytes.map(|bytes| format!(" {}", size(bytes)));
        let name = match inside(core, &saved.directory) {
            // Its name is a digest, which tells nobody anything.
            name if name.starts_with("core-") && name.ends_with(".zst") => "compressed core",
            name => name,
        };
        files.push(format!("{name}{}", bytes.unwrap_or_default()));
    }
    if let Some(report) = &saved.report {
        files.push(inside(report, &saved.directory).to_owned());
    }
    if !saved.directory.is_empty() {
        lines.word(1, &[span(Role::Path, &at_home(&saved.directory, home))])?;
    }
    if !files.is_empty() {
        lines.word(2, &[span(Role::Plain, &format!("({})", files.join(", ")))])?;
    }
    lines.end()?;
    // What is not in the store has no id.
    if saved.id.is_empty() {
        return Ok(());
    }
    lines.begin(7, 7)?;
    lines.word(0, &[span(Role::Plain, &format!("coretool show {}", saved.id))])?;
    if saved.core.is_some() {
        lines.word(4, &[span(Role::Plain, &format!("coretool debug {}", saved.id))])?;
    }
    lines.end()
}

/// A path below `directory` without it.
fn inside<'p>(path: &'p str, directory: &str) -> &'p str {
    let is_inside = path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    if is_inside { file_name(path) } else { path }
}

/// A path with `~` for the reader's home.
fn at_home(path: &str, home: Option<&str>) -> String {
    let home = home.map(|home| home.trim_end_matches('/')).filter(|home| !home.is_empty());
    let rest = home.and_then(|home| path.strip_prefix(home));
    match rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        Some(rest) => format!("~{rest}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes() {
        let cases = [
            ("/home/ann/x", Some("/home/ann"), "~/x"),
            ("/home/anna/x", Some("/home/ann"), "/home/anna/x"),
            ("/var/x", Some("/"), "/var/x"),
            ("/var/x", None, "/var/x"),
        ];
        for (path, home, want) in cases {
            assert_eq!(at_home(path, home), want);
        }
    }
}
