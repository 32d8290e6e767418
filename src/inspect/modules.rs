//! Which files the symbols of modules come from, and what they say of
//! addresses.

use std::path::Path;

use crate::base::addr::{FrameAddr, LinkAddr, RunAddr};
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::dump::process::Process;
use crate::report::build::gap as reported;
use crate::report::build::{best_table, mismatch};
use crate::report::model::{AddressLines, ModuleFiles, SourceCall, SymbolFiles, UsedFile, text};
use crate::symbols::functions::Call;
use crate::symbols::module::{How, ModuleSymbols};
pub use crate::symbols::object::ImageError;
use crate::symbols::{SymbolOptions, Symbols};

/// The files of all modules of a process.
pub fn of_process<'f>(
    process: &Process<'f>,
    options: &SymbolOptions,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &'f Gaps,
) -> SymbolFiles {
    let own = gaps.list();
    let symbols = Symbols::load(process, options, store, limits, gaps);
    symbols.download(symbols.modules().iter().map(|module| FrameAddr::Pc(module.range().start)));
    SymbolFiles {
        schema: SCHEMA.to_owned(),
        modules: symbols.modules().iter().map(|module| files(module, true)).collect(),
        gaps: own.iter().map(reported).collect(),
    }
}

/// The files of one program, library or debug file.
///
/// # Errors
///
/// When the file is none of those.
pub fn of_file<'f>(
    path: &Path,
    bytes: &'f [u8],
    options: &SymbolOptions,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &'f Gaps,
) -> Result<SymbolFiles, ImageError> {
    let symbols = Symbols::of_file(path, bytes, options, store, limits, gaps)?;
    Ok(SymbolFiles {
        schema: SCHEMA.to_owned(),
        modules: symbols.modules().iter().map(|module| files(module, false)).collect(),
        gaps: Vec::new(),
    })
}

const SCHEMA: &str = "coretool.symbols/1";

fn files(module: &ModuleSymbols<'_>, is_loaded: bool) -> ModuleFiles {
    let used = |path: Option<&Path>, how: Option<How>| {
        let found = how.map_or("", How::says).to_owned();
        path.map(|path| UsedFile { path: path.display().to_string(), found })
    };
    let (file_how, debug_how) = module.found_how();
    let (split_units, missing) = module.split_units();
    let (shared, package) = module.shared_files();
    let shown = |path: &Path| path.display().to_string();
    let missing: Vec<_> = module.lacks().into_iter().chain(missing).collect();
    ModuleFiles {
        path: text(module.path()),
        base: is_loaded.then(|| module.range().start.into()),
        build_id: module.build_id().map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect()),
        file: used(module.file(), file_how.filter(|_| is_loaded)),
        debug_file: used(module.debug_file(), debug_how),
        shared_file: shared.map(shown),
        package: package.map(shown),
        split_units: split_units as u64,
        symbols: best_table(module),
        mismatch: mismatch(module),
        missing: missing.iter().map(reported).collect(),
    }
}

/// Answers for addresses of one file.
pub struct Addresses<'f> {
    symbols: Symbols<'f>,
}

impl<'f> Addresses<'f> {
    /// Opens the symbols of a file.
    ///
    /// # Errors
    ///
    /// When it is no program, library or debug file.
    pub fn of_file(
        path: &Path,
        bytes: &'f [u8],
        options: &SymbolOptions,
        store: &'f FileStore,
        limits: &Limits,
        gaps: &'f Gaps,
    ) -> Result<Self, ImageError> {
        Ok(Self { symbols: Symbols::of_file(path, bytes, options, store, limits, gaps)? })
    }

    /// What is at an address: hexadecimal digits, with or without `0x`, or the
    /// name of a symbol, with or without `+` and a number behind it.
    pub fn find(&self, asked: &str) -> AddressLines {
        let address = self.address(asked.trim());
        let calls = address.map(|at| self.calls(at)).unwrap_or_default();
        AddressLines {
            schema: "coretool.addr/1".to_owned(),
            asked: asked.trim().to_owned(),
            address: address.map(Into::into),
            calls,
        }
    }

    fn address(&self, asked: &str) -> Option<LinkAddr> {
        let digits = asked.strip_prefix("0x").or_else(|| asked.strip_prefix("0X"));
        if let Ok(address) = u64::from_str_radix(digits.unwrap_or(asked), 16) {
            return Some(LinkAddr(address));
        }
        let (name, offset) = match asked.rsplit_once('+') {
            Some((name, offset)) => (name, number(offset)?),
            None => (asked, 0),
        };
        let module = self.symbols.modules().first()?;
        let symbol = module.symbol_named(name.as_bytes())?;
        Some(LinkAddr(symbol.start.0.checked_add(offset)?))
    }

    fn calls(&self, at: LinkAddr) -> Vec<SourceCall> {
        // The file is loaded where it says.
        let calls = self.symbols.calls(FrameAddr::Pc(RunAddr(at.0)));
        let calls: Vec<SourceCall> = calls.iter().map(call).collect();
        let is_known = calls.iter().any(|call| call.function.is_some() || call.file.is_some());
        if is_known { calls } else { Vec::new() }
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn call(call: &Call) -> SourceCall {
    let (function, place) = (call.function.as_ref(), call.place.as_ref());
    SourceCall {
        function: function.map(|function| function.display.clone()),
        linkage_name: function.and_then(|function| function.linkage.clone()),
        inlined: call.is_inlined,
        offset: function.and_then(|function| function.offset),
        file: place.map(|place| place.file.clone()),
        line: place.and_then(|place| place.line),
        column: place.and_then(|place| place.column),
    }
}
