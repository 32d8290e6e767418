//! Registers of one frame, each known or unknown.

use gimli::Register;

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine};
use crate::base::memory::{Memory, Unreadable};

/// How many registers the largest supported table has.
const MOST: usize = 36;

/// The general registers of one frame, by DWARF number, in the order of
/// [`Arch::unwound_registers`]. Every one is known or
/// unknown; an unknown one is never a stale value from an inner frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    arch: Arch,
    known: u64,
    /// Bits of a return address that hold its signature.
    signature: u64,
    values: [u64; MOST],
}

impl Registers {
    /// All unknown.
    pub fn unknown(arch: Arch) -> Self {
        Self { arch, known: 0, signature: default_signature(arch), values: [0; MOST] }
    }

    /// From the words of `pr_reg`: `word` knows them by their place in
    /// [`Arch::general_registers`].
    pub fn from_words(arch: Arch, word: impl Fn(usize) -> Option<u64>) -> Self {
        let mut registers = Self::unknown(arch);
        for register in arch.unwound_registers() {
            registers.set(register, arch.general_index(register).and_then(&word));
        }
        registers
    }

    /// The architecture whose numbering this is.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// The register's value, if it is known.
    pub fn get(&self, register: Register) -> Option<u64> {
        let index = self.arch.slot(register)?;
        let known = index < MOST && self.known & (1 << index) != 0;
        known.then(|| self.values.get(index).copied()).flatten()
    }

    /// Sets the register, or makes it unknown. Numbers outside of the table
    /// are ignored: nobody can ask for them.
    pub fn set(&mut self, register: Register, value: Option<u64>) {
        let Some(index) = self.arch.slot(register) else { return };
        let is_pc = register == self.arch.program_counter();
        let value = value.map(|value| if is_pc { self.code_address(value) } else { value });
        let Some(slot) = self.values.get_mut(index) else { return };
        *slot = value.unwrap_or(0);
        match value {
            Some(_) => self.known |= 1 << index,
            None => self.known &= !(1 << index),
        }
    }

    /// The same registers, where return addresses are signed in these bits.
    pub fn with_signature(self, bits: u64) -> Self {
        if bits == 0 { self } else { Self { signature: bits, ..self } }
    }

    /// All unknown, of a frame of the same thread.
    pub fn unknown_of_thread(&self) -> Self {
        Self { known: 0, values: [0; MOST], ..*self }
    }

    /// The address that a return address or another code pointer means:
    /// without a signature, and without the bit that selects Thumb.
    pub fn code_address(&self, pointer: u64) -> u64 {
        self.arch.code_address(pointer & !self.signature)
    }

    /// The stack pointer.
    pub fn sp(&self) -> Option<RunAddr> {
        self.get(self.arch.stack_pointer()).map(RunAddr)
    }

    /// The program counter.
    pub fn pc(&self) -> Option<RunAddr> {
        self.get(self.arch.program_counter()).map(RunAddr)
    }

    /// The frame pointer, or whatever else its register holds.
    pub fn fp(&self) -> Option<RunAddr> {
        self.get(self.arch.frame_pointer()).map(RunAddr)
    }
}

/// A register that was saved in memory at `at`.
///
/// # Errors
///
/// When its bytes are not there.
pub fn read_register(arch: Arch, memory: &dyn Memory, at: RunAddr) -> Result<u64, Unreadable> {
    if arch.register_size() == 4 { memory.u32(at).map(u64::from) } else { memory.u64(at) }
}

/// Where return addresses may be signed and no note says in which bits: those
/// above 48, the size of an address unless a program asks for more.
fn default_signature(arch: Arch) -> u64 {
    match arch.machine {
        Machine::Aarch64 => 0xffff_0000_0000_0000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::data_model::ByteOrder;

    #[test]
    fn unknown_is_not_zero() {
        let mut registers = Registers::from_words(Arch::X86_64, |index| (index < 10).then_some(7));
        // Words 0 to 9 of pr_reg are r15 to r8: rax (word 10) is missing.
        assert_eq!(registers.get(Register(15)), Some(7));
        assert_eq!(registers.get(Register(0)), None);
        registers.set(Register(0), Some(0));
        assert_eq!(registers.get(Register(0)), Some(0));
        registers.set(Register(0), None);
        assert_eq!(registers.get(Register(0)), None);
        registers.set(Register(60_000), Some(1));
        assert_eq!(registers.get(Register(60_000)), None);
    }

    #[test]
    fn code_pointers_become_addresses() {
        let aarch64 = Arch::from_elf(183, true, ByteOrder::Little, 0);
        let arm = Arch::from_elf(40, false, ByteOrder::Little, 0);
        let cases = [
            ("a signed address", aarch64, 0x003f_aaaa_aaaa_1234, 0xaaaa_aaaa_1234),
            ("a plain one", aarch64, 0xaaaa_aaaa_1234, 0xaaaa_aaaa_1234),
            ("Thumb", arm, 0x1_0235, 0x1_0234),
            ("AMD64 has no such bits", Arch::X86_64, 0x7fff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff),
        ];
        for (name, arch, pointer, want) in cases {
            let mut registers = Registers::unknown(arch);
            registers.set(arch.program_counter(), Some(pointer));
            assert_eq!(registers.pc(), Some(RunAddr(want)), "{name}");
        }
        let noted = Registers::unknown(aarch64).with_signature(0x7f << 48);
        assert_eq!(noted.code_address(0x00ff_0000_0000_0010), 0x0080_0000_0000_0010);
    }

    #[test]
    fn all_tables_fit() {
        for (machine, is_64) in [(183, true), (21, true), (22, true), (8, false), (243, true)] {
            let arch = Arch::from_elf(machine, is_64, ByteOrder::Big, 0);
            let count = arch.unwound_registers().count();
            assert!(count <= MOST, "{} has {count}", arch.name());
        }
    }
}
