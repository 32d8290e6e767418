//! MIPS of 32 bits. Sources: System V psABI for MIPS, chapter 3; Linux
//! `arch/mips/include/uapi/asm/reg.h` (order). DWARF numbers follow the
//! registers; 66 is its alternate frame return column. The thread pointer is
//! in no note.

use super::{NO_WORD, Table};

pub(super) static TABLE: Table = Table {
    name: "mips",
    e_machine: 8,
    general: &[
        "pad0", "pad1", "pad2", "pad3", "pad4", "pad5", "zero", "at", "v0", "v1", "a0", "a1", "a2",
        "a3", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "s0", "s1", "s2", "s3", "s4", "s5",
        "s6", "s7", "t8", "t9", "k0", "k1", "gp", "sp", "fp", "ra", "lo", "hi", "epc", "badvaddr",
        "status", "cause", "unused",
    ],
    in_prstatus: 45,
    register_size: 4,
    unwound: &[
        (0, 6),
        (1, 7),
        (2, 8),
        (3, 9),
        (4, 10),
        (5, 11),
        (6, 12),
        (7, 13),
        (8, 14),
        (9, 15),
        (10, 16),
        (11, 17),
        (12, 18),
        (13, 19),
        (14, 20),
        (15, 21),
        (16, 22),
        (17, 23),
        (18, 24),
        (19, 25),
        (20, 26),
        (21, 27),
        (22, 28),
        (23, 29),
        (24, 30),
        (25, 31),
        (26, 32),
        (27, 33),
        (28, 34),
        (29, 35),
        (30, 36),
        (31, 37),
        (66, 40),
    ],
    // s0 to s7, gp, fp.
    callee_saved: &[16, 17, 18, 19, 20, 21, 22, 23, 28, 30],
    program_counter: 66,
    stack_pointer: 29,
    frame_pointer: 30,
    link_register: Some(31),
    cfa_above_sp: 0,
    code_flags: 1,
    thread_pointer: NO_WORD,
    syscall: (8, [10, 11, 12, 13, NO_WORD, NO_WORD]),
};
