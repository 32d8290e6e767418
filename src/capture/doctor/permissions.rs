//! Who may watch and dump whom: ptrace, yama, seccomp, `fs.suid_dumpable`.

use nix::unistd::geteuid;

use crate::capture::doctor::{Check, State, settings};

const GROUP: &str = "permissions";

pub(super) fn checks() -> Vec<Check> {
    vec![tracing(), tracer(), seccomp(), private_programs()]
}

/// yama's `ptrace_scope`. Source: Linux `security/yama/yama_lsm.c`.
fn tracing() -> Check {
    let check = |state, says: &str| Check::new(GROUP, "ptrace-scope", state, says);
    let may_trace_all = has_capability(CAP_SYS_PTRACE);
    match settings::number("/proc/sys/kernel/yama/ptrace_scope") {
        None => check(State::Ok, "no yama: a user may trace all of their own processes"),
        Some(0) => check(State::Ok, "yama lets a user trace all of their own processes"),
        Some(1) if may_trace_all => check(State::Ok, "yama lets this user trace all processes"),
        Some(1) => {
            check(State::Ok, "yama allows `run`, but not to look into processes of other parents")
                .remedy("as root `sysctl kernel.yama.ptrace_scope=0`, for `snapshot` and `stack`")
        }
        Some(2) if may_trace_all => {
            check(State::Ok, "yama wants CAP_SYS_PTRACE, which this user has")
        }
        Some(2) => check(State::Warning, "yama lets only CAP_SYS_PTRACE trace: `run` cannot watch")
            .remedy("as root `sysctl kernel.yama.ptrace_scope=1`, or run coretool as root"),
        Some(_) => check(State::Warning, "yama forbids all tracing until the next boot")
            .remedy("set kernel.yama.ptrace_scope=1 in /etc/sysctl.d, and boot"),
    }
}

/// Programs of a tracer are traced themselves, and have room for no second one.
fn tracer() -> Check {
    let check = |state, says: String| Check::new(GROUP, "traced", state, says);
    match settings::own_status("TracerPid").as_deref() {
        None => check(State::Unknown, "whether we are traced cannot be read".to_owned()),
        Some("0") => check(State::Ok, "no other tracer is in the way".to_owned()),
        Some(pid) => {
            let says = format!(
                "process {pid} traces us, and may trace what we start: one tracer at a time"
            );
            check(State::Warning, says).remedy("start coretool outside of gdb, strace or rr")
        }
    }
}

/// A filter may refuse ptrace, as Docker's did before Linux 4.8.
fn seccomp() -> Check {
    let check = |state, says: String| Check::new(GROUP, "seccomp", state, says);
    match settings::own_status("Seccomp").as_deref() {
        Some("0") => check(State::Ok, "no seccomp filter".to_owned()),
        Some(_) => check(
            State::Ok,
            "a seccomp filter is in force; whether it allows ptrace, the proof tells".to_owned(),
        ),
        None => {
            check(State::Unknown, "whether a seccomp filter is in force is not known".to_owned())
        }
    }
}

/// `fs.suid_dumpable`. Source: `proc_sys_fs(5)`; Linux `fs/exec.c`,
/// `would_dump()` and `begin_new_exec()`.
fn private_programs() -> Check {
    let check = |state, says: &str| Check::new(GROUP, "suid-dumpable", state, says);
    match settings::number("/proc/sys/fs/suid_dumpable") {
        None => check(State::Unknown, "fs.suid_dumpable cannot be read"),
        Some(0) => check(
            State::Ok,
            "set-user-id and unreadable programs leave no core (fs.suid_dumpable is 0)",
        )
        .remedy("as root `sysctl fs.suid_dumpable=2` with a handler, if their cores are wanted"),
        Some(2) => {
            check(State::Ok, "cores of set-user-id programs are root's (fs.suid_dumpable is 2)")
        }
        Some(_) => {
            check(State::Warning, "anybody's set-user-id crash leaves a core that its user reads")
                .remedy("as root `sysctl fs.suid_dumpable=2`")
        }
    }
}

/// Source: Linux `include/uapi/linux/capability.h`.
const CAP_SYS_PTRACE: u32 = 19;

fn has_capability(number: u32) -> bool {
    let effective = settings::own_status("CapEff");
    let bits = effective.and_then(|bits| u64::from_str_radix(&bits, 16).ok());
    bits.map_or(geteuid().is_root(), |bits| bits >> number & 1 == 1)
}
