//! The 64-bit Arm. Sources: DWARF for the Arm 64-bit Architecture, section
//! 4.1; Procedure Call Standard for the Arm 64-bit Architecture, section
//! 6.1.1; Linux `arch/arm64/include/uapi/asm/ptrace.h`, `struct user_pt_regs`
//! (order). The last word is the thread pointer, from the note `NT_ARM_TLS`.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "aarch64",
    e_machine: 183,
    general: &[
        "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
        "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
        "x27", "x28", "x29", "x30", "sp", "pc", "pstate", "tpidr",
    ],
    in_prstatus: 34,
    register_size: 8,
    unwound: &[
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 4),
        (5, 5),
        (6, 6),
        (7, 7),
        (8, 8),
        (9, 9),
        (10, 10),
        (11, 11),
        (12, 12),
        (13, 13),
        (14, 14),
        (15, 15),
        (16, 16),
        (17, 17),
        (18, 18),
        (19, 19),
        (20, 20),
        (21, 21),
        (22, 22),
        (23, 23),
        (24, 24),
        (25, 25),
        (26, 26),
        (27, 27),
        (28, 28),
        (29, 29),
        (30, 30),
        (31, 31),
        (32, 32),
    ],
    // x19 to x29.
    callee_saved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    program_counter: 32,
    stack_pointer: 31,
    frame_pointer: 29,
    link_register: Some(30),
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: 34,
    syscall: (8, [0, 1, 2, 3, 4, 5]),
};
