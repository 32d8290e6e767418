//! The chain of frame pointers, for code without tables.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::arch::{Back, conventions};
use crate::unwind::code::{Return, is_return};
use crate::unwind::registers::{Registers, read_register};

/// The caller's registers, if the frame pointer's register holds a frame
/// pointer: it points up the stack, at a record with a saved frame pointer and a
/// return address. Registers that the function may have saved and changed are
/// unknown in the caller; pc, the frame pointer and, where the record tells it,
/// sp are all that is certain.
///
/// On PowerPC the stack pointers themselves are such a chain.
///
/// Source: the psABI of each architecture, as named in `arch/`.
pub(super) fn caller(
    process: &Process<'_>,
    memory: &dyn Memory,
    registers: &Registers,
) -> Option<Registers> {
    /// No compiler makes a frame larger than the usual stack.
    const LARGEST: u64 = 8 << 20;
    let arch = registers.arch();
    let record = conventions(arch).frame_record?;
    let size = u64::from(arch.register_size());
    let (fp, is_stack_chain) = match record.back {
        Back::Here(_) => (registers.fp()?, false),
        Back::Next(_) => (registers.sp()?, true),
    };
    if let Some(sp) = registers.sp() {
        let distance = fp.0.checked_sub(sp.0)?;
        if distance > LARGEST {
            return None;
        }
    }
    if fp.0.checked_rem(size)? != 0 {
        return None;
    }
    let word = |at: RunAddr| read_register(arch, memory, at).ok();
    let saved = word(fp.wrapping_add(record.saved))?;
    let back = match record.back {
        Back::Here(distance) => word(fp.wrapping_add(distance))?,
        Back::Next(distance) => word(RunAddr(saved).wrapping_add(distance))?,
    };
    let back = RunAddr(registers.code_address(back));
    // The saved pointer leads further up, or is zero at the end of the chain.
    if saved != 0 && saved <= fp.0 || is_return(process, memory, back) == Return::No {
        return None;
    }
    let mut caller = registers.unknown_of_thread();
    let caller_sp = record.caller_sp.map(|above| fp.wrapping_add(above).0);
    if is_stack_chain {
        caller.set(arch.stack_pointer(), Some(saved));
    } else {
        caller.set(arch.frame_pointer(), Some(saved));
        caller.set(arch.stack_pointer(), caller_sp);
    }
    caller.set(arch.program_counter(), Some(back.0));
    Some(caller)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::tests::process;

    #[test]
    fn chains() {
        // The code's bytes are not in memory, so any address in it may do.
        let process = process(&[(0x1000, 0x2000, "rw-"), (0x40_0000, 0x40_1000, "r-x")]);
        let cases = [
            ("a saved frame pointer and a return address", 0x1010, 0x1040, 0x40_0100, true),
            ("the last of the chain", 0x1010, 0, 0x40_0100, true),
            ("not aligned", 0x1011, 0x1040, 0x40_0100, false),
            ("below the stack pointer", 0xff8, 0x1040, 0x40_0100, false),
            ("far away", 0x7fff_0000, 0x1040, 0x40_0100, false),
            ("leads back", 0x1010, 0x1008, 0x40_0100, false),
            ("returns to data", 0x1010, 0x1040, 0x1800, false),
        ];
        for (name, fp, saved, back, want) in cases {
            let words: Vec<u8> =
                [0, 0, saved, back].iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
            let arch = Arch::X86_64;
            let mut registers = Registers::unknown(arch);
            registers.set(arch.frame_pointer(), Some(fp));
            registers.set(arch.stack_pointer(), Some(0x1000));
            registers.set(gimli::Register(3), Some(3));
            let caller = caller(&process, &Bytes(0x1000, &words), &registers);
            assert_eq!(caller.is_some(), want, "{name}");
            if let Some(caller) = caller {
                let found = (caller.pc(), caller.sp(), caller.get(gimli::Register(3)));
                assert_eq!(found, (Some(RunAddr(back)), Some(RunAddr(0x1020)), None), "{name}");
            }
        }
    }
}
