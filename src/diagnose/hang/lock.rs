//! Locks, and what else threads wait for in memory.

use crate::base::addr::RunAddr;

/// A lock, or another object that threads wait for.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub at: RunAddr,
    /// The variable or member that it is, where that is known: `rent.lock`.
    pub name: Option<String>,
    /// Whether another lock has the same name: of two objects, or of what two
    /// threads call `lock`.
    pub is_ambiguous: bool,
    /// What its memory tells besides the owner: "2 of 3 threads have come".
    pub state: Option<String>,
    /// Who has it.
    pub owner: Owner,
    /// The threads that have to act before others go on, with the reason to
    /// think so.
    pub holders: Vec<Holder>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One thread at a time: `pthread_mutex_t`, and what is built on it.
    Mutex(Flavor),
    /// One writer or many readers.
    ReadWriteLock,
    /// Threads wait until another one signals.
    Condition,
    /// Threads wait until its value is not zero.
    Semaphore,
    /// Threads wait until enough of them have come.
    Barrier,
    /// Threads wait until one has initialized something.
    Once,
    /// As [`Kind::Once`], of a local static variable of C++: its guard.
    Guard,
    /// The lock of a `FILE` of the C library.
    Stream,
    /// A lock of the C library's own.
    Internal,
    /// A thread of Rust that has parked itself.
    Parking,
    /// Not known.
    Futex,
}

/// Kinds of mutexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// Locking it twice waits for ever.
    Normal,
    /// Its owner may lock it again.
    Recursive,
    /// Locking it twice is an error.
    ErrorChecking,
    /// Its owner gets the priority of who waits.
    PriorityInheriting,
    /// It is given to others when its owner dies.
    Robust,
    /// `std::sync::Mutex` of Rust.
    Rust,
    /// A lock of the crate `parking_lot`.
    ParkingLot,
}

/// Who has a lock, by its own memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The thread of this id, which may have ended.
    Thread(u32),
    /// Somebody has it, but it does not say who.
    Hidden,
    /// Nobody, or nobody has to.
    Nobody,
}

/// A thread that has, or seems to have, a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// Its index among the process's threads.
    pub thread: usize,
    /// From 0 to 1.
    pub confidence: f32,
    /// "its word at 0x4050 names the owner", "the variable `guard` of `f`
    /// refers to it".
    pub why: String,
}

impl Kind {
    /// "mutex", "read-write lock".
    pub fn noun(self) -> &'static str {
        match self {
            Self::Mutex(Flavor::Normal | Flavor::Rust) => "mutex",
            Self::Mutex(Flavor::Recursive) => "recursive mutex",
            Self::Mutex(Flavor::ErrorChecking) => "error-checking mutex",
            Self::Mutex(Flavor::PriorityInheriting) => "priority-inheriting mutex",
            Self::Mutex(Flavor::Robust) => "robust mutex",
            Self::Mutex(Flavor::ParkingLot) => "parking_lot lock",
            Self::ReadWriteLock => "read-write lock",
            Self::Condition => "condition variable",
            Self::Semaphore => "semaphore",
            Self::Barrier => "barrier",
            Self::Once | Self::Guard => "initialization",
            Self::Stream => "stream",
            Self::Internal => "lock of the C library",
            Self::Parking => "parked thread",
            Self::Futex => "futex",
        }
    }

    /// A stable word for JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Mutex(_) => "mutex",
            Self::ReadWriteLock => "read_write_lock",
            Self::Condition => "condition_variable",
            Self::Semaphore => "semaphore",
            Self::Barrier => "barrier",
            Self::Once | Self::Guard => "once",
            Self::Stream => "stream",
            Self::Internal => "internal",
            Self::Parking => "parking",
            Self::Futex => "futex",
        }
    }
}

impl Lock {
    /// "the mutex `rent.lock`", "a mutex at 0x404060".
    pub fn words(&self) -> String {
        let noun = self.kind.noun();
        match &self.name {
            Some(name) if self.is_ambiguous => format!("the {noun} `{name}` at {}", self.at),
            Some(name) => format!("the {noun} `{name}`"),
            None if self.kind == Kind::Internal => format!("a {noun} at {}", self.at),
            None => {
                let article = if noun.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
                format!("{article} {noun} at {}", self.at)
            }
        }
    }

    /// The surest holder.
    pub fn holder(&self) -> Option<&Holder> {
        // Of equally sure ones the first.
        self.holders.iter().rev().max_by(|one, other| one.confidence.total_cmp(&other.confidence))
    }
}
