//! The 64-bit z/Architecture. Sources: ELF ABI s390x Supplement, tables 1.6
//! and 1.14; Linux `arch/s390/include/uapi/asm/ptrace.h`, `s390_regs`
//! (order). Access registers are half a word each; the first two are the
//! thread pointer. Every frame has 160 bytes for the functions that it calls,
//! above its stack pointer and below the canonical frame address. Functions that call no other keep
//! registers in floating-point registers, which follow from the note `NT_PRFPREG`.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "s390x",
    e_machine: 22,
    general: &[
        "pswm", "pswa", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11",
        "r12", "r13", "r14", "r15", "acr0_1", "acr2_3", "acr4_5", "acr6_7", "acr8_9", "acr10_11",
        "acr12_13", "acr14_15", "orig_r2", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8",
        "f9", "f10", "f11", "f12", "f13", "f14", "f15",
    ],
    in_prstatus: 27,
    register_size: 8,
    unwound: &[
        (0, 2),
        (1, 3),
        (2, 4),
        (3, 5),
        (4, 6),
        (5, 7),
        (6, 8),
        (7, 9),
        (8, 10),
        (9, 11),
        (10, 12),
        (11, 13),
        (12, 14),
        (13, 15),
        (14, 16),
        (15, 17),
        (16, 27),
        (17, 29),
        (18, 31),
        (19, 33),
        (20, 28),
        (21, 30),
        (22, 32),
        (23, 34),
        (24, 35),
        (25, 37),
        (26, 39),
        (27, 41),
        (28, 36),
        (29, 38),
        (30, 40),
        (31, 42),
        (64, 0),
        (65, 1),
    ],
    // r6 to r13, f8 to f15.
    callee_saved: &[6, 7, 8, 9, 10, 11, 12, 13, 24, 25, 26, 27, 28, 29, 30, 31],
    arguments: &[2, 3, 4, 5, 6],
    result: Some(2),
    program_counter: 65,
    stack_pointer: 15,
    frame_pointer: 11,
    link_register: Some(14),
    cfa_above_sp: 160,
    code_flags: 0,
    thread_pointer: 18,
    syscall: (3, [4, 5, 6, 7, 8, 9]),
};
