//! The return address in the link register, for innermost functions without
//! tables.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::code::{Return, is_return};
use crate::unwind::frame::Trust;
use crate::unwind::registers::Registers;

/// The caller, if the function in which `registers` are has called nobody and
/// made no frame. That it has not is a guess: the register keeps the address of
/// an earlier call otherwise.
pub(super) fn caller(
    process: &Process<'_>,
    memory: &dyn Memory,
    registers: &Registers,
) -> Option<(Registers, Trust)> {
    let arch = registers.arch();
    let back = registers.code_address(registers.get(arch.link_register()?)?);
    let pc = registers.pc()?;
    // Not into the function itself: then it has made a call already.
    let is_elsewhere = process.module(pc).is_none() || back.abs_diff(pc.0) > 4096;
    if !is_elsewhere || is_return(process, memory, RunAddr(back)) != Return::AfterCall {
        return None;
    }
    let mut caller = registers.unknown_of_thread();
    caller.set(arch.stack_pointer(), registers.sp().map(|sp| sp.0));
    caller.set(arch.frame_pointer(), registers.fp().map(|fp| fp.0));
    caller.set(arch.program_counter(), Some(back));
    Some((caller, Trust::Scan))
}
