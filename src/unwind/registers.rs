//! Registers of one frame, each known or unknown.

use gimli::Register;

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;

/// How many registers the largest supported table has.
const MOST: usize = 17;

/// The general registers of one frame, by DWARF number. Every one is known or
/// unknown; an unknown one is never a stale value from an inner frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    arch: Arch,
    known: u32,
    values: [u64; MOST],
}

impl Registers {
    /// All unknown.
    pub fn unknown(arch: Arch) -> Self {
        Self { arch, known: 0, values: [0; MOST] }
    }

    /// From the words of `pr_reg`: `word` knows them by their place in
    /// [`Arch::general_registers`].
    pub fn from_words(arch: Arch, word: impl Fn(usize) -> Option<u64>) -> Self {
        let mut registers = Self::unknown(arch);
        for number in 0..arch.unwound_registers() {
            let register = Register(number);
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
        let index = usize::from(register.0);
        let known = index < MOST && self.known & (1 << index) != 0;
        known.then(|| self.values.get(index).copied()).flatten()
    }

    /// Sets the register, or makes it unknown. Numbers outside of the table
    /// are ignored: nobody can ask for them.
    pub fn set(&mut self, register: Register, value: Option<u64>) {
        let index = usize::from(register.0);
        let Some(slot) = self.values.get_mut(index) else { return };
        *slot = value.unwrap_or(0);
        match value {
            Some(_) => self.known |= 1 << index,
            None => self.known &= !(1 << index),
        }
    }

    /// The stack pointer.
    pub fn sp(&self) -> Option<RunAddr> {
        self.get(self.arch.stack_pointer()).map(RunAddr)
    }

    /// The program counter.
    pub fn pc(&self) -> Option<RunAddr> {
        self.get(self.arch.return_address()).map(RunAddr)
    }

    /// The frame pointer, or whatever else its register holds.
    pub fn fp(&self) -> Option<RunAddr> {
        self.get(self.arch.frame_pointer()).map(RunAddr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
