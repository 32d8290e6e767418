//! Runs programs and catches their deaths.
//!
//! [`launch::run`] is the entrance. [`trace`] follows every thread, [`live`]
//! shows a held process as a [`Process`](crate::dump::process::Process),
//! [`core_writer`] writes its core.

mod core_notes;
pub mod core_pattern;
pub mod core_writer;
pub mod error;
pub mod facts;
pub mod kernel_core;
pub mod kernel_log;
pub mod ladder;
pub mod launch;
pub mod live;
mod maps;
mod pagemap;
mod privileges;
pub mod sender;
mod status;
mod stops;
mod sys;
pub mod trace;
