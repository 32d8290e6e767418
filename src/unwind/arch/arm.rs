//! The 32-bit Arm. Sources: Arm Architecture Reference Manual for Armv7-A,
//! "BL, BLX"; Linux `arch/arm/kernel/signal.h`, `struct rt_sigframe`, and
//! `sigreturn_codes.S`. The frame record is the one that GCC makes in Arm code.

use super::{BEFORE, Back, Conventions, FrameRecord, SignalFrame, last_half, last_word};
use crate::base::data_model::ByteOrder;

/// `uc_flags, uc_link, uc_stack` of 20 bytes, `trap_no, error_code, oldmask`,
/// then r0 to r15.
const REGISTERS: u64 = 20 + 12;
/// `siginfo_t`.
const INFO: u64 = 128;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: -4, back: Back::Here(0), caller_sp: Some(4) }),
    signal_frames: &[
        SignalFrame {
            // mov r7, #119; svc
            code: &[(0xe3a0_7077, u32::MAX), (0xef00_0000, 0xff00_0000)],
            width: 4,
            info: None,
            saved: &[(0, 16, REGISTERS)],
        },
        SignalFrame {
            // mov r7, #173; svc
            code: &[(0xe3a0_70ad, u32::MAX), (0xef00_0000, 0xff00_0000)],
            width: 4,
            info: Some(0),
            saved: &[(0, 16, INFO + REGISTERS)],
        },
        SignalFrame {
            // The same in Thumb.
            code: &[(0x2777, 0xffff), (0xdf00, 0xff00)],
            width: 2,
            info: None,
            saved: &[(0, 16, REGISTERS)],
        },
        SignalFrame {
            // The same in Thumb, as glibc writes it.
            code: &[(0xf04f, 0xffff), (0x0777, 0xffff), (0xdf00, 0xff00)],
            width: 2,
            info: None,
            saved: &[(0, 16, REGISTERS)],
        },
        SignalFrame {
            code: &[(0xf04f, 0xffff), (0x07ad, 0xffff), (0xdf00, 0xff00)],
            width: 2,
            info: Some(0),
            saved: &[(0, 16, INFO + REGISTERS)],
        },
        SignalFrame {
            code: &[(0x27ad, 0xffff), (0xdf00, 0xff00)],
            width: 2,
            info: Some(0),
            saved: &[(0, 16, INFO + REGISTERS)],
        },
    ],
};

fn ends_with_call(code: [u8; BEFORE], order: ByteOrder) -> bool {
    let word = last_word(code, order);
    let arm = word & 0x0f00_0000 == 0x0b00_0000
        || word & 0x0fff_fff0 == 0x012f_ff30
        || word & 0xfe00_0000 == 0xfa00_0000;
    let second = last_half(code, order);
    let [_, _, _, _, a, b, _, _] = code;
    let first = last_half([0, 0, 0, 0, 0, 0, a, b], order);
    let thumb = first & 0xf800 == 0xf000 && matches!(second & 0xd000, 0xd000 | 0xc000)
        || second & 0xff87 == 0x4780;
    arm || thumb
}
