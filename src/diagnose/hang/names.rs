//! What the source calls a lock.

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::diagnose::crash::Crash;
use crate::diagnose::ground::symbol_of_data;
use crate::diagnose::hang::calls_of;
use crate::diagnose::scene::is_library_at;
use crate::dump::process::Thread;
use crate::unwind::frame::Frame;
use crate::variables::Context;
use crate::variables::query::Viewpoint;
use crate::variables::query::inside::{static_at, variable_at};
use crate::variables::reach::reach;

/// Calls out from the one that asked for a lock whose variables are looked
/// through.
const MOST_CALLS: usize = 3;

/// Frames of a stack that are looked through for the variable at an address.
const MOST_FRAMES: usize = 64;

/// The name of the object at an address, which the call of this index of a
/// thread has asked for: a global or static variable, a local one of any
/// thread, or what the caller's pointers lead to. Without debug information
/// the symbol.
pub(super) fn name_of(
    crash: &Crash<'_, '_>,
    context: &Context<'_, '_>,
    at: RunAddr,
    asked: Option<(usize, usize)>,
) -> Option<String> {
    let nowhere = Viewpoint { context, thread: None, frames: &[], index: 0, call: None };
    let of_global = static_at(&nowhere, at).map(|found| without_inside(&found.path));
    let name = of_global
        .or_else(|| on_a_stack(crash, context, at))
        .or_else(|| through_pointers(crash, context, at, asked?));
    let name = name.filter(|name| !name.is_empty());
    name.or_else(|| symbol_of_data(crash.symbols, at)).map(|name| of_guard(&name))
}

/// The local static variable of C++ that a symbol is the guard of, without the
/// namespaces that have no name: `settings()::table`. Others as they are.
fn of_guard(name: &str) -> String {
    let Some(guarded) = name.strip_prefix("guard variable for ") else { return name.to_owned() };
    guarded.replace("(anonymous namespace)::", "")
}

/// A local variable of any thread.
fn on_a_stack(crash: &Crash<'_, '_>, context: &Context<'_, '_>, at: RunAddr) -> Option<String> {
    let process = crash.process;
    let mapping = process.mapping(at)?.range;
    let pointer = |thread: &Thread| stack_pointer(process.arch, thread);
    let stands_there =
        |thread: &Thread| pointer(thread).is_some_and(|sp| mapping.contains(sp) && sp <= at);
    // Of stacks that touch, the nearest below.
    let threads = process.threads.iter().enumerate();
    let (index, thread) = threads
        .filter(|(_, thread)| stands_there(thread))
        .max_by_key(|(_, thread)| pointer(thread).map(|sp| sp.0))?;
    let frames: Vec<&Frame> = crash.threads.get(index)?.stack.frames().collect();
    let covers = |frame: &&Frame| {
        let (start, end) = (frame.registers.sp(), frame.cfa);
        start.is_some_and(|start| start <= at) && end.is_some_and(|end| at < end)
    };
    let number = frames.iter().take(MOST_FRAMES).position(covers)?;
    let mut calls = calls_of(crash, index).iter().filter(|call| call.frame == number);
    calls.find_map(|call| {
        let call = Some(&call.call);
        let view =
            Viewpoint { context, thread: Some(thread), frames: &frames, index: number, call };
        variable_at(&view, at).map(|found| without_inside(&found.path))
    })
}

fn stack_pointer(arch: Arch, thread: &Thread) -> Option<RunAddr> {
    let index = arch.general_index(arch.stack_pointer())?;
    thread.registers.as_ref()?.word(index).map(RunAddr)
}

fn through_pointers(
    crash: &Crash<'_, '_>,
    context: &Context<'_, '_>,
    at: RunAddr,
    (thread, asked): (usize, usize),
) -> Option<String> {
    let frames: Vec<&Frame> = crash.threads.get(thread)?.stack.frames().collect();
    let calls = calls_of(crash, thread).get(asked..)?;
    // Names of a library's own variables mean little to who did not write it.
    let own = calls.iter().filter(|call| {
        let frame = frames.get(call.frame);
        frame.is_some_and(|frame| !is_library_at(crash, frame.at, call))
    });
    own.take(MOST_CALLS).find_map(|call| {
        let path = reach(context, &frames, call.frame, &call.call, at)?;
        Some(without_inside(&path))
    })
}

/// A path without the members that are the library's own.
fn without_inside(path: &str) -> String {
    // Rust: what an `Arc` and a `Box` point to has no name of its own.
    const POINTERS: [&str; 3] = [".ptr.pointer", ".__0.pointer", ".inner.ptr.pointer"];
    const RUST: [&str; 4] = [".inner.futex", ".inner.state", ".inner.writer_notify", ".raw.state"];
    let mut end = path.len();
    for part in POINTERS.iter().chain(&RUST) {
        end = end.min(path.find(part).unwrap_or(end));
    }
    // C and C++ reserve such names to the implementation.
    for part in [".__", "._M_", "->__", "->_M_"] {
        end = end.min(path.find(part).unwrap_or(end));
    }
    let cut = path.get(..end).unwrap_or(path).trim_end_matches(['.', '>', '-']);
    // `(*a` of `(*a.ptr.pointer).data`, and `(*a)`.
    let opened = cut.matches('(').count().saturating_sub(cut.matches(')').count());
    let whole = cut.strip_prefix("(*").and_then(|rest| rest.strip_suffix(')'));
    match (opened, whole) {
        (0, Some(whole)) if !whole.contains([')', '.']) => whole.to_owned(),
        (0, _) => cut.to_owned(),
        _ => cut.trim_start_matches(['(', '*']).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_where_a_library_begins() {
        let cases = [
            ("rent.lock", "rent.lock"),
            ("from->lock", "from->lock"),
            ("*mutex", "*mutex"),
            ("pool._M_mutex", "pool"),
            ("this->lock._M_mutex", "this->lock"),
            ("rust_locks::RENT.inner.futex.v.value", "rust_locks::RENT"),
            ("(*a.ptr.pointer).data.inner.futex.v", "a"),
            ("(*to).inner.futex.v", "to"),
            ("(*(*pool).lock).x", "(*(*pool).lock).x"),
            ("bank.accounts[2].lock.__data.__lock", "bank.accounts[2].lock"),
            ("", ""),
        ];
        for (path, want) in cases {
            assert_eq!(without_inside(path), want);
        }
    }
}
