//! What addresses are, in a few words.

use crate::base::addr::RunAddr;
use crate::dump::process::{Mapping, Process, Thread};
use crate::report::model::text;
use crate::variables::Context;

/// Names addresses.
pub(super) struct Labels<'l, 'a, 'f> {
    pub(super) context: &'l Context<'a, 'f>,
}

impl Labels<'_, '_, '_> {
    /// What a word may point to. `None`: to nothing that is mapped.
    pub(super) fn of_word(&self, at: RunAddr) -> Option<String> {
        let process = self.context.process;
        let mapping = process.mapping(at)?;
        if let Some(name) = self.context.symbol(at) {
            return Some(format!("<{name}>"));
        }
        if let Some((thread, offset)) = stack_of(process, at) {
            let tid = thread.tid;
            return Some(match offset {
                offset if offset < 0 => format!("stack of thread {tid}, below its end"),
                offset => format!("stack of thread {tid}, {}+{offset:#x}", stack_pointer(process)),
            });
        }
        if let Some((_, module)) = process.module(at) {
            let name = module.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let offset = at.0.saturating_sub(module.range.start.0);
            return Some(format!("{}+{offset:#x}", text(name)));
        }
        Some(described(mapping, at))
    }
}

/// What the stack pointer is called.
fn stack_pointer(process: &Process<'_>) -> &'static str {
    process.arch.register_name(process.arch.stack_pointer()).unwrap_or("sp")
}

fn described(mapping: &Mapping, at: RunAddr) -> String {
    let offset = at.0.saturating_sub(mapping.range.start.0);
    match &mapping.path {
        Some(path) if path.starts_with(b"[") => text(path),
        Some(path) => {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            format!("{}+{offset:#x}", text(name))
        }
        None if mapping.permissions.write => "memory without a file".to_owned(),
        None => "memory without a file, not writable".to_owned(),
    }
}

/// The thread whose stack an address lies on, and its distance from the
/// thread's stack pointer. Of several threads whose stacks touch, the one whose
/// stack pointer is the last below the address.
pub(super) fn stack_of<'p>(process: &'p Process<'_>, at: RunAddr) -> Option<(&'p Thread, i64)> {
    let mapping = process.mapping(at)?;
    let index = process.arch.general_index(process.arch.stack_pointer())?;
    let stacks = process.threads.iter().filter_map(|thread| {
        let pointer = thread.registers.as_ref()?.word(index)?;
        mapping.range.contains(RunAddr(pointer)).then_some((thread, pointer))
    });
    let (mut below, mut above): (Option<(&Thread, u64)>, Option<(&Thread, u64)>) = (None, None);
    for (thread, pointer) in stacks {
        if pointer <= at.0 {
            below = below.filter(|(_, best)| *best >= pointer).or(Some((thread, pointer)));
        } else {
            above = above.filter(|(_, best)| *best <= pointer).or(Some((thread, pointer)));
        }
    }
    let (thread, pointer) = below.or(above)?;
    Some((thread, at.0.wrapping_sub(pointer).cast_signed()))
}
