//! The process tree, and the environment.

use std::fmt;

use crate::report::model::{Relative, Report};
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::Role;

/// Relatives of one kind.
const MOST: usize = 40;

/// The section, when it is `asked` for or when the process has lost its parent
/// or leaves others behind.
pub(super) fn tree(report: &Report, asked: bool, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(tree) = &report.tree else { return Ok(()) };
    let is_telling = tree.is_orphan == Some(true) || !tree.orphans.is_empty();
    if !asked && !is_telling {
        return Ok(());
    }
    lines.end()?;
    lines.line(0, Role::Heading, "Process tree:")?;
    for (depth, relative) in tree.ancestors.iter().rev().take(MOST).enumerate() {
        one(depth, relative, "", lines)?;
    }
    let depth = tree.ancestors.len().min(MOST);
    let process = &report.process;
    let itself = Relative {
        pid: process.pid.unwrap_or(0),
        command: process.command.clone().unwrap_or_default(),
        arguments: process.arguments.clone(),
        ..Relative::default()
    };
    one(depth, &itself, "<- this process", lines)?;
    let mut depths = std::collections::BTreeMap::new();
    for relative in tree.descendants.iter().take(MOST) {
        let above = relative.ppid.and_then(|parent| depths.get(&parent).copied()).unwrap_or(depth);
        let own = above.saturating_add(1);
        depths.insert(relative.pid, own);
        one(own, relative, "", lines)?;
    }
    let more = tree.descendants.len().saturating_sub(MOST);
    if more > 0 {
        lines.line(2, Role::Dim, &format!("... {more} more (--format json has them)"))?;
    }
    if tree.is_orphan == Some(true) {
        let by = tree.started_by.as_ref().map(|by| {
            let ended = by.ended.as_deref().unwrap_or("has ended");
            format!(": it was started by process {} ({}), which {ended}", by.pid, line_of(by))
        });
        lines.begin(2, 4)?;
        lines.sentence(0, Role::Plain, &format!("an orphan{}", by.unwrap_or_default()))?;
        lines.end()?;
    }
    for orphan in tree.orphans.iter().take(MOST) {
        let by = orphan.started_by.map(|pid| format!(", started by process {pid}"));
        let waits = orphan.waits_in.as_ref().map(|call| format!(", waits in {call}"));
        let at = match orphan.listens_at.is_empty() {
            true => String::new(),
            false => format!(", listens at {}", orphan.listens_at.join(", ")),
        };
        let line = line_of(orphan);
        lines.begin(2, 4)?;
        let text = format!(
            "an orphan that lives on: process {} ({line}){}{}{at}",
            orphan.pid,
            by.unwrap_or_default(),
            waits.unwrap_or_default()
        );
        lines.sentence(0, Role::Plain, &text)?;
        lines.end()?;
    }
    Ok(())
}

/// A command line, or else a name.
fn line_of(relative: &Relative) -> String {
    match relative.arguments.is_empty() {
        true => relative.command.clone(),
        false => relative.arguments.join(" "),
    }
}

fn one(depth: usize, relative: &Relative, mark: &str, lines: &mut Lines<'_>) -> fmt::Result {
    /// Deeper ones are not indented further.
    const DEEPEST: usize = 16;
    let at = depth.min(DEEPEST).saturating_mul(2).saturating_add(2);
    lines.begin(at, at)?;
    let line = line_of(relative);
    let room = lines.width().saturating_sub(at).saturating_sub(mark.len()).max(20);
    let waits = relative.waits_in.as_ref().map(|call| format!(" (waits in {call})"));
    let ended = relative.ended.as_ref().map(|ended| format!(" ({ended})"));
    let text = format!(
        "{} {line}{}{}",
        relative.pid,
        waits.unwrap_or_default(),
        ended.unwrap_or_default()
    );
    lines.word(0, &[span(Role::Plain, &text).cut(room)])?;
    if !mark.is_empty() {
        lines.word(1, &[span(Role::Dim, mark)])?;
    }
    lines.end()
}

/// The environment, which is shown when it is asked for.
pub(super) fn environment(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    let surroundings = report.surroundings.as_ref();
    let Some(environment) = surroundings.and_then(|it| it.environment.as_ref()) else {
        return Ok(());
    };
    lines.end()?;
    let masked = match environment.masked {
        0 => String::new(),
        1 => " (one value may be a secret, and is masked)".to_owned(),
        many => format!(" ({many} values may be secrets, and are masked)"),
    };
    lines.line(0, Role::Heading, &format!("Environment{masked}:"))?;
    for variable in &environment.variables {
        lines.begin(2, 4)?;
        let value = match &variable.value {
            Some(value) => span(Role::Plain, value),
            None => span(Role::Unknown, "<masked>"),
        };
        let room = lines.width().saturating_sub(variable.name.len()).saturating_sub(3).max(20);
        lines.word(0, &[span(Role::Plain, &format!("{}=", variable.name)), value.cut(room)])?;
        lines.end()?;
    }
    Ok(())
}
