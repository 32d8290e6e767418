//! Register sets besides the general registers.
//!
//! Numbers of notes: Linux `include/uapi/linux/elf.h`.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::arch::{Arch, Machine};
use crate::dump::notes::Note;
use crate::dump::process::ThreadRegisters;

/// Floating-point registers; owner `CORE`, all others here `LINUX`.
const NT_PRFPREG: u32 = 2;
const NT_386_TLS: u32 = 0x200;
const NT_X86_XSTATE: u32 = 0x202;
const NT_ARM_VFP: u32 = 0x400;
const NT_ARM_TLS: u32 = 0x401;
const NT_ARM_PAC_MASK: u32 = 0x406;
const NT_PRXFPREG: u32 = 0x46e6_2b7f;

/// Adds what a note tells of the thread whose `NT_PRSTATUS` came last. A note
/// of another kind or architecture changes nothing.
pub(super) fn add(arch: Arch, note: &Note<'_>, registers: &mut ThreadRegisters) {
    let bytes = note.desc.rest();
    match (arch.machine, note.kind) {
        (Machine::X86_64 | Machine::X32, NT_PRFPREG | NT_X86_XSTATE)
        // The legacy note of i386 has another layout than FXSAVE.
        | (Machine::I386, NT_PRXFPREG | NT_X86_XSTATE)
        // The older note of ARM has the registers of another coprocessor.
        | (Machine::Arm, NT_ARM_VFP) => keep_longer(registers, bytes),
        (Machine::I386 | Machine::Arm, NT_PRFPREG) => (),
        // `u32 fpc` and padding, then f0 to f15.
        (Machine::S390x, NT_PRFPREG) => {
            let mut desc = note.desc;
            let is_whole = registers.general.len() == arch.prstatus_registers();
            if is_whole && desc.skip(8).is_ok() {
                while let (Ok(word), true) =
                    (desc.u64(), registers.general.len() < arch.general_registers().len())
                {
                    registers.general.push(word);
                }
            }
        }
        (_, NT_PRFPREG) => registers.extended = bytes.to_vec(),
        (Machine::Aarch64 | Machine::Arm, NT_ARM_TLS) => {
            let mut desc = note.desc;
            if let Ok(pointer) = desc.word() {
                add_word(arch, registers, pointer);
            }
        }
        (Machine::I386, NT_386_TLS) => {
            if let Some(base) = segment_base(note, registers.word(GS)) {
                add_word(arch, registers, base);
            }
        }
        // `u64 data_mask, insn_mask`.
        (Machine::Aarch64, NT_ARM_PAC_MASK) => {
            let mut desc = note.desc;
            if let (Ok(_data), Ok(code)) = (desc.u64(), desc.u64()) {
                registers.signature = code;
            }
        }
        _ => (),
    }
}

/// The newer note of two holds what the older one has, and more.
fn keep_longer(registers: &mut ThreadRegisters, bytes: &[u8]) {
    if registers.extended.len() < bytes.len() {
        registers.extended = bytes.to_vec();
    }
}

/// The selector `gs` among the words of i386.
const GS: usize = 10;

/// Puts the thread pointer behind the words of a whole `pr_reg`.
fn add_word(arch: Arch, registers: &mut ThreadRegisters, word: u64) {
    if registers.general.len() == arch.prstatus_registers() {
        registers.general.push(word);
    }
}

/// The base of the segment that the selector names, from an array of `struct
/// user_desc`: `u32 entry_number, base_addr, limit, flags`. Source: Linux
/// `arch/x86/include/uapi/asm/ldt.h`.
fn segment_base(note: &Note<'_>, selector: Option<u64>) -> Option<u64> {
    let wanted = selector?.checked_shr(3)?;
    let mut desc = note.desc;
    loop {
        let (entry, base) = (desc.u32().ok()?, desc.u32().ok()?);
        if u64::from(entry) == wanted {
            return Some(u64::from(base));
        }
        desc.skip(8).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::FileOff;
    use crate::base::bytes::Cursor;
    use crate::base::data_model::ByteOrder;

    fn read(arch: Arch, kind: u32, bytes: &[u8], registers: &mut ThreadRegisters) {
        let desc = Cursor::new(bytes, FileOff(0)).with_model(arch.model());
        add(arch, &Note { at: FileOff(0), owner: b"LINUX", kind, desc }, registers);
    }

    #[test]
    fn thread_pointers_and_signatures() {
        let arm = Arch::from_elf(183, true, ByteOrder::Little, 0);
        let mut registers = ThreadRegisters { general: vec![0; 34], ..Default::default() };
        read(arm, NT_ARM_TLS, &0x1234_u64.to_le_bytes(), &mut registers);
        let masks = [0x7f_u64 << 48, 0x7f << 47].map(u64::to_le_bytes).concat();
        read(arm, NT_ARM_PAC_MASK, &masks, &mut registers);
        assert_eq!(registers.word(arm.thread_pointer_index()), Some(0x1234));
        assert_eq!(registers.signature, 0x7f << 47);
        // A cut `pr_reg`: the word would get another register's place.
        let mut cut = ThreadRegisters { general: vec![0; 30], ..Default::default() };
        read(arm, NT_ARM_TLS, &0x1234_u64.to_le_bytes(), &mut cut);
        assert_eq!(cut.general.len(), 30);
    }

    #[test]
    fn registers_of_s390x() {
        let arch = Arch::from_elf(22, true, ByteOrder::Big, 0);
        let mut registers = ThreadRegisters { general: vec![0; 27], ..Default::default() };
        let note: Vec<u8> = (0..17_u64).flat_map(u64::to_be_bytes).collect();
        read(arch, NT_PRFPREG, &note, &mut registers);
        assert_eq!(registers.general.len(), arch.general_registers().len());
        // DWARF numbers f0, f2, f4, f6, f1 from 16 on (ELF ABI s390x Supplement,
        // table 1.14); the note has 1 for f0.
        for (dwarf, value) in [(16, 1), (17, 3), (20, 2), (31, 16)] {
            let index = arch.general_index(crate::base::arch::Register(dwarf)).unwrap();
            assert_eq!(registers.word(index), Some(value), "{dwarf}");
        }
    }

    #[test]
    fn the_segment_of_gs() {
        let i386 = Arch::from_elf(3, false, ByteOrder::Little, 0);
        let entry = |number: u32, base: u32| [number, base, 0xfffff, 0x51].map(u32::to_le_bytes);
        let bytes = [entry(12, 0xf7d0_0000), entry(13, 7)].concat().concat();
        for (selector, want) in [(0x63, Some(0xf7d0_0000)), (0x6b, Some(7)), (0x73, None)] {
            let mut registers = ThreadRegisters { general: vec![0; 17], ..Default::default() };
            registers.general[GS] = selector;
            read(i386, NT_386_TLS, &bytes, &mut registers);
            assert_eq!(registers.word(i386.thread_pointer_index()), want, "{selector:#x}");
        }
    }
}
