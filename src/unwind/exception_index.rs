//! The unwind tables of the 32-bit Arm: `.ARM.exidx` and `.ARM.extab`.
//!
//! Source: Exception Handling ABI for the Arm Architecture, sections 6 "Index
//! table entries", 7 "Exception handling table entries" and 10.3 "Frame unwinding
//! instructions".
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::{Encoding, Format, Register};

use crate::base::addr::LinkAddr;
use crate::base::arch::{self, Arch};
use crate::base::data_model::ByteOrder;
use crate::symbols::module::UnwindTables;
use crate::unwind::cfi::{Cfa, Row, Rule};

/// The tables of one module.
pub(super) struct ExceptionIndex<'f> {
    order: ByteOrder,
    index: (LinkAddr, &'f [[u8; 8]]),
    /// `.ARM.extab`, if the module has one.
    table: Option<(LinkAddr, &'f [u8])>,
}

/// An index entry of a function that cannot be unwound. Linkers write it for
/// functions without tables, too, so that it does not tell the end of a stack.
const CANNOT_UNWIND: u32 = 1;

/// Words of unwinding instructions that are read for one function.
const MOST_WORDS: u32 = 64;

const SP: u16 = 13;
const LR: u16 = 14;
const PC: u16 = 15;

impl<'f> ExceptionIndex<'f> {
    /// Prepares the tables. `None`: another architecture, or there are none.
    pub(super) fn new(arch: Arch, tables: &UnwindTables<'f>) -> Option<Self> {
        let (start, bytes) = tables.exidx.filter(|_| arch.machine == arch::Machine::Arm)?;
        let (entries, _rest) = bytes.as_chunks::<8>();
        Some(Self { order: arch.order, index: (start, entries), table: tables.extab })
    }

    /// The row that holds in the whole body of the function at `at`, which is
    /// all that these tables describe.
    pub(super) fn row(&self, at: LinkAddr) -> Option<Row<'f>> {
        let (start, entries) = self.index;
        let place = |index: usize| {
            let skip = u64::try_from(index).ok()?.checked_mul(8)?;
            Some(LinkAddr(start.0.checked_add(skip)?))
        };
        let function = |index: usize| {
            let [a, b, c, d, ..] = *entries.get(index)?;
            relative(place(index)?, self.word([a, b, c, d]))
        };
        // Sorted by function; a damaged one is found wanting, not read twice.
        let (mut low, mut high) = (0, entries.len());
        while low < high {
            let middle = low.checked_add(high.checked_sub(low)?.checked_div(2)?)?;
            if function(middle)? <= at {
                low = middle.checked_add(1)?;
            } else {
                high = middle;
            }
        }
        let index = low.checked_sub(1)?;
        let [.., a, b, c, d] = *entries.get(index)?;
        let word = self.word([a, b, c, d]);
        if word == CANNOT_UNWIND {
            return None;
        }
        let instructions = if word & 0x8000_0000 != 0 {
            compact(word, |_| None)?
        } else {
            let own = LinkAddr(place(index)?.0.checked_add(4)?);
            self.listed(relative(own, word)?)?
        };
        Machine::run(&instructions)?.row()
    }

    /// The instructions of an entry in `.ARM.extab`.
    fn listed(&self, at: LinkAddr) -> Option<Vec<u8>> {
        let (start, bytes) = self.table?;
        let skip = usize::try_from(at.0.checked_sub(start.0)?).ok()?;
        let (words, _rest) = bytes.get(skip..)?.as_chunks::<4>();
        let word = |index: u32| words.get(usize::try_from(index).ok()?).map(|it| self.word(*it));
        let first = word(0)?;
        if first & 0x8000_0000 != 0 {
            return compact(first, |index| word(index.checked_add(1)?));
        }
        // A personality routine of its own; compilers then write how many more
        // words there are, and three instructions, into the next word.
        let head = word(1)?;
        let count = (head >> 24).min(MOST_WORDS);
        let mut found = bytes_of(head).into_iter().skip(1).collect::<Vec<u8>>();
        for index in 0..count {
            found.extend(bytes_of(word(index.checked_add(2)?)?));
        }
        Some(found)
    }

    fn word(&self, bytes: [u8; 4]) -> u32 {
        match self.order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// Where a word of 31 bits, relative to its own place, points to.
fn relative(place: LinkAddr, word: u32) -> Option<LinkAddr> {
    let distance = i64::from((word << 1).cast_signed() >> 1);
    Some(LinkAddr(place.0.checked_add_signed(distance)? & 0xffff_ffff))
}

/// The instructions of the compact model: `word`, whose bits 24 to 27 say how
/// many bytes of it are instructions, and the words that `more` lends.
fn compact(word: u32, more: impl Fn(u32) -> Option<u32>) -> Option<Vec<u8>> {
    let [_, count, _, _] = bytes_of(word);
    let (skip, words) = match (word >> 24) & 0x7f {
        0 => (1, 0),
        1 | 2 => (2, u32::from(count).min(MOST_WORDS)),
        _ => return None,
    };
    let mut found: Vec<u8> = bytes_of(word).into_iter().skip(skip).collect();
    for index in 0..words {
        found.extend(bytes_of(more(index)?));
    }
    Some(found)
}

/// Instructions begin in the most significant byte.
fn bytes_of(word: u32) -> [u8; 4] {
    word.to_be_bytes()
}

/// The machine that the instructions run on: where they have come so far.
#[derive(Default)]
struct Machine {
    /// The register from which `offset` counts.
    base: Option<u16>,
    /// The virtual stack pointer, relative to the base.
    offset: i64,
    /// Registers that were popped, and where from.
    popped: Vec<(u16, i64)>,
}

/// `field * size + rest`, in bytes.
fn scaled(field: u8, size: i64, rest: i64) -> i64 {
    i64::from(field).saturating_mul(size).saturating_add(rest)
}

impl Machine {
    /// Runs the instructions. `None`: one of them makes no sense, or needs a
    /// register that was popped before.
    fn run(instructions: &[u8]) -> Option<Self> {
        let mut machine = Self::default();
        let mut rest = instructions.iter().copied();
        while let Some(code) = rest.next() {
            match code {
                0x00..=0x3f => machine.add(scaled(code & 0x3f, 4, 4))?,
                0x40..=0x7f => machine.add(scaled(code & 0x3f, 4, 4).saturating_neg())?,
                0x80..=0x8f => {
                    let mask = u16::from(code & 0xf) << 8 | u16::from(rest.next()?);
                    // Refused: no table is right for this function.
                    if mask == 0 {
                        return None;
                    }
                    machine.pop(
                        (0..12)
                            .filter(|bit| mask >> bit & 1 == 1)
                            .map(|bit: u16| bit.saturating_add(4)),
                    )?;
                }
                0x90..=0x9f => {
                    let register = u16::from(code & 0xf);
                    if register == SP || register == PC || !machine.popped.is_empty() {
                        return None;
                    }
                    (machine.base, machine.offset) = (Some(register), 0);
                }
                0xa0..=0xaf => {
                    let last = u16::from(code & 7).saturating_add(4);
                    let link = (code & 8 != 0).then_some(LR);
                    machine.pop((4..=last).chain(link))?;
                }
                0xb0 => break,
                0xb1 => {
                    let mask = rest.next().filter(|mask| *mask != 0 && *mask < 16)?;
                    machine.pop((0..4).filter(|bit| mask >> bit & 1 == 1))?;
                }
                0xb2 => {
                    let (mut number, mut shift) = (0_i64, 0_u32);
                    loop {
                        let byte = rest.next().filter(|_| shift < 28)?;
                        number |= i64::from(byte & 0x7f) << shift;
                        shift = shift.checked_add(7)?;
                        if byte & 0x80 == 0 {
                            break;
                        }
                    }
                    machine.add(number.saturating_mul(4).saturating_add(0x204))?;
                }
                // Registers of coprocessors, which are not followed.
                0xb3 => machine.add(count(rest.next()?).saturating_mul(8).saturating_add(4))?,
                0xb4 => machine.add(4)?,
                0xb8..=0xbf => machine.add(scaled(code & 7, 8, 12))?,
                0xc0..=0xc5 => machine.add(scaled(code & 7, 8, 8))?,
                0xc6 | 0xc8 | 0xc9 => machine.add(count(rest.next()?).saturating_mul(8))?,
                0xc7 => machine.add(i64::from(rest.next()?.count_ones()).saturating_mul(4))?,
                0xd0..=0xd7 => machine.add(scaled(code & 7, 8, 8))?,
                _ => return None,
            }
        }
        Some(machine)
    }

    fn add(&mut self, bytes: i64) -> Option<()> {
        self.offset = self.offset.checked_add(bytes)?;
        Some(())
    }

    fn pop(&mut self, registers: impl Iterator<Item = u16>) -> Option<()> {
        for register in registers {
            self.popped.push((register, self.offset));
            self.add(4)?;
        }
        Some(())
    }

    /// As a row: the canonical frame address is where the stack pointer ends up.
    fn row<'f>(self) -> Option<Row<'f>> {
        let mut rules = vec![Rule::Unstated; 16];
        let mut return_address = LR;
        for (register, at) in self.popped {
            let slot = rules.get_mut(usize::from(register))?;
            *slot = Rule::Offset(at.checked_sub(self.offset)?);
            if register == PC {
                return_address = PC;
            }
        }
        Some(Row {
            cfa: Cfa::Register(Register(self.base.unwrap_or(SP)), self.offset),
            rules,
            return_address: Register(return_address),
            is_signal_frame: false,
            encoding: Encoding { format: Format::Dwarf32, version: 4, address_size: 4 },
        })
    }
}

/// How many registers `sssscccc` names.
fn count(operand: u8) -> i64 {
    i64::from(operand & 0xf).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base register, the offset of the canonical frame address, and where
    /// registers are saved below that.
    type Frame = (u16, i64, Vec<(u16, i64)>);

    /// The stack pointer's distance from its base, and where registers are
    /// relative to its end.
    fn run(instructions: &[u8]) -> Option<Frame> {
        let row = Machine::run(instructions)?.row()?;
        let Cfa::Register(base, offset) = row.cfa else { return None };
        let of = |(number, rule): (u16, &Rule<'_>)| match rule {
            Rule::Offset(at) => Some((number, *at)),
            _ => None,
        };
        Some((base.0, offset, (0..).zip(&row.rules).filter_map(of).collect()))
    }

    #[test]
    fn instructions() {
        let cases: &[(&str, &[u8], Option<Frame>)] = &[
            ("finish", &[0xb0], Some((13, 0, vec![]))),
            ("vsp += 8", &[0x01, 0xb0], Some((13, 8, vec![]))),
            ("vsp -= 4", &[0x40, 0xb0], Some((13, -4, vec![]))),
            ("pop {r4, lr}", &[0xa8, 0xb0], Some((13, 8, vec![(4, -8), (14, -4)]))),
            ("pop {r4, r5}", &[0xa1], Some((13, 8, vec![(4, -8), (5, -4)]))),
            ("pop {r7, pc}", &[0x88, 0x08], Some((13, 8, vec![(7, -8), (15, -4)]))),
            (
                "vsp = r7; vsp += 16; pop {r7, lr}",
                &[0x97, 0x03, 0x84, 0x08],
                Some((7, 24, vec![(7, -8), (14, -4)])),
            ),
            ("pop {r0, r3}", &[0xb1, 0x09], Some((13, 8, vec![(0, -8), (3, -4)]))),
            ("vsp += 0x204 + 4 * 128", &[0xb2, 0x80, 0x01], Some((13, 0x404, vec![]))),
            ("pop {d8, d9}", &[0xd1], Some((13, 16, vec![]))),
            ("refuse", &[0x80, 0x00], None),
            ("reserved", &[0x9d], None),
            ("cut", &[0xb2, 0x80], None),
        ];
        for (name, code, want) in cases {
            assert_eq!(run(code), *want, "{name}");
        }
    }

    #[test]
    fn functions_are_found() {
        // At 0x1000: 0x100 with inline instructions, 0x200 that begins a
        // thread, 0x300 with instructions at 0x2000.
        let entry = |index: u32, function: u32, word: u32| {
            let place = 0x1000 + index * 8;
            [function.wrapping_sub(place) & 0x7fff_ffff, word].map(u32::to_le_bytes).concat()
        };
        let far = 0x2000_u32.wrapping_sub(0x1014) & 0x7fff_ffff;
        let index =
            [entry(0, 0x100, 0x80a8_b0b0), entry(1, 0x200, 1), entry(2, 0x300, far)].concat();
        let table = [0x8101_a1b0_u32, 0xb0b0_b0b0].map(u32::to_le_bytes).concat();
        let arch = Arch::from_elf(40, false, ByteOrder::Little, 0);
        let tables = UnwindTables {
            exidx: Some((LinkAddr(0x1000), &index)),
            extab: Some((LinkAddr(0x2000), &table)),
            ..UnwindTables::default()
        };
        let tables = ExceptionIndex::new(arch, &tables).unwrap();
        let offset = |at| match tables.row(LinkAddr(at))?.cfa {
            Cfa::Register(_, offset) => Some(offset),
            Cfa::Expression(_) => None,
        };
        assert_eq!(offset(0xff), None);
        assert_eq!(offset(0x1ff), Some(8));
        assert_eq!(offset(0x210), None);
        assert_eq!(offset(0x300), Some(8));
    }

    #[test]
    fn damaged_tables_do_not_panic() {
        let arch = Arch::from_elf(40, false, ByteOrder::Little, 0);
        for seed in 0..2000_u32 {
            let mut state = seed;
            let bytes: Vec<u8> = (0..64)
                .map(|_| {
                    state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
                    (state >> 16) as u8
                })
                .collect();
            let tables = UnwindTables {
                exidx: Some((LinkAddr(0x1000), &bytes)),
                extab: Some((LinkAddr(0x1040), &bytes)),
                ..UnwindTables::default()
            };
            let tables = ExceptionIndex::new(arch, &tables).unwrap();
            let _any = tables.row(LinkAddr(u64::from(seed) << 8));
            let _any = tables.listed(LinkAddr(0x1040 + u64::from(seed % 64)));
        }
    }
}
