//! Words that all rules share.

use crate::base::addr::RunAddr;
use crate::diagnose::brevity::outside_of_quotes;
use crate::diagnose::instruction::{Access, Part};

/// Bytes of the target's own words that a sentence quotes.
const LONGEST_QUOTE: usize = 300;

/// As many of a verdict, in which there is more to say.
const LONGEST_SAID: usize = 110;

/// `cause` as a clause, in words that fit the confidence: ", because `conn` is
/// NULL".
pub fn because(confidence: f32, cause: &str) -> String {
    format!(", {}because {cause}", hedge(confidence))
}

/// "" for what is certain, else "very likely ", "likely " or "possibly ".
pub fn hedge(confidence: f32) -> &'static str {
    match confidence {
        sure if sure >= 0.95 => "",
        sure if sure >= 0.7 => "very likely ",
        sure if sure >= 0.4 => "likely ",
        _ => "possibly ",
    }
}

/// An explanation in which the doubt is heard that its confidence leaves. Rules
/// say it where it belongs; what lacks it gets it at the start, and a word that
/// is too sure gives way.
pub fn doubted(explanation: &str, confidence: f32) -> String {
    let wanted = hedge(confidence);
    if wanted.is_empty() {
        return explanation.to_owned();
    }
    let plain = outside_of_quotes(explanation);
    let found = HEDGES.iter().filter_map(|word| plain.find(word).map(|at| (at, *word)));
    // "likely" is in "very likely", and begins later.
    let Some((at, word)) = found.min_by_key(|(at, _)| *at) else {
        return format!("{}: {explanation}", wanted.trim_end());
    };
    let rank = |word: &str| HEDGES.iter().position(|it| *it == word);
    if rank(word) >= rank(wanted) {
        return explanation.to_owned();
    }
    let (before, after) = explanation.split_at(at);
    format!("{before}{wanted}{}", after.strip_prefix(word).unwrap_or(after))
}

/// The words of doubt, the surest first.
const HEDGES: [&str; 3] = ["very likely ", "likely ", "possibly "];

/// `1 byte`, `4 bytes`.
pub fn bytes(count: u64) -> String {
    counted(count, "byte")
}

/// `1 thread`, `4 threads`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A size for people, exact where that is short: `8 MiB`, `132 KiB`, `20 bytes`.
pub fn size(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if count >= unit {
            let whole = count / unit;
            let tenths = (count % unit).saturating_mul(10) / unit;
            return match tenths {
                0 => format!("{whole} {name}"),
                _ => format!("{whole}.{tenths} {name}"),
            };
        }
    }
    bytes(count)
}

/// "read of 4 bytes at 0x18"; the address is the one reported.
pub fn access(access: Option<&Access>, at: RunAddr) -> String {
    match access {
        Some(access) if access.size > 0 => {
            format!("{} of {} at {at}", access.kind.noun(), bytes(access.size))
        }
        Some(access) => format!("{} at {at}", access.kind.noun()),
        None => format!("access to {at}"),
    }
}

/// `%rdi = 0x0`, or that it is unknown.
pub fn register(part: &Part) -> String {
    match part.value {
        Some(value) => format!("{part} = {value:#x}"),
        None => format!("{part} is not known"),
    }
}

/// The target's words as evidence, cut to a length that a sentence bears. Not
/// escaped.
pub fn quote(text: &str) -> String {
    cut(text, LONGEST_QUOTE)
}

/// As [`quote`], for a verdict.
pub fn said(text: &str) -> String {
    cut(text, LONGEST_SAID)
}

fn cut(text: &str, longest: usize) -> String {
    let text = text.trim();
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(longest);
    let start = text.get(..end).unwrap_or_default();
    // At the end of a word, unless that is far away.
    let word = start.rfind(' ').filter(|at| *at > longest / 2);
    let start = word.and_then(|at| start.get(..at)).unwrap_or(start);
    format!("{start}...")
}

/// Names in a sentence: "`a`", "`a` and `b`", "`a`, `b` and `c`".
pub fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// The bytes of a word as text, when all of them could be: a sign that text
/// was used as a pointer. Zeros may follow.
pub fn ascii(word: u64) -> Option<String> {
    let bytes = word.to_le_bytes();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at_checked(end)?;
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let is_all_text = text.len() >= 4 && text.iter().all(is_text);
    let fits = is_all_text && rest.iter().all(|byte| *byte == 0);
    fits.then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_heard() {
        let cases =
            [(1.0, ""), (0.95, ""), (0.94, "very likely "), (0.5, "likely "), (0.1, "possibly ")];
        for (confidence, want) in cases {
            assert_eq!(hedge(confidence), want, "{confidence}");
        }
    }

    #[test]
    fn doubt_is_heard() {
        let cases = [
            ("a loop", 0.96, "a loop"),
            ("a loop", 0.8, "very likely: a loop"),
            ("x, very likely because y", 0.8, "x, very likely because y"),
            ("x, very likely because y", 0.5, "x, likely because y"),
            ("x, possibly because y", 0.9, "x, possibly because y"),
            ("said \"very likely so\"", 0.5, "likely: said \"very likely so\""),
        ];
        for (explanation, confidence, want) in cases {
            assert_eq!(doubted(explanation, confidence), want);
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (8 << 20, "8 MiB"),
            (132 << 10, "132 KiB"),
            ((8 << 20) + (100 << 10), "8 MiB"),
            (3 << 29, "1.5 GiB"),
        ];
        for (count, want) in cases {
            assert_eq!(size(count), want);
        }
    }

    #[test]
    fn text_as_a_pointer() {
        let cases = [
            (u64::from_le_bytes(*b"ABCDEFGH"), Some("ABCDEFGH")),
            (u64::from_le_bytes(*b"ABCDE\0\0\0"), Some("ABCDE")),
            (0x7fff_ffff_e010, None),
            (0x41, None),
            (0, None),
        ];
        for (word, want) in cases {
            assert_eq!(ascii(word).as_deref(), want, "{word:#x}");
        }
    }

    #[test]
    fn quotes_are_bounded_at_a_character() {
        assert_eq!(quote(" short \n"), "short");
        let long = quote(&"ß".repeat(400));
        assert!(long.len() <= LONGEST_QUOTE + 3 && long.ends_with("ß..."), "{long}");
    }
}
