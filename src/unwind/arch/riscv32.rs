//! RISC-V of 32 bits. Sources: as for the 64-bit one.

use super::{Back, Conventions, FrameRecord, SignalFrame, riscv64};

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call: riscv64::ends_with_call,
    frame_record: Some(FrameRecord { saved: -8, back: Back::Here(-4), caller_sp: Some(0) }),
    signal_frames: &[SignalFrame {
        code: riscv64::RT_SIGRETURN,
        width: 4,
        info: Some(0),
        // `siginfo_t` of 128 bytes, `uc_flags` to `uc_sigmask` of 160.
        saved: &[(64, 1, 128 + 160), (1, 31, 128 + 160 + 4)],
    }],
};
