//! From modules to names, lines and types.
//!
//! [`Symbols`] answers for the whole process; [`module::ModuleSymbols`] for one
//! ELF file of it; [`dwarf::Debug`] for its debug information, lazily: only the
//! units that somebody asks for are read.

mod aranges;
mod build_id_index;
mod code_ranges;
pub mod containers;
pub mod cpp_names;
pub mod demangle;
mod distribution;
pub mod dwarf;
pub mod entries;
mod fetch;
pub mod functions;
mod go_table;
mod info;
mod inlined;
mod lacks;
mod lines;
pub mod mapped_files;
mod memory_symbols;
pub mod module;
mod name_index;
mod name_items;
mod name_keys;
mod name_scan;
mod name_unit;
pub mod named;
mod names;
pub mod object;
mod package;
mod packed;
mod plan;
mod plt;
mod process_symbols;
mod range_index;
mod scopes;
mod servers;
pub mod source;
mod split;
mod symbol_table;
#[cfg(test)]
mod tests;
pub mod traits;
pub mod type_names;
mod type_shapes;
mod type_units;
pub mod types;
mod unit;
mod units;
mod unwind_tables;
mod workers;

pub use process_symbols::{NamedAddress, Symbols};
pub use servers::{Servers, Traffic};

use std::path::PathBuf;

use crate::base::timings::Timings;

/// Where binaries and debug files are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolOptions {
    /// The executable, whatever path the core names. Its build-id is still
    /// compared.
    pub executable: Option<PathBuf>,
    /// A directory that stands for `/` of the dead process.
    pub sysroot: Option<PathBuf>,
    /// Directories of separate debug files, before `/usr/lib/debug`.
    pub debug_directories: Vec<PathBuf>,
    /// Directories of source files.
    pub source_directories: Vec<PathBuf>,
    /// The directory of what debuginfod clients have downloaded, whoever did.
    pub downloads: Option<PathBuf>,
    /// Servers that may be asked for what is missing. `None`: nobody is.
    pub servers: Option<Servers>,
    /// The text of `/etc/os-release` of the machine that the process ran on:
    /// for hints.
    pub os_release: Option<String>,
    /// Measures what each module takes.
    pub timings: Timings,
    /// Directories whose files are found by build-id, whatever their names.
    pub binaries: Vec<PathBuf>,
    /// Beginnings of paths, as the process or the compiler had them, and what
    /// stands for each on this machine. Of several that fit the longest counts.
    pub path_map: Vec<(PathBuf, PathBuf)>,
}
