//! Why a process may not be traced, in words that help.

use std::fs;
use std::io;

use libc::pid_t;

use crate::capture::error::CaptureError;

/// Refuses what cannot be traced in any case.
///
/// # Errors
///
/// With the reason.
pub(super) fn check(pid: pid_t) -> Result<(), CaptureError> {
    let refuse = |why: String, hint: Option<String>| Err(CaptureError::Attach { pid, why, hint });
    let Some(status) = Status::read(pid) else {
        let hint = "it may have ended; ps -e lists those that run";
        return refuse("there is no such process".to_owned(), Some(hint.to_owned()));
    };
    if u32::try_from(pid).ok() == Some(std::process::id()) {
        return refuse("that is coretool itself".to_owned(), None);
    }
    if status.process != pid {
        let process = status.process;
        let hint = format!("give the process: {process}");
        return refuse(format!("{pid} is a thread of process {process}"), Some(hint));
    }
    if status.is_kernels {
        return refuse(
            format!("\"{}\" is a thread of the kernel, and has no memory of its own", status.name),
            Some(format!("as root, /proc/{pid}/stack shows where it is")),
        );
    }
    if status.state == 'Z' && !has_live_threads(pid) {
        return refuse(
            format!(
                "it has ended, and is a zombie until its parent, process {}, takes note",
                status.parent
            ),
            Some(format!(
                "nothing is left of it but its exit status; look at its parent: coretool stack {}",
                status.parent
            )),
        );
    }
    if status.tracer != 0 {
        return refuse(traced(&status), Some(end_tracer(status.tracer)));
    }
    Ok(())
}

/// What `error`, the kernel's answer to an attempt to attach, means here.
pub(super) fn explained(pid: pid_t, error: io::Error) -> CaptureError {
    let refuse = |why: String, hint: Option<String>| CaptureError::Attach { pid, why, hint };
    if error.raw_os_error() == Some(libc::ESRCH) {
        return refuse("it has just ended".to_owned(), None);
    }
    if error.raw_os_error() != Some(libc::EPERM) {
        return refuse(error.to_string(), None);
    }
    let Some(status) = Status::read(pid) else {
        return refuse("it has just ended".to_owned(), None);
    };
    if status.tracer != 0 {
        return refuse(traced(&status), Some(end_tracer(status.tracer)));
    }
    let as_root = "run coretool as root, or with CAP_SYS_PTRACE".to_owned();
    let own = Status::read(std::process::id() as pid_t).map_or(0, |own| own.user);
    if own != 0 && status.user != own {
        let user = status.user;
        return refuse(format!("it belongs to another user (id {user})"), Some(as_root));
    }
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.trim() {
        "1" if own != 0 => refuse(
            "kernel.yama.ptrace_scope is 1: only a parent may trace a process".to_owned(),
            Some(format!(
                "{as_root}, start the program with `coretool run`, or set kernel.yama.ptrace_scope \
                 to 0"
            )),
        ),
        "2" => refuse(
            "kernel.yama.ptrace_scope is 2: only an administrator may trace".to_owned(),
            Some(as_root),
        ),
        "3" => refuse(
            "kernel.yama.ptrace_scope is 3: nobody may trace until the next boot".to_owned(),
            Some("it can only be changed by booting with another setting".to_owned()),
        ),
        _ if own != 0 => refuse(
            "the kernel does not allow it: the process has other privileges, has made itself \
             undumpable, or its executable is not readable"
                .to_owned(),
            Some(as_root),
        ),
        _ => refuse(
            "the kernel does not allow it: CAP_SYS_PTRACE is missing, or a seccomp filter or a \
             security module forbids ptrace"
                .to_owned(),
            Some("in a container: run coretool on the host, or allow SYS_PTRACE".to_owned()),
        ),
    }
}

fn traced(status: &Status) -> String {
    let name = Status::read(status.tracer).map(|tracer| tracer.name);
    let name = name.map_or_else(String::new, |name| format!(" (\"{name}\")"));
    format!(
        "it is traced already, by process {}{name}, and may have one tracer only",
        status.tracer
    )
}

fn end_tracer(tracer: pid_t) -> String {
    format!("let process {tracer} detach from it first")
}

/// Whether another thread than the first one is left.
fn has_live_threads(pid: pid_t) -> bool {
    crate::capture::attach::tasks(pid).iter().any(|tid| {
        crate::capture::status::ThreadState::read(*tid).is_some_and(|state| !state.has_ended)
    })
}

/// What is used of `/proc/PID/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Status {
    name: String,
    state: char,
    process: pid_t,
    parent: pid_t,
    tracer: pid_t,
    user: u32,
    is_kernels: bool,
}

impl Status {
    fn read(pid: pid_t) -> Option<Self> {
        let text = fs::read(format!("/proc/{pid}/status")).ok()?;
        Some(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let mut status = Self::default();
        let mut has_memory = false;
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let first = value.split_whitespace().next().unwrap_or_default();
            match key {
                "Name" => status.name = value.to_owned(),
                "State" => status.state = first.chars().next().unwrap_or(' '),
                "Tgid" => status.process = first.parse().unwrap_or(0),
                "PPid" => status.parent = first.parse().unwrap_or(0),
                "TracerPid" => status.tracer = first.parse().unwrap_or(0),
                "Uid" => status.user = first.parse().unwrap_or(0),
                "VmSize" => has_memory = true,
                _ => (),
            }
        }
        // A zombie has none either.
        status.is_kernels = !has_memory && !matches!(status.state, 'Z' | 'X');
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_be_traced() {
        let says = |pid| check(pid).unwrap_err().to_string();
        assert!(says(std::process::id() as pid_t).ends_with("that is coretool itself"));
        assert!(says(pid_t::MAX).ends_with("there is no such process"));
        check(std::os::unix::process::parent_id() as pid_t).unwrap();
    }

    #[test]
    fn statuses() {
        let kernel = Status::parse("Name:\tkthreadd\nState:\tS (sleeping)\nTgid:\t2\nPPid:\t0\n");
        assert!(kernel.is_kernels && kernel.name == "kthreadd");
        let zombie = Status::parse("Name:\ta: b\nState:\tZ (zombie)\nTgid:\t7\nPPid:\t3\n");
        assert!(!zombie.is_kernels && zombie.parent == 3 && zombie.state == 'Z');
        let traced = Status::parse("State:\tt\nTracerPid:\t9\nUid:\t5\t0\t0\t0\nVmSize:\t1 kB\n");
        assert!(!traced.is_kernels && (traced.tracer, traced.user) == (9, 5));
    }
}
