//! One step: from a frame and its row to the caller's registers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::unwind::cfi::{Cfa, Row, Rule};
use crate::unwind::expression::evaluate;
use crate::unwind::registers::{Registers, read_register};

/// What a step found.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and taken apart at once")]
pub(super) enum Step {
    /// The caller, and the canonical frame address of the callee.
    Caller(RunAddr, Registers),
    /// The row says that nobody called.
    Outermost(RunAddr),
    /// A word that the row needs is not in the dump.
    Missing(RunAddr),
    /// A register that the row needs is unknown, or an expression failed.
    Unusable,
}

/// Applies `row`, which is settled, to a frame's registers. One without a rule
/// is **unknown**.
///
/// Source: DWARF 5, section 6.4.1.
pub(super) fn step(
    row: &Row<'_>,
    registers: &Registers,
    memory: &dyn Memory,
    limits: &Limits,
) -> Step {
    let arch = registers.arch();
    // Sums wrap where addresses do.
    let address = |at: RunAddr| RunAddr(arch.model().cut(at.0));
    let expression = |expression: &gimli::Expression<_>, cfa| {
        evaluate(*expression, row.encoding, cfa, registers, memory, limits)
    };
    let cfa = match &row.cfa {
        Cfa::Register(register, offset) => {
            registers.get(*register).map(|value| address(RunAddr(value).wrapping_add(*offset)))
        }
        Cfa::Expression(place) => expression(place, None).map(RunAddr),
    };
    let Some(cfa) = cfa else { return Step::Unusable };

    let mut caller = registers.unknown_of_thread();
    let mut missing = None;
    for (register, rule) in arch.unwound_registers().zip(&row.rules) {
        let is_return_address = register == row.return_address;
        let mut word = |at: RunAddr| match read_register(arch, memory, at) {
            Ok(word) => Some(word),
            Err(unreadable) => {
                if is_return_address {
                    missing = Some(unreadable.at);
                }
                None
            }
        };
        let value = match rule {
            Rule::Unstated => None,
            Rule::BelowCfa(size) => Some(cfa.0.wrapping_sub(*size)),
            Rule::Undefined if is_return_address => return Step::Outermost(cfa),
            Rule::Undefined => None,
            Rule::SameValue => registers.get(register),
            Rule::Offset(offset) => word(address(cfa.wrapping_add(*offset))),
            Rule::ValOffset(offset) => Some(address(cfa.wrapping_add(*offset)).0),
            Rule::Register(other) => registers.get(*other),
            Rule::Expression(place) => {
                expression(place, Some(cfa)).and_then(|at| word(RunAddr(at)))
            }
            Rule::ValExpression(value) => expression(value, Some(cfa)),
            Rule::Constant(value) => Some(*value),
        };
        caller.set(register, value);
    }
    // Where what kept it is lost, the convention still tells.
    let sp = arch.stack_pointer();
    if arch.link_register().is_some() && !row.is_signal_frame && caller.get(sp).is_none() {
        caller.set(sp, Some(cfa.0.wrapping_sub(arch.cfa_above_sp())));
    }
    match (caller.get(row.return_address), missing) {
        (Some(pc), _) => {
            caller.set(arch.program_counter(), Some(pc));
            Step::Caller(cfa, caller)
        }
        (None, Some(at)) => Step::Missing(at),
        (None, None) => Step::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use gimli::Register;

    use super::*;
    use crate::base::arch::Arch;
    use crate::base::memory::tests::Bytes;

    const RDI: Register = Register(5);
    const RBX: Register = Register(3);
    const RSP: Register = Register(7);
    const RIP: Register = Register(16);

    /// A function that has pushed rbx: CFA = rsp + 16, the return address at
    /// CFA - 8, rbx at CFA - 16, and no word about the others.
    fn row(change: impl FnOnce(&mut Vec<Rule<'static>>)) -> Row<'static> {
        let mut rules = vec![Rule::Unstated; 17];
        rules[16] = Rule::Offset(-8);
        rules[3] = Rule::Offset(-16);
        change(&mut rules);
        Row {
            cfa: Cfa::Register(RSP, 16),
            rules,
            return_address: RIP,
            is_signal_frame: false,
            encoding: gimli::Encoding {
                format: gimli::Format::Dwarf32,
                version: 4,
                address_size: 8,
            },
        }
        .settled(Arch::X86_64)
    }

    fn registers() -> Registers {
        let mut registers = Registers::unknown(Arch::X86_64);
        for (register, value) in
            [(RDI, 5), (RBX, 3), (RSP, 0x1000), (RIP, 0x40_0000), (Register(6), 6)]
        {
            registers.set(register, Some(value));
        }
        registers
    }

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn registers_of_the_caller() {
        let stack = words(&[0xb0b, 0x40_1234]);
        let step = step(&row(|_| ()), &registers(), &Bytes(0x1000, &stack), &Limits::default());
        let Step::Caller(cfa, caller) = step else { panic!("{step:?}") };
        assert_eq!(cfa, RunAddr(0x1010));
        let cases = [
            ("the return address is the caller's pc", RIP, Some(0x40_1234)),
            ("the CFA is the caller's stack pointer", RSP, Some(0x1010)),
            ("rbx was saved", RBX, Some(0xb0b)),
            ("rbp is the callee's to keep, and has no rule", Register(6), Some(6)),
            ("rdi was the callee's to change", RDI, None),
            ("r12 was not known before", Register(12), None),
        ];
        for (name, register, want) in cases {
            assert_eq!(caller.get(register), want, "{name}");
        }
    }

    #[test]
    fn steps_that_lead_nowhere() {
        let none = Bytes(0, &[]);
        let limits = Limits::default();
        let missing = step(&row(|_| ()), &registers(), &none, &limits);
        assert!(matches!(missing, Step::Missing(RunAddr(0x1008))), "{missing:?}");
        let start = row(|rules| rules[16] = Rule::Undefined);
        let outermost = step(&start, &registers(), &none, &limits);
        assert!(matches!(outermost, Step::Outermost(RunAddr(0x1010))), "{outermost:?}");
        let unknown = Registers::unknown(Arch::X86_64);
        let unusable = step(&row(|_| ()), &unknown, &none, &limits);
        assert!(matches!(unusable, Step::Unusable), "{unusable:?}");
    }
}
