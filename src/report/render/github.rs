//! Annotations of GitHub Actions: lines that the runner reads from a job's
//! output.
//!
//! One a bug, the most urgent first; the runner shows ten errors a step, so the
//! tenth line tells how many more there are.
//!
//! Source: GitHub Docs, "Workflow commands for GitHub Actions", and the escaping
//! of `@actions/core`, command.ts: `%`, CR and LF in messages, `:` and `,` in
//! properties, too.

use std::fmt::{self, Write};

use crate::report::model::{Bucket, Severity, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::triage::{count, place, state};

/// Errors of one step that are shown.
const MOST: usize = 10;

pub(super) struct Github;

impl Renderer for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn doc(&self) -> &'static str {
        "annotations of GitHub Actions"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        let total = triage.buckets.len();
        let shown = if total > MOST { MOST - 1 } else { total };
        for bucket in triage.buckets.iter().take(shown) {
            writeln!(out, "{}", annotation(bucket))?;
        }
        if total > shown {
            let more = count((total - shown) as u64, "more bug", "more bugs");
            writeln!(out, "::error title=coretool::{more} in the summary")?;
        }
        Ok(())
    }
}

/// One bug as a line: `::error file=src/a.c,line=42,title=...::message`.
fn annotation(bucket: &Bucket) -> String {
    let is_known = bucket.known.as_ref().is_some_and(|known| known.known);
    let level = match bucket.severity {
        _ if is_known => "notice",
        Severity::Info => "warning",
        _ => "error",
    };
    let mut properties = Vec::new();
    // A file that is not of the repository would be shown nowhere.
    if let Some(file) = &bucket.place.repository_file {
        properties.push(format!("file={}", property(file)));
        if let Some(line) = bucket.place.line {
            properties.push(format!("line={line},endLine={line}"));
            if let Some(column) = bucket.place.column {
                properties.push(format!("col={column}"));
            }
        }
    }
    let title = format!("{} in {}", cause(bucket), place(bucket));
    properties.push(format!("title={}", property(&title)));
    let mut text = bucket.title.clone();
    text.push_str(&format!("\nbug {} ({})", bucket.label, state(bucket)));
    if bucket.count > 1 {
        text.push_str(&format!(", {}", count(bucket.count, "crash", "crashes")));
    }
    if let Some(report) = &bucket.report {
        let frames = report.threads.iter().find(|it| it.crashed).or(report.threads.first());
        for frame in frames.map(|it| it.frames.as_slice()).unwrap_or_default().iter().take(8) {
            let function = frame.function.as_deref().unwrap_or("?");
            let at = frame.file.as_deref().zip(frame.line);
            let at = at.map(|(file, line)| format!(" at {file}:{line}")).unwrap_or_default();
            text.push_str(&format!("\n#{} {function}{at}", frame.index));
        }
    }
    let lines: Vec<String> = text.lines().map(|line| escaped(line).into_owned()).collect();
    format!("::{level} {}::{}", properties.join(","), message(&lines.join("\n")))
}

fn cause(bucket: &Bucket) -> &str {
    let cause = if bucket.cause.is_empty() { "crash" } else { &bucket.cause };
    cause.split('\n').next().unwrap_or(cause)
}

/// A message as the runner reads it.
pub fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property as the runner reads it.
pub fn property(text: &str) -> String {
    message(&escaped(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Place;

    fn bucket() -> Bucket {
        Bucket {
            label: "NULLW-3f9ac2d1".to_owned(),
            cause: "null-pointer.write".to_owned(),
            title: "write of 4 bytes, 100% sure\n::error::forged".to_owned(),
            severity: Severity::Low,
            count: 3,
            place: Place {
                function: Some("node_set".to_owned()),
                file: Some("/build/src/a,b:c.c".to_owned()),
                line: Some(42),
                column: Some(7),
                repository_file: Some("src/a,b:c.c".to_owned()),
            },
            ..Bucket::default()
        }
    }

    #[test]
    fn one_bug_is_one_line_that_forges_no_other() {
        assert_eq!(
            annotation(&bucket()),
            "::error file=src/a%2Cb%3Ac.c,line=42,endLine=42,col=7,title=null-pointer.write in \
             node_set at src/a%2Cb%3Ac.c%3A42::write of 4 bytes, 100%25 sure%0A::error::forged%0A\
             bug NULLW-3f9ac2d1 (-), 3 crashes"
        );
    }

    #[test]
    fn what_is_too_much_is_told() {
        let triage = Triage { buckets: vec![bucket(); 12], ..Triage::default() };
        let mut out = String::new();
        let look = Look::default();
        Github.triage(&triage, &look, &mut out).unwrap();
        assert_eq!(out.lines().count(), 10);
        assert!(out.ends_with("::error title=coretool::3 more bugs in the summary\n"));
    }
}
