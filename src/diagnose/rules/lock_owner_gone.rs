//! `lock-owner-gone`: threads wait for a lock whose owner has ended.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::lock::{Lock, Owner};
use crate::diagnose::hang::sentences::{asked_at, asked_in, is_asked, name};
use crate::diagnose::hang::{Subject, Wait};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{counted, hedge};

/// Threads that the evidence names.
const NAMED: usize = 3;

pub(super) struct LockOwnerGone;

impl Rule for LockOwnerGone {
    fn id(&self) -> &'static str {
        "lock-owner-gone"
    }

    fn doc(&self) -> &'static str {
        "Threads wait for a lock whose owner is none of the process's threads: it ended without \
         unlocking, or the process was forked while another thread of its parent had the lock."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["threads are in `futex` at a lock", "the lock names an owner that is none of the threads"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let (crash, hang) = (scene.crash, scene.crash.hang());
        let is_on = |wait: &Wait, index: usize| wait.on == Subject::Lock(index);
        let waiters = |index: usize| -> Vec<usize> {
            let waits = hang.waits.iter().enumerate();
            let waits = waits.filter(|(_, wait)| wait.as_ref().is_some_and(|it| is_on(it, index)));
            waits.map(|(thread, _)| thread).collect()
        };
        let gone = |lock: &Lock| match lock.owner {
            Owner::Thread(tid) if lock.holders.is_empty() => Some(tid),
            _ => None,
        };
        let abandoned = hang
            .locks
            .iter()
            .enumerate()
            .filter_map(|(index, lock)| Some((lock, gone(lock)?, waiters(index))));
        let (lock, owner, waiters) = abandoned.max_by_key(|(_, _, waiters)| waiters.len())?;
        let first = *waiters.first()?;
        // A thread that was not written may be the owner; so may one of another
        // process.
        let is_shared = hang.wait_of(first)?.is_shared;
        let is_whole = crash.process.source.complete && !is_shared;
        let confidence = if is_whole { 0.95 } else { 0.6 };
        let mut finding = Finding::new(self.id(), confidence, "lock of a thread that is gone");
        let who = match waiters.as_slice() {
            [only] => format!("{} waits", name(crash, *only)),
            many => format!("{} wait", counted(many.len() as u64, "thread")),
        };
        let hedge = hedge(confidence);
        let gone = match (hedge, is_shared) {
            ("", _) => "is no longer there".to_owned(),
            (hedge, true) => format!("is {hedge}one of another process, or gone"),
            (hedge, false) => format!("is {hedge}gone"),
        };
        let at = asked_in(crash, hang, first);
        finding.explanation =
            format!("{who}{at} for {}, whose owner, thread {owner}, {gone}", lock.words());
        finding.evidence.push(format!(
            "the {} at {} names thread {owner} as its owner, and the process has no such thread",
            lock.kind.noun(),
            lock.at,
        ));
        for thread in waiters.iter().take(NAMED) {
            let at = asked_at(crash, hang, *thread);
            finding.evidence.push(format!("{} asked for it{at}", name(crash, *thread)));
        }
        finding.thread = first;
        finding.call = hang.wait_of(first)?.asked;
        finding.severity = Severity::Low;
        finding.next_step = Some(
            "look for a thread that returns, exits or is cancelled with the lock held; a child of \
             fork() must not use locks of its parent's other threads"
                .to_owned(),
        );
        Some(finding)
    }
}
