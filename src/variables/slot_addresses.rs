//! A defect of compilers: a variable that lives in a slot of the stack is said
//! to have the slot's address as its value.
//!
//! Seen with clang 14 from `-O1` on, for values that were spilled: `DW_OP_breg7
//! rsp+32; DW_OP_lit3; DW_OP_mul; DW_OP_stack_value`, where a `DW_OP_deref` is
//! missing after the first operation. Debuggers that believe it show a part of
//! an address as a number.

use gimli::Operation;
use gimli::constants as dw;

use crate::symbols::dwarf::Reader;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::types::{Shape, Type};
use crate::variables::location::Activation;

/// More operations than this are not looked at.
const MOST_OPERATIONS: usize = 200;

/// What is said of such a variable.
pub(super) const WHY: &str =
    "its location gives the address of a stack slot instead of the value that was there";

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// Whether the location of a variable that is no pointer computes its value
    /// from the stack pointer, and never looks into the stack.
    pub(super) fn takes_slot_for_value(
        &self,
        variable: &Attributes<'a, 'f>,
        of: &Type<'a, 'f>,
    ) -> bool {
        if !matches!(of.shape, Shape::Number(_) | Shape::Enumeration(_)) {
            return false;
        }
        let origins = variable.origins();
        let located = origins.iter().find_map(|origin| {
            origin.get(dw::DW_AT_location).map(|location| (origin.entry, location))
        });
        let Some((entry, location)) = located else { return false };
        let expression = self.expression_here(entry, location);
        expression.is_ok_and(|expression| self.is_slot(entry, expression))
    }

    fn is_slot(&self, entry: Entry<'a, 'f>, expression: gimli::Expression<Reader<'f>>) -> bool {
        let stack = self.context.process.arch.stack_pointer().0;
        let mut operations = expression.operations(entry.unit.unit.encoding());
        let (mut is_on_stack, mut is_value) = (false, false);
        for _ in 0..MOST_OPERATIONS {
            match operations.next() {
                Ok(Some(Operation::RegisterOffset { register, .. })) if register.0 == stack => {
                    is_on_stack = true;
                }
                // The difference of two addresses is a number: an index, say.
                Ok(Some(Operation::RegisterOffset { .. } | Operation::EntryValue { .. })) => {
                    return false;
                }
                Ok(Some(Operation::FrameOffset { .. } | Operation::CallFrameCFA)) => {
                    is_on_stack = true;
                }
                Ok(Some(Operation::StackValue)) => is_value = true,
                // What was read there may be anything.
                Ok(Some(
                    Operation::Deref { .. } | Operation::Piece { .. } | Operation::Call { .. },
                )) => return false,
                Ok(Some(_)) => (),
                Ok(None) => return is_on_stack && is_value,
                Err(_) => return false,
            }
        }
        false
    }
}
