//! Facts from `/proc` that a core does not hold, collected while the process
//! is still there: held by ptrace, being dumped by the kernel, or running.
//!
//! Everything read here is hostile or may vanish under way: what cannot be
//! read is left out, and nothing is read without a bound.

mod descriptors;
mod environment;
mod proc_file;
mod relatives;
mod surroundings;
mod threads;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use libc::pid_t;

use crate::capture::facts::proc_file::ProcDir;
use crate::dump::sidecar::Sidecar;

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
    /// Whether each thread is asked for its name, system call and so on.
    pub(crate) threads: bool,
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
            threads: true,
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
    let mut sidecar = Sidecar::default();
    descriptors::descriptors(&process, &mut sidecar.ipc);
    sidecar.tree = relatives::tree(pid);
    sidecar.surroundings = surroundings::surroundings(&process);
    sidecar.surroundings.environment = environment::environment(&process, scope.environment);
    if scope.threads {
        sidecar.threads = threads::threads(&process, scope.deadline);
    }
    sidecar
}
