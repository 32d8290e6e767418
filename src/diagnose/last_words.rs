//! What a program or a library of it said before the end, found in memory: on
//! the crashed thread's stack, or in memory without a file.

use crate::base::addr::{RunAddr, RunRange};
use crate::base::memory::Memory;
use crate::diagnose::crash::Crash;

/// Bytes of the stack that are searched above the stack pointer.
const ABOVE: u64 = 256 << 10;

/// And below it: buffers of functions that have returned.
const BELOW: u64 = 32 << 10;

/// Bytes of other memory that are searched.
const MOST_MEMORY: u64 = 64 << 20;

/// Mappings larger than this are shadows and arenas, not buffers.
const LARGEST_MAPPING: u64 = 64 << 20;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// Bytes of a line before and behind what was looked for.
const BEFORE: usize = 400;
const BEHIND: usize = 2000;

/// A line that was found in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The line. Not escaped.
    pub line: String,
    /// The line behind it, where it is text, too.
    pub next: Option<String>,
    /// Where it begins.
    pub at: RunAddr,
}

/// The first line on the crashed thread's stack that has one of these parts.
pub fn on_stack(crash: &Crash<'_, '_>, parts: &[&str]) -> Option<Words> {
    let sp = crash.registers()?.sp()?;
    let mapping = crash.process.mapping(sp)?.range;
    let below = RunAddr(mapping.start.0.max(sp.0.saturating_sub(BELOW)));
    let above = RunAddr(mapping.end.0.min(sp.0.saturating_add(ABOVE)));
    // What is above the stack pointer is still in use.
    let live = search(crash.memory, RunRange { start: sp, end: above }, parts);
    live.or_else(|| search(crash.memory, RunRange { start: below, end: sp }, parts))
}

/// The first line in writable memory that has one of these parts. Files are
/// not searched: they hold the formats.
pub fn in_memory(crash: &Crash<'_, '_>, parts: &[&str]) -> Option<Words> {
    let mut left = MOST_MEMORY;
    for mapping in &crash.process.mappings {
        let size = mapping.dumped.min(mapping.range.len());
        let is_plain = mapping.permissions.write && !mapping.permissions.execute;
        if !is_plain || size == 0 || mapping.range.len() > LARGEST_MAPPING {
            continue;
        }
        let size = size.min(left);
        left = left.saturating_sub(size);
        let end = RunAddr(mapping.range.start.0.saturating_add(size));
        let found = search(crash.memory, RunRange { start: mapping.range.start, end }, parts);
        if found.is_some() || left == 0 {
            return found;
        }
    }
    None
}

fn search(memory: &dyn Memory, range: RunRange, parts: &[&str]) -> Option<Words> {
    let mut at = range.start;
    let mut bytes = vec![0; PIECE.min(usize::try_from(range.len()).ok()?)];
    while at < range.end {
        let want = usize::try_from(range.end.0.saturating_sub(at.0)).ok()?.min(bytes.len());
        let got = memory.read(at, bytes.get_mut(..want)?);
        let piece = bytes.get(..got)?;
        let first = parts.iter().filter_map(|part| position(piece, part.as_bytes())).min();
        if let Some(found) = first
            && let Some(words) = words(memory, RunAddr(at.0.saturating_add(found as u64)))
        {
            return Some(words);
        }
        // What a piece's end cuts in two begins in the next one.
        let step =
            if got == want && want > BEFORE { want.saturating_sub(64) } else { got.max(4096) };
        at = at.checked_add(step as u64)?;
    }
    None
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut from = 0;
    while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from.saturating_add(found);
        if bytes.get(at..)?.starts_with(part) {
            return Some(at);
        }
        from = at.saturating_add(1);
    }
    None
}

/// The line around an address, and the next one.
fn words(memory: &dyn Memory, at: RunAddr) -> Option<Words> {
    let is_text = |byte: &u8| *byte >= b' ' && *byte != 0x7f || *byte == b'\t';
    let mut before = vec![0; BEFORE];
    let from = at.0.saturating_sub(BEFORE as u64);
    let got = memory.read(RunAddr(from), &mut before);
    // Of a text at the start of its mapping nothing stands before.
    let before = if got == BEFORE { before.as_slice() } else { &[] };
    let head = before.iter().rev().take_while(|byte| is_text(byte)).count();
    let (text, _) = memory.text(at, BEHIND).ok()?;
    let mut lines = text.split(|byte| *byte == b'\n');
    let behind = lines.next()?;
    let behind = behind.get(..behind.iter().take_while(|byte| is_text(byte)).count())?;
    let start = before.len().checked_sub(head)?;
    let line = [before.get(start..)?, behind].concat();
    let line = String::from_utf8_lossy(&line);
    // Bytes before a text that are no text of any encoding are not of it.
    let line = line.rsplit('\u{fffd}').next().unwrap_or_default();
    let next = lines.next().filter(|line| !line.is_empty() && line.iter().all(is_text));
    let at = RunAddr(at.0.saturating_sub(head as u64));
    Some(Words {
        line: line.trim().to_owned(),
        next: next.map(|line| String::from_utf8_lossy(line).trim().to_owned()),
        at,
    })
    .filter(|words| !words.line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn lines_around_their_parts() {
        let find = |bytes: &[u8], part: &str| {
            let start = RunAddr(0x1000);
            let end = RunAddr(0x1000 + bytes.len() as u64);
            search(&Bytes(0x1000, bytes), RunRange { start, end }, &[part])
        };
        let long = [vec![0; 500], b"F12 a.cc:3] Check failed: x > 0\nnext\n\0".to_vec()].concat();
        let found = find(&long, "Check failed: ").unwrap();
        assert_eq!(found.line, "F12 a.cc:3] Check failed: x > 0");
        assert_eq!(found.next.as_deref(), Some("next"));
        assert_eq!(found.at, RunAddr(0x1000 + 500));
        assert_eq!(find(b"ERROR: x", "ERROR: ").unwrap().line, "ERROR: x");
        assert_eq!(find(b"ERRO", "ERROR: "), None);
        assert_eq!(find(b"", "ERROR: "), None);
    }
}
