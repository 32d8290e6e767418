//! LoongArch of 64 bits. Sources: LoongArch Reference Manual, volume 1, "BL",
//! "JIRL"; LoongArch ELF psABI, "Stack Frame"; Linux
//! `arch/loongarch/kernel/signal.c`, `struct rt_sigframe`.

use super::{BEFORE, Back, Conventions, FrameRecord, SignalFrame, last_word};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: -16, back: Back::Here(-8), caller_sp: Some(0) }),
    signal_frames: &[SignalFrame {
        // ori a7, zero, 139; syscall 0
        code: &[(0x0382_2c0b, u32::MAX), (0x002b_0000, u32::MAX)],
        width: 4,
        info: Some(0),
        // `siginfo_t` of 128 bytes, `uc_flags` to `uc_sigmask` of 176, then pc
        // and r0 to r31.
        saved: &[(64, 1, 128 + 176), (0, 32, 128 + 176 + 8)],
    }],
};

fn ends_with_call(code: [u8; BEFORE], order: ByteOrder) -> bool {
    let last = last_word(code, order);
    last & 0xfc00_0000 == 0x5400_0000 || last & 0xfc00_001f == 0x4c00_0001
}
