//! Which ELF files were loaded where, from the headers in memory.
//!
//! The first page of each loaded ELF file is in a core by default
//! (`coredump_filter` bit 4), so bias and build-id come from what the process
//! really had, and not from a file that may have changed since.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use goblin::container::{Container, Ctx};
use goblin::elf::program_header::{PF_X, PT_LOAD, PT_NOTE, ProgramHeader};

use crate::base::addr::{Bias, FileOff, RunAddr, RunRange};
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::elf_core::byte_order;
use crate::dump::notes;
use crate::dump::process::{Mapping, Module};

/// `AT_PHDR`: where the main program's headers lie.
const AT_PHDR: u64 = 3;
/// `AT_ENTRY`: the main program's first instruction.
const AT_ENTRY: u64 = 9;
/// `AT_SYSINFO_EHDR`: the ELF header of the vdso.
const AT_SYSINFO_EHDR: u64 = 33;

/// Finds the modules of a process, sorted by address.
pub fn modules(
    mappings: &[Mapping],
    auxv: &[(u64, u64)],
    memory: &dyn Memory,
    limits: &Limits,
) -> Vec<Module> {
    let aux = |kind| auxv.iter().find(|(found, _)| *found == kind).map(|(_, value)| *value);
    let vdso = aux(AT_SYSINFO_EHDR).map(RunAddr);
    let mut found: Vec<Module> = Vec::new();
    for (index, mapping) in mappings.iter().enumerate() {
        if found.len() >= limits.modules {
            break;
        }
        let at = mapping.range.start;
        // The second mapping of a small file may start at offset 0, too.
        if found.last().is_some_and(|last| last.range.contains(at)) {
            continue;
        }
        let rest = mappings.get(index..).unwrap_or_default();
        let module = if vdso == Some(at) {
            Image::read(at, memory).map(|image| image.module(b"[vdso]".to_vec(), at))
        } else {
            mapping.path.as_deref().and_then(|path| file_module(path, rest, memory))
        };
        found.extend(module);
    }
    let inside =
        |module: &Module, kind| aux(kind).is_some_and(|at| module.range.contains(RunAddr(at)));
    let main = found
        .iter()
        .position(|module| inside(module, AT_PHDR))
        .or_else(|| found.iter().position(|module| inside(module, AT_ENTRY)));
    if let Some(main) = main.and_then(|index| found.get_mut(index)) {
        main.is_main = true;
    }
    found
}

/// The module whose lowest mapping is the first of `mappings`, if it is one.
fn file_module(path: &[u8], mappings: &[Mapping], memory: &dyn Memory) -> Option<Module> {
    let first = mappings.first()?;
    // `[heap]`, `[stack]`; devices cannot be programs.
    if path.starts_with(b"[") || path.starts_with(b"/dev/") || first.offset.0 != 0 {
        return None;
    }
    let same_file = |mapping: &&Mapping| mapping.path.as_deref() == Some(path);
    let may_run = |range: RunRange| {
        mappings
            .iter()
            .take_while(|mapping| mapping.range.start < range.end)
            .filter(same_file)
            // Permissions are unknown where a core has no header for a range.
            .any(|mapping| mapping.permissions.execute || !mapping.permissions.known)
    };
    let at = first.range.start;
    match Image::read(at, memory) {
        // A file that is only read, as a debugger or a linker does, is no module.
        Some(image) => {
            let module = image.module(path.to_vec(), at);
            (image.has_code && may_run(module.range)).then_some(module)
        }
        // The header was not dumped; the file will have to tell.
        None => {
            let mut end = first.range.end;
            for mapping in mappings.iter().skip(1) {
                // The bss behind a file's last mapping has no path.
                if mapping.range.start != end || !same_file(&mapping) {
                    break;
                }
                end = mapping.range.end;
            }
            let range = RunRange { start: at, end };
            let mut header = [0; 4];
            let known = memory.read(at, &mut header) == header.len();
            (!known && may_run(range)).then(|| Module {
                path: path.to_vec(),
                range,
                bias: None,
                build_id: None,
                is_main: false,
            })
        }
    }
}

/// What the ELF header in memory tells.
pub(super) struct Image {
    bias: Bias,
    end: RunAddr,
    build_id: Option<Vec<u8>>,
    pub(super) has_code: bool,
    /// Where each `PT_LOAD` is, and where its bytes begin in the file.
    pub(super) loads: Vec<(RunRange, FileOff)>,
}

impl Image {
    /// Reads the header and program headers of the file mapped at `at`.
    pub(super) fn read(at: RunAddr, memory: &dyn Memory) -> Option<Self> {
        /// Linkers write a dozen; every one costs a read.
        const MOST_HEADERS: usize = 256;
        /// Of all note segments together.
        const MOST_NOTES: u64 = 64 << 10;

        let mut header = [0; 64];
        memory.read_exact(at, &mut header).ok()?;
        let header = goblin::elf::Elf::parse_header(&header).ok()?;
        let (container, endian) = (header.container().ok()?, header.endianness().ok()?);
        let model = memory.model();
        let order = byte_order(endian);
        if (container == Container::Big) != model.is_64() || order != model.order {
            return None;
        }
        let count = usize::from(header.e_phnum).min(MOST_HEADERS);
        let entry = if model.is_64() { 56 } else { 32 };
        let mut table = vec![0; count.checked_mul(entry)?];
        memory.read_exact(at.checked_add(header.e_phoff)?, &mut table).ok()?;
        let headers = ProgramHeader::parse(&table, 0, count, Ctx::new(container, endian)).ok()?;

        let loads = || headers.iter().filter(|header| header.p_type == PT_LOAD);
        let first = loads().min_by_key(|load| load.p_vaddr)?;
        // Offset 0 of the file is at `at`.
        let bias = Bias(at.0.wrapping_sub(first.p_vaddr).wrapping_add(first.p_offset));
        let run = |vaddr: u64| RunAddr(vaddr.wrapping_add(bias.0));
        let end = loads()
            .map(|load| run(load.p_vaddr).0.saturating_add(load.p_memsz))
            .max()
            .filter(|end| *end > at.0)?;
        // Up to the end of its page; the kernel maps no less.
        let end = RunAddr(end.checked_next_multiple_of(4096)?);
        let mut build_id = None;
        for note in headers.iter().filter(|header| header.p_type == PT_NOTE) {
            let len = usize::try_from(note.p_filesz.min(MOST_NOTES)).ok()?;
            let mut bytes = vec![0; len];
            let found = memory.read(run(note.p_vaddr), &mut bytes);
            let found = bytes.get(..found).unwrap_or_default();
            build_id = build_id.or_else(|| notes::build_id(found, order).map(<[u8]>::to_vec));
        }
        let has_code = loads().any(|load| load.p_flags & PF_X != 0);
        let load = |load: &ProgramHeader| {
            let start = run(load.p_vaddr);
            let end = RunAddr(start.0.saturating_add(load.p_memsz));
            (RunRange { start, end }, FileOff(load.p_offset))
        };
        Some(Self { bias, end, build_id, has_code, loads: loads().map(load).collect() })
    }

    pub(super) fn module(&self, path: Vec<u8>, start: RunAddr) -> Module {
        Module {
            path,
            range: RunRange { start, end: self.end },
            bias: Some(self.bias),
            build_id: self.build_id.clone(),
            is_main: false,
        }
    }
}
