//! One instruction: what it is, which memory it uses, and what it does to a
//! register.
//!
//! One file per decoder, which all answer the same questions: `x86.rs` for
//! AMD64 and i386, `a64.rs` for AArch64. Sizes, kinds of access and operands
//! come from the decoders' crates; effective addresses are computed again here,
//! from the registers of the frame.

mod a64;
mod access;
mod x86;

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine, Register};
use crate::base::memory::Memory;

pub use access::{Access, AccessKind, Operands, Part};
pub use x86::{Division, Divisor};

/// The longest instruction of all architectures, in bytes.
const LONGEST: usize = 15;

/// A set of instructions that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Of AMD64, x32 included.
    Amd64,
    /// Of the 32-bit x86.
    I386,
    /// Of AArch64.
    A64,
}

impl Isa {
    /// Those of a process. `None`: nothing here decodes them.
    pub fn of(arch: Arch) -> Option<Self> {
        match arch.machine {
            Machine::X86_64 | Machine::X32 => Some(Self::Amd64),
            Machine::I386 => Some(Self::I386),
            Machine::Aarch64 => Some(Self::A64),
            _ => None,
        }
    }

    /// Whether what the decoder does not know is no instruction. The one for
    /// AArch64 leaves out extensions (SVE).
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Amd64 | Self::I386)
    }

    /// The lengths, in bytes, that a call instruction may have.
    pub fn call_lengths(self) -> std::ops::RangeInclusive<u64> {
        match self {
            Self::Amd64 | Self::I386 => 2..=7,
            Self::A64 => 4..=4,
        }
    }

    /// Whether the program counter is behind a breakpoint that has run, and not
    /// at it.
    pub fn counts_breakpoints(self) -> bool {
        matches!(self, Self::Amd64 | Self::I386)
    }
}

/// A decoded instruction.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    /// Where it is.
    pub at: RunAddr,
    decoded: Decoded,
}

#[derive(Clone, Copy, Debug)]
enum Decoded {
    X86(x86::Decoded),
    A64(a64::Decoded),
}

/// Where control goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// At the next instruction.
    Next,
    /// Elsewhere: at an address that the instruction states, or that it takes
    /// from a register or from memory.
    Jump(Option<RunAddr>),
    /// At the next instruction or at the one that it states.
    Branch(RunAddr),
    /// In a function, and then at the next instruction.
    Call(Option<RunAddr>),
    /// Behind the call of this function.
    Return,
    /// Nowhere: it exists in order to fail.
    Trap,
}

/// How an instruction changes a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// All its bytes are loaded from memory.
    Load,
    /// It becomes a copy of another register, all its bytes.
    Copy(Register),
    /// It becomes the result of a call.
    Returned,
    /// It becomes a number that the code states.
    Constant,
    /// It becomes an address that is computed from registers.
    Address,
    /// It becomes another register, or itself, plus a constant.
    Moved(Register, i64),
    /// It is changed in another way.
    Other,
}

/// Values of registers, as whoever asks knows them.
pub type Values<'v> = &'v dyn Fn(Register) -> Option<u64>;

impl Instruction {
    /// Decodes the instruction at `at`. `None`: its bytes are not known, or
    /// nothing here knows them as an instruction.
    pub fn read(memory: &dyn Memory, isa: Isa, at: RunAddr) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        let got = memory.read(at, &mut bytes);
        Self::decode(isa, at, bytes.get(..got)?)
    }

    /// Decodes the instruction that `bytes` begin with.
    pub fn decode(isa: Isa, at: RunAddr, bytes: &[u8]) -> Option<Self> {
        let decoded = match isa {
            Isa::Amd64 | Isa::I386 => Decoded::X86(x86::Decoded::decode(isa, at, bytes)?),
            Isa::A64 => Decoded::A64(a64::Decoded::decode(bytes)?),
        };
        Some(Self { at, decoded })
    }

    /// Decodes one instruction after the other, from `at` on. Stops at bytes
    /// that are none.
    pub fn decode_all(isa: Isa, at: RunAddr, bytes: &[u8]) -> Vec<Self> {
        let mut all = Vec::new();
        let (mut at, mut rest) = (at, bytes);
        while let Some(found) = Self::decode(isa, at, rest) {
            let length = usize::try_from(found.length()).unwrap_or(usize::MAX).max(1);
            rest = rest.get(length..).unwrap_or_default();
            at = found.end();
            all.push(found);
        }
        all
    }

    /// In the notation of the GNU assembler: `mov 0x18(%rdi),%eax`.
    pub fn text(&self) -> String {
        match &self.decoded {
            Decoded::X86(it) => it.text(),
            Decoded::A64(it) => it.text(self.at),
        }
    }

    /// The first address after it.
    pub fn end(&self) -> RunAddr {
        RunAddr(self.at.0.wrapping_add(self.length()))
    }

    /// In bytes.
    fn length(&self) -> u64 {
        match &self.decoded {
            Decoded::X86(it) => it.length(),
            Decoded::A64(_) => a64::LENGTH,
        }
    }

    /// The view of the decoder for x86, if it is one of its instructions.
    pub(super) fn x86(&self) -> Option<&iced_x86::Instruction> {
        match &self.decoded {
            Decoded::X86(it) => Some(it.raw()),
            Decoded::A64(_) => None,
        }
    }

    /// Where it goes on.
    pub fn flow(&self) -> Flow {
        match &self.decoded {
            Decoded::X86(it) => it.flow(),
            Decoded::A64(it) => it.flow(self.at),
        }
    }

    /// Where it may branch to, within its function or to another one. Calls
    /// come back, and are not among it.
    pub fn branch_target(&self) -> Option<RunAddr> {
        match self.flow() {
            Flow::Jump(target) => target,
            Flow::Branch(target) => Some(target),
            _ => None,
        }
    }

    /// The function that a call states.
    pub fn called(&self) -> Option<RunAddr> {
        match self.flow() {
            Flow::Call(target) => target,
            _ => None,
        }
    }

    /// The address that it states: where a branch leads, or a variable that it
    /// reaches from its own place.
    pub fn named_address(&self) -> Option<RunAddr> {
        self.branch_target().or_else(|| self.called()).or_else(|| match &self.decoded {
            Decoded::X86(it) => it.near_address(),
            Decoded::A64(it) => it.near_address(self.at),
        })
    }

    /// Whether only the kernel may use it.
    pub fn is_privileged(&self) -> bool {
        match &self.decoded {
            Decoded::X86(it) => it.raw().is_privileged(),
            Decoded::A64(_) => false,
        }
    }

    /// The features that a processor must have for it: `AVX512F`. Empty where
    /// the decoder does not tell them.
    pub fn needs(&self) -> Vec<String> {
        match &self.decoded {
            Decoded::X86(it) => it.needs(),
            Decoded::A64(_) => Vec::new(),
        }
    }

    /// Whether it is one of those that compilers put where a program must not
    /// come: `ud2`, `udf #0`, `brk #0x3e8`.
    pub fn is_undefined(&self) -> bool {
        match &self.decoded {
            Decoded::X86(it) => it.is_undefined(),
            Decoded::A64(it) => it.is_undefined(),
        }
    }

    /// The number of the compiler's check that it reports as failed.
    pub fn failed_check(&self) -> Option<u8> {
        match &self.decoded {
            Decoded::X86(it) => it.failed_check(),
            Decoded::A64(it) => it.failed_check(),
        }
    }

    /// Whether it is a breakpoint: `int3`, `int $3`, `int1`, `brk #0`.
    pub fn is_breakpoint(&self) -> bool {
        match &self.decoded {
            Decoded::X86(it) => it.is_breakpoint(),
            Decoded::A64(it) => it.is_breakpoint(),
        }
    }

    /// Whether it is a string instruction that repeats itself.
    pub fn is_repeated(&self) -> bool {
        match &self.decoded {
            Decoded::X86(it) => it.is_repeated(),
            Decoded::A64(_) => false,
        }
    }

    /// Whether it calls a function.
    pub fn is_call(&self) -> bool {
        matches!(self.flow(), Flow::Call(_))
    }

    /// Whether it calls or jumps to an address that it takes from a register
    /// or from memory.
    pub fn is_indirect(&self) -> bool {
        matches!(self.flow(), Flow::Call(None) | Flow::Jump(None))
    }

    /// Whether it returns from a function.
    pub fn is_return(&self) -> bool {
        self.flow() == Flow::Return
    }

    /// Where it goes on when it does not fall through; a call does.
    pub fn falls_through(&self) -> bool {
        matches!(self.flow(), Flow::Next | Flow::Branch(_) | Flow::Call(_))
    }

    /// Where an indirect call or jump was to go, or a `ret`.
    pub fn target(&self, operands: &Operands, memory: &dyn Memory) -> Option<RunAddr> {
        match &self.decoded {
            Decoded::X86(it) => it.target(operands, memory),
            Decoded::A64(it) => it.target(operands),
        }
    }

    /// The register that an indirect call or jump takes its target from, if it
    /// is one.
    pub fn target_register(&self) -> Option<Register> {
        if !self.is_indirect() {
            return None;
        }
        match &self.decoded {
            Decoded::X86(it) => it.first_register(),
            Decoded::A64(it) => it.target_register(),
        }
    }

    /// What a division divides by, and the size of both in bytes, where a
    /// division can fail. The value is unknown when its register or memory is.
    pub fn divisor(&self, operands: &Operands, memory: &dyn Memory) -> Option<Divisor> {
        match &self.decoded {
            Decoded::X86(it) => it.divisor(operands, memory),
            Decoded::A64(_) => None,
        }
    }

    /// The register that a division divides by, if it is one.
    pub fn divisor_register(&self) -> Option<Register> {
        match &self.decoded {
            Decoded::X86(it) => it.first_register(),
            Decoded::A64(_) => None,
        }
    }

    /// How a division fails with these operands; `None` when it does not, or
    /// when that is not known.
    pub fn division(&self, operands: &Operands, memory: &dyn Memory) -> Option<Division> {
        match &self.decoded {
            Decoded::X86(it) => it.division(operands, memory),
            Decoded::A64(_) => None,
        }
    }

    /// The memory that it uses, explicit operands first. Code that it fetches
    /// is not among it.
    pub fn accesses(&self, operands: &Operands) -> Vec<Access> {
        match &self.decoded {
            Decoded::X86(it) => it.accesses(operands),
            Decoded::A64(it) => it.access(self.at, operands).into_iter().collect(),
        }
    }

    /// The alignment that its memory operand must have, if it must have one.
    pub fn alignment(&self) -> Option<u64> {
        match &self.decoded {
            Decoded::X86(it) => it.alignment(),
            // Crooked addresses are told by a signal of their own there.
            Decoded::A64(_) => None,
        }
    }

    /// Whether and how it changes a register. Of a call what the convention
    /// says: what a function need not give back is changed.
    pub fn effect(&self, arch: Arch, register: Register) -> Option<Effect> {
        if self.is_call() {
            return match () {
                () if arch.result() == Some(register) => Some(Effect::Returned),
                () if arch.is_callee_saved(register) || arch.stack_pointer() == register => None,
                () => Some(Effect::Other),
            };
        }
        match &self.decoded {
            Decoded::X86(it) => it.effect(register),
            Decoded::A64(it) => it.effect(register),
        }
    }

    /// The address from which it loads a register, or which it computes into
    /// it. `values` knows the registers before it.
    pub fn address_for(
        &self,
        register: Register,
        operands: &Operands,
        values: Values<'_>,
    ) -> Option<RunAddr> {
        match &self.decoded {
            Decoded::X86(it) => it.address_for(operands, values),
            Decoded::A64(it) => it.address_for(self.at, register, values),
        }
        .map(RunAddr)
    }

    /// The number that it sets a register to.
    pub fn constant(&self) -> Option<u64> {
        match &self.decoded {
            Decoded::X86(it) => it.constant(),
            Decoded::A64(it) => it.constant(),
        }
    }

    /// The address that it computes and does not use: one that is about to be
    /// handed on.
    pub fn taken_address(&self, operands: &Operands) -> Option<RunAddr> {
        match &self.decoded {
            Decoded::X86(it) => it.taken_address(operands),
            Decoded::A64(it) => it.taken_address(operands),
        }
        .map(RunAddr)
    }

    /// Whether it moves the stack pointer with what it writes or reads: what a
    /// call or push uses lies below all variables.
    pub fn is_stack_instruction(&self) -> bool {
        match &self.decoded {
            Decoded::X86(it) => it.raw().is_stack_instruction(),
            Decoded::A64(it) => it.moves_stack(),
        }
    }
}
