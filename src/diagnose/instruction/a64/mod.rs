//! Instructions of AArch64, by yaxpeax-arm.
//!
//! The decoder tells operands, and not what is done with them: sizes, kinds of
//! access and changed registers are told here by the opcode. Source: Arm
//! Architecture Reference Manual for A-profile, C4.1 (encodings) and C6.2, C7.2
//! (instructions). Instructions of SVE and SME, and some later ones, are not
//! known to the decoder.

mod memory;

use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{
    InstDecoder, Instruction as Raw, Opcode as O, Operand, ShiftStyle, SizeCode,
};

use crate::base::addr::RunAddr;
use crate::base::arch::Register;
use crate::diagnose::instruction::{AccessKind, Effect, Flow, Operands, Values};
use memory::width;

/// Bytes of each instruction.
pub(super) const LENGTH: u64 = 4;

/// The number of the stack pointer in addresses, and in DWARF; elsewhere it is
/// the register that is always zero.
const SP: u16 = 31;

/// The frame pointer and the link register.
const FP: u16 = 29;
const LR: u16 = 30;

/// One instruction, as the decoder sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    raw: Raw,
    /// Its four bytes.
    word: u32,
}

impl Decoded {
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        let raw = InstDecoder::default().decode(&mut U8Reader::new(&bytes)).ok()?;
        (raw.opcode != O::Invalid).then_some(Self { raw, word: u32::from_le_bytes(bytes) })
    }

    /// Addresses are whole, where the decoder writes distances.
    pub(super) fn text(&self, at: RunAddr) -> String {
        let text = self.raw.to_string();
        let distance = self.raw.operands.iter().find_map(|operand| match operand {
            Operand::PCOffset(_) => Some(operand.to_string()),
            _ => None,
        });
        match (distance, self.stated(at)) {
            (Some(distance), Some(stated)) => text.replace(&distance, &stated.to_string()),
            _ => text,
        }
    }

    /// The address that it states by its distance.
    fn stated(&self, at: RunAddr) -> Option<RunAddr> {
        let from = if self.raw.opcode == O::ADRP { at.0 & !0xfff } else { at.0 };
        self.raw.operands.iter().find_map(|operand| match operand {
            Operand::PCOffset(distance) => Some(RunAddr(from.wrapping_add_signed(*distance))),
            _ => None,
        })
    }

    pub(super) fn flow(&self, at: RunAddr) -> Flow {
        let stated = self.stated(at);
        match (self.raw.opcode, stated) {
            (O::B, Some(stated)) => Flow::Jump(Some(stated)),
            (O::BL, Some(stated)) => Flow::Call(Some(stated)),
            (O::Bcc(_) | O::BCcc(_) | O::CBZ | O::CBNZ | O::TBZ | O::TBNZ, Some(stated)) => {
                Flow::Branch(stated)
            }
            (O::BR | O::BRAA | O::BRAAZ | O::BRAB | O::BRABZ, _) => Flow::Jump(None),
            (O::BLR | O::BLRAA | O::BLRAAZ | O::BLRAB | O::BLRABZ, _) => Flow::Call(None),
            (O::RET | O::RETAA | O::RETAB, _) => Flow::Return,
            (O::RETAASPPC | O::RETABSPPC | O::RETAASPPCR | O::RETABSPPCR, _) => Flow::Return,
            (O::UDF | O::HLT | O::ERET | O::ERETAA | O::ERETAB | O::DRPS, _) => Flow::Trap,
            (O::BRK, _) if self.is_undefined() => Flow::Trap,
            _ => Flow::Next,
        }
    }

    /// The variable that it reaches from its own place.
    pub(super) fn near_address(&self, at: RunAddr) -> Option<RunAddr> {
        // A page is no variable.
        self.stated(at).filter(|_| self.raw.opcode != O::ADRP)
    }

    /// The number of a `brk`.
    fn break_number(&self) -> Option<u16> {
        match (self.raw.opcode, self.word) {
            // C6.2.54: the number is in bits 5 to 20.
            (O::BRK, word) => u16::try_from(word >> 5 & 0xffff).ok(),
            _ => None,
        }
    }

    /// GCC's `__builtin_trap` is `brk #1000`, clang's `brk #1`; clang writes
    /// `brk #0x5500` plus the kind of the check for -fsanitize-trap (LLVM
    /// `AArch64ISelLowering`, "ubsan trap").
    pub(super) fn is_undefined(&self) -> bool {
        self.raw.opcode == O::UDF || matches!(self.break_number(), Some(1 | 1000 | 0x5500..=0x55ff))
    }

    pub(super) fn failed_check(&self) -> Option<u8> {
        let number = self.break_number().filter(|number| *number >> 8 == 0x55)?;
        u8::try_from(number & 0xff).ok()
    }

    pub(super) fn is_breakpoint(&self) -> bool {
        self.break_number().is_some() && !self.is_undefined()
    }

    pub(super) fn target(&self, operands: &Operands) -> Option<RunAddr> {
        let register = match self.flow(RunAddr(0)) {
            Flow::Jump(None) | Flow::Call(None) => self.target_register()?,
            Flow::Return => match self.raw.operands.first() {
                Some(Operand::Register(_, number)) => Register(*number),
                _ => Register(LR),
            },
            _ => return None,
        };
        let target = operands.registers.get(register)?;
        Some(RunAddr(operands.registers.code_address(target)))
    }

    pub(super) fn target_register(&self) -> Option<Register> {
        match self.raw.operands.first()? {
            Operand::Register(_, number) if *number != SP => Some(Register(*number)),
            _ => None,
        }
    }

    pub(super) fn effect(&self, register: Register) -> Option<Effect> {
        let number = register.0;
        let is = |index: usize| written(self.raw.operands.get(index)) == Some(number);
        let is_back =
            self.place().is_some_and(|place| place.is_written_back && place.base == Some(number));
        if is_back {
            return Some(Effect::Other);
        }
        if number == LR && self.signs_return() {
            return Some(Effect::Other);
        }
        if self.raw.opcode == O::SVC && number == 0 {
            return Some(Effect::Other);
        }
        let is_wide = |index: usize| self.raw.operands.get(index).is_some_and(|it| width(it) == 8);
        match self.raw.opcode {
            O::LDP | O::LDNP | O::LDXP | O::LDAXP | O::LDPSW => {
                let index = usize::from(!is(0));
                let is_plain = is_wide(index) && self.raw.opcode != O::LDPSW;
                is(index).then_some(if is_plain { Effect::Load } else { Effect::Other })
            }
            O::LDR | O::LDUR | O::LDAR | O::LDAPR | O::LDAPUR | O::LDXR | O::LDAXR => {
                is(0).then_some(if is_wide(0) { Effect::Load } else { Effect::Other })
            }
            // Atomic operations give back in the second operand what was there.
            O::CAS(_) | O::CASH(_) | O::CASB(_) => is(0).then_some(Effect::Other),
            O::CASP(_) => {
                let pair = self.raw.operands.first().and_then(register_of);
                let is_it =
                    pair.is_some_and(|it| it == number || it.checked_add(1) == Some(number));
                is_it.then_some(Effect::Other)
            }
            _ if matches!(self.memory_use(), Some((AccessKind::ReadWrite, _))) => {
                is(1).then_some(Effect::Other)
            }
            O::STXR | O::STLXR | O::STXRH | O::STLXRH | O::STXRB | O::STLXRB => {
                is(0).then_some(Effect::Other)
            }
            O::STXP | O::STLXP => is(0).then_some(Effect::Other),
            _ if matches!(self.memory_use(), Some((AccessKind::Write, _))) => None,
            _ if self.only_reads() => None,
            _ if is(0) => Some(self.computed(number)),
            _ => None,
        }
    }

    /// How the register that is the first operand is computed.
    fn computed(&self, number: u16) -> Effect {
        let operands = &self.raw.operands;
        let is_whole = operands.first().is_some_and(|it| width(it) == 8);
        match (self.raw.opcode, operands.get(1), operands.get(2)) {
            (O::MOVZ | O::MOVN, ..) => Effect::Constant,
            (O::ADR | O::ADRP, ..) => Effect::Address,
            (
                O::ORR,
                Some(Operand::Register(_, SP)),
                Some(Operand::Imm64(_) | Operand::Immediate(_)),
            ) => Effect::Constant,
            // `mov x0, x1` is `orr x0, xzr, x1`.
            (
                O::ORR,
                Some(Operand::Register(_, SP)),
                Some(Operand::RegShift(ShiftStyle::LSL, 0, _, from)),
            ) => match *from {
                SP => Effect::Constant,
                from if is_whole => Effect::Copy(Register(from)),
                _ => Effect::Other,
            },
            (O::ADD | O::SUB, Some(Operand::RegisterOrSP(_, from)), Some(_)) if is_whole => {
                match self.added() {
                    // What is computed from these is a place, not a pointer that was
                    // moved.
                    Some(_) if matches!(*from, SP | FP) || number == SP => Effect::Address,
                    Some(0) => Effect::Copy(Register(*from)),
                    Some(by) => Effect::Moved(Register(*from), by),
                    None => Effect::Other,
                }
            }
            _ => Effect::Other,
        }
    }

    /// The number that it adds to a register.
    fn added(&self) -> Option<i64> {
        let by = match *self.raw.operands.get(2)? {
            Operand::Immediate(by) => i64::from(by),
            Operand::ImmShift(by, shift) => i64::from(by) << (shift & 63),
            _ => return None,
        };
        match self.raw.opcode {
            O::ADD => Some(by),
            O::SUB => Some(-by),
            _ => None,
        }
    }

    pub(super) fn address_for(
        &self,
        at: RunAddr,
        register: Register,
        values: Values<'_>,
    ) -> Option<u64> {
        if matches!(self.raw.opcode, O::ADR | O::ADRP) {
            return self.stated(at).map(|stated| stated.0);
        }
        if let (Some(by), Some(Operand::RegisterOrSP(SizeCode::X, from))) =
            (self.added(), self.raw.operands.get(1))
        {
            return values(Register(*from)).map(|value| value.wrapping_add_signed(by));
        }
        let (kind, size) = self.memory_use()?;
        if kind != AccessKind::Read {
            return None;
        }
        let start = self.sum(at, self.place()?, values)?;
        let is_second = matches!(self.raw.opcode, O::LDP | O::LDNP | O::LDXP | O::LDAXP)
            && written(self.raw.operands.first()) != Some(register.0);
        Some(if is_second { start.wrapping_add(size / 2) } else { start })
    }

    pub(super) fn constant(&self) -> Option<u64> {
        let operands = &self.raw.operands;
        let mask = match operands.first()? {
            Operand::Register(SizeCode::W, _) | Operand::RegisterOrSP(SizeCode::W, _) => {
                u64::from(u32::MAX)
            }
            _ => u64::MAX,
        };
        let value = match (self.raw.opcode, operands.get(1)?, operands.get(2)?) {
            (O::MOVZ, Operand::ImmShift(number, shift), _) => u64::from(*number) << (shift & 63),
            (O::MOVN, Operand::ImmShift(number, shift), _) => !(u64::from(*number) << (shift & 63)),
            (O::ORR, _, Operand::Imm64(number)) => *number,
            (O::ORR, _, Operand::Immediate(number)) => u64::from(*number),
            (O::ORR, _, Operand::RegShift(_, _, _, SP)) => 0,
            _ => return None,
        };
        Some(value & mask)
    }

    pub(super) fn taken_address(&self, operands: &Operands) -> Option<u64> {
        let Some(Operand::RegisterOrSP(SizeCode::X, from @ (SP | FP))) = self.raw.operands.get(1)
        else {
            return None;
        };
        let value = operands.registers.get(Register(*from))?;
        self.added().map(|by| value.wrapping_add_signed(by))
    }

    pub(super) fn moves_stack(&self) -> bool {
        self.place().is_some_and(|place| place.is_written_back && place.base == Some(SP))
    }

    /// Whether its first operand, if it is a register, stays what it is.
    fn only_reads(&self) -> bool {
        let is_branch = matches!(
            self.raw.opcode,
            O::B | O::BL | O::BR | O::BLR | O::RET | O::Bcc(_) | O::BCcc(_)
        );
        let is_test =
            matches!(self.raw.opcode, O::CBZ | O::CBNZ | O::TBZ | O::TBNZ | O::CCMP | O::CCMN);
        let is_signed_branch = matches!(self.raw.opcode, O::BRAA | O::BRAAZ | O::BRAB | O::BRABZ);
        let is_other = matches!(
            self.raw.opcode,
            O::MSR
                | O::SYS(_)
                | O::PRFM
                | O::PRFUM
                | O::HINT
                | O::FCMP
                | O::FCMPE
                | O::FCCMP
                | O::FCCMPE
        );
        is_branch || is_test || is_signed_branch || is_other
    }

    /// Whether it signs or checks the return address.
    fn signs_return(&self) -> bool {
        matches!(
            self.raw.opcode,
            O::PACIASP
                | O::PACIAZ
                | O::PACIBSP
                | O::PACIBZ
                | O::AUTIASP
                | O::AUTIAZ
                | O::AUTIBSP
                | O::AUTIBZ
                | O::XPACLRI
                | O::PACIASPPC
                | O::PACIBSPPC
        )
    }
}

/// The general register of an operand.
fn register_of(operand: &Operand) -> Option<u16> {
    match *operand {
        Operand::Register(_, number) | Operand::RegisterPair(_, number) => {
            (number != SP).then_some(number)
        }
        Operand::RegisterOrSP(_, number) => Some(number),
        _ => None,
    }
}

fn written(operand: Option<&Operand>) -> Option<u16> {
    operand.and_then(register_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::base::data_model::ByteOrder;
    use crate::diagnose::instruction::{Instruction, Isa};
    use crate::unwind::registers::Registers;

    const AT: RunAddr = RunAddr(0x40_1000);

    fn arch() -> Arch {
        Arch::from_elf(183, true, ByteOrder::Little, 0)
    }

    fn operands(values: &[(u16, u64)]) -> Operands {
        let mut registers = Registers::unknown(arch());
        for (number, value) in values {
            registers.set(Register(*number), Some(*value));
        }
        Operands::of(registers)
    }

    fn decode(word: u32) -> Instruction {
        Instruction::decode(Isa::A64, AT, &word.to_le_bytes()).expect("an instruction")
    }

    #[test]
    fn memory_operands() {
        use AccessKind::{Read, ReadWrite, Write};
        // Encodings from the assembler. x1 is 0x1000, x2 is -1, as w2 the largest
        // number of 32 bits; x4 is 0x2000, sp 0x7000; x3 and x0 are not known.
        type Case<'b> = (&'b str, u32, AccessKind, u64, Option<u64>);
        let cases: &[Case<'_>] = &[
            ("ldr w0, [x1, #0x18]", 0xb940_1820, Read, 4, Some(0x1018)),
            ("ldr w0, [x0, #0x18]: x0 is not known", 0xb940_1800, Read, 4, None),
            ("ldur x0, [x1, #-8]", 0xf85f_8020, Read, 8, Some(0xff8)),
            ("ldr x5, [x4], #16: what is added is added later", 0xf841_0485, Read, 8, Some(0x2000)),
            ("str x5, [x4, #-16]!", 0xf81f_0c85, Write, 8, Some(0x1ff0)),
            ("ldp x29, x30, [sp, #32]", 0xa942_7bfd, Read, 16, Some(0x7020)),
            ("stp x0, x1, [x4, #-32]", 0xa93e_0480, Write, 16, Some(0x1fe0)),
            ("ldpsw x0, x1, [x4]", 0x6940_0480, Read, 8, Some(0x2000)),
            ("ldr x0, [x1, x2, lsl #3]", 0xf862_7820, Read, 8, Some(0xff8)),
            ("ldr w0, [x1, w2, sxtw #2]", 0xb862_d820, Read, 4, Some(0xffc)),
            ("ldrb w0, [x1, w2, uxtw]", 0x3862_4820, Read, 1, Some(0x1_0000_0fff)),
            ("ldrsh x0, [x1, #6]", 0x7980_0c20, Read, 2, Some(0x1006)),
            ("ldr x0, .+0x20", 0x5800_0100, Read, 8, Some(0x40_1020)),
            ("ldr q0, [x1, #32]", 0x3dc0_0820, Read, 16, Some(0x1020)),
            ("stp q0, q1, [x4, #64]", 0xad02_0480, Write, 32, Some(0x2040)),
            ("str b0, [x1]", 0x3d00_0020, Write, 1, Some(0x1000)),
            ("ld1 {v0.16b, v1.16b}, [x1]", 0x4c40_a020, Read, 32, Some(0x1000)),
            ("ld1 {v0.s}[1], [x1]", 0x0d40_9020, Read, 4, Some(0x1000)),
            ("ld4r {v0.2s-v3.2s}, [x1]", 0x0d60_e820, Read, 16, Some(0x1000)),
            ("st2 {v0.4h, v1.4h}, [x1], #16", 0x0c9f_8420, Write, 16, Some(0x1000)),
            ("ldxr w0, [x1]", 0x885f_7c20, Read, 4, Some(0x1000)),
            ("stlxr w3, x0, [x1]", 0xc803_fc20, Write, 8, Some(0x1000)),
            ("ldaxp x0, x1, [x4]", 0xc87f_8480, Read, 16, Some(0x2000)),
            ("stxp w3, w0, w5, [x4]", 0x8823_1480, Write, 8, Some(0x2000)),
            ("ldadd w0, w1, [x4]", 0xb820_0081, ReadWrite, 4, Some(0x2000)),
            ("swpalb w0, w1, [x4]", 0x38e0_8081, ReadWrite, 1, Some(0x2000)),
            ("cas x0, x1, [x4]", 0xc8a0_7c81, ReadWrite, 8, Some(0x2000)),
            ("casp x0, x1, x2, x3, [x4]", 0x4820_7c82, ReadWrite, 16, Some(0x2000)),
            ("ldar x0, [x1]", 0xc8df_fc20, Read, 8, Some(0x1000)),
            ("stlrb w0, [x1]", 0x089f_fc20, Write, 1, Some(0x1000)),
            ("ldraa x0, [x1, #8]", 0xf820_1420, Read, 8, Some(0x1008)),
            ("dc zva, x1", 0xd50b_7421, Write, 64, Some(0x1000)),
            ("stg x0, [x1]", 0xd920_0820, Write, 16, Some(0x1000)),
            ("st2g x0, [x1, #32]", 0xd9a0_2820, Write, 32, Some(0x1020)),
        ];
        let operands = operands(&[(1, 0x1000), (2, u64::MAX), (4, 0x2000), (31, 0x7000)]);
        for (name, word, kind, size, address) in cases {
            let accesses = decode(*word).accesses(&operands);
            let found = accesses.first().map(|it| (it.kind, it.size, it.address));
            assert_eq!(found, Some((*kind, *size, address.map(RunAddr))), "{name}");
        }
        for (name, word) in [
            ("add x0, x1, #8", 0x9100_2020),
            ("prfm pldl1keep, [x1] cannot fail", 0xf980_0020),
            ("adr x0, .+0x10", 0x1000_0080),
            ("ret", 0xd65f_03c0),
        ] {
            assert!(decode(word).accesses(&operands).is_empty(), "{name}");
        }
    }

    #[test]
    fn the_highest_byte_does_not_count() {
        // ldr x0, [x1], where x1 has a tag.
        let operands = operands(&[(1, 0xb400_0000_0000_1000)]);
        let read = decode(0xf940_0020).accesses(&operands).into_iter().next().expect("a read");
        assert_eq!(read.address, Some(RunAddr(0x1000)));
        let cases = [(0x1000, true), (0x1007, true), (0x1008, false), (0xfff, false)];
        for (at, want) in cases {
            assert_eq!(read.covers(RunAddr(at)), want, "{at:#x}");
            assert_eq!(read.covers(RunAddr(at | 0xb4 << 56)), want, "{at:#x}, with the tag");
        }
        // Text as a pointer: the kernel reports it without its highest byte.
        let operands = self::operands(&[(1, 0x4141_4141_4141_4141)]);
        let read = decode(0xf940_0020).accesses(&operands).into_iter().next().expect("a read");
        assert!(read.covers(RunAddr(0x0041_4141_4141_4141)));
    }

    #[test]
    fn where_control_goes() {
        let stated = |distance: u64| Some(RunAddr(AT.0 + distance));
        let cases = [
            ("br x1", 0xd61f_0020, Flow::Jump(None)),
            ("blr x1", 0xd63f_0020, Flow::Call(None)),
            ("ret", 0xd65f_03c0, Flow::Return),
            ("retaa", 0xd65f_0bff, Flow::Return),
            ("b .+8", 0x1400_0002, Flow::Jump(stated(8))),
            ("bl .+16", 0x9400_0004, Flow::Call(stated(16))),
            ("b.eq .+8", 0x5400_0040, Flow::Branch(RunAddr(AT.0 + 8))),
            ("cbz x0, .+8", 0xb400_0040, Flow::Branch(RunAddr(AT.0 + 8))),
            ("tbnz w0, #3, .+8", 0x3718_0040, Flow::Branch(RunAddr(AT.0 + 8))),
            ("udf #0", 0x0000_0000, Flow::Trap),
            ("brk #1000", 0xd420_7d00, Flow::Trap),
            ("brk #0: a debugger goes on", 0xd420_0000, Flow::Next),
            ("svc #0", 0xd400_0001, Flow::Next),
        ];
        for (name, word, want) in cases {
            assert_eq!(decode(word).flow(), want, "{name}");
        }
    }

    #[test]
    fn targets() {
        use crate::base::memory::tests::Bytes;
        let operands = operands(&[(1, 0), (3, 0x41_4141), (30, 0x50_0000)]);
        let cases = [
            ("br x1", 0xd61f_0020, Some(0)),
            ("blr x1", 0xd63f_0020, Some(0)),
            ("ret", 0xd65f_03c0, Some(0x50_0000)),
            ("ret x3", 0xd65f_0060, Some(0x41_4141)),
            ("retaa", 0xd65f_0bff, Some(0x50_0000)),
            ("bl .+16 cannot be bad by its registers", 0x9400_0004, None),
        ];
        for (name, word, want) in cases {
            let found = decode(word).target(&operands, &Bytes(0, &[]));
            assert_eq!(found, want.map(RunAddr), "{name}");
        }
        assert_eq!(decode(0xd63f_0020).target_register(), Some(Register(1)));
    }

    #[test]
    fn traps_and_breakpoints() {
        // Undefined, a breakpoint, and the check that has failed.
        let cases = [
            ("udf #0", 0x0000_0000, (true, false, None)),
            ("brk #1, of clang", 0xd420_0020, (true, false, None)),
            ("brk #1000, of GCC", 0xd420_7d00, (true, false, None)),
            ("brk #0x5512", 0xd42a_a240, (true, false, Some(0x12))),
            ("brk #0", 0xd420_0000, (false, true, None)),
            ("svc #0", 0xd400_0001, (false, false, None)),
        ];
        for (name, word, want) in cases {
            let it = decode(word);
            let found = (it.is_undefined(), it.is_breakpoint(), it.failed_check());
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn what_happens_to_a_register() {
        let x = Register;
        let cases: &[(&str, u32, u16, Option<Effect>)] = &[
            ("ldr x0, [x0, #8]", 0xf940_0400, 0, Some(Effect::Load)),
            ("ldr w0, [x0, #24]: half of it", 0xb940_1800, 0, Some(Effect::Other)),
            ("ldp x0, x1, [x2, #16]", 0xa941_0440, 1, Some(Effect::Load)),
            ("ldpsw x0, x1, [x2]", 0x6940_0440, 1, Some(Effect::Other)),
            ("ldr x1, [x2], #16: the base", 0xf841_0441, 2, Some(Effect::Other)),
            ("str x0, [x1]", 0xf900_0020, 0, None),
            ("stp x0, x1, [x2, #-32]", 0xa93e_0440, 1, None),
            ("stlxr w3, x0, [x1]: whether it was written", 0xc803_fc20, 3, Some(Effect::Other)),
            ("stlxr w3, x0, [x1]", 0xc803_fc20, 0, None),
            ("ldadd w0, w1, [x2]", 0xb820_0041, 1, Some(Effect::Other)),
            ("ldadd w0, w1, [x2]: what is added", 0xb820_0041, 0, None),
            ("cas x0, x1, [x2]", 0xc8a0_7c41, 0, Some(Effect::Other)),
            ("casp x0, x1, x2, x3, [x4]", 0x4820_7c82, 1, Some(Effect::Other)),
            ("mov x0, x1", 0xaa01_03e0, 0, Some(Effect::Copy(x(1)))),
            ("mov w0, w1: half of it", 0x2a01_03e0, 0, Some(Effect::Other)),
            ("mov x0, xzr", 0xaa1f_03e0, 0, Some(Effect::Constant)),
            ("mov x0, #0x1234", 0xd282_4680, 0, Some(Effect::Constant)),
            ("movk x0, #1, lsl #16", 0xf2a0_0020, 0, Some(Effect::Other)),
            ("add x0, x1, #8", 0x9100_2020, 0, Some(Effect::Moved(x(1), 8))),
            ("add x0, x1, #1, lsl #12", 0x9140_0420, 0, Some(Effect::Moved(x(1), 4096))),
            ("sub x0, x0, #16", 0xd100_4000, 0, Some(Effect::Moved(x(0), -16))),
            ("add x0, sp, #16", 0x9100_43e0, 0, Some(Effect::Address)),
            ("mov x29, sp", 0x9100_03fd, 29, Some(Effect::Address)),
            ("add x0, x1, x2", 0x8b02_0020, 0, Some(Effect::Other)),
            ("adrp x0, .", 0x9000_0000, 0, Some(Effect::Address)),
            ("cmp x0, x1", 0xeb01_001f, 0, None),
            ("cmp x0, x1: nothing becomes of zero", 0xeb01_001f, 31, None),
            ("cbz x0, .+8", 0xb400_0040, 0, None),
            ("bl .+16: the result", 0x9400_0004, 0, Some(Effect::Returned)),
            ("bl .+16: not kept", 0x9400_0004, 9, Some(Effect::Other)),
            ("bl .+16: kept", 0x9400_0004, 19, None),
            ("bl .+16: the return address", 0x9400_0004, 30, Some(Effect::Other)),
            ("svc #0: the kernel's answer", 0xd400_0001, 0, Some(Effect::Other)),
            ("paciasp", 0xd503_233f, 30, Some(Effect::Other)),
        ];
        for (name, word, register, want) in cases {
            assert_eq!(decode(*word).effect(arch(), x(*register)), *want, "{name}");
        }
    }

    #[test]
    fn addresses_and_numbers() {
        let operands = operands(&[(2, 0x2000), (31, 0x7000)]);
        let values = |register| operands.registers.get(register);
        let cases = [
            ("ldp x0, x1, [x2, #16]: the first", 0xa941_0440, 0, Some(0x2010)),
            ("ldp x0, x1, [x2, #16]: the second", 0xa941_0440, 1, Some(0x2018)),
            ("adrp x0, .", 0x9000_0000, 0, Some(0x40_1000)),
            ("adr x0, .+0x10", 0x1000_0080, 0, Some(0x40_1010)),
            ("add x0, sp, #16", 0x9100_43e0, 0, Some(0x7010)),
            ("str x0, [x2] loads nothing", 0xf900_0040, 0, None),
        ];
        for (name, word, register, want) in cases {
            let found = decode(word).address_for(Register(register), &operands, &values);
            assert_eq!(found, want.map(RunAddr), "{name}");
        }
        let numbers = [
            ("mov x0, #0x1234", 0xd282_4680, Some(0x1234)),
            ("mov x0, #-1", 0x9280_0000, Some(u64::MAX)),
            ("mov w0, #-1", 0x1280_0000, Some(0xffff_ffff)),
            ("mov x0, #0xff00ff00ff00ff00", 0xb208_9fe0, Some(0xff00_ff00_ff00_ff00)),
            ("mov x0, xzr", 0xaa1f_03e0, Some(0)),
            ("mov x0, x1", 0xaa01_03e0, None),
        ];
        for (name, word, want) in numbers {
            assert_eq!(decode(word).constant(), want, "{name}");
        }
    }

    #[test]
    fn texts_state_whole_addresses() {
        let cases = [
            (0xb940_1820, "ldr w0, [x1, #0x18]"),
            (0x9400_0004, "bl 0x401010"),
            (0x5400_0040, "b.eq 0x401008"),
            (0xb000_0000, "adrp x0, 0x402000"),
            (0xd65f_03c0, "ret"),
        ];
        for (word, text) in cases {
            assert_eq!(decode(word).text(), text);
        }
    }

    #[test]
    fn what_is_no_instruction() {
        assert!(Instruction::decode(Isa::A64, AT, &[0, 0, 0]).is_none(), "cut");
        // Group 1 of the main encoding table is not allocated (C4.1).
        let word = 0x0200_0000_u32.to_le_bytes();
        assert!(Instruction::decode(Isa::A64, AT, &word).is_none());
    }
}
