//! Our own handler of the kernel's dumps: what happens while the kernel waits.
//!
//! [`dump()`] is the entrance, with a stream from a pipe or a socket. Stacks come
//! first: the head of the stream has the registers, then the pages of the
//! stacks are copied from the process, then as much of the rest as time and
//! space allow; then the process may go.

mod container;
pub mod daemon;
mod dump;
pub mod listener;
pub mod pattern;
pub mod pinned;
pub mod piped;
pub mod protocol;
pub mod rate_limit;
pub mod stream_head;

pub use self::dump::{Access, Admit, Dump, DumpBudget, Rung, dump};
