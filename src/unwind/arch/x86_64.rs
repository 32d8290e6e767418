//! AMD64. Sources: Intel SDM volume 2, "CALL"; System V psABI for AMD64, section
//! 3.2.2, figure 3.3; Linux `arch/x86/include/uapi/asm/sigcontext.h`. The
//! trampoline of glibc is described by unwind tables, those of musl and of Go
//! are not.

use super::{BEFORE, Back, Conventions, FrameRecord, SignalFrame};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Here(8), caller_sp: Some(16) }),
    signal_frames: &[
        // mov $15,%rax; syscall
        SignalFrame {
            code: &[(0x0fc0_c748, u32::MAX), (0x0f00_0000, u32::MAX), (0x05, 0xff)],
            width: 4,
            saved: SAVED,
            info: Some(304),
        },
        // mov $15,%eax; syscall
        SignalFrame {
            code: &[(0x0000_0fb8, u32::MAX), (0x0005_0f00, 0x00ff_ffff)],
            width: 4,
            saved: SAVED,
            info: Some(304),
        },
    ],
};

/// `struct sigcontext` behind `uc_flags`, `uc_link` and `uc_stack`: r8 to r15, rdi,
/// rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
const SAVED: &[(u16, u16, u64)] = &[
    (8, 8, 40),
    (5, 1, 104),
    (4, 1, 112),
    (6, 1, 120),
    (3, 1, 128),
    (1, 1, 136),
    (0, 1, 144),
    (2, 1, 152),
    (7, 1, 160),
    (16, 1, 168),
];

/// `E8 rel32`, or `FF /2` with any addressing form.
pub(super) fn ends_with_call(code: [u8; BEFORE], _order: ByteOrder) -> bool {
    let [_, b0, b1, b2, b3, b4, b5, b6] = code;
    // The `reg` field of ModRM is 2; `mod` and `rm` give the length.
    let form = |modrm: u8, mode: u8| modrm >> 3 & 7 == 2 && modrm >> 6 == mode;
    let has_sib = |modrm: u8| modrm & 7 == 4;
    let is_rip_relative = |modrm: u8| modrm & 0xc7 == 0x05;
    b2 == 0xe8
        || (b5 == 0xff && (form(b6, 3) || form(b6, 0) && !has_sib(b6) && !is_rip_relative(b6)))
        || (b4 == 0xff && (form(b5, 1) && !has_sib(b5) || form(b5, 0) && has_sib(b5)))
        || (b3 == 0xff && form(b4, 1) && has_sib(b4))
        || (b1 == 0xff && (form(b2, 2) && !has_sib(b2) || form(b2, 0) && is_rip_relative(b2)))
        || (b0 == 0xff && (form(b1, 2) && has_sib(b1) || form(b1, 0) && has_sib(b1)))
}
