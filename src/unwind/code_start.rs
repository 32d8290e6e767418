//! Where a function begins, when no symbol tells: unwind tables name the code
//! that they describe, and stay in stripped programs.

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::symbols::Symbols;
use crate::unwind::cfi::ModuleCfi;

/// The start of the code around `at` that the unwind tables describe in one
/// piece: a function, or the part of one that the compiler moved away.
pub fn code_start(symbols: &Symbols<'_>, arch: Arch, at: RunAddr) -> Option<RunAddr> {
    let (_, module) = symbols.module_at(at)?;
    let cfi = ModuleCfi::new(arch, module.unwind_tables());
    cfi.code_start(at.to_link(module.bias())).map(|start| start.to_run(module.bias()))
}
