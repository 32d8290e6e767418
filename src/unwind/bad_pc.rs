//! A program counter that points at no code: a call or a return to nowhere.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::code::{Return, can_run, is_return};
use crate::unwind::frame::Trust;
use crate::unwind::registers::Registers;

/// The frame that called or jumped to the bad address, if `registers` have
/// one, and the return address still lies on top of the stack.
///
/// The call has pushed it and nothing has run since, so all other registers
/// are as they were at the call. After a call instruction this is as sure as a
/// table; where the code's bytes are not known it is a guess.
pub(super) fn caller(
    process: &Process<'_>,
    memory: &dyn Memory,
    registers: &Registers,
) -> Option<(Registers, Trust)> {
    let (pc, sp) = (registers.pc()?, registers.sp()?);
    if can_run(process, pc) {
        return None;
    }
    let back = RunAddr(memory.u64(sp).ok()?);
    let trust = match is_return(process, memory, back) {
        Return::AfterCall => Trust::Cfi,
        Return::InCode => Trust::Scan,
        Return::No => return None,
    };
    let arch = registers.arch();
    let mut caller = *registers;
    caller.set(arch.stack_pointer(), Some(sp.checked_add(8)?.0));
    caller.set(arch.return_address(), Some(back.0));
    Some((caller, trust))
}
