//! A program counter that points at no code: a call or a return to nowhere.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::code::{Return, can_run, is_return};
use crate::unwind::frame::Trust;
use crate::unwind::registers::{Registers, read_register};

/// The frame that called or jumped to the bad address, if `registers` have
/// one, and the return address still lies on top of the stack, or in the link
/// register.
///
/// The call has put it there and nothing has run since, so all other registers
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
    let arch = registers.arch();
    let (back, caller_sp) = match arch.link_register() {
        Some(link) => (registers.get(link)?, sp),
        None => {
            let size = u64::from(arch.register_size());
            (read_register(arch, memory, sp).ok()?, sp.checked_add(size)?)
        }
    };
    let back = RunAddr(registers.code_address(back));
    let trust = match is_return(process, memory, back) {
        Return::AfterCall => Trust::Cfi,
        Return::InCode => Trust::Scan,
        Return::No => return None,
    };
    let mut caller = *registers;
    caller.set(arch.stack_pointer(), Some(caller_sp.0));
    caller.set(arch.program_counter(), Some(back.0));
    Some((caller, trust))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::tests::process;

    #[test]
    fn calls_to_nowhere() {
        let process = process(&[(0x1000, 0x2000, "r-x"), (0x3000, 0x4000, "rw-")]);
        // call *%rax at 0x1003, then its return address, 0x1005, on the stack
        // at 0x1008: one piece of memory serves as code and as stack.
        let stack =
            [&[0x90, 0x90, 0x90, 0xff, 0xd0, 0x90, 0x90, 0x90][..], &0x1005u64.to_le_bytes()]
                .concat();
        let stack = [&[0x90; 8][..], &stack[..]].concat();
        let memory = Bytes(0xff8, &stack);
        let cases = [
            ("null, after a call", 0, 0x1008, Some(Trust::Cfi)),
            ("data, after a call", 0x3010, 0x1008, Some(Trust::Cfi)),
            ("code is no bad pc", 0x1003, 0x1008, None),
            ("no return address on top", 0, 0x1000, None),
            ("no stack", 0, 0x9000, None),
        ];
        for (name, pc, sp, want) in cases {
            let arch = Arch::X86_64;
            let mut registers = Registers::unknown(arch);
            registers.set(arch.program_counter(), Some(pc));
            registers.set(arch.stack_pointer(), Some(sp));
            registers.set(gimli::Register(5), Some(7));
            let found = caller(&process, &memory, &registers);
            assert_eq!(found.map(|(_, trust)| trust), want, "{name}");
            if let Some((caller, _)) = found {
                assert_eq!(caller.sp(), Some(RunAddr(sp + 8)), "{name}");
                assert_eq!(caller.get(gimli::Register(5)), Some(7), "nothing has run since");
            }
        }
    }
}
