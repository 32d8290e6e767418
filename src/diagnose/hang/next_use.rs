//! What the code behind a call does next with a lock whose address it states: it
//! unlocks what it has, and locks what it has not.
//!
//! All ways that branches may take are followed for some instructions, so this
//! is evidence and no proof.

use std::collections::VecDeque;

use iced_x86::{Mnemonic, OpKind};

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::instruction::{Instruction, Isa};
use crate::symbols::Symbols;

/// Bytes of one straight piece of code that are read.
const MOST_BYTES: usize = 512;

/// Pieces, and instructions of all of them.
const MOST_BLOCKS: usize = 48;
const MOST_INSTRUCTIONS: usize = 600;

/// Branches that lead further leave the function.
const FAR: u64 = 16 << 10;

/// Instructions between an address and the call that it is passed to.
const TO_CALL: usize = 6;

/// What is done with a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is given back.
    Unlock,
    /// It is taken.
    Lock,
    /// It cannot be told.
    Other,
}

/// The addresses that the code from `at` on states, each with what is done with
/// it first, in a few steps; those that `is_wanted` refuses are left out.
pub(super) fn next_uses(
    memory: &dyn Memory,
    symbols: &Symbols<'_>,
    at: RunAddr,
    is_wanted: impl Fn(u64) -> bool,
) -> Vec<(u64, Use)> {
    let mut found: Vec<(u64, Use)> = Vec::new();
    for (number, steps) in blocks(memory, at).iter().flat_map(|block| {
        block.iter().enumerate().map(move |(number, _)| (number, block.as_slice()))
    }) {
        let later = steps.get(number..).unwrap_or_default();
        let Some(instruction) = later.first() else { continue };
        let Some(address) = stated(instruction).into_iter().find(|it| is_wanted(*it)) else {
            continue;
        };
        let used = used(memory, symbols, instruction, later);
        match found.iter_mut().find(|(known, _)| *known == address) {
            // The first use that tells something counts.
            Some((_, known)) if *known == Use::Other => *known = used,
            Some(_) => (),
            None => found.push((address, used)),
        }
    }
    found
}

/// Pieces of code that may run after `at`, the nearest first: each up to where
/// it does not fall through, then where its branches lead.
fn blocks(memory: &dyn Memory, at: RunAddr) -> Vec<Vec<Instruction>> {
    let mut known: Vec<(RunAddr, RunAddr)> = Vec::new();
    let mut queue = VecDeque::from([at]);
    let mut found = Vec::new();
    let mut left = MOST_INSTRUCTIONS;
    while let Some(start) = queue.pop_front() {
        if known.iter().any(|(from, to)| (*from..*to).contains(&start)) {
            continue;
        }
        let mut code = [0; MOST_BYTES];
        let got = memory.read(start, &mut code);
        let mut block =
            Instruction::decode_all(Isa::Amd64, start, code.get(..got).unwrap_or_default());
        let end = block.iter().position(|it| !it.falls_through());
        block.truncate(end.map_or(block.len(), |end| end.saturating_add(1)).min(left));
        left = left.saturating_sub(block.len());
        for instruction in &block {
            // Others lead to another function.
            if let Some(target) = instruction.branch_target()
                && target.0.abs_diff(at.0) < FAR
            {
                queue.push_back(target);
            }
        }
        known.push((start, block.last().map_or(start, Instruction::end)));
        found.push(block);
        if left == 0 || found.len() >= MOST_BLOCKS {
            break;
        }
    }
    found
}

/// Addresses that an instruction has in itself.
fn stated(instruction: &Instruction) -> Vec<u64> {
    let mut found = Vec::new();
    let Some(raw) = instruction.x86() else { return found };
    for operand in 0..raw.op_count() {
        match raw.op_kind(operand) {
            OpKind::Memory if raw.is_ip_rel_memory_operand() => {
                found.push(raw.ip_rel_memory_address());
            }
            OpKind::Memory => {
                use iced_x86::Register;
                if raw.memory_base() == Register::None && raw.memory_index() == Register::None {
                    found.push(raw.memory_displacement64());
                }
            }
            OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64 => {
                found.push(raw.immediate(operand));
            }
            _ => (),
        }
    }
    found
}

fn used(
    memory: &dyn Memory,
    symbols: &Symbols<'_>,
    instruction: &Instruction,
    later: &[Instruction],
) -> Use {
    match instruction.x86().map_or(Mnemonic::INVALID, |raw| raw.mnemonic()) {
        // Rust's locks are inlined: a swap gives one back, a comparison takes it.
        Mnemonic::Xchg | Mnemonic::Xadd => return Use::Unlock,
        Mnemonic::Cmpxchg => return Use::Lock,
        _ => (),
    }
    let call = later.iter().take(TO_CALL).find(|it| it.is_call());
    let name = call.and_then(|call| called(memory, symbols, call));
    match name {
        // The guard of a local static variable of C++ is given back when that is
        // initialized, or cannot be.
        Some(name)
            if ["unlock", "guard_release", "guard_abort"].iter().any(|it| name.contains(it)) =>
        {
            Use::Unlock
        }
        Some(name) if name.contains("lock") || name.contains("guard_acquire") => Use::Lock,
        _ => Use::Other,
    }
}

/// The name of the function that a call leads to, if the code states it.
fn called(memory: &dyn Memory, symbols: &Symbols<'_>, call: &Instruction) -> Option<String> {
    let raw = call.x86()?;
    let target = match call.is_indirect() {
        true if raw.is_ip_rel_memory_operand() => {
            memory.u64(RunAddr(raw.ip_rel_memory_address())).ok()?
        }
        true => return None,
        false => raw.near_branch_target(),
    };
    symbols.symbol_at(RunAddr(target)).map(|symbol| symbol.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn code_that_comes_next() {
        // 0x1000: je 0x1005; nop; nop; ret; 0x1005: nop; jmp 0x1000; never: nop
        let code: &[u8] = &[0x74, 0x03, 0x90, 0x90, 0xc3, 0x90, 0xeb, 0xf8, 0x90];
        let found = blocks(&Bytes(0x1000, code), RunAddr(0x1000));
        let starts: Vec<u64> = found.iter().filter_map(|it| Some(it.first()?.at.0)).collect();
        assert_eq!(starts, [0x1000, 0x1005]);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    }

    #[test]
    fn addresses_in_code() {
        let decode =
            |bytes: &[u8]| Instruction::decode(Isa::Amd64, RunAddr(0x1000), bytes).unwrap();
        // Encodings from the assembler.
        let cases: [(&str, &[u8], &[u64]); 4] = [
            // lea 0x2f9(%rip),%rdi
            ("relative", &[0x48, 0x8d, 0x3d, 0xf9, 0x02, 0, 0], &[0x1300]),
            // mov $0x404060,%edi
            ("absolute", &[0xbf, 0x60, 0x40, 0x40, 0], &[0x40_4060]),
            // xchg %eax,0x2fa(%rip)
            ("swapped", &[0x87, 0x05, 0xfa, 0x02, 0, 0], &[0x1300]),
            // mov (%rbx),%rdi
            ("through a register", &[0x48, 0x8b, 0x3b], &[]),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(stated(&decode(bytes)), want, "{name}");
        }
    }
}
