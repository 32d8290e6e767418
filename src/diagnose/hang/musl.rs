//! Objects of musl's thread library, as they lie in memory on 64-bit systems.
//!
//! Sources: musl `src/internal/pthread_impl.h`,
//! `src/thread/pthread_mutex_trylock.c`, `pthread_rwlock_*.c`,
//! `pthread_cond_timedwait.c`, `sem_timedwait.c`, `pthread_join.c`.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::hang::futex::FutexWait;
use crate::diagnose::hang::lock::Flavor;

/// `EBUSY`, which a normal mutex holds when it is locked.
const BUSY: u32 = 16;

/// Somebody waits.
const WAITED_FOR: u32 = 1 << 31;

/// Bits of a word that is a thread id.
const TID: u32 = 0x3fff_ffff;

/// More waiters than this are garbage.
const MOST: u32 = 1 << 20;

fn word(memory: &dyn Memory, at: RunAddr, offset: u64) -> Option<u32> {
    memory.u32(at.checked_add(offset)?).ok()
}

/// What a `pthread_mutex_t` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mutex {
    pub(super) at: RunAddr,
    pub(super) flavor: Flavor,
    /// The owner's id. `None`: a normal mutex does not say.
    pub(super) owner: Option<u32>,
}

/// `_m_type` 0, `_m_lock` 4, `_m_waiters` 8. Threads wait at the second word.
pub(super) fn mutex(memory: &dyn Memory, wait: &FutexWait) -> Option<Mutex> {
    let at = RunAddr(wait.at.0.checked_sub(4)?);
    let kind = word(memory, at, 0)?;
    let lock = word(memory, at, 4)?;
    let waiters = word(memory, at, 8)?;
    // Who waits has set the flag before; the kernel does so for an inheriting one.
    const INHERITING: u32 = 8;
    if kind & INHERITING == 0 && (wait.expected & lock & WAITED_FOR) == 0 {
        return None;
    }
    // Kinds 0 to 2, 4 robust, 8 inheriting, 128 for other processes, too.
    if lock == 0 || kind & !0x8f != 0 || !(1..MOST).contains(&waiters) {
        return None;
    }
    if kind & 0xf == 0 {
        let is_one = lock & !WAITED_FOR == BUSY && wait.expected & !WAITED_FOR == BUSY;
        return is_one.then_some(Mutex { at, flavor: Flavor::Normal, owner: None });
    }
    let flavor = match kind & 3 {
        _ if kind & INHERITING != 0 => Flavor::PriorityInheriting,
        _ if kind & 4 != 0 => Flavor::Robust,
        1 => Flavor::Recursive,
        2 => Flavor::ErrorChecking,
        _ => Flavor::Normal,
    };
    Some(Mutex { at, flavor, owner: Some(lock & TID) })
}

/// Whether a `sem_t` lies here: its value is 0 with the flag that somebody waits,
/// or -1 in older versions; waiters 4; 128 at 8 for one of this process alone,
/// where a lock has 0.
pub(super) fn is_semaphore(memory: &dyn Memory, wait: &FutexWait) -> bool {
    let value = word(memory, wait.at, 0);
    let waiters = word(memory, wait.at, 4).unwrap_or(0);
    let is_waited_for = matches!(value, Some(WAITED_FOR | u32::MAX));
    is_waited_for
        && (1..MOST).contains(&waiters)
        && wait.is_private
        && word(memory, wait.at, 8) == Some(128)
}

/// How many readers a `pthread_rwlock_t` has; `None` inside: a writer. `_rw_lock`
/// 0, `_rw_waiters` 4.
pub(super) fn read_write_lock(memory: &dyn Memory, wait: &FutexWait) -> Option<Option<u32>> {
    let value = word(memory, wait.at, 0)?;
    let lock = value & !WAITED_FOR;
    let waiters = word(memory, wait.at, 4)?;
    // Who waits has set the flag before.
    let is_waited_for = value & wait.expected & WAITED_FOR != 0;
    let is_one = lock != 0 && (1..MOST).contains(&waiters) && is_waited_for;
    match lock {
        0x7fff_ffff => is_one.then_some(None),
        readers => (is_one && readers < MOST).then_some(Some(readers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn locks() {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let wait = |expected| FutexWait { at: RunAddr(0x7004), expected, ..FutexWait::default() };
        let busy = BUSY | WAITED_FOR;
        let cases: [(&str, [u32; 3], u32, Option<(Flavor, Option<u32>)>); 6] = [
            ("normal", [0, busy, 1], busy, Some((Flavor::Normal, None))),
            ("normal, of another value", [0, 99, 1], 99, None),
            (
                "recursive",
                [1, 77 | WAITED_FOR, 1],
                77 | WAITED_FOR,
                Some((Flavor::Recursive, Some(77))),
            ),
            (
                "inheriting",
                [8, 77 | WAITED_FOR, 1],
                0,
                Some((Flavor::PriorityInheriting, Some(77))),
            ),
            ("the flag is not set", [2, 77, 1], 77, None),
            ("nobody waits", [0, busy, 0], busy, None),
        ];
        for (name, memory, expected, want) in cases {
            let bytes = words(&memory);
            let found = mutex(&Bytes(0x7000, &bytes), &wait(expected));
            assert_eq!(found.map(|it| (it.flavor, it.owner)), want, "{name}");
        }
        let of = |lock| {
            let bytes = words(&[lock, 1]);
            let wait = FutexWait { at: RunAddr(0x7000), expected: lock, ..FutexWait::default() };
            read_write_lock(&Bytes(0x7000, &bytes), &wait)
        };
        assert_eq!(of(WAITED_FOR | 3), Some(Some(3)));
        assert_eq!(of(u32::MAX), Some(None));
        assert_eq!(of(0), None);
        let semaphore = |words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let wait = FutexWait { at: RunAddr(0x7000), is_private: true, ..FutexWait::default() };
            is_semaphore(&Bytes(0x7000, &bytes), &wait)
        };
        assert!(semaphore(&[u32::MAX, 1, 128]));
        assert!(!semaphore(&[u32::MAX, 1, 0]));
    }
}
