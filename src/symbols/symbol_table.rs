//! `.symtab` and `.dynsym`: names of functions and data.
//!
//! Layout: `Elf64_Sym`, System V gABI, "Symbol Table": `u32 st_name, u8
//! st_info, u8 st_other, u16 st_shndx, u64 st_value, u64 st_size`.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use object::elf;

use crate::base::addr::{FileOff, LinkAddr};
use crate::base::bytes::{Cursor, until_nul};
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

/// The symbols of one module, by address.
#[derive(Debug, Default)]
pub(super) struct SymbolTable<'f> {
    entries: Vec<Entry>,
    strings: Vec<&'f [u8]>,
    /// Those with a size; values: indices of `entries`.
    sized: RangeIndex<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u64,
    size: u64,
    name: u32,
    /// Which of `strings` the name is in.
    strings: usize,
    kind: SymbolTableKind,
    is_function: bool,
    binding: u8,
}

impl<'f> SymbolTable<'f> {
    /// Reads `.symtab` of `debug` if it has one, or else of `image`, and
    /// `.dynsym` of `image`.
    pub(super) fn new(image: &Image<'f>, debug: Option<&Image<'f>>) -> Self {
        let mut table = Self::default();
        let symtab = [debug, Some(image)].into_iter().flatten().find_map(|image| {
            let (section, strings) = section(image, elf::SHT_SYMTAB.0)?;
            (!section.bytes.is_empty()).then_some((image, section, strings))
        });
        if let Some((image, section, strings)) = symtab {
            table.add(image, section, strings, SymbolTableKind::Symtab);
        }
        if let Some((section, strings)) = section(image, elf::SHT_DYNSYM.0) {
            table.add(image, section, strings, SymbolTableKind::Dynsym);
        }
        // For the nearest symbol below an address.
        table.entries.sort_by_key(|entry| entry.start);
        let sized = table.entries.iter().enumerate();
        table.sized = RangeIndex::new(sized.filter_map(|(index, entry)| {
            Some((entry.start, entry.start.checked_add(entry.size)?, index))
        }));
        table
    }

    fn add(
        &mut self,
        image: &Image<'f>,
        section: &Section<'f>,
        strings: &'f [u8],
        kind: SymbolTableKind,
    ) {
        let index = self.strings.len();
        self.strings.push(strings);
        let mut cursor = Cursor::new(section.bytes, FileOff(0));
        while let Some(entry) = entry(image, &mut cursor, index, kind) {
            self.entries.extend(entry);
        }
    }

    /// The symbol around `at`: of several the one that begins last, and of
    /// those with one address the most public one.
    pub(super) fn containing(&self, at: LinkAddr) -> Option<Symbol<'f>> {
        let mut best: Option<(LinkAddr, &Entry)> = None;
        for (start, index) in self.sized.containing(at) {
            let Some(entry) = self.entries.get(index) else { continue };
            match best {
                Some((first, _)) if first != start => break,
                Some((_, best)) if self.rank(best) <= self.rank(entry) => (),
                _ => best = Some((start, entry)),
            }
        }
        best.map(|(_, entry)| self.symbol(entry))
    }

    /// The last function that begins at or before `at`, though its size, if
    /// it has one, ends before.
    pub(super) fn nearest_function(&self, at: LinkAddr) -> Option<Symbol<'f>> {
        let after = self.entries.partition_point(|entry| entry.start <= at.0);
        let before = self.entries.get(..after).unwrap_or_default();
        let nearest = before.iter().rev().find(|entry| entry.is_function)?;
        let same = before.iter().rev().take_while(|entry| entry.start >= nearest.start);
        let best = same.filter(|entry| entry.is_function).min_by_key(|entry| self.rank(entry));
        best.map(|entry| self.symbol(entry))
    }

    /// The first symbol with this name, from `.dynsym` or else `.symtab`.
    pub(super) fn named(&self, name: &[u8]) -> Option<Symbol<'f>> {
        let mut found = self.entries.iter().filter(|entry| self.has_name(entry, name));
        let first = found.next()?;
        let best = match first.kind {
            SymbolTableKind::Dynsym => first,
            SymbolTableKind::Symtab => {
                found.find(|entry| entry.kind == SymbolTableKind::Dynsym).unwrap_or(first)
            }
        };
        Some(self.symbol(best))
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

    fn name(&self, entry: &Entry) -> &'f [u8] {
        let strings = self.strings.get(entry.strings).copied().unwrap_or_default();
        let start = usize::try_from(entry.name).unwrap_or(usize::MAX);
        until_nul(strings.get(start..).unwrap_or_default())
    }

    fn has_name(&self, entry: &Entry, name: &[u8]) -> bool {
        let strings = self.strings.get(entry.strings).copied().unwrap_or_default();
        let start = usize::try_from(entry.name).unwrap_or(usize::MAX);
        let rest = strings.get(start..).and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == 0))
    }

    fn symbol(&self, entry: &Entry) -> Symbol<'f> {
        Symbol {
            name: self.name(entry),
            start: LinkAddr(entry.start),
            size: entry.size,
            is_function: entry.is_function,
            table: entry.kind,
        }
    }
}

/// The symbol table of this type, and its strings.
fn section<'i, 'f>(image: &'i Image<'f>, kind: u32) -> Option<(&'i Section<'f>, &'f [u8])> {
    let section = image.sections().iter().find(|section| section.kind == kind)?;
    let strings = image.sections().get(usize::try_from(section.link).ok()?)?.bytes;
    Some((section, strings))
}

/// The next entry; within, nothing for one that names no place in memory.
fn entry(
    image: &Image<'_>,
    cursor: &mut Cursor<'_>,
    strings: usize,
    table: SymbolTableKind,
) -> Option<Option<Entry>> {
    let name = cursor.u32_le().ok()?;
    let info = cursor.u8().ok()?;
    let _other = cursor.u8().ok()?;
    let section = cursor.u16_le().ok()?;
    let start = cursor.u64_le().ok()?;
    let size = cursor.u64_le().ok()?;
    let kind = elf::SymbolType(info & 0xf);
    let is_place =
        matches!(kind, elf::STT_NOTYPE | elf::STT_OBJECT | elf::STT_FUNC | elf::STT_GNU_IFUNC);
    // Undefined, or a plain number.
    if !is_place || section == elf::SHN_UNDEF.0 || section == elf::SHN_ABS.0 || name == 0 {
        return Some(None);
    }
    Some(Some(Entry {
        start,
        size,
        name,
        strings,
        kind: table,
        is_function: match kind {
            elf::STT_FUNC | elf::STT_GNU_IFUNC => true,
            // A label in assembly.
            elf::STT_NOTYPE => {
                let section = image.sections().get(usize::from(section));
                section.is_some_and(|section| section.flags & elf::SHF_EXECINSTR.0 != 0)
            }
            _ => false,
        },
        binding: info >> 4,
    }))
}
