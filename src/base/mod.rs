//! Words that everybody uses: addresses, bytes, memory, gaps, limits.
//!
//! Nothing here knows what a core, a symbol or a frame is.

pub mod addr;
pub mod arch;
pub mod bytes;
pub mod count;
pub mod data_model;
pub mod facts;
pub mod file_map;
pub mod file_store;
pub mod gap;
pub mod inflated;
pub mod limits;
pub mod memory;
pub mod secret;
pub mod signal;
pub mod text;
pub mod timings;
pub mod utc;
