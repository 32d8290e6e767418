//! The memory that an instruction of AArch64 uses.

use yaxpeax_arm::armv8::a64::{Opcode as O, Operand, SIMDSizeCode, ShiftStyle, SizeCode};

use super::{Decoded, SP};
use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Register};
use crate::diagnose::instruction::access::{address_mask, untagged};
use crate::diagnose::instruction::{Access, AccessKind, Operands, Part, Values};

/// What `dc zva` writes at a time on all processors that Linux has met so far;
/// `DCZID_EL0` may say another size.
const ZEROED: u64 = 64;

/// How an address is written in an instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) base: Option<u16>,
    index: Option<(u16, ShiftStyle, u8)>,
    offset: i64,
    /// Whether the base register becomes another address.
    pub(super) is_written_back: bool,
}

impl Decoded {
    /// How the address of its memory operand is written.
    pub(super) fn place(&self) -> Option<Place> {
        let plain = |base: u16, offset: i32, is_written_back| Place {
            base: Some(base),
            index: None,
            offset: i64::from(offset),
            is_written_back,
        };
        if self.is_zeroing() {
            let Some(Operand::Register(_, base)) =
                self.raw.operands.iter().find(|it| matches!(it, Operand::Register(..)))
            else {
                return None;
            };
            return (*base != SP).then(|| plain(*base, 0, false));
        }
        self.raw.operands.iter().find_map(|operand| match *operand {
            Operand::RegPreIndex(base, offset, back) => Some(plain(base, offset, back)),
            // What is added is added behind the access.
            Operand::RegPostIndex(base, _) | Operand::RegPostIndexReg(base, _) => {
                Some(plain(base, 0, true))
            }
            Operand::RegRegOffset(base, index, _, extend, amount) => Some(Place {
                base: Some(base),
                index: Some((index, extend, amount)),
                offset: 0,
                is_written_back: false,
            }),
            Operand::PCOffset(_) => {
                Some(Place { base: None, index: None, offset: 0, is_written_back: false })
            }
            _ => None,
        })
    }

    /// `dc zva`: `sys #3, c7, c4, #1` (C6.2.120).
    fn is_zeroing(&self) -> bool {
        self.word & !0x1f == 0xd50b_7420
    }

    pub(in crate::diagnose::instruction) fn access(
        &self,
        at: RunAddr,
        operands: &Operands,
    ) -> Option<Access> {
        let (kind, size) = self.memory_use()?;
        let place = self.place()?;
        let arch = operands.arch();
        let get = |number| operands.registers.get(number);
        let sum = self.sum(at, place, &get);
        let sum = if self.is_zeroing() { sum.map(|sum| sum & !(ZEROED - 1)) } else { sum };
        let index = place.index.map(|(number, extend, amount)| {
            let value = value_of(number, &get).map(|value| extended(value, extend));
            let part = if number == SP {
                Part { name: "xzr", number: None, value: Some(0), sigil: "" }
            } else {
                part(arch, number, value)
            };
            (part, 1_u64 << (amount & 7))
        });
        Some(Access {
            kind,
            size,
            address: sum.map(|sum| RunAddr(untagged(arch, sum))),
            base: place.base.map(|base| part(arch, base, get(Register(base)))),
            index,
            displacement: place.offset,
            is_segment: false,
            reach: size.max(1),
            mask: address_mask(arch),
        })
    }

    /// The effective address.
    pub(super) fn sum(&self, at: RunAddr, place: Place, get: Values<'_>) -> Option<u64> {
        let base = match place.base {
            Some(base) => get(Register(base))?,
            None => self.stated(at)?.0,
        };
        let index = match place.index {
            Some((number, extend, amount)) => {
                extended(value_of(number, get)?, extend) << (amount & 7)
            }
            None => 0,
        };
        Some(base.wrapping_add(index).wrapping_add_signed(place.offset))
    }

    /// What it does to memory, and to how many bytes of it.
    pub(super) fn memory_use(&self) -> Option<(AccessKind, u64)> {
        use AccessKind::{Read, ReadWrite, Write};
        let operands = &self.raw.operands;
        let size = |index: usize| operands.get(index).map_or(0, width);
        if self.is_zeroing() {
            return Some((Write, ZEROED));
        }
        Some(match self.raw.opcode {
            O::LDR | O::LDUR | O::LDTR | O::LDAR | O::LDLAR | O::LDAPR | O::LDAPUR => {
                (Read, size(0))
            }
            O::LDXR | O::LDAXR | O::LDRAA | O::LDRAB => (Read, size(0)),
            O::LDRSW | O::LDURSW | O::LDTRSW | O::LDAPURSW => (Read, 4),
            O::LDRH | O::LDRSH | O::LDURH | O::LDURSH | O::LDTRH | O::LDTRSH => (Read, 2),
            O::LDARH | O::LDLARH | O::LDXRH | O::LDAXRH => (Read, 2),
            O::LDAPRH | O::LDAPURH | O::LDAPURSH => (Read, 2),
            O::LDRB | O::LDRSB | O::LDURB | O::LDURSB | O::LDTRB | O::LDTRSB => (Read, 1),
            O::LDARB | O::LDLARB | O::LDXRB | O::LDAXRB => (Read, 1),
            O::LDAPRB | O::LDAPURB | O::LDAPURSB => (Read, 1),
            O::LDP | O::LDNP | O::LDXP | O::LDAXP => (Read, size(0).saturating_mul(2)),
            O::LDPSW => (Read, 8),
            O::STR | O::STUR | O::STTR | O::STLR | O::STLLR | O::STLUR => (Write, size(0)),
            O::STRH | O::STURH | O::STTRH | O::STLRH | O::STLLRH | O::STLURH => (Write, 2),
            O::STRB | O::STURB | O::STTRB | O::STLRB | O::STLLRB | O::STLURB => (Write, 1),
            O::STP | O::STNP => (Write, size(0).saturating_mul(2)),
            // The first operand says whether it was written.
            O::STXR | O::STLXR => (Write, size(1)),
            O::STXRH | O::STLXRH => (Write, 2),
            O::STXRB | O::STLXRB => (Write, 1),
            O::STXP | O::STLXP => (Write, size(1).saturating_mul(2)),
            O::SWP(_) | O::LDADD(_) | O::LDCLR(_) | O::LDEOR(_) | O::LDSET(_) | O::CAS(_) => {
                (ReadWrite, size(0))
            }
            O::LDSMAX(_) | O::LDSMIN(_) | O::LDUMAX(_) | O::LDUMIN(_) => (ReadWrite, size(0)),
            O::SWPH(_) | O::LDADDH(_) | O::LDCLRH(_) | O::LDEORH(_) | O::LDSETH(_) => {
                (ReadWrite, 2)
            }
            O::LDSMAXH(_) | O::LDSMINH(_) | O::LDUMAXH(_) | O::LDUMINH(_) | O::CASH(_) => {
                (ReadWrite, 2)
            }
            O::SWPB(_) | O::LDADDB(_) | O::LDCLRB(_) | O::LDEORB(_) | O::LDSETB(_) => {
                (ReadWrite, 1)
            }
            O::LDSMAXB(_) | O::LDSMINB(_) | O::LDUMAXB(_) | O::LDUMINB(_) | O::CASB(_) => {
                (ReadWrite, 1)
            }
            O::CASP(_) => (ReadWrite, size(0)),
            O::LD1 | O::LD2 | O::LD3 | O::LD4 => (Read, size(0)),
            O::ST1 | O::ST2 | O::ST3 | O::ST4 => (Write, size(0)),
            // One element for each register, whatever it is spread over.
            O::LD1R | O::LD2R | O::LD3R | O::LD4R => match operands.first() {
                Some(Operand::SIMDRegisterGroup(_, _, element, count)) => {
                    (Read, bytes(*element).saturating_mul(u64::from(*count)))
                }
                _ => (Read, 0),
            },
            // Tags are kept elsewhere: what is checked is the address.
            O::LDG | O::LDGM => (Read, 0),
            O::STG | O::STZG => (Write, 16),
            O::ST2G | O::STZ2G => (Write, 32),
            O::STGM | O::STZGM => (Write, 0),
            _ => return None,
        })
    }
}

fn part(arch: Arch, number: u16, value: Option<u64>) -> Part {
    let number = Register(number);
    Part { name: arch.register_name(number).unwrap_or("?"), number: Some(number), value, sigil: "" }
}

/// The value of a register that is no base: number 31 is zero.
fn value_of(number: u16, get: Values<'_>) -> Option<u64> {
    if number == SP { Some(0) } else { get(Register(number)) }
}

/// Bytes that an operand takes in memory; 0: it takes none.
pub(super) fn width(operand: &Operand) -> u64 {
    let general = |size: SizeCode| if size == SizeCode::X { 8_u64 } else { 4 };
    match *operand {
        Operand::Register(size, _) | Operand::RegisterOrSP(size, _) => general(size),
        Operand::RegisterPair(size, _) => general(size).saturating_mul(2),
        Operand::SIMDRegister(size, _) => bytes(size),
        Operand::SIMDRegisterGroup(vector, _, _, count) => {
            bytes(vector).saturating_mul(u64::from(count))
        }
        Operand::SIMDRegisterGroupLane(_, element, count, _) => {
            bytes(element).saturating_mul(u64::from(count))
        }
        _ => 0,
    }
}

fn bytes(size: SIMDSizeCode) -> u64 {
    match size {
        SIMDSizeCode::B => 1,
        SIMDSizeCode::H => 2,
        SIMDSizeCode::S => 4,
        SIMDSizeCode::D => 8,
        SIMDSizeCode::Q => 16,
    }
}

/// An index register as an address takes it (Arm ARM, shared pseudocode
/// `ExtendReg`).
fn extended(value: u64, extend: ShiftStyle) -> u64 {
    match extend {
        ShiftStyle::UXTW => value & 0xffff_ffff,
        ShiftStyle::SXTW => i64::from((value as u32).cast_signed()).cast_unsigned(),
        _ => value,
    }
}
