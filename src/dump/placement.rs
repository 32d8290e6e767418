//! Where the loader had put an executable of which one instruction is known.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::program_header::{PF_X, PT_LOAD, ProgramHeader};

use crate::base::addr::{Bias, LinkAddr, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::dump::kernel_log::FaultFile;

/// The program headers of an executable, from its first bytes. `None`: it is
/// no x86-64 ELF file.
pub fn headers(head: &[u8]) -> Option<Vec<ProgramHeader>> {
    let header = goblin::elf::Elf::parse_header(head).ok()?;
    let is_64_bit = header.container().ok()? == Container::Big;
    let is_little = header.endianness().ok()? == Endian::Little;
    if !is_64_bit || !is_little || header.e_machine != Arch::X86_64.elf_machine() {
        return None;
    }
    let at = usize::try_from(header.e_phoff).ok()?;
    let context = Ctx::new(Container::Big, Endian::Little);
    ProgramHeader::parse(head, at, usize::from(header.e_phnum), context).ok()
}

/// What the loader added, and the range of the whole image: the instruction at
/// `pc` is that at the file's offset in the log.
pub fn placed(
    headers: &[ProgramHeader],
    file: &FaultFile,
    pc: RunAddr,
) -> Option<(Bias, RunRange)> {
    const PAGE: u64 = 4096;
    let offset = file.offset?.0;
    let loads = || headers.iter().filter(|header| header.p_type == PT_LOAD);
    let code = loads().find(|load| {
        let end = load.p_offset.saturating_add(load.p_filesz);
        load.p_flags & PF_X != 0 && (load.p_offset..end).contains(&offset)
    })?;
    let link = LinkAddr(code.p_vaddr.checked_add(offset.checked_sub(code.p_offset)?)?);
    let bias = Bias(pc.0.wrapping_sub(link.0));
    // A loader adds whole pages, or the file is not the one that ran.
    if bias.0 & (PAGE - 1) != 0 {
        return None;
    }
    let start = loads().map(|load| load.p_vaddr).min()? & !(PAGE - 1);
    let end = loads().map(|load| load.p_vaddr.saturating_add(load.p_memsz)).max()?;
    let range = RunRange { start: LinkAddr(start).to_run(bias), end: LinkAddr(end).to_run(bias) };
    range.contains(pc).then_some((bias, range))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::FileOff;

    #[test]
    fn an_instruction_finds_its_place() {
        let load = |flags, offset, start, size| ProgramHeader {
            p_type: PT_LOAD,
            p_flags: flags,
            p_offset: offset,
            p_vaddr: start,
            p_filesz: size,
            p_memsz: size,
            ..ProgramHeader::default()
        };
        let headers =
            [load(4, 0, 0, 0x600), load(5, 0x1000, 0x2000, 0x800), load(6, 0x2000, 0x4000, 8)];
        let at = |offset, pc| {
            let file = FaultFile {
                name: b"x".to_vec(),
                offset: Some(FileOff(offset)),
                start: RunAddr(0x7000_1000),
                len: 0x1000,
            };
            placed(&headers, &file, RunAddr(pc))
                .map(|(bias, range)| (bias.0, range.start.0, range.end.0))
        };
        assert_eq!(at(0x1234, 0x7000_2234), Some((0x7000_0000, 0x7000_0000, 0x7000_4008)));
        assert_eq!(at(0x1234, 0x7000_2235), None, "no whole pages");
        assert_eq!(at(0x234, 0x7000_0234), None, "no code");
        assert_eq!(at(0x9000, 0x7000_2000), None, "outside of the file");
    }
}
