//! Which function of which library a thread waits in, by the names of its
//! innermost calls.

use crate::symbols::functions::NameSource;
use crate::variables::calls::FrameCall;

/// What the program asked for, as the function's name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// `pthread_mutex_lock` and the like.
    Mutex,
    /// `pthread_rwlock_rdlock` and the like.
    Read,
    /// `pthread_rwlock_wrlock` and the like.
    Write,
    /// `pthread_cond_wait` and the like.
    Condition,
    /// `sem_wait` and the like.
    Semaphore,
    /// `pthread_join` and the like.
    Join,
    /// `pthread_barrier_wait`.
    Barrier,
    /// `pthread_once`, on which `std::call_once` is built.
    Once,
    /// The first use of a local static variable of C++.
    Guard,
    /// `std::sync::Mutex::lock` of Rust.
    RustMutex,
    /// `std::sync::RwLock::read` of Rust.
    RustRead,
    /// `std::sync::RwLock::write` of Rust.
    RustWrite,
    /// `std::sync::Condvar::wait` of Rust.
    RustCondition,
    /// `std::sync::Once` of Rust, and what is built on it.
    RustOnce,
    /// `std::thread::park` of Rust, on which its channels are built.
    RustPark,
    /// `parking_lot::Mutex`, `RwLock`, ... of Rust.
    ParkingLot,
    /// A lock of the C library's own: of a `FILE`, of the heap.
    Internal,
}

/// Parts of function names, and what they ask for. Of two that fit the first
/// one counts. Sources: glibc `nptl/`, musl `src/thread/`, libstdc++
/// `libsupc++/guard.cc`, Rust `library/std/src/sys/sync/`, `parking_lot`.
const PARTS: &[(&str, Api)] = &[
    ("mutex_cond_lock", Api::Mutex),
    ("pthread_mutex_", Api::Mutex),
    ("pthread_rwlock_rdlock", Api::Read),
    ("pthread_rwlock_timedrdlock", Api::Read),
    ("pthread_rwlock_clockrdlock", Api::Read),
    ("pthread_rwlock_wrlock", Api::Write),
    ("pthread_rwlock_timedwrlock", Api::Write),
    ("pthread_rwlock_clockwrlock", Api::Write),
    ("pthread_cond_", Api::Condition),
    ("sem_wait", Api::Semaphore),
    ("sem_timedwait", Api::Semaphore),
    ("sem_clockwait", Api::Semaphore),
    ("pthread_join", Api::Join),
    ("pthread_clockjoin", Api::Join),
    ("pthread_timedjoin", Api::Join),
    ("pthread_barrier_wait", Api::Barrier),
    ("pthread_once", Api::Once),
    ("__cxa_guard_acquire", Api::Guard),
    ("mutex::futex::Mutex", Api::RustMutex),
    ("rwlock::futex::RwLock::read", Api::RustRead),
    ("rwlock::futex::RwLock::write", Api::RustWrite),
    ("condvar::futex::Condvar", Api::RustCondition),
    ("once::futex::Once", Api::RustOnce),
    ("thread_parking::futex", Api::RustPark),
    ("parking_lot::raw_mutex", Api::ParkingLot),
    ("parking_lot::raw_rwlock", Api::ParkingLot),
    ("parking_lot::condvar", Api::ParkingLot),
    ("parking_lot::remutex", Api::ParkingLot),
    ("lll_lock_wait_private", Api::Internal),
];

/// Calls that lie between the system call and the function that is looked for.
const MOST_CALLS: usize = 16;

/// What the innermost of a thread's calls that are known ask for, and the index
/// of that call.
pub(super) fn asked(calls: &[FrameCall]) -> Option<(Api, usize)> {
    let named = calls.iter().take(MOST_CALLS).enumerate();
    let mut internal = None;
    for (index, call) in named {
        match of_call(call) {
            // The function that needs it is further out, and may be a known one.
            Some(Api::Internal) => internal = internal.or(Some((Api::Internal, index))),
            Some(api) => return Some((api, index)),
            None => (),
        }
    }
    internal
}

/// What a call by itself asks for.
pub(super) fn of_call(call: &FrameCall) -> Option<Api> {
    let function = call.call.function.as_ref()?;
    if function.source == NameSource::Nearest {
        return None;
    }
    let linkage = function.linkage.as_deref();
    of_name(&function.display).or_else(|| linkage.and_then(of_name))
}

fn of_name(name: &str) -> Option<Api> {
    // Rust's names may have brackets: `<std::sync::Mutex>::lock`.
    let name = name.replace(['<', '>'], "");
    PARTS.iter().find(|(part, _)| name.contains(part)).map(|(_, api)| *api)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let cases = [
            ("___pthread_mutex_lock", Some(Api::Mutex)),
            ("__pthread_mutex_cond_lock", Some(Api::Mutex)),
            ("__pthread_cond_wait_common", Some(Api::Condition)),
            ("__new_sem_wait_slow64", Some(Api::Semaphore)),
            ("__pthread_clockjoin_ex", Some(Api::Join)),
            ("std::sys::sync::mutex::futex::Mutex::lock_contended", Some(Api::RustMutex)),
            ("std::sys::sync::rwlock::futex::RwLock::read_contended", Some(Api::RustRead)),
            ("<std::sys::sync::rwlock::futex::RwLock>::write_contended", Some(Api::RustWrite)),
            ("parking_lot::raw_mutex::RawMutex::lock_slow", Some(Api::ParkingLot)),
            ("__lll_lock_wait_private", Some(Api::Internal)),
            ("pthread_create", None),
            ("main", None),
        ];
        for (name, want) in cases {
            assert_eq!(of_name(name), want, "{name}");
        }
    }
}
