//! The 64-bit PowerPC. Sources: Power ISA, book I, "Branch I-form"; 64-Bit ELF
//! V2 ABI for Power, section 2.2.3 (the chain of stack pointers; the return
//! address lies in the caller's frame); Linux `arch/powerpc/kernel/signal_64.c`,
//! `struct rt_sigframe`.

use super::{BEFORE, Back, Conventions, FrameRecord, SignalFrame, last_word};
use crate::base::data_model::ByteOrder;

/// `uc_flags` to `uc_mcontext` of 168 bytes, 64 bytes up to `gp_regs`.
const REGISTERS: u64 = 168 + 64;

/// r0 to r31, nip, ctr, link from a frame that begins so far above the stack
/// pointer.
const fn saved(above: u64) -> [(u16, u16, u64); 4] {
    let start = above + REGISTERS;
    [(0, 32, start), (67, 1, start + 32 * 8), (66, 1, start + 35 * 8), (65, 1, start + 36 * 8)]
}

const KERNEL: [(u16, u16, u64); 4] = saved(128);
const QEMU: [(u16, u16, u64); 4] = saved(128 + 16);

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Next(16), caller_sp: None }),
    signal_frames: &[
        SignalFrame {
            // addi r1, r1, 128; li r0, 172; sc
            code: &[(0x3821_0080, u32::MAX), (0x3800_00ac, u32::MAX), (0x4400_0002, u32::MAX)],
            width: 4,
            info: None,
            saved: &KERNEL,
        },
        SignalFrame {
            // li r0, 172; sc: QEMU's own.
            code: &[(0x3800_00ac, u32::MAX), (0x4400_0002, u32::MAX)],
            width: 4,
            info: None,
            saved: &QEMU,
        },
    ],
};

pub(super) fn ends_with_call(code: [u8; BEFORE], order: ByteOrder) -> bool {
    let last = last_word(code, order);
    last & 0xfc00_0003 == 0x4800_0001 || last & 0xfc00_07ff == 0x4c00_0421 || last == 0x4e80_0021
}
