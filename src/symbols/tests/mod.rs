//! Programs compiled by these tests, and what must be found in them.
//!
//! A program marks instructions by global assembler labels, `at_NAME`, and
//! source lines by comments, `// line NAME`. The labels are symbols, so that
//! the address of an instruction is known without any debug information.

mod calls;
mod damage;
mod files;
mod memory;
mod names;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::base::addr::{Bias, FileOff, FrameAddr, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::base::file_store::FileStore;
use crate::base::gap::{Gap, Gaps};
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::base::memory::tests::Bytes;
use crate::dump::process::{Identity, Mapping, Module, Permissions, Process, Source, SourceKind};
use crate::symbols::functions::NameSource;
use crate::symbols::object::Image;
use crate::symbols::{SymbolOptions, Symbols};

/// Where test modules are loaded.
const BASE: u64 = 0x5555_5555_0000;

/// A program or library in a directory of its own.
struct Program {
    dir: TempDir,
    path: PathBuf,
    source: String,
    /// Addresses by symbol, from before anything was stripped.
    labels: BTreeMap<String, RunAddr>,
}

impl Program {
    /// Compiles `source`. A missing compiler fails the test.
    fn compile(compiler: &str, flags: &[&str], source: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let name = match compiler {
            "gcc" | "clang" => "main.c",
            "g++" | "clang++" => "main.cpp",
            "rustc" => "main.rs",
            other => panic!("no such language: {other}"),
        };
        fs::write(dir.path().join(name), source).unwrap();
        let path = dir.path().join("prog");
        run(compiler, &[flags, &[name, "-o", "prog"]].concat(), dir.path());
        let labels = labels(&path);
        Self { dir, path, source: source.to_owned(), labels }
    }

    /// A file of the program's directory.
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The address of a label in the test's process.
    fn at(&self, label: &str) -> RunAddr {
        *self.labels.get(label).unwrap_or_else(|| panic!("no label {label}"))
    }

    /// Runs a tool in the program's directory.
    fn tool(&self, tool: &str, arguments: &[&str]) {
        run(tool, arguments, self.dir.path());
    }

    /// The number of the line that ends with `// line NAME`.
    fn line(&self, name: &str) -> u32 {
        let mark = format!("// line {name}");
        let line = self.source.lines().position(|line| line.ends_with(&mark));
        line.unwrap_or_else(|| panic!("no {mark}")) as u32 + 1
    }

    fn build_id(&self) -> Option<Vec<u8>> {
        let store = FileStore::new();
        let image = Image::parse(store.open(&self.path).unwrap().bytes, Arch::X86_64).unwrap();
        image.build_id().map(<[u8]>::to_vec)
    }
}

/// The symbols of a file by `nm`, which shares no code with us.
fn labels(path: &Path) -> BTreeMap<String, RunAddr> {
    let output = Command::new("nm").arg("--defined-only").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let symbol = |line: &str| {
        let mut words = line.split_whitespace();
        let at = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((words.nth(1)?.to_owned(), RunAddr(BASE + at)))
    };
    text.lines().filter_map(symbol).collect()
}

fn run(tool: &str, arguments: &[&str], directory: &Path) {
    let output = Command::new(tool).args(arguments).current_dir(directory).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {tool}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {errors}");
}

/// Memory of which nothing was dumped.
struct Nothing;

impl Memory for Nothing {
    fn read(&self, _at: RunAddr, _out: &mut [u8]) -> usize {
        0
    }
}

/// A process that has nothing but the file at `path` loaded at `BASE`.
fn process(path: &Path, build_id: Option<Vec<u8>>) -> Process<'static> {
    let store = FileStore::new();
    let mut mappings = Vec::new();
    let file = store.open(path).map(|file| file.bytes).unwrap_or_default();
    let image = Image::parse(file, Arch::X86_64);
    let loads = image.as_ref().map(Image::loads).unwrap_or_default();
    let mut end = BASE + 0x10_0000;
    for load in loads {
        // As the loader does: whole pages.
        let start = load.start.0 & !0xfff;
        end = (BASE + load.start.0 + load.memory_size + 0xfff) & !0xfff;
        mappings.push(Mapping {
            range: RunRange { start: RunAddr(BASE + start), end: RunAddr(end) },
            permissions: Permissions {
                read: true,
                write: load.is_writable,
                execute: false,
                known: true,
            },
            path: Some(path.as_os_str().as_encoded_bytes().to_vec()),
            offset: FileOff(load.offset.0 - (load.start.0 - start)),
            dumped: 0,
        });
    }
    let module = Module {
        path: path.as_os_str().as_encoded_bytes().to_vec(),
        range: RunRange { start: RunAddr(BASE), end: RunAddr(end) },
        bias: Some(Bias(BASE)),
        build_id,
        is_main: true,
    };
    Process {
        source: Source { kind: SourceKind::Core, path: None, complete: true, compressed: false },
        arch: Arch::X86_64,
        identity: Identity::default(),
        signal: None,
        threads: Vec::new(),
        mappings,
        modules: vec![module],
        auxv: Vec::new(),
        sidecar: None,
        memory: Box::new(Nothing),
    }
}

/// What a test may ask, with everything that must live as long.
struct Question<'f> {
    symbols: Symbols<'f>,
    gaps: &'f Gaps,
}

impl Question<'_> {
    /// `function line`, innermost first, for the instruction at a label. The
    /// inlined ones have `inlined` in front.
    fn calls(&self, at: RunAddr) -> Vec<String> {
        let calls = self.symbols.calls(FrameAddr::Pc(at));
        calls
            .iter()
            .map(|call| {
                let inlined = if call.is_inlined { "inlined " } else { "" };
                let name = call.function.as_ref().map_or("?", |function| &function.display);
                let line = call.place.as_ref().and_then(|place| place.line);
                format!("{inlined}{name} {}", line.map_or("?".to_owned(), |line| line.to_string()))
            })
            .collect()
    }

    /// Name and source of the outermost function at an address.
    fn function(&self, at: RunAddr) -> Option<(String, NameSource)> {
        let calls = self.symbols.calls(FrameAddr::Pc(at));
        let function = calls.last()?.function.as_ref()?;
        Some((function.display.clone(), function.source))
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.list()
    }
}

/// Loads the symbols of a process with one module, and asks.
fn ask<T>(
    process: &Process<'_>,
    options: &SymbolOptions,
    question: impl FnOnce(&Question<'_>) -> T,
) -> T {
    let (store, gaps) = (FileStore::new(), Gaps::new());
    let symbols = Symbols::load(process, options, &store, &Limits::default(), &gaps);
    question(&Question { symbols, gaps: &gaps })
}
