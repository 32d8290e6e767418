//! Expressions in call frame information.

use gimli::{Encoding, EvaluationResult, Expression, Location, Piece, Value};

use crate::base::addr::RunAddr;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::symbols::dwarf::Reader;
use crate::unwind::registers::Registers;

/// Evaluates a CFA or register expression in the frame that has `registers`.
/// `cfa` is on the stack at the start, as DWARF wants for register rules.
///
/// Returns the address or value on top of the stack; nothing when a register
/// or a word of memory is missing, or when the expression does not end within
/// the limit. Source: DWARF 5, sections 2.5.1 and 6.4.2.
pub(super) fn evaluate(
    expression: Expression<Reader<'_>>,
    encoding: Encoding,
    cfa: Option<RunAddr>,
    registers: &Registers,
    memory: &dyn Memory,
    limits: &Limits,
) -> Option<u64> {
    let mut evaluation = expression.evaluation(encoding);
    evaluation.set_max_iterations(limits.expression_steps);
    if let Some(cfa) = cfa {
        evaluation.set_initial_value(cfa.0);
    }
    let mut result = evaluation.evaluate().ok()?;
    loop {
        result = match result {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = registers.get(register)?;
                evaluation.resume_with_register(Value::Generic(value)).ok()?
            }
            EvaluationResult::RequiresMemory { address, size, .. } => {
                let mut word = [0; 8];
                let wanted = word.get_mut(..usize::from(size))?;
                memory.read_exact(RunAddr(address), wanted).ok()?;
                let value = memory.model().order.number(wanted);
                evaluation.resume_with_memory(Value::Generic(value)).ok()?
            }
            EvaluationResult::RequiresCallFrameCfa => {
                evaluation.resume_with_call_frame_cfa(cfa?.0).ok()?
            }
            // Nothing else may occur in call frame information.
            _ => return None,
        };
    }
    match evaluation.result().as_slice() {
        [Piece { location: Location::Address { address }, size_in_bits: None, .. }] => {
            Some(*address)
        }
        [Piece { location: Location::Value { value: Value::Generic(value) }, .. }] => Some(*value),
        _ => None,
    }
}
