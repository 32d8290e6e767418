//! All forms in which reports and lists of bugs are written: the table
//! [`RENDERERS`]. One more is one more file and one more line.

use std::fmt::{self, Write};

use crate::report::model::{Bucket, Place, Report, TRIAGE_SCHEMA, Triage};
use crate::report::render::json::Layout;
use crate::report::render::text::TextOptions;

use super::{
    azure, csv, github, gitlab, html, json, junit, markdown, sarif, teamcity, text, triage,
};

/// How something is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Of text for people.
    pub text: TextOptions,
    /// Of JSON.
    pub layout: Layout,
}

/// One form.
pub trait Renderer: Sync {
    /// The word by which it is chosen: `sarif`.
    fn name(&self) -> &'static str;
    /// What it is for, in a few words.
    fn doc(&self) -> &'static str;
    /// Writes a list of bugs.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    fn triage(&self, triage: &Triage, look: &Look, out: &mut dyn Write) -> fmt::Result;
    /// Writes one report; as a list of one bug, where nothing else is said.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    fn report(&self, report: &Report, look: &Look, out: &mut dyn Write) -> fmt::Result {
        self.triage(&alone(report), look, out)
    }
}

/// Every form.
pub const RENDERERS: &[&dyn Renderer] = &[
    &Text,
    &Json,
    &markdown::Markdown,
    &html::Html,
    &sarif::Sarif,
    &junit::Junit,
    &github::Github,
    &gitlab::Gitlab,
    &csv::Csv,
    &teamcity::Teamcity,
    &azure::Azure,
];

/// The form of this name.
pub fn renderer(name: &str) -> Option<&'static dyn Renderer> {
    RENDERERS.iter().copied().find(|renderer| renderer.name() == name)
}

/// One report as a list of one bug.
pub fn alone(report: &Report) -> Triage {
    let signature = report.signature.clone().unwrap_or_default();
    let finding = report.findings.first();
    let bucket = Bucket {
        id: signature.key,
        label: signature.label,
        text: signature.text,
        cause: finding.map(|finding| finding.id.clone()).unwrap_or_default(),
        title: report.verdict.clone(),
        severity: finding.map(|finding| finding.severity).unwrap_or_default(),
        evidence: finding.map(|finding| finding.evidence.clone()).unwrap_or_default(),
        place: place(report),
        count: 1,
        variants: 1,
        examples: report.source.path.iter().cloned().collect(),
        report: Some(Box::new(report.clone())),
        ..Bucket::default()
    };
    Triage {
        schema: TRIAGE_SCHEMA.to_owned(),
        tool: report.tool.clone(),
        files: 1,
        crashes: 1,
        buckets: vec![bucket],
        ..Triage::default()
    }
}

/// Where it happened: the first finding's place, with the frame's column.
fn place(report: &Report) -> Place {
    let location = report.findings.first().and_then(|finding| finding.location.as_ref());
    let frames = report.threads.iter().find(|it| it.crashed).or(report.threads.first());
    let frames = frames.map(|thread| thread.frames.as_slice()).unwrap_or_default();
    match location {
        Some(location) => {
            let frame = frames.iter().find(|frame| {
                frame.line == location.line && frame.file == location.file && frame.line.is_some()
            });
            Place {
                function: location.function.clone(),
                file: location.file.clone(),
                line: location.line,
                column: frame.and_then(|frame| frame.column),
                repository_file: None,
            }
        }
        None => {
            let frame = frames.iter().find(|frame| frame.line.is_some()).or(frames.first());
            frame.map(of_frame).unwrap_or_default()
        }
    }
}

fn of_frame(frame: &crate::report::model::Frame) -> Place {
    Place {
        function: frame.function.clone(),
        file: frame.file.clone(),
        line: frame.line,
        column: frame.column,
        repository_file: None,
    }
}

struct Text;

impl Renderer for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn doc(&self) -> &'static str {
        "for people"
    }

    fn triage(&self, triage: &Triage, look: &Look, out: &mut dyn Write) -> fmt::Result {
        self::triage::render(triage, &look.text, out)
    }

    fn report(&self, report: &Report, look: &Look, out: &mut dyn Write) -> fmt::Result {
        text::render(report, &look.text, out)
    }
}

struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn doc(&self) -> &'static str {
        "for programs"
    }

    fn triage(&self, triage: &Triage, look: &Look, out: &mut dyn Write) -> fmt::Result {
        json::render(triage, look.layout, out)
    }

    fn report(&self, report: &Report, look: &Look, out: &mut dyn Write) -> fmt::Result {
        json::render(report, look.layout, out)
    }
}
