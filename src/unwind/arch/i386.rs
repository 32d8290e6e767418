//! The 32-bit x86: its calls are those of AMD64. Sources: System V psABI for
//! i386, section 2.2.2; Linux `arch/x86/include/asm/sigframe.h`, `struct
//! sigframe_ia32`, `struct rt_sigframe_ia32`, as the trampolines find them once
//! the handler has popped its return address.

use super::{Back, Conventions, FrameRecord, SignalFrame, x86_64};

/// edi, esi, ebp, esp, ebx, edx, ecx, eax and eip of a `struct sigcontext` that
/// begins so far above the stack pointer.
const fn saved(at: u64) -> [(u16, u16, u64); 9] {
    [
        (7, 1, at + 16),
        (6, 1, at + 20),
        (5, 1, at + 24),
        (4, 1, at + 28),
        (3, 1, at + 32),
        (2, 1, at + 36),
        (1, 1, at + 40),
        (0, 1, at + 44),
        (8, 1, at + 56),
    ]
}

/// Behind the signal's number.
const PLAIN: [(u16, u16, u64); 9] = saved(4);
/// Behind number and two pointers, `siginfo_t`, and 20 bytes of `ucontext`.
const WITH_INFO: [(u16, u16, u64); 9] = saved(12 + 128 + 20);

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call: x86_64::ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Here(4), caller_sp: Some(8) }),
    signal_frames: &[
        SignalFrame {
            // pop %eax; mov $119,%eax; int $0x80
            code: &[
                (0x58, 0xff),
                (0xb8, 0xff),
                (0x77, 0xff),
                (0, 0xff),
                (0, 0xff),
                (0, 0xff),
                (0xcd, 0xff),
                (0x80, 0xff),
            ],
            width: 1,
            info: None,
            saved: &PLAIN,
        },
        SignalFrame {
            // mov $173,%eax; int $0x80
            code: &[
                (0xb8, 0xff),
                (0xad, 0xff),
                (0, 0xff),
                (0, 0xff),
                (0, 0xff),
                (0xcd, 0xff),
                (0x80, 0xff),
            ],
            width: 1,
            info: Some(12),
            saved: &WITH_INFO,
        },
    ],
};
