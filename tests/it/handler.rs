//! `coretool handler`: the one of the whole machine, so these tests need root,
//! and take turns.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use coretool::report::model::{HandlerStatus, KeptCrashes, Report};
use coretool::triage::store::{Budget, Entry, Store, Wanted};
use tempfile::TempDir;

use crate::support::core_pattern::{self, CorePattern};
use crate::support::notice::untested;
use crate::support::target::{Target, finished, text};

/// How long kept crashes may take to appear.
const PATIENCE: Duration = Duration::from_secs(120);
const SUID_DUMPABLE: &str = "/proc/sys/fs/suid_dumpable";
const PIPE_LIMIT: &str = "/proc/sys/kernel/core_pipe_limit";

/// An installed handler. When this goes away, all is as it was.
struct Handler {
    target: Target,
    /// The store's place, with a short name: a pattern has 127 characters.
    place: TempDir,
    former: (String, String),
    // The last to go: it has the lock, and restores what is left.
    _turn: CorePattern,
}

impl Handler {
    /// `None`, and it is told why: this machine does not let us.
    fn install(options: &[&str]) -> Option<Self> {
        let pattern = fs::read_to_string(core_pattern::PATH).unwrap_or_default();
        let turn = match CorePattern::set(pattern.trim_end()) {
            Ok(turn) => turn,
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "must run under CI: {why}");
                untested(&format!("the handler: {why}"));
                return None;
            }
        };
        let target = Target::new("handled");
        let former = settings();
        let place = tempfile::Builder::new().prefix("ct").tempdir().unwrap();
        let handler = Self { target, place, former, _turn: turn };
        let done = finished(handler.command("install").args(options));
        assert!(done.status.success(), "{}", text(&done.stderr));
        Some(handler)
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("s")
    }

    fn command(&self, word: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        self.target.prepare(&mut command);
        command.args(["handler", word, "--store"]).arg(self.root());
        command
    }

    /// Runs the program to its death; the process, and whether a core was
    /// dumped.
    fn crash(&self, arguments: &[&str]) -> (u32, bool) {
        let mut child = Command::new(&self.target.program);
        let mut child = child.args(arguments).stdin(Stdio::null()).spawn().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}");
        (child.id(), status.core_dumped())
    }

    fn entries(&self) -> Vec<Entry> {
        let store = Store::open(&self.root(), Budget::default()).unwrap();
        store.list(&Wanted::default()).unwrap()
    }

    /// The crash of a process, once it is kept.
    fn kept(&self, pid: u32) -> (Entry, Report) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(entry) = self.entries().into_iter().find(|entry| entry.pid == Some(pid)) {
                let report = fs::read(entry.report()).unwrap();
                return (entry, serde_json::from_slice(&report).unwrap());
            }
            assert!(Instant::now() < until, "process {pid} is not kept: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root().join("handler/log")).unwrap_or_default()
    }

    fn sidecar(&self, entry: &Entry) -> String {
        let files = fs::read_dir(&entry.directory).unwrap().flatten();
        let is_sidecar = |path: &PathBuf| path.to_string_lossy().contains("sidecar");
        let path = files.map(|file| file.path()).find(is_sidecar).unwrap();
        fs::read_to_string(path).unwrap()
    }

    /// For how long a dump held the process, in microseconds.
    fn held(&self, entry: &Entry) -> u64 {
        let sidecar: serde_json::Value = serde_json::from_str(&self.sidecar(entry)).unwrap();
        sidecar["capture"]["held_for_us"].as_u64().unwrap()
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let done = finished(&mut self.command("uninstall"));
        if !thread::panicking() {
            assert!(done.status.success(), "{}", text(&done.stderr));
            assert_eq!(settings(), self.former, "the former settings are back");
        }
        let _limit = fs::write(PIPE_LIMIT, &self.former.1);
    }
}

fn settings() -> (String, String) {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    (read(core_pattern::PATH), read(PIPE_LIMIT))
}

/// That a report tells the crash of `handled.c`.
fn is_whole(report: &Report) {
    let frames: Vec<_> =
        report.threads[0].frames.iter().filter_map(|frame| frame.function.as_deref()).collect();
    assert_eq!(frames.first(), Some(&"crash"), "{}: {:?}", report.verdict, report.gaps);
    assert!(frames.contains(&"main"), "{frames:?}");
}

#[test]
fn the_socket_keeps_crashes() {
    let Some(handler) = Handler::install(&[]) else { return };
    let (pid, dumped) = handler.crash(&["plain"]);
    let (entry, report) = handler.kept(pid);
    assert!(dumped, "the parent sees the core bit");
    is_whole(&report);
    assert_eq!(entry.captured_by, "handler-socket");
    println!("small program: held for {} us", handler.held(&entry));
    assert_eq!(fs::metadata(entry.report()).unwrap().permissions().mode() & 0o777, 0o600);

    // Root alone may see what a process that changed its user had in memory.
    let former = fs::read_to_string(SUID_DUMPABLE).unwrap();
    fs::write(SUID_DUMPABLE, "2").unwrap();
    let changed = Command::new(&handler.target.program).arg("changed-user").spawn();
    let changed = changed.and_then(|mut child| child.wait().map(|_status| child.id()));
    fs::write(SUID_DUMPABLE, former).unwrap();
    let (entry, report) = handler.kept(changed.unwrap());
    is_whole(&report);
    assert!(handler.sidecar(&entry).contains("only root may read this"));

    let (pid, _) = handler.crash(&["threads", "2000"]);
    let (entry, report) = handler.kept(pid);
    is_whole(&report);
    assert_eq!(report.threads.len(), 2_001);
    println!("2,000 threads, 16 GiB: held for {} us", handler.held(&entry));

    let test = finished(&mut handler.command("test"));
    assert!(test.status.success(), "{}", text(&test.stderr));
    let status = finished(&mut handler.command("status"));
    assert!(text(&status.stdout).contains("listens"), "{}", text(&status.stdout));
    let status = finished(handler.command("status").args(["--format", "json"]));
    assert!(status.status.success());
    let found: HandlerStatus = serde_json::from_slice(&status.stdout).unwrap();
    assert!(found.installed && found.works && found.core_pattern.starts_with("@@"), "{found:?}");
    // Three crashes above, and that of the test; whatever else crashes on this
    // machine is kept, too.
    assert!(found.kept >= Some(4) && found.seen >= found.kept, "{found:?}");
    assert_eq!(found.former_pattern.as_deref(), Some(handler.former.0.trim_end()));
    assert_eq!(found.store, handler.root().canonicalize().unwrap().to_str().unwrap());
}

/// `coretool run` without a tracer shows what the handler has kept.
#[test]
fn run_finds_its_crash_in_the_store() {
    for options in [&[][..], &["--pipe"]] {
        let Some(handler) = Handler::install(options) else { return };
        let run = handler.target.run(&["--capture", "handler"], &["threads", "3"]);
        assert_eq!(run.status, Some(128 + 11), "{}", run.stderr);
        let report = run.report();
        is_whole(report);
        assert_eq!(report.threads.len(), 4);
        let capture = report.source.capture.as_ref().unwrap();
        let rung = if options.is_empty() { "handler-socket" } else { "handler-pipe" };
        assert_eq!(capture.rung, rung);
        assert!(capture.why.join(" ").contains("core_pattern gives all cores"), "{capture:?}");
        assert!(capture.held_for_us.is_some());
        // It is kept once, by the handler.
        assert!(handler.target.kept().is_empty());
        let (entry, _) = handler.kept(report.process.pid.unwrap());
        let saved = report.saved.as_ref().unwrap();
        assert_eq!(saved.id, entry.id);
        assert_eq!(run.stderr, "", "nothing is amiss");
    }
}

/// A user can read the reports of its own processes, and of no others.
#[test]
fn the_user_has_its_own_reports() {
    const USER: u32 = 65_534;
    let Some(handler) = Handler::install(&[]) else { return };
    let allow = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    // Root's temporary directories are closed to others.
    allow(handler.place.path(), 0o755);
    let work = handler.place.path().join("work");
    fs::create_dir(&work).unwrap();
    allow(&work, 0o777);
    let coretool = work.join("coretool");
    let program = work.join("handled");
    fs::copy(env!("CARGO_BIN_EXE_coretool"), &coretool).unwrap();
    fs::copy(&handler.target.program, &program).unwrap();
    let as_user = || {
        let mut command = Command::new("setpriv");
        let user = USER.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).current_dir(&work);
        command.env("XDG_STATE_HOME", work.join("state")).stdin(Stdio::null());
        command
    };
    let (root_s, _) = handler.crash(&["plain"]);
    handler.kept(root_s);
    let run =
        finished(
            as_user()
                .arg(&coretool)
                .args(["run", "--capture", "handler", "--format", "json"])
                .args(["--output", "-", "--", program.to_str().unwrap(), "plain"]),
        );
    assert_eq!(run.status.code(), Some(128 + 11), "{}", text(&run.stderr));
    let report: Report = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&run.stderr), handler.log()));
    is_whole(&report);
    assert_eq!(report.process.uid, Some(USER));

    let store = handler.place.path().join(format!("s-users/{USER}"));
    let list = finished(
        as_user().arg(&coretool).args(["list", "--format", "json", "--store"]).arg(&store),
    );
    let kept: KeptCrashes = serde_json::from_slice(&list.stdout).unwrap();
    let [crash] = kept.crashes.as_slice() else { panic!("{kept:?}") };
    assert_eq!((crash.pid, &crash.core), (report.process.pid, &None));
    let mode = fs::metadata(&store).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    // Whoever asks and whatever the environment says: it is one for the machine.
    for way in [&["--store", handler.root().to_str().unwrap()][..], &[]] {
        let status = finished(as_user().arg(&coretool).args(["handler", "status"]).args(way));
        let said = text(&status.stdout);
        assert_eq!(status.status.code(), Some(0), "{said}{}", text(&status.stderr));
        assert!(said.contains("installed        yes"), "{said}");
        let said = text(&status.stderr);
        assert!(said.contains(&format!("your own crashes: {}", store.display())), "{said}");
    }
    // What is root's stays root's.
    let list = finished(as_user().arg(&coretool).args(["list", "--store"]).arg(handler.root()));
    assert_eq!(list.status.code(), Some(1), "{}", text(&list.stdout));
}

#[test]
fn many_crashes_at_once_are_all_kept() {
    let Some(handler) = Handler::install(&[]) else { return };
    let crowd = finished(Command::new(&handler.target.program).args(["crowd", "200"]));
    assert!(crowd.status.success());
    let pids: Vec<u32> = text(&crowd.stdout).lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(pids.len(), 200);
    let until = Instant::now() + PATIENCE;
    let missing = || {
        let kept: Vec<_> = handler.entries().iter().filter_map(|entry| entry.pid).collect();
        pids.iter().filter(|pid| !kept.contains(pid)).count()
    };
    while missing() > 0 {
        assert!(Instant::now() < until, "{} are missing: {}", missing(), handler.log());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_loop_of_crashes_is_counted() {
    let Some(handler) = Handler::install(&["--burst", "3"]) else { return };
    let pids: Vec<u32> = (0..10).map(|_| handler.crash(&["plain"]).0).collect();
    handler.kept(pids[2]);
    let until = Instant::now() + PATIENCE;
    let count = || {
        let store = Store::open(&handler.root(), Budget::default()).unwrap();
        let counts = store.counts().unwrap();
        let ours = counts.iter().filter(|count| count.program == "handled");
        ours.map(|count| count.count).sum::<u64>()
    };
    while count() < 10 {
        assert!(Instant::now() < until, "{} are counted: {}", count(), handler.log());
        thread::sleep(Duration::from_millis(20));
    }
    let kept = handler.entries();
    let kept = kept.iter().filter(|entry| entry.pid.is_some_and(|pid| pids.contains(&pid)));
    assert_eq!(kept.count(), 3);
}

#[test]
fn the_pipe_keeps_crashes() {
    let Some(handler) = Handler::install(&["--pipe"]) else { return };
    let (pid, dumped) = handler.crash(&["plain"]);
    let (entry, report) = handler.kept(pid);
    assert!(dumped);
    is_whole(&report);
    assert_eq!(entry.captured_by, "handler-pipe");
    let (pid, _) = handler.crash(&["threads", "2000"]);
    let (entry, report) = handler.kept(pid);
    is_whole(&report);
    println!("by pipe, 2,000 threads, 16 GiB: held for {} us", handler.held(&entry));
}

#[test]
fn a_killed_daemon_leaves_the_former_pattern() {
    let Some(handler) = Handler::install(&[]) else { return };
    let daemon = fs::read_to_string(handler.root().join("handler/daemon")).unwrap();
    let pid = daemon.split_whitespace().next().unwrap().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    let until = Instant::now() + PATIENCE;
    while settings() != handler.former {
        assert!(Instant::now() < until, "{:?}", settings());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_pid_namespace_is_served_from_outside() {
    let Some(handler) = Handler::install(&[]) else { return };
    let script = "\"$1\" plain; exit 0";
    let mut command = Command::new("unshare");
    command.args(["-p", "-f", "-m", "--mount-proc", "sh", "-c", script, "sh"]);
    let done = finished(command.arg(&handler.target.program));
    assert!(done.status.success(), "{}", text(&done.stderr));
    let until = Instant::now() + PATIENCE;
    loop {
        let entries = handler.entries();
        if let Some(entry) = entries.iter().find(|entry| entry.program == "handled") {
            let report: Report =
                serde_json::from_slice(&fs::read(entry.report()).unwrap()).unwrap();
            is_whole(&report);
            return;
        }
        assert!(Instant::now() < until, "{}", handler.log());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whoever has seen that its child died finds the report, whatever happens to
/// the handler: what it had captured is analyzed by who comes next.
#[test]
fn a_killed_daemon_loses_no_crash() {
    let Some(handler) = Handler::install(&[]) else { return };
    let kill = |pid: u32| {
        let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    };
    let crowd = || -> Vec<u32> {
        let crowd = finished(Command::new(&handler.target.program).args(["crowd", "30"]));
        assert!(crowd.status.success());
        text(&crowd.stdout).lines().map(|line| line.parse().unwrap()).collect()
    };
    let daemon = || -> u32 {
        let daemon = fs::read_to_string(handler.root().join("handler/daemon")).unwrap();
        daemon.split_whitespace().next().unwrap().parse().unwrap()
    };
    let store = || Store::open(&handler.root(), Budget::default()).unwrap();

    // The guard, which outlives the daemon, does it.
    let pids = crowd();
    kill(daemon());
    println!("{} wait when the daemon is killed", store().waiting().unwrap());
    for pid in pids {
        is_whole(&handler.kept(pid).1);
    }
    assert_eq!(settings(), handler.former);

    // Nobody is left: the next start does it.
    assert!(finished(&mut handler.command("install")).status.success());
    let pids = crowd();
    let daemon = daemon();
    let children = fs::read_dir(format!("/proc/{daemon}/task")).unwrap().flatten();
    let children: String = children
        .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default())
        .collect();
    let is_guard = |pid: &&str| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == b"guard")
    };
    let guard = children.split_whitespace().find(is_guard).unwrap();
    kill(guard.parse().unwrap());
    kill(daemon);
    let waiting = store().waiting().unwrap();
    println!("{waiting} wait when both are killed");
    let status = finished(handler.command("status").args(["--format", "json"]));
    let found: HandlerStatus = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((found.works, found.waiting), (false, Some(waiting as u64)), "{found:?}");
    assert!(finished(&mut handler.command("install")).status.success());
    for pid in pids {
        is_whole(&handler.kept(pid).1);
    }
    assert_eq!(store().waiting().unwrap(), 0);
}

/// A crash loop does not begin anew with each handler.
#[test]
fn the_rate_limit_outlives_the_daemon() {
    let Some(handler) = Handler::install(&["--burst", "2"]) else { return };
    let first: Vec<u32> = (0..2).map(|_| handler.crash(&["plain"]).0).collect();
    for pid in first {
        handler.kept(pid);
    }
    assert!(finished(&mut handler.command("uninstall")).status.success());
    for options in [&[][..], &["--pipe"]] {
        let install = finished(handler.command("install").args(["--burst", "2"]).args(options));
        assert!(install.status.success(), "{}", text(&install.stderr));
        let (pid, _) = handler.crash(&["plain"]);
        let until = Instant::now() + PATIENCE;
        let seen = || {
            let store = Store::open(&handler.root(), Budget::default()).unwrap();
            let counts = store.counts().unwrap();
            let ours = counts.iter().filter(|count| count.program == "handled");
            ours.map(|count| count.count).sum::<u64>()
        };
        let want = if options.is_empty() { 3 } else { 4 };
        while seen() < want {
            assert!(Instant::now() < until, "{} of {want}: {}", seen(), handler.log());
            thread::sleep(Duration::from_millis(20));
        }
        assert!(handler.entries().iter().all(|entry| entry.pid != Some(pid)), "{options:?}");
        assert!(finished(&mut handler.command("uninstall")).status.success());
    }
}
