//! A list of bugs as comma-separated values, one bug a line, for spreadsheets.
//!
//! Source: RFC 4180, with line feeds alone. A cell that a spreadsheet would
//! take for a formula gets an apostrophe before it.

use std::fmt::{self, Write};

use crate::report::model::Triage;
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::triage::{severity, state};

pub(super) struct Csv;

const HEAD: &str = "id,label,cause,severity,state,count,variants,hosts,first_seen,last_seen,\
                    function,file,line,urgency,title,example";

impl Renderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn doc(&self) -> &'static str {
        "one bug a line, for spreadsheets"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{HEAD}")?;
        for bucket in &triage.buckets {
            let place = &bucket.place;
            let file = place.repository_file.as_ref().or(place.file.as_ref());
            let text = |text: Option<&String>| text.cloned().unwrap_or_default();
            let cells = [
                bucket.id.clone(),
                bucket.label.clone(),
                bucket.cause.clone(),
                severity(bucket.severity).to_owned(),
                state(bucket).to_owned(),
                bucket.count.to_string(),
                bucket.variants.to_string(),
                bucket.hosts.to_string(),
                text(bucket.first_seen.as_ref()),
                text(bucket.last_seen.as_ref()),
                text(place.function.as_ref()),
                text(file),
                place.line.map(|line| line.to_string()).unwrap_or_default(),
                bucket.rank.score.to_string(),
                bucket.title.clone(),
                text(bucket.examples.first()),
            ];
            let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
        Ok(())
    }
}

fn quoted(cell: &str) -> String {
    let cell = escaped(cell);
    let is_formula = cell.starts_with(['=', '+', '-', '@']);
    let cell = if is_formula { format!("'{cell}") } else { cell.into_owned() };
    match cell.contains([',', '"', '\n']) || is_formula {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}
