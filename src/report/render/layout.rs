//! Lines that know how wide they are.

use std::fmt::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::base::count::thousands;
use crate::report::render::escape::escaped;
use crate::report::render::theme::{Role, Theme};

/// Part of a line in one look. Its text is escaped.
#[derive(Clone, Debug)]
pub(super) struct Span {
    role: Role,
    text: String,
}

/// Escapes `text` and gives it a look.
pub(super) fn span(role: Role, text: &str) -> Span {
    Span { role, text: escaped(text).into_owned() }
}

impl Span {
    /// The same, at most `columns` wide; what was left out is said.
    pub(super) fn cut(mut self, columns: usize) -> Self {
        self.text = cut(&self.text, columns);
        self
    }

    /// From text that is escaped already.
    pub(super) fn safe(role: Role, text: String) -> Self {
        Self { role, text }
    }

    /// Columns on a terminal.
    pub(super) fn width(&self) -> usize {
        self.text.width()
    }

    /// Writes it as it looks in `theme`.
    pub(super) fn paint(&self, theme: Theme, out: &mut dyn Write) -> fmt::Result {
        theme.paint(self.role, &self.text, out)
    }
}

/// Fills lines with words and breaks them where they would be too long.
pub(super) struct Lines<'o> {
    out: &'o mut dyn Write,
    theme: Theme,
    width: usize,
    indent: usize,
    column: usize,
    directory: Option<&'o str>,
}

impl<'o> Lines<'o> {
    /// Writes to `out` in `theme`, up to `width` columns a line.
    pub(super) fn new(out: &'o mut dyn Write, theme: Theme, width: usize) -> Self {
        Self { out, theme, width, indent: 0, column: 0, directory: None }
    }

    /// Shows source files below `directory` relative to it.
    pub(super) fn relative_to(mut self, directory: Option<&'o str>) -> Self {
        // Relative to `/` nothing gets more readable.
        let directory = directory.map(|directory| directory.trim_end_matches('/'));
        self.directory = directory.filter(|directory| !directory.is_empty());
        self
    }

    /// A place in a source file.
    pub(super) fn place(&self, file: &str, line: u32) -> Span {
        let below = self.directory.and_then(|directory| file.strip_prefix(directory));
        let file = below.and_then(|rest| rest.strip_prefix('/')).unwrap_or(file);
        span(Role::Path, &format!("{file}:{line}"))
    }

    /// Columns of a line.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Begins a line at column `at`. The lines that follow by being too long
    /// begin at column `indent`.
    pub(super) fn begin(&mut self, at: usize, indent: usize) -> fmt::Result {
        self.indent = indent;
        self.column = 0;
        self.pad(at)
    }

    /// Adds spans that stay together, `gap` columns after what is there, on
    /// this line if they fit or else on the next.
    pub(super) fn word(&mut self, gap: usize, spans: &[Span]) -> fmt::Result {
        let wide: usize = spans.iter().map(Span::width).sum();
        let too_wide = self.column.saturating_add(gap).saturating_add(wide) > self.width;
        if too_wide && self.column > self.indent {
            self.out.write_char('\n')?;
            self.column = 0;
            self.pad(self.indent)?;
        } else {
            self.pad(gap)?;
        }
        for span in spans {
            self.theme.paint(span.role, &span.text, self.out)?;
        }
        self.column = self.column.saturating_add(wide);
        Ok(())
    }

    /// Adds a sentence, which may be broken at each of its spaces.
    pub(super) fn sentence(&mut self, gap: usize, role: Role, text: &str) -> fmt::Result {
        let mut gap = gap;
        // Words of one line are painted together.
        let mut together = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let word = escaped(word);
            let with_word = gap
                .saturating_add(together.width())
                .saturating_add(usize::from(!together.is_empty()))
                .saturating_add(word.width());
            if !together.is_empty() && self.column.saturating_add(with_word) > self.width {
                self.word(gap, &[Span::safe(role, std::mem::take(&mut together))])?;
                gap = 1;
            }
            if !together.is_empty() {
                together.push(' ');
            }
            together.push_str(&word);
        }
        if together.is_empty() { Ok(()) } else { self.word(gap, &[Span::safe(role, together)]) }
    }

    /// Ends the line.
    pub(super) fn end(&mut self) -> fmt::Result {
        self.column = 0;
        self.out.write_char('\n')
    }

    /// One line of one sentence.
    pub(super) fn line(&mut self, at: usize, role: Role, text: &str) -> fmt::Result {
        self.begin(at, at)?;
        self.sentence(0, role, text)?;
        self.end()
    }

    fn pad(&mut self, columns: usize) -> fmt::Result {
        self.column = self.column.saturating_add(columns);
        write!(self.out, "{:columns$}", "")
    }
}

/// `text` in at most `columns` columns. What is left out is counted, if there
/// is room to say so.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let total = text.chars().count();
    let note = |kept: usize| format!("... ({} more characters)", thousands((total - kept) as u64));
    // The count is longest when nothing is kept.
    let longest = note(0).len();
    // Of what was cut before, the whole is not there to be counted.
    let is_whole = !text.contains("...");
    let counted = is_whole && columns >= longest.saturating_mul(2);
    if !counted {
        return shortened(text, columns);
    }
    let kept = beginning(text, columns.saturating_sub(longest));
    format!("{}{}", kept.trim_end(), note(kept.chars().count()))
}

/// `text` in at most `columns` columns, with `...` for what is left out.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    format!("{}...", beginning(text, columns.saturating_sub(3)).trim_end())
}

/// As much of the beginning of `text` as `columns` columns have room for.
fn beginning(text: &str, columns: usize) -> &str {
    let mut wide = 0_usize;
    let end = text.char_indices().find(|(_, char)| {
        wide = wide.saturating_add(char.width().unwrap_or(0));
        wide > columns
    });
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts() {
        let long = "a".repeat(1000);
        let cases = [
            ("short text stays", "abc", 3, "abc".to_owned()),
            ("too little room to count", "abcdefgh", 6, "abc...".to_owned()),
            // 26 columns are kept for "... (1,000 more characters)".
            ("counted", &long, 60, format!("{}... (967 more characters)", "a".repeat(33))),
            ("cut before", &(long.clone() + "\"..."), 60, format!("{}...", "a".repeat(57))),
            ("wide characters take two columns", "名前名前", 7, "名前...".to_owned()),
        ];
        for (name, text, columns, want) in cases {
            let got = cut(text, columns);
            assert_eq!(got, want, "{name}");
            assert!(got.width() <= columns, "{name}");
        }
    }

    #[test]
    fn words_move_to_the_next_line_whole() {
        let mut out = String::new();
        let mut lines = Lines::new(&mut out, Theme::Plain, 20);
        lines.begin(2, 4).unwrap();
        lines
            .sentence(0, Role::Plain, "one two three four five sixteenlettersandmore end")
            .unwrap();
        lines.end().unwrap();
        let want = "  one two three four\n    five\n    sixteenlettersandmore\n    end\n";
        assert_eq!(out, want);
    }
}
