//! Descendants that live on when the program has ended: what is told of them,
//! and how they are ended.

use std::io;
use std::os::fd::AsFd as _;
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, pid_t};
use rustc_hash::FxHashSet;

use crate::base::count::span;
use crate::base::facts::Relative;
use crate::base::signal::Signal;
use crate::capture::facts::{onlooker, relative};
use crate::capture::sys;
use crate::capture::tree::command_line;

/// What becomes of descendants that live on when the program has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// They are named, and run on: what would have been without us.
    #[default]
    Report,
    /// They are named, and waited for.
    Wait,
    /// They are named and ended: by SIGTERM, and after this time by SIGKILL.
    Kill(Duration),
}

/// Those that are named.
const MOST_NAMED: usize = 20;
/// For so long the other ends of their descriptors are looked for: who is
/// traced and stops has to wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long SIGKILL may take. Only a system call that cannot be interrupted
/// takes longer.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// How often they are looked after.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Those of some processes that live, by their names.
pub(super) fn alive(pids: &[pid_t]) -> Vec<Relative> {
    let found = pids.iter().filter_map(|pid| relative(pid.cast_unsigned()));
    found.filter(|found| found.state.as_deref() != Some("zombie")).collect()
}

/// Lines about those that live on, or did a moment ago; `origin` says where one
/// comes from.
pub(super) fn named(found: &[Relative], origin: impl Fn(pid_t) -> String) -> Vec<String> {
    let mut lines = each(found, origin);
    match found.len() {
        0 => (),
        1 => lines.insert(0, "1 process lives on after the program's end:".to_owned()),
        many => lines.insert(0, format!("{many} processes live on after the program's end:")),
    }
    lines
}

/// A line about each of some processes, but not of too many.
pub(super) fn each(found: &[Relative], origin: impl Fn(pid_t) -> String) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let line = |known: &Relative| {
        let now = onlooker(known.pid, deadline);
        let origin = origin(known.pid.cast_signed());
        format!("  {}", words(known, now.as_ref(), &origin))
    };
    let mut lines: Vec<String> = found.iter().take(MOST_NAMED).map(line).collect();
    if found.len() > MOST_NAMED {
        lines.push(format!("  and {} more", found.len() - MOST_NAMED));
    }
    lines
}

/// "process 12 (node worker.js): an orphan, started by ...; waits in ...".
/// `now` is what is seen of it meanwhile; `None`: nothing any more.
fn words(known: &Relative, now: Option<&Relative>, origin: &str) -> String {
    let waits = match now {
        None => "has ended since".to_owned(),
        Some(now) => match (&now.waits_in, now.state.as_deref()) {
            (Some(call), _) => format!("waits in {call}"),
            (None, Some("running")) => "runs".to_owned(),
            (None, Some("stopped")) => "is stopped".to_owned(),
            _ => "what it waits for is not known".to_owned(),
        },
    };
    let places = now.map(|now| now.listens_at.join(", ")).filter(|places| !places.is_empty());
    let listens = places.map(|places| format!("; listens at {places}")).unwrap_or_default();
    let origin = if origin.is_empty() { String::new() } else { format!("{origin}; ") };
    // It may have become another program meanwhile.
    let command = command_line(now.unwrap_or(known));
    format!("process {} ({command}): {origin}{waits}{listens}", known.pid)
}

/// Sends a signal to a process that `is_ours` still says to be ours once it
/// cannot be mistaken for another one.
pub(super) fn send(pid: pid_t, signal: c_int, is_ours: impl Fn(pid_t) -> bool) -> io::Result<()> {
    let pinned = sys::pidfd_open(pid)?;
    if !is_ours(pid) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    sys::pidfd_send_signal(pinned.as_fd(), signal)
}

/// The ending of those that live on, step by step.
pub(super) struct Ending {
    grace: Duration,
    began: Instant,
    asked: FxHashSet<pid_t>,
    is_forced: bool,
}

impl Ending {
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, began: Instant::now(), asked: FxHashSet::default(), is_forced: false }
    }

    /// One look at those who are left: sends each the signal that it is time
    /// for, once. Returns what there is to say, and whether to go on.
    pub(super) fn look(
        &mut self,
        left: &[pid_t],
        is_ours: impl Fn(pid_t) -> bool,
    ) -> (Option<String>, bool) {
        if left.is_empty() {
            return (None, false);
        }
        let waited = self.began.elapsed();
        if waited > self.grace.saturating_add(LAST_PATIENCE) {
            let left: Vec<String> = left.iter().map(pid_t::to_string).collect();
            let why = "it is in a system call that cannot be interrupted, or may not be killed";
            return (Some(format!("process {} has not ended: {why}", left.join(", "))), false);
        }
        if waited >= self.grace && !self.is_forced {
            self.is_forced = true;
            self.asked.clear();
        }
        let signal = if self.is_forced { libc::SIGKILL } else { libc::SIGTERM };
        let mut sent = Vec::new();
        for pid in left {
            if self.asked.insert(*pid) && send(*pid, signal, &is_ours).is_ok() {
                // One that is stopped gets it only when it goes on.
                let _gone = send(*pid, libc::SIGCONT, &is_ours);
                sent.push(pid.to_string());
            }
        }
        thread::sleep(BETWEEN_LOOKS);
        let late = match self.is_forced {
            true => format!(": no end within {} of SIGTERM", span(self.grace)),
            false => String::new(),
        };
        let name = Signal(signal).name();
        let said = format!("{name} sent to process {}{late}", sent.join(", "));
        ((!sent.is_empty()).then_some(said), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_words() {
        let found = Relative {
            pid: 12,
            command: "node".to_owned(),
            arguments: vec!["node".to_owned(), "worker.js".to_owned()],
            state: Some("sleeping".to_owned()),
            waits_in: Some("epoll_wait of fd 3".to_owned()),
            listens_at: vec!["127.0.0.1:80".to_owned()],
            ..Relative::default()
        };
        assert_eq!(
            words(&found, Some(&found), "an orphan, started by process 11, which exited with 0"),
            "process 12 (node worker.js): an orphan, started by process 11, which exited with 0; \
             waits in epoll_wait of fd 3; listens at 127.0.0.1:80"
        );
        let running = Relative { pid: 12, command: "spin".to_owned(), ..Relative::default() };
        let running = Relative { state: Some("running".to_owned()), ..running };
        assert_eq!(words(&running, Some(&running), "x"), "process 12 (spin): x; runs");
        assert_eq!(words(&running, None, ""), "process 12 (spin): has ended since");
    }

    #[test]
    fn steps_in_their_order() {
        // Nobody of them is ours, so nobody is sent anything.
        let mut ending = Ending::new(Duration::ZERO);
        let (said, goes_on) = ending.look(&[1], |_| false);
        assert_eq!((said, goes_on, ending.is_forced), (None, true, true));
        assert_eq!(ending.look(&[], |_| true), (None, false));
        ending.began = Instant::now().checked_sub(LAST_PATIENCE * 2).unwrap();
        let (said, goes_on) = ending.look(&[1], |_| false);
        assert!(said.unwrap().starts_with("process 1 has not ended") && !goes_on);
    }

    #[test]
    fn only_what_is_ours_is_sent_a_signal() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        assert!(send(pid, libc::SIGTERM, |_| false).is_err());
        assert!(child.try_wait().unwrap().is_none());
        send(pid, libc::SIGTERM, |_| true).unwrap();
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    }
}
