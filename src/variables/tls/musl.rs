//! Blocks of thread-local variables under musl.
//!
//! The word behind the thread pointer points to a vector: how many modules have
//! such variables, then the address of each one's block. Modules are numbered
//! as they were loaded, from one on, and never unloaded (musl
//! `src/internal/pthread_impl.h`, `ldso/dynlink.c`, `src/thread/__tls_get_addr.c`).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::addr::RunAddr;
use crate::dump::link_map::module_headers;
use crate::variables::Context;
use crate::variables::tls::{NOT_ALLOCATED, PT_TLS, UNKNOWN, Wanted};

/// From the thread pointer to the address of the vector.
const VECTOR: u64 = 8;

/// Whether musl is the process's C library.
pub(super) fn is_there(context: &Context<'_, '_>) -> bool {
    context.symbols.modules().iter().any(|module| {
        let name = module.name();
        (name == "libc.so" || name.starts_with("ld-musl-"))
            && module.symbol_named(b"__dls3").is_some()
    })
}

/// Where the block of a module is in a thread.
pub(super) fn block(context: &Context<'_, '_>, wanted: &Wanted) -> Result<RunAddr, String> {
    let process = context.process;
    let (mut numbered, mut number) = (0_u64, None);
    for entry in context.link_map() {
        let Some((_, module)) = process.module(entry.dynamic) else {
            // The kernel's own module has none.
            continue;
        };
        let headers = module_headers(context.memory, module.range.start);
        if headers.is_empty() {
            return Err(UNKNOWN.to_owned());
        }
        if headers.iter().any(|header| header.kind == PT_TLS && header.size > 0) {
            numbered = numbered.saturating_add(1);
            if module.range == wanted.range {
                number = Some(numbered);
            }
        }
    }
    let number = number.ok_or("its module is not in the loader's list")?;
    let word = |at: RunAddr, offset: u64| context.memory.word(at.checked_add(offset)?).ok();
    let vector = RunAddr(word(wanted.pointer, VECTOR).ok_or(UNKNOWN)?);
    let count = word(vector, 0).ok_or(UNKNOWN)?;
    if number > count {
        return Err(NOT_ALLOCATED.to_owned());
    }
    // A module that is missing from the list would shift all numbers after it.
    if count != numbered {
        return Err(UNKNOWN.to_owned());
    }
    let slot = number.checked_mul(8).ok_or(UNKNOWN)?;
    match word(vector, slot).ok_or(UNKNOWN)? {
        0 => Err(NOT_ALLOCATED.to_owned()),
        block => Ok(RunAddr(block)),
    }
}
