//! Which signals a process catches, asked often.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use libc::pid_t;
use rustc_hash::FxHashMap;

use crate::base::signal::Signal;

/// Files that are kept open.
const MOST: usize = 128;

/// The files in which the kernel tells it, of threads that were asked about.
///
/// `stat` of a thread costs a fraction of `status`, and even less when it is
/// open already. Nothing of it is remembered: a handler may be taken away at any
/// time.
#[derive(Default)]
pub(super) struct CaughtSignals {
    files: FxHashMap<pid_t, File>,
}

impl CaughtSignals {
    /// Whether a thread's process has a handler for a signal below 32. `None`:
    /// that could not be found out.
    pub(super) fn has(&mut self, tid: pid_t, signal: Signal) -> Option<bool> {
        if self.files.len() >= MOST && !self.files.contains_key(&tid) {
            self.files.clear();
        }
        let file = match self.files.entry(tid) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let file = File::open(format!("/proc/{tid}/task/{tid}/stat")).ok()?;
                place.insert(file)
            }
        };
        let mut text = [0; 1024];
        let read = file.read_at(&mut text, 0).ok()?;
        let caught = caught(text.get(..read)?)?;
        let bit = u32::try_from(signal.0).ok()?.checked_sub(1).filter(|bit| *bit < 31)?;
        Some(caught & (1 << bit) != 0)
    }

    /// The thread is gone, or has become another one's.
    pub(super) fn forget(&mut self, tid: pid_t) {
        self.files.remove(&tid);
    }
}

/// `sigcatch`, field 34 of `stat`: the handled ones of the signals 1 to 31. The
/// name, field 2, may have spaces and parentheses of its own. Source: proc(5);
/// Linux `fs/proc/array.c`, `do_task_stat()`.
fn caught(stat: &[u8]) -> Option<u64> {
    const FIELD: usize = 34;
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = str::from_utf8(stat.get(name_end.saturating_add(1)..)?).ok()?;
    fields.split_ascii_whitespace().nth(FIELD - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::status::ThreadState;

    #[test]
    fn as_status_has_it() {
        let own = std::process::id().cast_signed();
        let mut signals = CaughtSignals::default();
        let state = ThreadState::read(own).unwrap();
        for number in 1..32 {
            let signal = Signal(number);
            assert_eq!(signals.has(own, signal), Some(state.catches(signal)), "{number}");
            assert_eq!(signals.has(own, signal), Some(state.catches(signal)), "again");
        }
        assert_eq!(signals.has(own, Signal(32)), None);
        assert_eq!(signals.has(i32::MAX, Signal(11)), None);
        // The runtime of Rust handles faults, to tell of overflown stacks.
        assert_eq!(signals.has(own, Signal::SEGV), Some(true));
    }

    #[test]
    fn a_thread_that_is_gone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        let mut signals = CaughtSignals::default();
        assert_eq!(signals.has(pid, Signal::SEGV), Some(false));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(signals.has(pid, Signal::SEGV), None);
    }

    #[test]
    fn names_with_parentheses() {
        let line = b"7 (a) 1 (b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9 1 1 1 1 1 1 1 1 \
            0 4 8 1024 0";
        assert_eq!(caught(line), Some(1024));
        assert_eq!(caught(b"7 (a) S 1"), None);
    }
}
