//! The stacks of a process, copied while it stood still.
//!
//! A look at a running process must be short, and an analysis is not. So the
//! stacks are copied, and the locks that threads wait for; the process runs on,
//! and what else is read of it later is only what it cannot change: memory that
//! it may not write.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use libc::pid_t;

use crate::base::addr::{RunAddr, RunRange};
use crate::base::memory::Memory;
use crate::capture::live::LiveMemory;
use crate::capture::maps;
use crate::dump::process::Mapping;

/// Bytes of one stack, from its pointer on.
const MOST_OF_ONE: u64 = 8 << 20;
/// Bytes of all stacks.
const MOST: u64 = 256 << 20;
/// Below the stack pointer leaf functions keep variables, too. Source: System V
/// psABI for x86-64, 3.2.2.
const RED_ZONE: u64 = 128;

/// Bytes before and behind the word of a lock: those of the whole lock.
const BEFORE_WORD: u64 = 64;
const BEHIND_WORD: u64 = 128;

/// Copies, and the mappings as they were then.
pub(super) struct CopiedStacks {
    mappings: Vec<Mapping>,
    /// Sorted by address, not overlapping.
    copies: Vec<(RunAddr, Vec<u8>)>,
}

impl CopiedStacks {
    /// Copies the stacks of `pid`, which stands still, from each of `pointers`
    /// to the end of its mapping, and the locks around each of `words`.
    pub(super) fn copy(
        pid: pid_t,
        pointers: impl Iterator<Item = u64>,
        words: impl Iterator<Item = u64>,
    ) -> Self {
        let mappings = maps::mappings(pid);
        let mut pointers: Vec<u64> = pointers.collect();
        pointers.sort_unstable();
        let memory = File::open(format!("/proc/{pid}/mem")).ok();
        let mut copies: Vec<(RunAddr, Vec<u8>)> = Vec::new();
        let mut left = MOST;
        for pointer in pointers {
            let Some(memory) = &memory else { break };
            let found = mappings.iter().find(|mapping| mapping.range.contains(RunAddr(pointer)));
            let Some(range) = found.map(|mapping| mapping.range) else { continue };
            let copied = copies.last().map_or(0, |(at, bytes)| at.0 + bytes.len() as u64);
            let start = pointer.saturating_sub(RED_ZONE).max(range.start.0).max(copied);
            let len = range.end.0.saturating_sub(start).min(MOST_OF_ONE).min(left);
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            let read = read_up_to(memory, &mut bytes, start);
            bytes.truncate(read);
            if !bytes.is_empty() {
                left = left.saturating_sub(bytes.len() as u64);
                copies.push((RunAddr(start), bytes));
            }
        }
        let mut copied = Self { mappings, copies };
        if let Some(memory) = &memory {
            copied.copy_locks(memory, words);
        }
        copied
    }

    /// Copies what lies around the words of locks and is no part of a stack.
    fn copy_locks(&mut self, memory: &File, words: impl Iterator<Item = u64>) {
        let words: BTreeSet<u64> = words.collect();
        let mut end = 0;
        let mut locks = Vec::new();
        for word in words {
            let mapping = self.mappings.iter().find(|it| it.range.contains(RunAddr(word)));
            let Some(range) = mapping.map(|mapping| mapping.range) else { continue };
            let start = word.saturating_sub(BEFORE_WORD).max(range.start.0).max(end);
            let to = word.saturating_add(BEHIND_WORD).min(range.end.0);
            let overlaps = self.copies.iter().any(|(at, bytes)| {
                let copied_end = at.0.saturating_add(bytes.len() as u64);
                at.0 < to && start < copied_end
            });
            let mut bytes = vec![0; usize::try_from(to.saturating_sub(start)).unwrap_or(0)];
            let read = if overlaps { 0 } else { read_up_to(memory, &mut bytes, start) };
            bytes.truncate(read);
            if !bytes.is_empty() {
                end = start.saturating_add(bytes.len() as u64);
                locks.push((RunAddr(start), bytes));
            }
        }
        self.copies.extend(locks);
        self.copies.sort_by_key(|(at, _)| *at);
    }

    /// The mappings at that moment.
    pub(super) fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The copies, and of `live` what the process cannot change.
    pub(super) fn with(&self, live: LiveMemory) -> CopiedMemory<'_> {
        CopiedMemory { copied: self, live }
    }
}

/// Reads as much as there is.
fn read_up_to(memory: &File, out: &mut [u8], at: u64) -> usize {
    let mut done = 0;
    while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match memory.read_at(rest, at + done as u64) {
            Ok(read) if read > 0 => done += read,
            _ => break,
        }
    }
    done
}

/// Memory of a process that runs on, as it was.
pub(super) struct CopiedMemory<'c> {
    copied: &'c CopiedStacks,
    live: LiveMemory,
}

impl CopiedMemory<'_> {
    /// From the copies, as far as one of them reaches.
    fn copy(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let copies = &self.copied.copies;
        let after = copies.partition_point(|(start, _)| *start <= at);
        let found = after.checked_sub(1).and_then(|index| copies.get(index));
        let rest = found.and_then(|(start, bytes)| {
            let skip = usize::try_from(at.0 - start.0).ok()?;
            bytes.get(skip..)
        });
        let rest = rest.unwrap_or_default();
        for (to, from) in out.iter_mut().zip(rest) {
            *to = *from;
        }
        rest.len().min(out.len())
    }

    /// From the process, as far as one mapping that it cannot write reaches.
    fn constant(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mappings = &self.copied.mappings;
        let after = mappings.partition_point(|mapping| mapping.range.start <= at);
        let found = after.checked_sub(1).and_then(|index| mappings.get(index));
        let found = found.filter(|mapping| {
            mapping.range.contains(at) && !mapping.permissions.write && !is_volatile(mapping)
        });
        let Some(RunRange { end, .. }) = found.map(|mapping| mapping.range) else { return 0 };
        let len = usize::try_from(end.0 - at.0).unwrap_or(usize::MAX).min(out.len());
        out.get_mut(..len).map_or(0, |out| self.live.read(at, out))
    }
}

/// What changes although the process cannot write it: the kernel's clock.
fn is_volatile(mapping: &Mapping) -> bool {
    mapping.path.as_deref().is_some_and(|path| path.starts_with(b"[vvar"))
}

impl Memory for CopiedMemory<'_> {
    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64) else { break };
            let got = match self.copy(next, rest) {
                0 => self.constant(next, rest),
                got => got,
            };
            if got == 0 {
                break;
            }
            done += got;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_changed_is_not_read() {
        let own = std::process::id() as pid_t;
        let on_stack = [7u8; 64];
        let on_heap = vec![9u8; 64];
        static CONSTANT: [u8; 4] = *b"true";
        let at = |bytes: &[u8]| RunAddr(bytes.as_ptr().expose_provenance() as u64);
        let stack = [at(&on_stack).0];
        let copied = CopiedStacks::copy(own, stack.into_iter(), std::iter::empty());
        let memory = copied.with(LiveMemory::open(own));
        let mut out = [0; 4];
        assert_eq!((memory.read(at(&on_stack), &mut out), out), (4, [7; 4]));
        assert_eq!((memory.read(at(&CONSTANT), &mut out), out), (4, *b"true"));
        assert_eq!(memory.read(at(&on_heap), &mut out), 0);

        // What somebody waits for is copied, wherever it lies.
        let words = [at(&on_heap).0, at(&on_heap).0 + 4];
        let copied = CopiedStacks::copy(own, stack.into_iter(), words.into_iter());
        let memory = copied.with(LiveMemory::open(own));
        assert_eq!((memory.read(at(&on_heap), &mut out), out), (4, [9; 4]));
    }
}
