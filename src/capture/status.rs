//! `/proc/PID/task/TID/status`: how a thread treats its signals.

use std::fs;

use libc::pid_t;

use crate::base::signal::Signal;

/// What is used of a `status` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ThreadState {
    /// `Tgid`: the process.
    pub(super) process: pid_t,
    /// The last number of `NSpid`: the thread's id as it sees itself.
    pub(super) own_id: pid_t,
    /// The last number of `NStgid` is 1: it is the init of its pid namespace.
    pub(super) is_init: bool,
    /// `PPid`.
    pub(super) parent: pid_t,
    /// The first number of `Uid` and `Gid`: the real ids.
    pub(super) uid: u32,
    /// See [`ThreadState::uid`].
    pub(super) gid: u32,
    /// `State` is `Z` or `X`: it has ended, and is listed still.
    pub(super) has_ended: bool,
    /// `Seccomp_filters`, or 1 where an older kernel or the strict mode have
    /// no such count.
    pub(super) filters: u32,
    /// `SigPnd`: pending for this thread; bit N-1 for signal N.
    pub(super) pending: u64,
    /// `SigIgn`.
    pub(super) ignored: u64,
    /// `SigCgt`: there is a handler.
    pub(super) caught: u64,
}

impl ThreadState {
    /// Reads the file of a thread. `None`: the thread is gone.
    pub(super) fn read(tid: pid_t) -> Option<Self> {
        let text = fs::read(format!("/proc/{tid}/status")).ok()?;
        Some(Self::parse(&text))
    }

    /// Whether the kernel drops a signal of this `si_code` that has no handler:
    /// the init of a pid namespace dies of its own faults alone. Source: Linux
    /// `kernel/signal.c`, `get_signal()` and `force_sig_info_to_task()`.
    pub(super) fn survives(&self, code: Option<i32>) -> bool {
        self.is_init && code.is_some_and(|code| code <= 0)
    }

    fn parse(text: &[u8]) -> Self {
        let mut state = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(line) = str::from_utf8(line) else { continue };
            let Some((key, value)) = line.split_once(':') else { continue };
            let first = || value.split_whitespace().next().unwrap_or_default();
            let number = |text: &str| text.parse().unwrap_or(0);
            let mask = || u64::from_str_radix(value.trim(), 16).unwrap_or(0);
            match key {
                "Tgid" => state.process = number(first()),
                "State" => state.has_ended = first().starts_with(['Z', 'X']),
                "PPid" => state.parent = number(first()),
                "NStgid" => state.is_init = value.split_whitespace().last() == Some("1"),
                "NSpid" => {
                    state.own_id = number(value.split_whitespace().last().unwrap_or_default());
                }
                "Uid" => state.uid = first().parse().unwrap_or(0),
                "Gid" => state.gid = first().parse().unwrap_or(0),
                "Seccomp" => state.filters = u32::from(first() != "0"),
                "Seccomp_filters" => {
                    state.filters = state.filters.max(first().parse().unwrap_or(0));
                }
                "SigPnd" => state.pending = mask(),
                "SigIgn" => state.ignored = mask(),
                "SigCgt" => state.caught = mask(),
                _ => (),
            }
        }
        state
    }

    /// Whether a handler would run.
    pub(super) fn catches(&self, signal: Signal) -> bool {
        self.caught & bit(signal) != 0
    }

    /// Whether it would do nothing.
    pub(super) fn ignores(&self, signal: Signal) -> bool {
        self.ignored & bit(signal) != 0
    }

    /// Whether this signal, about to be delivered, does nothing at all: it is
    /// ignored, or has no handler and is one of those that do nothing by
    /// default.
    pub(super) fn is_deaf_to(&self, signal: Signal) -> bool {
        const NOTHING: [i32; 4] = [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH, libc::SIGCONT];
        self.ignores(signal) || NOTHING.contains(&signal.0) && !self.catches(signal)
    }

    /// Whether this signal, about to be delivered, kills the process with a
    /// core. A fault that is blocked or ignored has already been reset to its
    /// default by the kernel, so two bits decide.
    pub(super) fn dies_of(&self, signal: Signal) -> bool {
        signal.dumps_core() && (self.caught | self.ignored) & bit(signal) == 0
    }
}

/// The threads of a process, in the order of their ids.
pub(super) fn tasks(process: pid_t) -> Vec<pid_t> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn bit(signal: Signal) -> u64 {
    let number = u32::try_from(signal.0.saturating_sub(1)).unwrap_or(u32::MAX);
    1u64.checked_shl(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_decide() {
        // SIGSEGV (11) is bit 10, SIGQUIT (3) bit 2.
        let text = b"Name:\ta\tb\nState:\tZ (zombie)\nTgid:\t42\nNStgid:\t42\t1\nNSpid:\t43\t7\nPPid:\t1\nUid:\t1000\t0\t0\t0\n\
            Gid:\t100\t0\t0\t0\nSigPnd:\t0000000000000200\nSigIgn:\t0000000000000004\n\
            SigCgt:\t0000000000000400\n";
        let state = ThreadState::parse(text);
        assert_eq!((state.process, state.own_id, state.parent), (42, 7, 1));
        assert_eq!((state.uid, state.gid, state.pending), (1000, 100, 0x200));
        assert!(state.has_ended && !ThreadState::parse(b"State:\tt (tracing stop)").has_ended);
        assert!(state.survives(Some(-6)) && !state.survives(Some(1)) && !state.survives(None));
        let other = ThreadState::parse(b"NStgid:\t42\t2\nSeccomp:\t2\nSeccomp_filters:\t3\n");
        assert_eq!((state.filters, other.filters), (0, 3));
        assert_eq!(ThreadState::parse(b"Seccomp:\t1\nSeccomp_filters:\t0\n").filters, 1);
        assert!(!other.survives(Some(-6)));
        let cases = [
            ("caught", 11, false),
            ("ignored", 3, false),
            ("neither", 6, true),
            ("no core signal", 15, false),
            ("real-time", 34, false),
            ("nonsense", -7, false),
        ];
        for (name, signal, want) in cases {
            assert_eq!(state.dies_of(Signal(signal)), want, "{name}");
        }
        assert!(state.catches(Signal::SEGV) && !state.catches(Signal::BUS));
    }
}
