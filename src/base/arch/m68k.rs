//! Motorola 68000. Sources: System V psABI for the Motorola 68000, chapter 3;
//! Linux `arch/m68k/include/asm/elf.h`, `ELF_CORE_COPY_REGS` (order); GCC
//! `gcc/config/m68k/m68k.h` (DWARF numbers). The thread pointer is in no
//! note.

use super::{NO_WORD, Table};

pub(super) static TABLE: Table = Table {
    name: "m68k",
    e_machine: 4,
    general: &[
        "d1", "d2", "d3", "d4", "d5", "d6", "d7", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "d0",
        "sp", "orig_d0", "sr", "pc", "fmtvec",
    ],
    in_prstatus: 20,
    register_size: 4,
    unwound: &[
        (0, 14),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 3),
        (5, 4),
        (6, 5),
        (7, 6),
        (8, 7),
        (9, 8),
        (10, 9),
        (11, 10),
        (12, 11),
        (13, 12),
        (14, 13),
        (15, 15),
        (24, 18),
    ],
    // d2 to d7, a2 to a6.
    callee_saved: &[2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14],
    arguments: &[],
    result: Some(8),
    program_counter: 24,
    stack_pointer: 15,
    frame_pointer: 14,
    link_register: None,
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: NO_WORD,
    syscall: (16, [0, 1, 2, 3, 4, 7]),
};
