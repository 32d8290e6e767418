//! `.dynsym` as the process had it in memory: for modules whose file is gone.
//!
//! Layout: System V gABI, "Dynamic Section"; `DT_GNU_HASH` as glibc reads it
//! (`elf/dl-lookup.c`, `elf/dl-setup_hash.c`).
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use object::elf;

use crate::base::addr::{Bias, FileOff, LinkAddr, RunAddr};
use crate::base::arch::Arch;
use crate::base::bytes::Cursor;
use crate::base::data_model::DataModel;
use crate::base::file_store::FileStore;
use crate::base::memory::Memory;
use crate::dump::package_note::PackageNote;
use crate::dump::process::Module;
use crate::symbols::object::Image;
use crate::symbols::symbol_table::SYMBOL;

/// Bytes of a module's start that hold its program headers.
const HEADERS: usize = 0x1000;

/// Entries of the dynamic section; linkers write some forty.
const MOST_ENTRIES: u64 = 1024;

/// Symbols, and bytes of their names.
const MOST_SYMBOLS: u64 = 1 << 20;
const MOST_STRINGS: u64 = 64 << 20;

/// The symbols and the strings of a module, copied from memory as far as they
/// are there. `None` as well for all but little-endian ELF64.
pub(super) fn find<'f>(
    module: &Module,
    memory: &dyn Memory,
    arch: Arch,
    store: &'f FileStore,
) -> Option<(&'f [u8], &'f [u8])> {
    let bias = module.bias.filter(|_| arch.model() == DataModel::LITTLE_64)?;
    let mut page = vec![0; HEADERS];
    let got = memory.read(module.range.start, &mut page);
    let (dynamic, size) = Image::parse(page.get(..got)?, arch).ok()?.dynamic()?;
    let source = Source { module, memory, bias };
    let section = source.bytes(dynamic.to_run(bias), size.min(MOST_ENTRIES.checked_mul(16)?));
    let mut cursor = Cursor::new(&section, FileOff(0));
    let (mut symbols, mut strings, mut string_size) = (None, None, None);
    let (mut gnu_hash, mut hash) = (None, None);
    while let (Ok(tag), Ok(value)) = (cursor.u64_le(), cursor.u64_le()) {
        let place = || Some(source.place(value));
        match i64::from_le_bytes(tag.to_le_bytes()) {
            tag if tag == elf::DT_NULL.0 => break,
            tag if tag == elf::DT_SYMTAB.0 => symbols = place(),
            tag if tag == elf::DT_STRTAB.0 => strings = place(),
            tag if tag == elf::DT_STRSZ.0 => string_size = Some(value),
            tag if tag == elf::DT_GNU_HASH.0 => gnu_hash = place(),
            tag if tag == elf::DT_HASH.0 => hash = place(),
            _ => (),
        }
    }
    let (symbols, strings) = (symbols?, strings?);
    let counted = hash.and_then(|at| source.word(at.checked_add(4)?));
    let count = counted.or_else(|| source.count_by_gnu_hash(gnu_hash?))?;
    let count = u64::from(count).min(MOST_SYMBOLS);
    let found = source.bytes(symbols, count.checked_mul(u64::try_from(SYMBOL).ok()?)?);
    let names = source.bytes(strings, string_size?.min(MOST_STRINGS));
    if found.is_empty() || names.is_empty() {
        return None;
    }
    Some((store.keep(found), store.keep(names)))
}

/// The package that a module says it is from, in its first page in memory.
pub(super) fn package_note(
    module: &Module,
    memory: &dyn Memory,
    arch: Arch,
) -> Option<PackageNote> {
    let mut page = vec![0; HEADERS];
    let got = memory.read(module.range.start, &mut page);
    Image::parse(page.get(..got)?, arch).ok()?.package_note()
}

struct Source<'s> {
    module: &'s Module,
    memory: &'s dyn Memory,
    bias: Bias,
}

impl Source<'_> {
    /// An address of the dynamic section: the loader of glibc has relocated
    /// those, others leave them as the linker wrote them.
    fn place(&self, value: u64) -> RunAddr {
        match self.module.range.contains(RunAddr(value)) {
            true => RunAddr(value),
            false => LinkAddr(value).to_run(self.bias),
        }
    }

    /// Up to `len` bytes, as many as are there.
    fn bytes(&self, at: RunAddr, len: u64) -> Vec<u8> {
        let len = len.min(self.module.range.end.0.saturating_sub(at.0));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = self.memory.read(at, &mut bytes);
        bytes.truncate(got);
        bytes
    }

    fn word(&self, at: RunAddr) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes(at, 4).first_chunk()?))
    }

    /// How many symbols there are: the table of buckets has the first symbol
    /// of each chain, and the last symbol of a chain has an odd hash.
    ///
    /// Layout: u32 numbers of buckets, of symbols before the first one that is
    /// in it, and of u64 words of a filter; u32 shift; filter; buckets; hashes.
    fn count_by_gnu_hash(&self, at: RunAddr) -> Option<u32> {
        let head = self.bytes(at, 16);
        let mut cursor = Cursor::new(&head, FileOff(0));
        let buckets = cursor.u32_le().ok()?;
        let before = cursor.u32_le().ok()?;
        let filter = u64::from(cursor.u32_le().ok()?);
        let table = at.checked_add(16)?.checked_add(filter.checked_mul(8)?)?;
        let size = u64::from(buckets).min(MOST_SYMBOLS).checked_mul(4)?;
        let firsts = self.bytes(table, size);
        let firsts = firsts.chunks_exact(4).filter_map(|word| word.first_chunk());
        let last = firsts.map(|word| u32::from_le_bytes(*word)).max()?;
        if last < before {
            return Some(before);
        }
        let hashes = table.checked_add(size)?;
        let mut symbol = last;
        while u64::from(symbol) < MOST_SYMBOLS {
            let index = u64::from(symbol.checked_sub(before)?);
            let hash = self.word(hashes.checked_add(index.checked_mul(4)?)?)?;
            symbol = symbol.checked_add(1)?;
            if hash & 1 == 1 {
                return Some(symbol);
            }
        }
        None
    }
}
