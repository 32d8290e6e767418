//! `core_pattern` for the length of a test: it is one for the whole machine.

use std::fs;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The file.
pub(crate) const PATH: &str = "/proc/sys/kernel/core_pattern";

/// Whoever writes the pattern, or counts on it, holds this.
const LOCK: &str = "/tmp/core_pattern.lock";

/// How long the turns of all others may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// A pattern of our own. When this goes away, and also when the test is
/// killed, the former one comes back.
pub(crate) struct CorePattern {
    /// Writes the former pattern back as soon as its standard input ends.
    guard: Child,
    _lock: File,
}

impl CorePattern {
    /// Waits for its turn, and sets `pattern`.
    ///
    /// # Errors
    /// Why this machine's pattern cannot be written: no privilege, or a
    /// container with a read-only `/proc/sys`.
    pub(crate) fn set(pattern: &str) -> Result<Self, String> {
        let lock = File::options().create(true).truncate(false).write(true).open(LOCK);
        let lock = lock.map_err(|error| format!("{LOCK}: {error}"))?;
        let start = Instant::now();
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::WouldBlock if start.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(20));
                }
                error => return Err(format!("{LOCK}: {error}")),
            }
        }
        let former = fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        File::options().write(true).open(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        let script = format!("trap '' INT TERM HUP; cat > /dev/null; printf %s \"$1\" > {PATH}");
        let guard = Command::new("setsid")
            .args(["sh", "-c", &script, "sh", former.trim_end_matches('\n')])
            .stdin(Stdio::piped())
            // It holds the lock as long as it lives, even if we are killed.
            .stdout(lock.try_clone().map_err(|error| format!("{LOCK}: {error}"))?)
            .spawn()
            .map_err(|error| format!("setsid: {error}"))?;
        let written = write(pattern);
        let read = fs::read_to_string(PATH).unwrap_or_default();
        let this = Self { guard, _lock: lock };
        written?;
        match read.trim_end_matches('\n') == pattern {
            true => Ok(this),
            false => Err(format!("{PATH} reads {read:?} after {pattern:?} was written")),
        }
    }

    /// Another pattern, under the same turn.
    pub(crate) fn change(&self, pattern: &str) {
        write(pattern).expect("it could be written before");
    }
}

fn write(pattern: &str) -> Result<(), String> {
    let file = File::options().write(true).open(PATH);
    file.and_then(|mut file| file.write_all(pattern.as_bytes()))
        .map_err(|error| format!("{PATH}: {pattern}: {error}"))
}

impl Drop for CorePattern {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _restored = self.guard.wait();
    }
}
