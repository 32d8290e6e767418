//! What the verdict rests on, and what else it may have been.

use std::fmt;

use crate::report::model::{Finding, Report};
use crate::report::render::layout::Lines;
use crate::report::render::theme::Role;

/// Findings shown, and sentences of evidence of each.
const MOST: usize = 3;

pub(super) fn evidence(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    let findings = report.findings.iter().enumerate().filter(|(number, finding)| {
        let said = report.findings.get(..*number).unwrap_or_default();
        !tells_nothing_new(finding, said)
    });
    for (number, finding) in findings.take(MOST) {
        let is_first = number == 0;
        lines.end()?;
        head(finding, is_first, lines)?;
        for sentence in finding.evidence.iter().take(MOST) {
            lines.begin(2, 4)?;
            lines.sentence(0, Role::Plain, &format!("- {sentence}"))?;
            lines.end()?;
        }
        if let Some(step) = &finding.next_step {
            lines.begin(2, 8)?;
            lines.sentence(0, Role::Hint, "hint:")?;
            lines.sentence(1, Role::Plain, step)?;
            lines.end()?;
        }
    }
    Ok(())
}

/// Whether the verdict or the findings before have said it all.
fn tells_nothing_new(finding: &Finding, said: &[Finding]) -> bool {
    let is_said = |sentence| said.iter().any(|before| before.evidence.contains(sentence));
    let is_first = said.is_empty();
    let has_evidence = !finding.evidence.is_empty();
    finding.next_step.is_none()
        && (is_first || has_evidence)
        && finding.evidence.iter().all(is_said)
}

/// The verdict is the first finding in words; only others have to be told.
fn head(finding: &Finding, is_first: bool, lines: &mut Lines<'_>) -> fmt::Result {
    lines.begin(0, 2)?;
    let sure = sureness(finding.confidence);
    if is_first {
        lines.sentence(0, Role::Heading, "Why:")?;
        let sure = sure.map(|sure| format!(" ({sure})")).unwrap_or_default();
        lines.sentence(1, Role::Dim, &format!("{}{sure}", finding.id))?;
    } else {
        let also = sure.map_or("Also:".to_owned(), |sure| format!("Also {sure}:"));
        lines.sentence(0, Role::Heading, &also)?;
        lines.sentence(1, Role::Plain, &finding.title)?;
        lines.sentence(1, Role::Dim, &format!("({})", finding.id))?;
    }
    lines.end()
}

/// How a confidence is put into words; nothing for a fact.
fn sureness(confidence: f64) -> Option<&'static str> {
    match confidence {
        sure if sure >= 0.95 => None,
        sure if sure >= 0.7 => Some("very likely"),
        sure if sure >= 0.4 => Some("likely"),
        _ => Some("possible"),
    }
}
