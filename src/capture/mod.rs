//! Runs programs and catches their deaths.
//!
//! [`launch::run`] is the entrance. [`trace`] follows every thread, [`live`]
//! shows a held process as a [`Process`](crate::dump::process::Process),
//! [`core_writer`] writes its core.

mod attach;
mod broken_pipe;
mod caught;
mod copied_stacks;
mod core_notes;
pub mod core_pattern;
pub mod core_writer;
pub mod doctor;
pub mod error;
mod exit_stops;
pub mod facts;
pub mod file_limit;
mod fork_snapshot;
pub mod handler;
mod interrupted;
pub mod kernel_core;
pub mod kernel_log;
pub mod ladder;
pub mod launch;
pub mod live;
mod maps;
pub mod mirror;
pub mod orphans;
pub mod other_store;
mod page_copy;
mod pagemap;
mod pass_on;
mod privileges;
pub mod recorded;
mod refusal;
pub mod sandbox;
pub mod sender;
pub mod snapshot;
mod status;
pub mod stop_request;
mod stops;
mod sys;
pub mod timeout;
pub mod trace;
mod tree;
mod untraced;
