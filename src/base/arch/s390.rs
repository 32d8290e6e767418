//! The 31-bit predecessor of the z/Architecture. Sources: as for s390x;
//! frames have 96 bytes for the functions that they call. Bit 31 of a code
//! pointer selects the 31-bit mode.

use super::Table;

pub(super) static TABLE: Table = Table {
    name: "s390",
    e_machine: 22,
    general: &[
        "pswm", "pswa", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11",
        "r12", "r13", "r14", "r15", "acr0", "acr1", "acr2", "acr3", "acr4", "acr5", "acr6", "acr7",
        "acr8", "acr9", "acr10", "acr11", "acr12", "acr13", "acr14", "acr15", "orig_r2",
    ],
    in_prstatus: 35,
    register_size: 4,
    unwound: &[
        (0, 2),
        (1, 3),
        (2, 4),
        (3, 5),
        (4, 6),
        (5, 7),
        (6, 8),
        (7, 9),
        (8, 10),
        (9, 11),
        (10, 12),
        (11, 13),
        (12, 14),
        (13, 15),
        (14, 16),
        (15, 17),
        (64, 0),
        (65, 1),
    ],
    // r6 to r13.
    callee_saved: &[6, 7, 8, 9, 10, 11, 12, 13],
    arguments: &[2, 3, 4, 5, 6],
    result: Some(2),
    program_counter: 65,
    stack_pointer: 15,
    frame_pointer: 11,
    link_register: Some(14),
    cfa_above_sp: 96,
    code_flags: 0x8000_0000,
    thread_pointer: 18,
    syscall: (3, [4, 5, 6, 7, 8, 9]),
};
