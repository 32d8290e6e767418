//! The chain of frame pointers, for code without tables.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::code::{Return, is_return};
use crate::unwind::registers::Registers;

/// The caller's registers, if the frame pointer's register holds a frame
/// pointer: it points up the stack, at a saved frame pointer with a return
/// address above. Registers that the function may have saved and changed are
/// unknown in the caller; pc, sp and the frame pointer are all that is certain.
///
/// Source: System V psABI for AMD64, section 3.2.2, figure 3.3.
pub(super) fn caller(
    process: &Process<'_>,
    memory: &dyn Memory,
    registers: &Registers,
) -> Option<Registers> {
    /// No compiler makes a frame larger than the usual stack.
    const LARGEST: u64 = 8 << 20;
    let (fp, sp) = (registers.fp()?, registers.sp()?);
    let distance = fp.0.checked_sub(sp.0)?;
    if distance > LARGEST || fp.0 % 8 != 0 {
        return None;
    }
    let saved = memory.u64(fp).ok()?;
    let back = RunAddr(memory.u64(fp.checked_add(8)?).ok()?);
    // The saved pointer leads further up, or is zero at the end of the chain.
    if saved != 0 && saved <= fp.0 || is_return(process, memory, back) == Return::No {
        return None;
    }
    let arch = registers.arch();
    let mut caller = Registers::unknown(arch);
    caller.set(arch.frame_pointer(), Some(saved));
    caller.set(arch.stack_pointer(), Some(fp.checked_add(16)?.0));
    caller.set(arch.return_address(), Some(back.0));
    Some(caller)
}
