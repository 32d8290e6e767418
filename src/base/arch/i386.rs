//! The 32-bit x86. Sources: System V psABI for i386, tables 2.3 and 2.14;
//! Linux `arch/x86/include/asm/user_32.h`, `struct user_regs_struct` (order).
//! The last word is the base of the segment that `gs` selects, from the note
//! `NT_386_TLS`.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "i386",
    e_machine: 3,
    general: &[
        "ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip",
        "cs", "eflags", "esp", "ss", "gs_base",
    ],
    in_prstatus: 17,
    register_size: 4,
    unwound: &[(0, 6), (1, 1), (2, 2), (3, 0), (4, 15), (5, 5), (6, 3), (7, 4), (8, 12)],
    // ebx, ebp, esi, edi.
    callee_saved: &[3, 5, 6, 7],
    arguments: &[],
    result: Some(0),
    program_counter: 8,
    stack_pointer: 4,
    frame_pointer: 5,
    link_register: None,
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: 17,
    syscall: (11, [0, 1, 2, 3, 4, 5]),
};
