//! What the code behind a call does next with a lock whose address it states: it
//! unlocks what it has, and locks what it has not.
//!
//! Code is read straight on from the return address, without following
//! branches, so this is evidence and no proof.

use iced_x86::{Code, Mnemonic, OpKind};

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::instruction::Instruction;
use crate::symbols::Symbols;

/// Bytes behind a call that are read.
const MOST_BYTES: usize = 1 << 10;

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

/// The addresses that the code from `at` on states, each with what is first done
/// with it; those that `is_wanted` refuses are left out.
pub(super) fn next_uses(
    memory: &dyn Memory,
    symbols: &Symbols<'_>,
    at: RunAddr,
    is_wanted: impl Fn(u64) -> bool,
) -> Vec<(u64, Use)> {
    let mut code = vec![0; MOST_BYTES];
    let got = memory.read(at, &mut code);
    let all = Instruction::decode_all(at, code.get(..got).unwrap_or_default());
    let mut found: Vec<(u64, Use)> = Vec::new();
    for (number, instruction) in all.iter().enumerate() {
        // Padding lies between functions.
        if matches!(instruction.raw().code(), Code::Int3) {
            break;
        }
        let Some(address) = stated(instruction).into_iter().find(|it| is_wanted(*it)) else {
            continue;
        };
        if found.iter().any(|(known, _)| *known == address) {
            continue;
        }
        let later = all.get(number..).unwrap_or_default();
        found.push((address, used(memory, symbols, instruction, later)));
    }
    found
}

/// Addresses that an instruction has in itself.
fn stated(instruction: &Instruction) -> Vec<u64> {
    let raw = instruction.raw();
    let mut found = Vec::new();
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
    match instruction.raw().mnemonic() {
        // Rust's locks are inlined: a swap gives one back, a comparison takes it.
        Mnemonic::Xchg | Mnemonic::Xadd => return Use::Unlock,
        Mnemonic::Cmpxchg => return Use::Lock,
        _ => (),
    }
    let call = later.iter().take(TO_CALL).find(|it| it.is_call());
    let name = call.and_then(|call| called(memory, symbols, call));
    match name {
        Some(name) if name.contains("unlock") => Use::Unlock,
        Some(name) if name.contains("lock") => Use::Lock,
        _ => Use::Other,
    }
}

/// The name of the function that a call leads to, if the code states it.
fn called(memory: &dyn Memory, symbols: &Symbols<'_>, call: &Instruction) -> Option<String> {
    let raw = call.raw();
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

    #[test]
    fn addresses_in_code() {
        let decode = |bytes: &[u8]| Instruction::decode(RunAddr(0x1000), bytes).unwrap();
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
