//! An architecture that is not described here: its registers are words
//! without names, and which of them is the pc is not known.

use super::{NO_SYSCALL, NO_WORD, Table};

/// DWARF's number of no register.
const NO_NUMBER: u16 = u16::MAX;

const NAMES: &[&str] = &[
    "word0", "word1", "word2", "word3", "word4", "word5", "word6", "word7", "word8", "word9",
    "word10", "word11", "word12", "word13", "word14", "word15", "word16", "word17", "word18",
    "word19", "word20", "word21", "word22", "word23", "word24", "word25", "word26", "word27",
    "word28", "word29", "word30", "word31", "word32", "word33", "word34", "word35", "word36",
    "word37", "word38", "word39", "word40", "word41", "word42", "word43", "word44", "word45",
    "word46", "word47", "word48", "word49", "word50", "word51", "word52", "word53", "word54",
    "word55", "word56", "word57", "word58", "word59", "word60", "word61", "word62", "word63",
];

pub(super) static TABLE_64: Table = Table {
    name: "unknown",
    e_machine: 0,
    general: NAMES,
    in_prstatus: 64,
    register_size: 8,
    unwound: &[],
    // None is known.
    callee_saved: &[],
    arguments: &[],
    result: None,
    program_counter: NO_NUMBER,
    stack_pointer: NO_NUMBER,
    frame_pointer: NO_NUMBER,
    link_register: None,
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: NO_WORD,
    syscall: NO_SYSCALL,
};

pub(super) static TABLE_32: Table = Table {
    name: "unknown",
    e_machine: 0,
    general: NAMES,
    in_prstatus: 64,
    register_size: 4,
    unwound: &[],
    // None is known.
    callee_saved: &[],
    arguments: &[],
    result: None,
    program_counter: NO_NUMBER,
    stack_pointer: NO_NUMBER,
    frame_pointer: NO_NUMBER,
    link_register: None,
    cfa_above_sp: 0,
    code_flags: 0,
    thread_pointer: NO_WORD,
    syscall: NO_SYSCALL,
};
