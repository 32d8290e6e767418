//! Facts from `/proc` that a core does not hold, collected while the process
//! is still there: held by ptrace, being dumped by the kernel, or running.
//!
//! Everything read here is hostile or may vanish under way: what cannot be
//! read is left out, and nothing is read without a bound.

mod descriptors;
mod environment;
mod file_locks;
mod holders;
mod inside;
mod internet_sockets;
pub mod out_of_memory;
mod peers;
mod proc_file;
mod relatives;
mod shared;
mod surroundings;
mod sysv;
mod threads;
mod unix_sockets;
mod waiting;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use libc::pid_t;

pub(crate) use self::relatives::{children, named, relative};
pub(crate) use self::waiting::onlooker;
use crate::capture::facts::peers::Subject;
use crate::capture::facts::proc_file::ProcDir;
use crate::dump::sidecar::{Sidecar, ThreadFacts};

/// What is collected, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct FactScope {
    /// `/proc/PID`, or `/proc/self/fd/N` for an open directory, which cannot
    /// come to mean another process.
    pub(crate) proc_dir: PathBuf,
    /// When to stop looking: the process is held all the while.
    pub(crate) deadline: Instant,
    /// Whether the other ends of pipes and sockets are looked for.
    pub(crate) peers: bool,
    /// What is known of each thread. `None`: each is asked for its name, system
    /// call and so on.
    pub(crate) threads: Option<Vec<ThreadFacts>>,
    /// What is kept of the environment.
    pub(crate) environment: EnvironmentScope,
}

impl FactScope {
    /// What is usual for a process that `/proc` shows under this id.
    pub(crate) fn of(pid: pid_t) -> Self {
        Self {
            proc_dir: PathBuf::from(format!("/proc/{pid}")),
            deadline: Instant::now() + Duration::from_millis(300),
            peers: true,
            threads: None,
            environment: EnvironmentScope::Redacted,
        }
    }
}

/// What is kept of the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvironmentScope {
    /// All names, and the values that do not look like secrets.
    #[default]
    Redacted,
    /// All of it.
    Full,
    /// Nothing.
    None,
}

/// Collects the facts of process `pid`, the id by which `/proc` shows it.
pub(crate) fn collect(pid: pid_t, scope: &FactScope) -> Sidecar {
    let process = ProcDir::new(&scope.proc_dir);
    let threads = match &scope.threads {
        Some(known) => known.clone(),
        None => threads::threads(&process, scope.deadline),
    };
    let mut sidecar = Sidecar { threads, ..Sidecar::default() };
    descriptors::descriptors(&process, &mut sidecar.ipc);
    sidecar.tree = relatives::tree(pid);
    let subject = subject(&process, pid);
    let objects = shared::shared(&process, &mut sidecar.ipc);
    if scope.peers {
        peers::peers(&process, subject, scope.deadline, &mut sidecar.ipc);
        sidecar.ipc.node_channel = peers::node_channel(&process, &sidecar.ipc);
        let waited = sysv::waited(&sidecar.threads);
        sysv::sysv(&process, subject, &waited, &mut sidecar.ipc);
        file_locks::file_locks(&process, subject.pid, &mut sidecar);
        file_locks::peer_waits(&mut sidecar.ipc, scope.deadline);
        shared::sharers(&objects, subject, scope.deadline, &mut sidecar.ipc);
    }
    sidecar.surroundings = surroundings::surroundings(&process);
    sidecar.surroundings.environment = environment::environment(&process, scope.environment);
    sidecar
}

/// The process itself. `pid` may be the id of one of its threads: that of the
/// first one shows nothing when it has ended before the others.
fn subject(process: &ProcDir<'_>, pid: pid_t) -> Subject {
    let status = process.line("status").unwrap_or_default();
    let number = |key: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(key))?;
        value.trim().parse().ok()
    };
    Subject {
        pid: number("Tgid:").unwrap_or(pid.cast_unsigned()),
        parent: number("PPid:").unwrap_or(0),
    }
}
