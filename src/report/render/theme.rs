//! What is shown in which color. Roles, not colors, are used elsewhere.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing special.
    Plain,
    /// The word that says that something went wrong.
    Alarm,
    /// The verdict's sentence.
    Verdict,
    /// A function of the program itself.
    OwnFunction,
    /// A function of a library.
    Function,
    /// A source file and line.
    Path,
    /// A variable's name.
    Name,
    /// A known value.
    Value,
    /// Something that is not known, or doubtful.
    Unknown,
    /// What may be skipped.
    Dim,
    /// The line of the source where it happened.
    Mark,
    /// A heading.
    Heading,
    /// What a reader can do.
    Hint,
}

/// Whether roles are shown as colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// No escape sequences at all.
    #[default]
    Plain,
    /// The sixteen colors that every terminal lets its user choose.
    Ansi,
}

impl Theme {
    /// Writes `text`, which must be escaped already, as `role` looks.
    pub fn paint(self, role: Role, text: &str, out: &mut dyn Write) -> fmt::Result {
        let style = style(role);
        if self == Self::Plain || style.is_plain() {
            return out.write_str(text);
        }
        write!(out, "{style}{text}{style:#}")
    }
}

fn style(role: Role) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match role {
        Role::Plain | Role::Value | Role::Function => Style::new(),
        Role::Alarm => color(AnsiColor::Red).bold(),
        Role::Verdict | Role::Heading | Role::Mark => Style::new().bold(),
        Role::OwnFunction => color(AnsiColor::Yellow).bold(),
        Role::Path => color(AnsiColor::Green),
        Role::Name => color(AnsiColor::Cyan),
        Role::Unknown => color(AnsiColor::Magenta),
        Role::Dim => Style::new().dimmed(),
        Role::Hint => color(AnsiColor::Blue).bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_plain() {
        let mut out = String::new();
        Theme::Plain.paint(Role::Alarm, "CRASH", &mut out).unwrap();
        Theme::Ansi.paint(Role::Plain, "!", &mut out).unwrap();
        assert_eq!(out, "CRASH!");
    }

    #[test]
    fn styles_are_closed() {
        let mut out = String::new();
        Theme::Ansi.paint(Role::Dim, "a", &mut out).unwrap();
        assert_eq!(out, "\x1b[2ma\x1b[0m");
    }
}
