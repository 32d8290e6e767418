//! One step: from a frame and its row to the caller's registers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::Register;

use crate::base::addr::RunAddr;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::unwind::cfi::{Cfa, Row, Rule};
use crate::unwind::expression::evaluate;
use crate::unwind::registers::Registers;

/// What a step found.
#[derive(Debug)]
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

/// Applies `row` to a frame's registers.
///
/// A register without a rule keeps its value if the ABI makes the callee save
/// it, and is **unknown** otherwise: the callee was free to change it. The
/// exception is the stack pointer, which is the CFA. Source: DWARF 5, section
/// 6.4.1; System V psABI for AMD64, section 3.2.1.
pub(super) fn step(
    row: &Row<'_>,
    registers: &Registers,
    memory: &dyn Memory,
    limits: &Limits,
) -> Step {
    let arch = registers.arch();
    let expression = |expression: &gimli::Expression<_>, cfa| {
        evaluate(expression.clone(), row.encoding, cfa, registers, memory, limits)
    };
    let cfa = match &row.cfa {
        Cfa::Register(register, offset) => {
            registers.get(*register).map(|value| RunAddr(value).wrapping_add(*offset))
        }
        Cfa::Expression(place) => expression(place, None).map(RunAddr),
    };
    let Some(cfa) = cfa else { return Step::Unusable };

    let mut caller = Registers::unknown(arch);
    let mut missing = None;
    for (number, rule) in row.rules.iter().enumerate() {
        let register = Register(u16::try_from(number).unwrap_or(u16::MAX));
        let is_return_address = register == row.return_address;
        let mut word = |at: RunAddr| match memory.u64(at) {
            Ok(word) => Some(word),
            Err(unreadable) => {
                if is_return_address {
                    missing = Some(unreadable.at);
                }
                None
            }
        };
        let value = match rule {
            Rule::Unstated if register == arch.stack_pointer() => Some(cfa.0),
            Rule::Unstated if arch.is_callee_saved(register) => registers.get(register),
            Rule::Unstated => None,
            Rule::Undefined if is_return_address => return Step::Outermost(cfa),
            Rule::Undefined => None,
            Rule::SameValue => registers.get(register),
            Rule::Offset(offset) => word(cfa.wrapping_add(*offset)),
            Rule::ValOffset(offset) => Some(cfa.wrapping_add(*offset).0),
            Rule::Register(other) => registers.get(*other),
            Rule::Expression(place) => {
                expression(place, Some(cfa)).and_then(|at| word(RunAddr(at)))
            }
            Rule::ValExpression(value) => expression(value, Some(cfa)),
            Rule::Constant(value) => Some(*value),
        };
        caller.set(register, value);
    }
    match (caller.get(row.return_address), missing) {
        (Some(pc), _) => {
            caller.set(arch.return_address(), Some(pc));
            Step::Caller(cfa, caller)
        }
        (None, Some(at)) => Step::Missing(at),
        (None, None) => Step::Unusable,
    }
}
