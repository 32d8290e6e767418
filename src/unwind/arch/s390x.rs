//! The 64-bit z/Architecture. Sources: z/Architecture Principles of Operation,
//! "BRANCH AND SAVE", "BRANCH RELATIVE AND SAVE"; Linux
//! `arch/s390/kernel/signal.c`, `struct sigframe`, `struct rt_sigframe`. Code
//! keeps no frame pointer.

use super::{BEFORE, Conventions, SignalFrame};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: None,
    signal_frames: &[
        SignalFrame {
            // svc 119
            code: &[(0x0a77, 0xffff)],
            width: 2,
            info: None,
            // The area of 160 bytes, `sigcontext` of 16, psw, r0 to r15.
            saved: &[(64, 2, 176), (0, 16, 192)],
        },
        SignalFrame {
            // svc 173
            code: &[(0x0aad, 0xffff)],
            width: 2,
            info: Some(168),
            // The area, the instruction, `siginfo_t` at 168, `ucontext` at 296,
            // psw in its 40th byte, r0 to r15.
            saved: &[(64, 2, 336), (0, 16, 352)],
        },
    ],
};

pub(super) fn ends_with_call(code: [u8; BEFORE], _order: ByteOrder) -> bool {
    let [_, _, b2, b3, b4, b5, b6, _] = code;
    (b2 == 0xc0 && b3 & 0xf == 5) || (b4 == 0xa7 && b5 & 0xf == 5) || b4 == 0x4d || b6 == 0x0d
}
