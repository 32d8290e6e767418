//! Floating-point and vector registers, by name and by DWARF's number.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::arch::{Arch, Machine};
use crate::dump::process::ThreadRegisters;
use crate::dump::xstate::vector_registers;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatRegister {
    /// Its name: `xmm0`, `v8`.
    pub name: String,
    /// The number that DWARF gives it.
    pub dwarf: u16,
    /// Its bytes, least significant first.
    pub bytes: Vec<u8>,
}

/// How a note keeps an array of registers.
struct Run {
    /// The name before the number.
    prefix: &'static str,
    /// Where the first one is in the note.
    at: usize,
    /// Bytes of each.
    size: usize,
    /// How many.
    count: u16,
    /// DWARF's number of the first one.
    dwarf: u16,
}

/// DWARF's order of the registers that s390 numbers from 16 on (ELF ABI s390x
/// Supplement, table 1.14).
const S390: [u16; 16] = [0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15];

/// The registers that the notes of a thread hold; those whose bytes are not
/// there are left out.
///
/// Layouts: Linux `arch/*/include/uapi/asm/ptrace.h`, `struct
/// user_fpsimd_state` (Arm, 64 bits), `struct user_vfp` (Arm, 32 bits), `union
/// __riscv_fp_state`, `s390_fp_regs`, `elf_fpregset_t` (PowerPC, MIPS).
pub fn float_registers(arch: Arch, registers: &ThreadRegisters) -> Vec<FloatRegister> {
    let run = match arch.machine {
        Machine::X86_64 | Machine::X32 | Machine::I386 => return of_x86(arch, registers),
        Machine::Aarch64 => Run { prefix: "v", at: 0, size: 16, count: 32, dwarf: 64 },
        Machine::Arm => Run { prefix: "d", at: 0, size: 8, count: 32, dwarf: 256 },
        Machine::Riscv64 | Machine::Riscv32 => {
            Run { prefix: "f", at: 0, size: 8, count: 32, dwarf: 32 }
        }
        Machine::Ppc64 | Machine::Ppc => Run { prefix: "f", at: 0, size: 8, count: 32, dwarf: 32 },
        // Of s390x they are among the general registers.
        Machine::S390 => Run { prefix: "f", at: 8, size: 8, count: 16, dwarf: 16 },
        Machine::Mips64 | Machine::MipsN32 | Machine::Loongarch64 => {
            Run { prefix: "f", at: 0, size: 8, count: 32, dwarf: 32 }
        }
        Machine::S390x
        | Machine::Mips
        | Machine::Sparc64
        | Machine::M68k
        | Machine::Unknown { .. } => {
            return Vec::new();
        }
    };
    let area = registers.extended.get(run.at..).unwrap_or_default();
    let is_s390 = arch.machine == Machine::S390;
    let numbered = (0..run.count).zip(area.chunks_exact(run.size));
    numbered
        .map(|(number, bytes)| {
            let place = if is_s390 { S390.iter().position(|it| *it == number) } else { None };
            let place = place.and_then(|place| u16::try_from(place).ok()).unwrap_or(number);
            FloatRegister {
                name: format!("{}{number}", run.prefix),
                dwarf: run.dwarf.saturating_add(place),
                bytes: arch.order.to_little(bytes.to_vec()),
            }
        })
        .collect()
}

/// `xmm0` and `st0` on have the numbers 17 and 33 on AMD64 (System V psABI for
/// AMD64, figure 3.36), 21 and 11 on i386 (System V psABI for i386, table 2.14).
fn of_x86(arch: Arch, registers: &ThreadRegisters) -> Vec<FloatRegister> {
    let (xmm, st, most) = if arch.is_x86_64() { (17, 33, 16) } else { (21, 11, 8) };
    let found = vector_registers(&registers.extended);
    let of_st = (0_u16..).zip(&found.x87).map(|(number, bytes)| FloatRegister {
        name: format!("st{number}"),
        dwarf: number.saturating_add(st),
        bytes: bytes.to_vec(),
    });
    let of_xmm = (0_u16..most).zip(&found.xmm).map(|(number, low)| {
        let high = found.ymm_high.get(usize::from(number));
        FloatRegister {
            name: format!("{}{number}", if high.is_some() { "ymm" } else { "xmm" }),
            dwarf: number.saturating_add(xmm),
            bytes: [low.as_slice(), high.map(<[u8; 16]>::as_slice).unwrap_or_default()].concat(),
        }
    });
    of_st.chain(of_xmm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::data_model::ByteOrder;

    #[test]
    fn numbers_of_dwarf() {
        let cases = [
            (183, true, ByteOrder::Little, 3, "v3", 67, 16),
            (22, false, ByteOrder::Big, 1, "f1", 20, 8),
            (22, false, ByteOrder::Big, 8, "f8", 24, 8),
            (243, true, ByteOrder::Little, 10, "f10", 42, 8),
            (21, true, ByteOrder::Big, 1, "f1", 33, 8),
        ];
        for (machine, is_64, order, index, name, dwarf, size) in cases {
            let arch = Arch::from_elf(machine, is_64, order, 0);
            let extended = vec![0; 528];
            let registers = ThreadRegisters { extended, ..ThreadRegisters::default() };
            let found = float_registers(arch, &registers);
            let one: &FloatRegister = &found[index];
            assert_eq!((one.name.as_str(), one.dwarf, one.bytes.len()), (name, dwarf, size));
        }
    }

    #[test]
    fn the_least_significant_byte_comes_first() {
        let arch = Arch::from_elf(22, false, ByteOrder::Big, 0);
        let mut extended = vec![0; 136];
        extended[8..16].copy_from_slice(&1.5_f64.to_be_bytes());
        let registers = ThreadRegisters { extended, ..ThreadRegisters::default() };
        assert_eq!(float_registers(arch, &registers)[0].bytes, 1.5_f64.to_le_bytes());
        let none = ThreadRegisters::default();
        assert!(float_registers(arch, &none).is_empty());
    }
}
