//! Threads by id and by the addresses of their own data.

use rustc_hash::FxHashMap;

use crate::base::addr::RunAddr;
use crate::dump::process::Process;

/// How far from its thread pointer a thread's own data lie: glibc's `struct
/// pthread` has 2,304 bytes, and others are smaller.
const THREAD_DATA: u64 = 2304;

/// The threads of a process, for many questions.
#[derive(Clone, Debug, Default)]
pub(super) struct ThreadTable {
    /// Thread pointers and indices, sorted.
    by_pointer: Vec<(u64, usize)>,
    by_id: FxHashMap<u32, usize>,
    /// Whether a thread's own data lie below its pointer.
    is_below: bool,
}

impl ThreadTable {
    pub(super) fn new(process: &Process<'_>) -> Self {
        let pointer = process.arch.thread_pointer_index();
        let threads = process.threads.iter().enumerate();
        let mut by_pointer: Vec<(u64, usize)> = threads
            .clone()
            .filter_map(|(index, thread)| Some((thread.registers.as_ref()?.word(pointer)?, index)))
            .filter(|(pointer, _)| *pointer != 0)
            .collect();
        by_pointer.sort_unstable();
        let is_below = !process.arch.has_tls_below_pointer();
        Self {
            is_below,
            by_pointer,
            by_id: threads.map(|(index, thread)| (thread.tid, index)).collect(),
        }
    }

    /// The thread of this id.
    pub(super) fn of_id(&self, tid: u32) -> Option<usize> {
        self.by_id.get(&tid).copied()
    }

    /// The thread in whose own data an address is, and how far from its thread
    /// pointer.
    pub(super) fn block_at(&self, at: RunAddr) -> Option<(usize, u64)> {
        let after = self.by_pointer.partition_point(|(pointer, _)| *pointer <= at.0);
        // Where the thread-local variables lie above the pointer, its other data
        // lie below.
        let nearest = if self.is_below { after } else { after.checked_sub(1)? };
        let (pointer, index) = self.by_pointer.get(nearest)?;
        let into = at.0.abs_diff(*pointer);
        (into < THREAD_DATA).then_some((*index, into))
    }
}
