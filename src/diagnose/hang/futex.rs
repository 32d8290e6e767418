//! What a thread waits for in `futex`: the object that the word belongs to, and
//! who has it.
//!
//! The function that the program called tells what the object is. Where no
//! table names it, what lies in memory around the word tells, since each
//! library's objects have fields that must agree.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::hang::api::Api;
use crate::diagnose::hang::call::SystemCall;
use crate::diagnose::hang::lock::{Flavor, Kind, Owner};
use crate::diagnose::hang::threads::ThreadTable;
use crate::diagnose::hang::{glibc, musl, rust_std};
use crate::diagnose::syscalls;
use crate::dump::process::Process;

/// A `futex` call that waits. Source: Linux `include/uapi/linux/futex.h`,
/// futex(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FutexWait {
    /// The word.
    pub(super) at: RunAddr,
    /// The operation, without its flags.
    pub(super) command: u64,
    /// Whether it is only for threads of this process (`FUTEX_PRIVATE_FLAG`).
    pub(super) is_private: bool,
    /// Whether the time is that of the wall (`FUTEX_CLOCK_REALTIME`).
    pub(super) by_wall_clock: bool,
    /// What the word held when it began to wait.
    pub(super) expected: u32,
    /// Whether it ends by itself after a time.
    pub(super) is_timed: bool,
    /// Which wakeups it takes.
    pub(super) bitset: u64,
}

impl FutexWait {
    /// The wait of a system call. `None`: it is another one.
    pub(super) fn of(call: &SystemCall) -> Option<Self> {
        const PRIVATE: u64 = 128;
        const CLOCK_REALTIME: u64 = 256;
        if syscalls::find(call.number) != Some("futex") {
            return None;
        }
        let [at, operation, expected, timeout, _, bitset] = call.arguments;
        let command = operation & 0x7f;
        // FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2; other
        // commands do not wait.
        matches!(command, 0 | 6 | 9 | 11 | 13).then_some(Self {
            at: RunAddr(at),
            command,
            is_private: operation & PRIVATE != 0,
            by_wall_clock: operation & CLOCK_REALTIME != 0,
            expected: expected as u32,
            is_timed: timeout != 0,
            bitset: bitset & u64::from(u32::MAX),
        })
    }

    /// Whether it asks as Rust's standard library does.
    pub(super) fn is_of_rust(&self) -> bool {
        self.command == 9 && !self.by_wall_clock && self.bitset == u64::from(u32::MAX)
    }

    fn inherits_priority(&self) -> bool {
        matches!(self.command, 6 | 13)
    }
}

/// What a futex belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// The word of another thread that the kernel clears at its end; its index.
    EndOf(usize),
    /// The end of a thread that is not known.
    EndOfSome,
    /// An object.
    Object {
        kind: Kind,
        at: RunAddr,
        owner: Owner,
        state: Option<String>,
        /// Of a read-write lock, whether it is waited for to write.
        to_write: Option<bool>,
    },
}

fn object(kind: Kind, at: RunAddr, owner: Owner) -> Found {
    Found::Object { kind, at, owner, state: None, to_write: None }
}

fn with_state(found: Found, words: String) -> Found {
    match found {
        Found::Object { kind, at, owner, to_write, .. } => {
            Found::Object { kind, at, owner, state: Some(words), to_write }
        }
        other => other,
    }
}

/// A futex of which nothing is known but its address.
pub(super) fn unidentified(wait: &FutexWait) -> Found {
    object(Kind::Futex, wait.at, Owner::Nobody)
}

/// What a process is asked for.
pub(super) struct Look<'l> {
    pub(super) process: &'l Process<'l>,
    pub(super) memory: &'l dyn Memory,
    pub(super) threads: &'l ThreadTable,
}

impl Look<'_> {
    /// Whether glibc is one of the modules. A static program may have it, too.
    fn has_glibc(&self) -> bool {
        let is_it = |path: &[u8]| path.ends_with(b"/libc.so.6");
        self.process.modules.iter().any(|module| is_it(&module.path))
    }
}

/// What the thread of this index waits for.
pub(super) fn identify(
    look: &Look<'_>,
    thread: usize,
    wait: &FutexWait,
    api: Option<Api>,
) -> Found {
    if let Some(other) = ending_thread(look, thread, wait, api) {
        return Found::EndOf(other);
    }
    let named = api.and_then(|api| by_name(look, wait, api));
    named.unwrap_or_else(|| by_memory(look, wait))
}

/// The thread whose end is waited for: the word lies in its own block, and
/// holds its id (glibc), or says how far it has come (musl).
fn ending_thread(
    look: &Look<'_>,
    waiter: usize,
    wait: &FutexWait,
    api: Option<Api>,
) -> Option<usize> {
    let (index, _) = look.threads.block_at(wait.at)?;
    let tid = look.process.threads.get(index)?.tid;
    let word = look.memory.u32(wait.at);
    let has_id = wait.expected == tid && word == Ok(tid);
    // musl's `detach_state`, a small number, two words behind the thread's id.
    // Other C libraries and runtimes keep other words there.
    let id_before = || look.memory.u32(RunAddr(wait.at.0.wrapping_sub(8)));
    let is_state = || {
        let is_small = wait.expected <= 3 && word == Ok(wait.expected);
        is_small && !look.has_glibc() && id_before() == Ok(tid)
    };
    let is_end = has_id || api == Some(Api::Join) || api.is_none() && is_state();
    (index != waiter && is_end).then_some(index)
}

/// By the function that the program called; its object is still checked.
fn by_name(look: &Look<'_>, wait: &FutexWait, api: Api) -> Option<Found> {
    let memory = look.memory;
    Some(match api {
        Api::Mutex => mutex(look, wait)
            .unwrap_or_else(|| object(Kind::Mutex(Flavor::Normal), wait.at, Owner::Nobody)),
        Api::Read | Api::Write => {
            let to_write = Some(api == Api::Write);
            match read_write_lock(look, wait)? {
                Found::Object { kind, at, owner, state, .. } => {
                    Found::Object { kind, at, owner, state, to_write }
                }
                other => other,
            }
        }
        Api::Condition => condition(look, wait, true),
        Api::Semaphore => {
            semaphore(look, wait).unwrap_or_else(|| object(Kind::Semaphore, wait.at, Owner::Nobody))
        }
        Api::Join => Found::EndOfSome,
        Api::Barrier => {
            barrier(look, wait).unwrap_or_else(|| object(Kind::Barrier, wait.at, Owner::Nobody))
        }
        Api::Once | Api::RustOnce => object(Kind::Once, wait.at, Owner::Hidden),
        // The word is the second half of the guard, or all of it.
        Api::Guard => object(Kind::Guard, RunAddr(wait.at.0 & !7), Owner::Hidden),
        Api::RustMutex => object(Kind::Mutex(Flavor::Rust), wait.at, Owner::Hidden),
        Api::RustRead | Api::RustWrite => {
            let to_write = api == Api::RustWrite;
            match rust_std::read_write_lock(memory, wait, Some(to_write)) {
                Some(found) => rust_read_write(&found),
                None => object(Kind::ReadWriteLock, wait.at, Owner::Nobody),
            }
        }
        Api::RustCondition => object(Kind::Condition, wait.at, Owner::Nobody),
        Api::RustPark => object(Kind::Parking, wait.at, Owner::Nobody),
        Api::ParkingLot => match rust_std::parking_lot(look.process, memory, wait) {
            Some(lock) => object(Kind::Mutex(Flavor::ParkingLot), lock, Owner::Hidden),
            None => object(Kind::Parking, wait.at, Owner::Nobody),
        },
        Api::Internal => {
            stream(look, wait).unwrap_or_else(|| object(Kind::Internal, wait.at, Owner::Hidden))
        }
    })
}

/// By what lies around the word, from what is told surely to what is told by
/// few fields.
fn by_memory(look: &Look<'_>, wait: &FutexWait) -> Found {
    let memory = look.memory;
    if rust_std::is_mutex(memory, wait) {
        return object(Kind::Mutex(Flavor::Rust), wait.at, Owner::Hidden);
    }
    if wait.is_of_rust() && wait.expected == rust_std::PARKED {
        return object(Kind::Parking, wait.at, Owner::Nobody);
    }
    if let Some(found) = stream(look, wait) {
        return found;
    }
    if let Some(found) = mutex(look, wait)
        && !matches!(found, Found::Object { owner: Owner::Nobody, .. })
    {
        return found;
    }
    // Rust's objects come before those of C that look alike: only Rust asks so.
    if let Some(lock) = rust_std::read_write_lock(memory, wait, None) {
        return rust_read_write(&lock);
    }
    // So glibc asks for these two when there is no end to the wait.
    let by_glibc = wait.command == 9 && wait.by_wall_clock || wait.is_timed || !look.has_glibc();
    let other = by_glibc.then(|| semaphore(look, wait)).flatten();
    let other = other.or_else(|| read_write_lock(look, wait)).or_else(|| barrier(look, wait));
    other.unwrap_or_else(|| match by_glibc {
        true => condition(look, wait, false),
        false => unidentified(wait),
    })
}

fn mutex(look: &Look<'_>, wait: &FutexWait) -> Option<Found> {
    let memory = look.memory;
    let of_glibc = || {
        let found = glibc::mutex(memory, wait)?;
        let kind = Kind::Mutex(found.flavor);
        let owner = match found.owner {
            0 => Owner::Nobody,
            tid => Owner::Thread(tid),
        };
        // Of a robust one the bit says nothing of other processes.
        let is_shared = found.is_shared && found.flavor != Flavor::Robust;
        let state = match (is_shared, found.owner_died) {
            (_, true) => Some("its owner has died".to_owned()),
            (true, _) => Some("other processes may use it, too".to_owned()),
            _ => None,
        };
        Some(Found::Object { kind, at: wait.at, owner, state, to_write: None })
    };
    let of_musl = || {
        let found = musl::mutex(memory, wait).filter(|_| !look.has_glibc())?;
        let owner = found.owner.map_or(Owner::Hidden, Owner::Thread);
        Some(object(Kind::Mutex(found.flavor), found.at, owner))
    };
    // What one library's mutex holds may look like one of the other's: it is
    // the one whose owner is there.
    let is_sure = |found: &Found| match found {
        Found::Object { owner: Owner::Thread(tid), .. } => look.threads.of_id(*tid).is_some(),
        _ => false,
    };
    match (of_glibc(), of_musl()) {
        (Some(found), Some(other)) => {
            Some(if !is_sure(&found) && !wait.inherits_priority() { other } else { found })
        }
        (found, other) => found.or(other),
    }
}

fn read_write_lock(look: &Look<'_>, wait: &FutexWait) -> Option<Found> {
    if let Some(found) = glibc::read_write_lock(look.memory, wait) {
        let owner = match (found.writer, found.readers) {
            (0, 0) => Owner::Nobody,
            (0, _) => Owner::Hidden,
            (writer, _) => Owner::Thread(writer),
        };
        let state = (found.writer == 0 && found.readers > 0).then(|| readers(found.readers));
        let kind = Kind::ReadWriteLock;
        let to_write = Some(found.to_write);
        return Some(Found::Object { kind, at: found.at, owner, state, to_write });
    }
    let readers = musl::read_write_lock(look.memory, wait).filter(|_| !look.has_glibc())?;
    let found = object(Kind::ReadWriteLock, wait.at, Owner::Hidden);
    Some(match readers {
        Some(count) => with_state(found, self::readers(count)),
        None => with_state(found, "a writer has it".to_owned()),
    })
}

fn rust_read_write(lock: &rust_std::ReadWriteLock) -> Found {
    let state = match lock.readers {
        Some(count) => readers(count),
        None => "a writer has it".to_owned(),
    };
    Found::Object {
        kind: Kind::ReadWriteLock,
        at: lock.at,
        owner: Owner::Hidden,
        state: Some(state),
        to_write: Some(lock.to_write),
    }
}

fn readers(count: u32) -> String {
    match count {
        1 => "1 reader has it".to_owned(),
        count => format!("{count} readers have it"),
    }
}

fn condition(look: &Look<'_>, wait: &FutexWait, is_one: bool) -> Found {
    match glibc::condition(look.memory, wait) {
        Some((at, waiters)) => {
            let words = match waiters {
                1 => "1 thread waits".to_owned(),
                waiters => format!("{waiters} threads wait"),
            };
            with_state(object(Kind::Condition, at, Owner::Nobody), words)
        }
        None if is_one => object(Kind::Condition, wait.at, Owner::Nobody),
        None => object(Kind::Futex, wait.at, Owner::Nobody),
    }
}

fn semaphore(look: &Look<'_>, wait: &FutexWait) -> Option<Found> {
    let is_musl = || (musl::is_semaphore(look.memory, wait) && !look.has_glibc()).then_some(0);
    glibc::semaphore(look.memory, wait).or_else(is_musl)?;
    let found = object(Kind::Semaphore, wait.at, Owner::Nobody);
    Some(with_state(found, "its value is 0".to_owned()))
}

fn barrier(look: &Look<'_>, wait: &FutexWait) -> Option<Found> {
    let (at, come, count) = glibc::barrier(look.memory, wait)?;
    let words = format!("{come} of {count} threads have come");
    Some(with_state(object(Kind::Barrier, at, Owner::Nobody), words))
}

fn stream(look: &Look<'_>, wait: &FutexWait) -> Option<Found> {
    let owner = RunAddr(glibc::stream_owner(look.memory, wait)?);
    let (index, into) = look.threads.block_at(owner)?;
    let thread = look.process.threads.get(index).filter(|_| into == 0)?;
    Some(object(Kind::Stream, wait.at, Owner::Thread(thread.tid)))
}
