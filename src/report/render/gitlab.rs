//! GitLab's report of code quality: findings beside a merge request's lines.
//!
//! Source: GitLab Docs, "Code Quality", "Implement a custom tool": an array of
//! objects with description, check_name, fingerprint, severity, location.path
//! and location.lines.begin. Of two with one fingerprint only the first is
//! shown.

use std::fmt::{self, Write};

use serde_json::json;

use crate::report::model::{Severity, Triage};
use crate::report::render::json::render;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::triage::place;

pub(super) struct Gitlab;

impl Renderer for Gitlab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn doc(&self) -> &'static str {
        "GitLab's report of code quality"
    }

    fn triage(&self, triage: &Triage, look: &Look, out: &mut dyn Write) -> fmt::Result {
        let findings: Vec<serde_json::Value> = triage
            .buckets
            .iter()
            .map(|bucket| {
                let severity = match bucket.severity {
                    Severity::Info => "info",
                    Severity::Low => "major",
                    Severity::Medium | Severity::High => "critical",
                    Severity::Critical => "blocker",
                };
                let file = &bucket.place;
                let path = file.repository_file.as_ref().or(file.file.as_ref());
                json!({
                    "description": format!("{} ({}, {})", bucket.title, place(bucket), bucket.label),
                    "check_name": bucket.cause,
                    "fingerprint": bucket.id,
                    "severity": severity,
                    "location": {
                        // GitLab refuses a finding without a path.
                        "path": path.map_or("unknown", String::as_str),
                        "lines": { "begin": file.line.unwrap_or(1) },
                    },
                })
            })
            .collect();
        render(&findings, look.layout, out)
    }
}
