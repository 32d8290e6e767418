//! Who started whom, as the tracer has seen it: a process that has lost its
//! parent is shown by `/proc` as somebody else's child.

use std::fs;

use libc::{c_int, pid_t};
use rustc_hash::FxHashMap;

use crate::base::signal::Signal;
use crate::capture::status::ThreadState;
use crate::capture::sys;

/// Processes that are remembered.
const MOST: usize = 100_000;
/// Generations that are told.
const MOST_GENERATIONS: usize = 32;
/// Bytes of a command line that are told.
const MOST_BYTES: usize = 200;

/// The processes that the program and its descendants have started.
#[derive(Default)]
pub(super) struct Tree {
    births: FxHashMap<pid_t, Birth>,
}

/// One of them.
#[derive(Clone, Debug, Default)]
struct Birth {
    /// The process that made it. `None`: it is the program itself.
    creator: Option<pid_t>,
    /// Its command line at its last exec, which its children inherit.
    command: String,
    /// How it ended: a wait status.
    end: Option<c_int>,
}

impl Tree {
    /// A thread of one process has made another process.
    pub(super) fn forked(&mut self, by: pid_t, new: pid_t) {
        let creator = ThreadState::read(by).map_or(by, |state| state.process);
        let command = match self.births.get(&creator) {
            Some(birth) if !birth.command.is_empty() => birth.command.clone(),
            _ => command_line(creator),
        };
        if self.births.len() < MOST || self.births.contains_key(&new) {
            self.births.insert(new, Birth { creator: Some(creator), command, end: None });
        }
    }

    /// A process has become another program.
    pub(super) fn executed(&mut self, process: pid_t) {
        if self.births.len() < MOST || self.births.contains_key(&process) {
            self.births.entry(process).or_default().command = command_line(process);
        }
    }

    /// A thread has ended; if it was a process's last, the process.
    pub(super) fn ended(&mut self, tid: pid_t, status: c_int) {
        if let Some(birth) = self.births.get_mut(&tid) {
            birth.end = Some(status);
        }
    }

    /// "started by process 12 (sh -c ...), which exited with 0; that by ...".
    pub(super) fn ancestry(&self, process: pid_t) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut at = process;
        while let Some(creator) = self.births.get(&at).and_then(|birth| birth.creator)
            && parts.len() < MOST_GENERATIONS
        {
            let birth = self.births.get(&creator);
            let command = birth.map(|birth| birth.command.as_str()).unwrap_or_default();
            // One whose end nobody has taken yet is a zombie.
            let status =
                birth.and_then(|birth| birth.end.or_else(|| sys::status_of_ended(creator)));
            let end =
                status.map_or_else(String::new, |status| format!(", which {}", ended(status)));
            let command = if command.is_empty() { String::new() } else { format!(" ({command})") };
            parts.push(format!("process {creator}{command}{end}"));
            at = creator;
        }
        match parts.is_empty() {
            true => "who started it is not known".to_owned(),
            false => format!("started by {}", parts.join(", that by ")),
        }
    }

    /// One that lives on: "process 12 (worker), started by ..., waits in ...".
    pub(super) fn orphan(&self, process: pid_t) -> String {
        let command = command_line(process);
        format!("process {process} ({command}), {}, {}", self.ancestry(process), waits_in(process))
    }
}

fn ended(status: c_int) -> String {
    if libc::WIFSIGNALED(status) {
        format!("was killed by {}", Signal(libc::WTERMSIG(status)).name())
    } else {
        format!("exited with {}", libc::WEXITSTATUS(status))
    }
}

/// A command line, its words apart by spaces.
fn command_line(process: pid_t) -> String {
    let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
    let mut line = read("cmdline");
    if line.is_empty() {
        line = read("comm");
    }
    line.truncate(MOST_BYTES);
    let words = line.split(|byte| *byte == 0 || *byte == b'\n');
    let words: Vec<_> =
        words.filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
    words.join(" ")
}

/// Where in the kernel a process sleeps.
fn waits_in(process: pid_t) -> String {
    let channel = fs::read_to_string(format!("/proc/{process}/wchan")).unwrap_or_default();
    match channel.trim() {
        // In a stop of our own it says nothing of the process.
        "" | "0" | "ptrace_stop" => "running, or waiting for what is not known".to_owned(),
        channel => format!("waiting in the kernel's {channel}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_keep_how_they_ended() {
        let mut tree = Tree::default();
        let birth =
            |creator, command: &str| Birth { creator, command: command.to_owned(), end: None };
        tree.births.insert(10, birth(None, "make all"));
        tree.births.insert(11, birth(Some(10), "sh -c x"));
        tree.births.insert(12, birth(Some(11), "worker"));
        tree.ended(11, 3 << 8);
        assert_eq!(
            tree.ancestry(12),
            "started by process 11 (sh -c x), which exited with 3, that by process 10 (make all)"
        );
        tree.ended(11, libc::SIGKILL);
        assert!(tree.ancestry(12).contains("which was killed by SIGKILL"));
        assert_eq!(tree.ancestry(10), "who started it is not known");
        // A circle, which reused ids could make, ends.
        tree.births.insert(10, birth(Some(12), ""));
        assert!(tree.ancestry(12).len() < 10_000);
    }
}
