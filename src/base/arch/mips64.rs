//! MIPS registers of 64 bits, with addresses of 64 or, in the ABI n32, of 32
//! bits. Sources: System V psABI for MIPS, chapter 3; Linux
//! `arch/mips/include/uapi/asm/reg.h` (order). DWARF numbers follow the
//! registers; 66 is its alternate frame return column. The thread pointer is
//! in no note.

use super::{NO_WORD, Table};

const GENERAL: &[&str] = &[
    "zero", "at", "v0", "v1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2",
    "t3", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "t8", "t9", "k0", "k1", "gp", "sp", "fp",
    "ra", "lo", "hi", "epc", "badvaddr", "status", "cause", "unused38", "unused39", "unused40",
    "unused41", "unused42", "unused43", "unused44",
];

const UNWOUND: &[(u16, usize)] = &[
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
    (66, 34),
];

pub(super) static TABLE: Table = Table {
    name: "mips64",
    e_machine: 8,
    general: GENERAL,
    in_prstatus: 45,
    register_size: 8,
    unwound: UNWOUND,
    // s0 to s7, gp, fp.
    callee_saved: &[16, 17, 18, 19, 20, 21, 22, 23, 28, 30],
    arguments: &[4, 5, 6, 7, 8, 9, 10, 11],
    result: Some(2),
    program_counter: 66,
    stack_pointer: 29,
    frame_pointer: 30,
    link_register: Some(31),
    cfa_above_sp: 0,
    code_flags: 1,
    thread_pointer: NO_WORD,
    syscall: (2, [4, 5, 6, 7, 8, 9]),
};

pub(super) static TABLE_N32: Table = Table {
    name: "mipsn32",
    e_machine: 8,
    general: GENERAL,
    in_prstatus: 45,
    register_size: 8,
    unwound: UNWOUND,
    // s0 to s7, gp, fp.
    callee_saved: &[16, 17, 18, 19, 20, 21, 22, 23, 28, 30],
    arguments: &[4, 5, 6, 7, 8, 9, 10, 11],
    result: Some(2),
    program_counter: 66,
    stack_pointer: 29,
    frame_pointer: 30,
    link_register: Some(31),
    cfa_above_sp: 0,
    code_flags: 1,
    thread_pointer: NO_WORD,
    syscall: (2, [4, 5, 6, 7, 8, 9]),
};
