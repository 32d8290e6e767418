//! What the kernel saved for a signal handler: the interrupted registers, and
//! which trap it was.
//!
//! On AMD64, layout of `struct rt_sigframe` above the return address of the handler, as
//! the trampoline finds it at its stack pointer (Linux
//! `arch/x86/include/asm/sigframe.h`, `uapi/asm/ucontext.h`,
//! `uapi/asm/sigcontext.h`), little-endian: `u64 uc_flags, uc_link; stack_t
//! uc_stack` (24 bytes); `struct sigcontext` at 40 with 16 general registers,
//! `u64 rip` at 168, `u64 eflags, u16 cs, gs, fs, ss, u64 err` at 192, `u64
//! trapno` at 200, `u64 oldmask, u64 cr2` at 216; `struct siginfo` at 304,
//! which is only written for handlers that asked for it with `SA_SIGINFO`.
//!
//! On AArch64 (Linux `arch/arm64/kernel/signal.c`, `uapi/asm/sigcontext.h`):
//! `struct siginfo` at 0, under the same condition; `struct sigcontext` at 304
//! with `u64 fault_address`, 31 general registers, `u64 sp`, `u64 pc` at 568,
//! `u64 pstate`; records from 592 on, each `u32 magic, u32 size` and its words,
//! of which `ESR_MAGIC` holds the exception's syndrome.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::base::signal::Signal;
use crate::dump::siginfo::{SignalCause, SignalInfo};

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

/// The fault that a signal frame of AArch64 tells: by the signal's own
/// information, or else by the syndrome of the thread's last exception. `None`
/// when the frame is not the one that saved `pc`, or tells none.
///
/// The same caution is due as with [`SavedTrap`].
pub fn saved_fault(memory: &dyn Memory, sp: RunAddr, pc: RunAddr) -> Option<SignalInfo> {
    let word = |offset| memory.u64(sp.checked_add(offset)?).ok();
    if word(A64_PC)? != pc.0 {
        return None;
    }
    let mut info = [0; 128];
    memory.read_exact(sp, &mut info).ok()?;
    let own = SignalInfo::from_bytes(&info).filter(|info| {
        let is_fault = matches!(info.signal, Signal::SEGV | Signal::BUS | Signal::ILL);
        is_fault && info.code.is_some_and(|code| code > 0) && info.address().is_some()
    });
    own.or_else(|| {
        let address = RunAddr(word(A64_FAULT_ADDRESS)?);
        let code = code_of(syndrome(memory, sp)?)?;
        let cause = SignalCause::Fault { address };
        Some(SignalInfo { signal: Signal::SEGV, code: Some(code), cause })
    })
}

const A64_FAULT_ADDRESS: u64 = 304;
const A64_PC: u64 = 568;
const A64_RECORDS: u64 = 592;
const ESR_MAGIC: u32 = 0x4553_5201;

/// Records of a signal frame that are looked through.
const MOST_RECORDS: usize = 16;

/// The syndrome of the exception (`ESR_EL1`).
fn syndrome(memory: &dyn Memory, sp: RunAddr) -> Option<u64> {
    let mut at = sp.checked_add(A64_RECORDS)?;
    for _ in 0..MOST_RECORDS {
        let magic = memory.u32(at).ok()?;
        let size = memory.u32(at.checked_add(4)?).ok().filter(|size| *size >= 8)?;
        if magic == ESR_MAGIC {
            return memory.u64(at.checked_add(8)?).ok();
        }
        at = at.checked_add(u64::from(size))?;
    }
    None
}

/// `si_code` of SIGSEGV for a data or instruction abort (Arm ARM, D24.2.40:
/// class in bits 26 to 31, status in bits 0 to 5).
fn code_of(syndrome: u64) -> Option<i32> {
    let is_abort = matches!(syndrome >> 26 & 0x3f, 0x20 | 0x24);
    match syndrome & 0x3f {
        // Translation faults of each level, then permission faults.
        0x04..=0x07 if is_abort => Some(1),
        0x0c..=0x0f if is_abort => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_of_aarch64() {
        let frame = |info: bool, esr: bool| {
            let mut frame = vec![0; 640];
            let mut set =
                |at: usize, value: u64| frame[at..at + 8].copy_from_slice(&value.to_le_bytes());
            set(304, 0x18);
            set(568, 0x40_1000);
            if info {
                // SIGSEGV, SEGV_ACCERR, at 0x5000.
                set(0, 11);
                set(8, 2);
                set(16, 0x5000);
            }
            // An empty record of another kind, then a data abort from a lower level:
            // translation fault, level 1.
            set(592, 16 << 32 | 0x1234);
            if esr {
                set(608, 16 << 32 | 0x4553_5201);
                set(616, 0x24 << 26 | 0x05);
            }
            frame
        };
        let cases = [
            ("its own information", true, true, Some((2, 0x5000))),
            ("the syndrome", false, true, Some((1, 0x18))),
            ("neither", false, false, None),
        ];
        for (name, info, esr, want) in cases {
            let bytes = frame(info, esr);
            let memory = Bytes(0x7000, &bytes);
            let saved = |pc| saved_fault(&memory, RunAddr(0x7000), RunAddr(pc));
            let found = saved(0x40_1000).map(|info| (info.code, info.address()));
            assert_eq!(found, want.map(|(code, at)| (Some(code), Some(RunAddr(at)))), "{name}");
            assert_eq!(saved(0x40_1004), None, "{name}: of another pc");
        }
    }
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
