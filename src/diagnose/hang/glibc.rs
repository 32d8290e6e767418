//! Objects of glibc's thread library, as they lie in memory on 64-bit systems.
//!
//! Sources: glibc `sysdeps/nptl/bits/thread-shared-types.h`,
//! `sysdeps/nptl/bits/struct_mutex.h` and `struct_rwlock.h`,
//! `nptl/pthread_rwlock_common.c`, `pthread_cond_wait.c`, `sem_waitcommon.c`,
//! `pthread_barrier_wait.c`; `libio/stdio-lock.h`. All words are little-endian.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::hang::futex::FutexWait;
use crate::diagnose::hang::lock::Flavor;

/// More users, waiters or parties than this are not counted but garbage.
const MOST: u32 = 1 << 20;

/// Bits of a word that is a thread id: `FUTEX_TID_MASK`.
const TID: u32 = 0x3fff_ffff;

fn word(memory: &dyn Memory, at: RunAddr, offset: u64) -> Option<u32> {
    memory.u32(at.checked_add(offset)?).ok()
}

/// What a `pthread_mutex_t` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mutex {
    pub(super) flavor: Flavor,
    /// The owner's id; zero while it is handed over.
    pub(super) owner: u32,
    /// Whether other processes may use it.
    pub(super) is_shared: bool,
    /// Whether its owner has died, of a robust one.
    pub(super) owner_died: bool,
}

/// `__lock` 0, `__count` 4, `__owner` 8, `__nusers` 12, `__kind` 16.
pub(super) fn mutex(memory: &dyn Memory, wait: &FutexWait) -> Option<Mutex> {
    let at = wait.at;
    let lock = word(memory, at, 0)?;
    let owner = word(memory, at, 8)?;
    let users = word(memory, at, 12)?;
    let kind = word(memory, at, 16)?;
    // `PTHREAD_MUTEX_ROBUST_NORMAL_NP`, `PTHREAD_MUTEX_PRIO_INHERIT_NP`,
    // `PTHREAD_MUTEX_PRIO_PROTECT_NP`, `PTHREAD_MUTEX_PSHARED_BIT`, and two bits
    // for lock elision.
    let is_robust = kind & 16 != 0;
    let inherits = kind & 32 != 0;
    if lock == 0 || kind & !0x3f3 != 0 || users > MOST {
        return None;
    }
    let has_tid = is_robust || inherits;
    // In one without an id there, 2 means locked with waiters.
    if !has_tid && (lock > 2 || wait.expected != 2) {
        return None;
    }
    let named = if has_tid { lock & TID } else { owner };
    let flavor = match kind & 3 {
        _ if inherits => Flavor::PriorityInheriting,
        _ if is_robust => Flavor::Robust,
        1 => Flavor::Recursive,
        2 => Flavor::ErrorChecking,
        _ => Flavor::Normal,
    };
    Some(Mutex {
        flavor,
        owner: named,
        is_shared: kind & 128 != 0,
        owner_died: has_tid && lock & 0x4000_0000 != 0,
    })
}

/// What a `pthread_rwlock_t` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadWriteLock {
    pub(super) at: RunAddr,
    pub(super) readers: u32,
    /// The writer's id; zero: nobody writes.
    pub(super) writer: u32,
    /// Whether it is waited for to write.
    pub(super) to_write: bool,
}

/// `__readers` 0, `__writers` 4, `__wrphase_futex` 8, `__writers_futex` 12, two
/// words of zeros, `__cur_writer` 24, `__shared` 28, `__flags` 48. Readers wait
/// at the third word until it is 0, with `PTHREAD_RWLOCK_FUTEX_USED` 2 added, and
/// the writer that is next until it is 1; other writers wait at the fourth, and
/// readers of a lock that prefers writers at the first.
pub(super) fn read_write_lock(memory: &dyn Memory, wait: &FutexWait) -> Option<ReadWriteLock> {
    [8, 12, 0].into_iter().find_map(|offset| {
        let at = RunAddr(wait.at.0.checked_sub(offset)?);
        let readers = word(memory, at, 0)?;
        let writers = word(memory, at, 4)?;
        let pads = (word(memory, at, 16)?, word(memory, at, 20)?, word(memory, at, 40)?);
        let (writer, shared) = (word(memory, at, 24)?, word(memory, at, 28)?);
        let flags = word(memory, at, 48)?;
        let is_one = pads == (0, 0, 0)
            && shared <= 1
            && flags <= 3
            // The highest bit says that a writer hands over to another one.
            && writers & 0x7fff_ffff < MOST
            && readers >> 3 < MOST
            && (readers != 0 || writers != 0);
        let to_write = offset == 12 || offset == 8 && wait.expected == 2;
        is_one.then_some(ReadWriteLock { at, readers: readers >> 3, writer, to_write })
    })
}

/// Where a `pthread_cond_t` begins, and how many threads wait for it:
/// `__g_signals[2]` at 40, `__wrefs` at 36 counts from bit 3 on. Since 2.41 both
/// lie 8 bytes earlier.
pub(super) fn condition(memory: &dyn Memory, wait: &FutexWait) -> Option<(RunAddr, u32)> {
    [(40, 36), (44, 36), (32, 28), (36, 28)].into_iter().find_map(|(offset, references)| {
        let at = RunAddr(wait.at.0.checked_sub(offset)?);
        let waiters = word(memory, at, references)? >> 3;
        let sequence = memory.u64(at).ok()?;
        let start = memory.u64(at.checked_add(8)?).ok()?;
        // Both count from bit 1 on; a group starts before what waits now.
        let is_one = at.0.is_multiple_of(8)
            && (1..MOST).contains(&waiters)
            && sequence >> 1 > 0
            // No pointers, which are larger.
            && sequence < 1 << 40
            && (sequence >> 1).checked_sub(start >> 1).is_some_and(|it| it < u64::from(MOST));
        is_one.then_some((at, waiters))
    })
}

/// How many threads wait for a `sem_t`: the value is the low word, the waiters
/// are counted in the next one.
pub(super) fn semaphore(memory: &dyn Memory, wait: &FutexWait) -> Option<u32> {
    let value = word(memory, wait.at, 0)?;
    let waiters = word(memory, wait.at, 4)?;
    let private = word(memory, wait.at, 8)?;
    let is_one = value == 0
        && wait.expected == 0
        && (1..MOST).contains(&waiters)
        && matches!(private, 0 | 128)
        && wait.at.0.is_multiple_of(8);
    is_one.then_some(waiters)
}

/// Where a `pthread_barrier_t` begins, how many have come in this round, and
/// how many it takes: `in` 0, `current_round` 4, `count` 8, `shared` 12.
pub(super) fn barrier(memory: &dyn Memory, wait: &FutexWait) -> Option<(RunAddr, u32, u32)> {
    let at = RunAddr(wait.at.0.checked_sub(4)?);
    let (arrived, round) = (word(memory, at, 0)?, word(memory, at, 4)?);
    let (count, shared) = (word(memory, at, 8)?, word(memory, at, 12)?);
    let come = arrived.checked_sub(round)?;
    let is_one = round == wait.expected
        && (1..MOST).contains(&count)
        && (1..count).contains(&come)
        && matches!(shared, 0 | 128);
    is_one.then_some((at, come, count))
}

/// The owner of a `FILE`'s lock, as its thread pointer: `lock` 0, `cnt` 4,
/// `owner` 8.
pub(super) fn stream_owner(memory: &dyn Memory, wait: &FutexWait) -> Option<u64> {
    let lock = word(memory, wait.at, 0)?;
    let count = word(memory, wait.at, 4)?;
    let owner = memory.u64(wait.at.checked_add(8)?).ok()?;
    (lock == 2 && wait.expected == 2 && (1..MOST).contains(&count)).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    const AT: u64 = 0x7000;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn wait(offset: u64, expected: u32) -> FutexWait {
        FutexWait { at: RunAddr(AT + offset), expected, ..FutexWait::default() }
    }

    #[test]
    fn mutexes() {
        // `__lock`, `__count`, `__owner`, `__nusers`, `__kind`
        let cases: [(&str, [u32; 5], u32, Option<(Flavor, u32)>); 9] = [
            ("normal", [2, 0, 77, 1, 0], 2, Some((Flavor::Normal, 77))),
            ("recursive", [2, 3, 77, 1, 1], 2, Some((Flavor::Recursive, 77))),
            ("error-checking", [2, 0, 77, 1, 2], 2, Some((Flavor::ErrorChecking, 77))),
            ("robust", [0x8000_004d, 0, 77, 1, 16], 0x8000_004d, Some((Flavor::Robust, 77))),
            ("inheriting", [77, 0, 77, 1, 32], 0, Some((Flavor::PriorityInheriting, 77))),
            ("handed over", [2, 0, 0, 0, 0], 2, Some((Flavor::Normal, 0))),
            ("unlocked", [0, 0, 0, 0, 0], 2, None),
            ("no kind", [2, 0, 77, 1, 0x1234_5678], 2, None),
            ("another expectation", [2, 0, 77, 1, 0], 7, None),
        ];
        for (name, memory, expected, want) in cases {
            let bytes = words(&memory);
            let found = mutex(&Bytes(AT, &bytes), &wait(0, expected));
            assert_eq!(found.map(|it| (it.flavor, it.owner)), want, "{name}");
        }
        assert_eq!(mutex(&Bytes(AT, &[2, 0]), &wait(0, 2)), None, "cut");
    }

    #[test]
    fn read_write_locks() {
        // One reader; a writer waits for it.
        let read = words(&[0b1010, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let found = read_write_lock(&Bytes(AT, &read), &wait(8, 2)).unwrap();
        assert_eq!((found.at, found.readers, found.writer), (RunAddr(AT), 1, 0));
        assert!(found.to_write);
        // A writer has it; a reader waits.
        let written = words(&[0b1011, 0, 3, 1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0]);
        let found = read_write_lock(&Bytes(AT, &written), &wait(8, 3)).unwrap();
        assert_eq!((found.readers, found.writer, found.to_write), (1, 88, false));
        let noise = words(&[7; 14]);
        assert_eq!(read_write_lock(&Bytes(AT, &noise), &wait(8, 3)), None);
    }

    #[test]
    fn other_objects() {
        // `__wseq` and `__g1_start` of 8 bytes, `__g_refs[2]`, `__g_size[2]`,
        // `__g1_orig_size`, `__wrefs`, `__g_signals[2]`
        let cond = words(&[5, 0, 2, 0, 2, 0, 0, 0, 4, 8, 0, 0]);
        assert_eq!(condition(&Bytes(AT, &cond), &wait(40, 0)), Some((RunAddr(AT), 1)));
        let sem = words(&[0, 2, 0, 0]);
        assert_eq!(semaphore(&Bytes(AT, &sem), &wait(0, 0)), Some(2));
        assert_eq!(semaphore(&Bytes(AT, &words(&[1, 2, 0, 0])), &wait(0, 0)), None);
        let two_of_three = words(&[2, 0, 3, 0, 0]);
        let found = barrier(&Bytes(AT, &two_of_three), &wait(4, 0));
        assert_eq!(found, Some((RunAddr(AT), 2, 3)));
        let mut stream = words(&[2, 1]);
        stream.extend(0x7f00_1234_u64.to_le_bytes());
        assert_eq!(stream_owner(&Bytes(AT, &stream), &wait(0, 2)), Some(0x7f00_1234));
    }
}
