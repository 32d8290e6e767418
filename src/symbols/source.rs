//! The lines of a source file around one of them.

/// A source file longer than this is not read: an excerpt is for people.
const LONGEST_FILE: usize = 64 << 20;

/// A line longer than this is cut: nobody reads minified code in a report.
const LONGEST_LINE: usize = 400;

/// Some lines of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLines {
    /// The number of the first one, from 1.
    pub start: u32,
    /// The lines without their ends. Bytes that are no UTF-8 are replaced.
    pub lines: Vec<String>,
    /// The number of the line that was asked for.
    pub marked: u32,
    /// Whether the file was changed after the program was linked, so that
    /// these may be other lines than those that were compiled.
    pub is_newer: bool,
}

/// Line `marked` of `text`, with up to `around` lines before and after it.
/// `None`: the text is shorter.
pub(super) fn excerpt(
    text: &[u8],
    marked: u32,
    around: u32,
    is_newer: bool,
) -> Option<SourceLines> {
    if text.len() > LONGEST_FILE {
        return None;
    }
    let start = marked.checked_sub(around).unwrap_or(1).max(1);
    let end = marked.saturating_add(around);
    // The text after the last line end is a line only if it is not empty.
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let lines: Vec<String> = text
        .split(|byte| *byte == b'\n')
        .take(usize::try_from(end).ok()?)
        .skip(usize::try_from(start.checked_sub(1)?).ok()?)
        .map(line)
        .collect();
    let has_marked = u64::from(marked) < u64::from(start) + lines.len() as u64;
    (marked > 0 && has_marked).then_some(SourceLines { start, lines, marked, is_newer })
}

fn line(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let shown = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    String::from_utf8_lossy(shown).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts() {
        let text = b"one\ntwo\r\nthree\nfour\nfive\n";
        let cases: &[(u32, u32, u32, &[&str])] = &[
            (3, 1, 2, &["two", "three", "four"]),
            (1, 2, 1, &["one", "two", "three"]),
            (5, 1, 4, &["four", "five"]),
            (2, 0, 2, &["two"]),
            (u32::MAX, 0, 0, &[]),
            (6, 2, 0, &[]),
            (0, 2, 0, &[]),
        ];
        for (marked, around, start, lines) in cases {
            let found = excerpt(text, *marked, *around, false);
            let want = (!lines.is_empty()).then(|| SourceLines {
                start: *start,
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
                marked: *marked,
                is_newer: false,
            });
            assert_eq!(found, want, "line {marked} and {around} around it");
        }
        assert_eq!(excerpt(b"", 1, 2, false).unwrap().lines, [""], "an empty file has one line");
    }
}
