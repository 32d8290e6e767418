//! The one writer to standard output and standard error.
//!
//! Data goes to standard output, talk to standard error. A closed pipe is
//! success: whoever reads has seen enough.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context as _, Result};
use terminal_size::{Width, terminal_size_of};

use crate::cli::choices::Color;
use crate::cli::exit::Exit;
use crate::cli::failure;
use crate::report::model::{Fault, Gap};
use crate::report::render::escape::escaped;
use crate::report::render::fault;
use crate::report::render::text::TextOptions;
use crate::report::render::theme::{Role, Theme};

/// Where a person or a program listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Talks to the user.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    color: Color,
    quiet: bool,
}

/// Lines of text are not laid out wider than this: they are hard to read.
const WIDEST: usize = 120;

impl Ui {
    /// Talks in color as `color` says; not at all when `quiet`, but for errors.
    pub fn new(color: Color, quiet: bool) -> Self {
        Self { color, quiet }
    }

    /// Whether nothing but errors and data is to be said.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    ///
    /// When it cannot be written, unless nobody reads it any more.
    pub fn data(&self, text: &str) -> Result<()> {
        self.data_while_read(text).map(|_is_read| ())
    }

    /// Writes data to standard output, and says whether anybody still reads.
    ///
    /// # Errors
    ///
    /// As for [`Ui::data`].
    pub fn data_while_read(&self, text: &str) -> Result<bool> {
        let mut stdout = io::stdout().lock();
        let done = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        let is_closed = matches!(&done, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        unless_closed(done).context("cannot write to standard output")?;
        Ok(!is_closed)
    }

    /// Writes a report to standard error. Being quiet does not silence it.
    ///
    /// # Errors
    ///
    /// As for [`Ui::data`].
    pub fn report(&self, text: &str) -> Result<()> {
        let done = io::stderr().lock().write_all(text.as_bytes());
        unless_closed(done).context("cannot write to standard error")
    }

    /// Says one line of text on standard error, unless quiet.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            // There is nobody left to tell that telling failed.
            let _told = writeln!(io::stderr().lock(), "{}", escaped(line));
        }
    }

    /// Says why a command failed, and what to try.
    pub fn error(&self, error: &anyhow::Error) {
        self.lines("error:", Role::Alarm, &format!("{error:#}"));
        if let Some(hint) = failure::hint(error) {
            self.lines("hint:", Role::Hint, &hint);
        }
    }

    /// Says what is wrong with an expression, and marks the place.
    pub fn fault(&self, expression: &str, found: &Fault) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _written = fault::render(expression, found, self.theme(Stream::Error), &mut text);
        let _told = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Says what an answer lacks, and what would help, unless quiet.
    pub fn gaps(&self, gaps: &[Gap]) {
        for gap in gaps.iter().filter(|_| !self.quiet) {
            let why = if gap.why.is_empty() { String::new() } else { format!(": {}", gap.why) };
            self.lines("not known:", Role::Unknown, &format!("{}{why}", gap.missing));
            if let Some(hint) = &gap.hint {
                self.lines("hint:", Role::Hint, hint);
            }
        }
    }

    fn lines(&self, label: &str, role: Role, text: &str) {
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _written = self.theme(Stream::Error).paint(role, label, &mut line);
        // Paths and reasons may hold anything.
        line.push_str(&format!(" {}\n", escaped(text)));
        let _told = io::stderr().lock().write_all(line.as_bytes());
    }

    /// How a report is to look on `stream`.
    pub fn text_options(&self, stream: Stream) -> TextOptions {
        let is_terminal = self.is_terminal(stream);
        let home = std::env::var_os("HOME").filter(|_| is_terminal);
        TextOptions {
            width: width(stream),
            theme: self.theme(stream),
            home: home.and_then(|home| home.into_string().ok()),
            directory: std::env::current_dir()
                .ok()
                .and_then(|path| path.to_str().map(str::to_owned)),
            ..TextOptions::default()
        }
    }

    /// Whether a person looks at `stream`.
    pub fn is_terminal(&self, stream: Stream) -> bool {
        match stream {
            Stream::Output => io::stdout().is_terminal(),
            Stream::Error => io::stderr().is_terminal(),
        }
    }

    fn theme(&self, stream: Stream) -> Theme {
        let choice = match (self.color, stream) {
            (Color::Always, _) => ColorChoice::Always,
            (Color::Never, _) => ColorChoice::Never,
            // This looks at NO_COLOR, CLICOLOR, TERM and the terminal.
            (Color::Auto, Stream::Output) => AutoStream::choice(&io::stdout()),
            (Color::Auto, Stream::Error) => AutoStream::choice(&io::stderr()),
        };
        if choice == ColorChoice::Never { Theme::Plain } else { Theme::Ansi }
    }
}

/// Prints what the parser of the command line says: an error, or the help that
/// was asked for.
pub fn usage(usage: &clap::Error) -> Exit {
    // A closed pipe, again, is success.
    let _printed = usage.print();
    if usage.use_stderr() { Exit::Usage } else { Exit::Done }
}

fn unless_closed(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn width(stream: Stream) -> usize {
    let size = match stream {
        Stream::Output => terminal_size_of(io::stdout()),
        Stream::Error => terminal_size_of(io::stderr()),
    };
    match size {
        Some((Width(columns), _)) if columns > 0 => usize::from(columns).min(WIDEST),
        _ => TextOptions::default().width,
    }
}
