//! One line for a death that is no crash.

use crate::base::signal::Signal;
use crate::capture::sender;
use crate::dump::siginfo::{SignalCause, SignalInfo};
use crate::report::render::escape::escaped;

/// Which signal ended `program`, and who sent it where that is known.
pub fn line(program: &str, signal: Signal, info: Option<&SignalInfo>) -> String {
    let program = escaped(program);
    let what = format!("`{program}` was ended by {} ({})", signal.name(), signal.meaning());
    match info.map(|info| (info.cause, info.code)) {
        Some((SignalCause::Sent { pid, uid }, _)) if pid > 0 => {
            let name = sender::command(pid);
            let name = name.map(|name| format!(" \"{}\"", escaped(&name))).unwrap_or_default();
            format!("{what}, sent by process {pid}{name} of user {uid}")
        }
        Some((SignalCause::Sent { .. }, _)) => {
            format!("{what}, sent by a process outside of this pid namespace")
        }
        Some((SignalCause::Kernel, _)) => format!("{what}, sent by the kernel"),
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
        let cases = [
            (None, "`x` was ended by SIGTERM (asked to terminate)"),
            (
                info(SignalCause::Sent { pid, uid: 7 }),
                "`x` was ended by SIGTERM (asked to terminate), sent by process 2147483647 of user 7",
            ),
            (
                info(SignalCause::Kernel),
                "`x` was ended by SIGTERM (asked to terminate), sent by the kernel",
            ),
            (
                info(SignalCause::Fault { address: RunAddr(1) }),
                "`x` was ended by SIGTERM (asked to terminate)",
            ),
        ];
        for (info, want) in cases {
            assert_eq!(line("x", Signal(15), info.as_ref()), want);
        }
        assert!(line("a\x1b[31m", Signal(9), None).starts_with("`a\\x1b[31m` was"));
    }
}
