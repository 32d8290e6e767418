//! From a core file to a [`process::Process`].

mod arguments;
mod compressed;
mod contents;
mod core_file;
pub mod core_owner;
mod damage;
mod elf_core;
pub mod error;
pub mod float_registers;
pub mod kernel_log;
pub mod link_map;
pub mod mapped_files;
#[cfg(feature = "minidump")]
mod minidump;
pub mod modules;
pub mod notes;
pub mod package_note;
pub mod placement;
pub mod process;
pub mod prstatus;
pub mod psinfo;
mod register_notes;
mod segments;
pub mod sidecar;
pub mod siginfo;
mod stream;
mod unnamed_modules;
pub mod xstate;

pub use crate::dump::core_file::{open, open_stored, open_stream};
pub use crate::dump::stream::Input;
