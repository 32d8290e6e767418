//! LoongArch of 64 bits. Sources: LoongArch ELF psABI, "Register Convention"
//! and DWARF register numbers; Linux
//! `arch/loongarch/include/uapi/asm/ptrace.h`, `struct user_pt_regs` (order).
//! The pc has the number 64, which is free.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "loongarch64",
    e_machine: 258,
    general: &[
        "zero", "ra", "tp", "sp", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2",
        "t3", "t4", "t5", "t6", "t7", "t8", "r21", "fp", "s0", "s1", "s2", "s3", "s4", "s5", "s6",
        "s7", "s8", "orig_a0", "pc", "badv", "unused35", "unused36", "unused37", "unused38",
        "unused39", "unused40", "unused41", "unused42", "unused43", "unused44",
    ],
    in_prstatus: 45,
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
        (64, 33),
    ],
    // tp, which stays as it is, fp, s0 to s8.
    callee_saved: &[2, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31],
    program_counter: 64,
    stack_pointer: 3,
    frame_pointer: 22,
    link_register: Some(1),
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: 2,
    syscall: (11, [4, 5, 6, 7, 8, 9]),
};
