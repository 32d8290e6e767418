//! A list of bugs, with their course over time, and a report of each.

use std::fmt::{self, Write};

use super::{report, text};
use crate::report::model::{Bucket, Triage};
use crate::report::render::triage::{count, place, severity, state};

/// Bugs whose reports are in the page.
const MOST_REPORTS: usize = 200;

/// The page's title.
pub(super) fn title(triage: &Triage) -> String {
    format!(
        "{}, {}",
        count(triage.crashes, "crash", "crashes"),
        count(triage.buckets.len() as u64, "bug", "bugs")
    )
}

/// The body of a page about many crashes.
pub(super) fn page(triage: &Triage, out: &mut String) -> fmt::Result {
    writeln!(out, "<h1>{}</h1>", text(&title(triage)))?;
    writeln!(
        out,
        "<div class=\"tools\" data-for=\"bugs\" hidden><input type=\"search\" \
         placeholder=\"filter bugs\" aria-label=\"filter bugs\"></div>\n\
         <div class=\"wide\"><table id=\"bugs\"><tr><th>bug</th><th>where</th><th>count</th>\
         <th>severity</th><th>state</th><th>last seen</th><th>over time</th></tr>"
    )?;
    for bucket in &triage.buckets {
        let searched = format!("{} {} {}", bucket.label, bucket.text, place(bucket));
        writeln!(
            out,
            "<tr data-text=\"{}\"><td class=\"mono\"><a href=\"#b{}\">{}</a></td><td>{}</td>\
             <td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            text(&searched),
            text(&bucket.id),
            text(&bucket.label),
            text(&place(bucket)),
            bucket.count,
            severity(bucket.severity),
            state(bucket),
            text(bucket.last_seen.as_deref().and_then(|at| at.get(..10)).unwrap_or("-")),
            sparkline(&bucket.over_time)
        )?;
    }
    writeln!(out, "</table></div>")?;
    for (number, bucket) in triage.buckets.iter().enumerate().take(MOST_REPORTS) {
        details(number, bucket, out)?;
    }
    if triage.failed_count > 0 {
        writeln!(out, "<h2>Not read</h2>\n<ul class=\"mono\">")?;
        for failed in triage.failed.iter().take(100) {
            writeln!(out, "<li>{}: {}</li>", text(&failed.path), text(&failed.why))?;
        }
        writeln!(out, "</ul>")?;
    }
    Ok(())
}

fn details(number: usize, bucket: &Bucket, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<details id=\"b{}\"><summary><b class=\"mono\">{}</b> {}</summary><div>",
        text(&bucket.id),
        text(&bucket.label),
        text(&bucket.title)
    )?;
    writeln!(out, "<p class=\"mono dim\">{}</p>\n<ul>", text(&bucket.text))?;
    writeln!(
        out,
        "<li>{}, urgency {} ({})</li>",
        count(bucket.count, "crash", "crashes"),
        bucket.rank.score,
        text(&bucket.rank.because.join(", "))
    )?;
    for link in bucket.merged.iter() {
        writeln!(out, "<li>with {}: {}</li>", text(&link.label), text(&link.why))?;
    }
    for link in bucket.similar.iter() {
        writeln!(out, "<li>similar to {}: {}</li>", text(&link.label), text(&link.why))?;
    }
    for example in bucket.examples.iter().take(5) {
        writeln!(out, "<li class=\"mono\">{}</li>", text(example))?;
    }
    writeln!(out, "</ul>")?;
    if let Some(report) = &bucket.report {
        report::sections(report, &format!("r{number}"), out)?;
    }
    writeln!(out, "</div></details>")
}

/// Counts over time as small bars.
fn sparkline(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    if counts.is_empty() {
        return String::new();
    }
    let width = counts.len() * 4;
    let mut svg = format!("<svg viewBox=\"0 0 {width} 20\" width=\"{width}\" height=\"20\">");
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (*count as f64 / most as f64 * 19.0).max(1.0);
        // Writing to a string cannot fail.
        let _written = write!(
            svg,
            "<rect x=\"{}\" y=\"{:.1}\" width=\"3\" height=\"{height:.1}\" fill=\"#4a90e2\"/>",
            at * 4,
            20.0 - height
        );
    }
    svg.push_str("</svg>");
    svg
}
