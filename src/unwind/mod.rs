//! From registers and tables to frames, with every register known or unknown
//! in each.

pub mod frame;
pub mod registers;
