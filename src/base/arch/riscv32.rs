//! RISC-V of 32 bits. Sources: RISC-V ELF psABI, "DWARF Register Numbers" (64
//! is its alternate frame return column) and "Integer Register Convention";
//! Linux `arch/riscv/include/uapi/asm/ptrace.h`, `struct user_regs_struct`
//! (order).

use super::{NO_WORD, Table};

pub(super) static TABLE: Table = Table {
    name: "riscv32",
    e_machine: 243,
    general: &[
        "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
        "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
        "t5", "t6",
    ],
    in_prstatus: 32,
    register_size: 4,
    unwound: &[
        (0, NO_WORD),
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
        (64, 0),
    ],
    // gp and tp, which stay as they are, and s0 to s11.
    callee_saved: &[3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
    program_counter: 64,
    stack_pointer: 2,
    frame_pointer: 8,
    link_register: Some(1),
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: 4,
    syscall: (17, [10, 11, 12, 13, 14, 15]),
};
