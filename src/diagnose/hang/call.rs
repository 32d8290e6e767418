//! The system call that a thread is in: its number and arguments, which the
//! kernel keeps in the thread's registers.

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::base::memory::Memory;
use crate::diagnose::crash::Crash;
use crate::diagnose::syscalls;

/// Bytes before a `syscall` instruction that are searched for the number that
/// they put into `%eax`.
const BEFORE: u64 = 32;

/// A system call that a thread is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Its number on the architecture of the process.
    pub number: u64,
    /// Its arguments, as far as it has any.
    pub arguments: [u64; 6],
}

/// The system call that the thread of this index is in. `None`: it is in none,
/// or its registers are not known.
pub fn system_call(crash: &Crash<'_, '_>, index: usize) -> Option<SystemCall> {
    let thread = crash.process.threads.get(index)?;
    let arch = crash.process.arch;
    let registers = thread.registers.as_ref()?;
    let number = registers.word(arch.syscall_index())?;
    // All ones: in none.
    i64::try_from(number).ok()?;
    let arguments = arguments(arch).map(|index| registers.word(index).unwrap_or(0));
    let is_restarted = syscalls::find(number) == Some("restart_syscall");
    let pc = || registers.word(arch.general_index(arch.return_address())?);
    let number = match is_restarted {
        // The arguments are still those of the call that is restarted.
        true => pc().and_then(|pc| asked_for(crash.memory, RunAddr(pc))).unwrap_or(number),
        false => number,
    };
    Some(SystemCall { number, arguments })
}

/// Which words of `pr_reg` are a system call's arguments: of `user_regs_struct`
/// rdi, rsi, rdx, r10, r8, r9.
fn arguments(arch: Arch) -> [usize; 6] {
    match arch {
        Arch::X86_64 => [14, 13, 12, 7, 9, 8],
    }
}

/// The number that the code before a `syscall` instruction puts into `%eax`:
/// `mov $imm32,%eax` is `b8` and four bytes. A restarted call stands at that
/// instruction again, any other one behind it.
fn asked_for(memory: &dyn Memory, pc: RunAddr) -> Option<u64> {
    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    /// Larger ones are no numbers of system calls.
    const MOST: u32 = 1024;
    let start = RunAddr(pc.0.checked_sub(BEFORE)?);
    let mut code = [0; BEFORE as usize];
    memory.read_exact(start, &mut code).ok()?;
    let end = code.windows(2).rposition(|pair| pair == SYSCALL).unwrap_or(code.len());
    let before = code.get(..end)?;
    before.windows(5).rev().find_map(|bytes| {
        let [0xb8, number @ ..] = bytes else { return None };
        let number = u32::from_le_bytes(number.try_into().ok()?);
        (number < MOST).then_some(u64::from(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn numbers_in_code() {
        let with = |tail: &[u8]| {
            let mut code = vec![0x90; BEFORE as usize];
            let start = code.len() - tail.len();
            code[start..].copy_from_slice(tail);
            code
        };
        // mov $0xca,%eax; xor %r10d,%r10d; syscall
        let futex = with(&[0xb8, 0xca, 0, 0, 0, 0x45, 0x31, 0xd2, 0x0f, 0x05]);
        // mov $0x7fff0000,%eax; syscall
        let large = with(&[0xb8, 0, 0, 0xff, 0x7f, 0x0f, 0x05]);
        let cases = [("futex", &futex, Some(202)), ("no number", &large, None)];
        for (name, code, want) in cases {
            let end = RunAddr(0x1000 + BEFORE);
            assert_eq!(asked_for(&Bytes(0x1000, code), end), want, "{name}");
        }
        assert_eq!(asked_for(&Bytes(0, &[]), RunAddr(8)), None);
    }
}
