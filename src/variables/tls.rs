//! Variables that every thread has for itself.
//!
//! The program's own block lies just below the thread pointer: its start is the
//! thread pointer minus the size of `PT_TLS`, rounded up to its alignment
//! (Drepper, "ELF Handling For Thread-Local Storage", variant II; compilers
//! rely on it for the program itself). Blocks of libraries lie where the loader
//! pleased.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::addr::{LinkAddr, RunAddr};
use crate::variables::location::Activation;

/// Keys of the auxiliary vector (Linux `include/uapi/linux/auxvec.h`): where
/// the program headers are, the size of one, how many there are.
const AT_PHDR: u64 = 3;
const AT_PHENT: u64 = 4;
const AT_PHNUM: u64 = 5;

/// `p_type` of the thread-local template (gABI, program header), and the size
/// of an ELF64 program header.
const PT_TLS: u32 = 7;
const PHDR_SIZE: u64 = 56;

/// More program headers than this no program has.
const MOST_HEADERS: u64 = 1_000;

impl Activation<'_, '_, '_> {
    /// The address of a thread-local variable, from its offset in the block of
    /// its module.
    pub(super) fn thread_local(&self, offset: u64) -> Result<RunAddr, String> {
        let unknown = "where the thread keeps its own variables is not known";
        let process = self.context.process;
        let at = LinkAddr(self.at.0).to_run(self.bias);
        let module = process.module(at).map(|(_, module)| module).ok_or(unknown)?;
        if !module.is_main {
            return Err("it is one of a library's variables that each thread has".to_owned());
        }
        let registers = self.thread_registers().ok_or(unknown)?;
        let pointer = registers.general.get(process.arch.thread_pointer_index());
        let pointer = pointer.copied().filter(|pointer| *pointer != 0).ok_or(unknown)?;
        let distance = self.program_block().ok_or(unknown)?;
        let start = pointer.checked_sub(distance).ok_or(unknown)?;
        let inside = offset < distance;
        inside.then(|| RunAddr(start.wrapping_add(offset))).ok_or_else(|| unknown.to_owned())
    }

    /// How far below the thread pointer the program's block begins.
    fn program_block(&self) -> Option<u64> {
        let process = self.context.process;
        let memory = self.context.memory;
        let (first, count) = (process.aux(AT_PHDR)?, process.aux(AT_PHNUM)?);
        if process.aux(AT_PHENT)? != PHDR_SIZE {
            return None;
        }
        for index in 0..count.min(MOST_HEADERS) {
            let header = RunAddr(first).checked_add(index.checked_mul(PHDR_SIZE)?)?;
            if memory.u32(header).ok()? != PT_TLS {
                continue;
            }
            // p_vaddr at 16, p_memsz at 40, p_align at 48.
            let word = |at| memory.u64(header.checked_add(at)?).ok();
            let (start, size, align) = (word(16)?, word(40)?, word(48)?.max(1));
            // Linkers disagree on templates that begin off their alignment.
            if !align.is_power_of_two() || !start.is_multiple_of(align) {
                return None;
            }
            return size.checked_next_multiple_of(align);
        }
        None
    }
}
