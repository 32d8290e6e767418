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
pub mod dwarf;
pub mod entries;
mod fetch;
pub mod functions;
mod info;
mod inlined;
mod lines;
pub mod mapped_files;
pub mod module;
mod name_index;
mod name_items;
mod name_keys;
mod name_scan;
mod name_unit;
pub mod named;
mod names;
pub mod object;
mod packed;
mod plan;
mod plt;
mod process_symbols;
mod range_index;
mod scopes;
pub mod source;
mod symbol_table;
#[cfg(test)]
mod tests;
pub mod traits;
pub mod type_names;
mod type_shapes;
mod type_units;
pub mod types;
mod units;
mod unwind_tables;
mod workers;

pub use process_symbols::{NamedAddress, Symbols};

use std::path::PathBuf;

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
    /// Directories whose files are found by build-id, whatever their names.
    pub binaries: Vec<PathBuf>,
    /// Beginnings of paths, as the process or the compiler had them, and what
    /// stands for each on this machine. Of several that fit the longest counts.
    pub path_map: Vec<(PathBuf, PathBuf)>,
}
