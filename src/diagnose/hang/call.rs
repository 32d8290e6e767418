//! The system call that a thread is in, on any architecture: its number and
//! arguments, which the kernel keeps in the thread's registers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine};
use crate::base::memory::Memory;
use crate::diagnose::crash::Crash;
use crate::dump::process::Thread;

/// Bytes before a `syscall` instruction that are searched for the number that
/// they put into `%eax`.
const BEFORE: u64 = 32;

/// AMD64's number of the call with which the kernel goes on with one that a
/// signal or a stop has broken off.
const RESTART_SYSCALL: u64 = 219;

/// A system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Its number **on AMD64**, whatever its own architecture calls it.
    pub number: u64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// The system call that a thread is in; `None`: in none, or in one that is not
/// known here.
///
/// AMD64 keeps all ones in the place of the number when there is none. Others
/// keep it in an ordinary register: then the instruction before the pc, or at
/// it where the kernel would make the call again, must be the one that makes
/// system calls.
pub fn call_of(arch: Arch, memory: &dyn Memory, thread: &Thread) -> Option<SystemCall> {
    let registers = thread.registers.as_ref()?;
    let number = registers.word(arch.syscall_index())?;
    let number = match arch.machine {
        // All ones: in none.
        Machine::X86_64 => {
            i64::try_from(number).ok()?;
            let is_restarted = number == RESTART_SYSCALL;
            let pc = || registers.word(arch.general_index(arch.program_counter())?);
            match is_restarted {
                // The arguments are still those of the call that is restarted.
                true => pc().and_then(|pc| asked_for(memory, RunAddr(pc))).unwrap_or(number),
                false => number,
            }
        }
        Machine::Aarch64 | Machine::Riscv64 | Machine::Loongarch64 => {
            let pc = registers.word(arch.general_index(arch.program_counter())?)?;
            let instruction = match arch.machine {
                Machine::Aarch64 => 0xd400_0001, // svc #0
                Machine::Riscv64 => 0x0000_0073, // ecall
                _ => 0x002b_0000,                // syscall 0
            };
            let is_there = |at: Option<u64>| {
                at.and_then(|at| memory.u32(RunAddr(at)).ok()) == Some(instruction)
            };
            (is_there(pc.checked_sub(4)) || is_there(Some(pc))).then_some(())?;
            of_amd64(number)?
        }
        _ => return None,
    };
    let arguments = arch.syscall_arguments().map(|index| registers.word(index).unwrap_or(0));
    Some(SystemCall { number, arguments })
}

/// The system call that the thread of this index is in, as [`call_of`] tells.
pub fn system_call(crash: &Crash<'_, '_>, index: usize) -> Option<SystemCall> {
    call_of(crash.process.arch, crash.memory, crash.process.threads.get(index)?)
}

/// Whether the registers of a thread of this architecture tell that it is in no
/// system call.
pub fn tells_calls(arch: Arch) -> bool {
    use Machine::{Aarch64, Loongarch64, Riscv64, X86_64};
    matches!(arch.machine, X86_64 | Aarch64 | Riscv64 | Loongarch64)
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

/// AMD64's number of a call that waits, by the number of `asm-generic`.
///
/// Source: Linux `include/uapi/asm-generic/unistd.h`,
/// `arch/x86/entry/syscalls/syscall_64.tbl`.
fn of_amd64(generic: u64) -> Option<u64> {
    /// Pairs of the generic number and of that of AMD64.
    const NUMBERS: &[(u64, u64)] = &[
        (22, 281),  // epoll_pwait
        (25, 72),   // fcntl
        (32, 73),   // flock
        (63, 0),    // read
        (64, 1),    // write
        (65, 19),   // readv
        (66, 20),   // writev
        (67, 17),   // pread64
        (68, 18),   // pwrite64
        (69, 295),  // preadv
        (72, 270),  // pselect6
        (73, 271),  // ppoll
        (82, 74),   // fsync
        (83, 75),   // fdatasync
        (95, 247),  // waitid
        (98, 202),  // futex
        (101, 35),  // nanosleep
        (115, 230), // clock_nanosleep
        (129, 62),  // kill
        (130, 200), // tkill
        (131, 234), // tgkill
        (133, 130), // rt_sigsuspend
        (137, 128), // rt_sigtimedwait
        (182, 242), // mq_timedsend
        (183, 243), // mq_timedreceive
        (188, 70),  // msgrcv
        (189, 69),  // msgsnd
        (192, 220), // semtimedop
        (193, 65),  // semop
        (202, 43),  // accept
        (203, 42),  // connect
        (206, 44),  // sendto
        (207, 45),  // recvfrom
        (211, 46),  // sendmsg
        (212, 47),  // recvmsg
        (242, 288), // accept4
        (243, 299), // recvmmsg
        (260, 61),  // wait4
        (269, 307), // sendmmsg
        (286, 327), // preadv2
        (441, 441), // epoll_pwait2
        (449, 449), // futex_waitv
    ];
    NUMBERS.iter().find(|(own, _)| *own == generic).map(|(_, amd64)| *amd64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn generic_numbers() {
        let cases = [(63, Some(0)), (98, Some(202)), (260, Some(61)), (9999, None)];
        for (generic, want) in cases {
            assert_eq!(of_amd64(generic), want, "{generic}");
        }
    }

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
