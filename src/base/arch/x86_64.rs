//! AMD64. Sources: System V psABI for AMD64, figure 3.36 (DWARF numbers) and
//! section 3.2.1 (callee-saved registers); Linux
//! `arch/x86/include/asm/user_64.h`, `struct user_regs_struct` (order).

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "x86_64",
    e_machine: 62,
    general: &[
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx",
        "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds",
        "es", "fs", "gs",
    ],
    dwarf_to_general: &[10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16],
    // rbx, rbp, r12 to r15.
    callee_saved: &[3, 6, 12, 13, 14, 15],
    stack_pointer: 7,
    frame_pointer: 6,
    return_address: 16,
    thread_pointer: 21,
    syscall_number: 15,
};
