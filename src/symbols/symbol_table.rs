//! `.symtab` and `.dynsym`: names of functions and data.
//!
//! Layout: `Elf64_Sym`, System V gABI, "Symbol Table": `u32 st_name, u8
//! st_info, u8 st_other, u16 st_shndx, u64 st_value, u64 st_size`.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use object::elf;

use crate::base::addr::{FileOff, LinkAddr};
use crate::base::arch::{Arch, Machine};
use crate::base::bytes::{Cursor, until_nul};
use crate::base::data_model::DataModel;
use crate::symbols::object::{Image, Section};
use crate::symbols::range_index::RangeIndex;

/// A function or a piece of data that the linker knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'f> {
    /// As the linker knew it, mangled.
    pub name: &'f [u8],
    /// Its first byte.
    pub start: LinkAddr,
    /// In bytes. Zero: unknown.
    pub size: u64,
    /// Whether it is code.
    pub is_function: bool,
    /// Which table it is from.
    pub table: SymbolTableKind,
}

/// The symbol tables of an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolTableKind {
    /// `.symtab`: everything, unless it was stripped.
    Symtab,
    /// `.dynsym`: what other modules may use.
    Dynsym,
}

/// The symbols of one module.
#[derive(Debug, Default)]
pub(super) struct SymbolTable<'f> {
    tables: Vec<Table<'f>>,
    lookups: AtomicUsize,
    index: OnceLock<Index>,
}

/// One symbol table, as it is in the file.
#[derive(Clone, Debug)]
struct Table<'f> {
    kind: SymbolTableKind,
    arch: Arch,
    /// `.opd`: where it is, and its bytes.
    descriptors: Option<(LinkAddr, &'f [u8])>,
    symbols: &'f [u8],
    strings: &'f [u8],
    /// For each section whether it holds code.
    has_code: Vec<bool>,
}

/// All symbols that name a place, sorted.
#[derive(Debug)]
struct Index {
    /// By start.
    entries: Vec<Entry>,
    /// Those with a size; values: indices of `entries`.
    sized: RangeIndex<u32>,
}

/// A symbol that names a place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u64,
    size: u64,
    name: u32,
    /// Which of the tables it is in.
    table: u8,
    binding: u8,
    is_function: bool,
}

/// Bytes of one symbol, in ELF64 and in ELF32.
pub(super) const SYMBOL: usize = 24;
const SYMBOL_32: usize = 16;

/// How many addresses are looked up by reading the tables from end to end.
/// Sorting a large table costs more than that, and most stacks need no symbol
/// but `_start`.
const MOST_SCANS: usize = 8;

impl<'f> SymbolTable<'f> {
    /// Finds `.symtab` of `debug` if it has one, or else of `image`, or else
    /// of what `mini` gives; and `.dynsym` of `image`.
    pub(super) fn new(
        image: &Image<'f>,
        debug: Option<&Image<'f>>,
        mini: impl FnOnce() -> Option<Image<'f>>,
    ) -> Self {
        let find =
            |image: &Image<'f>| Table::find(image, elf::SHT_SYMTAB.0, SymbolTableKind::Symtab);
        let symtab = [debug, Some(image)].into_iter().flatten().find_map(find);
        let symtab = symtab.or_else(|| find(&mini()?));
        let dynsym = Table::find(image, elf::SHT_DYNSYM.0, SymbolTableKind::Dynsym);
        let tables = symtab.into_iter().chain(dynsym).collect();
        Self { tables, lookups: AtomicUsize::new(0), index: OnceLock::new() }
    }

    /// Symbols and strings that were copied from memory.
    pub(super) fn of_memory(arch: Arch, symbols: &'f [u8], strings: &'f [u8]) -> Self {
        let (kind, descriptors, has_code) = (SymbolTableKind::Dynsym, None, Vec::new());
        let tables = vec![Table { kind, arch, descriptors, symbols, strings, has_code }];
        Self { tables, lookups: AtomicUsize::new(0), index: OnceLock::new() }
    }

    /// The symbol around `at`: of several the one that begins last, and of
    /// those with one address the most public one.
    pub(super) fn containing(&self, at: LinkAddr) -> Option<Symbol<'f>> {
        let contains =
            |entry: &Entry| at.0.checked_sub(entry.start).is_some_and(|offset| offset < entry.size);
        match self.index() {
            Some(index) => {
                let entry = |index_of| index.entries.get(usize::try_from(index_of).ok()?).copied();
                let found = index.sized.containing(at).filter_map(|(_, found)| entry(found));
                self.best(found)
            }
            None => self.best(self.entries().filter(contains)),
        }
    }

    /// The last function that begins at or before `at`, though its size, if
    /// it has one, ends before.
    pub(super) fn nearest_function(&self, at: LinkAddr) -> Option<Symbol<'f>> {
        let is_before = |entry: &Entry| entry.is_function && entry.start <= at.0;
        match self.index() {
            Some(index) => {
                let after = index.entries.partition_point(|entry| entry.start <= at.0);
                let before = index.entries.get(..after).unwrap_or_default().iter().rev();
                let functions = || before.clone().copied().filter(is_before);
                let nearest = functions().next()?.start;
                self.best(functions().take_while(|entry| entry.start == nearest))
            }
            None => self.best(self.entries().filter(is_before)),
        }
    }

    /// The first symbol with this name, from `.dynsym` or else `.symtab`.
    pub(super) fn named(&self, name: &[u8]) -> Option<Symbol<'f>> {
        let mut all = self.tables.iter().enumerate().rev().flat_map(Table::entries);
        let entry = all.find(|entry| self.has_name(entry, name))?;
        Some(self.symbol(&entry))
    }

    /// Functions whose name, as the linker knows it, contains `part`.
    pub(super) fn functions_with(&self, part: &[u8]) -> impl Iterator<Item = Symbol<'f>> {
        let width = part.len().max(1);
        self.entries().filter(|entry| entry.is_function).filter_map(move |entry| {
            let is_in = self.name(&entry).windows(width).any(|within| within == part);
            is_in.then(|| self.symbol(&entry))
        })
    }

    /// The bytes that a lookup reads from end to end.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &'f [u8]> {
        self.tables.iter().map(|table| table.symbols)
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.tables.iter().enumerate().flat_map(Table::entries)
    }

    /// The sorted symbols, once enough has been asked.
    fn index(&self) -> Option<&Index> {
        if let Some(index) = self.index.get() {
            return Some(index);
        }
        let lookups = self.lookups.fetch_add(1, Ordering::Relaxed);
        (lookups >= MOST_SCANS).then(|| {
            self.index.get_or_init(|| {
                let mut entries: Vec<Entry> = self.entries().collect();
                entries.sort_by_key(|entry| entry.start);
                let sized =
                    RangeIndex::new((0_u32..).zip(&entries).filter_map(|(index, entry)| {
                        Some((entry.start, entry.start.checked_add(entry.size)?, index))
                    }));
                Index { entries, sized }
            })
        })
    }

    /// Of the symbols that begin last, the most public one.
    fn best(&self, entries: impl Iterator<Item = Entry>) -> Option<Symbol<'f>> {
        let mut best: Option<Entry> = None;
        for entry in entries {
            let is_better = best.is_none_or(|best| {
                entry.start > best.start
                    || (entry.start == best.start && self.rank(&entry) < self.rank(&best))
            });
            if is_better {
                best = Some(entry);
            }
        }
        best.map(|entry| self.symbol(&entry))
    }

    /// Lower is better: public before private, without underscores before
    /// with them, short before long; then by name, so that the choice is the
    /// same every time.
    fn rank(&self, entry: &Entry) -> (u8, usize, usize, &'f [u8]) {
        let binding = match elf::SymbolBind(entry.binding) {
            elf::STB_GLOBAL => 0,
            elf::STB_WEAK => 1,
            _ => 2,
        };
        let name = self.name(entry);
        let underscores = name.iter().take_while(|byte| **byte == b'_').count();
        (binding, underscores, name.len(), name)
    }

    fn table(&self, entry: &Entry) -> Option<&Table<'f>> {
        self.tables.get(usize::from(entry.table))
    }

    /// The strings from the entry's name on.
    fn strings(&self, entry: &Entry) -> &'f [u8] {
        let start = usize::try_from(entry.name).unwrap_or(usize::MAX);
        self.table(entry).and_then(|table| table.strings.get(start..)).unwrap_or_default()
    }

    fn name(&self, entry: &Entry) -> &'f [u8] {
        until_nul(self.strings(entry))
    }

    fn has_name(&self, entry: &Entry, name: &[u8]) -> bool {
        let rest = self.strings(entry).strip_prefix(name);
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == 0))
    }

    fn symbol(&self, entry: &Entry) -> Symbol<'f> {
        Symbol {
            name: self.name(entry),
            start: LinkAddr(entry.start),
            size: entry.size,
            is_function: entry.is_function,
            table: self.table(entry).map_or(SymbolTableKind::Symtab, |table| table.kind),
        }
    }
}

/// One symbol as it is in its table.
struct RawSymbol {
    name: u32,
    info: u8,
    section: u16,
    start: u64,
    size: u64,
}

/// Reads an `Elf64_Sym`, little-endian: `u32 st_name, u8 st_info, u8 st_other,
/// u16 st_shndx, u64 st_value, u64 st_size`. Large tables have millions.
fn raw_symbol(bytes: &[u8]) -> Option<RawSymbol> {
    let mut cursor = Cursor::new(bytes, FileOff(0));
    let name = cursor.u32_le().ok()?;
    let info = cursor.u8().ok()?;
    let _other = cursor.u8().ok()?;
    let section = cursor.u16_le().ok()?;
    let start = cursor.u64_le().ok()?;
    let size = cursor.u64_le().ok()?;
    Some(RawSymbol { name, info, section, start, size })
}

/// The same in any byte order; an `Elf32_Sym` has `u32 st_name, st_value,
/// st_size, u8 st_info, st_other, u16 st_shndx`.
fn raw_symbol_of(model: DataModel, bytes: &[u8]) -> Option<RawSymbol> {
    let mut cursor = Cursor::new(bytes, FileOff(0)).with_model(model);
    let name = cursor.u32().ok()?;
    let mut place = (0, 0);
    if !model.is_64() {
        place = (cursor.word().ok()?, cursor.word().ok()?);
    }
    let info = cursor.u8().ok()?;
    let _other = cursor.u8().ok()?;
    let section = cursor.u16().ok()?;
    if model.is_64() {
        place = (cursor.word().ok()?, cursor.word().ok()?);
    }
    let (start, size) = place;
    Some(RawSymbol { name, info, section, start, size })
}

impl<'f> Table<'f> {
    /// Whether the symbol marks where code and data begin on Arm and RISC-V:
    /// `$a`, `$d.1`, `$xrv64i`. Source: ELF for the Arm Architecture, section
    /// 5.5.5.
    fn is_mapping_symbol(&self, name: u32) -> bool {
        let at = usize::try_from(name).unwrap_or(usize::MAX);
        self.strings.get(at) == Some(&b'$')
    }

    /// The first instruction of the function whose symbol has this value. In
    /// the first ABI of PowerPC64 that is the address of a descriptor in `.opd`,
    /// which begins with the address of the code.
    fn code_at(&self, value: u64) -> Option<u64> {
        let descriptor = self.descriptors.and_then(|(start, bytes)| {
            let offset = usize::try_from(value.checked_sub(start.0)?).ok()?;
            bytes.get(offset..)?.get(..8)
        });
        match descriptor {
            Some(bytes) => Some(self.arch.order.number(bytes)),
            None => Some(self.arch.code_address(value)),
        }
    }

    fn entry_size(&self) -> usize {
        if self.arch.is_64() { SYMBOL } else { SYMBOL_32 }
    }

    /// The symbol table of this type, if the image has one with anything in it.
    fn find(image: &Image<'f>, section_type: u32, kind: SymbolTableKind) -> Option<Self> {
        let section = image.sections().iter().find(|section| section.kind == section_type)?;
        let strings = image.sections().get(usize::try_from(section.link).ok()?)?.bytes;
        let has_code = |section: &Section<'_>| section.flags & elf::SHF_EXECINSTR.0 != 0;
        (!section.bytes.is_empty()).then(|| Self {
            kind,
            arch: image.arch(),
            descriptors: image
                .section(".opd")
                .filter(|_| image.arch().machine == Machine::Ppc64)
                .map(|section| (section.address, section.bytes)),
            symbols: section.bytes,
            strings,
            has_code: image.sections().iter().map(has_code).collect(),
        })
    }

    /// The symbols that name a place in memory. `self` with its index.
    fn entries((index, table): (usize, &Self)) -> impl Iterator<Item = Entry> {
        let number = u8::try_from(index).unwrap_or(u8::MAX);
        table
            .symbols
            .chunks_exact(table.entry_size())
            .filter_map(move |bytes| table.entry(number, bytes))
    }

    /// Reads one symbol. `None`: it names no place.
    fn entry(&self, table: u8, bytes: &[u8]) -> Option<Entry> {
        let RawSymbol { name, info, section, mut start, size } = if self.arch == Arch::X86_64 {
            raw_symbol(bytes)?
        } else {
            raw_symbol_of(self.arch.model(), bytes)?
        };
        let is_function = match elf::SymbolType(info & 0xf) {
            elf::STT_FUNC | elf::STT_GNU_IFUNC => true,
            elf::STT_OBJECT => false,
            // In code: a label in assembly.
            elf::STT_NOTYPE => self.has_code.get(usize::from(section)).copied().unwrap_or(false),
            _ => return None,
        };
        // Undefined, or a plain number.
        if section == elf::SHN_UNDEF.0 || section == elf::SHN_ABS.0 || name == 0 {
            return None;
        }
        if is_function && self.arch != Arch::X86_64 {
            if self.is_mapping_symbol(name) {
                return None;
            }
            start = self.code_at(start)?;
        }
        Some(Entry { start, size, name, table, binding: info >> 4, is_function })
    }
}
