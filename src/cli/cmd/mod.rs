//! The commands, one a file. A command's own page is its `//!`.

pub mod addr;
pub mod analyze;
pub mod debug;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod handler;
pub mod list;
pub mod memory;
pub mod path;
pub mod print;
pub mod prune;
pub mod rm;
pub mod run;
pub mod show;
pub mod snapshot;
pub mod stack;
pub mod symbols;
pub mod what;
