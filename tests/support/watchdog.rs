//! Ends what hangs: a test that waits for a process that never ends would hold
//! up all others, and nobody would see which one it was.

use std::fs;
use std::io::Write as _;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// In seconds. The slowest compiler of all takes a tenth of it.
const PATIENCE: f64 = 300.0;

static STARTED: Once = Once::new();

/// From now on, no process that this one started lives longer than
/// [`PATIENCE`]. Its end ends the waiting, and the test fails by that.
pub(crate) fn start() {
    STARTED.call_once(|| {
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_secs(5));
                end_old_ones(PATIENCE);
            }
        });
    });
}

fn end_old_ones(patience: f64) {
    for pid in descendants() {
        let Some(age) = age(pid).filter(|age| *age > patience) else { continue };
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = command.replace('\0', " ");
        let _told = writeln!(
            std::io::stderr().lock(),
            "HANGS: process {pid} is killed after {age:.0} s: {command}"
        );
        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Children, their children, and so on.
fn descendants() -> Vec<i32> {
    let mut found = children("self");
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        let more = children(&pid.to_string());
        found.extend(more);
        next += 1;
    }
    found
}

fn children(process: &str) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    lists.iter().flat_map(|list| list.split_whitespace()).flat_map(str::parse).collect()
}

/// Seconds since it was started: field 22 of `proc_pid_stat(5)`, in ticks since
/// the machine was.
fn age(pid: i32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_name, rest) = stat.rsplit_once(')')?;
    let start: f64 = rest.split_whitespace().nth(22 - 3)?.parse().ok()?;
    let ticks = f64::from(i32::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?);
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some(now - start / ticks)
}

#[test]
fn what_hangs_is_ended() {
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep runs");
    let pid = i32::try_from(child.id()).expect("pids are small");
    assert!(descendants().contains(&pid));
    let age = age(pid).expect("it is there");
    assert!((-1.0..PATIENCE).contains(&age), "{age}");
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    assert!(!descendants().contains(&pid));
}
