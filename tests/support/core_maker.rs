//! Lets fixtures die, and keeps the cores that this leaves.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::builds::Build;
use crate::support::compiler::built;
use crate::support::fixture::Fixture;
use crate::support::gdb::{self, GdbFacts};
use crate::support::scratch;

/// A core, which vanishes with this.
pub(crate) struct Core {
    /// Holds the core and what was made beside it.
    _directory: TempDir,
    pub(crate) path: PathBuf,
    /// The program that died.
    pub(crate) program: PathBuf,
}

/// How a program ended, and what it wrote.
pub(crate) struct Death {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The core that gdb makes of a fixture's death, and what gdb sees there.
pub(crate) fn gdb_core(fixture: &Fixture, build: Build) -> (Core, GdbFacts) {
    let program = built(fixture, build);
    let directory = scratch::directory(&fixture.name);
    let path = directory.path().join("core");
    let facts = gdb::run_to_death(fixture, &program, &path);
    (Core { _directory: directory, path, program }, facts)
}

/// The core that the kernel leaves, or the reason why it leaves none that a
/// test may use: the pattern is the machine's, and tests do not change it.
pub(crate) fn kernel_core(fixture: &Fixture, build: Build) -> Result<Core, String> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let pattern = pattern.trim();
    if pattern.is_empty() || pattern.starts_with('|') || pattern.contains(['/', '@']) {
        return Err(format!("core_pattern is `{pattern}`, not a plain relative name"));
    }
    let program = built(fixture, build);
    let directory = scratch::directory(&fixture.name);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited && exec \"$0\""]).arg(&program);
    command.current_dir(directory.path());
    die(fixture, &mut command);
    let mut found = fs::read_dir(directory.path()).expect("the directory can be listed").flatten();
    let Some(entry) = found.next() else {
        return Err("the kernel left no core: the hard limit may forbid it".to_owned());
    };
    let path = entry.path();
    Ok(Core { _directory: directory, path, program })
}

/// Runs `command`, which is or starts the fixture's program, to its end. Sends
/// the signal that the fixture waits for.
pub(crate) fn die(fixture: &Fixture, command: &mut Command) -> Death {
    let name = command.get_program().to_owned();
    let mut with_defaults = Command::new("env");
    // A runner in the background may have these ignored, and children inherit that.
    with_defaults.args(["--default-signal=QUIT,INT,PIPE", "timeout", "--foreground", "120"]);
    with_defaults.arg(&name).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        with_defaults.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => with_defaults.env(name, value),
            None => with_defaults.env_remove(name),
        };
    }
    let mut child = with_defaults
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("env and timeout are installed");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut stdout = String::new();
    if let Some(signal) = &fixture.send {
        output.read_line(&mut stdout).expect("a readable pipe");
        let pid = stdout.trim().strip_prefix("ready ").expect("the program says that it is ready");
        match fixture.is_busy {
            true => thread::sleep(Duration::from_millis(300)),
            false => wait_until_quiet(pid),
        }
        let status = Command::new("kill").args(["-s", &signal[3..], pid]).status();
        assert!(status.expect("kill is installed").success());
    }
    let mut errors = child.stderr.take().expect("a pipe");
    let reader = thread::spawn(move || {
        let mut stderr = Vec::new();
        errors.read_to_end(&mut stderr).expect("a readable pipe");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        // Whether a core follows is up to the machine's pattern; timeout(1) says so.
        stderr.replace("timeout: the monitored command dumped core\n", "")
    });
    output.read_to_string(&mut stdout).expect("fixtures write text");
    let status = child.wait().expect("our own child");
    Death { status, stdout, stderr: reader.join().expect("the reader cannot panic") }
}

/// Waits until all threads of a process have slept for a while.
fn wait_until_quiet(pid: &str) {
    let give_up = Instant::now() + Duration::from_secs(30);
    let mut quiet = 0;
    while quiet < 3 {
        assert!(Instant::now() < give_up, "process {pid} does not come to rest");
        thread::sleep(Duration::from_millis(20));
        quiet = if is_asleep(Path::new("/proc").join(pid).as_path()) { quiet + 1 } else { 0 };
    }
}

fn is_asleep(process: &Path) -> bool {
    let tasks = fs::read_dir(process.join("task")).expect("the process is there");
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    })
}
