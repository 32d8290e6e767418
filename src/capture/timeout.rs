//! Programs that do not end: how long they are given, and how they are ended.

use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, Instant};

use libc::{c_int, pid_t};

use crate::capture::maps;

/// How long a program may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// From its start.
    pub after: Duration,
    /// How long it has to end after each signal.
    pub grace: Duration,
}

/// What comes next for a program with a time limit.
#[derive(Debug)]
pub(super) struct Ending {
    limit: TimeLimit,
    /// When.
    pub(super) next: Instant,
    /// How often the time has run out.
    steps: usize,
}

/// What is to be done when the time has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Look at all processes.
    Look(Duration),
    /// Send this signal.
    Send(c_int),
}

impl Ending {
    pub(super) fn new(limit: TimeLimit) -> Self {
        Self { limit, next: Instant::now() + limit.after, steps: 0 }
    }

    /// Whether the time has run out at least once.
    pub(super) fn has_begun(&self) -> bool {
        self.steps > 0
    }

    /// The next step; it is followed by a time of grace, but a look is not.
    pub(super) fn step(&mut self, runtime: Runtime) -> Step {
        let step = match (self.steps.checked_sub(1), runtime) {
            (None, _) => Step::Look(self.limit.after),
            (Some(sent), runtime) => Step::Send(runtime.signal(sent)),
        };
        self.steps = self.steps.saturating_add(1);
        let grace = if matches!(step, Step::Look(_)) { Duration::ZERO } else { self.limit.grace };
        self.next = Instant::now() + grace;
        step
    }
}

/// Who handles the signals of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    /// The program itself, if anybody.
    Native,
    /// SIGQUIT prints the stacks of all its threads, and it goes on.
    Java,
    /// SIGQUIT prints the stacks of all goroutines, and ends it with status 2.
    Go,
}

impl Runtime {
    /// What a process is run by.
    pub(super) fn of(pid: pid_t) -> Self {
        let mappings = maps::mappings(pid);
        let is_java = |path: &[u8]| path.ends_with(b"/libjvm.so");
        if mappings.iter().any(|mapping| mapping.path.as_deref().is_some_and(is_java)) {
            return Self::Java;
        }
        if has_go_build(pid) { Self::Go } else { Self::Native }
    }

    /// The signal of each step. A runtime that tells of its own threads on
    /// SIGQUIT is asked for that before SIGTERM ends it.
    fn signal(self, step: usize) -> c_int {
        let order = match self {
            Self::Native => [libc::SIGTERM, libc::SIGQUIT, libc::SIGABRT],
            Self::Java | Self::Go => [libc::SIGQUIT, libc::SIGTERM, libc::SIGABRT],
        };
        order.get(step).copied().unwrap_or(libc::SIGKILL)
    }

    /// What SIGQUIT does to such a process.
    pub(super) fn on_quit(self) -> &'static str {
        match self {
            Self::Native => "",
            Self::Java => " (its Java runtime prints the stacks of its threads, and goes on)",
            Self::Go => " (its Go runtime prints the stacks of its goroutines, and exits with 2)",
        }
    }
}

/// Whether the executable has what each Go linker writes. Source: Go
/// `src/debug/buildinfo/buildinfo.go`.
fn has_go_build(pid: pid_t) -> bool {
    const MARK: &[u8] = b"\xff Go buildinf:";
    const MOST: u64 = 64 << 20;
    let Ok(file) = File::open(format!("/proc/{pid}/exe")) else { return false };
    let mut file = file.take(MOST);
    let mut bytes = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let Some(rest) = bytes.get_mut(kept..) else { return false };
        let Ok(read) = file.read(rest) else { return false };
        let end = kept + read;
        let Some(known) = bytes.get(..end) else { return false };
        if known.windows(MARK.len()).any(|window| window == MARK) {
            return true;
        }
        if read == 0 {
            return false;
        }
        // The mark may lie across two reads.
        kept = end.min(MARK.len());
        bytes.copy_within(end - kept..end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_their_order() {
        let limit = TimeLimit { after: Duration::from_secs(1), grace: Duration::from_secs(2) };
        let cases = [
            (Runtime::Native, [libc::SIGTERM, libc::SIGQUIT, libc::SIGABRT, libc::SIGKILL]),
            (Runtime::Java, [libc::SIGQUIT, libc::SIGTERM, libc::SIGABRT, libc::SIGKILL]),
        ];
        for (runtime, signals) in cases {
            let mut ending = Ending::new(limit);
            assert!(!ending.has_begun());
            assert_eq!(ending.step(runtime), Step::Look(limit.after));
            for signal in signals {
                assert_eq!(ending.step(runtime), Step::Send(signal));
            }
            assert_eq!(ending.step(runtime), Step::Send(libc::SIGKILL));
        }
    }
}
