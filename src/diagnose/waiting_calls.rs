//! The system call that a thread is in, on any architecture.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine};
use crate::base::memory::Memory;
use crate::dump::process::Thread;

/// A system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SystemCall {
    /// Its number **on AMD64**, whatever its own architecture calls it.
    pub(super) number: u64,
    /// Its arguments.
    pub(super) arguments: [u64; 6],
}

/// The system call that a thread is in; `None`: in none, or in one that is not
/// known here.
///
/// AMD64 keeps all ones in the place of the number when there is none. Others
/// keep it in an ordinary register: then the instruction before the pc, or at
/// it where the kernel would make the call again, must be the one that makes
/// system calls.
pub(super) fn system_call(arch: Arch, memory: &dyn Memory, thread: &Thread) -> Option<SystemCall> {
    let registers = thread.registers.as_ref()?;
    let number = registers.word(arch.syscall_index())?;
    let number = match arch.machine {
        // All ones: in none.
        Machine::X86_64 => i64::try_from(number).ok().map(|_| number)?,
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

    #[test]
    fn generic_numbers() {
        let cases = [(63, Some(0)), (98, Some(202)), (260, Some(61)), (9999, None)];
        for (generic, want) in cases {
            assert_eq!(of_amd64(generic), want, "{generic}");
        }
    }
}
