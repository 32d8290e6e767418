//! Reports of AddressSanitizer, LeakSanitizer, MemorySanitizer,
//! ThreadSanitizer and UndefinedBehaviorSanitizer.

use super::Reader;
use super::draft::Draft;
use super::frame::{MOST, address, numbered, place};
use crate::report::model::{Frame, Hex, Report, Severity};

/// The kinds of AddressSanitizer, as causes; others are `sanitizer`.
const KINDS: &[(&str, &str, Severity)] = &[
    ("heap-use-after-free", "use-after-free", Severity::High),
    ("stack-use-after-return", "use-after-return", Severity::High),
    ("stack-use-after-scope", "use-after-scope", Severity::High),
    ("heap-buffer-overflow", "heap-buffer-overflow", Severity::High),
    ("stack-buffer-overflow", "stack-buffer-overflow", Severity::High),
    ("stack-buffer-underflow", "stack-buffer-overflow", Severity::High),
    ("global-buffer-overflow", "global-buffer-overflow", Severity::High),
    ("dynamic-stack-buffer-overflow", "stack-buffer-overflow", Severity::High),
    ("container-overflow", "container-overflow", Severity::High),
    ("attempting double-free", "double-free", Severity::High),
    ("attempting free on address", "heap-invalid-free", Severity::High),
    ("alloc-dealloc-mismatch", "heap-alloc-dealloc-mismatch", Severity::Medium),
    ("stack-overflow", "stack-overflow", Severity::Low),
    ("FPE", "divide-by-zero", Severity::Low),
    ("ILL", "illegal-instruction", Severity::Low),
    ("BUS", "truncated-file", Severity::Low),
    ("ABRT", "abort", Severity::Low),
    ("SEGV on unknown address 0x000000000", "null-pointer", Severity::Low),
    ("SEGV", "wild-pointer", Severity::Medium),
    ("use-of-uninitialized-value", "uninitialized-value", Severity::Medium),
    ("data race", "data-race", Severity::Medium),
    ("lock-order-inversion", "deadlock", Severity::Low),
    ("heap-use-after-free (race", "use-after-free", Severity::High),
    ("detected memory leaks", "memory-leak", Severity::Info),
];

pub(super) struct Sanitizer;

impl Reader for Sanitizer {
    fn name(&self) -> &'static str {
        "sanitizer"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let (head, tail) = first.split_once("Sanitizer: ")?;
        let is_head = head.contains("ERROR: ") || head.contains("WARNING: ");
        if !is_head || tail.is_empty() {
            return None;
        }
        let known = KINDS.iter().find(|(begin, _, _)| tail.starts_with(begin));
        let (cause, severity) = known.map_or(("sanitizer", Severity::Medium), |it| (it.1, it.2));
        let kind = tail.split([' ', ':']).next().unwrap_or(tail).to_owned();
        let pid = head.split("==").nth(1).and_then(|word| word.parse().ok());
        let mut access = String::new();
        let mut frames = Vec::new();
        let mut taken = 1_usize;
        for line in lines.iter().skip(1) {
            let trimmed = line.trim();
            if first.contains("==") && line.contains("==ABORTING")
                || trimmed.starts_with("SUMMARY: ")
            {
                taken = taken.saturating_add(1);
                break;
            }
            if line.contains("ERROR: ") && line.contains("Sanitizer: ") {
                break;
            }
            // Only the first stack is where it happened; the others tell where
            // memory came from, and are passed over.
            match numbered(line) {
                Some((number, rest)) if number == frames.len() as u64 && frames.len() < MOST => {
                    frames.push(parsed(rest));
                }
                None if frames.is_empty() && access.is_empty() => {
                    access = accessed(trimmed, tail).unwrap_or_default();
                }
                None if trimmed.is_empty() && !frames.is_empty() => {
                    frames.truncate(MOST);
                    // A second stack starts at #0 again, and does not fit.
                }
                _ => (),
            }
            taken = taken.saturating_add(1);
        }
        let explanation = match access.is_empty() {
            true => tail.split(" on address").next().unwrap_or(tail).trim().to_owned(),
            false => format!("{access}: {kind}"),
        };
        let draft = Draft {
            cause,
            title: kind,
            explanation,
            severity,
            frames,
            pid,
            signal: None,
            command: None,
        };
        Some((draft.report(), taken))
    }
}

/// `READ of size 4 at 0x... thread T0`, or of SEGV: `The signal is caused by a
/// WRITE memory access.`
fn accessed(line: &str, tail: &str) -> Option<String> {
    let is_write = line.contains("WRITE") || line.starts_with("Write of size");
    let is_read = line.contains("READ") || line.starts_with("Read of size");
    let verb = match (is_write, is_read) {
        (true, _) => "write",
        (_, true) => "read",
        _ => return None,
    };
    let size = line.split_once("of size ").map(|(_, rest)| rest);
    let size =
        size.and_then(|rest| rest.split(' ').next()).filter(|size| size.parse::<u64>().is_ok());
    let at = tail.split_once("address ").and_then(|(_, rest)| address(rest)).map(|(at, _)| at);
    let at = at.map(|Hex(at)| format!(" at {at:#x}")).unwrap_or_default();
    Some(match size {
        Some(size) => format!("{verb} of {size} bytes{at}"),
        None => format!("{verb} of memory{at}"),
    })
}

/// `0x4f in f(int) /src/a.c:3:5`, `0x4f in f (/bin/app+0x12)`, and without the
/// address, as ThreadSanitizer writes: `f a.c:3 (app+0x12)`.
fn parsed(text: &str) -> Frame {
    let mut frame = Frame::default();
    let mut rest = text;
    if let Some((pc, after)) = address(text) {
        frame.pc = pc;
        rest = after.trim_start();
        rest = rest.strip_prefix("in ").unwrap_or(rest);
    }
    if let Some((before, inner)) = rest.rsplit_once('(')
        && let Some((module, offset)) = inner.split_once("+0x")
    {
        frame.module = Some(module.to_owned());
        let digits =
            offset.split(|char: char| !char.is_ascii_hexdigit()).next().unwrap_or_default();
        frame.offset = u64::from_str_radix(digits, 16).ok().map(Hex);
        rest = before.trim_end();
    } else if rest.ends_with(')') && rest.contains(" (BuildId:") {
        rest = rest.rsplit_once(" (BuildId:").map_or(rest, |(before, _)| before);
    }
    // The file is the last word that looks like one.
    let (name, file) = match rest.rsplit_once(' ') {
        Some((name, file)) if file.contains('/') || file.contains(':') && !file.contains("::") => {
            (name, Some(file))
        }
        _ => (rest, None),
    };
    if !name.is_empty() && name != "<null>" {
        frame.function = Some(name.trim().to_owned());
    }
    if let Some(file) = file {
        place(&mut frame, file);
    }
    frame
}

pub(super) struct Undefined;

impl Reader for Undefined {
    fn name(&self) -> &'static str {
        "undefined-behavior"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let (head, message) = first.split_once(": runtime error: ")?;
        let mut at = Frame::default();
        place(&mut at, head.trim());
        at.line?;
        let mut frames: Vec<Frame> = Vec::new();
        for line in lines.iter().skip(1) {
            match numbered(line) {
                Some((number, rest)) if number == frames.len() as u64 && frames.len() < MOST => {
                    frames.push(parsed(rest));
                }
                _ => break,
            }
        }
        let taken = frames.len().saturating_add(1);
        if frames.is_empty() {
            // Without a stack the place is all that names it.
            at.function = at.file.as_deref().map(|file| file_name(file).to_owned());
            frames.push(at);
        }
        let kind = kind(message);
        let draft = Draft {
            cause: "undefined-behavior",
            title: kind,
            explanation: message.to_owned(),
            severity: Severity::Medium,
            frames,
            ..Draft::default()
        };
        Some((draft.report(), taken))
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The words of a message before its values: `signed integer overflow`.
fn kind(message: &str) -> String {
    let head = message.split(':').next().unwrap_or(message);
    let words = head.split_whitespace().take_while(|word| {
        !word.starts_with(|char: char| char.is_ascii_digit() || char == '-' || char == '\'')
    });
    words.take(8).collect::<Vec<_>>().join(" ")
}
