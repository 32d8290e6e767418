//! Messages of a crash, without what differs from run to run.

use crate::report::model::{Finding, Report};
use crate::triage::signature::cause::Cause;

/// The longest message of a key, in characters.
const LONGEST: usize = 80;

/// Quoted text longer than this is data.
const LONGEST_QUOTED: usize = 24;

/// The part of a message that is as stable as the code: an assertion's
/// expression, an exception's type, a sanitizer's kind. Free text is not.
pub fn of_key(finding: Option<&Finding>, cause: &Cause) -> Option<String> {
    let finding = finding?;
    let text = match cause.family {
        "assertion" => quoted(&finding.explanation),
        "exception" => exception_type(&finding.explanation),
        "undefined" => Some(finding.title.as_str()),
        _ => None,
    }?;
    Some(normalized(text)).filter(|text| !text.is_empty())
}

/// The free text of a crash, for the fine key.
pub fn free(report: &Report) -> Option<String> {
    let finding = report.findings.first()?;
    let is_free = matches!(
        super::cause::family(&finding.id).0,
        "assertion" | "exception" | "panic" | "abort" | "undefined"
    );
    let text = if finding.explanation.is_empty() { &report.verdict } else { &finding.explanation };
    is_free.then(|| normalized(text)).filter(|text| !text.is_empty())
}

/// The first text between back quotes.
fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('`')?;
    let end = rest.find('`')?;
    rest.get(..end).filter(|inner| !inner.is_empty())
}

/// The type in "uncaught C++ exception std::out_of_range: what, thrown in f".
fn exception_type(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(" exception ")?;
    let end = [": ", ", ", " in "].iter().filter_map(|mark| rest.find(mark)).min();
    rest.get(..end.unwrap_or(rest.len())).filter(|name| !name.is_empty())
}

/// The first line of a message, in which numbers are `N`, addresses `ADDR`,
/// long quoted texts `STR`, identifiers and times `X`, and paths their last
/// part; at most 80 characters, none of them a control.
pub fn normalized(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = quotes_shortened(line);
    let words: Vec<String> = line.split_whitespace().map(word).collect();
    let text = words.join(" ").replace(" | ", " / ").replace(" < ", " lt ");
    text.chars().filter(|char| !char.is_control()).take(LONGEST).collect()
}

/// Quoted texts that are too long to be code become `STR`.
fn quotes_shortened(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('"') {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        let inner = quoted.get(1..).unwrap_or_default();
        let Some(end) = inner.find('"') else {
            rest = quoted;
            break;
        };
        let (text, after) = inner.split_at(end);
        let is_long = text.chars().count() > LONGEST_QUOTED;
        out.push_str(if is_long { "STR" } else { quoted.get(..end + 2).unwrap_or_default() });
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// One word without what differs from run to run.
fn word(word: &str) -> String {
    let bare = word.trim_matches(|char: char| !char.is_alphanumeric() && char != '/');
    if is_uuid(bare) || is_time(bare) {
        return word.replace(bare, "X");
    }
    let is_path = bare.len() > 1 && bare.contains('/') && !bare.contains("//");
    let word = match bare.rsplit_once('/').filter(|_| is_path) {
        Some((_, last)) => word.replace(bare, last),
        None => word.to_owned(),
    };
    numbers(&word)
}

fn is_uuid(word: &str) -> bool {
    let lengths = word.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && word.chars().all(|it| it == '-' || it.is_ascii_hexdigit())
}

fn is_time(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let has_marks = word.matches(':').count() >= 2 || word.matches('-').count() == 2;
    digits >= 6 && has_marks && word.chars().all(|it| it.is_ascii_digit() || "-:.TZ+".contains(it))
}

/// Runs of digits become `N`, and `0x...` becomes `ADDR`.
fn numbers(word: &str) -> String {
    let mut out = String::new();
    let mut chars = word.chars().peekable();
    let mut is_in_name = false;
    while let Some(char) = chars.next() {
        if char == '0' && !is_in_name && chars.peek() == Some(&'x') {
            chars.next();
            while chars.next_if(char::is_ascii_hexdigit).is_some() {}
            out.push_str("ADDR");
        } else if char.is_ascii_digit() && !is_in_name {
            while chars.next_if(|it| it.is_ascii_digit() || *it == '.').is_some() {}
            out.push('N');
        } else {
            // The digits of `int32` and `utf8` are part of a name.
            is_in_name = char.is_alphabetic() || char == '_' || is_in_name && char.is_ascii_digit();
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_goes() {
        let cases = [
            ("numbers", "missing port 8080", "missing port N"),
            ("but not those of names", "no utf8 in int32_t", "no utf8 in int32_t"),
            ("addresses", "bad pointer 0x7ffd1234", "bad pointer ADDR"),
            ("paths", "cannot open /var/lib/a/b.db: gone", "cannot open b.db: gone"),
            ("long texts", r#"bad "a text of more than 24 letters" here"#, "bad STR here"),
            ("short ones stay", r#"bad "key""#, r#"bad "key""#),
            (
                "identifiers and times",
                "job 123e4567-e89b-12d3-a456-426614174000 at 2026-01-02T03:04:05Z",
                "job X at X",
            ),
            ("the first line only", "\none\ntwo", "one"),
            ("separators of a key", "a | b < c", "a / b lt c"),
        ];
        for (name, text, want) in cases {
            assert_eq!(normalized(text), want, "{name}");
        }
        assert_eq!(normalized(&"x".repeat(1000)).len(), 80);
    }
}
