//! The last resort: words on the stack that look like return addresses.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::code::{Return, is_return};
use crate::unwind::registers::{Registers, read_register};

/// How many words are looked at. A frame without tables and without a frame
/// pointer is seldom larger, and every word further makes a false hit likelier.
const WORDS: u64 = 512;

/// The nearest word at or above the stack pointer that follows a call
/// instruction. A guess: it may be left over from an earlier call. Only pc
/// and sp of the caller are known.
pub(super) fn caller(
    process: &Process<'_>,
    memory: &dyn Memory,
    registers: &Registers,
) -> Option<Registers> {
    let sp = registers.sp()?;
    let arch = registers.arch();
    let size = u64::from(arch.register_size());
    let mut at = RunAddr(sp.0.checked_next_multiple_of(size)?);
    for _ in 0..WORDS {
        let word = read_register(arch, memory, at).ok()?;
        let word = RunAddr(registers.code_address(word));
        let next = at.checked_add(size)?;
        if is_return(process, memory, word) == Return::AfterCall {
            let mut caller = registers.unknown_of_thread();
            caller.set(arch.stack_pointer(), Some(next.0));
            caller.set(arch.program_counter(), Some(word.0));
            return Some(caller);
        }
        at = next;
    }
    None
}
