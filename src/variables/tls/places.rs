//! From an address to the thread and the module whose thread-local block it is
//! in.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::addr::RunAddr;
use crate::dump::link_map::{module_headers, program_headers};
use crate::dump::process::{Module, Thread};
use crate::symbols::entries::Entry;
use crate::variables::Context;
use crate::variables::tls::PT_TLS;

/// A place in a block of thread-local variables.
pub(crate) struct ThreadLocal<'p, 'a, 'f> {
    /// Whose block it is.
    pub(crate) thread: &'p Thread,
    /// Of which module.
    pub(crate) module: &'p Module,
    /// Bytes from the block's start.
    pub(crate) offset: u64,
    /// The variable there, and how many bytes into it the place is. `None`: no
    /// debug information tells.
    pub(crate) variable: Option<(Entry<'a, 'f>, u64)>,
}

impl<'a, 'f> Context<'a, 'f> {
    /// The thread-local block that an address is in.
    pub(crate) fn thread_local_at(&self, at: RunAddr) -> Option<ThreadLocal<'a, 'a, 'f>> {
        let process = self.process;
        let sized: Vec<(&Module, u64)> = process
            .modules
            .iter()
            .filter_map(|module| {
                let headers = match module.is_main {
                    true => program_headers(process, self.memory),
                    false => module_headers(self.memory, module.range.start),
                };
                let template = headers.iter().find(|header| header.kind == PT_TLS)?;
                (template.size > 0).then_some((module, template.size))
            })
            .collect();
        let index = process.arch.thread_pointer_index();
        let pointers = process.threads.iter().filter_map(|thread| {
            let pointer = thread.registers.as_ref()?.word(index)?;
            (pointer != 0).then_some((thread, RunAddr(pointer)))
        });
        let (thread, module, offset) = pointers
            .flat_map(|(thread, pointer)| {
                sized.iter().map(move |(module, size)| (thread, pointer, *module, *size))
            })
            .find_map(|(thread, pointer, module, size)| {
                let block = self.thread_local_block(module, pointer).ok()?;
                let offset = at.0.checked_sub(block.0).filter(|offset| *offset < size)?;
                Some((thread, module, offset))
            })?;
        let symbols = self.symbols.module_at(module.range.start).map(|(_, symbols)| symbols);
        let variable = symbols.and_then(|symbols| self.types.thread_local_at(symbols, offset));
        Some(ThreadLocal { thread, module, offset, variable })
    }
}
