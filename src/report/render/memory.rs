//! Raw memory as text: rows of sixteen bytes, or words with what they point to.

use std::fmt::{self, Write};

use crate::base::count::counted;
use crate::report::model::{ByteSource, Hex, MemoryPart, Word};
use crate::report::render::escape::escaped;
use crate::report::render::theme::{Role, Theme};

/// Bytes of a row.
const ROW: u64 = 16;

/// Writes memory piece by piece, in the order of the addresses.
#[derive(Debug)]
pub struct MemoryText {
    theme: Theme,
    /// What the last heading said of where bytes come from.
    source: Option<(ByteSource, Option<String>, bool)>,
    /// The row that was written last, and whether equal ones were left out.
    last: Option<Vec<Option<u8>>>,
    is_folded: bool,
}

impl MemoryText {
    /// Begins.
    pub fn new(theme: Theme) -> Self {
        Self { theme, source: None, last: None, is_folded: false }
    }

    /// Writes the rows of some parts that lie one after the other.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn rows(&mut self, parts: &[MemoryPart], out: &mut dyn Write) -> fmt::Result {
        let Some(first) = parts.first() else { return Ok(()) };
        let mut at = first.address.0;
        let mut row: Vec<Option<u8>> = Vec::new();
        let mut start = at;
        for part in parts {
            let bytes = part.bytes.as_ref().map(|bytes| bytes.0.as_slice());
            let mut known = bytes.unwrap_or_default().iter();
            for _ in 0..part.length {
                if row.is_empty() {
                    start = at;
                    self.heading(part, out)?;
                }
                row.push(known.next().copied());
                at = at.wrapping_add(1);
                if at % ROW == 0 {
                    self.row(start, &row, out)?;
                    row.clear();
                }
            }
        }
        if row.is_empty() { Ok(()) } else { self.row(start, &row, out) }
    }

    /// Says where the bytes that follow come from, when that changes.
    fn heading(&mut self, part: &MemoryPart, out: &mut dyn Write) -> fmt::Result {
        let source = (part.source, part.file.clone(), part.is_mapped);
        if self.source.as_ref() == Some(&source) {
            return Ok(());
        }
        let is_first = self.source.is_none();
        self.source = Some(source);
        let text = match (part.source, part.is_mapped) {
            // What a dump is for needs no words.
            (ByteSource::Dump, _) if is_first => return Ok(()),
            (ByteSource::Dump, _) => "from the dump:".to_owned(),
            (ByteSource::File, _) => {
                let file = part.file.as_deref().unwrap_or("its file");
                format!("from {file}, not in the dump:")
            }
            (ByteSource::Missing, true) => "not in the dump:".to_owned(),
            (ByteSource::Missing, false) => "nothing is mapped here:".to_owned(),
        };
        self.end_fold(out)?;
        self.last = None;
        self.theme.paint(Role::Dim, &escaped(&text), out)?;
        out.write_char('\n')
    }

    fn row(&mut self, start: u64, row: &[Option<u8>], out: &mut dyn Write) -> fmt::Result {
        if self.last.as_deref() == Some(row) && row.len() as u64 == ROW {
            self.is_folded = true;
            return Ok(());
        }
        self.end_fold(out)?;
        self.last = Some(row.to_vec());
        self.theme.paint(Role::Name, &Hex(start).to_string(), out)?;
        out.write_str(" ")?;
        // A first row that begins in the middle keeps its columns.
        let skipped = start % ROW;
        let mut text = String::new();
        for column in 0..ROW {
            if column % 8 == 0 {
                out.write_char(' ')?;
            }
            let index = column.checked_sub(skipped).and_then(|index| usize::try_from(index).ok());
            match index.and_then(|index| row.get(index)) {
                Some(Some(byte)) => {
                    write!(out, "{byte:02x} ")?;
                    let is_shown = (0x20..0x7f).contains(byte);
                    text.push(if is_shown { char::from(*byte) } else { '.' });
                }
                Some(None) => {
                    self.theme.paint(Role::Unknown, "?? ", out)?;
                    text.push('?');
                }
                None => {
                    out.write_str("   ")?;
                    text.push(' ');
                }
            }
        }
        writeln!(out, " |{text}|")
    }

    fn end_fold(&mut self, out: &mut dyn Write) -> fmt::Result {
        if std::mem::take(&mut self.is_folded) { out.write_str("*\n") } else { Ok(()) }
    }

    /// Ends: says how many rows were left out at the end.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn end(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.end_fold(out)
    }

    /// Writes words, one a line, and where words are missing.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn words(
        &mut self,
        parts: &[MemoryPart],
        words: &[Word],
        out: &mut dyn Write,
    ) -> fmt::Result {
        let mut left = words.iter().peekable();
        // A partial word shows missing bytes, too, and bytes of the next part.
        let mut shown = parts.first().map_or(0, |part| part.address.0);
        for part in parts {
            let end = part.address.0.saturating_add(part.length);
            let start = part.address.0.max(shown);
            if part.source == ByteSource::Missing {
                let next = left.peek().map_or(end, |word| word.address.0.min(end));
                let missing = next.saturating_sub(start);
                if missing > 0 {
                    self.heading(part, out)?;
                    self.theme.paint(Role::Name, &Hex(start).to_string(), out)?;
                    let text = format!("  ?? for {}", counted(missing, "byte"));
                    self.theme.paint(Role::Unknown, &text, out)?;
                    out.write_char('\n')?;
                    shown = next;
                }
            }
            // The end of the last part may be the top of the address space.
            while let Some(word) = left.next_if(|word| {
                word.address.0.checked_sub(part.address.0).is_some_and(|into| into < part.length)
            }) {
                if part.source != ByteSource::Missing {
                    self.heading(part, out)?;
                }
                self.word(word, out)?;
                shown = word.address.0.saturating_add(8);
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &Word, out: &mut dyn Write) -> fmt::Result {
        self.theme.paint(Role::Name, &word.address.to_string(), out)?;
        out.write_char(' ')?;
        if let Some(value) = word.value {
            write!(out, " {:#018x}", value.0)?;
        }
        // Bytes in their order: without the missing ones there is no number.
        let digits: Vec<char> = word.partial.as_deref().unwrap_or_default().chars().collect();
        for byte in digits.chunks(2) {
            let byte: String = byte.iter().collect();
            let role = if byte == "??" { Role::Unknown } else { Role::Plain };
            out.write_char(' ')?;
            self.theme.paint(role, &escaped(&byte), out)?;
        }
        if let Some(label) = &word.label {
            out.write_str("  ")?;
            self.theme.paint(Role::Value, &escaped(label), out)?;
        }
        out.write_char('\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Bytes;

    fn part(at: u64, bytes: &[u8]) -> MemoryPart {
        MemoryPart {
            address: Hex(at),
            length: bytes.len() as u64,
            source: ByteSource::Dump,
            bytes: Some(Bytes(bytes.to_vec())),
            is_mapped: true,
            ..MemoryPart::default()
        }
    }

    fn missing(at: u64, length: u64) -> MemoryPart {
        MemoryPart { address: Hex(at), length, is_mapped: true, ..MemoryPart::default() }
    }

    #[test]
    fn rows_keep_their_columns_and_missing_bytes_are_not_zero() {
        let mut out = String::new();
        let mut text = MemoryText::new(Theme::Plain);
        text.rows(
            &[part(0x100c, b"ab\x00\x7f"), part(0x1010, b"cd"), missing(0x1012, 3)],
            &mut out,
        )
        .unwrap();
        text.end(&mut out).unwrap();
        assert_eq!(
            out,
            "0x100c                                       61 62 00 7f  |            ab..|\n\
             0x1010  63 64 ?? ?? ??                                    |cd???           |\n"
        );
    }

    #[test]
    fn equal_rows_are_folded() {
        let mut out = String::new();
        let mut text = MemoryText::new(Theme::Plain);
        text.rows(&[part(0, &[0; 64])], &mut out).unwrap();
        text.rows(&[part(64, &[1])], &mut out).unwrap();
        text.end(&mut out).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 3, "{out}");
        assert!(lines[0].starts_with("0x0 ") && lines[1] == "*" && lines[2].starts_with("0x40"));
    }

    #[test]
    fn where_bytes_come_from_is_said_when_it_changes() {
        let mut out = String::new();
        let mut text = MemoryText::new(Theme::Plain);
        let mut file = part(0x10, &[1; 16]);
        file.source = ByteSource::File;
        file.file = Some("/bin/\x1bx".to_owned());
        let mut unmapped = missing(0x40, 16);
        unmapped.is_mapped = false;
        text.rows(&[part(0, &[0; 16]), file, missing(0x20, 32), unmapped], &mut out).unwrap();
        text.end(&mut out).unwrap();
        let headings: Vec<&str> = out.lines().filter(|line| line.ends_with(':')).collect();
        assert_eq!(
            headings,
            ["from /bin/\\x1bx, not in the dump:", "not in the dump:", "nothing is mapped here:"]
        );
    }

    #[test]
    fn words_have_labels() {
        let mut out = String::new();
        let mut text = MemoryText::new(Theme::Plain);
        let label = Some("<main+4>".to_owned());
        let words = [
            Word { address: Hex(0), value: Some(Hex(0x401004)), label, partial: None },
            Word { address: Hex(8), value: Some(Hex(1)), ..Word::default() },
        ];
        text.words(&[part(0, &[0; 16]), missing(16, 8)], &words, &mut out).unwrap();
        assert_eq!(
            out,
            "0x0  0x0000000000401004  <main+4>\n0x8  0x0000000000000001\n\
             not in the dump:\n0x10  ?? for 8 bytes\n"
        );
    }

    #[test]
    fn words_with_missing_bytes_keep_the_others() {
        let mut out = String::new();
        let mut text = MemoryText::new(Theme::Plain);
        let partial = |at, bytes: &str| Word {
            address: Hex(at),
            partial: Some(bytes.to_owned()),
            ..Word::default()
        };
        let words = [partial(0, "00000045????????"), partial(0x18, "????????????0102")];
        let parts = [part(0, &[0, 0, 0, 0x45]), missing(4, 0x1a), part(0x1e, &[1, 2])];
        text.words(&parts, &words, &mut out).unwrap();
        assert_eq!(
            out,
            "0x0  00 00 00 45 ?? ?? ?? ??\nnot in the dump:\n0x8  ?? for 16 bytes\n\
             0x18  ?? ?? ?? ?? ?? ?? 01 02\n"
        );
    }
}
