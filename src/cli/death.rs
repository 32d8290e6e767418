//! One line for a death that is no crash.

use crate::base::signal::Signal;
use crate::capture::sender;
use crate::dump::siginfo::{SignalCause, SignalInfo};
use crate::report::render::escape::escaped;

/// Which signal ended `program`, and who sent it where that is known. `own` is
/// the program's process id.
pub fn line(program: &str, own: i32, signal: Signal, info: Option<&SignalInfo>) -> String {
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
            assert_eq!(line("x", 1, Signal(15), info.as_ref()), want);
        }
        assert!(line("a\x1b[31m", 1, Signal(9), None).starts_with("`a\\x1b[31m` was"));
    }
}
