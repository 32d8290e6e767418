//! From text to words.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::variables::query::fault::{Fault, Span};

/// Longer expressions are refused: nobody types them.
pub(super) const LONGEST: usize = 10_000;

/// One word with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Word,
    pub(super) at: Span,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// A name, or a keyword.
    Name(String),
    /// `'file.c'`: a name in quotes, which may hold anything.
    Quoted(String),
    /// `"text"`.
    Text(String),
    /// `$rip`, without the dollar sign.
    Register(String),
    /// A whole number, with the letters behind it.
    Integer(u128, String),
    /// A number with a decimal point or an exponent.
    Float(f64),
    /// `'a'`: the character's code.
    Character(u32),
    /// An operator or a bracket.
    Sign(&'static str),
    /// Behind the last word.
    End,
}

/// Operators and brackets, longer ones first.
const SIGNS: &[&str] = &[
    "<<=", ">>=", "...", "->*", "->", "::", "..", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
    "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "+", "-", "*", "/", "%", "&", "|",
    "^", "~", "!", "<", ">", "=", "?", ":", ".", ",", ";", "(", ")", "[", "]", "{", "}", "@", "#",
];

/// All words of an expression, and one [`Word::End`].
pub(super) fn words(text: &str) -> Result<Vec<Token>, Fault> {
    if text.len() > LONGEST {
        let what = format!("the expression is longer than {LONGEST} bytes");
        return Err(Fault::new(Span::default(), what));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut words: Vec<Token> = Vec::new();
    loop {
        lexer.skip_spaces();
        let start = lexer.at;
        // `t.0.1`: behind a dot, a number names a member.
        let is_member = words.last().is_some_and(|word| word.kind == Word::Sign("."));
        let is_behind_value = words.last().is_some_and(|word| match &word.kind {
            Word::Sign(sign) => matches!(*sign, ")" | "]" | "." | ".."),
            _ => true,
        });
        let kind = lexer.word(is_member, is_behind_value)?;
        let is_end = kind == Word::End;
        words.push(Token { kind, at: Span { start, end: lexer.at } });
        if is_end {
            return Ok(words);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, count: usize) -> &'t str {
        let taken = self.rest().get(..count).unwrap_or_default();
        self.at = self.at.saturating_add(taken.len());
        taken
    }

    fn take_while(&mut self, is_in: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char| !is_in(char)).unwrap_or(rest.len());
        self.take(end)
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn here(&self, start: usize) -> Span {
        Span { start, end: self.at.max(start.saturating_add(1)) }
    }

    fn word(&mut self, is_member: bool, is_behind_value: bool) -> Result<Word, Fault> {
        let start = self.at;
        let Some(first) = self.peek() else { return Ok(Word::End) };
        if first.is_ascii_digit() && is_member {
            return Ok(Word::Name(self.take_while(|char| char.is_ascii_digit()).to_owned()));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        let is_fraction = |rest: &str| {
            rest.strip_prefix('.')
                .is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()))
        };
        if !is_behind_value && is_fraction(self.rest()) {
            return self.float(start);
        }
        if is_name_start(first) {
            // `r#type` of Rust.
            if self.rest().starts_with("r#") {
                self.take(2);
            }
            return Ok(Word::Name(self.take_while(is_name_part).to_owned()));
        }
        match first {
            '$' => {
                self.take(1);
                let name = self.take_while(is_name_part);
                if name.is_empty() {
                    let fault = Fault::new(self.here(start), "a register's name is missing");
                    return Err(fault.with_hint("registers are written `$rip`, `$rsp`, `$rax`"));
                }
                return Ok(Word::Register(name.to_owned()));
            }
            '\'' | '"' => return self.quoted(first),
            _ => (),
        }
        match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            Some(sign) => {
                self.take(sign.len());
                Ok(Word::Sign(sign))
            }
            None => {
                self.take(first.len_utf8());
                Err(Fault::new(self.here(start), format!("`{first}` means nothing here")))
            }
        }
    }

    fn number(&mut self) -> Result<Word, Fault> {
        let start = self.at;
        let rest = self.rest();
        let lower: String = rest.chars().take(2).collect::<String>().to_ascii_lowercase();
        let radix = match lower.as_str() {
            "0x" => 16,
            "0b" => 2,
            "0o" => 8,
            _ => 10,
        };
        if radix != 10 {
            self.take(2);
        }
        let digits = self.take_while(|char| char.is_digit(radix) || char == '_').to_owned();
        if radix == 10 && self.is_fraction() {
            return self.float(start);
        }
        let suffix = self.take_while(is_name_part).to_owned();
        let digits = digits.replace('_', "");
        // An octal number of C: `0644`.
        let is_octal = radix == 10 && digits.len() > 1 && digits.starts_with('0');
        let radix = if is_octal { 8 } else { radix };
        let bad = |what: String| Err(Fault::new(self.here(start), what));
        if digits.is_empty() {
            return bad("a number without digits".to_owned());
        }
        let Ok(value) = u128::from_str_radix(&digits, radix) else {
            return bad(match digits.chars().all(|digit| digit.is_digit(radix)) {
                true => "the number does not fit into 128 bits".to_owned(),
                false => format!("`{digits}` is no number to the base of {radix}"),
            });
        };
        if !is_suffix(&suffix) {
            return bad(format!("`{suffix}` is no ending of a number"));
        }
        Ok(Word::Integer(value, suffix))
    }

    /// Whether the decimal digits before are those of a number with a
    /// fraction: `1.5`, `1e9`; but not `p[0..4]`.
    fn is_fraction(&self) -> bool {
        let mut rest = self.rest().chars();
        match rest.next() {
            // `5.`, but not `0..4`, nor a member's name.
            Some('.') => rest.next().is_none_or(|next| next != '.' && !is_name_start(next)),
            Some('e' | 'E') => {
                rest.next().is_some_and(|next| next.is_ascii_digit() || "+-".contains(next))
            }
            _ => false,
        }
    }

    fn float(&mut self, start: usize) -> Result<Word, Fault> {
        if self.rest().starts_with('.') {
            self.take(1);
            self.take_while(|char| char.is_ascii_digit());
        }
        if self.rest().starts_with(['e', 'E']) {
            self.take(1);
            if self.rest().starts_with(['+', '-']) {
                self.take(1);
            }
            self.take_while(|char| char.is_ascii_digit());
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        // `1.5f` is a `float` of C, `1.5f32` one of Rust.
        let rest = self.rest();
        let suffix = ["f32", "f64", "f", "F", "l", "L"].into_iter().find(|it| rest.starts_with(it));
        self.take(suffix.map_or(0, str::len));
        let is_single = matches!(suffix, Some("f32" | "f" | "F"));
        let parsed = match is_single {
            true => text.parse().map(|single: f32| f64::from(single)),
            false => text.parse(),
        };
        match parsed {
            Ok(value) => Ok(Word::Float(value)),
            Err(_) => Err(Fault::new(self.here(start), format!("`{text}` is no number"))),
        }
    }

    /// `'a'`, `'\n'`, `'file.c'`, `"text"`.
    fn quoted(&mut self, quote: char) -> Result<Word, Fault> {
        let start = self.at;
        self.take(1);
        let mut chars = Vec::new();
        let mut is_escaped = false;
        loop {
            let Some(char) = self.peek() else {
                let what = format!("the closing {quote} is missing");
                return Err(Fault::new(Span { start, end: start.saturating_add(1) }, what));
            };
            self.take(char.len_utf8());
            match char {
                char if char == quote => break,
                '\\' => {
                    is_escaped = true;
                    chars.push(self.escape()?);
                }
                char => chars.push(u32::from(char)),
            }
        }
        let text = || chars.iter().filter_map(|code| char::from_u32(*code)).collect::<String>();
        match (quote, chars.as_slice()) {
            ('"', _) => Ok(Word::Text(text())),
            (_, [code]) => Ok(Word::Character(*code)),
            (_, []) => Err(Fault::new(self.here(start), "there is no character in the quotes")),
            _ if is_escaped => {
                Err(Fault::new(self.here(start), "there is more than one character in the quotes"))
            }
            _ => Ok(Word::Quoted(text())),
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<u32, Fault> {
        let start = self.at;
        let bad = |lexer: &Self| {
            Err(Fault::new(lexer.here(start), "this is no escape sequence of a character"))
        };
        let Some(char) = self.peek() else { return bad(self) };
        self.take(char.len_utf8());
        Ok(match char {
            'n' => 10,
            't' => 9,
            'r' => 13,
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'v' => 11,
            'e' => 27,
            '\\' | '\'' | '"' | '?' => u32::from(char),
            'x' => {
                let digits = self.take_while(|char| char.is_ascii_hexdigit());
                match u32::from_str_radix(digits, 16) {
                    Ok(code) => code,
                    Err(_) => return bad(self),
                }
            }
            'u' => {
                self.take_while(|char| char == '{');
                let digits = self.take_while(|char| char.is_ascii_hexdigit());
                self.take_while(|char| char == '}');
                match u32::from_str_radix(digits, 16) {
                    Ok(code) => code,
                    Err(_) => return bad(self),
                }
            }
            '0'..='7' => {
                let mut code = char.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|char| char.to_digit(8)) else { break };
                    self.take(1);
                    code = code.saturating_mul(8).saturating_add(digit);
                }
                code
            }
            _ => return bad(self),
        })
    }
}

fn is_name_start(char: char) -> bool {
    char.is_alphabetic() || char == '_'
}

fn is_name_part(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Endings of numbers: those of C, and the types of Rust.
fn is_suffix(suffix: &str) -> bool {
    let c = ["", "u", "l", "ul", "lu", "ll", "ull", "llu", "z", "uz", "zu"];
    let rust =
        ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];
    c.contains(&suffix.to_ascii_lowercase().as_str()) || rust.contains(&suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Word> {
        let mut words: Vec<Word> = words(text).unwrap().into_iter().map(|word| word.kind).collect();
        assert_eq!(words.pop(), Some(Word::End));
        words
    }

    fn name(text: &str) -> Word {
        Word::Name(text.to_owned())
    }

    fn integer(value: u128) -> Word {
        Word::Integer(value, String::new())
    }

    #[test]
    fn words_of_all_kinds() {
        use Word::{Character, Float, Quoted, Register, Sign, Text};
        let cases: Vec<(&str, Vec<Word>)> = vec![
            ("", vec![]),
            ("a->b", vec![name("a"), Sign("->"), name("b")]),
            ("a - >b", vec![name("a"), Sign("-"), Sign(">"), name("b")]),
            (
                "p[0..10]",
                vec![name("p"), Sign("["), integer(0), Sign(".."), integer(10), Sign("]")],
            ),
            ("t.0.1", vec![name("t"), Sign("."), name("0"), Sign("."), name("1")]),
            ("1.5e3", vec![Float(1500.0)]),
            ("1e9", vec![Float(1e9)]),
            ("1.5f", vec![Float(1.5)]),
            ("1.5f32", vec![Float(1.5)]),
            (".5", vec![Float(0.5)]),
            ("5.", vec![Float(5.0)]),
            ("0..4", vec![integer(0), Sign(".."), integer(4)]),
            ("0x1F", vec![integer(31)]),
            ("0b101", vec![integer(5)]),
            ("0644", vec![integer(0o644)]),
            ("1_000", vec![integer(1000)]),
            ("7ul", vec![Word::Integer(7, "ul".to_owned())]),
            ("7u8", vec![Word::Integer(7, "u8".to_owned())]),
            ("340282366920938463463374607431768211455", vec![integer(u128::MAX)]),
            ("$rip", vec![Register("rip".to_owned())]),
            ("'a'", vec![Character(97)]),
            (r"'\n'", vec![Character(10)]),
            (r"'\x41'", vec![Character(65)]),
            (r"'\u{20ac}'", vec![Character(0x20ac)]),
            (r"'\033'", vec![Character(27)]),
            ("'a.c'::x", vec![Quoted("a.c".to_owned()), Sign("::"), name("x")]),
            (r#""a\tb""#, vec![Text("a\tb".to_owned())]),
            ("r#type", vec![name("type")]),
            ("größe", vec![name("größe")]),
        ];
        for (text, want) in cases {
            assert_eq!(kinds(text), want, "{text}");
        }
    }

    #[test]
    fn faults_say_where() {
        let cases = [
            ("a + §", 4, 6, "`§` means nothing here"),
            ("$ + 1", 0, 1, "a register's name is missing"),
            ("x == 'a", 5, 6, "the closing ' is missing"),
            ("''", 0, 2, "there is no character in the quotes"),
            ("0x", 0, 2, "a number without digits"),
            ("089", 0, 3, "`089` is no number to the base of 8"),
            ("12abc", 0, 5, "`abc` is no ending of a number"),
            (r"'\q'", 2, 3, "this is no escape sequence of a character"),
        ];
        for (text, start, end, want) in cases {
            let fault = words(text).unwrap_err();
            assert_eq!(fault.at, Span { start, end }, "{text}");
            assert_eq!(fault.what, want, "{text}");
        }
        let huge = "9".repeat(50);
        assert!(words(&huge).unwrap_err().what.contains("128 bits"));
        assert!(words(&"x".repeat(LONGEST + 1)).unwrap_err().what.contains("10000 bytes"));
    }

    #[test]
    fn spans_name_the_words() {
        let found = words("ab  + c").unwrap();
        let spans: Vec<(usize, usize)> =
            found.iter().map(|word| (word.at.start, word.at.end)).collect();
        assert_eq!(spans, [(0, 2), (4, 5), (6, 7), (7, 7)]);
    }
}
