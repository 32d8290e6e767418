//! What the end-to-end tests share: the programs under `fixtures/programs`, the
//! compilers, makers of cores, gdb as an oracle, and a writer of odd cores.

pub(crate) mod builds;
pub(crate) mod compiler;
pub(crate) mod core_maker;
pub(crate) mod core_pattern;
pub(crate) mod cross;
pub(crate) mod elf_core;
pub(crate) mod examination;
pub(crate) mod expectation;
pub(crate) mod fixture;
pub(crate) mod foreign_core;
pub(crate) mod gdb;
pub(crate) mod gdb_remote;
pub(crate) mod gdb_values;
#[cfg(feature = "minidump")]
pub(crate) mod minidump;
pub(crate) mod notice;
pub(crate) mod peers;
pub(crate) mod random;
pub(crate) mod report_check;
pub(crate) mod scratch;
pub(crate) mod situation;
pub(crate) mod target;
pub(crate) mod watchdog;
pub(crate) mod worker;
