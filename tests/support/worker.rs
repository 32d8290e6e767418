//! Work in a process of its own, within limits: what it damages may take no more
//! memory or time than a user's machine can give, and a limit on memory can only be
//! set for a process.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Address space of a worker, in KiB: the debug files of the C library are
/// mapped many times over, but nothing may grow with a number in a core.
const ADDRESS_SPACE: &str = "1000000";

/// Memory of its own, in KiB.
const MEMORY: &str = "102400";

/// CPU seconds of a worker: far more than it needs, and less than for ever.
const CPU_SECONDS: &str = "900";

/// A test that does the work when the environment says so.
pub(crate) struct Worker<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// What is worked on.
    pub(crate) label: &'a str,
    /// Where it says what it does, should it not come back.
    pub(crate) case: &'a Path,
}

impl Worker<'_> {
    /// Starts it and waits for it.
    pub(crate) fn survives(&self, variables: &[(&str, &OsStr)]) {
        let limits = format!(
            "ulimit -v {ADDRESS_SPACE} && ulimit -d {MEMORY} && ulimit -t {CPU_SECONDS} && exec \"$@\""
        );
        let output = Command::new("sh")
            .args(["-c", &limits, "sh"])
            .arg(env::current_exe().expect("a test has an executable"))
            .args(["--exact", self.name, "--nocapture"])
            .envs(variables.iter().copied())
            // Arenas reserve address space, which is what is limited.
            .env("MALLOC_ARENA_MAX", "2")
            .output()
            .expect("sh is installed");
        let case = fs::read_to_string(self.case).unwrap_or_default();
        let talk =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} at {case}: {}\n{talk}", self.label, output.status);
        assert!(talk.contains("1 passed"), "the worker did not run:\n{talk}");
    }
}

/// A number from the environment.
pub(crate) fn number(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Says what is done next.
pub(crate) fn note_case(file: &Path, case: &str) {
    fs::write(file, case).expect("the directory is writable");
}
