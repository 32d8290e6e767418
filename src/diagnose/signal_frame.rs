//! What the kernel saved for a signal handler: the interrupted registers, and
//! which trap it was.
//!
//! Layout of `struct rt_sigframe` above the return address of the handler, as
//! the trampoline finds it at its stack pointer (Linux
//! `arch/x86/include/asm/sigframe.h`, `uapi/asm/ucontext.h`,
//! `uapi/asm/sigcontext.h`), little-endian: `u64 uc_flags, uc_link; stack_t
//! uc_stack` (24 bytes); `struct sigcontext` at 40 with 16 general registers,
//! `u64 rip` at 168, `u64 eflags, u16 cs, gs, fs, ss, u64 err` at 192, `u64
//! trapno` at 200, `u64 oldmask, u64 cr2` at 216; `struct siginfo` at 304,
//! which is only written for handlers that asked for it with `SA_SIGINFO`.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::siginfo::SignalInfo;

const RIP: u64 = 168;
const ERR: u64 = 192;
const TRAPNO: u64 = 200;
const CR2: u64 = 216;
const SIGINFO: u64 = 304;

/// What a signal frame tells about the signal.
///
/// The kernel writes the thread's *last* trap, whether or not it is the reason
/// for this signal; the caller has to compare it with the interrupted
/// instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedTrap {
    /// The exception's number (Intel SDM volume 3, table 6-1).
    pub number: u64,
    /// Its error code. Of a page fault bit 0: the page was there; bit 1: it was
    /// a write; bit 4: an instruction was fetched.
    pub error: u64,
    /// The address of the last page fault.
    pub address: RunAddr,
    /// The signal's own information, or what happened to lie in its place.
    pub signal: Option<SignalInfo>,
}

/// Division error.
pub const DIVIDE: u64 = 0;
/// Breakpoint.
pub const BREAKPOINT: u64 = 3;
/// Invalid opcode.
pub const INVALID_OPCODE: u64 = 6;
/// General protection.
pub const GENERAL_PROTECTION: u64 = 13;
/// Page fault.
pub const PAGE_FAULT: u64 = 14;

/// Reads the signal frame at `sp`, the stack pointer of the trampoline. `None`
/// when it is not in memory, or is not the frame that saved `pc`.
pub fn saved_trap(memory: &dyn Memory, sp: RunAddr, pc: RunAddr) -> Option<SavedTrap> {
    let word = |offset| memory.u64(sp.checked_add(offset)?).ok();
    if word(RIP)? != pc.0 {
        return None;
    }
    let mut info = [0; 128];
    let signal = memory.read_exact(sp.checked_add(SIGINFO)?, &mut info).ok();
    Some(SavedTrap {
        number: word(TRAPNO)?,
        error: word(ERR)?,
        address: RunAddr(word(CR2)?),
        signal: signal.and_then(|()| SignalInfo::from_bytes(&info)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn the_frame_is_known_by_its_pc() {
        let mut frame = vec![0; 432];
        let mut set =
            |at: usize, value: u64| frame[at..at + 8].copy_from_slice(&value.to_le_bytes());
        set(168, 0x40_1000);
        set(192, 6);
        set(200, 14);
        set(216, 0x18);
        set(304, 11);
        let memory = Bytes(0x7000, &frame);
        let trap = saved_trap(&memory, RunAddr(0x7000), RunAddr(0x40_1000)).unwrap();
        assert_eq!((trap.number, trap.error, trap.address), (14, 6, RunAddr(0x18)));
        assert_eq!(trap.signal.map(|info| info.signal.0), Some(11));
        assert_eq!(saved_trap(&memory, RunAddr(0x7000), RunAddr(0x40_1001)), None);
        assert_eq!(saved_trap(&memory, RunAddr(0x7100), RunAddr(0x40_1000)), None, "cut");
        assert_eq!(saved_trap(&memory, RunAddr(u64::MAX), RunAddr(0x40_1000)), None);
    }
}
