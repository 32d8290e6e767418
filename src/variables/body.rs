//! Registers that the places of variables are counted from, as their compiler means
//! them.
//!
//! LLVM says of a function that its frame base is a register, and of its variables
//! how far they are from what that register holds in the function's body. GNU's
//! compilers say what is true at each instruction. Without optimization either says
//! that arguments are in the frame from the function's first instruction on, before
//! they were put there.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gimli::constants as dw;
use gimli::{Operation, Register};

use crate::base::addr::FrameAddr;
use crate::symbols::entries::Attributes;
use crate::unwind::body::{frame_pointer, stack_pointer};
use crate::unwind::frame::Frame;
use crate::variables::location::Activation;
use crate::variables::place::Place;

/// More operations than this are not looked at.
const MOST_OPERATIONS: usize = 200;

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// Whether the function was about to make its frame, so that nothing was yet in
    /// the place of a variable that has but one, there.
    pub(super) fn has_not_begun(
        &self,
        variable: &Attributes<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> bool {
        let Some(frame) = self.frame().filter(|frame| matches!(frame.at, FrameAddr::Pc(_))) else {
            return false;
        };
        // What lies above was put there by the caller.
        let is_own = place.address().zip(frame.cfa).is_some_and(|(at, cfa)| at < cfa);
        is_own
            && self.is_in_frame(variable)
            && self
                .subprogram
                .attributes()
                .and_then(|function| {
                    let start = function.entry_pc()?;
                    let first = function.first_statement()?;
                    Some((start..first.0).contains(&self.at.0))
                })
                .unwrap_or(false)
    }

    /// Whether one expression says where a variable is at all times, and counts from
    /// the frame.
    fn is_in_frame(&self, variable: &Attributes<'a, 'f>) -> bool {
        let origins = variable.origins();
        let located = origins.iter().find_map(|origin| {
            let location = origin.expression(dw::DW_AT_location)?;
            Some(location.operations(origin.entry.unit.unit.encoding()))
        });
        let Some(mut operations) = located else { return false };
        for _ in 0..MOST_OPERATIONS {
            match operations.next() {
                Ok(Some(
                    Operation::FrameOffset { .. }
                    | Operation::RegisterOffset { .. }
                    | Operation::CallFrameCFA,
                )) => return true,
                Ok(Some(_)) => (),
                _ => break,
            }
        }
        false
    }

    /// What a location of this function means by a register of its frame, which
    /// holds `now`.
    pub(super) fn as_meant(
        &self,
        frame: &Frame,
        register: Register,
        now: u64,
    ) -> Result<u64, String> {
        let arch = frame.registers.arch();
        let is_stack = register == arch.stack_pointer();
        if !is_stack && register != arch.frame_pointer() {
            return Ok(now);
        }
        match self.base_register() {
            Some(_) if is_stack => (),
            Some(base) if base == register => {
                let found = frame_pointer(self.context.symbols, frame);
                return found.map_err(str::to_owned);
            }
            _ => return Ok(now),
        }
        let of_body = || stack_pointer(self.context.symbols, self.context.memory, frame);
        match *self.body.get_or_init(of_body) {
            // What was passed may have been computed before or after arguments were
            // pushed.
            Ok(body) if self.is_passing && body != now => {
                Err("its caller's stack pointer moved while it made the call".to_owned())
            }
            Ok(body) => Ok(body),
            Err(why) => Err(why.to_owned()),
        }
    }

    /// The register that is the frame base of the function.
    fn base_register(&self) -> Option<Register> {
        let location = self.subprogram.attributes()?.get(dw::DW_AT_frame_base)?;
        let mut operations =
            location.exprloc_value()?.operations(self.subprogram.unit.unit.encoding());
        match (operations.next(), operations.next()) {
            (Ok(Some(Operation::Register { register })), Ok(None)) => Some(register),
            _ => None,
        }
    }
}
