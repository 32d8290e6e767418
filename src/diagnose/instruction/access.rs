//! The memory that an instruction uses, and the registers that lead there.

use std::fmt;

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine, Register};
use crate::diagnose::instruction::Isa;
use crate::unwind::registers::Registers;

/// Bits of an address that AArch64 ignores (Arm ARM, D8.8 "Address tagging"),
/// and that Linux takes off the address of a fault
/// (`arch/arm64/include/asm/signal.h`, `arch_untagged_si_addr`).
const TAG: u64 = 0xff << 56;

/// What a frame's instruction may use: its registers, and the segment bases.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    /// The general registers.
    pub registers: Registers,
    /// The base of `%fs`, where the thread's own variables are.
    pub fs_base: Option<u64>,
    /// The base of `%gs`.
    pub gs_base: Option<u64>,
}

/// One memory operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// What is done to it.
    pub kind: AccessKind,
    /// In bytes. Zero: the decoder does not know, as for `fxsave`.
    pub size: u64,
    /// The effective address, without a tag. `None`: a register of it is
    /// unknown.
    pub address: Option<RunAddr>,
    /// The base register.
    pub base: Option<Part>,
    /// The index register, extended as the instruction does it, and what it is
    /// multiplied with.
    pub index: Option<(Part, u64)>,
    /// The constant part.
    pub displacement: i64,
    /// Whether a segment base is added: thread-local memory.
    pub is_segment: bool,
    /// Bytes past the effective address where the fault may be.
    pub(super) reach: u64,
    /// Bits of the address that count.
    pub(super) mask: u64,
}

/// What an instruction does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// It reads, then writes: `add %eax,(%rdi)`.
    ReadWrite,
}

/// One register of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name: `rdi`.
    pub name: &'static str,
    /// Its DWARF number. `None` for those that the unwinder does not follow.
    pub number: Option<Register>,
    /// What it held.
    pub value: Option<u64>,
    /// What the assembler writes before its name.
    pub(super) sigil: &'static str,
}

impl AccessKind {
    /// As a noun: "read", "write".
    pub fn noun(self) -> &'static str {
        match self {
            Self::Read => "read",
            // What fails at an address that cannot be read fails for both.
            Self::Write | Self::ReadWrite => "write",
        }
    }

    /// Whether it needs permission to write.
    pub fn writes(self) -> bool {
        self != Self::Read
    }
}

impl Access {
    /// Whether a fault at `at` is a fault of this access.
    pub fn covers(&self, at: RunAddr) -> bool {
        let start = self.address.map(|start| start.0 & self.mask);
        let distance = start.and_then(|start| (at.0 & self.mask).checked_sub(start));
        distance.is_some_and(|distance| distance < self.reach)
    }
}

impl Part {
    /// Whether it is the stack or frame pointer.
    pub fn is_frame(&self) -> bool {
        matches!(self.name, "rsp" | "rbp" | "esp" | "ebp" | "sp" | "x29")
    }

    /// Whether it is the program counter: an address near the code itself.
    pub fn is_code(&self) -> bool {
        matches!(self.name, "rip" | "eip" | "pc")
    }
}

/// As the assembler writes it: `%rdi`, `x0`.
impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.sigil, self.name)
    }
}

impl Operands {
    /// Registers alone.
    pub fn of(registers: Registers) -> Self {
        Self { registers, fs_base: None, gs_base: None }
    }

    /// The architecture.
    pub fn arch(&self) -> Arch {
        self.registers.arch()
    }

    /// The instructions that are decoded with them.
    pub fn isa(&self) -> Option<Isa> {
        Isa::of(self.arch())
    }
}

/// Bits of an address that count on an architecture.
pub(super) fn address_mask(arch: Arch) -> u64 {
    match arch.machine {
        Machine::Aarch64 => !TAG,
        _ => u64::MAX,
    }
}

/// The address that memory is known by: without a tag, where the rest is one
/// of a program.
pub(super) fn untagged(arch: Arch, address: u64) -> u64 {
    let is_program = address & 1 << 55 == 0;
    if is_program { address & address_mask(arch) } else { address }
}
