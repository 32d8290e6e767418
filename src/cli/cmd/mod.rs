//! The commands, one a file. A command's own page is its `//!`.

pub mod addr;
pub mod analyze;
pub mod bundle;
pub mod debug;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod explain;
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
pub mod signature;
pub mod snapshot;
pub mod stack;
pub mod symbols;
pub mod triage;
pub mod unbundle;
pub mod what;
