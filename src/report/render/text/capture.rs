//! How a crash was caught, where it was not by a tracer, and what whoever
//! caught it has recorded.

use std::fmt;

use crate::report::model::Report;
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::Role;

pub(super) fn capture(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(capture) = &report.source.capture else { return Ok(()) };
    let by = match capture.rung.as_str() {
        // The process itself was looked at: all is known that can be.
        "ptrace" | "snapshot" => return Ok(()),
        "kernel" => "the core that the kernel wrote",
        "handler" | "handler-socket" | "handler-pipe" => "coretool's handler",
        "other-handler" => "another program's handler",
        "kernel-log" => "the kernel's log",
        other => other,
    };
    if capture.why.is_empty() {
        return Ok(());
    }
    lines.end()?;
    lines.begin(0, 2)?;
    lines.word(0, &[span(Role::Heading, "Caught by")])?;
    lines.sentence(1, Role::Plain, &format!("{by}:"))?;
    lines.sentence(1, Role::Plain, &capture.why.join("; "))?;
    lines.end()
}

/// What another handler has recorded beside the core.
pub(super) fn recorded(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(found) = &report.source.recorded else { return Ok(()) };
    let mut facts = Vec::new();
    let process = found.pid.map(|pid| format!("process {pid}"));
    facts.extend(match (process, &found.command) {
        (Some(process), Some(command)) => Some(format!("{process} \"{command}\"")),
        (process, command) => process.or_else(|| command.clone()),
    });
    facts.extend(found.executable.as_ref().map(|path| format!("of `{path}`")));
    facts.extend(found.package.as_ref().map(|package| format!("package {package}")));
    facts.extend(found.uid.map(|uid| format!("user {uid}")));
    facts.extend(found.signal.clone());
    facts.extend(found.time.as_ref().map(|time| format!("at {time}")));
    facts.extend(found.host.as_ref().map(|host| format!("on {host}")));
    facts.extend(found.core_limit.map(|limit| format!("its core limit was {limit} bytes")));
    lines.end()?;
    lines.begin(0, 2)?;
    lines.word(0, &[span(Role::Heading, "Recorded by")])?;
    lines.sentence(1, Role::Plain, &format!("{}:", found.by))?;
    lines.sentence(1, Role::Plain, &facts.join(", "))?;
    lines.end()
}
