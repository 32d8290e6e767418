//! Text of a dead process, made harmless for a terminal.
//!
//! A core is untrusted: a thread may be named `\x1b]0;owned\x07`, a path may
//! hold a newline, a string may turn the rest of the line around.

use std::borrow::Cow;

/// `text` with everything escaped that a terminal acts upon or that a reader
/// cannot see: C0 and C1 controls, DEL, marks that change the direction of
/// text, zero-width characters, line separators, tags.
///
/// Backslashes stay as they are, since most texts already use them as the
/// source language does.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        push(&mut safe, char);
    }
    Cow::Owned(safe)
}

/// Like [`escaped`], but tabs become spaces up to the next multiple of four
/// columns: for lines of source.
pub fn escaped_source(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for char in line.trim_end().chars() {
        match char {
            '\t' => {
                let to_stop = 4 - safe.chars().count() % 4;
                safe.extend(std::iter::repeat_n(' ', to_stop));
            }
            char => push(&mut safe, char),
        }
    }
    safe
}

fn push(safe: &mut String, char: char) {
    match char {
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        '\0'..='\x1f' | '\x7f' => safe.push_str(&format!("\\x{:02x}", u32::from(char))),
        char if is_unsafe(char) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(char))),
        char => safe.push(char),
    }
}

/// Whether a terminal would act upon `char`, or a reader not see it.
pub fn is_unsafe(char: char) -> bool {
    matches!(char,
        // C0 and DEL, C1.
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        // Soft hyphen; Arabic letter mark; Mongolian vowel separator.
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        // Zero-width spaces and joiners, direction marks.
        | '\u{200b}'..='\u{200f}'
        // Line and paragraph separators, embeddings and overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, isolates, deprecated shaping.
        | '\u{2060}'..='\u{206f}'
        // Byte order mark, interlinear annotations.
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        // Tags.
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped() {
        let cases = [
            ("plain text stays", "main (argc=1)", "main (argc=1)"),
            ("so do letters of all scripts", "größe 名前", "größe 名前"),
            ("and backslashes", r#""a\n""#, r#""a\n""#),
            ("a newline", "a\nb", "a\\nb"),
            ("a title sequence", "\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
            ("the one-byte CSI", "\u{9b}2J", "\\u{9b}2J"),
            ("delete", "a\x7f", "a\\x7f"),
            ("right-to-left override", "exe.\u{202e}txt", "exe.\\u{202e}txt"),
            ("isolates", "\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
            ("zero width", "ma\u{200b}in\u{feff}", "ma\\u{200b}in\\u{feff}"),
            ("a line separator", "a\u{2028}b", "a\\u{2028}b"),
        ];
        for (name, text, want) in cases {
            assert_eq!(escaped(text), want, "{name}");
        }
    }

    #[test]
    fn no_control_character_survives() {
        let every: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        assert!(!escaped(&every).chars().any(|char| char.is_control() || is_unsafe(char)));
    }

    #[test]
    fn source_lines() {
        assert_eq!(escaped_source("\tif (a)\tb;  \r\n"), "    if (a)  b;");
        assert_eq!(escaped_source("a\x1b[31m"), "a\\x1b[31m");
    }
}
