//! The 64-bit Arm. Sources: Arm Architecture Reference Manual for A-profile,
//! "BL", "BLR", "BLRA"; Procedure Call Standard for the Arm 64-bit Architecture,
//! section 6.4.6 (the frame record, whose place in a frame is free); Linux
//! `arch/arm64/kernel/signal.c`, `struct rt_sigframe`.

use super::{BEFORE, Back, Conventions, FrameRecord, SignalFrame, last_word};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Here(8), caller_sp: None }),
    signal_frames: &[SignalFrame {
        // mov x8, #139; svc #0
        code: &[(0xd280_1168, u32::MAX), (0xd400_0001, u32::MAX)],
        width: 4,
        info: Some(0),
        // `siginfo_t` of 128 bytes, `uc_flags` to `uc_sigmask` of 176,
        // `fault_address`, then x0 to x30, sp, pc.
        saved: &[(0, 33, 128 + 176 + 8)],
    }],
};

fn ends_with_call(code: [u8; BEFORE], _order: ByteOrder) -> bool {
    // Instructions are little-endian, whatever data is.
    let last = last_word(code, ByteOrder::Little);
    last & 0xfc00_0000 == 0x9400_0000
        || last & 0xffff_fc1f == 0xd63f_0000
        || last & 0xfeff_f800 == 0xd63f_0800
}
