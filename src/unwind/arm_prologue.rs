//! Frames of the 32-bit Arm without tables, from what the first instructions of
//! the function do.
//!
//! Functions that never return, as `abort`, are marked as not to be unwound. They
//! save nothing but what they need themselves, so that in their callers all other
//! registers are unknown.
//! Source: Arm Architecture Reference Manual for Armv7-A, "PUSH", "VPUSH", "SUB
//! (SP minus immediate)", "ADD (SP plus immediate)", in Thumb and Arm encodings.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::{Encoding, Format, Register};

use crate::base::data_model::ByteOrder;
use crate::unwind::cfi::{Cfa, Row, Rule};

/// Bytes of a function that are looked at.
pub(super) const LONGEST: usize = 64;

const SP: u16 = 13;
const LR: u16 = 14;

/// What the instructions so far have done.
#[derive(Debug, Default)]
struct Prologue {
    /// How far the stack pointer has moved down.
    depth: i64,
    /// Registers that were pushed, and how far below the frame's start.
    pushed: Vec<(u16, i64)>,
    /// A frame pointer, and how far below the frame's start it points.
    frame_pointer: Option<(u16, i64)>,
}

/// What an instruction means for the scan.
enum Meaning {
    /// It belongs to the prologue, or may stand in it.
    Goes,
    /// The prologue has ended.
    Ends,
}

/// The row of a function whose instructions up to the pc are `code`. `None`:
/// they save no return address.
pub(super) fn row<'f>(code: &[u8], order: ByteOrder) -> Option<Row<'f>> {
    let saves = |it: &Prologue| it.pushed.iter().any(|(register, _)| *register == LR);
    // A word of Arm that pushes is none in Thumb, whose first half would come last.
    let found =
        Some(arm(code, order)).filter(saves).or_else(|| Some(thumb(code, order)).filter(saves));
    found.map(Prologue::row)
}

/// In Thumb: halves, the first of which tells whether there is a second.
fn thumb(code: &[u8], order: ByteOrder) -> Prologue {
    let (halves, _rest) = code.as_chunks::<2>();
    let mut halves = halves.iter().map(|bytes| order.number(bytes));
    let mut found = Prologue::default();
    while let Some(first) = halves.next() {
        let is_wide = first & 0xe000 == 0xe000 && first & 0x1800 != 0;
        let meaning = match is_wide {
            true => match halves.next() {
                Some(second) => found.wide(first, second),
                None => break,
            },
            false => found.narrow(first),
        };
        if let Meaning::Ends = meaning {
            break;
        }
    }
    found
}

/// In Arm: words.
fn arm(code: &[u8], order: ByteOrder) -> Prologue {
    let (words, _rest) = code.as_chunks::<4>();
    let mut found = Prologue::default();
    for word in words {
        let word = order.number(word);
        match word {
            // push {...}; str rX, [sp, #-4]!
            _ if word & 0xffff_0000 == 0xe92d_0000 => found.push(word & 0xffff),
            _ if word & 0xffff_0fff == 0xe52d_0004 => found.push(1 << (word >> 12 & 0xf)),
            // vpush {d8, ...}
            _ if word & 0xffff_0f00 == 0xed2d_0b00 => found.lower(word & 0xff),
            // sub sp, sp, #imm; add fp, sp, #imm
            _ if word & 0xffff_f000 == 0xe24d_d000 => {
                found.move_down(rotated(word & 0xff, word >> 8 & 0xf));
            }
            _ if word & 0xffff_f000 == 0xe28d_b000 => {
                found.point(11, rotated(word & 0xff, word >> 8 & 0xf));
            }
            // Branches, and what writes the pc.
            _ if word & 0x0e00_0000 == 0x0a00_0000 || word & 0x0fff_fff0 == 0x012f_ff10 => break,
            _ => (),
        }
    }
    found
}

/// An Arm constant: eight bits, rotated right by twice the other field.
fn rotated(bits: u64, by: u64) -> i64 {
    let value = u32::try_from(bits).unwrap_or(0);
    let by = u32::try_from(by).unwrap_or(0).wrapping_mul(2);
    i64::from(value.rotate_right(by))
}

impl Prologue {
    /// A 16-bit instruction of Thumb.
    fn narrow(&mut self, half: u64) -> Meaning {
        match half {
            // push {r0-r7, lr}
            _ if half & 0xfe00 == 0xb400 => {
                self.push(half & 0xff | (half >> 8 & 1) << 14);
            }
            // sub sp, #imm
            _ if half & 0xff80 == 0xb080 => self.lower(half & 0x7f),
            // add r7, sp, #imm; mov r7, sp
            _ if half & 0xff00 == 0xaf00 => {
                self.point(7, i64::try_from((half & 0xff).wrapping_mul(4)).unwrap_or(0));
            }
            0x466f => self.point(7, 0),
            // b, bx, cbz, pop
            _ if half & 0xf000 == 0xd000
                || half & 0xf800 == 0xe000
                || half & 0xff00 == 0x4700
                || half & 0xf500 == 0xb100
                || half & 0xfe00 == 0xbc00 =>
            {
                return Meaning::Ends;
            }
            _ => (),
        }
        Meaning::Goes
    }

    /// A 32-bit instruction of Thumb.
    fn wide(&mut self, first: u64, second: u64) -> Meaning {
        match first {
            // push.w {...}
            0xe92d => self.push(second),
            // str.w rX, [sp, #-4]!
            0xf84d if second & 0x0fff == 0x0d04 => self.push(1 << (second >> 12 & 0xf)),
            // vpush {d8, ...}
            0xed2d if second & 0x0f00 == 0x0b00 => self.lower(second & 0xff),
            // sub.w sp, sp, #imm; subw sp, sp, #imm
            _ if first & 0xfbff == 0xf1ad && second & 0x8f00 == 0x0d00 => {
                self.move_down(expanded(first >> 10 & 1, second >> 12 & 7, second & 0xff));
            }
            _ if first & 0xfbff == 0xf2ad && second & 0x8f00 == 0x0d00 => {
                let bits = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff;
                self.move_down(i64::try_from(bits).unwrap_or(0));
            }
            // b.w, bl, blx, pop.w
            _ if first & 0xf800 == 0xf000 && second & 0x8000 != 0 => return Meaning::Ends,
            0xe8bd => return Meaning::Ends,
            _ => (),
        }
        Meaning::Goes
    }

    /// Pushes the registers of a mask, the lowest one at the lowest address.
    fn push(&mut self, mask: u64) {
        for register in (0..16_u16).rev().filter(|register| mask >> register & 1 == 1) {
            self.depth = self.depth.saturating_add(4);
            self.pushed.push((register, self.depth));
        }
    }

    /// Moves the stack pointer down by words.
    fn lower(&mut self, words: u64) {
        self.move_down(i64::try_from(words.wrapping_mul(4)).unwrap_or(0));
    }

    fn move_down(&mut self, bytes: i64) {
        self.depth = self.depth.saturating_add(bytes);
    }

    /// Makes a register a frame pointer, so far above the stack pointer.
    fn point(&mut self, register: u16, above: i64) {
        self.frame_pointer = Some((register, self.depth.saturating_sub(above)));
    }

    fn row<'f>(self) -> Row<'f> {
        let mut rules = vec![Rule::Undefined; 16];
        if let Some(rule) = rules.get_mut(usize::from(SP)) {
            *rule = Rule::Unstated;
        }
        for (register, below) in &self.pushed {
            // r0 to r3 are pushed to keep arguments, or for alignment.
            if let Some(rule) = rules.get_mut(usize::from(*register)).filter(|_| *register > 3) {
                *rule = Rule::Offset(below.saturating_neg());
            }
        }
        let (register, distance) = self.frame_pointer.unwrap_or((SP, self.depth));
        Row {
            cfa: Cfa::Register(Register(register), distance),
            rules,
            return_address: Register(LR),
            is_signal_frame: false,
            encoding: Encoding { format: Format::Dwarf32, version: 4, address_size: 4 },
        }
    }
}

/// Thumb's constants of one byte: as it is, or rotated. Patterns of repeated
/// bytes do not occur in sizes of frames.
fn expanded(i: u64, imm3: u64, imm8: u64) -> i64 {
    let by = i << 4 | imm3 << 1 | imm8 >> 7;
    if by < 8 {
        return i64::try_from(imm8).unwrap_or(0);
    }
    let value = u32::try_from(imm8 | 0x80).unwrap_or(0);
    i64::from(value.rotate_right(u32::try_from(by).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prologues() {
        // Encodings from the assembler; base register, distance of the frame's
        // start from it, place of the return address.
        let cases: &[(&str, &[u16], Option<(u16, i64, i64)>)] = &[
            (
                "push {r7, lr}; sub sp, #8; add r7, sp, #0",
                &[0xb580, 0xb082, 0xaf00],
                Some((7, 16, -4)),
            ),
            ("push {r4, lr}; movs r0, #1", &[0xb510, 0x2001], Some((13, 8, -4))),
            ("push.w {r4-r8, lr}; sub sp, #16", &[0xe92d, 0x41f0, 0xb084], Some((13, 40, -4))),
            ("push {r3, lr}; sub.w sp, sp, #1024", &[0xb508, 0xf5ad, 0x6d80], Some((13, 1032, -4))),
            ("str.w lr, [sp, #-4]!; b", &[0xf84d, 0xed04, 0xe7fe, 0xb084], Some((13, 4, -4))),
            ("push {r4}: no return address", &[0xb410, 0xb082], None),
            ("mov r5, r2; push {r7, lr}", &[0x4615, 0xb580], Some((13, 8, -4))),
            ("b; push {r7, lr}", &[0xe7fe, 0xb580], None),
        ];
        for (name, halves, want) in cases {
            let code: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
            let found = row(&code, ByteOrder::Little).map(|row| {
                let Cfa::Register(base, distance) = row.cfa else { panic!("{name}") };
                let Rule::Offset(back) = row.rules[14] else { panic!("{name}") };
                (base.0, distance, back)
            });
            assert_eq!(found, *want, "{name}");
        }
    }

    #[test]
    fn prologues_of_arm_code() {
        // push {fp, lr}; add fp, sp, #4; sub sp, sp, #8
        let words = [0xe92d_4800_u32, 0xe28d_b004, 0xe24d_d008];
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let row = row(&code, ByteOrder::Little).unwrap();
        assert!(matches!(row.cfa, Cfa::Register(Register(11), 4)), "{:?}", row.cfa);
        assert!(matches!(row.rules[11], Rule::Offset(-8)));
    }
}
