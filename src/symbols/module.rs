//! One module: its file, if a matching one was found, and what it tells.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use gimli::SectionId;

use crate::base::addr::{Bias, LinkAddr, RunRange};
use crate::base::gap::Gap;
use crate::base::memory::Memory;
use crate::base::timings::Timings;
use crate::dump::package_note::PackageNote;
use crate::dump::process::Module;
use crate::symbols::dwarf::Debug;
use crate::symbols::fetch::{Binary, Fetch, FoundFile};
use crate::symbols::functions::Place;
use crate::symbols::go_table::{GoCall, GoTable};
use crate::symbols::lines::embedded;
use crate::symbols::memory_symbols;
use crate::symbols::object::Image;
use crate::symbols::plt::{self, Stub};
use crate::symbols::source::{self, SourceLines};
use crate::symbols::symbol_table::SymbolTable;
use crate::symbols::unit::UnitId;

pub use crate::symbols::fetch::Mismatch;
pub use crate::symbols::plan::How;
pub use crate::symbols::symbol_table::{Symbol, SymbolTableKind};
pub use crate::symbols::unwind_tables::UnwindTables;

/// One module of the process. Its file was looked for; everything else is
/// read when asked for.
pub struct ModuleSymbols<'f> {
    pub(super) module: Module,
    bias: Bias,
    pub(super) binary: Binary<'f>,
    unwind: UnwindTables<'f>,
    pub(super) fetch: Arc<Fetch<'f>>,
    separate: OnceLock<Option<FoundFile<'f>>>,
    debug: OnceLock<Option<Debug<'f>>>,
    symbols: OnceLock<SymbolTable<'f>>,
    /// `.dynsym` and its strings, of a module without a file.
    in_memory: Option<(&'f [u8], &'f [u8])>,
    go: OnceLock<Option<GoTable<'f>>>,
    pub(super) package: Option<PackageNote>,
    pub(super) is_on_stack: OnceLock<()>,
}

/// What a module's files tell of its code, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BestTable {
    /// Debug information.
    Dwarf,
    /// The table of Go's runtime: functions and lines.
    GoTable,
    /// The linker's full symbol table.
    Symtab,
    /// The symbols that other modules may use.
    Dynsym,
}

impl<'f> ModuleSymbols<'f> {
    /// Looks for the file of `module`, and notes a gap when there is one but
    /// it is another.
    pub(super) fn load(module: &Module, memory: &dyn Memory, fetch: &Arc<Fetch<'f>>) -> Self {
        let binary = match module.path.as_slice() {
            b"[vdso]" => fetch.memory_image(module, memory).map(|image| {
                Binary::Found(FoundFile {
                    path: None,
                    modified: None,
                    image,
                    is_verified: true,
                    how: None,
                })
            }),
            _ => None,
        };
        let binary = binary.unwrap_or_else(|| fetch.binary(module, memory));
        if let Binary::Mismatch(mismatch) = &binary {
            fetch.gaps.add(fetch.mismatch_gap(module, mismatch));
        }
        let image = match &binary {
            Binary::Found(file) => Some(&file.image),
            _ => None,
        };
        let from_file = || {
            let lowest = image.and_then(Image::lowest_page)?;
            Some(Bias(module.range.start.0.wrapping_sub(lowest.0)))
        };
        Self {
            module: module.clone(),
            // Without tables nobody needs a bias, but offsets from the module's
            // start stay useful.
            bias: module.bias.or_else(from_file).unwrap_or(Bias(module.range.start.0)),
            // What the process had is right even where its file is gone.
            unwind: match image {
                Some(image) => UnwindTables::of_file(image),
                None => UnwindTables::of_memory(module, memory, fetch.arch, fetch.store),
            },
            in_memory: match image {
                Some(_) => None,
                None => memory_symbols::find(module, memory, fetch.arch, fetch.store),
            },
            package: match image {
                Some(image) => image.package_note(),
                None => memory_symbols::package_note(module, memory, fetch.arch),
            },
            go: OnceLock::new(),
            binary,
            fetch: Arc::clone(fetch),
            separate: OnceLock::new(),
            debug: OnceLock::new(),
            symbols: OnceLock::new(),
            is_on_stack: OnceLock::new(),
        }
    }

    /// The file as the process saw its path; not always text.
    pub fn path(&self) -> &[u8] {
        &self.module.path
    }

    /// The last component of the path, for people.
    pub fn name(&self) -> String {
        let name = self.module.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// The file that was found and is used. `None`: there is none, or the
    /// module was read from memory.
    pub fn file(&self) -> Option<&Path> {
        self.found().and_then(|file| file.path.as_deref())
    }

    /// The separate debug file, if there is one. Looks for it on first use.
    pub fn debug_file(&self) -> Option<&Path> {
        self.separate().and_then(|file| file.path.as_deref())
    }

    /// How the file and the separate debug file were found, as far as they
    /// were. Looks for the debug file.
    pub fn found_how(&self) -> (Option<How>, Option<How>) {
        let how = |file: &FoundFile<'f>| file.how;
        (self.found().and_then(how), self.separate().and_then(how))
    }

    /// Files that the debug information is in besides those: what `dwz` made,
    /// and a package of split files. Opens the debug information.
    pub fn shared_files(&self) -> (Option<&Path>, Option<&Path>) {
        let Some(debug) = self.debug() else { return (None, None) };
        (debug.supplement_path(), debug.package_in_use())
    }

    /// How many split units there are, and why some are missing. Opens all.
    pub fn split_units(&self) -> (usize, Vec<Gap>) {
        self.debug().map(Debug::count_split).unwrap_or_default()
    }

    /// The separate debug file, if somebody has asked for it already: a report
    /// must not look for files that it did not need.
    pub fn debug_file_in_use(&self) -> Option<&Path> {
        self.separate.get()?.as_ref()?.path.as_deref()
    }

    /// The best table among the files that are in use.
    pub fn best_table(&self) -> Option<BestTable> {
        let separate = self.separate.get().and_then(Option::as_ref);
        let images = [self.image(), separate.map(|file| &file.image)];
        let images = || images.iter().flatten();
        if images().any(|image| image.has_debug(".debug_info")) {
            return Some(BestTable::Dwarf);
        }
        let has = |name| images().any(|image| image.section(name).is_some());
        if self.go_table().is_some() {
            return Some(BestTable::GoTable);
        }
        match (has(".symtab") || has(".gnu_debugdata"), has(".dynsym")) {
            (true, _) => Some(BestTable::Symtab),
            (false, true) => Some(BestTable::Dynsym),
            (false, false) => self.in_memory.map(|_| BestTable::Dynsym),
        }
    }

    /// From the lowest to the highest mapped address.
    pub fn range(&self) -> RunRange {
        self.module.range
    }

    /// What the loader added to the file's addresses.
    pub fn bias(&self) -> Bias {
        self.bias
    }

    /// The build-id found in memory, or else in the file that is used.
    pub fn build_id(&self) -> Option<&[u8]> {
        let in_memory = self.module.build_id.as_deref();
        in_memory.or_else(|| self.image().and_then(Image::build_id))
    }

    /// The file that was found in the module's place, but not used because its
    /// build-id is another one.
    pub fn mismatch(&self) -> Option<&Mismatch> {
        match &self.binary {
            Binary::Mismatch(mismatch) => Some(mismatch),
            _ => None,
        }
    }

    /// Whether this is the program itself.
    pub fn is_main(&self) -> bool {
        self.module.is_main
    }

    /// Where the unwind tables are: in the file, or where that is missing, in
    /// the process's memory.
    pub fn unwind_tables(&self) -> &UnwindTables<'f> {
        &self.unwind
    }

    /// `.debug_frame`, of the debug file or the module's own. Looks for the
    /// debug file, so ask last.
    pub fn debug_frame(&self) -> Option<&'f [u8]> {
        let images = [self.separate().map(|file| &file.image), self.image()];
        let mut found = images
            .into_iter()
            .flatten()
            .filter_map(|image| image.whole(".debug_frame", self.fetch.store, &self.fetch.limits));
        found.find(|section| !section.is_empty())
    }

    /// The debug information, from the debug file or the module's own. Opened
    /// on first use.
    pub fn debug(&self) -> Option<&Debug<'f>> {
        self.debug_for(None)
    }

    /// Whether this is the module's debug information, or what that shares
    /// with others.
    pub fn has_debug(&self, debug: &Debug<'_>) -> bool {
        let is_it = |own: &Debug<'f>| std::ptr::addr_eq(own, debug);
        self.opened_debug().is_some_and(|own| is_it(own) || own.supplement().is_some_and(is_it))
    }

    /// The debug information, if somebody has asked for it already.
    pub(super) fn opened_debug(&self) -> Option<&Debug<'f>> {
        self.debug.get()?.as_ref()
    }

    /// How many bytes of `.debug_info` there are, not compressed, with those of
    /// split files. Zero: none.
    pub(super) fn debug_info_size(&self) -> u64 {
        // Split units need this section; only then it is worth opening all.
        let images = [self.image(), self.separate().map(|file| &file.image)];
        let may_be_split = images.into_iter().flatten().any(|image| image.has_debug(".debug_addr"));
        let debug = may_be_split.then(|| self.debug()).flatten();
        self.size_of_info().saturating_add(debug.map_or(0, Debug::split_size))
    }

    fn size_of_info(&self) -> u64 {
        let images = [self.image(), self.separate().map(|file| &file.image)];
        let sizes = images.into_iter().flatten().filter_map(|image| {
            let size =
                image.packed(SectionId::DebugInfo.name())?.expanded_size(&self.fetch.limits)?;
            u64::try_from(size).ok()
        });
        sizes.max().unwrap_or(0)
    }

    /// The same, for somebody who will ask for `first`.
    pub(super) fn debug_for(&self, first: Option<LinkAddr>) -> Option<&Debug<'f>> {
        self.debug.get_or_init(|| self.open_debug(first)).as_ref()
    }

    fn open_debug(&self, first: Option<LinkAddr>) -> Option<Debug<'f>> {
        let open = || self.fetch.debug(self.found(), self.separate(), first);
        let timings = &self.fetch.options.timings;
        let debug = timings.module(|| self.name(), |of| &mut of.opening, open);
        if let Some(debug) = &debug
            && !debug.damaged().is_empty()
        {
            let sections: Vec<_> = debug.damaged().iter().map(|id| id.name()).collect();
            self.fetch.gaps.note(
                format!("some names, lines and variables of {}", self.name()),
                format!("of its debug information, {} cannot be inflated", sections.join(", ")),
                "get the debug file again: it is damaged",
            );
        }
        debug
    }

    /// What Go's own table says of the code at `at`.
    pub(super) fn go_call(&self, at: LinkAddr) -> Option<GoCall<'f>> {
        self.go_table()?.call(at)
    }

    pub(super) fn go_table(&self) -> Option<&GoTable<'f>> {
        self.go.get_or_init(|| GoTable::find(self.image()?)).as_ref()
    }

    /// Says how much of the debug information was read.
    pub(super) fn count(&self, timings: &Timings) {
        if let Some(debug) = self.opened_debug() {
            timings.count(|| self.name(), debug.units_read(), self.size_of_info());
        }
    }

    /// Looks for the debug file, and asks servers for it if that is allowed.
    pub(super) fn look_for_debug_file(&self) {
        let _found = self.separate();
    }

    /// The symbol whose bytes contain `at`.
    pub fn symbol_at(&self, at: LinkAddr) -> Option<Symbol<'f>> {
        self.symbol_table().containing(at)
    }

    /// The last function that begins at or before `at`, when no symbol
    /// contains it: a hint only. Never one of another section.
    pub fn nearest_function(&self, at: LinkAddr) -> Option<Symbol<'f>> {
        let symbol = self.symbol_table().nearest_function(at)?;
        let image = self.image()?;
        let section = image.sections().iter().find(|section| section.contains(at))?;
        section.contains(symbol.start).then_some(symbol)
    }

    /// The symbol with this name.
    pub fn symbol_named(&self, name: &[u8]) -> Option<Symbol<'f>> {
        self.symbol_table().named(name)
    }

    /// Functions whose name, as the linker knows it, contains `part`; one may
    /// come twice, from both tables.
    pub fn functions_with(&self, part: &[u8]) -> impl Iterator<Item = Symbol<'f>> {
        self.symbol_table().functions_with(part)
    }

    /// The name of the loaded section of the module's file that contains `at`.
    pub fn section_at(&self, at: LinkAddr) -> Option<&'f [u8]> {
        let mut sections = self.image()?.sections().iter();
        sections.find(|section| section.contains(at)).map(|section| section.name)
    }

    /// Whether the module's file has a section of that name.
    pub fn has_section(&self, name: &str) -> bool {
        self.image().is_some_and(|image| image.section(name).is_some())
    }

    /// File bytes behind a `PT_LOAD`: `len` of them, or fewer at its end.
    pub fn bytes_at(&self, at: LinkAddr, len: usize) -> Option<&'f [u8]> {
        self.image()?.bytes_at(at, len)
    }

    /// The module's file, if one is used.
    pub fn image(&self) -> Option<&Image<'f>> {
        self.found().map(|file| &file.image)
    }

    pub(super) fn found(&self) -> Option<&FoundFile<'f>> {
        match &self.binary {
            Binary::Found(file) => Some(file),
            _ => None,
        }
    }

    fn separate(&self) -> Option<&FoundFile<'f>> {
        let look = || self.fetch.debug_file(self.file(), self.image(), self.build_id());
        self.separate.get_or_init(look).as_ref()
    }

    fn symbol_table(&self) -> &SymbolTable<'f> {
        self.symbols.get_or_init(|| {
            let separate = self.separate().map(|file| &file.image);
            let image = self.image().or(separate);
            let mini = || self.fetch.mini_debug(self.image()?);
            let table = image.map(|image| SymbolTable::new(image, separate, mini));
            let in_memory = || {
                let (symbols, strings) = self.in_memory?;
                Some(SymbolTable::of_memory(self.fetch.arch, symbols, strings))
            };
            let table = table.or_else(in_memory).unwrap_or_default();
            table.bytes().for_each(|bytes| self.fetch.store.will_need(bytes));
            table
        })
    }

    /// The line `place` in its source file, with up to `around` lines before
    /// and after it. `None`: the file is not there, or too short.
    /// `unit`, if it is known, may have the text in itself.
    pub fn source(&self, place: &Place, unit: Option<UnitId>, around: u32) -> Option<SourceLines> {
        let line = place.line?;
        let debug = unit.and_then(|unit| Some((self.debug()?, unit)));
        let embedded =
            debug.and_then(|(debug, unit)| embedded(debug, debug.unit_by_id(unit)?, &place.file));
        if let Some(text) = embedded {
            return source::excerpt(text, line, around, false);
        }
        let linked = self.found().and_then(|file| file.modified);
        self.fetch.source(&place.file, line, around, linked, self.build_id())
    }

    /// The stub of the procedure linkage table around `at`: where it begins,
    /// and the function that it jumps to.
    pub(super) fn stub_at(&self, at: LinkAddr) -> Option<Stub<'f>> {
        plt::stub_at(self.image()?, at)
    }
}
