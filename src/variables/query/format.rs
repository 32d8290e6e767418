//! How numbers are written, by the letters of gdb's `print`.

use crate::symbols::types::Dialect;
use crate::variables::numbers::{LongDouble, float, sign_extended};
use crate::variables::query::evaluate::MOST_ELEMENTS;
use crate::variables::query::fault::{Fault, Span};
use crate::variables::text::{byte_character, character};

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `/x`: to the base of 16.
    Hexadecimal,
    /// `/d`: as signed numbers.
    Decimal,
    /// `/u`: as unsigned numbers.
    Unsigned,
    /// `/o`: to the base of 8.
    Octal,
    /// `/t`: to the base of 2.
    Binary,
    /// `/c`: as characters.
    Character,
    /// `/s`: what is pointed to, as text.
    Text,
    /// `/b`: the bytes.
    Bytes,
    /// `/a`: as addresses, with the names of what is there.
    Address,
    /// `/f`: as floating-point numbers, where the size is that of one.
    Float,
}

/// Letters, formats, and what they do.
const LETTERS: &[(&str, Format)] = &[
    ("x", Format::Hexadecimal),
    ("d", Format::Decimal),
    ("u", Format::Unsigned),
    ("o", Format::Octal),
    ("t", Format::Binary),
    ("c", Format::Character),
    ("s", Format::Text),
    ("b", Format::Bytes),
    ("a", Format::Address),
    ("f", Format::Float),
];

impl Format {
    /// The format that a letter means, behind a count of elements if there is
    /// one: `x`, `4x`. `at` says where it stands.
    ///
    /// # Errors
    ///
    /// When no format has that letter, or no elements are to be shown.
    pub(super) fn parse(letters: &str, at: Span) -> Result<(Option<u64>, Self), Fault> {
        let digits = letters.find(|char: char| !char.is_ascii_digit()).unwrap_or(letters.len());
        let (count, letter) = letters.split_at(digits);
        let found = LETTERS.iter().find(|(known, _)| *known == letter);
        let Some((_, format)) = found else {
            let fault = Fault::new(at, format!("`/{letters}` is no format"));
            return Err(fault.with_hint(
                "formats: /x hexadecimal, /d signed, /u unsigned, /o octal, /t binary, \
                 /c character, /s text, /b bytes, /a address, /f floating-point; \
                 /4x for four elements",
            ));
        };
        if count.is_empty() {
            return Ok((None, *format));
        }
        match count.parse() {
            Ok(count @ 1..=MOST_ELEMENTS) => Ok((Some(count), *format)),
            _ => {
                let what = format!("{count} elements cannot be shown");
                let hint = format!("from 1 to {MOST_ELEMENTS} elements can");
                Err(Fault::new(at, what).with_hint(hint))
            }
        }
    }

    /// A number of so many bits.
    pub(super) fn number(self, raw: u128, bits: u64, dialect: Dialect) -> String {
        let signed = sign_extended(raw, bits);
        match self {
            Self::Hexadecimal | Self::Bytes | Self::Address => format!("{raw:#x}"),
            Self::Decimal => signed.to_string(),
            Self::Unsigned | Self::Text => raw.to_string(),
            Self::Float => {
                let bytes = raw.to_le_bytes();
                let size = usize::try_from(bits / 8).unwrap_or(0);
                let bytes = bytes.get(..size).filter(|_| matches!(bits, 32 | 64));
                let found = bytes.and_then(|bytes| float(bytes, "", LongDouble::X87));
                found.unwrap_or_else(|| signed.to_string())
            }
            Self::Octal if dialect == Dialect::Rust => format!("{raw:#o}"),
            Self::Octal if raw == 0 => "0".to_owned(),
            Self::Octal => format!("0{raw:o}"),
            Self::Binary => format!("{raw:#b}"),
            Self::Character => {
                let byte = u8::try_from(raw).ok().map(|byte| byte_character(byte, dialect));
                let wide = || character(u32::try_from(raw).ok()?, dialect);
                match byte.or_else(wide) {
                    Some(literal) => format!("{signed} {literal}"),
                    None => signed.to_string(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_every_format() {
        let cases = [
            ("x", 0xff, 8, "0xff"),
            ("d", 0xff, 8, "-1"),
            ("u", 0xff, 8, "255"),
            ("o", 8, 32, "010"),
            ("o", 0, 32, "0"),
            ("t", 5, 32, "0b101"),
            ("c", 97, 8, "97 'a'"),
            ("c", 0xff, 8, r"-1 '\377'"),
            ("c", 0x20ac, 32, "8364 '\u{20ac}'"),
            ("c", 0x11_0000, 32, "1114112"),
            // The bits of 1.0, in single and in double precision.
            ("f", 0x3f80_0000, 32, "1"),
            ("f", 0x3ff0_0000_0000_0000, 64, "1"),
            ("f", 0xfffe, 16, "-2"),
        ];
        for (letter, raw, bits, want) in cases {
            let (_, format) = Format::parse(letter, Span::default()).unwrap();
            assert_eq!(format.number(raw, bits, Dialect::C), want, "/{letter}");
        }
        assert_eq!(Format::Octal.number(8, 32, Dialect::Rust), "0o10");
        let parse = |letters| Format::parse(letters, Span::default());
        assert_eq!(parse("4x"), Ok((Some(4), Format::Hexadecimal)));
        assert_eq!(parse("0x").unwrap_err().what, "0 elements cannot be shown");
        assert!(parse("99999999999999999999x").is_err());
        assert!(parse("4").unwrap_err().hint.unwrap().contains("/4x"));
    }
}
