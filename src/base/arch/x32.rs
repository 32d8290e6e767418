//! AMD64 with addresses of 32 bits: the registers of AMD64 in a note of the
//! 32-bit layout. Sources: System V psABI for AMD64, chapter 10 "ILP32
//! Programming Model"; Linux `arch/x86/include/asm/elf.h`.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "x32",
    e_machine: 62,
    general: &[
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx",
        "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds",
        "es", "fs", "gs",
    ],
    in_prstatus: 27,
    register_size: 8,
    unwound: &[
        (0, 10),
        (1, 12),
        (2, 11),
        (3, 5),
        (4, 13),
        (5, 14),
        (6, 4),
        (7, 19),
        (8, 9),
        (9, 8),
        (10, 7),
        (11, 6),
        (12, 3),
        (13, 2),
        (14, 1),
        (15, 0),
        (16, 16),
    ],
    // rbx, rbp, r12 to r15.
    callee_saved: &[3, 6, 12, 13, 14, 15],
    arguments: &[5, 4, 1, 2, 8, 9],
    result: Some(0),
    program_counter: 16,
    stack_pointer: 7,
    frame_pointer: 6,
    link_register: None,
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: 21,
    syscall: (15, [14, 13, 12, 7, 9, 8]),
};
