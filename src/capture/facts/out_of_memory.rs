//! Whether the kernel killed for lack of memory: what tells an OOM kill from
//! any other `SIGKILL`.

use std::path::Path;

use crate::capture::facts::proc_file::{ProcDir, read};
use crate::capture::facts::surroundings::cgroup;

/// How many processes have been killed for lack of memory, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KillCounters {
    /// In our control group and those below it: `oom_kill` of `memory.events`.
    group: Option<u64>,
    /// On the whole machine: `oom_kill` of `/proc/vmstat`.
    machine: Option<u64>,
}

/// Where memory ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfMemory {
    /// In our control group, which has a limit.
    Group,
    /// Somewhere on the machine.
    Machine,
}

impl KillCounters {
    /// The counters now. What cannot be read stays unknown.
    pub fn read() -> Self {
        let own = ProcDir::new(Path::new("/proc/self"));
        let group = cgroup(&own.line("cgroup").unwrap_or_default(), Path::new("/sys/fs/cgroup"));
        let machine = read(Path::new("/proc/vmstat")).unwrap_or_default();
        Self { group: group.and_then(|it| it.events_oom_kill), machine: counter(&machine) }
    }

    /// Whether processes were killed for lack of memory since `before`.
    pub fn since(&self, before: &Self) -> Option<OutOfMemory> {
        let grew = |now: Option<u64>, before: Option<u64>| {
            now.zip(before).is_some_and(|(now, before)| now > before)
        };
        if grew(self.group, before.group) {
            Some(OutOfMemory::Group)
        } else {
            grew(self.machine, before.machine).then_some(OutOfMemory::Machine)
        }
    }
}

fn counter(vmstat: &[u8]) -> Option<u64> {
    let lines = str::from_utf8(vmstat).ok()?.lines();
    lines.filter_map(|line| line.strip_prefix("oom_kill ")).find_map(|it| it.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_grow() {
        let counters = |group, machine| KillCounters { group, machine };
        let before = counters(Some(1), Some(5));
        let cases = [
            ("the same", before, None),
            ("the group's", counters(Some(2), Some(6)), Some(OutOfMemory::Group)),
            ("another's", counters(Some(1), Some(6)), Some(OutOfMemory::Machine)),
            ("not known now", counters(None, None), None),
        ];
        for (name, now, want) in cases {
            assert_eq!(now.since(&before), want, "{name}");
        }
        assert_eq!(counters(Some(9), None).since(&counters(None, None)), None);
        assert_eq!(counter(b"pgfault 1\noom_kill 7\n"), Some(7));
    }
}
