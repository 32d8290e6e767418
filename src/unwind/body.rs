//! The stack pointer of a function's body: what it was between the prologue and
//! the epilogue.
//!
//! Compilers built on LLVM count the places of variables from there. In a call that
//! passes arguments on the stack, in the prologue and in the epilogue the register
//! holds something else, and what is read from it is another variable's memory.
//! Unwind tables tell how far the register has moved; where they are not enough, the
//! function's first instructions are.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::Register;

use crate::base::addr::{Bias, FrameAddr, LinkAddr};
use crate::base::arch::{Arch, Machine};
use crate::base::memory::Memory;
use crate::symbols::Symbols;
use crate::unwind::cfi::{Depth, ModuleCfi};
use crate::unwind::frame::Frame;
use crate::unwind::x86_prologue::{self, Made};

/// What is said where the register is not the body's.
const NOT_WHOLE: &str = "its function was making its frame, or had given it back";
const UNSURE: &str = "how far its stack pointer has moved for a call is not certain";
const NO_TABLE: &str = "no unwind table says how far its stack pointer has moved";
const NOT_KNOWN: &str = "the stack pointer is not known";

/// To what the psABIs align the stack at a call.
const ALIGNMENT: i64 = 16;

/// Large frames are made in steps of a page, each of which is touched.
const PAGE: i64 = 4096;

/// The stack pointer that the places of a frame's variables are counted from, or
/// why that is not certain.
pub fn stack_pointer(
    symbols: &Symbols<'_>,
    memory: &dyn Memory,
    frame: &Frame,
) -> Result<u64, &'static str> {
    let arch = frame.registers.arch();
    let register = arch.stack_pointer();
    let now = frame.registers.get(register).ok_or(NOT_KNOWN)?;
    let Some(code) = Code::of(symbols, frame) else {
        // Elsewhere nothing is pushed for a call.
        return if is_x86(arch) { Err(NO_TABLE) } else { Ok(now) };
    };
    let row = code.row().ok_or(NO_TABLE)?;
    match row.cfa {
        Some((base, depth)) if base == register => {
            let body = match is_x86(arch) {
                true => pushed_depth(&code, memory, arch, frame.at).ok_or(UNSURE)?,
                false => depths(&code.rows, register).max().unwrap_or(depth),
            };
            match depth.checked_sub(body) {
                Some(pushed) if pushed >= 0 => {
                    Ok(arch.model().cut(now.wrapping_add_signed(pushed)))
                }
                _ => Err(NOT_WHOLE),
            }
        }
        Some((base, distance)) if is_x86(arch) => {
            let word = i64::from(arch.register_size());
            let is_record = base == arch.frame_pointer() && distance == word.wrapping_mul(2);
            let base = frame.registers.get(base).filter(|_| is_record).ok_or(UNSURE)?;
            let made = code.frame_made(memory, arch).ok_or(UNSURE)?;
            // Places are counted from the frame pointer then, or from the register
            // that keeps it; a place in this one is where it is now, as that of an
            // array of variable length.
            if made.mask == u64::MAX || made.is_kept {
                return Ok(now);
            }
            let body = made.body(base).ok_or(UNSURE)?;
            if now <= body { Ok(body) } else { Err(NOT_WHOLE) }
        }
        None if is_x86(arch) => Err(UNSURE),
        _ => Ok(now),
    }
}

/// The frame pointer that the places of a frame's variables are counted from, or
/// why it is still, or again, the caller's.
pub fn frame_pointer(symbols: &Symbols<'_>, frame: &Frame) -> Result<u64, &'static str> {
    let arch = frame.registers.arch();
    let register = arch.frame_pointer();
    let now = frame.registers.get(register).ok_or("the frame pointer is not known")?;
    let is_told = is_x86(arch) || arch.machine == Machine::Aarch64;
    let code = is_told.then(|| Code::of(symbols, frame)).flatten();
    match code.and_then(|code| code.row()?.cfa) {
        Some((base, _)) if base == arch.stack_pointer() => Err(NOT_WHOLE),
        _ => Ok(now),
    }
}

fn is_x86(arch: Arch) -> bool {
    arch.is_x86_64() || arch.machine == Machine::I386
}

/// The code around a frame's pc that the tables describe in one piece.
struct Code {
    rows: Vec<Depth>,
    at: LinkAddr,
    bias: Bias,
}

impl Code {
    fn of(symbols: &Symbols<'_>, frame: &Frame) -> Option<Self> {
        let (_, module) = symbols.module_at(frame.at.lookup())?;
        let cfi = ModuleCfi::new(frame.registers.arch(), module.unwind_tables());
        let bias = module.bias();
        let at = frame.at.lookup().to_link(bias);
        let rows = cfi.depths(at, || module.debug_frame()).filter(|rows| !rows.is_empty())?;
        Some(Self { rows, at, bias })
    }

    fn row(&self) -> Option<&Depth> {
        let after = self.rows.partition_point(|row| row.start <= self.at);
        self.rows.get(after.checked_sub(1)?)
    }

    /// What the prologue, which begins with a frame pointer, has made.
    fn frame_made(&self, memory: &dyn Memory, arch: Arch) -> Option<Made> {
        let start = self.rows.first()?.start.to_run(self.bias);
        let mut code = [0; x86_prologue::LONGEST];
        let length = memory.read(start, &mut code);
        x86_prologue::frame(code.get(..length)?, arch.is_x86_64())
    }
}

/// Distances from the stack pointer to the frame's start, in the order of addresses.
fn depths(rows: &[Depth], sp: Register) -> impl Iterator<Item = i64> {
    let of = move |row: &Depth| row.cfa.filter(|(base, _)| *base == sp).map(|(_, depth)| depth);
    rows.iter().filter_map(of)
}

/// How far the body's stack pointer lies below the frame's start, where calls push
/// arguments.
fn pushed_depth(code: &Code, memory: &dyn Memory, arch: Arch, at: FrameAddr) -> Option<i64> {
    // `call` of the next instruction, for its address.
    let takes_pc = |row: &Depth| {
        let start = row.start.to_run(code.bias).wrapping_add(-5);
        let mut call = [0; 5];
        memory.read_exact(start, &mut call).is_ok() && call == [0xe8, 0, 0, 0, 0]
    };
    let rows: Vec<Depth> = match arch.machine {
        Machine::I386 => code.rows.iter().filter(|row| !takes_pc(row)).copied().collect(),
        _ => code.rows.clone(),
    };
    let has_called = matches!(at, FrameAddr::Return(_));
    body_depth(&rows, arch.stack_pointer(), i64::from(arch.register_size()), has_called)
}

fn body_depth(rows: &[Depth], sp: Register, entry: i64, has_called: bool) -> Option<i64> {
    // Where registers are kept is said at once, when the frame is whole; and first
    // of all in code that was moved away from its function.
    let most = rows.iter().map(|row| row.saved).max()?;
    if most > 0 {
        let row = rows.iter().find(|row| row.saved > 0)?;
        let (base, depth) = row.cfa?;
        return (row.saved == most && base == sp).then_some(depth);
    }
    // Else the frame is made by one instruction, before all that is pushed for calls.
    let made: Vec<i64> = depths(rows, sp).filter(|depth| *depth > entry).collect();
    let first = made.first().copied().unwrap_or(entry);
    let is_step = |depth: i64| depth.wrapping_sub(entry).rem_euclid(PAGE) == 0;
    let body = if first != entry && is_step(first) {
        let mut rest: Vec<i64> = made.iter().copied().filter(|depth| !is_step(*depth)).collect();
        rest.sort_unstable();
        rest.dedup();
        match rest.as_slice() {
            [] => made.iter().copied().max()?,
            [last] => *last,
            // Which of them is the frame's last step is not known.
            _ => return None,
        }
    } else {
        first
    };
    // A function that calls others has aligned the stack.
    (!has_called || body.rem_euclid(ALIGNMENT) == 0).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SP: Register = Register(7);
    const FP: Register = Register(6);

    fn rows(rows: &[(Register, i64, usize)]) -> Vec<Depth> {
        let row = |(at, (base, depth, saved)): (usize, &(Register, i64, usize))| Depth {
            start: LinkAddr(at as u64),
            cfa: Some((*base, *depth)),
            saved: *saved,
        };
        rows.iter().enumerate().map(row).collect()
    }

    #[test]
    fn bodies() {
        // Base of the frame's start, its distance, how many registers are kept there.
        type Rows = [(Register, i64, usize)];
        let cases: &[(&str, &Rows, Option<i64>)] = &[
            ("no frame", &[(SP, 8, 0)], None),
            ("one step", &[(SP, 8, 0), (SP, 32, 0), (SP, 8, 0)], Some(32)),
            ("one step, then arguments", &[(SP, 8, 0), (SP, 32, 0), (SP, 40, 0)], Some(32)),
            (
                "registers are kept, then arguments are pushed",
                &[(SP, 8, 0), (SP, 16, 0), (SP, 24, 0), (SP, 48, 2), (SP, 56, 2), (SP, 64, 2)],
                Some(48),
            ),
            ("registers are kept step by step", &[(SP, 8, 0), (SP, 16, 1), (SP, 24, 2)], None),
            ("moved away from its function", &[(SP, 48, 2), (SP, 56, 2), (SP, 64, 2)], Some(48)),
            ("pages", &[(SP, 8, 0), (SP, 4104, 0), (SP, 8200, 0), (SP, 9008, 0)], Some(9008)),
            ("pages in a loop", &[(SP, 8, 0), (FP, 40968, 0), (SP, 40968, 0), (SP, 41008, 0)], {
                Some(41008)
            }),
            (
                "pages, then a step or an argument",
                &[(SP, 8, 0), (SP, 4104, 0), (SP, 4112, 0), (SP, 4120, 0)],
                None,
            ),
            ("a call with a stack that is not aligned", &[(SP, 8, 0), (SP, 24, 0)], None),
            ("a frame pointer's rows", &[(SP, 8, 0), (SP, 16, 1), (FP, 16, 1)], Some(16)),
        ];
        for (name, shape, want) in cases {
            assert_eq!(body_depth(&rows(shape), SP, 8, true), *want, "{name}");
        }
        let leaf = rows(&[(SP, 8, 0), (SP, 24, 0), (SP, 8, 0)]);
        assert_eq!(body_depth(&leaf, SP, 8, false), Some(24), "a leaf need not align");
    }
}
