//! One line for a death that is no crash.

use crate::base::signal::Signal;
use crate::capture::facts::out_of_memory::OutOfMemory;
use crate::capture::sender;
use crate::dump::siginfo::{SignalCause, SignalInfo};
use crate::report::render::escape::escaped;

/// Which signal ended `program`, and who sent it where that is known. `own` is
/// the program's process id; `memory` says where memory had run out meanwhile.
pub fn line(
    program: &str,
    own: i32,
    signal: Signal,
    info: Option<&SignalInfo>,
    memory: Option<OutOfMemory>,
) -> String {
    let what = sender(program, own, signal, info);
    // The kernel kills in its own name, which no other sender can take.
    let is_sent = matches!(
        info.map(|info| info.cause),
        Some(SignalCause::Sent { pid, .. }) if pid > 0
    );
    match memory.filter(|_| signal == Signal(libc::SIGKILL) && !is_sent) {
        Some(OutOfMemory::Group) => format!(
            "{what}: the kernel has killed for lack of memory in this control group meanwhile \
             (oom_kill of memory.events), so this program very likely; give it more memory \
             (memory.max), or let it use less"
        ),
        Some(OutOfMemory::Machine) => format!(
            "{what}: the kernel has killed for lack of memory on this machine meanwhile \
             (oom_kill of /proc/vmstat), so perhaps this program; `dmesg` names the victim"
        ),
        None => what,
    }
}

fn sender(program: &str, own: i32, signal: Signal, info: Option<&SignalInfo>) -> String {
    let what = format!("`{}` was ended by {}", escaped(program), signal.name());
    match info.map(|info| info.cause) {
        Some(SignalCause::Sent { pid, .. }) if pid == own => format!("{what}, sent by itself"),
        Some(SignalCause::Sent { pid, uid }) if pid > 0 => {
            let name = sender::command(pid);
            let name = name.map(|name| format!(" \"{}\"", escaped(&name))).unwrap_or_default();
            format!("{what}, sent by process {pid}{name} of user {uid}")
        }
        Some(SignalCause::Sent { .. }) => {
            format!("{what}, sent by a process outside of this pid namespace")
        }
        // What a signal is for is what it meant only if the kernel sent it.
        Some(SignalCause::Kernel) => format!("{what}: {}", signal.meaning()),
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use crate::base::addr::RunAddr;

    use super::*;

    #[test]
    fn lines() {
        let info = |cause| Some(SignalInfo { signal: Signal(15), code: Some(0), cause });
        // No process has so large an id.
        let pid = i32::MAX;
        let own = info(SignalCause::Sent { pid: 1, uid: 7 });
        let cases = [
            (own, "`x` was ended by SIGTERM, sent by itself"),
            (None, "`x` was ended by SIGTERM"),
            (
                info(SignalCause::Sent { pid, uid: 7 }),
                "`x` was ended by SIGTERM, sent by process 2147483647 of user 7",
            ),
            (info(SignalCause::Kernel), "`x` was ended by SIGTERM: asked to terminate"),
            (info(SignalCause::Fault { address: RunAddr(1) }), "`x` was ended by SIGTERM"),
        ];
        for (info, want) in cases {
            assert_eq!(line("x", 1, Signal(15), info.as_ref(), None), want);
        }
        let group = Some(OutOfMemory::Group);
        assert!(line("x", 1, Signal(9), None, group).contains("for lack of memory"));
        assert!(!line("x", 1, Signal(15), None, group).contains("memory"));
        let sent = SignalInfo { signal: Signal(9), ..own.unwrap() };
        assert!(!line("x", 2, Signal(9), Some(&sent), group).contains("memory"));
        assert!(line("a\x1b[31m", 1, Signal(9), None, None).starts_with("`a\\x1b[31m` was"));
    }
}
