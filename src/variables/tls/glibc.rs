//! Blocks of thread-local variables under the GNU C library.
//!
//! The word behind the thread pointer points to a vector of slots, one for each
//! module with such variables; a slot begins with the address of the module's
//! block. The library describes its structures to debuggers in constants of its
//! own, each three `u32`: how many bits a field has, how many elements, and its
//! offset (glibc `nptl_db/db_info.c`, `nptl_db/td_thr_tlsbase.c`).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::addr::RunAddr;
use crate::symbols::module::ModuleSymbols;
use crate::variables::Context;
use crate::variables::tls::{NOT_ALLOCATED, UNKNOWN, Wanted};

/// How many pieces the list of modules may be in.
const MOST_PIECES: usize = 1_000;

/// One field of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u32,
    offset: u64,
}

/// Where things are in this version of the library.
pub(super) struct Layout<'c, 'f> {
    library: &'c ModuleSymbols<'f>,
    /// In a `link_map`: which slot, and where below the thread pointer the
    /// block is if it was there from the start.
    slot: Field,
    distance: Field,
    /// From the thread pointer to the address of the vector.
    vector: Field,
    /// In the vector: a slot, and in that the address, and a count.
    slots: Field,
    address: Field,
    count: Field,
}

impl<'c, 'f> Layout<'c, 'f> {
    /// The layout of the process's library. `None`: it has another library, or
    /// one that lacks the description.
    pub(super) fn of<'a>(context: &Context<'a, 'f>) -> Option<Layout<'a, 'f>> {
        let is_library = |module: &&ModuleSymbols<'f>| {
            let name = module.name();
            // Up to version 2.33, threads had a library of their own.
            ["libc.so.6", "libc-", "libpthread"].iter().any(|start| name.starts_with(start))
        };
        let mut libraries = context.symbols.modules().iter().filter(is_library);
        libraries.find_map(|library| {
            let field = |name: &str| field(context, library, name);
            Some(Layout {
                library,
                slot: field("link_map_l_tls_modid")?,
                distance: field("link_map_l_tls_offset")?,
                vector: field("pthread_dtvp")?,
                slots: field("dtv_dtv")?,
                address: field("dtv_t_pointer_val")?,
                count: field("dtv_t_counter")?,
            })
        })
    }

    /// Where the block of a module is in a thread.
    pub(super) fn block(
        &self,
        context: &Context<'_, 'f>,
        wanted: &Wanted,
    ) -> Result<RunAddr, String> {
        let link = context.link_entry(wanted.range);
        let link = link.ok_or("its module is not in the loader's list")?.at;
        let word = |at: RunAddr, offset: u64| context.memory.word(at.checked_add(offset)?).ok();
        let number = word(link, self.slot.offset).ok_or(UNKNOWN)?;
        if number == 0 {
            return Err("its module has no thread-local variables".to_owned());
        }
        let vector = RunAddr(word(wanted.pointer, self.vector.offset).ok_or(UNKNOWN)?);
        // The slot before the first has the number of slots.
        let size = u64::from(self.slots.bits / 8);
        let before = vector.0.checked_sub(size).map(RunAddr).ok_or(UNKNOWN)?;
        let slots = word(before, self.count.offset).ok_or(UNKNOWN)?;
        // A thread learns of a new module when it first uses it.
        let known = word(vector, self.count.offset).ok_or(UNKNOWN)?;
        let changed = self.generation(context, number, link)?;
        if number <= slots && changed <= known {
            let slot = number.checked_mul(size).and_then(|at| vector.checked_add(at));
            let block = word(slot.ok_or(UNKNOWN)?, self.address.offset).ok_or(UNKNOWN)?;
            // All ones: not yet. Older versions set the lowest bit.
            if block & 1 == 0 && block != 0 {
                return Ok(RunAddr(block));
            }
        }
        // A block that was made with the thread needs no slot. Zero and minus
        // one: there is none (`NO_TLS_OFFSET`, `FORCED_DYNAMIC_TLS_OFFSET`).
        match word(link, self.distance.offset).ok_or(UNKNOWN)? {
            0 | 0xffff_ffff | u64::MAX => Err(NOT_ALLOCATED.to_owned()),
            distance => wanted
                .pointer
                .0
                .checked_sub(distance)
                .map(RunAddr)
                .ok_or_else(|| UNKNOWN.to_owned()),
        }
    }

    /// At which change of the modules a slot got its module.
    fn generation(
        &self,
        context: &Context<'_, 'f>,
        number: u64,
        link: RunAddr,
    ) -> Result<u64, String> {
        let read = || {
            let field = |name: &str| field(context, self.library, name);
            let list = field("rtld_global__dl_tls_dtv_slotinfo_list")?;
            let (length, next, first) = (
                field("dtv_slotinfo_list_len")?,
                field("dtv_slotinfo_list_next")?,
                field("dtv_slotinfo_list_slotinfo")?,
            );
            let (generation, module) = (field("dtv_slotinfo_gen")?, field("dtv_slotinfo_map")?);
            let size = u64::from(constant(context, self.library, "sizeof_dtv_slotinfo", 0)?);
            let global = context.symbols.modules().iter().find_map(|module| {
                let name = module.name();
                let is_loader = name.starts_with("ld-") || name.starts_with("ld.so");
                let symbol = is_loader.then(|| module.symbol_named(b"_rtld_global")).flatten()?;
                Some(symbol.start.to_run(module.bias()))
            })?;
            let word = |at: RunAddr, offset: u64| context.memory.word(at.checked_add(offset)?).ok();
            let mut piece = RunAddr(word(global, list.offset)?);
            let mut left = number;
            for _ in 0..MOST_PIECES {
                let count = word(piece, length.offset)?;
                if left < count {
                    let at = first.offset.checked_add(left.checked_mul(size)?)?;
                    let slot = piece.checked_add(at)?;
                    // The slot may have another module by now.
                    return (word(slot, module.offset)? == link.0)
                        .then(|| word(slot, generation.offset))
                        .flatten();
                }
                left = left.checked_sub(count)?;
                piece = RunAddr(word(piece, next.offset)?);
            }
            None
        };
        read().ok_or_else(|| "whether this thread has it is not known".to_owned())
    }
}

/// A field as the library describes it.
fn field<'f>(context: &Context<'_, 'f>, library: &ModuleSymbols<'f>, name: &str) -> Option<Field> {
    let bits = constant(context, library, name, 0)?;
    Some(Field { bits, offset: u64::from(constant(context, library, name, 8)?) })
}

/// A number of one of the library's constants, which lies so far into it.
fn constant<'f>(
    context: &Context<'_, 'f>,
    library: &ModuleSymbols<'f>,
    name: &str,
    at: u64,
) -> Option<u32> {
    let symbol = library.symbol_named(format!("_thread_db_{name}").as_bytes())?;
    let start = symbol.start.to_run(library.bias());
    context.memory.u32(start.checked_add(at)?).ok()
}
