//! One report: what happened, where, with which values.

use std::fmt::{self, Write};

use super::{map, stacks, text, waits};
use crate::report::model::{Finding, Report, Thread};
use crate::report::render::triage::severity;

/// The body of a page about one report.
pub(super) fn page(report: &Report, out: &mut String) -> fmt::Result {
    let label = if report.signal.is_some() { "CRASH" } else { "STATE" };
    writeln!(out, "<h1><b>{label}</b> {}</h1>", text(&report.verdict))?;
    process(report, out)?;
    sections(report, "t", out)
}

/// All sections of a report; `id` makes the names of its elements its own.
pub(super) fn sections(report: &Report, id: &str, out: &mut String) -> fmt::Result {
    for finding in &report.findings {
        self::finding(finding, out)?;
    }
    let crashed = report.threads.iter().find(|it| it.crashed).or(report.threads.first());
    if let Some(thread) = crashed {
        let frame = thread.frames.iter().find(|frame| frame.source.is_some());
        if let Some(source) = frame.and_then(|frame| frame.source.as_ref()) {
            writeln!(out, "<h2>Source</h2>")?;
            stacks::source(source, out)?;
        }
        stacks::threads(report, thread, id, out)?;
        registers(thread, out)?;
    }
    map::map(report, out)?;
    waits::graph(report, out)?;
    modules(report, out)?;
    if !report.gaps.is_empty() {
        writeln!(out, "<h2>Not known</h2>\n<ul>")?;
        for gap in &report.gaps {
            let hint = gap.hint.as_deref().map(|hint| format!(" ({})", text(hint)));
            let hint = hint.unwrap_or_default();
            writeln!(out, "<li>{}: {}{hint}</li>", text(&gap.missing), text(&gap.why))?;
        }
        writeln!(out, "</ul>")?;
    }
    Ok(())
}

fn process(report: &Report, out: &mut String) -> fmt::Result {
    let process = &report.process;
    let words = match process.arguments.is_empty() {
        false => process.arguments.join(" "),
        true => process.executable.clone().or(process.command.clone()).unwrap_or_default(),
    };
    let pid = process.pid.map(|pid| format!("process {pid}: ")).unwrap_or_default();
    writeln!(out, "<p class=\"mono dim\">{pid}{}</p>", text(&words))?;
    if let Some(signature) = &report.signature {
        writeln!(
            out,
            "<p class=\"mono\">{} <span class=\"dim\">{}</span></p>",
            text(&signature.label),
            text(&signature.text)
        )?;
    }
    Ok(())
}

fn finding(finding: &Finding, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<h2>{} <span class=\"dim\">{}, {} %, severity {}</span></h2>",
        text(&finding.title),
        text(&finding.id),
        (finding.confidence * 100.0).round(),
        severity(finding.severity)
    )?;
    if !finding.explanation.is_empty() {
        writeln!(out, "<p>{}</p>", text(&finding.explanation))?;
    }
    if !finding.evidence.is_empty() {
        writeln!(out, "<ul>")?;
        for evidence in &finding.evidence {
            writeln!(out, "<li>{}</li>", text(evidence))?;
        }
        writeln!(out, "</ul>")?;
    }
    match &finding.next_step {
        Some(step) => writeln!(out, "<p><b>Next:</b> {}</p>", text(step)),
        None => Ok(()),
    }
}

fn registers(thread: &Thread, out: &mut String) -> fmt::Result {
    let Some(registers) = &thread.registers else { return Ok(()) };
    writeln!(out, "<h2>Registers</h2>\n<div class=\"grid mono\">")?;
    for (name, value) in &registers.general {
        let (name, value) = (text(name), text(value));
        writeln!(out, "<span><span class=\"dim\">{name}</span> {value}</span>")?;
    }
    writeln!(out, "</div>")?;
    if !registers.vector.is_empty() {
        writeln!(out, "<details><summary>Vector registers</summary><div class=\"mono\">")?;
        for (name, value) in &registers.vector {
            writeln!(out, "<div><span class=\"dim\">{}</span> {}</div>", text(name), text(value))?;
        }
        writeln!(out, "</div></details>")?;
    }
    Ok(())
}

fn modules(report: &Report, out: &mut String) -> fmt::Result {
    if report.modules.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<details><summary>Modules ({})</summary><div class=\"wide\"><table>\
         <tr><th>address</th><th>file</th><th>build-id</th></tr>",
        report.modules.len()
    )?;
    for module in report.modules.iter().take(1_000) {
        writeln!(
            out,
            "<tr class=\"mono\"><td>{}</td><td>{}</td><td>{}</td></tr>",
            module.base,
            text(&module.path),
            text(module.build_id.as_deref().unwrap_or("none"))
        )?;
    }
    writeln!(out, "</table></div></details>")
}
