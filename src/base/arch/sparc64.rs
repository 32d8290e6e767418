//! SPARC V9. Sources: SPARC Compliance Definition 2.4.1, "Low-Level System
//! Information"; Linux `arch/sparc/kernel/ptrace_64.c`, `genregs64_get()`
//! (order). Register windows are not followed: the innermost frame is known.
//! The pc has the number 72, which is free.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "sparc64",
    e_machine: 43,
    general: &[
        "g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "o0", "o1", "o2", "o3", "o4", "o5", "o6",
        "o7", "l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "i0", "i1", "i2", "i3", "i4", "i5",
        "i6", "i7", "tstate", "tpc", "tnpc", "y",
    ],
    in_prstatus: 36,
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
        (72, 33),
    ],
    // g7, the thread pointer, which stays as it is.
    callee_saved: &[7],
    program_counter: 72,
    stack_pointer: 14,
    frame_pointer: 30,
    link_register: Some(15),
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: 7,
    syscall: (1, [8, 9, 10, 11, 12, 13]),
};
