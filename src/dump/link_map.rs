//! The loader's own list of modules.
//!
//! `AT_PHDR` leads to the program's headers, `PT_DYNAMIC` of them to its dynamic
//! section, `DT_DEBUG` there to the `r_debug` that the loader fills in for
//! debuggers, and `r_map` there to the first `link_map`.
//!
//! Layouts (glibc `elf/link.h`, musl `include/link.h`), in words of four or
//! eight bytes: `Elf64_Phdr` of 56 bytes: `u32 p_type`, `p_vaddr` at 16, of
//! `Elf32_Phdr`, which has 32, at 8; `Elf_Dyn`: `d_tag, d_val`; `r_debug`: `i32
//! r_version`, `r_map` in the second word, from version 2 on `r_next` in the
//! sixth; `link_map`: `l_addr, l_name, l_ld, l_next`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::collections::HashSet;

use crate::base::addr::{Bias, LinkAddr, RunAddr};
use crate::base::memory::Memory;
use crate::dump::process::Process;

/// Keys of the auxiliary vector (Linux `include/uapi/linux/auxvec.h`): where
/// the program headers are, the size of one, how many there are.
const AT_PHDR: u64 = 3;
const AT_PHENT: u64 = 4;
const AT_PHNUM: u64 = 5;

/// Kinds of program headers (gABI).
const PT_DYNAMIC: u32 = 2;
const PT_PHDR: u32 = 6;

/// Key of the dynamic section: where `r_debug` is.
const DT_DEBUG: u64 = 21;

/// More program headers, or entries of a dynamic section, no program has.
const MOST_HEADERS: u64 = 1_000;
const MOST_DYNAMIC: u64 = 10_000;

/// How many namespaces of `dlmopen` are looked at; glibc has room for 16.
const MOST_NAMESPACES: usize = 16;

/// One module, as the loader has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkEntry {
    /// Where its `link_map` is.
    pub at: RunAddr,
    /// What the loader added to its addresses.
    pub bias: Bias,
    /// Its dynamic section.
    pub dynamic: RunAddr,
    /// Its path, as text that ends with a NUL. Empty: the program's own.
    pub name: RunAddr,
}

/// One program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `p_type`.
    pub kind: u32,
    /// `p_vaddr`: where the linker put the segment.
    pub start: LinkAddr,
    /// `p_memsz`: its size in bytes.
    pub size: u64,
    /// `p_align`: its alignment in bytes.
    pub align: u64,
}

/// The loader's modules in its order: the program, then the others as they were
/// loaded. Empty: the program is static, or the list cannot be read. No more
/// than `limit`; a list that goes in a circle ends there.
pub fn link_map(process: &Process<'_>, memory: &dyn Memory, limit: usize) -> Vec<LinkEntry> {
    let size = memory.model().word();
    let mut entries = Vec::new();
    let mut seen = HashSet::new();
    let mut debug = debug_record(process, memory);
    for _ in 0..MOST_NAMESPACES {
        let Some(here) = debug.filter(|here| here.0 != 0 && seen.insert(*here)) else { break };
        let word = |index: u64| {
            let at = here.checked_add(index.checked_mul(size)?)?;
            memory.word(at).ok().map(RunAddr)
        };
        let mut next = word(1);
        while let Some(at) = next.filter(|at| at.0 != 0 && seen.insert(*at)) {
            if entries.len() >= limit {
                return entries;
            }
            let word = |index: u64| {
                memory.word(at.checked_add(index.checked_mul(size)?)?).ok().map(RunAddr)
            };
            let (Some(bias), Some(name), Some(dynamic)) = (word(0), word(1), word(2)) else {
                break;
            };
            entries.push(LinkEntry { at, bias: Bias(bias.0), dynamic, name });
            next = word(3);
        }
        let version = memory.u32(here).unwrap_or(0);
        debug = if version >= 2 { word(5) } else { None };
    }
    entries
}

/// The program's headers, as the kernel told it.
pub fn program_headers(process: &Process<'_>, memory: &dyn Memory) -> Vec<Header> {
    let place = || {
        let (first, count) = (process.aux(AT_PHDR)?, process.aux(AT_PHNUM)?);
        (process.aux(AT_PHENT)? == header_size(memory)).then_some((RunAddr(first), count))
    };
    place().map(|(first, count)| headers(memory, first, count)).unwrap_or_default()
}

/// Bytes of one program header.
fn header_size(memory: &dyn Memory) -> u64 {
    if memory.model().is_64() { 56 } else { 32 }
}

/// The headers of a module, from the ELF header at its lowest address.
pub fn module_headers(memory: &dyn Memory, start: RunAddr) -> Vec<Header> {
    table(memory, start).map(|(first, count)| headers(memory, first, count)).unwrap_or_default()
}

/// Where the program headers of the ELF file at `start` are, and how many.
fn table(memory: &dyn Memory, start: RunAddr) -> Option<(RunAddr, u64)> {
    let model = memory.model();
    let number = |at: u64, size: usize| {
        let mut bytes = vec![0; size];
        memory.read_exact(start.checked_add(at)?, &mut bytes).ok()?;
        Some(model.order.number(&bytes))
    };
    // `e_phoff`, then `e_phentsize` and `e_phnum`.
    let (offset_at, sizes_at) = if model.is_64() { (32, 54) } else { (28, 42) };
    let mut magic = [0; 4];
    memory.read_exact(start, &mut magic).ok()?;
    let size = number(sizes_at, 2)?;
    let count = number(sizes_at.checked_add(2)?, 2)?;
    let first = start.checked_add(number(offset_at, usize::from(model.address_size))?)?;
    (magic == *b"\x7fELF" && size == header_size(memory)).then_some((first, count))
}

fn headers(memory: &dyn Memory, first: RunAddr, count: u64) -> Vec<Header> {
    let read = |index: u64| {
        let at = first.checked_add(index.checked_mul(header_size(memory))?)?;
        let word = |offset: u64| memory.word(at.checked_add(offset)?).ok();
        let kind = memory.u32(at).ok()?;
        // `p_vaddr`, `p_memsz`, `p_align`.
        let (start, size, align) = if memory.model().is_64() { (16, 40, 48) } else { (8, 20, 28) };
        Some(Header { kind, start: LinkAddr(word(start)?), size: word(size)?, align: word(align)? })
    };
    (0..count.min(MOST_HEADERS)).map_while(read).collect()
}

/// Where `r_debug` is.
fn debug_record(process: &Process<'_>, memory: &dyn Memory) -> Option<RunAddr> {
    let headers = program_headers(process, memory);
    let of_kind = |kind| headers.iter().find(|header| header.kind == kind);
    let bias = match of_kind(PT_PHDR) {
        Some(own) => Bias(process.aux(AT_PHDR)?.wrapping_sub(own.start.0)),
        None => process.modules.iter().find(|module| module.is_main)?.bias?,
    };
    let dynamic = of_kind(PT_DYNAMIC)?.start.to_run(bias);
    for index in 0..MOST_DYNAMIC {
        let size = memory.model().word();
        let at = dynamic.checked_add(index.checked_mul(size.checked_mul(2)?)?)?;
        match memory.word(at).ok()? {
            0 => return None,
            DT_DEBUG => return memory.word(at.checked_add(size)?).ok().map(RunAddr),
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::process::tests::process;

    /// A page of memory at 0x1000, word by word.
    struct Page([u64; 128]);

    impl Memory for Page {
        fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
            let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
            let start = at.0.checked_sub(0x1000).and_then(|start| usize::try_from(start).ok());
            let rest = start.and_then(|start| bytes.get(start..)).unwrap_or_default();
            for (to, from) in out.iter_mut().zip(rest) {
                *to = *from;
            }
            rest.len().min(out.len())
        }
    }

    /// A program with one header, `PT_DYNAMIC` at 0x1040, whose `DT_DEBUG`
    /// leads to 0x1080; there the list begins at 0x1100.
    fn page() -> Page {
        let mut words = [0; 128];
        words[0] = u64::from(PT_DYNAMIC);
        words[2] = 0x1040;
        words[8..12].copy_from_slice(&[1, 0, DT_DEBUG, 0x1080]);
        words[16..18].copy_from_slice(&[1, 0x1100]);
        words[32..36].copy_from_slice(&[0, 0, 0x1040, 0x1140]);
        words[40..44].copy_from_slice(&[0x7000, 0, 0x7100, 0]);
        Page(words)
    }

    fn entries(page: &Page, limit: usize) -> Vec<u64> {
        let mut process = process(&[(0x1000, 0x2000, "rw-")]);
        process.auxv = vec![(AT_PHDR, 0x1000), (AT_PHENT, 56), (AT_PHNUM, 1)];
        process.modules.push(crate::dump::process::Module {
            path: b"/bin/program".to_vec(),
            range: crate::base::addr::RunRange { start: RunAddr(0x1000), end: RunAddr(0x2000) },
            bias: Some(Bias(0)),
            build_id: None,
            is_main: true,
        });
        link_map(&process, page, limit).iter().map(|entry| entry.at.0).collect()
    }

    #[test]
    fn the_list_is_walked_within_bounds() {
        assert_eq!(entries(&page(), 10), [0x1100, 0x1140]);
        assert_eq!(entries(&page(), 1), [0x1100]);
        // In a circle, at itself, and out of memory.
        for (next, want) in [(0x1100, 2), (0x1140, 2), (0x9000, 2), (u64::MAX, 2)] {
            let mut page = page();
            page.0[43] = next;
            assert_eq!(entries(&page, 10).len(), want, "{next:#x}");
        }
        // A second namespace that is the first one again.
        let mut twice = page();
        twice.0[16] = 2;
        twice.0[21] = 0x1080;
        assert_eq!(entries(&twice, 10).len(), 2);
    }

    #[test]
    fn without_a_record_there_is_no_list() {
        let mut page = page();
        page.0[10] = 5;
        assert!(entries(&page, 10).is_empty());
    }
}
