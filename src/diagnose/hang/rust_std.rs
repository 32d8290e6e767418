//! Locks of Rust's standard library and of `parking_lot`, as they lie in memory.
//!
//! None of them says who has it. Sources: Rust
//! `library/std/src/sys/sync/mutex/futex.rs`, `rwlock/futex.rs`,
//! `thread_parking/futex.rs`; `parking_lot_core` `src/parking_lot.rs`,
//! `struct ThreadData`.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::hang::futex::FutexWait;
use crate::dump::process::Process;

/// Of a `Mutex`: locked, and somebody waits.
const CONTENDED: u32 = 2;

/// Of a `RwLock`: the count of readers; all ones when a writer has it.
const WRITER: u32 = (1 << 30) - 1;

/// More readers than this are garbage.
const MOST: u32 = 1 << 20;

/// What a parked thread's word holds.
pub(super) const PARKED: u32 = u32::MAX;

/// Whether a `Mutex` lies here: its word, then the byte that says whether it is
/// poisoned. Rust asks the kernel in a way that the C libraries do not: with
/// `FUTEX_WAIT_BITSET`, all bits, and no clock.
pub(super) fn is_mutex(memory: &dyn Memory, wait: &FutexWait) -> bool {
    const POISON: u64 = 4;
    let poison = wait.at.checked_add(POISON).and_then(|at| memory.u32(at).ok());
    wait.is_of_rust()
        && wait.expected == CONTENDED
        && memory.u32(wait.at) == Ok(CONTENDED)
        && poison.is_none_or(|word| word & 0xff <= 1)
}

/// What a `RwLock` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadWriteLock {
    pub(super) at: RunAddr,
    /// How many read it; `None`: somebody writes.
    pub(super) readers: Option<u32>,
    /// Whether it is waited for to write.
    pub(super) to_write: bool,
}

/// `state` 0, `writer_notify` 4. Readers wait at the first word, writers at the
/// second.
pub(super) fn read_write_lock(
    memory: &dyn Memory,
    wait: &FutexWait,
    to_write: Option<bool>,
) -> Option<ReadWriteLock> {
    const READERS_WAIT: u32 = 1 << 30;
    const WRITERS_WAIT: u32 = 1 << 31;
    let read = |at: RunAddr, flag: u32, to_write| {
        let state = memory.u32(at).ok()?;
        let count = state & WRITER;
        let is_count = count == WRITER || (1..MOST).contains(&count);
        let is_one = state & flag != 0 && is_count;
        let readers = (count != WRITER).then_some(count);
        is_one.then_some(ReadWriteLock { at, readers, to_write })
    };
    let as_reader = || {
        let is_state = wait.expected & READERS_WAIT != 0 && wait.expected != PARKED;
        is_state.then(|| read(wait.at, READERS_WAIT, false))?
    };
    let as_writer = || read(RunAddr(wait.at.0.checked_sub(4)?), WRITERS_WAIT, true);
    if !wait.is_of_rust() {
        return None;
    }
    match to_write {
        Some(false) => as_reader(),
        Some(true) => as_writer(),
        None => as_reader().or_else(as_writer),
    }
}

/// The lock that a thread of `parking_lot` waits for. Its thread-local
/// `ThreadData` has the word at which it waits, and near it `key`, the lock's
/// address; the order of the members is the compiler's.
pub(super) fn parking_lot(
    process: &Process<'_>,
    memory: &dyn Memory,
    wait: &FutexWait,
) -> Option<RunAddr> {
    /// Words on each side of the word that are looked at.
    const AROUND: u64 = 6;
    /// `RawMutex`: locked, and threads are parked. Of others the low bits say
    /// the same or more.
    const PARKED_BITS: u8 = 3;
    let start = wait.at.0 & !7;
    let words = (0..=AROUND.saturating_mul(2)).filter_map(|index| {
        let at = start.checked_add(index.saturating_mul(8))?.checked_sub(AROUND * 8)?;
        memory.u64(RunAddr(at)).ok()
    });
    words.map(RunAddr).find(|key| {
        let mut state = [0];
        let is_writable = process.mapping(*key).is_some_and(|it| it.permissions.write);
        is_writable && memory.read(*key, &mut state) == 1 && state == [PARKED_BITS]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    fn wait(at: u64, expected: u32) -> FutexWait {
        let bitset = u64::from(u32::MAX);
        FutexWait { at: RunAddr(at), command: 9, expected, bitset, ..FutexWait::default() }
    }

    #[test]
    fn locks() {
        let bytes = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let mutex = bytes(&[2, 0, 5]);
        let memory = Bytes(0x8000, &mutex);
        assert!(is_mutex(&memory, &wait(0x8000, 2)));
        assert!(!is_mutex(&memory, &wait(0x8000, 1)));
        assert!(!is_mutex(&memory, &FutexWait { command: 0, ..wait(0x8000, 2) }));
        let state = (1 << 30) | 2;
        let lock = bytes(&[state, 0]);
        let found = read_write_lock(&Bytes(0x8000, &lock), &wait(0x8000, state), None).unwrap();
        assert_eq!((found.readers, found.to_write), (Some(2), false));
        let written = bytes(&[WRITER | 1 << 31, 7]);
        let memory = Bytes(0x8000, &written);
        let found = read_write_lock(&memory, &wait(0x8004, 7), Some(true)).unwrap();
        assert_eq!(found, ReadWriteLock { at: RunAddr(0x8000), readers: None, to_write: true });
    }
}
