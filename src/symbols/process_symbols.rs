//! The names of a whole process.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::thread;

use rustc_hash::FxHashMap;

use crate::base::addr::{Bias, FrameAddr, LinkAddr, RunAddr, RunRange};
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::base::timings::Timings;
use crate::dump::process::{Module, Process};
use crate::symbols::SymbolOptions;
use crate::symbols::demangle::demangled;
use crate::symbols::fetch::Fetch;
use crate::symbols::functions::{self, Call, FunctionName, NameSource, Place};
use crate::symbols::go_table::GoCall;
use crate::symbols::mapped_files::MappedFiles;
use crate::symbols::module::{ModuleSymbols, Symbol, SymbolTableKind};
use crate::symbols::object::{Image, ImageError};
use crate::symbols::workers::spread;

/// Files that are downloaded at a time.
const DOWNLOADS: usize = 6;

/// Modules that one worker takes at a time. A thread takes longer to start than
/// the few files of a small program to open.
const BATCH: usize = 16;

/// What the modules' files tell about the process. Shared by all threads.
pub struct Symbols<'f> {
    modules: Vec<ModuleSymbols<'f>>,
    calls: RwLock<FxHashMap<FrameAddr, Arc<[Call]>>>,
    may_download: bool,
    timings: Timings,
}

/// Memory of which nothing is known.
struct Empty;

impl Memory for Empty {
    fn read(&self, _at: RunAddr, _out: &mut [u8]) -> usize {
        0
    }
}

/// The symbol around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAddress {
    /// For people: demangled.
    pub name: String,
    /// Distance from the symbol's start.
    pub offset: u64,
    /// Whether it is code.
    pub is_function: bool,
    /// Index of its module.
    pub module: usize,
}

impl<'f> Symbols<'f> {
    /// Looks for the files of all modules. A file that is another than the one
    /// that was mapped is not used, and noted in `gaps`.
    pub fn load(
        process: &Process<'_>,
        options: &SymbolOptions,
        store: &'f FileStore,
        limits: &Limits,
        gaps: &'f Gaps,
    ) -> Self {
        let fetch = Arc::new(Fetch {
            arch: process.arch,
            options: options.clone(),
            store,
            limits: *limits,
            gaps,
            by_id: OnceLock::new(),
        });
        let memory = &*process.memory;
        let load = |module| ModuleSymbols::load(module, memory, &fetch);
        let batches: Vec<_> = process.modules.chunks(BATCH).collect();
        let modules = spread(&batches, |batch| batch.iter().map(load).collect::<Vec<_>>());
        Self::of_modules(modules.into_iter().flatten().collect(), options)
    }

    /// The symbols of a file alone, as if it were loaded at the addresses that
    /// it states. `None`: it is no program or library of a processor that is
    /// known.
    pub fn of_file(
        path: &Path,
        bytes: &'f [u8],
        options: &SymbolOptions,
        store: &'f FileStore,
        limits: &Limits,
        gaps: &'f Gaps,
    ) -> Result<Self, ImageError> {
        let (arch, image) = Image::of_any(bytes)?;
        let loads = image.loads();
        let end = loads.iter().map(|load| load.start.0.saturating_add(load.memory_size)).max();
        let module = Module {
            path: path.as_os_str().as_bytes().to_vec(),
            range: RunRange { start: RunAddr(0), end: RunAddr(end.unwrap_or(0)) },
            bias: Some(Bias(0)),
            build_id: image.build_id().map(<[u8]>::to_vec),
            is_main: true,
        };
        let executable = Some(path.to_path_buf());
        let options = SymbolOptions { executable, ..options.clone() };
        let options_of_file = options.clone();
        let fetch = Arc::new(Fetch {
            arch,
            options: options_of_file,
            store,
            limits: *limits,
            gaps,
            by_id: OnceLock::new(),
        });
        let module = ModuleSymbols::load(&module, &Empty, &fetch);
        Ok(Self::of_modules(vec![module], &options))
    }

    fn of_modules(modules: Vec<ModuleSymbols<'f>>, options: &SymbolOptions) -> Self {
        Self {
            modules,
            calls: RwLock::default(),
            may_download: options.servers.is_some(),
            timings: options.timings.clone(),
        }
    }

    /// Gets the debug files of the modules with code at these addresses, several
    /// at a time, if servers may be asked. Those would come one after the other
    /// when they are needed.
    pub fn download(&self, addresses: impl Iterator<Item = FrameAddr>) {
        if !self.may_download {
            return;
        }
        let mut wanted: Vec<usize> =
            addresses.filter_map(|at| Some(self.module_at(at.lookup())?.0)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let next = AtomicUsize::new(0);
        let run = || {
            while let Some(index) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(module) = self.modules.get(*index) {
                    module.look_for_debug_file();
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..DOWNLOADS.min(wanted.len()) {
                // Without threads, they come when they are needed.
                let _started = thread::Builder::new().spawn_scoped(scope, run);
            }
        });
    }

    /// Says how much of each module's debug information was read.
    pub fn count(&self) {
        self.modules.iter().for_each(|module| module.count(&self.timings));
    }

    /// In the order, and with the indices, of
    /// [`Process::modules`](crate::dump::process::Process::modules).
    pub fn modules(&self) -> &[ModuleSymbols<'f>] {
        &self.modules
    }

    /// The module whose mapped range contains `at`, and its index.
    pub fn module_at(&self, at: RunAddr) -> Option<(usize, &ModuleSymbols<'f>)> {
        let after = self.modules.partition_point(|module| module.range().start <= at);
        let index = after.checked_sub(1)?;
        let module = self.modules.get(index)?;
        module.range().contains(at).then_some((index, module))
    }

    /// The calls that a frame stands for, innermost first: the function, and
    /// before it those that the compiler inlined into it. Never empty. Kept,
    /// since many threads wait at the same places.
    pub fn calls(&self, at: FrameAddr) -> Arc<[Call]> {
        let known = self.calls.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(calls) = known.get(&at) {
            return Arc::clone(calls);
        }
        drop(known);
        let calls: Arc<[Call]> = self.find_calls(at).into();
        let mut known = self.calls.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        Arc::clone(known.entry(at).or_insert(calls))
    }

    fn find_calls(&self, at: FrameAddr) -> Vec<Call> {
        let Some((_, module)) = self.module_at(at.lookup()) else {
            return vec![Call::default()];
        };
        let address = at.lookup().to_link(module.bias());
        let debug = module.debug_for(Some(address));
        let names = || debug.map(|debug| functions::calls(debug, address)).unwrap_or_default();
        let found = self.timings.module(|| module.name(), |of| &mut of.names, names);
        module.note_gaps(found.missing);
        let mut calls = found.calls;
        if calls.is_empty()
            && let Some(found) = module.go_call(address)
        {
            calls.push(of_go(&found, address));
        }
        if calls.is_empty() {
            calls.push(Call::default());
        }
        if let Some(outermost) = calls.last_mut() {
            let shown = at.addr().to_link(module.bias());
            match &mut outermost.function {
                // The distance that debuggers print is that of the frame's
                // address, which may be one more than what was looked up.
                Some(function) => {
                    let step = shown.0.wrapping_sub(address.0);
                    function.offset = function.offset.map(|offset| offset.wrapping_add(step));
                }
                None => outermost.function = from_table(module, address, shown),
            }
        }
        calls
    }

    /// The symbol of a function or a piece of data that contains `at`: what a
    /// pointer points to.
    pub fn symbol_at(&self, at: RunAddr) -> Option<NamedAddress> {
        let (index, module) = self.module_at(at)?;
        let address = at.to_link(module.bias());
        let symbol = module.symbol_at(address)?;
        Some(NamedAddress {
            name: display(symbol.name),
            offset: address.0.checked_sub(symbol.start.0)?,
            is_function: symbol.is_function,
            module: index,
        })
    }

    /// The memory that the modules' files hold and the process could not
    /// change: for what a core leaves out.
    pub fn mapped_files(&self, process: &Process<'_>) -> MappedFiles<'f> {
        MappedFiles::new(process, &self.modules)
    }
}

/// A call by Go's own table.
fn of_go(found: &GoCall<'_>, at: LinkAddr) -> Call {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let line = |line| Some(line).filter(|line| *line > 0);
    Call {
        function: Some(FunctionName {
            display: text(found.name),
            linkage: None,
            source: NameSource::GoTable,
            offset: at.0.checked_sub(found.start.0),
        }),
        place: found.place.map(|(file, number)| Place {
            file: text(file),
            line: line(number),
            column: None,
        }),
        language: Some(gimli::DW_LANG_Go),
        ..Call::default()
    }
}

/// The function's name by the symbol tables.
fn from_table(
    module: &ModuleSymbols<'_>,
    address: LinkAddr,
    shown: LinkAddr,
) -> Option<FunctionName> {
    let covering = module.symbol_at(address).filter(|symbol| symbol.is_function);
    if covering.is_none()
        && let Some(stub) = module.stub_at(address)
    {
        return Some(FunctionName {
            display: format!("{}@plt", display(stub.target)),
            linkage: None,
            source: NameSource::Dynsym,
            offset: shown.0.checked_sub(stub.start.0),
        });
    }
    let (symbol, source) = match covering {
        Some(symbol) => {
            let source = match symbol.table {
                SymbolTableKind::Symtab => NameSource::Symtab,
                SymbolTableKind::Dynsym => NameSource::Dynsym,
            };
            (symbol, source)
        }
        None => (module.nearest_function(address)?, NameSource::Nearest),
    };
    Some(name(&symbol, source, shown))
}

fn name(symbol: &Symbol<'_>, source: NameSource, shown: LinkAddr) -> FunctionName {
    let display = display(symbol.name);
    let linkage = String::from_utf8_lossy(symbol.name).into_owned();
    FunctionName {
        linkage: (linkage != display).then_some(linkage),
        display,
        source,
        offset: shown.0.checked_sub(symbol.start.0),
    }
}

/// A symbol's name for people: demangled, without its version.
fn display(name: &[u8]) -> String {
    // `memcpy@@GLIBC_2.14`
    let plain = match name.iter().position(|byte| *byte == b'@') {
        Some(at) if at > 0 => name.get(..at).unwrap_or(name),
        _ => name,
    };
    demangled(plain).unwrap_or_else(|| String::from_utf8_lossy(plain).into_owned())
}
