//! In which form a report goes where.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::analyze;
use crate::cli::args::ReportArgs;
use crate::cli::choices::EnvironmentArg;
use crate::cli::new_file::{self, Existing};
use crate::cli::options::LocalsArg;
use crate::cli::triage::formats::{self, FormatChoice};
use crate::cli::triage::reading::triage_of;
use crate::cli::triage::repository::{PathMap, Repository};
use crate::cli::ui::{Stream, Ui};
use crate::report::model::Report;
use crate::report::render::json::Layout;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::text::{TextOptions, Threads};

/// Where reports go, and how they look there.
#[derive(Clone)]
pub struct Destination {
    place: Place,
    existing: Existing,
    format: &'static dyn Renderer,
    /// Forms that go to files of their own.
    more: Vec<FormatChoice>,
    path_maps: Vec<PathMap>,
    /// All reports, when a form tells them together at the end.
    all: Vec<Report>,
    keeps_all: bool,
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
        let (format, more) = formats::split(&args.formats)?;
        for path in more.iter().filter_map(|choice| choice.file.as_deref()) {
            new_file::check(path, existing)?;
        }
        Ok(Self {
            place,
            existing,
            format,
            more: more.into_iter().cloned().collect(),
            path_maps: Vec::new(),
            all: Vec::new(),
            keeps_all: false,
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

    /// Finds source files of the repository by `--path-map`, too.
    pub fn map_paths(&mut self, maps: &[PathMap]) {
        self.path_maps = maps.to_vec();
    }

    /// Keeps all reports, for [`Destination::all`].
    pub fn keep_all(&mut self) {
        self.keeps_all = true;
    }

    /// The reports that were delivered, when they are kept.
    pub fn all(&self) -> &[Report] {
        &self.all
    }

    /// Delivers one report. What goes to a file is kept until
    /// [`Destination::finish`], and so is what tells all reports together.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn deliver(&mut self, report: &Report, ui: &Ui) -> Result<()> {
        if self.keeps_all || !self.more.is_empty() || !self.is_streamed() {
            self.all.push(report.clone());
        }
        if !self.is_streamed() {
            return Ok(());
        }
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

    /// Writes what is left: the files, and forms that tell all reports at once.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self, ui: &Ui) -> Result<()> {
        if !self.is_streamed() && !self.all.is_empty() {
            let text = self.together(self.format)?;
            match &self.place {
                Place::Stream(Stream::Output) => ui.data(&text)?,
                Place::Stream(Stream::Error) => ui.report(&text)?,
                Place::File(_) => self.pending.push_str(&text),
            }
        }
        if let Place::File(path) = &self.place
            && !self.pending.is_empty()
        {
            new_file::write(path, self.pending.as_bytes(), self.existing)?;
        }
        for choice in &self.more {
            let text = self.together(choice.renderer())?;
            if let Some(path) = &choice.file {
                new_file::write(path, text.as_bytes(), self.existing)?;
            }
        }
        Ok(())
    }

    /// Whether each report is told as it comes: text and JSON are.
    fn is_streamed(&self) -> bool {
        matches!(self.format.name(), "text" | "json")
    }

    /// All reports in one form: a single one by itself, several as bugs. Forms
    /// for other programs are lists always.
    fn together(&self, renderer: &dyn Renderer) -> Result<String> {
        let look = Look { text: self.text_options(TextOptions::default()), layout: self.layout };
        let mut out = String::new();
        let is_page = matches!(renderer.name(), "text" | "json" | "markdown" | "html");
        let done = match self.all.as_slice() {
            [report] if is_page => renderer.report(report, &look, &mut out),
            reports if renderer.name() == "json" => {
                reports.iter().try_for_each(|report| renderer.report(report, &look, &mut out))
            }
            reports => {
                let mut triage = triage_of(reports, &analyze::Options::default(), None);
                Repository::here(&self.path_maps).name_places(&mut triage);
                renderer.triage(&triage, &look, &mut out)
            }
        };
        done.context("cannot render the report")?;
        Ok(out)
    }

    fn render(&self, report: &Report, ui: &Ui) -> Result<String> {
        let mut out = String::new();
        // A file has no terminal: no color, no width, no `~`.
        let options = match &self.place {
            Place::Stream(stream) => ui.text_options(*stream),
            Place::File(_) => TextOptions::default(),
        };
        // What the program wrote, or the report before, ends here.
        let follows = self.place == Place::Stream(Stream::Error) || !self.pending.is_empty();
        if self.format.name() == "text" && follows {
            out.push('\n');
        }
        let look = Look { text: self.text_options(options), layout: self.layout };
        self.format.report(report, &look, &mut out).context("cannot render the report")?;
        Ok(out)
    }

    /// The user's choices for text.
    fn text_options(&self, options: TextOptions) -> TextOptions {
        TextOptions {
            registers: self.registers,
            threads: self.threads,
            ipc: self.ipc,
            tree: self.tree,
            environment: self.environment,
            parts: self.parts.unwrap_or(options.parts),
            directory: self.directory.clone().or_else(|| options.directory.clone()),
            ..options
        }
    }
}
