//! Tracebacks of Python, and its faulthandler.

use super::Reader;
use super::draft::Draft;
use super::frame::{MOST, between};
use crate::report::model::{Frame, Report, Severity};

pub(super) struct Python;

impl Reader for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let indent = first.find("Traceback (most recent call last):")?;
        let (frames, taken) = frames(lines.get(1..)?, indent);
        let error = lines.get(taken.saturating_add(1))?.trim();
        if frames.is_empty() || error.is_empty() {
            return None;
        }
        let (kind, message) = error.split_once(": ").unwrap_or((error, ""));
        let explanation = match message.is_empty() {
            true => format!("uncaught Python exception {kind}"),
            false => format!("uncaught Python exception {kind}: {message}"),
        };
        // The innermost call comes last.
        let frames = frames.into_iter().rev().collect();
        let draft = Draft {
            cause: "python-exception",
            title: kind.to_owned(),
            explanation,
            severity: Severity::Low,
            frames,
            ..Draft::default()
        };
        Some((draft.report(), taken.saturating_add(2)))
    }
}

pub(super) struct Fatal;

impl Reader for Fatal {
    fn name(&self) -> &'static str {
        "python-fatal"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let message = lines.first()?.strip_prefix("Fatal Python error: ")?;
        let is_stack = |line: &String| line.ends_with("(most recent call first):");
        let start = lines.iter().take(200).position(is_stack)?;
        let (frames, taken) = frames(lines.get(start.saturating_add(1)..)?, 0);
        let signal = match message {
            it if it.starts_with("Segmentation fault") => Some("SIGSEGV"),
            it if it.starts_with("Aborted") => Some("SIGABRT"),
            it if it.starts_with("Floating point") => Some("SIGFPE"),
            it if it.starts_with("Bus error") => Some("SIGBUS"),
            it if it.starts_with("Illegal instruction") => Some("SIGILL"),
            _ => None,
        };
        let draft = Draft {
            cause: if signal.is_some() { "" } else { "python-fatal" },
            title: message.to_owned(),
            explanation: format!("fatal Python error: {message}"),
            severity: Severity::Low,
            signal: signal.map(str::to_owned),
            frames,
            ..Draft::default()
        };
        Some((draft.report(), start.saturating_add(taken).saturating_add(1)))
    }
}

/// `  File "a.py", line 3, in f`, each perhaps with its source and marks below.
fn frames(lines: &[String], indent: usize) -> (Vec<Frame>, usize) {
    let mut frames = Vec::new();
    let mut taken = 0_usize;
    for line in lines {
        let depth = line.len().saturating_sub(line.trim_start().len());
        if depth <= indent || frames.len() >= MOST {
            break;
        }
        if let Some(frame) = parsed(line.trim()) {
            frames.push(frame);
        }
        taken = taken.saturating_add(1);
    }
    (frames, taken)
}

fn parsed(line: &str) -> Option<Frame> {
    let rest = line.strip_prefix("File ")?;
    let file = between(rest, "\"", "\"")?;
    let (_, rest) = rest.split_once("\", line ")?;
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest.get(..end)?.parse().ok()?;
    let name = rest.split_once(" in ").map_or("<module>", |(_, name)| name.trim());
    let module = file.rsplit('/').next().unwrap_or(file);
    let module = module.strip_suffix(".py").unwrap_or(module);
    Some(Frame {
        function: Some(format!("{module}:{name}")),
        language: Some("Python".to_owned()),
        file: Some(file.to_owned()),
        line: Some(number),
        ..Frame::default()
    })
}
