//! Sentences that must not be longer than two lines.
//!
//! A verdict is read first, mostly on a terminal of 100 columns, where the text
//! report writes a word before it. What is too long loses what the rest of the
//! report says again, in the order of what it is worth: lines of source files,
//! the ends of long names and texts, remarks in brackets, clauses.

/// Lines of a verdict.
const LINES: usize = 2;

/// Columns of each of them: 100 without those of `CRASH`.
const COLUMNS: usize = 93;

/// Characters of a quoted name or text that is shortened.
const LONGEST_QUOTED: usize = 40;

/// Bytes of a sentence that are looked at, whatever a program's names are.
const LONGEST: usize = 2000;

/// What stands for what was left out.
const LEFT_OUT: &str = " ...";

/// Whether a sentence needs no more than the lines of a verdict.
pub fn fits(sentence: &str) -> bool {
    lines(sentence) <= LINES
}

/// The first of several ways to say the same that fits, or else the last one,
/// made to fit.
pub fn briefest(ways: &[String]) -> String {
    let found = ways.iter().find(|way| fits(way));
    found.cloned().unwrap_or_else(|| shortened(ways.last().map_or("", String::as_str)))
}

/// A sentence, without what it can do without if it is too long.
fn shortened(sentence: &str) -> String {
    let end = sentence.floor_char_boundary(LONGEST);
    let sentence = sentence.get(..end).unwrap_or_default();
    let mut words = without_lines(sentence);
    if !fits(&words) {
        words = with_short_quotes(&words);
    }
    while !fits(&words) {
        let Some(shorter) = without_last_remark(&words) else { break };
        words = shorter;
    }
    while !fits(&words) {
        let Some(shorter) = without_last_clause(&words) else { break };
        words = shorter;
    }
    if fits(&words) { words } else { start_of(&words) }
}

/// Lines that a sentence takes when it is broken at spaces. A word that does
/// not fit in one line takes more than there are.
fn lines(sentence: &str) -> usize {
    let (mut lines, mut column) = (1_usize, 0_usize);
    for word in sentence.split(' ').filter(|word| !word.is_empty()) {
        let width = width(word);
        if width > COLUMNS {
            return usize::MAX;
        }
        let gap = usize::from(column > 0);
        if column.saturating_add(gap).saturating_add(width) > COLUMNS {
            lines = lines.saturating_add(1);
            column = width;
        } else {
            column = column.saturating_add(gap).saturating_add(width);
        }
    }
    lines
}

/// At least as many columns as a terminal needs, which shows what cannot be
/// printed as numbers: `\u{202e}`.
fn width(word: &str) -> usize {
    let columns = |letter: char| match letter {
        ' '..='~' => 1,
        letter if letter.is_alphanumeric() => 2,
        _ => 10,
    };
    word.chars().map(columns).sum()
}

/// Without the ` at FILE:LINE` behind names of functions: the stack has them.
fn without_lines(sentence: &str) -> String {
    let mut words = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once("` at ") {
        words.push_str(before);
        words.push('`');
        let end = after.find([' ', ',', ')']).unwrap_or(after.len());
        let (place, behind) = after.split_at(end);
        let is_place = place.rsplit_once(':').is_some_and(|(_, line)| {
            !line.is_empty() && line.bytes().all(|it| it.is_ascii_digit())
        });
        if !is_place {
            words.push_str(" at ");
            words.push_str(place);
        }
        rest = behind;
    }
    words + rest
}

/// With the ends of long texts between quotes left out.
fn with_short_quotes(sentence: &str) -> String {
    let mut words = String::new();
    let mut rest = sentence;
    while let Some(start) = rest.find(['`', '"']) {
        let (before, quoted) = rest.split_at(start);
        let mark = if quoted.starts_with('`') { '`' } else { '"' };
        let inner = quoted.get(1..).unwrap_or_default();
        let Some((inner, after)) = inner.split_once(mark) else { break };
        words.push_str(before);
        words.push(mark);
        match inner.char_indices().nth(LONGEST_QUOTED) {
            Some((end, _)) => {
                words.push_str(inner.get(..end).unwrap_or_default());
                words.push_str("...");
            }
            None => words.push_str(inner),
        }
        words.push(mark);
        rest = after;
    }
    words + rest
}

/// Without the last remark in brackets that stands outside of quotes.
fn without_last_remark(sentence: &str) -> Option<String> {
    let plain = outside_of_quotes(sentence);
    let start = plain.rfind(" (")?;
    let length = plain.get(start..)?.find(')')?.saturating_add(1);
    let (before, after) = (sentence.get(..start)?, sentence.get(start.checked_add(length)?..)?);
    Some(format!("{before}{after}"))
}

/// Without the last clause behind a comma that stands outside of quotes.
fn without_last_clause(sentence: &str) -> Option<String> {
    let sentence = sentence.strip_suffix(LEFT_OUT).unwrap_or(sentence);
    let end = outside_of_quotes(sentence).rfind([',', ';'])?;
    Some(format!("{}{LEFT_OUT}", sentence.get(..end)?))
}

/// The words at the start that fit.
fn start_of(sentence: &str) -> String {
    let mut words = String::new();
    for word in sentence.split(' ').filter(|word| !word.is_empty()) {
        let gap = if words.is_empty() { "" } else { " " };
        let longer = format!("{words}{gap}{word}");
        if !fits(&format!("{longer}{LEFT_OUT}")) {
            break;
        }
        words = longer;
    }
    words + LEFT_OUT
}

/// The sentence, byte for byte, with blanks for what stands between quotes.
pub fn outside_of_quotes(sentence: &str) -> String {
    let mut open: Option<char> = None;
    let mut words = String::new();
    for letter in sentence.chars() {
        match open {
            None if matches!(letter, '`' | '"') => open = Some(letter),
            Some(mark) if mark == letter => open = None,
            None => {
                words.push(letter);
                continue;
            }
            Some(_) => (),
        }
        words.extend(std::iter::repeat_n(' ', letter.len_utf8()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_they_are_broken() {
        let word = "w".repeat(46);
        assert_eq!(lines(&format!("{word} {word}")), 1);
        assert_eq!(lines(&format!("{word} {word} {word} {word}")), 2);
        assert_eq!(lines(&format!("{word} {word} {word} {word} w")), 3);
        assert!(!fits(&"w".repeat(94)));
        assert!(fits(""));
    }

    #[test]
    fn what_is_left_out_first() {
        let cases = [
            (without_lines("in `f` at a.c:12, called by `g`"), "in `f`, called by `g`"),
            (without_lines("the mutex `to` at 0x5590, held"), "the mutex `to` at 0x5590, held"),
            (without_lines("in `f` at a.c:12"), "in `f`"),
            (
                without_last_remark("a (one) of `b (two)` (three), four").unwrap(),
                "a (one) of `b (two)`, four",
            ),
            (without_last_clause("a, b \"c, d\", e").unwrap(), "a, b \"c, d\" ..."),
            (without_last_clause("a, b ...").unwrap(), "a ..."),
        ];
        for (found, want) in cases {
            assert_eq!(found, want);
        }
        let long = format!("`{}` and \"short\"", "n".repeat(60));
        assert_eq!(with_short_quotes(&long), format!("`{}...` and \"short\"", "n".repeat(40)));
    }

    #[test]
    fn whatever_it_is_it_fits() {
        let sentences = [
            String::new(),
            "w ".repeat(500),
            "w".repeat(500),
            "`".repeat(500),
            "(".repeat(500) + &")".repeat(500),
            ", ".repeat(300),
            "\u{202e}".repeat(90),
            "ß".repeat(600),
            format!("in `{}` (x), \"{}\" and {}", "a".repeat(99), "b ".repeat(99), "c ".repeat(99)),
            " (".repeat(400),
            "` at ".repeat(200),
        ];
        for sentence in sentences {
            let short = briefest(std::slice::from_ref(&sentence));
            assert!(fits(&short), "{short}");
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        let ways = ["x ".repeat(150), "in `f` at a.c:3 (so)".to_owned(), "no".to_owned()];
        assert_eq!(briefest(&ways), ways[1]);
    }
}
