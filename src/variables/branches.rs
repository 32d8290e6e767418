//! Where direct calls and jumps lead, read from their instructions.
//!
//! Sources: Arm Architecture Reference Manuals ("B", "BL"), Power ISA ("Branch
//! I-form"), RISC-V Unprivileged ISA ("JAL", "C.J"), z/Architecture Principles of
//! Operation ("BRANCH RELATIVE ... LONG"), Intel SDM volume 2 ("CALL", "JMP").
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine};
use crate::base::memory::Memory;

/// Where the direct call or jump just before `after` leads to. `None`: there is
/// no such instruction, or its bytes are not known. Ask only where one is known
/// to end.
pub(super) fn direct_target(arch: Arch, memory: &dyn Memory, after: RunAddr) -> Option<RunAddr> {
    let mut code = [0; 6];
    memory.read_exact(RunAddr(after.0.checked_sub(6)?), &mut code).ok()?;
    let target = distance(arch, code)?;
    Some(RunAddr(arch.model().cut(after.0.wrapping_add_signed(target))))
}

/// How far behind its own end the instruction leads with which `code` ends.
fn distance(arch: Arch, code: [u8; 6]) -> Option<i64> {
    let [b0, b1, b2, b3, b4, b5] = code;
    let number = |bytes: &[u8]| u32::try_from(arch.order.number(bytes)).unwrap_or(0);
    let little = u32::from_le_bytes([b2, b3, b4, b5]);
    let relative = match arch.machine {
        Machine::I386 if matches!(b1, 0xe8 | 0xe9) => i64::from(little.cast_signed()),
        Machine::Aarch64 if little & 0x7c00_0000 == 0x1400_0000 => {
            signed(little, 26).wrapping_mul(4).wrapping_sub(4)
        }
        Machine::Arm => of_arm(number(&[b2, b3, b4, b5]), number(&[b2, b3]), number(&[b4, b5]))?,
        Machine::Riscv64 | Machine::Riscv32 => of_riscv(little)?,
        Machine::Ppc64 | Machine::Ppc => {
            let word = number(&[b2, b3, b4, b5]);
            // Opcode 18, relative.
            (word >> 26 == 18 && word & 2 == 0).then_some(())?;
            signed(word & 0x03ff_fffc, 26).wrapping_sub(4)
        }
        Machine::S390x | Machine::S390 if b0 == 0xc0 && matches!(b1, 0xe5 | 0xf4) => {
            i64::from(little.swap_bytes().cast_signed()).wrapping_mul(2).wrapping_sub(6)
        }
        Machine::S390x | Machine::S390 if b2 == 0xa7 && matches!(b3, 0xe5 | 0xf4) => {
            i64::from(i16::from_be_bytes([b4, b5])).wrapping_mul(2).wrapping_sub(4)
        }
        _ => return None,
    };
    Some(relative)
}

/// The lowest `bits` bits as a signed number.
fn signed(word: u32, bits: u32) -> i64 {
    let unused = 32_u32.saturating_sub(bits);
    i64::from(word.wrapping_shl(unused).cast_signed().wrapping_shr(unused))
}

/// `B`, `BL` of Arm and, in two halves, of Thumb, whose pc is 8 or 4 bytes past
/// the instruction's start.
fn of_arm(word: u32, first: u32, second: u32) -> Option<i64> {
    if first & 0xf800 == 0xf000 && matches!(second & 0xd000, 0x9000 | 0xd000) {
        let sign = first >> 10 & 1;
        let bit = |at: u32| (second >> at & 1 ^ sign) ^ 1;
        let offset = sign << 24
            | bit(13) << 23
            | bit(11) << 22
            | (first & 0x3ff) << 12
            | (second & 0x7ff) << 1;
        return Some(signed(offset, 25));
    }
    let is_branch = word >> 28 != 0xf && word & 0x0e00_0000 == 0x0a00_0000;
    is_branch.then(|| signed(word, 24).wrapping_mul(4).wrapping_add(4))
}

/// `JAL`, or in two bytes `C.J`.
fn of_riscv(word: u32) -> Option<i64> {
    if word & 0x7f == 0x6f {
        let offset = (word >> 31) << 20
            | (word >> 12 & 0xff) << 12
            | (word >> 20 & 1) << 11
            | (word >> 21 & 0x3ff) << 1;
        return Some(signed(offset, 21).wrapping_sub(4));
    }
    let half = word >> 16;
    (half & 0xe003 == 0xa001).then(|| {
        let bit = |from: u32, to: u32| (half >> from & 1) << to;
        let offset = bit(12, 11)
            | bit(11, 4)
            | bit(10, 9)
            | bit(9, 8)
            | bit(8, 10)
            | bit(7, 6)
            | bit(6, 7)
            | bit(5, 3)
            | bit(4, 2)
            | bit(3, 1)
            | bit(2, 5);
        signed(offset, 12).wrapping_sub(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::data_model::ByteOrder;

    #[test]
    fn distances() {
        use ByteOrder::{Big, Little};
        // From the assemblers: each leads 0x100 bytes on from its own start.
        let cases: &[(&str, u16, bool, ByteOrder, &[u8])] = &[
            ("aarch64 bl", 183, true, Little, &[0x40, 0x00, 0x00, 0x94]),
            ("aarch64 b", 183, true, Little, &[0x40, 0x00, 0x00, 0x14]),
            ("arm bl", 40, false, Little, &[0x3e, 0x00, 0x00, 0xeb]),
            ("thumb bl", 40, false, Little, &[0x00, 0xf0, 0x7e, 0xf8]),
            ("thumb b.w", 40, false, Little, &[0x00, 0xf0, 0x7e, 0xb8]),
            ("riscv jal ra", 243, true, Little, &[0xef, 0x00, 0x00, 0x10]),
            ("riscv c.j", 243, true, Little, &[0x01, 0xa2]),
            ("ppc64 bl", 21, true, Big, &[0x48, 0x00, 0x01, 0x01]),
            ("ppc64le b", 21, true, Little, &[0x00, 0x01, 0x00, 0x48]),
            ("s390x brasl", 22, true, Big, &[0xc0, 0xe5, 0x00, 0x00, 0x00, 0x80]),
            ("s390x j", 22, true, Big, &[0xa7, 0xf4, 0x00, 0x80]),
            ("i386 call", 3, false, Little, &[0xe8, 0xfb, 0x00, 0x00, 0x00]),
        ];
        for (name, machine, is_64, order, bytes) in cases {
            let mut code = [0; 6];
            code[6 - bytes.len()..].copy_from_slice(bytes);
            let arch = Arch::from_elf(*machine, *is_64, *order, 0);
            let end = i64::try_from(bytes.len()).unwrap();
            assert_eq!(distance(arch, code), Some(0x100 - end), "{name}");
        }
        let blr = [0, 0, 0x00, 0x00, 0x3f, 0xd6];
        assert_eq!(distance(Arch::from_elf(183, true, Little, 0), blr), None);
    }
}
