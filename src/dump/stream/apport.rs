//! The core in a report of apport (`/var/crash/*.crash`).
//!
//! Lines `Key: value`; a value goes on in lines that begin with a blank. Of
//! `CoreDump: base64` each of these is a piece in base64 of its own, and the
//! pieces together are compressed data: gzip, or zstd. Source: apport's manual,
//! `doc/data-format`, "Report file format".
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::io::{self, BufRead, Read};

/// The longest line: apport writes pieces of one MiB.
const MOST_LINE: u64 = 64 << 20;
/// The field.
const FIELD: &[u8] = b"CoreDump:";

/// Whether a file begins as a report does.
pub(super) fn is_report(head: &[u8]) -> bool {
    head.starts_with(b"ProblemType:") || head.starts_with(b"Apport")
}

/// The bytes of the field.
pub(super) struct CoreDump<'i> {
    input: Box<dyn BufRead + Send + 'i>,
    state: State,
    line: Vec<u8>,
    piece: Vec<u8>,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    Behind,
}

impl<'i> CoreDump<'i> {
    /// Of a whole report.
    pub(super) fn new(input: Box<dyn BufRead + Send + 'i>) -> Self {
        Self { input, state: State::Before, line: Vec::new(), piece: Vec::new(), at: 0 }
    }

    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        (&mut self.input).take(MOST_LINE).read_until(b'\n', &mut self.line)?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() as u64 >= MOST_LINE {
            return Err(bad("a line of the report is too long"));
        } else if self.line.is_empty() {
            return Ok(false);
        }
        Ok(true)
    }

    /// Goes on to the next bytes.
    fn advance(&mut self) -> io::Result<()> {
        self.piece.clear();
        self.at = 0;
        while self.state != State::Behind && self.piece.is_empty() {
            if !self.next_line()? {
                let found = self.state == State::Inside;
                self.state = State::Behind;
                return if found { Ok(()) } else { Err(bad("the report has no field CoreDump")) };
            }
            let is_more = self.line.starts_with(b" ");
            match self.state {
                State::Before if self.line.starts_with(FIELD) => {
                    let how = self.line.get(FIELD.len()..).unwrap_or_default();
                    if how.trim_ascii() != b"base64" {
                        return Err(bad("the field CoreDump of the report is not in base64"));
                    }
                    self.state = State::Inside;
                }
                State::Inside if is_more => decode(&self.line, &mut self.piece)?,
                State::Inside => self.state = State::Behind,
                _ => (),
            }
        }
        Ok(())
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Decodes a line of base64 (RFC 4648, section 4).
fn decode(line: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in line.trim_ascii() {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return Err(bad("the field CoreDump of the report is not in base64")),
        };
        bits = bits.wrapping_shl(6) | u32::from(value);
        held = held.wrapping_add(6);
        if held >= 8 {
            held = held.wrapping_sub(8);
            out.push(bits.wrapping_shr(held) as u8);
        }
    }
    Ok(())
}

impl BufRead for CoreDump<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.piece.len() {
            self.advance()?;
        }
        Ok(self.piece.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount).min(self.piece.len());
    }
}

impl Read for CoreDump<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.fill_buf()?.read(out)?;
        self.consume(got);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut dump = CoreDump::new(Box::new(text.as_bytes()));
        dump.read_to_end(&mut out).map(|_| out).map_err(|error| error.to_string())
    }

    #[test]
    fn pieces_are_decoded_one_by_one() {
        let text = "ProblemType: Crash\nProcMaps:\n 00400000-00401000\nCoreDump: base64\n aGVs\n bG8=\n IHdvcmxk\n Lg==\nSignal: 11\n aGVs\n";
        assert!(is_report(text.as_bytes()));
        assert_eq!(read(text).unwrap(), b"hello world.");
        assert_eq!(read("CoreDump: base64\n aGVs").unwrap(), b"hel");
        assert_eq!(read("CoreDump: base64\n").unwrap(), b"");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("ProblemType: Crash\n", "the report has no field CoreDump"),
            ("CoreDump: quoted\n x\n", "the field CoreDump of the report is not in base64"),
            ("CoreDump: base64\n a*b\n", "the field CoreDump of the report is not in base64"),
        ];
        for (text, want) in cases {
            assert_eq!(read(text).unwrap_err(), want);
        }
    }
}
