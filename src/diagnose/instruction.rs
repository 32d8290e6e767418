//! One x86-64 instruction: what it is, and which memory it uses.
//!
//! Operand sizes, implicit operands and access kinds come from iced-x86;
//! effective addresses are computed again from the registers of the frame.

use crate::base::arch::Register;
use iced_x86::{
    Decoder, DecoderOptions, EncodingKind, FlowControl, Formatter as _, GasFormatter,
    InstructionInfoFactory, Mnemonic, OpAccess, OpKind, UsedMemory,
};

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::unwind::registers::Registers;

/// The longest instruction of the architecture, in bytes.
const LONGEST: usize = 15;

/// How far past its address register a repeated string instruction may have
/// faulted: processors work on a cache line at a time.
const STRING_CHUNK: u64 = 64;

/// A decoded instruction.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    /// Where it is.
    pub at: RunAddr,
    raw: iced_x86::Instruction,
}

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
    /// The effective address. `None`: a register of it is unknown.
    pub address: Option<RunAddr>,
    /// The base register.
    pub base: Option<Part>,
    /// The index register, and what it is multiplied with.
    pub index: Option<(Part, u64)>,
    /// The constant part.
    pub displacement: i64,
    /// Whether a segment base is added: thread-local memory.
    pub is_segment: bool,
    /// Bytes past the effective address where the fault may be.
    reach: u64,
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

impl Instruction {
    /// Decodes the instruction at `at`. `None`: its bytes are not known, or are
    /// no instruction.
    pub fn read(memory: &dyn Memory, at: RunAddr) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        let got = memory.read(at, &mut bytes);
        Self::decode(at, bytes.get(..got)?)
    }

    /// Decodes the instruction that `bytes` begin with.
    pub fn decode(at: RunAddr, bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::with_ip(64, bytes, at.0, DecoderOptions::NONE);
        let raw = decoder.decode();
        (!raw.is_invalid()).then_some(Self { at, raw })
    }

    /// Decodes one instruction after the other, from `at` on. Stops at bytes
    /// that are none.
    pub fn decode_all(at: RunAddr, bytes: &[u8]) -> Vec<Self> {
        let decoder = Decoder::with_ip(64, bytes, at.0, DecoderOptions::NONE);
        let valid = decoder.into_iter().take_while(|raw| !raw.is_invalid());
        valid.map(|raw| Self { at: RunAddr(raw.ip()), raw }).collect()
    }

    /// In the notation of the GNU assembler: `mov 0x18(%rdi),%eax`.
    pub fn text(&self) -> String {
        let mut formatter = GasFormatter::new();
        let options = formatter.options_mut();
        options.set_uppercase_hex(false);
        options.set_small_hex_numbers_in_decimal(false);
        options.set_branch_leading_zeros(false);
        options.set_space_after_operand_separator(false);
        options.set_gas_show_mnemonic_size_suffix(false);
        options.set_rip_relative_addresses(true);
        let mut text = String::new();
        formatter.format(&self.raw, &mut text);
        text
    }

    /// The first address after it.
    pub fn end(&self) -> RunAddr {
        RunAddr(self.raw.next_ip())
    }

    /// The decoder's own view.
    pub(super) fn raw(&self) -> &iced_x86::Instruction {
        &self.raw
    }

    /// The address that it states: where a branch leads, or a variable that it
    /// reaches from its own place.
    pub fn named_address(&self) -> Option<RunAddr> {
        let flow = self.raw.flow_control();
        let is_direct = matches!(
            flow,
            FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
        );
        match () {
            () if is_direct => Some(RunAddr(self.raw.near_branch_target())),
            () if self.raw.is_ip_rel_memory_operand() => {
                Some(RunAddr(self.raw.ip_rel_memory_address()))
            }
            () => None,
        }
    }

    /// Whether only the kernel may use it.
    pub fn is_privileged(&self) -> bool {
        self.raw.is_privileged()
    }

    /// The features that a processor must have for it: `AVX512F`.
    pub fn needs(&self) -> Vec<String> {
        self.raw.cpuid_features().iter().map(|feature| format!("{feature:?}")).collect()
    }

    /// Whether it is one of those that exist in order to fail: `ud0`, `ud1`,
    /// `ud2`.
    pub fn is_undefined(&self) -> bool {
        matches!(self.raw.mnemonic(), Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2)
    }

    /// Whether it is a breakpoint: `int3`, `int $3` or `int1`.
    pub fn is_breakpoint(&self) -> bool {
        match self.raw.mnemonic() {
            Mnemonic::Int3 | Mnemonic::Int1 => true,
            Mnemonic::Int => self.raw.immediate8() == 3,
            _ => false,
        }
    }

    /// Whether it is a string instruction that repeats itself.
    pub fn is_repeated(&self) -> bool {
        let has_prefix = self.raw.has_rep_prefix() || self.raw.has_repne_prefix();
        has_prefix && self.raw.is_string_instruction()
    }

    /// Whether it calls a function.
    pub fn is_call(&self) -> bool {
        matches!(self.raw.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
    }

    /// Whether it calls or jumps to an address that it takes from a register
    /// or from memory.
    pub fn is_indirect(&self) -> bool {
        matches!(self.raw.flow_control(), FlowControl::IndirectCall | FlowControl::IndirectBranch)
    }

    /// Whether it returns from a function.
    pub fn is_return(&self) -> bool {
        self.raw.flow_control() == FlowControl::Return
    }

    /// Where it goes on when it does not fall through; a call does.
    pub fn falls_through(&self) -> bool {
        !matches!(
            self.raw.flow_control(),
            FlowControl::Return
                | FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Exception
        )
    }

    /// Where an indirect call or jump was to go, or a `ret`.
    pub fn target(&self, operands: &Operands, memory: &dyn Memory) -> Option<RunAddr> {
        if self.is_return() {
            return memory.u64(operands.registers.sp()?).ok().map(RunAddr);
        }
        if !self.is_indirect() {
            return None;
        }
        match self.raw.op0_kind() {
            OpKind::Register => operands.value(self.raw.op0_register()).map(RunAddr),
            OpKind::Memory => {
                let access = self.accesses(operands).into_iter().find(|it| !it.kind.writes())?;
                memory.u64(access.address?).ok().map(RunAddr)
            }
            _ => None,
        }
    }

    /// What a division divides by, and the size of both in bytes. The value is
    /// unknown when its register or memory is.
    pub fn divisor(&self, operands: &Operands, memory: &dyn Memory) -> Option<Divisor> {
        if !matches!(self.raw.mnemonic(), Mnemonic::Div | Mnemonic::Idiv) {
            return None;
        }
        let is_signed = self.raw.mnemonic() == Mnemonic::Idiv;
        match self.raw.op0_kind() {
            OpKind::Register => {
                let register = self.raw.op0_register();
                let size = register.size();
                let value = operands.value(register);
                Some(Divisor { is_signed, size, value, access: None })
            }
            OpKind::Memory => {
                let access = self.accesses(operands).into_iter().find(|it| !it.kind.writes())?;
                let size = usize::try_from(access.size).ok().filter(|size| *size <= 8)?;
                let mut word = [0; 8];
                let read = |at| memory.read_exact(at, word.get_mut(..size)?).ok();
                let value = access.address.and_then(read).map(|()| u64::from_le_bytes(word));
                Some(Divisor { is_signed, size, value, access: Some(access) })
            }
            _ => None,
        }
    }

    /// The register that a division divides by, if it is one.
    pub fn divisor_register(&self) -> Option<Register> {
        let is_register = self.raw.op0_kind() == OpKind::Register;
        is_register.then(|| number(self.raw.op0_register())).flatten()
    }

    /// How a division fails with these operands; `None` when it does not, or
    /// when that is not known.
    pub fn division(&self, operands: &Operands, memory: &dyn Memory) -> Option<Division> {
        let divisor = self.divisor(operands, memory)?;
        let value = divisor.value?;
        if value == 0 {
            return Some(Division::ByZero);
        }
        let low = operands.registers.get(Register(0))?;
        let high = operands.registers.get(Register(1));
        let bits = u32::try_from(divisor.size).ok()?.checked_mul(8)?;
        // A byte is divided into %ax, anything longer into %rdx:%rax.
        let dividend = match bits {
            8 => u128::from(low & 0xffff),
            _ => {
                let mask = u64::MAX.checked_shr(64_u32.checked_sub(bits)?)?;
                u128::from(high? & mask) << bits | u128::from(low & mask)
            }
        };
        let fits = if divisor.is_signed {
            // Sign-extended from twice and from once the operand's size.
            let unused = 128_u32.checked_sub(bits.checked_mul(2)?)?;
            let dividend = (dividend << unused) as i128 >> unused;
            let unused = 64_u32.checked_sub(bits)?;
            let divisor = (value << unused) as i64 >> unused;
            let quotient = dividend.checked_div(i128::from(divisor));
            let limit = 1_i128 << (bits - 1);
            quotient.is_some_and(|quotient| (-limit..limit).contains(&quotient))
        } else {
            dividend / u128::from(value) < 1_u128 << bits
        };
        (!fits).then_some(Division::Overflow)
    }

    /// The memory that it uses, explicit operands first. Code that it fetches
    /// is not among it.
    pub fn accesses(&self, operands: &Operands) -> Vec<Access> {
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(&self.raw);
        let mut found: Vec<Access> =
            info.used_memory().iter().filter_map(|used| self.access(used, operands)).collect();
        // The decoder lists what is pushed before what is read for it.
        found.sort_by_key(|access| access.base.is_some_and(|base| base.name == "rsp"));
        found
    }

    fn access(&self, used: &UsedMemory, operands: &Operands) -> Option<Access> {
        let kind = match used.access() {
            OpAccess::Read | OpAccess::CondRead => AccessKind::Read,
            OpAccess::Write | OpAccess::CondWrite => AccessKind::Write,
            OpAccess::ReadWrite | OpAccess::ReadCondWrite => AccessKind::ReadWrite,
            OpAccess::None | OpAccess::NoMemAccess => return None,
        };
        // Of a repeated instruction the decoder gives no size, since it depends
        // on a counter: this is the size of one element.
        let is_string = self.raw.is_string_instruction();
        let one = || if is_string { self.raw.memory_size().size() } else { 0 };
        let size = match used.memory_size().size() {
            0 => one(),
            size => size,
        };
        let size = size as u64;
        let address = used.virtual_address(0, |register, _, _| operands.value(register));
        let is_repeated = self.raw.has_rep_prefix() || self.raw.has_repne_prefix();
        let reach = if is_repeated && is_string { STRING_CHUNK } else { 0 };
        Some(Access {
            kind,
            size,
            address: address.map(RunAddr),
            base: operands.part(used.base()),
            index: operands.part(used.index()).map(|part| (part, u64::from(used.scale()))),
            displacement: used.displacement() as i64,
            is_segment: matches!(used.segment(), iced_x86::Register::FS | iced_x86::Register::GS),
            reach: size.max(1).max(reach),
        })
    }

    /// The alignment that its memory operand must have, if it must have one.
    ///
    /// Source: Intel SDM volume 1, 4.1.1 "Alignment of Words, ...", and volume
    /// 2, exceptions class 1 and 4: of the legacy SSE encodings all operands of
    /// 16 bytes but those of the unaligned moves; of VEX and EVEX only the
    /// aligned moves.
    pub fn alignment(&self) -> Option<u64> {
        let size = self.raw.memory_size().size() as u64;
        match self.raw.mnemonic() {
            Mnemonic::Movups
            | Mnemonic::Movupd
            | Mnemonic::Movdqu
            | Mnemonic::Lddqu
            | Mnemonic::Pcmpestri
            | Mnemonic::Pcmpestrm
            | Mnemonic::Pcmpistri
            | Mnemonic::Pcmpistrm => None,
            Mnemonic::Vmovaps
            | Mnemonic::Vmovapd
            | Mnemonic::Vmovdqa
            | Mnemonic::Vmovdqa32
            | Mnemonic::Vmovdqa64
            | Mnemonic::Vmovntps
            | Mnemonic::Vmovntpd
            | Mnemonic::Vmovntdq
            | Mnemonic::Vmovntdqa => Some(size).filter(|size| *size >= 16),
            Mnemonic::Cmpxchg16b => Some(16),
            Mnemonic::Fxsave | Mnemonic::Fxsave64 | Mnemonic::Fxrstor | Mnemonic::Fxrstor64 => {
                Some(16)
            }
            Mnemonic::Xsave
            | Mnemonic::Xsave64
            | Mnemonic::Xsavec
            | Mnemonic::Xsavec64
            | Mnemonic::Xsaveopt
            | Mnemonic::Xsaveopt64
            | Mnemonic::Xrstor
            | Mnemonic::Xrstor64 => Some(64),
            _ => {
                let has_vector =
                    (0..self.raw.op_count()).any(|operand| self.raw.op_register(operand).is_xmm());
                let is_legacy = self.raw.encoding() == EncodingKind::Legacy;
                (is_legacy && has_vector && size == 16).then_some(16)
            }
        }
    }
}

/// What a division divides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    /// `idiv`, not `div`.
    pub is_signed: bool,
    /// In bytes.
    pub size: usize,
    /// Its value, zero-extended.
    pub value: Option<u64>,
    /// Where it is, if in memory.
    pub access: Option<Access>,
}

/// How a division fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// The divisor is zero.
    ByZero,
    /// The quotient does not fit: the smallest number divided by -1, say.
    Overflow,
}

impl Access {
    /// Whether a fault at `at` is a fault of this access.
    pub fn covers(&self, at: RunAddr) -> bool {
        let distance = self.address.and_then(|start| at.0.checked_sub(start.0));
        distance.is_some_and(|distance| distance < self.reach)
    }
}

impl Operands {
    /// The value of a register, or the base of a segment.
    pub(super) fn value(&self, register: iced_x86::Register) -> Option<u64> {
        use iced_x86::Register as R;
        match register {
            // In 64-bit code these segments have no base.
            R::ES | R::CS | R::SS | R::DS => return Some(0),
            R::FS => return self.fs_base,
            R::GS => return self.gs_base,
            _ => (),
        }
        let whole = self.registers.get(number(register)?)?;
        let shift = u32::from(matches!(register, R::AH | R::BH | R::CH | R::DH)) * 8;
        let mask = match register.size() {
            1 => 0xff,
            2 => 0xffff,
            4 => 0xffff_ffff,
            _ => u64::MAX,
        };
        Some(whole >> shift & mask)
    }

    fn part(&self, register: iced_x86::Register) -> Option<Part> {
        if register == iced_x86::Register::None {
            return None;
        }
        let number = number(register);
        let name = number.and_then(|number| self.registers.arch().register_name(number));
        // Vector registers index in gathers; their elements are not followed.
        Some(Part { name: name.unwrap_or("?"), number, value: self.value(register) })
    }
}

/// The DWARF number of the general register that contains `register`.
pub(super) fn number(register: iced_x86::Register) -> Option<Register> {
    use iced_x86::Register as R;
    // System V psABI for AMD64, figure 3.36.
    Some(Register(match register.full_register() {
        R::RAX => 0,
        R::RDX => 1,
        R::RCX => 2,
        R::RBX => 3,
        R::RSI => 4,
        R::RDI => 5,
        R::RBP => 6,
        R::RSP => 7,
        R::R8 => 8,
        R::R9 => 9,
        R::R10 => 10,
        R::R11 => 11,
        R::R12 => 12,
        R::R13 => 13,
        R::R14 => 14,
        R::R15 => 15,
        R::RIP => 16,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::base::memory::tests::Bytes;

    fn operands(values: &[(u16, u64)]) -> Operands {
        let mut registers = Registers::unknown(Arch::X86_64);
        for (number, value) in values {
            registers.set(Register(*number), Some(*value));
        }
        Operands { registers, fs_base: Some(0x7000), gs_base: None }
    }

    fn decode(bytes: &[u8]) -> Instruction {
        Instruction::decode(RunAddr(0x40_1000), bytes).unwrap()
    }

    /// What an operand is: name, encoding, kind, size, address.
    type Operand<'b> = (&'b str, &'b [u8], AccessKind, u64, Option<u64>);
    /// Name, encoding, and what it divides by: signed, size, value.
    type Divides<'b> = (&'b str, &'b [u8], Option<(bool, usize, Option<u64>)>);
    /// Name, encoding, `%rdx`, `%rax`, divisor, and how it fails.
    type Fails<'b> = (&'b str, &'b [u8], u64, u64, u64, Option<Division>);

    const RAX: u16 = 0;
    const RCX: u16 = 2;
    const RSI: u16 = 4;
    const RDI: u16 = 5;
    const RSP: u16 = 7;

    #[test]
    fn memory_operands() {
        use AccessKind::{Read, ReadWrite, Write};
        // Encodings from the assembler (`as`, `objdump -d`).
        let cases: &[Operand<'_>] = &[
            ("mov 0x18(%rdi),%eax", &[0x8b, 0x47, 0x18], Read, 4, Some(0x1018)),
            ("movq $0x0,(%rdi)", &[0x48, 0xc7, 0x07, 0, 0, 0, 0], Write, 8, Some(0x1000)),
            ("add %eax,(%rdi)", &[0x01, 0x07], ReadWrite, 4, Some(0x1000)),
            ("cmpb $0x41,(%rdi)", &[0x80, 0x3f, 0x41], Read, 1, Some(0x1000)),
            ("mov -0x8(%rdi,%rsi,4),%ax", &[0x66, 0x8b, 0x44, 0xb7, 0xf8], Read, 2, Some(0x1004)),
            (
                "mov %fs:0x28,%rax",
                &[0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0],
                Read,
                8,
                Some(0x7028),
            ),
            ("mov 0x10(%rip),%eax", &[0x8b, 0x05, 0x10, 0, 0, 0], Read, 4, Some(0x40_1016)),
            ("push %rbp", &[0x55], Write, 8, Some(0x7ff0)),
            ("call 0x401005", &[0xe8, 0, 0, 0, 0], Write, 8, Some(0x7ff0)),
            ("ret", &[0xc3], Read, 8, Some(0x7ff8)),
            ("rep stos %al,(%rdi)", &[0xf3, 0xaa], Write, 1, Some(0x1000)),
            ("movaps (%rdi),%xmm0", &[0x0f, 0x28, 0x07], Read, 16, Some(0x1000)),
            ("mov (%rbx),%eax: %rbx is not known", &[0x8b, 0x03], Read, 4, None),
        ];
        let operands = operands(&[(RDI, 0x1000), (RSI, 3), (RSP, 0x7ff8)]);
        for (name, bytes, kind, size, address) in cases {
            let accesses = decode(bytes).accesses(&operands);
            let access = accesses.first().unwrap();
            let found = (access.kind, access.size, access.address);
            assert_eq!(found, (*kind, *size, address.map(RunAddr)), "{name}");
        }
        assert!(decode(&[0x48, 0x8d, 0x07]).accesses(&operands).is_empty(), "lea reads nothing");
    }

    #[test]
    fn what_is_read_comes_before_what_is_pushed() {
        // call *0x8(%rax)
        let accesses = decode(&[0xff, 0x50, 0x08]).accesses(&operands(&[(RAX, 0), (RSP, 0x8000)]));
        let found: Vec<_> = accesses.iter().map(|access| access.address).collect();
        assert_eq!(found, [Some(RunAddr(8)), Some(RunAddr(0x7ff8))]);
    }

    #[test]
    fn texts() {
        let cases: &[(&[u8], &str)] = &[
            (&[0x8b, 0x47, 0x18], "mov 0x18(%rdi),%eax"),
            (&[0x0f, 0x0b], "ud2"),
            (&[0xc3], "ret"),
            (&[0xff, 0xd0], "call *%rax"),
        ];
        for (bytes, text) in cases {
            assert_eq!(decode(bytes).text(), *text);
        }
    }

    #[test]
    fn a_fault_may_be_anywhere_in_the_operand() {
        // mov 0x18(%rdi),%rax
        let read = decode(&[0x48, 0x8b, 0x47, 0x18]).accesses(&operands(&[(RDI, 0xfe4)]));
        let read = read.first().unwrap();
        let cases = [(0xffb, false), (0xffc, true), (0x1003, true), (0x1004, false)];
        for (at, want) in cases {
            assert_eq!(read.covers(RunAddr(at)), want, "{at:#x}");
        }
        let rep = decode(&[0xf3, 0xaa]).accesses(&operands(&[(RDI, 0xff0), (RCX, 1)]));
        assert!(rep.first().unwrap().covers(RunAddr(0x1000)), "string instructions run ahead");
    }

    #[test]
    fn alignments() {
        let cases: &[(&str, &[u8], Option<u64>)] = &[
            ("movaps (%rdi),%xmm0", &[0x0f, 0x28, 0x07], Some(16)),
            ("movups (%rdi),%xmm0", &[0x0f, 0x10, 0x07], None),
            ("addps (%rdi),%xmm0", &[0x0f, 0x58, 0x07], Some(16)),
            ("movsd (%rdi),%xmm0", &[0xf2, 0x0f, 0x10, 0x07], None),
            ("vmovaps (%rdi),%ymm0", &[0xc5, 0xfc, 0x28, 0x07], Some(32)),
            ("vaddps (%rdi),%ymm0,%ymm0", &[0xc5, 0xfc, 0x58, 0x07], None),
            ("mov (%rdi),%rax", &[0x48, 0x8b, 0x07], None),
            ("cmpxchg16b (%rdi)", &[0x48, 0x0f, 0xc7, 0x0f], Some(16)),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(decode(bytes).alignment(), *want, "{name}");
        }
    }

    #[test]
    fn divisors() {
        let memory = Bytes(0x1000, &[5, 0, 0, 0, 1]);
        let operands = operands(&[(RCX, 0xdead_beef_ffff_ffff), (RDI, 0x1000)]);
        let cases: &[Divides<'_>] = &[
            ("idiv %ecx", &[0xf7, 0xf9], Some((true, 4, Some(0xffff_ffff)))),
            ("div %cl", &[0xf6, 0xf1], Some((false, 1, Some(0xff)))),
            ("idivl (%rdi)", &[0xf7, 0x3f], Some((true, 4, Some(5)))),
            ("idivq (%rdi): the end is not known", &[0x48, 0xf7, 0x3f], Some((true, 8, None))),
            ("imul %ecx,%eax", &[0x0f, 0xaf, 0xc1], None),
        ];
        for (name, bytes, want) in cases {
            let divisor = decode(bytes).divisor(&operands, &memory);
            let found = divisor.map(|it| (it.is_signed, it.size, it.value));
            assert_eq!(found, *want, "{name}");
        }
    }

    #[test]
    fn failing_divisions() {
        let memory = Bytes(0, &[]);
        const RDX: u16 = 1;
        let all = u64::MAX;
        let cases: &[Fails<'_>] = &[
            ("by zero", &[0xf7, 0xf9], 0, 5, 0, Some(Division::ByZero)),
            ("INT_MIN / -1", &[0xf7, 0xf9], all, 0x8000_0000, all, Some(Division::Overflow)),
            ("INT_MIN / 1", &[0xf7, 0xf9], all, 0x8000_0000, 1, None),
            ("-6 / 3", &[0xf7, 0xf9], all, -6_i64 as u64, 3, None),
            ("LONG_MIN / -1", &[0x48, 0xf7, 0xf9], all, 1 << 63, all, Some(Division::Overflow)),
            ("unsigned, high half too large", &[0xf7, 0xf1], 3, 0, 3, Some(Division::Overflow)),
            ("unsigned, fits", &[0xf7, 0xf1], 2, all, 3, None),
            ("a byte into %ax", &[0xf6, 0xf1], 0, 0x300, 3, Some(Division::Overflow)),
        ];
        for (name, bytes, high, low, divisor, want) in cases {
            let operands = operands(&[(RAX, *low), (RDX, *high), (RCX, *divisor)]);
            assert_eq!(decode(bytes).division(&operands, &memory), *want, "{name}");
        }
    }

    #[test]
    fn targets_of_calls() {
        let word = 0x4141_4141_4141_4141u64.to_le_bytes();
        let memory = Bytes(0x1000, &word);
        let operands = operands(&[(RAX, 7), (RDI, 0x1000), (RSP, 0x1000)]);
        let cases: &[(&str, &[u8], Option<u64>)] = &[
            ("call *%rax", &[0xff, 0xd0], Some(7)),
            ("call *(%rdi)", &[0xff, 0x17], Some(0x4141_4141_4141_4141)),
            ("jmp *%rax", &[0xff, 0xe0], Some(7)),
            ("ret", &[0xc3], Some(0x4141_4141_4141_4141)),
            ("call rel32 cannot be bad by its registers", &[0xe8, 0, 0, 0, 0], None),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(decode(bytes).target(&operands, &memory), want.map(RunAddr), "{name}");
        }
    }

    #[test]
    fn kinds_of_traps() {
        assert!(decode(&[0xf4]).is_privileged(), "hlt");
        assert!(!decode(&[0x90]).is_privileged(), "nop");
        assert!(decode(&[0x0f, 0x0b]).is_undefined(), "ud2");
        assert!(decode(&[0x67, 0x0f, 0xb9, 0x40, 0x0c]).is_undefined(), "ud1");
        assert!(decode(&[0xcc]).is_breakpoint(), "int3");
        assert!(
            Instruction::decode(RunAddr(0), &[0x06]).is_none(),
            "no instruction in 64-bit code"
        );
        assert!(Instruction::decode(RunAddr(0), &[]).is_none(), "no bytes");
    }
}
