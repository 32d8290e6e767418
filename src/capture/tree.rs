//! Who started whom, as the tracer has seen it: a process that has lost its
//! parent is shown by `/proc` as somebody else's child.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use libc::{c_int, pid_t};
use rustc_hash::FxHashMap;

use crate::base::facts::Relative;
use crate::base::signal::Signal;
use crate::capture::facts::named;
use crate::capture::status::ThreadState;
use crate::capture::sys;

/// Generations that are told, and remembered above those that have ended.
const MOST_GENERATIONS: usize = 32;

/// The processes that the program and its descendants have started.
///
/// Those that have ended are remembered as long as somebody lives who descends
/// from them. A process id that is used again means another one.
#[derive(Default)]
pub(super) struct Tree {
    alive: FxHashMap<pid_t, Rc<Birth>>,
}

/// One of them.
#[derive(Debug, Default)]
struct Birth {
    pid: pid_t,
    /// The process that made it. `None`: it is the program itself, or that is
    /// forgotten.
    creator: RefCell<Option<Rc<Birth>>>,
    /// Its name and command line at its last exec, which its children inherit.
    named: RefCell<Relative>,
    /// How it ended: a wait status.
    end: Cell<Option<c_int>>,
}

impl Birth {
    /// How it ended: a wait status. One whose end nobody has taken yet is a
    /// zombie, and keeps its id.
    fn end(&self) -> Option<c_int> {
        self.end.get().or_else(|| sys::status_of_ended(self.pid))
    }
}

/// Where a process comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Whether the process that started it has ended. `None`: not known.
    pub(super) is_orphan: Option<bool>,
    /// The process that started it, and how it ended, where it is an orphan.
    pub(super) started_by: Option<Relative>,
}

impl Tree {
    /// A thread of one process has made another process.
    pub(super) fn forked(&mut self, by: pid_t, new: pid_t) {
        let creator = ThreadState::read(by).map_or(by, |state| state.process);
        self.born(creator, new);
    }

    fn born(&mut self, creator: pid_t, new: pid_t) {
        let creator = Rc::clone(self.alive.entry(creator).or_insert_with(|| {
            Rc::new(Birth { pid: creator, named: RefCell::new(who(creator)), ..Birth::default() })
        }));
        let named = RefCell::new(creator.named.borrow().clone());
        let birth =
            Birth { pid: new, named, creator: RefCell::new(Some(creator)), end: Cell::default() };
        self.alive.insert(new, Rc::new(birth));
    }

    /// A process has become another program.
    pub(super) fn executed(&mut self, process: pid_t) {
        let birth = self
            .alive
            .entry(process)
            .or_insert_with(|| Rc::new(Birth { pid: process, ..Birth::default() }));
        birth.named.replace(who(process));
    }

    /// A thread has ended; if it was a process's last, the process.
    pub(super) fn ended(&mut self, tid: pid_t, status: c_int) {
        let Some(birth) = self.alive.remove(&tid) else { return };
        birth.end.set(Some(status));
        // A process that makes one process after the other, and ends, must not
        // be remembered for ever.
        let mut at = birth;
        for _ in 0..MOST_GENERATIONS {
            let Some(above) = at.creator.borrow().clone() else { return };
            at = above;
        }
        if at.end.get().is_some() {
            at.creator.replace(None);
        }
    }

    /// Where a process comes from.
    pub(super) fn origin(&self, process: pid_t) -> Origin {
        let Some(birth) = self.alive.get(&process) else { return Origin::default() };
        let creator = birth.creator.borrow();
        let Some(creator) = creator.as_ref() else {
            return Origin::default();
        };
        let end = creator.end();
        let started_by = end.map(|end| Relative {
            pid: creator.pid.cast_unsigned(),
            ended: Some(ended(end)),
            ..creator.named.borrow().clone()
        });
        Origin { is_orphan: Some(end.is_some()), started_by }
    }

    /// Whether a process descends from another one by way of at least one that
    /// has ended, so that `/proc` does not show it below that.
    pub(super) fn has_strayed(&self, process: pid_t, from: pid_t) -> bool {
        let mut at = self.alive.get(&process).and_then(|birth| birth.creator.borrow().clone());
        let mut is_broken = false;
        for _ in 0..MOST_GENERATIONS {
            let Some(birth) = at else { return false };
            let has_ended = birth.end().is_some();
            if birth.pid == from && !has_ended {
                return is_broken;
            }
            is_broken |= has_ended;
            at = birth.creator.borrow().clone();
        }
        false
    }

    /// The process that made it, whether it lives or not.
    pub(super) fn creator(&self, process: pid_t) -> Option<u32> {
        let creator = self.alive.get(&process)?.creator.borrow();
        creator.as_ref().map(|creator| creator.pid.cast_unsigned())
    }

    /// "started by process 12 (sh -c ...), which exited with 0; that by ...".
    pub(super) fn ancestry(&self, process: pid_t) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut at = self.alive.get(&process).and_then(|birth| birth.creator.borrow().clone());
        while let Some(birth) = at.filter(|_| parts.len() < MOST_GENERATIONS) {
            let end = birth.end().map(|end| format!(", which {}", ended(end)));
            let command = command_line(&birth.named.borrow());
            let command = if command.is_empty() { String::new() } else { format!(" ({command})") };
            parts.push(format!("process {}{command}{}", birth.pid, end.unwrap_or_default()));
            at = birth.creator.borrow().clone();
        }
        match parts.is_empty() {
            true => "who started it is not known".to_owned(),
            false => format!("started by {}", parts.join(", that by ")),
        }
    }
}

/// `exited with 3`, `was killed by SIGSEGV`.
pub(super) fn ended(status: c_int) -> String {
    if libc::WIFSIGNALED(status) {
        format!("was killed by {}", Signal(libc::WTERMSIG(status)).name())
    } else {
        format!("exited with {}", libc::WEXITSTATUS(status))
    }
}

/// A command line, or else the name, its words apart by spaces.
pub(super) fn command_line(relative: &Relative) -> String {
    match relative.arguments.is_empty() {
        true => relative.command.clone(),
        false => relative.arguments.join(" "),
    }
}

fn who(process: pid_t) -> Relative {
    named(process.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(births: &[(pid_t, pid_t)]) -> Tree {
        let mut tree = Tree::default();
        for (creator, new) in births {
            tree.born(*creator, *new);
        }
        tree
    }

    // Ids that no process has, so that nothing of this machine is read.
    const A: pid_t = 2_000_000_001;
    const B: pid_t = 2_000_000_002;
    const C: pid_t = 2_000_000_003;
    const D: pid_t = 2_000_000_004;

    #[test]
    fn ancestors_keep_how_they_ended() {
        let mut tree = tree(&[(A, B), (B, C)]);
        let name = |pid: pid_t, command: &str| {
            let named = Relative { command: command.to_owned(), ..Relative::default() };
            tree.alive[&pid].named.replace(named);
        };
        name(A, "make");
        name(B, "sh");
        tree.ended(B, 3 << 8);
        assert_eq!(
            tree.ancestry(C),
            format!("started by process {B} (sh), which exited with 3, that by process {A} (make)")
        );
        let origin = tree.origin(C);
        assert_eq!(origin.is_orphan, Some(true));
        let by = origin.started_by.unwrap();
        assert_eq!((by.pid.cast_signed(), by.command.as_str()), (B, "sh"));
        assert_eq!(by.ended.as_deref(), Some("exited with 3"));
        assert!(tree.has_strayed(C, A) && !tree.has_strayed(A, C) && !tree.has_strayed(C, C));
        assert_eq!(tree.ancestry(A), "who started it is not known");
        assert_eq!(tree.origin(A), Origin::default());
    }

    #[test]
    fn one_with_a_living_parent_is_no_orphan() {
        let tree = tree(&[(A, B)]);
        assert_eq!(tree.origin(B), Origin { is_orphan: Some(false), started_by: None });
        assert_eq!(tree.creator(B), Some(A.cast_unsigned()));
    }

    #[test]
    fn an_id_that_is_used_again_is_another_process() {
        let mut tree = tree(&[(A, B), (B, C)]);
        tree.ended(B, libc::SIGKILL);
        // The new one has nothing to do with C.
        tree.born(A, B);
        tree.born(B, D);
        assert_eq!(tree.origin(C).is_orphan, Some(true));
        assert_eq!(tree.origin(D).is_orphan, Some(false));
        assert!(tree.ancestry(C).contains("which was killed by SIGKILL"));
        assert!(!tree.has_strayed(C, B) && !tree.has_strayed(D, B) && tree.has_strayed(C, A));
    }

    #[test]
    fn a_chain_without_end_is_forgotten() {
        let mut tree = Tree::default();
        for new in A..A + 200_000 {
            tree.born(new, new + 1);
            tree.ended(new, 0);
        }
        assert_eq!(tree.alive.len(), 1);
        let told = tree.ancestry(A + 200_000);
        assert_eq!(told.matches("exited with 0").count(), MOST_GENERATIONS, "{told}");
    }
}
