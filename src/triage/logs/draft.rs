//! A report in the making, from what a text tells.

use crate::report::model::{
    Finding, Frame, Location, ProcessInfo, Report, SCHEMA, Severity, Signal, Source, SourceKind,
    Thread, Tool,
};

/// What a reader has found.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// `SIGSEGV`, where a signal is named.
    pub(super) signal: Option<String>,
    /// The stable id of the cause. Empty: the signal is all that is known.
    pub(super) cause: &'static str,
    /// A few words: the sanitizer's kind, the exception's type.
    pub(super) title: String,
    /// What happened, in a sentence fragment.
    pub(super) explanation: String,
    pub(super) severity: Severity,
    pub(super) frames: Vec<Frame>,
    pub(super) pid: Option<u32>,
    pub(super) command: Option<String>,
}

impl Draft {
    /// The report.
    pub(super) fn report(self) -> Report {
        let frames: Vec<Frame> = self
            .frames
            .into_iter()
            .enumerate()
            .map(|(index, frame)| Frame { index: index as u64, ..frame })
            .collect();
        let place = frames.iter().find(|frame| frame.line.is_some());
        let place = place.or(frames.first());
        let shown = place.map(|frame| {
            let function = frame.function.as_deref().unwrap_or("?");
            match (&frame.file, frame.line) {
                (Some(file), Some(line)) => format!(" in {function} at {file}:{line}"),
                _ => format!(" in {function}"),
            }
        });
        let what = match (self.explanation.is_empty(), &self.signal) {
            (false, _) => self.explanation.clone(),
            (true, Some(signal)) => signal.clone(),
            (true, None) => "crash".to_owned(),
        };
        let verdict = format!("{what}{}", shown.unwrap_or_default());
        let finding = (!self.cause.is_empty()).then(|| Finding {
            id: self.cause.to_owned(),
            confidence: 0.95,
            title: self.title.clone(),
            explanation: self.explanation.clone(),
            evidence: vec!["a text says so".to_owned()],
            location: place.map(|frame| Location {
                function: frame.function.clone(),
                file: frame.file.clone(),
                line: frame.line,
            }),
            severity: self.severity,
            ..Finding::default()
        });
        Report {
            schema: SCHEMA.to_owned(),
            tool: Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            source: Source { kind: SourceKind::TextLog, ..Source::default() },
            process: ProcessInfo { pid: self.pid, command: self.command, ..ProcessInfo::default() },
            signal: self.signal.map(|name| Signal { name, ..Signal::default() }),
            verdict,
            findings: finding.into_iter().collect(),
            threads: vec![Thread {
                tid: self.pid.unwrap_or(0),
                crashed: true,
                frames,
                ..Thread::default()
            }],
            ..Report::default()
        }
    }
}
