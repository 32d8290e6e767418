//! RISC-V of 64 bits. Sources: RISC-V Unprivileged ISA, "JAL", "JALR",
//! "C.JALR"; RISC-V ELF psABI, "Frame Pointer Convention"; Linux
//! `arch/riscv/kernel/signal.c`, `struct rt_sigframe`.

use super::{BEFORE, Back, Conventions, FrameRecord, SignalFrame, last_half, last_word};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: -16, back: Back::Here(-8), caller_sp: Some(0) }),
    signal_frames: &[SignalFrame {
        code: RT_SIGRETURN,
        width: 4,
        info: Some(0),
        // `siginfo_t` of 128 bytes, `uc_flags` to `uc_sigmask` of 176, then pc
        // and x1 to x31.
        saved: &[(64, 1, 128 + 176), (1, 31, 128 + 176 + 8)],
    }],
};

/// li a7, 139; ecall
pub(super) const RT_SIGRETURN: &[(u32, u32)] = &[(0x08b0_0893, u32::MAX), (0x0000_0073, u32::MAX)];

pub(super) fn ends_with_call(code: [u8; BEFORE], _order: ByteOrder) -> bool {
    // Instructions are little-endian, whatever data is.
    let last = last_word(code, ByteOrder::Little);
    let half = last_half(code, ByteOrder::Little);
    last & 0xfff == 0x0ef
        || last & 0x7fff == 0x00e7
        || (half & 0xf07f == 0x9002 && half & 0x0f80 != 0)
}
