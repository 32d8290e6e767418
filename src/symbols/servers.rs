//! What a user allows to be asked of debuginfod servers. They are asked only
//! where this is given: build-ids tell a server what is run here.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The servers, and how long and how much they may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    /// Where each one begins: `https://debuginfod.example.org`. Asked in this
    /// order.
    pub urls: Vec<String>,
    /// How long a server may send nothing before it is given up.
    pub patience: Duration,
    /// How long one answer may take in all.
    pub longest: Duration,
    /// How many bytes one file may have.
    pub largest: u64,
    /// How long it counts that no server had a file.
    pub miss: Duration,
    /// When this analysis runs.
    pub now: SystemTime,
    /// What is going on.
    pub traffic: Traffic,
}

/// How far the downloads are; shared by who downloads and who shows it.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    stop: AtomicBool,
    received: AtomicU64,
    expected: AtomicU64,
    files: AtomicU64,
    /// Servers that did not answer. They are not asked again.
    silent: Mutex<Vec<String>>,
}

impl PartialEq for Traffic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Traffic {}

impl Traffic {
    /// Asks all downloads to end as soon as they can.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked for that.
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }

    /// Bytes that came, and bytes that were announced, of all files so far.
    pub fn bytes(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.0.received), load(&self.0.expected))
    }

    /// How many files came.
    pub fn files(&self) -> u64 {
        self.0.files.load(Ordering::Relaxed)
    }

    /// Remembers that a server does not answer.
    #[cfg_attr(not(feature = "debuginfod"), expect(dead_code, reason = "nobody downloads"))]
    pub(super) fn give_up(&self, server: &str) {
        self.0.silent.lock().unwrap_or_else(PoisonError::into_inner).push(server.to_owned());
    }

    #[cfg_attr(not(feature = "debuginfod"), expect(dead_code, reason = "nobody downloads"))]
    pub(super) fn is_given_up(&self, server: &str) -> bool {
        let silent = self.0.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.iter().any(|known| known == server)
    }

    #[cfg_attr(not(feature = "debuginfod"), expect(dead_code, reason = "nobody downloads"))]
    pub(super) fn expect(&self, bytes: u64) {
        self.0.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg_attr(not(feature = "debuginfod"), expect(dead_code, reason = "nobody downloads"))]
    pub(super) fn receive(&self, bytes: u64) {
        self.0.received.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg_attr(not(feature = "debuginfod"), expect(dead_code, reason = "nobody downloads"))]
    pub(super) fn finish(&self) {
        self.0.files.fetch_add(1, Ordering::Relaxed);
    }
}
