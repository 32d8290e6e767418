//! Logging commands of Azure Pipelines: an issue a bug.
//!
//! Source: Microsoft Learn, "Logging commands", `task.logissue`, and the
//! escaping of azure-pipelines-task-lib: `%` as `%AZP25`, CR, LF, and in
//! properties `]` and `;`.

use std::fmt::{self, Write};

use crate::report::model::{Severity, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::triage::place;

pub(super) struct Azure;

impl Renderer for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn doc(&self) -> &'static str {
        "issues of Azure Pipelines"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        for bucket in &triage.buckets {
            let level = if bucket.severity == Severity::Info { "warning" } else { "error" };
            let mut properties = format!("type={level};");
            if let Some(file) = &bucket.place.repository_file {
                properties.push_str(&format!("sourcepath={};", property(file)));
                if let Some(line) = bucket.place.line {
                    properties.push_str(&format!("linenumber={line};"));
                }
                if let Some(column) = bucket.place.column {
                    properties.push_str(&format!("columnnumber={column};"));
                }
            }
            let what = format!("{} in {} ({})", bucket.title, place(bucket), bucket.label);
            writeln!(out, "##vso[task.logissue {properties}]{}", message(&what))?;
        }
        Ok(())
    }
}

fn message(text: &str) -> String {
    escaped(text).replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(']', "%5D").replace(';', "%3B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_end_no_command() {
        assert_eq!(property("a;b]c%d"), "a%3Bb%5Dc%AZP25d");
    }
}
