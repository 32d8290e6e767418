//! Instructions of AMD64 and of the 32-bit x86, by iced-x86.

use iced_x86::{
    Decoder, DecoderOptions, EncodingKind, FlowControl, Formatter as _, GasFormatter,
    InstructionInfoFactory, Mnemonic, OpAccess, OpKind, UsedMemory,
};

use crate::base::addr::RunAddr;
use crate::base::arch::Register;
use crate::base::memory::Memory;
use crate::diagnose::instruction::{Access, AccessKind, Effect, Flow, Isa, Operands, Part, Values};

/// How far past its address register a repeated string instruction may have
/// faulted: processors work on a cache line at a time.
const STRING_CHUNK: u64 = 64;

/// One instruction, as the decoder sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    raw: iced_x86::Instruction,
    isa: Isa,
}

impl Decoded {
    pub(super) fn decode(isa: Isa, at: RunAddr, bytes: &[u8]) -> Option<Self> {
        let bits = if isa == Isa::I386 { 32 } else { 64 };
        let mut decoder = Decoder::with_ip(bits, bytes, at.0, DecoderOptions::NONE);
        let raw = decoder.decode();
        (!raw.is_invalid()).then_some(Self { raw, isa })
    }

    pub(super) fn raw(&self) -> &iced_x86::Instruction {
        &self.raw
    }

    pub(super) fn length(&self) -> u64 {
        self.raw.len() as u64
    }

    pub(super) fn text(&self) -> String {
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

    pub(super) fn flow(&self) -> Flow {
        let stated = RunAddr(self.raw.near_branch_target());
        match self.raw.flow_control() {
            FlowControl::Call => Flow::Call(Some(stated)),
            FlowControl::IndirectCall => Flow::Call(None),
            FlowControl::UnconditionalBranch => Flow::Jump(Some(stated)),
            FlowControl::IndirectBranch => Flow::Jump(None),
            FlowControl::ConditionalBranch => Flow::Branch(stated),
            FlowControl::Return => Flow::Return,
            FlowControl::Exception => Flow::Trap,
            FlowControl::Next | FlowControl::Interrupt | FlowControl::XbeginXabortXend => {
                Flow::Next
            }
        }
    }

    /// The variable that it reaches from its own place.
    pub(super) fn near_address(&self) -> Option<RunAddr> {
        let is_near = self.raw.is_ip_rel_memory_operand();
        is_near.then(|| RunAddr(self.raw.ip_rel_memory_address()))
    }

    pub(super) fn needs(&self) -> Vec<String> {
        self.raw.cpuid_features().iter().map(|feature| format!("{feature:?}")).collect()
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self.raw.mnemonic(), Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2)
    }

    /// clang writes `ud1 kind(%eax),%eax`. Measured with clang 19.
    pub(super) fn failed_check(&self) -> Option<u8> {
        let is_check = self.raw.mnemonic() == Mnemonic::Ud1
            && self.raw.op0_register() == iced_x86::Register::EAX
            && self.raw.memory_base() == iced_x86::Register::EAX
            && self.raw.memory_index() == iced_x86::Register::None;
        is_check.then(|| u8::try_from(self.raw.memory_displacement64()).ok()).flatten()
    }

    pub(super) fn is_breakpoint(&self) -> bool {
        match self.raw.mnemonic() {
            Mnemonic::Int3 | Mnemonic::Int1 => true,
            Mnemonic::Int => self.raw.immediate8() == 3,
            _ => false,
        }
    }

    pub(super) fn is_repeated(&self) -> bool {
        let has_prefix = self.raw.has_rep_prefix() || self.raw.has_repne_prefix();
        has_prefix && self.raw.is_string_instruction()
    }

    fn is_indirect(&self) -> bool {
        matches!(self.flow(), Flow::Call(None) | Flow::Jump(None))
    }

    /// The register that is its first operand, if that is one.
    pub(super) fn first_register(&self) -> Option<Register> {
        let is_register = self.raw.op0_kind() == OpKind::Register;
        is_register.then(|| self.number(self.raw.op0_register())).flatten()
    }

    fn number(&self, register: iced_x86::Register) -> Option<Register> {
        number(self.isa, register)
    }

    /// Where an indirect call or jump was to go, or a `ret`.
    pub(super) fn target(&self, operands: &Operands, memory: &dyn Memory) -> Option<RunAddr> {
        if self.flow() == Flow::Return {
            return memory.word(operands.registers.sp()?).ok().map(RunAddr);
        }
        if !self.is_indirect() {
            return None;
        }
        match self.raw.op0_kind() {
            OpKind::Register => value(operands, self.isa, self.raw.op0_register()).map(RunAddr),
            OpKind::Memory => {
                let access = self.accesses(operands).into_iter().find(|it| !it.kind.writes())?;
                memory.word(access.address?).ok().map(RunAddr)
            }
            _ => None,
        }
    }

    /// What a division divides by, and the size of both in bytes. The value is
    /// unknown when its register or memory is.
    pub(super) fn divisor(&self, operands: &Operands, memory: &dyn Memory) -> Option<Divisor> {
        if !matches!(self.raw.mnemonic(), Mnemonic::Div | Mnemonic::Idiv) {
            return None;
        }
        let is_signed = self.raw.mnemonic() == Mnemonic::Idiv;
        match self.raw.op0_kind() {
            OpKind::Register => {
                let register = self.raw.op0_register();
                let size = register.size();
                let value = value(operands, self.isa, register);
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

    /// How a division fails with these operands; `None` when it does not, or
    /// when that is not known.
    pub(super) fn division(&self, operands: &Operands, memory: &dyn Memory) -> Option<Division> {
        let divisor = self.divisor(operands, memory)?;
        let value_of = |register| value(operands, self.isa, register);
        let value = divisor.value?;
        if value == 0 {
            return Some(Division::ByZero);
        }
        let low = value_of(iced_x86::Register::RAX)?;
        let high = value_of(iced_x86::Register::RDX);
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
    pub(super) fn accesses(&self, operands: &Operands) -> Vec<Access> {
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(&self.raw);
        let mut found: Vec<Access> =
            info.used_memory().iter().filter_map(|used| self.access(used, operands)).collect();
        // The decoder lists what is pushed before what is read for it.
        found.sort_by_key(|access| {
            access.base.is_some_and(|base| matches!(base.name, "rsp" | "esp"))
        });
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
        let address = used.virtual_address(0, |register, _, _| value(operands, self.isa, register));
        let is_repeated = self.raw.has_rep_prefix() || self.raw.has_repne_prefix();
        let reach = if is_repeated && is_string { STRING_CHUNK } else { 0 };
        Some(Access {
            kind,
            size,
            address: address.map(|at| RunAddr(self.wrapped(at))),
            base: part(operands, self.isa, used.base()),
            index: part(operands, self.isa, used.index())
                .map(|part| (part, u64::from(used.scale()))),
            displacement: used.displacement() as i64,
            is_segment: matches!(used.segment(), iced_x86::Register::FS | iced_x86::Register::GS),
            reach: size.max(1).max(reach),
            mask: u64::MAX,
        })
    }

    /// The alignment that its memory operand must have, if it must have one.
    ///
    /// Source: Intel SDM volume 1, 4.1.1 "Alignment of Words, ...", and volume
    /// 2, exceptions class 1 and 4: of the legacy SSE encodings all operands of
    /// 16 bytes but those of the unaligned moves; of VEX and EVEX only the
    /// aligned moves.
    pub(super) fn alignment(&self) -> Option<u64> {
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

    /// An address of 32 bits wraps around.
    fn wrapped(&self, address: u64) -> u64 {
        if self.isa == Isa::I386 { address & 0xffff_ffff } else { address }
    }

    pub(super) fn effect(&self, register: Register) -> Option<Effect> {
        let raw = &self.raw;
        let mut factory = InstructionInfoFactory::new();
        let is_written = factory.info(raw).used_registers().iter().any(|used| {
            let writes = matches!(
                used.access(),
                OpAccess::Write
                    | OpAccess::CondWrite
                    | OpAccess::ReadWrite
                    | OpAccess::ReadCondWrite
            );
            writes && self.number(used.register()) == Some(register)
        });
        if !is_written {
            return None;
        }
        let is_first = self.first_register() == Some(register);
        let whole = if self.isa == Isa::I386 { 4 } else { 8 };
        let is_whole = is_first && raw.op0_register().size() == whole;
        Some(match (raw.mnemonic(), raw.op_kind(1)) {
            (Mnemonic::Mov, OpKind::Memory) if is_whole => Effect::Load,
            (Mnemonic::Mov, OpKind::Register) if is_whole => {
                self.number(raw.op1_register()).map_or(Effect::Other, Effect::Copy)
            }
            // `xor %eax,%eax`, and `mov $0,%eax`, which clears the upper half.
            (Mnemonic::Xor | Mnemonic::Sub, OpKind::Register)
                if is_first && raw.op0_register() == raw.op1_register() =>
            {
                Effect::Constant
            }
            (Mnemonic::Mov, kind) if is_first && is_immediate(kind) => Effect::Constant,
            (Mnemonic::Lea, OpKind::Memory) if is_whole => match self.number(raw.memory_base()) {
                // What is counted from the instruction itself is a place of its own.
                Some(base)
                    if raw.memory_index() == iced_x86::Register::None
                        && !self.is_frame(base)
                        && !raw.is_ip_rel_memory_operand() =>
                {
                    Effect::Moved(base, self.signed_displacement())
                }
                _ => Effect::Address,
            },
            (Mnemonic::Add, _) if is_whole => match self.signed_constant() {
                Some(by) => Effect::Moved(register, by),
                None => Effect::Other,
            },
            (Mnemonic::Sub, _) if is_whole => match self.signed_constant() {
                Some(by) => Effect::Moved(register, by.wrapping_neg()),
                None => Effect::Other,
            },
            _ => Effect::Other,
        })
    }

    /// What is added or subtracted, if it is a number of the whole size.
    fn signed_constant(&self) -> Option<i64> {
        match self.raw.op_kind(1) {
            OpKind::Immediate8to64 | OpKind::Immediate32to64 => {
                Some(self.raw.immediate(1).cast_signed())
            }
            OpKind::Immediate8to32 | OpKind::Immediate32 if self.isa == Isa::I386 => {
                Some(i64::from((self.raw.immediate(1) as u32).cast_signed()))
            }
            _ => None,
        }
    }

    fn signed_displacement(&self) -> i64 {
        let displacement = self.raw.memory_displacement64();
        match self.isa {
            Isa::I386 => i64::from((displacement as u32).cast_signed()),
            _ => displacement.cast_signed(),
        }
    }

    /// The stack and the frame pointer: what is computed from them is a place,
    /// not a pointer that was moved.
    fn is_frame(&self, register: Register) -> bool {
        use iced_x86::Register as R;
        [R::RSP, R::RBP].into_iter().any(|it| self.number(it) == Some(register))
    }

    pub(super) fn address_for(&self, operands: &Operands, values: Values<'_>) -> Option<u64> {
        if let Some(register) = self.first_register()
            && let Some(Effect::Moved(from, by)) = self.effect(register)
        {
            return values(from).map(|value| self.wrapped(value.wrapping_add_signed(by)));
        }
        if self.raw.op_kind(1) != OpKind::Memory {
            return None;
        }
        let at = self.raw.virtual_address(1, 0, |register, _, _| match self.number(register) {
            Some(register) => values(register),
            None => value(operands, self.isa, register),
        })?;
        Some(self.wrapped(at))
    }

    pub(super) fn constant(&self) -> Option<u64> {
        let is_number = is_immediate(self.raw.op_kind(1));
        Some(if is_number { self.raw.immediate(1) } else { 0 })
    }

    pub(super) fn taken_address(&self, operands: &Operands) -> Option<u64> {
        let is_lea = self.raw.mnemonic() == Mnemonic::Lea;
        let whole = |register, _, _| value(operands, self.isa, register);
        let at = is_lea.then(|| self.raw.virtual_address(1, 0, whole)).flatten()?;
        Some(self.wrapped(at))
    }
}

fn is_immediate(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64)
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

/// The value of a register, or the base of a segment.
fn value(operands: &Operands, isa: Isa, register: iced_x86::Register) -> Option<u64> {
    use iced_x86::Register as R;
    match register {
        // In 64-bit code these segments have no base, and in programs of 32 bits
        // Linux gives them none.
        R::ES | R::CS | R::SS | R::DS => return Some(0),
        R::FS => return operands.fs_base,
        R::GS => return operands.gs_base,
        _ => (),
    }
    let whole = operands.registers.get(number(isa, register)?)?;
    let shift = u32::from(matches!(register, R::AH | R::BH | R::CH | R::DH)) * 8;
    let mask = match register.size() {
        1 => 0xff,
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    };
    Some(whole >> shift & mask)
}

fn part(operands: &Operands, isa: Isa, register: iced_x86::Register) -> Option<Part> {
    if register == iced_x86::Register::None {
        return None;
    }
    let number = number(isa, register);
    let name = number.and_then(|number| operands.arch().register_name(number));
    // Vector registers index in gathers; their elements are not followed.
    let value = value(operands, isa, register);
    Some(Part { name: name.unwrap_or("?"), number, value, sigil: "%" })
}

/// The DWARF number of the general register that contains `register`.
fn number(isa: Isa, register: iced_x86::Register) -> Option<Register> {
    use iced_x86::Register as R;
    // System V psABI for AMD64, figure 3.36; for i386, table 2.14.
    let (amd64, i386) = match register.full_register() {
        R::RAX => (0, 0),
        R::RDX => (1, 2),
        R::RCX => (2, 1),
        R::RBX => (3, 3),
        R::RSI => (4, 6),
        R::RDI => (5, 7),
        R::RBP => (6, 5),
        R::RSP => (7, 4),
        R::R8 => (8, NONE),
        R::R9 => (9, NONE),
        R::R10 => (10, NONE),
        R::R11 => (11, NONE),
        R::R12 => (12, NONE),
        R::R13 => (13, NONE),
        R::R14 => (14, NONE),
        R::R15 => (15, NONE),
        R::RIP => (16, 8),
        _ => return None,
    };
    let number = if isa == Isa::I386 { i386 } else { amd64 };
    (number != NONE).then_some(Register(number))
}

/// No register of that machine.
const NONE: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::base::memory::tests::Bytes;
    use crate::diagnose::instruction::Instruction;
    use crate::unwind::registers::Registers;

    fn operands(values: &[(u16, u64)]) -> Operands {
        let mut registers = Registers::unknown(Arch::X86_64);
        for (number, value) in values {
            registers.set(Register(*number), Some(*value));
        }
        Operands { registers, fs_base: Some(0x7000), gs_base: None }
    }

    fn decode(bytes: &[u8]) -> Instruction {
        Instruction::decode(Isa::Amd64, RunAddr(0x40_1000), bytes).unwrap()
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
            Instruction::decode(Isa::Amd64, RunAddr(0), &[0x06]).is_none(),
            "no instruction in 64-bit code"
        );
        assert!(Instruction::decode(Isa::Amd64, RunAddr(0), &[]).is_none(), "no bytes");
    }
}
