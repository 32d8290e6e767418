//! Errors that Node.js prints when nobody catches them.

use super::Reader;
use super::draft::Draft;
use super::frame::{MOST, place};
use crate::report::model::{Frame, Report, Severity};

pub(super) struct Node;

impl Reader for Node {
    fn name(&self) -> &'static str {
        "node"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?.trim_start();
        let first = first.strip_prefix("Uncaught ").unwrap_or(first);
        let (kind, message) = first.split_once(": ").unwrap_or((first, ""));
        let is_error = kind.split(' ').next().is_some_and(|word| word.ends_with("Error"));
        if !is_error || !lines.get(1)?.starts_with("    at ") {
            return None;
        }
        let mut frames = Vec::new();
        for line in lines.iter().skip(1) {
            let Some(call) = line.strip_prefix("    at ") else { break };
            if frames.len() < MOST {
                frames.push(parsed(call));
            }
        }
        let taken = frames.len().saturating_add(1);
        let kind = kind.split(' ').next().unwrap_or(kind);
        let colon = if message.is_empty() { "" } else { ": " };
        let draft = Draft {
            cause: "node-exception",
            title: kind.to_owned(),
            explanation: format!("uncaught JavaScript exception {kind}{colon}{message}"),
            severity: Severity::Low,
            frames,
            ..Draft::default()
        };
        Some((draft.report(), taken))
    }
}

/// `f (/app/a.js:3:5)`, `async f (...)`, `/app/a.js:3:5`, `node:internal/x:1:2`.
fn parsed(call: &str) -> Frame {
    let call = call.strip_prefix("async ").unwrap_or(call);
    let (name, file) = match call.strip_suffix(')').and_then(|call| call.rsplit_once(" (")) {
        Some((name, file)) => (Some(name), file),
        None => (None, call),
    };
    let name = name.map(|name| name.strip_prefix("new ").unwrap_or(name));
    let name = name.map(|name| name.split(" [as ").next().unwrap_or(name));
    let mut frame = Frame { language: Some("JavaScript".to_owned()), ..Frame::default() };
    place(&mut frame, file.strip_prefix("file://").unwrap_or(file));
    let of_file = frame.file.as_deref().map(|file| file.rsplit('/').next().unwrap_or(file));
    frame.function = match name {
        Some(name) => Some(name.to_owned()),
        None => of_file.map(|file| format!("{file}:<anonymous>")),
    };
    frame
}
