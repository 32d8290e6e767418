//! The commands, one a file. A command's own page is its `//!`.

pub mod analyze;
pub mod demo;
pub mod memory;
pub mod print;
pub mod run;
pub mod snapshot;
pub mod stack;
pub mod what;
