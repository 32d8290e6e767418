//! Panics of Rust and of Go.

use super::Reader;
use super::draft::Draft;
use super::frame::{MOST, between, place, signal};
use crate::report::model::{Frame, Report, Severity};

pub(super) struct RustPanic;

impl Reader for RustPanic {
    fn name(&self) -> &'static str {
        "rust-panic"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let (_, rest) = first.split_once("thread '")?;
        let (thread, rest) = rest.split_once('\'')?;
        let (_, rest) = rest.split_once("panicked at ")?;
        let mut at = Frame::default();
        let mut taken = 1_usize;
        // Since 1.73 the message has lines of its own.
        let message = match rest.strip_prefix('\'') {
            Some(old) => {
                let (message, file) = old.rsplit_once("', ")?;
                place(&mut at, file);
                message.to_owned()
            }
            None => {
                place(&mut at, rest.trim_end_matches(':'));
                taken = 2;
                lines.get(1).cloned().unwrap_or_default()
            }
        };
        let mut frames: Vec<Frame> = Vec::new();
        let near = lines.iter().skip(taken).take(6).position(|it| it.trim() == "stack backtrace:");
        if let Some(near) = near {
            taken = taken.saturating_add(near).saturating_add(1);
            for line in lines.iter().skip(taken) {
                let trimmed = line.trim();
                let number = trimmed.split_once(':').filter(|it| it.0.parse::<u64>().is_ok());
                if let Some((_, name)) = number
                    && frames.len() < MOST
                {
                    let name = name.trim();
                    let name = match name.strip_prefix("0x").and_then(|it| it.split_once(" - ")) {
                        Some((_, name)) => name,
                        None => name,
                    };
                    frames.push(Frame {
                        function: Some(name.to_owned()),
                        language: Some("Rust".to_owned()),
                        ..Frame::default()
                    });
                } else if let (Some(file), Some(last)) =
                    (trimmed.strip_prefix("at "), frames.last_mut())
                {
                    place(last, file);
                } else {
                    break;
                }
                taken = taken.saturating_add(1);
            }
        }
        if frames.is_empty() {
            at.function = at.file.clone();
            frames.push(at);
        }
        let draft = Draft {
            cause: "rust-panic",
            title: "panic".to_owned(),
            explanation: format!("panic: {message}"),
            severity: Severity::Low,
            frames,
            command: Some(thread.to_owned()),
            ..Draft::default()
        };
        Some((draft.report(), taken))
    }
}

pub(super) struct GoPanic;

impl Reader for GoPanic {
    fn name(&self) -> &'static str {
        "go-panic"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let message = first
            .strip_prefix("panic: ")
            .or_else(|| first.strip_prefix("fatal error: "))
            .or_else(|| first.strip_prefix("SIGQUIT: "))?;
        let is_first = |line: &String| line.starts_with("goroutine ") && line.ends_with(':');
        let start = lines.iter().take(40).position(is_first)?;
        let head = lines.iter().take(start).find_map(|line| signal(line));
        let mut frames: Vec<Frame> = Vec::new();
        let mut taken = start.saturating_add(1);
        for line in lines.iter().skip(start.saturating_add(1)) {
            if line.is_empty() || frames.len() >= MOST {
                break;
            }
            if let Some(file) = line.strip_prefix('\t') {
                let file = file.split(" +0x").next().unwrap_or(file);
                if let Some(last) = frames.last_mut() {
                    place(last, file);
                }
            } else {
                let name = line.strip_prefix("created by ").unwrap_or(line);
                let name = match name.rfind('(').filter(|at| *at > 0) {
                    Some(at) if name.ends_with(')') => name.get(..at).unwrap_or(name),
                    _ => name.split(" in goroutine").next().unwrap_or(name),
                };
                frames.push(Frame {
                    function: Some(name.to_owned()),
                    language: Some("Go".to_owned()),
                    ..Frame::default()
                });
            }
            taken = taken.saturating_add(1);
        }
        let is_nil = head.as_deref() == Some("SIGSEGV") || message.contains("nil pointer");
        let kind = between(message, "[", "]").unwrap_or(message);
        let draft = Draft {
            cause: if is_nil { "null-pointer" } else { "go-panic" },
            title: kind.chars().take(80).collect(),
            explanation: format!("panic: {message}"),
            severity: Severity::Low,
            frames,
            ..Draft::default()
        };
        Some((draft.report(), taken))
    }
}
