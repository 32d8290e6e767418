//! The programs under `fixtures/programs`, with what their comments say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::support::expectation::{Expectation, Fact};

/// One program that dies of one cause.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    /// The file's name without its extension: `null-pointer`.
    pub(crate) name: String,
    pub(crate) source: PathBuf,
    pub(crate) language: Language,
    /// The first line of its comment.
    pub(crate) about: String,
    /// What the compiler needs besides `-g` and an optimization level.
    pub(crate) flags: Vec<String>,
    /// Packages of C libraries that it needs, as `pkg-config` calls them.
    pub(crate) packages: Vec<String>,
    /// The compiler that builds it. `None`: each of its language.
    pub(crate) compiler: Option<String>,
    /// Sources that are compiled and linked together with it.
    pub(crate) parts: Vec<PathBuf>,
    /// The source of a shared library, whose path the program has as `LIBRARY`.
    pub(crate) library: Option<PathBuf>,
    /// Why gdb is no judge of it.
    pub(crate) gdb_is_wrong: Option<String>,
    /// Whether it is built with DWARF 4, too.
    pub(crate) with_dwarf4: bool,
    /// Whether it is built at every optimization level.
    pub(crate) with_every_level: bool,
    /// Whether it is also built without symbols and debug information.
    pub(crate) with_stripped: bool,
    /// How many times it handles its fatal signal before it dies of it.
    pub(crate) handled: u32,
    /// Whether it runs, and never sleeps, once it is ready.
    pub(crate) is_busy: bool,
    /// The signal that somebody has to send once it has said that it is ready.
    pub(crate) send: Option<String>,
    pub(crate) expectations: Vec<Expectation>,
}

/// The languages of fixtures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Cxx,
    Rust,
    Go,
    D,
}

/// All fixtures, sorted by name.
pub(crate) fn all() -> &'static [Fixture] {
    static ALL: LazyLock<Vec<Fixture>> = LazyLock::new(|| in_directory("fixtures/programs"));
    &ALL
}

/// The programs under `tests/causes`, sorted by name: causes of death that need
/// another library, or words that differ from run to run.
pub(crate) fn of_causes() -> &'static [Fixture] {
    static ALL: LazyLock<Vec<Fixture>> = LazyLock::new(|| in_directory("tests/causes"));
    &ALL
}

/// The programs under `tests/values`, sorted by name: variables of every kind.
pub(crate) fn of_values() -> &'static [Fixture] {
    static ALL: LazyLock<Vec<Fixture>> = LazyLock::new(|| in_directory("tests/values"));
    &ALL
}

fn in_directory(directory: &str) -> Vec<Fixture> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = fs::read_dir(directory).expect("the directory can be listed");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let mut found: Vec<_> = files.map(Fixture::read).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The fixture of this name.
pub(crate) fn named(name: &str) -> &'static Fixture {
    all().iter().find(|fixture| fixture.name == name).expect("a fixture of this name")
}

impl Fixture {
    fn read(source: PathBuf) -> Self {
        let text = fs::read_to_string(&source).expect("a fixture is readable");
        let shown = source.display();
        Self::parse(source.clone(), &text).unwrap_or_else(|(line, why)| {
            panic!("{shown}:{line}: {why}");
        })
    }

    /// Reads the comments. Errors name their line.
    pub(crate) fn parse(source: PathBuf, text: &str) -> Result<Self, (usize, String)> {
        let part = |part: Option<&std::ffi::OsStr>| {
            part.and_then(|part| part.to_str()).unwrap_or_default().to_owned()
        };
        let language = match part(source.extension()).as_str() {
            "c" => Language::C,
            "cpp" => Language::Cxx,
            "rs" => Language::Rust,
            "go" => Language::Go,
            "d" => Language::D,
            other => return Err((0, format!("no language has the extension `{other}`"))),
        };
        let about = text.lines().next().and_then(|line| line.strip_prefix("// "));
        let about = about.ok_or((1, "the first line says what it is about".to_owned()))?.to_owned();
        let markers = markers(text)?;
        let mut fixture = Self {
            name: part(source.file_stem()),
            source,
            language,
            about,
            flags: Vec::new(),
            packages: Vec::new(),
            compiler: None,
            parts: Vec::new(),
            library: None,
            gdb_is_wrong: None,
            with_dwarf4: false,
            with_every_level: false,
            with_stripped: false,
            handled: 0,
            is_busy: false,
            send: None,
            expectations: Vec::new(),
        };
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
            if let Some(flags) = line.strip_prefix("// build: ") {
                fixture.flags.extend(flags.split_whitespace().map(str::to_owned));
            } else if let Some(packages) = line.strip_prefix("// packages: ") {
                fixture.packages.extend(packages.split_whitespace().map(str::to_owned));
            } else if let Some(name) = line.strip_prefix("// compiler: ") {
                fixture.compiler = Some(name.to_owned());
            } else if let Some(names) = line.strip_prefix("// parts: ") {
                let beside = |name: &str| fixture.source.with_file_name(name);
                fixture.parts = names.split_whitespace().map(beside).collect();
            } else if let Some(name) = line.strip_prefix("// library: ") {
                fixture.library = Some(fixture.source.with_file_name(name));
            } else if let Some(why) = line.strip_prefix("// gdb: ") {
                fixture.gdb_is_wrong = Some(why.to_owned());
            } else if line == "// builds: dwarf4" {
                fixture.with_dwarf4 = true;
            } else if line == "// builds: stripped" {
                fixture.with_stripped = true;
            } else if line == "// builds: every" {
                fixture.with_dwarf4 = true;
                fixture.with_every_level = true;
            } else if let Some(words) = line.strip_prefix("// run: ") {
                fixture.read_run(words).map_err(|why| (number, why))?;
            } else if let Some(text) = line.strip_prefix("// expect: ") {
                let read = Expectation::parse(text, number, &markers);
                fixture.expectations.push(read.map_err(|why| (number, why))?);
            }
        }
        Ok(fixture)
    }

    fn read_run(&mut self, words: &str) -> Result<(), String> {
        for word in words.split_whitespace() {
            if word == "busy" {
                self.is_busy = true;
                continue;
            }
            match word.split_once('=') {
                Some(("handled", times)) => {
                    self.handled = times.parse().map_err(|_| "a number of times")?;
                }
                Some(("send", signal)) => self.send = Some(signal.to_owned()),
                _ => return Err(format!("`{word}` says nothing about a run")),
            }
        }
        Ok(())
    }

    /// The name of the signal that it dies of.
    pub(crate) fn signal(&self) -> &str {
        let mut signals =
            self.expectations.iter().filter_map(|expectation| match &expectation.fact {
                Fact::Signal(name) => Some(name.as_str()),
                _ => None,
            });
        signals.next().expect("every fixture expects a signal")
    }
}

/// Lines that hold `/* @name */`, by name.
fn markers(text: &str) -> Result<BTreeMap<String, u32>, (usize, String)> {
    let mut markers = BTreeMap::new();
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let marker = line.split_once("/* @").and_then(|(_, rest)| rest.split_once(" */"));
        let Some((marker, _)) = marker else { continue };
        let line = u32::try_from(number).expect("fixtures are short");
        if markers.insert(marker.to_owned(), line).is_some() {
            return Err((number, format!("there are two lines with `@{marker}`")));
        }
    }
    Ok(markers)
}
