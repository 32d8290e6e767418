//! Exceptions of Java, and the files that its machine leaves when it dies.

use super::Reader;
use super::draft::Draft;
use super::frame::{MOST, between, place, signal};
use crate::report::model::{Frame, Report, Severity};

pub(super) struct Java;

impl Reader for Java {
    fn name(&self) -> &'static str {
        "java"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let error = match first.strip_prefix("Exception in thread \"") {
            Some(rest) => rest.split_once("\" ")?.1,
            None => first.strip_prefix("Caused by: ")?,
        };
        let mut frames = Vec::new();
        let mut error = error;
        let mut taken = 1_usize;
        for line in lines.iter().skip(1) {
            let trimmed = line.trim();
            if let Some(call) = trimmed.strip_prefix("at ") {
                if frames.len() < MOST {
                    frames.push(parsed(call));
                }
            } else if let Some(cause) = trimmed.strip_prefix("Caused by: ") {
                // The innermost cause is the bug.
                error = cause;
                frames.clear();
            } else if !(trimmed.starts_with("... ") && trimmed.ends_with(" more")) {
                break;
            }
            taken = taken.saturating_add(1);
        }
        if frames.is_empty() {
            return None;
        }
        let (kind, message) = error.split_once(": ").unwrap_or((error, ""));
        let colon = if message.is_empty() { "" } else { ": " };
        let draft = Draft {
            cause: "java-exception",
            title: kind.to_owned(),
            explanation: format!("uncaught Java exception {kind}{colon}{message}"),
            severity: Severity::Low,
            frames,
            ..Draft::default()
        };
        Some((draft.report(), taken))
    }
}

/// `app//com.acme.Main.run(Main.java:12)`.
fn parsed(call: &str) -> Frame {
    let (name, inner) = call.split_once('(').unwrap_or((call, ""));
    let name = name.rsplit('/').next().unwrap_or(name);
    let mut frame = Frame {
        function: Some(name.to_owned()),
        language: Some("Java".to_owned()),
        ..Frame::default()
    };
    if let Some(file) = inner.strip_suffix(')').filter(|file| file.contains(':')) {
        place(&mut frame, file);
    }
    frame
}

pub(super) struct HotSpot;

impl Reader for HotSpot {
    fn name(&self) -> &'static str {
        "hotspot"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        if !first.starts_with("# A fatal error has been detected by the Java Runtime Environment") {
            return None;
        }
        let signal = lines.iter().take(10).find_map(|line| signal(line));
        let mut frames: Vec<Frame> = Vec::new();
        let mut taken = 1_usize;
        for line in lines.iter().skip(1).take(400) {
            let trimmed = line.trim_start_matches('#').trim();
            if let Some(frame) = native(trimmed)
                && frames.last().is_none_or(|last| last.function != frame.function)
            {
                frames.push(frame);
            } else if frames.len() > 1 && trimmed.is_empty() {
                break;
            }
            taken = taken.saturating_add(1);
        }
        let draft = Draft { signal, frames, ..Draft::default() };
        Some((draft.report(), taken))
    }
}

/// `C  [libx.so+0x123]  func+0x1c`, `j  com.acme.Main.run()V+3`.
fn native(line: &str) -> Option<Frame> {
    let (kind, rest) = line.split_once("  ")?;
    let rest = rest.trim();
    match kind {
        "C" | "V" => {
            let module = between(rest, "[", "+0x")?;
            let name = rest.split_once(']').map(|(_, name)| name.trim()).unwrap_or_default();
            let name = name.rsplit_once("+0x").map_or(name, |(name, _)| name);
            Some(Frame {
                function: (!name.is_empty()).then(|| name.to_owned()),
                module: Some(module.to_owned()),
                ..Frame::default()
            })
        }
        "j" | "J" => {
            let name = rest.split('(').next()?;
            let name = name.rsplit(' ').next().unwrap_or(name);
            Some(Frame {
                function: Some(name.to_owned()),
                language: Some("Java".to_owned()),
                ..Frame::default()
            })
        }
        _ => None,
    }
}
