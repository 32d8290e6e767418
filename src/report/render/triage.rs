//! A list of bugs for a terminal, and the report of one crash of each.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::report::model::{Bucket, Severity, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::text::{self, TextOptions};
use crate::report::render::theme::Role;

/// Writes the table, then what belongs to each bug.
///
/// # Errors
///
/// Only those of `out`.
pub fn render(triage: &Triage, options: &TextOptions, out: &mut dyn Write) -> fmt::Result {
    let crashes = count(triage.crashes, "crash", "crashes");
    let bugs = count(triage.buckets.len() as u64, "bug", "bugs");
    options.theme.paint(Role::Verdict, &format!("{crashes}, {bugs}"), out)?;
    writeln!(out, " (read {})", count(triage.files, "file", "files"))?;
    table(triage, options, out)?;
    for bucket in &triage.buckets {
        writeln!(out)?;
        details(bucket, options, out)?;
    }
    if triage.failed_count > 0 {
        writeln!(out)?;
        let files = count(triage.failed_count, "file", "files");
        options.theme.paint(Role::Unknown, &format!("not read: {files}"), out)?;
        writeln!(out)?;
        for failed in triage.failed.iter().take(20) {
            writeln!(out, "  {}: {}", escaped(&failed.path), escaped(&failed.why))?;
        }
        let more = triage.failed_count.saturating_sub(20.min(triage.failed.len() as u64));
        if more > 0 {
            writeln!(out, "  and {more} more; --format json names them")?;
        }
    }
    Ok(())
}

fn table(triage: &Triage, options: &TextOptions, out: &mut dyn Write) -> fmt::Result {
    if triage.buckets.is_empty() {
        return Ok(());
    }
    let head = ["BUG", "COUNT", "SEVERITY", "STATE", "LAST SEEN", "WHERE"].map(str::to_owned);
    let mut rows = vec![head];
    for bucket in &triage.buckets {
        rows.push([
            short_label(bucket),
            bucket.count.to_string(),
            severity(bucket.severity).to_owned(),
            state(bucket).to_owned(),
            bucket.last_seen.as_deref().and_then(|at| at.get(..10)).unwrap_or("-").to_owned(),
            place(bucket),
        ]);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    for (at, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            match column {
                // Numbers stand to the right, the last column ends the line.
                1 => line.push_str(&format!("{pad}{cell}  ")),
                5 => line.push_str(cell),
                _ => line.push_str(&format!("{cell}{pad}  ")),
            }
        }
        let role = if at == 0 { Role::Heading } else { Role::Plain };
        options.theme.paint(role, line.trim_end(), out)?;
        writeln!(out)?;
    }
    Ok(())
}

fn details(bucket: &Bucket, options: &TextOptions, out: &mut dyn Write) -> fmt::Result {
    options.theme.paint(Role::Heading, &escaped(&bucket.label), out)?;
    writeln!(out, "  {}", escaped(&bucket.text))?;
    let seen = match (&bucket.first_seen, &bucket.last_seen) {
        (Some(first), Some(last)) if first != last => format!(", from {first} to {last}"),
        (Some(first), _) => format!(", at {first}"),
        _ => String::new(),
    };
    let variants = match bucket.variants {
        0 | 1 => String::new(),
        more => format!(", {more} variants"),
    };
    let hosts = match bucket.hosts {
        0 | 1 => String::new(),
        more => format!(", on {more} hosts"),
    };
    writeln!(out, "  {}{variants}{hosts}{seen}", count(bucket.count, "crash", "crashes"))?;
    let rank = escaped_list(&bucket.rank.because);
    if !rank.is_empty() {
        writeln!(out, "  urgency {}: {rank}", bucket.rank.score)?;
    }
    if let Some(known) = &bucket.known {
        let owner = known.owner.as_deref().map(|owner| format!(", owner {}", escaped(owner)));
        let why = known.why.as_deref().map(|why| format!(": {}", escaped(why)));
        writeln!(
            out,
            "  {}{}{}",
            state(bucket),
            owner.unwrap_or_default(),
            why.unwrap_or_default()
        )?;
    }
    for link in &bucket.merged {
        writeln!(
            out,
            "  with {} (similar {:.2}): {}",
            escaped(&link.label),
            link.score,
            escaped(&link.why)
        )?;
    }
    for link in &bucket.similar {
        writeln!(
            out,
            "  similar to {} ({:.2}): {}",
            escaped(&link.label),
            link.score,
            escaped(&link.why)
        )?;
    }
    if let Some(example) = bucket.examples.first() {
        let more = bucket.count.saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "  example: {}{more}", escaped(example))?;
    }
    if let Some(report) = &bucket.report {
        writeln!(out)?;
        text::render(report, options, out)?;
    }
    Ok(())
}

fn escaped_list(words: &[String]) -> String {
    words.iter().map(|word| escaped(word).into_owned()).collect::<Vec<_>>().join(", ")
}

/// `NULLW-3f9ac2d1`, made safe.
fn short_label(bucket: &Bucket) -> String {
    escaped(if bucket.label.is_empty() { &bucket.id } else { &bucket.label }).into_owned()
}

/// The function, and the file's last part with the line.
pub(super) fn place(bucket: &Bucket) -> String {
    let place = &bucket.place;
    let file = place
        .repository_file
        .as_deref()
        .or_else(|| place.file.as_deref().map(|file| file.rsplit('/').next().unwrap_or(file)));
    let at = match (file, place.line) {
        (Some(file), Some(line)) => format!(" at {file}:{line}"),
        (Some(file), None) => format!(" in {file}"),
        _ => String::new(),
    };
    let function = place.function.as_deref().unwrap_or_else(|| {
        bucket.text.split(" | ").nth(2).filter(|text| !text.is_empty()).unwrap_or("?")
    });
    let function: String = function.chars().take(60).collect();
    escaped(&format!("{function}{at}")).into_owned()
}

/// The word for what the baseline says.
pub(super) fn state(bucket: &Bucket) -> &'static str {
    match &bucket.known {
        Some(known) if known.known => "known",
        Some(known) if known.fixed_in.is_some() => "regression",
        Some(known) if known.expires.is_some() => "expired",
        Some(_) => "new",
        None => "-",
    }
}

/// The word for a severity.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// A number with its noun.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
