//! Characters and strings of the dead process, quoted as its language does.

use crate::symbols::types::Dialect;

/// A string literal: quotes around, and escapes for what cannot be printed or
/// would be misread. Bytes that are no UTF-8 appear as `\377` in C and C++, as
/// `\xff` in Rust.
pub(super) fn quoted(bytes: &[u8], dialect: Dialect) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(&mut text, character, '"', dialect);
        }
        for byte in chunk.invalid() {
            push_byte(&mut text, *byte, dialect);
        }
    }
    text.push('"');
    text
}

/// A character literal, without the prefix of wide ones.
pub(super) fn character(code: u32, dialect: Dialect) -> Option<String> {
    let mut text = String::from("'");
    push(&mut text, char::from_u32(code)?, '\'', dialect);
    text.push('\'');
    Some(text)
}

/// A character literal of one byte, which may be no character by itself.
pub(super) fn byte_character(byte: u8, dialect: Dialect) -> String {
    let mut text = String::from("'");
    if byte.is_ascii() {
        push(&mut text, char::from(byte), '\'', dialect);
    } else {
        push_byte(&mut text, byte, dialect);
    }
    text.push('\'');
    text
}

/// Whether bytes look like text to a person: printable UTF-8, at least one.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && std::str::from_utf8(bytes)
            .is_ok_and(|text| text.chars().all(|found| prints(found) || "\n\r\t".contains(found)))
}

/// Whether a character shows as itself. The others include control characters
/// and those that turn the direction of text around.
fn prints(character: char) -> bool {
    match character {
        ' ' | '\'' | '"' | '\\' => true,
        // The standard library knows what is printable.
        _ => character.escape_debug().len() == 1,
    }
}

fn push(text: &mut String, character: char, quote: char, dialect: Dialect) {
    match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\\' => text.push_str("\\\\"),
        '\0' if dialect == Dialect::Rust => text.push_str("\\0"),
        _ if character == quote => text.extend(['\\', quote]),
        _ if prints(character) => text.push(character),
        _ if dialect == Dialect::Rust => {
            text.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        }
        // Three digits always: what follows may be a digit, too.
        _ if character.is_ascii() => text.push_str(&format!("\\{:03o}", u32::from(character))),
        _ if u32::from(character) <= 0xffff => {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
        _ => text.push_str(&format!("\\U{:08x}", u32::from(character))),
    }
}

fn push_byte(text: &mut String, byte: u8, dialect: Dialect) {
    if dialect == Dialect::Rust {
        text.push_str(&format!("\\x{byte:02x}"));
    } else {
        text.push_str(&format!("\\{byte:03o}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let cases: &[(&[u8], Dialect, &str)] = &[
            (b"", Dialect::C, r#""""#),
            (b"plain", Dialect::C, r#""plain""#),
            ("h\u{e9}llo \u{1f600}".as_bytes(), Dialect::C, "\"h\u{e9}llo \u{1f600}\""),
            (b"a\"b\\c\n\t", Dialect::C, r#""a\"b\\c\n\t""#),
            (b"it's", Dialect::C, r#""it's""#),
            (b"\x1b[31m\x007", Dialect::C, r#""\033[31m\0007""#),
            (b"\xff\xc3", Dialect::C, r#""\377\303""#),
            (b"\xff\x1b\0", Dialect::Rust, r#""\xff\u{1b}\0""#),
            ("\u{202e}evil".as_bytes(), Dialect::C, r#""\u202eevil""#),
            ("\u{202e}evil".as_bytes(), Dialect::Rust, r#""\u{202e}evil""#),
            ("\u{e0001}".as_bytes(), Dialect::C, r#""\U000e0001""#),
        ];
        for (bytes, dialect, want) in cases {
            assert_eq!(quoted(bytes, *dialect), *want);
        }
    }

    #[test]
    fn characters() {
        assert_eq!(character(0x27, Dialect::C).as_deref(), Some(r"'\''"));
        assert_eq!(character(0x22, Dialect::C).as_deref(), Some("'\"'"));
        assert_eq!(character(0x20ac, Dialect::Rust).as_deref(), Some("'\u{20ac}'"));
        assert_eq!(character(0xd800, Dialect::Rust), None);
        assert_eq!(byte_character(0, Dialect::C), r"'\000'");
        assert_eq!(byte_character(0xe9, Dialect::C), r"'\351'");
        assert!(is_printable(b"two\nlines"));
        assert!(!is_printable(b"\x01"));
        assert!(!is_printable(b""));
    }
}
