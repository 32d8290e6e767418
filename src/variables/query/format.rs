//! How numbers are written, by the letters of gdb's `print`.

use crate::symbols::types::Dialect;
use crate::variables::numbers::sign_extended;
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
];

impl Format {
    /// The format that a letter means; `at` says where it stands.
    ///
    /// # Errors
    ///
    /// When no format has that letter.
    pub fn parse(letters: &str, at: Span) -> Result<Self, Fault> {
        let found = LETTERS.iter().find(|(letter, _)| *letter == letters);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let fault = Fault::new(at, format!("`/{letters}` is no format"));
            if letters.starts_with(|char: char| char.is_ascii_digit()) {
                return fault.with_hint("for several elements write `p[0..4]`");
            }
            fault.with_hint(
                "formats: /x hexadecimal, /d signed, /u unsigned, /o octal, /t binary, \
                 /c character, /s text, /b bytes, /a address",
            )
        })
    }

    /// A number of so many bits.
    pub(super) fn number(self, raw: u128, bits: u64, dialect: Dialect) -> String {
        let signed = sign_extended(raw, bits);
        match self {
            Self::Hexadecimal | Self::Bytes | Self::Address => format!("{raw:#x}"),
            Self::Decimal => signed.to_string(),
            Self::Unsigned | Self::Text => raw.to_string(),
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
        ];
        for (letter, raw, bits, want) in cases {
            let format = Format::parse(letter, Span::default()).unwrap();
            assert_eq!(format.number(raw, bits, Dialect::C), want, "/{letter}");
        }
        assert_eq!(Format::Octal.number(8, 32, Dialect::Rust), "0o10");
        let hint = Format::parse("4x", Span::default()).unwrap_err().hint.unwrap();
        assert!(hint.contains("p[0..4]"), "{hint}");
    }
}
