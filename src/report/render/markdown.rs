//! Markdown: for a job's summary, a merge request, a bug report.
//!
//! Names and messages stand in code spans and fences, where Markdown and HTML
//! mean nothing.

use std::fmt::{self, Write};

use crate::report::model::{Bucket, Report, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::text::{self, TextOptions};
use crate::report::render::triage::{count, place, severity, state};

/// GitHub drops a step's summary that is larger than 1,024 KiB; this leaves
/// room for what other tools write.
const BUDGET: usize = 900 << 10;

pub(super) struct Markdown;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn doc(&self) -> &'static str {
        "for job summaries and bug reports"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        let mut page = format!(
            "## {}, {}\n\n",
            count(triage.crashes, "crash", "crashes"),
            count(triage.buckets.len() as u64, "bug", "bugs")
        );
        page.push_str(
            "| bug | cause | where | count | severity | state |\n|---|---|---|--:|---|---|\n",
        );
        for (at, bucket) in triage.buckets.iter().enumerate() {
            let row = format!(
                "| {} | {} | {} | {} | {} | {} |\n",
                cell(&bucket.label),
                cell(&bucket.cause),
                cell(&place(bucket)),
                bucket.count,
                severity(bucket.severity),
                state(bucket)
            );
            // Half of the room is for the table.
            if page.len() + row.len() > BUDGET / 2 {
                let more = triage.buckets.len() - at;
                page.push_str(&format!("\n{more} more bugs are left out here.\n"));
                break;
            }
            page.push_str(&row);
        }
        let mut left_out = 0_u64;
        for bucket in &triage.buckets {
            let details = details(bucket);
            if page.len() + details.len() > BUDGET {
                left_out += 1;
                continue;
            }
            page.push_str(&details);
        }
        if left_out > 0 {
            page.push_str(&format!("\nThe reports of {left_out} bugs are left out here.\n"));
        }
        out.write_str(&page)
    }

    fn report(&self, report: &Report, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "## {}\n", span(&report.verdict))?;
        if let Some(signature) = &report.signature {
            writeln!(out, "Bug {}: {}\n", span(&signature.label), span(&signature.text))?;
        }
        out.write_str(&fence(&plain(report)))
    }
}

fn details(bucket: &Bucket) -> String {
    let mut page = format!(
        "\n<details><summary>{} {}</summary>\n\n{}\n\n",
        html(&bucket.label),
        html(&place(bucket)),
        span(&bucket.text)
    );
    for link in &bucket.merged {
        page.push_str(&format!("- with {}: {}\n", span(&link.label), span(&link.why)));
    }
    for link in &bucket.similar {
        page.push_str(&format!(
            "- similar to {} ({:.2}): {}\n",
            span(&link.label),
            link.score,
            span(&link.why)
        ));
    }
    if let Some(known) = bucket.known.as_ref().and_then(|known| known.why.as_ref()) {
        page.push_str(&format!("- {}\n", span(known)));
    }
    if let Some(example) = bucket.examples.first() {
        page.push_str(&format!("- example: {}\n", span(example)));
    }
    if let Some(report) = &bucket.report {
        page.push('\n');
        page.push_str(&fence(&plain(report)));
    }
    page.push_str("\n</details>\n");
    page
}

/// The report as text, at most some hundred lines: the rest is in the artifact.
fn plain(report: &Report) -> String {
    const MOST: usize = 300;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _written = text::render(report, &TextOptions::default(), &mut text);
    let total = text.lines().count();
    if total <= MOST {
        return text;
    }
    let mut cut: String = text.lines().take(MOST).map(|line| format!("{line}\n")).collect();
    cut.push_str(&format!("... and {} more lines\n", total - MOST));
    cut
}

/// Text between fences that are longer than any in it.
fn fence(text: &str) -> String {
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{text}{newline}{fence}\n")
}

/// Text in a code span.
fn span(text: &str) -> String {
    let text = escaped(text);
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    match text.is_empty() {
        true => String::new(),
        // Spaces keep a backquote at the edge from joining the ticks.
        false if longest > 0 => format!("{ticks} {text} {ticks}"),
        false => format!("{ticks}{text}{ticks}"),
    }
}

/// A code span in a table, whose bars would end the cell.
fn cell(text: &str) -> String {
    span(text).replace('|', "\\|")
}

fn html(text: &str) -> String {
    let text = escaped(text).replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;").replace('`', "&#96;").replace('*', "&#42;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(span("a`b``c"), "``` a`b``c ```");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(fence("x\n````\n"), "`````text\nx\n````\n`````\n");
        assert_eq!(html("<script>"), "&lt;script&gt;");
    }

    #[test]
    fn a_summary_keeps_within_its_budget_and_says_so() {
        let report = Report { verdict: "x".repeat(4000), ..Report::default() };
        let bucket = Bucket {
            label: "L".to_owned(),
            text: "y".repeat(4000),
            report: Some(Box::new(report)),
            ..Bucket::default()
        };
        let triage = Triage { buckets: vec![bucket; 500], ..Triage::default() };
        let mut out = String::new();
        Markdown.triage(&triage, &Look::default(), &mut out).unwrap();
        assert!(out.len() <= BUDGET + 200, "{}", out.len());
        assert!(out.contains("are left out here"));
        assert_eq!(out.matches("\n| `L`").count(), 500, "the table is whole");
    }
}
