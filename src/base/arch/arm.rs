//! The 32-bit Arm. Sources: DWARF for the Arm Architecture, section 3.1;
//! Procedure Call Standard for the Arm Architecture, section 6.1.1; Linux
//! `arch/arm/include/uapi/asm/ptrace.h`, `struct pt_regs` (order). The last
//! word is the thread pointer, from the note `NT_ARM_TLS`. Bit 0 of a code
//! pointer selects Thumb.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "arm",
    e_machine: 40,
    general: &[
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp",
        "lr", "pc", "cpsr", "orig_r0", "tp",
    ],
    in_prstatus: 18,
    register_size: 4,
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
    ],
    // r4 to r11.
    callee_saved: &[4, 5, 6, 7, 8, 9, 10, 11],
    arguments: &[0, 1, 2, 3],
    result: Some(0),
    program_counter: 15,
    stack_pointer: 13,
    frame_pointer: 11,
    link_register: Some(14),
    cfa_above_sp: 0,
    code_flags: 1,
    thread_pointer: 18,
    syscall: (7, [0, 1, 2, 3, 4, 5]),
};
