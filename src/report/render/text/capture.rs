//! How a crash was caught, where it was not by a tracer.

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
