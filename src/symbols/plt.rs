//! Stubs of the procedure linkage table of AMD64, which symbol tables do not
//! name.
//!
//! Source: System V psABI for AMD64, section 5.2 "Dynamic Linking", and
//! appendix on the instruction-cache-friendly PLT with indirect branch
//! tracking (`.plt.sec`).
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use object::elf;

use crate::base::addr::{FileOff, LinkAddr};
use crate::base::arch::Arch;
use crate::base::bytes::{Cursor, until_nul};
use crate::symbols::object::{Image, Section};

/// The sections that hold stubs.
const SECTIONS: &[&str] = &[".plt", ".plt.sec", ".plt.got"];

/// The sections that say which symbol a stub jumps to.
const RELOCATIONS: &[&str] = &[".rela.plt", ".rela.dyn"];

/// Bytes of an `Elf64_Rela`, of an `Elf64_Sym`, and of a stub.
const RELA: usize = 24;
const SYM: usize = 24;
const STUB: u64 = 16;

/// `jmp *disp32(%rip)`, which follows `endbr64` and `bnd` in some stubs.
const JUMP: [u8; 2] = [0xff, 0x25];
/// `push imm32`: the index of a stub's relocation in `.rela.plt`.
const PUSH: u8 = 0x68;

/// A stub: where it begins, and the function that it jumps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stub<'f> {
    pub(super) start: LinkAddr,
    pub(super) target: &'f [u8],
}

/// The stub around `at`. It is read, not counted: the order of stubs is the
/// linker's business.
pub(super) fn stub_at<'f>(image: &Image<'f>, at: LinkAddr) -> Option<Stub<'f>> {
    if image.arch() != Arch::X86_64 {
        return None;
    }
    let found = SECTIONS.iter().find_map(|name| image.section(name).filter(|it| it.contains(at)));
    let section = found?;
    // `.plt.got` without tracking has stubs of 8 bytes.
    let size = if section.entry_size == 8 { 8 } else { STUB };
    let offset = at.0.checked_sub(section.address.0)?;
    let offset = offset.checked_sub(offset.checked_rem(size)?)?;
    let start = LinkAddr(section.address.0.checked_add(offset)?);
    let code = section.bytes.get(usize::try_from(offset).ok()?..)?;
    let code = code.get(..usize::try_from(size).ok()?)?;
    let target = jump_slot(code, start).and_then(|slot| relocated(image, slot));
    let target = target.or_else(|| pushed(image, code));
    Some(Stub { start, target: target? })
}

/// Where the stub reads its target's address from.
fn jump_slot(code: &[u8], start: LinkAddr) -> Option<LinkAddr> {
    let jump = code.windows(JUMP.len()).position(|bytes| bytes == JUMP)?;
    let displacement_at = jump.checked_add(JUMP.len())?;
    let displacement = i32::from_le_bytes(*code.get(displacement_at..)?.first_chunk()?);
    let next = start.0.checked_add(u64::try_from(displacement_at).ok()?)?.checked_add(4)?;
    Some(LinkAddr(next.wrapping_add_signed(i64::from(displacement))))
}

/// The function whose address the loader puts at `slot`.
fn relocated<'f>(image: &Image<'f>, slot: LinkAddr) -> Option<&'f [u8]> {
    RELOCATIONS.iter().filter_map(|name| image.section(name)).find_map(|section| {
        let mut all = section.bytes.chunks_exact(RELA);
        let symbol = all.find_map(|bytes| {
            let (offset, info) = rela(bytes)?;
            (offset == slot.0).then_some(info)
        });
        symbol_name(image, section, symbol?)
    })
}

/// The function of a lazy stub that pushes the index of its relocation.
fn pushed<'f>(image: &Image<'f>, code: &[u8]) -> Option<&'f [u8]> {
    let push = code.iter().position(|byte| *byte == PUSH)?;
    let index = u32::from_le_bytes(*code.get(push.checked_add(1)?..)?.first_chunk()?);
    let section = image.section(".rela.plt")?;
    let bytes = section.bytes.chunks_exact(RELA).nth(usize::try_from(index).ok()?)?;
    symbol_name(image, section, rela(bytes)?.1)
}

/// `r_offset`, and the symbol's index from `r_info`.
fn rela(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut cursor = Cursor::new(bytes, FileOff(0));
    let offset = cursor.u64_le().ok()?;
    let info = cursor.u64_le().ok()?;
    Some((offset, info >> 32))
}

/// The name of a symbol of the table that a relocation section goes with.
fn symbol_name<'f>(image: &Image<'f>, relocations: &Section<'f>, index: u64) -> Option<&'f [u8]> {
    let symbols = image.sections().get(usize::try_from(relocations.link).ok()?)?;
    if symbols.kind != elf::SHT_DYNSYM.0 || index == 0 {
        return None;
    }
    let symbol = symbols.bytes.chunks_exact(SYM).nth(usize::try_from(index).ok()?)?;
    let name = u32::from_le_bytes(*symbol.first_chunk()?);
    let strings = image.sections().get(usize::try_from(symbols.link).ok()?)?.bytes;
    let name = until_nul(strings.get(usize::try_from(name).ok()?..)?);
    (!name.is_empty()).then_some(name)
}
