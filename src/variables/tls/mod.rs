//! Variables that every thread has for itself.
//!
//! Each module has one block of them in each thread. That of the program itself
//! lies at a fixed distance from the thread pointer, on which compilers rely:
//! [`Arch::program_tls_block`](crate::base::arch::Arch::program_tls_block).
//! Blocks of libraries lie where the loader pleased; the vector behind
//! the thread pointer tells where, [`glibc`] and [`musl`] each in their way.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod glibc;
mod musl;
mod places;

use crate::base::addr::{LinkAddr, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::dump::link_map::{LinkEntry, link_map, program_headers};
use crate::dump::process::Module;
use crate::variables::Context;
use crate::variables::location::Activation;

/// `p_type` of the thread-local template (gABI, program header).
const PT_TLS: u32 = 7;

/// What is said when nothing tells.
const UNKNOWN: &str = "where the thread keeps its own variables is not known";

/// What is said of a block that was not needed so far.
const NOT_ALLOCATED: &str = "it is not allocated in this thread, which never used it";

/// Whose block is wanted.
struct Wanted {
    /// The thread pointer.
    pointer: RunAddr,
    /// Where the module is.
    range: RunRange,
}

impl<'f> Context<'_, 'f> {
    /// The loader's list of modules.
    pub(super) fn link_map(&self) -> &[LinkEntry] {
        self.link_map.get_or_init(|| link_map(self.process, self.memory, self.limits.link_map))
    }

    /// The loader's entry for the module with these addresses.
    fn link_entry(&self, range: RunRange) -> Option<LinkEntry> {
        // Not by its path, which may be relative to a directory of long ago.
        self.link_map().iter().find(|entry| range.contains(entry.dynamic)).copied()
    }

    /// Where the block of a module is in the thread with that pointer.
    pub(super) fn thread_local_block(
        &self,
        module: &Module,
        pointer: RunAddr,
    ) -> Result<RunAddr, String> {
        if module.is_main {
            let (size, align) = self.program_block().ok_or(UNKNOWN)?;
            let block = self.process.arch.program_tls_block(pointer.0, size, align);
            return block.map(RunAddr).ok_or_else(|| UNKNOWN.to_owned());
        }
        if !self.process.arch.has_tls_below_pointer() {
            return Err(format!(
                "where libraries keep such variables on {} is not known",
                self.process.arch.name()
            ));
        }
        let wanted = Wanted { pointer, range: module.range };
        match glibc::Layout::of(self) {
            Some(layout) => layout.block(self, &wanted),
            None if self.process.arch == Arch::X86_64 && musl::is_there(self) => {
                musl::block(self, &wanted)
            }
            None => Err("its C library is none that this program knows".to_owned()),
        }
    }

    /// Size and alignment of the program's block.
    fn program_block(&self) -> Option<(u64, u64)> {
        let headers = program_headers(self.process, self.memory);
        let template = headers.iter().find(|header| header.kind == PT_TLS)?;
        let (start, align) = (template.start.0, template.align.max(1));
        // Linkers disagree on templates that begin off their alignment.
        if !align.is_power_of_two() || !start.is_multiple_of(align) {
            return None;
        }
        Some((template.size, align))
    }
}

impl Activation<'_, '_, '_> {
    /// The address of a thread-local variable, from its offset in the block of
    /// its module.
    pub(super) fn thread_local(&self, offset: u64) -> Result<RunAddr, String> {
        let context = self.context;
        let process = context.process;
        let at = LinkAddr(self.at.0).to_run(self.bias);
        let module = process.module(at).map(|(_, module)| module).ok_or(UNKNOWN)?;
        let registers = self.thread_registers().ok_or(UNKNOWN)?;
        let pointer = registers.word(process.arch.thread_pointer_index());
        let pointer = pointer.filter(|pointer| *pointer != 0).ok_or(UNKNOWN)?;
        let block = context.thread_local_block(module, RunAddr(pointer))?;
        if module.is_main && context.program_block().is_none_or(|(size, _)| offset >= size) {
            return Err(UNKNOWN.to_owned());
        }
        block.checked_add(offset).ok_or_else(|| UNKNOWN.to_owned())
    }
}
