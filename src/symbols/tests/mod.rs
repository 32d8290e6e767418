//! Programs compiled by these tests, and what must be found in them.
//!
//! A program marks instructions by global assembler labels, `at_NAME`, and
//! source lines by comments, `// line NAME`. The labels are symbols, so that
//! the address of an instruction is known without any debug information.

mod calls;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::base::addr::{Bias, FileOff, FrameAddr, LinkAddr, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::base::file_store::FileStore;
use crate::base::gap::{Gap, Gaps};
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::process::{Identity, Mapping, Module, Permissions, Process, Source, SourceKind};
use crate::symbols::object::Image;
use crate::symbols::{SymbolOptions, Symbols};

/// Where test modules are loaded.
const BASE: u64 = 0x5555_5555_0000;

/// A program or library in a directory of its own.
struct Program {
    dir: TempDir,
    path: PathBuf,
    source: String,
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
        Self { dir, path, source: source.to_owned() }
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
        source: Source { kind: SourceKind::Core, path: None, complete: true },
        arch: Arch::X86_64,
        identity: Identity::default(),
        signal: None,
        threads: Vec::new(),
        mappings,
        modules: vec![module],
        auxv: Vec::new(),
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
    fn calls(&self, label: &str) -> Vec<String> {
        let at = self.address(label);
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

    fn address(&self, label: &str) -> RunAddr {
        let module = &self.symbols.modules()[0];
        let symbol = module.symbol_named(label.as_bytes());
        symbol.unwrap_or_else(|| panic!("no symbol {label}")).start.to_run(module.bias())
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
