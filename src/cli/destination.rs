//! In which form a report goes where.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cli::args::{EnvironmentArg, Format, ReportArgs};
use crate::cli::new_file::{self, Existing};
use crate::cli::options::LocalsArg;
use crate::cli::ui::{Stream, Ui};
use crate::report::model::Report;
use crate::report::render::json::{self, Layout};
use crate::report::render::text::{self, TextOptions, Threads};

/// Where reports go, and how they look there.
#[derive(Clone, Debug)]
pub struct Destination {
    place: Place,
    existing: Existing,
    format: Format,
    layout: Layout,
    registers: bool,
    threads: Threads,
    ipc: bool,
    tree: bool,
    environment: bool,
    /// How many parts of one value to show; `None`: as many as usual.
    parts: Option<usize>,
    /// Source files below it are shown relative to it, instead of to the
    /// current directory.
    directory: Option<String>,
    /// What was rendered for a file, which is written at the end.
    pending: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Stream(Stream),
    File(PathBuf),
}

impl Destination {
    /// Takes the user's choice; without one, `stream`.
    ///
    /// # Errors
    ///
    /// When the chosen file exists and is not to be replaced.
    pub fn new(args: &ReportArgs, stream: Stream, layout: Layout) -> Result<Self> {
        let existing = if args.force { Existing::Replace } else { Existing::Keep };
        let place = match &args.output {
            None => Place::Stream(stream),
            Some(path) if path == Path::new("-") => Place::Stream(Stream::Output),
            Some(path) => {
                new_file::check(path, existing)?;
                Place::File(path.clone())
            }
        };
        let threads = if args.all_threads { Threads::Full } else { Threads::Folded };
        Ok(Self {
            place,
            existing,
            format: args.format,
            layout,
            registers: args.registers,
            threads,
            ipc: args.ipc,
            tree: args.tree,
            environment: args.environment.is_some_and(|it| it != EnvironmentArg::None),
            parts: None,
            directory: None,
            pending: String::new(),
        })
    }

    /// Shows the stacks of all threads when the locals of all are wanted: they
    /// have no other place.
    pub fn show_locals(&mut self, locals: LocalsArg) {
        if locals == LocalsArg::All {
            self.threads = Threads::Full;
        }
    }

    /// Shows up to so many elements of one value.
    pub fn show_elements(&mut self, elements: Option<usize>) {
        self.parts = elements;
    }

    /// Shows source files below `directory` relative to it.
    pub fn relative_to(mut self, directory: &Path) -> Self {
        self.directory = directory.to_str().map(str::to_owned);
        self
    }

    /// Delivers one report. What goes to a file is kept until
    /// [`Destination::finish`].
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn deliver(&mut self, report: &Report, ui: &Ui) -> Result<()> {
        let text = self.render(report, ui)?;
        match &self.place {
            Place::Stream(Stream::Output) => ui.data(&text),
            Place::Stream(Stream::Error) => ui.report(&text),
            Place::File(_) => {
                self.pending.push_str(&text);
                Ok(())
            }
        }
    }

    /// Writes the file, if there is one and anything is in it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(self) -> Result<()> {
        match &self.place {
            Place::File(path) if !self.pending.is_empty() => {
                new_file::write(path, self.pending.as_bytes(), self.existing)
            }
            _ => Ok(()),
        }
    }

    fn render(&self, report: &Report, ui: &Ui) -> Result<String> {
        let mut out = String::new();
        let done = match self.format {
            Format::Json => json::render(report, self.layout, &mut out),
            Format::Text => {
                // A file has no terminal: no color, no width, no `~`.
                let options = match &self.place {
                    Place::Stream(stream) => ui.text_options(*stream),
                    Place::File(_) => TextOptions::default(),
                };
                // What the program wrote, or the report before, ends here.
                if self.place == Place::Stream(Stream::Error) || !self.pending.is_empty() {
                    out.push('\n');
                }
                let (registers, threads) = (self.registers, self.threads);
                let (ipc, tree, environment) = (self.ipc, self.tree, self.environment);
                let directory = self.directory.clone().or_else(|| options.directory.clone());
                let parts = self.parts.unwrap_or(options.parts);
                let options = TextOptions {
                    registers,
                    threads,
                    ipc,
                    tree,
                    environment,
                    parts,
                    directory,
                    ..options
                };
                text::render(report, &options, &mut out)
            }
        };
        done.context("cannot render the report")?;
        Ok(out)
    }
}
