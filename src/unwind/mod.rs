//! From registers and tables to frames, with every register known or unknown
//! in each.
//!
//! The order per frame: call frame information, a return address on top of the
//! stack under a bad pc, the frame pointer, a labeled guess.

mod arch;
mod arm_prologue;
mod bad_pc;
pub mod body;
mod cfi;
mod code;
pub mod code_start;
mod exception_index;
mod expression;
mod fold;
pub mod frame;
mod frame_pointer;
mod link_register;
pub mod registers;
mod scan;
mod search_table;
mod signal_frame;
mod step;
pub mod walk;
mod x86_prologue;
