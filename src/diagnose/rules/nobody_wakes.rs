//! `nobody-left-to-wake`: each thread waits for another one to do something.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::lock::Kind;
use crate::diagnose::hang::sentences::{asked_at, asked_in, is_asked, name};
use crate::diagnose::hang::{Subject, Wait};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{counted, hedge};

/// Threads that the sentence and the evidence name.
const NAMED: usize = 2;
const MOST: usize = 6;

pub(super) struct NobodyWakes;

impl Rule for NobodyWakes {
    fn id(&self) -> &'static str {
        "nobody-left-to-wake"
    }

    fn doc(&self) -> &'static str {
        "All threads of the process wait, without an end to that, for something that only another \
         of its threads can do: signal a condition variable, post a semaphore, come to a barrier. \
         Nobody is left to do it. The cause may be a lost wakeup."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "every thread is in `futex`, without a time at which that ends",
            "no futex is shared with another process",
            "what they wait for are condition variables, semaphores, barriers, or each other",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (crash, hang) = (scene.crash, scene.crash.hang());
        let waits = || hang.waits.iter().map(Option::as_ref);
        let is_inside = |wait: &Wait| {
            let by_thread = !matches!(wait.on, Subject::Kernel(_));
            by_thread && !wait.is_timed && !wait.is_shared
        };
        let is_whole = crash.process.source.complete && !hang.waits.is_empty();
        let all_wait = waits().all(|wait| wait.is_some_and(is_inside));
        if !is_asked(scene) || !is_whole || !all_wait || !hang.circles.is_empty() {
            return None;
        }
        // Those that no other thread keeps from going on.
        let is_end = |thread: &usize| hang.edges.get(*thread).is_none_or(Vec::is_empty);
        let ends: Vec<usize> = (0..hang.waits.len()).filter(is_end).collect();
        let wakes = |thread: usize| match hang.lock_of(thread).map(|lock| lock.kind) {
            Some(Kind::Condition) => Some("signal"),
            Some(Kind::Semaphore) => Some("post"),
            Some(Kind::Barrier) => Some("come to"),
            Some(Kind::Parking | Kind::Futex) => Some("wake"),
            _ => None,
        };
        let first = ends.iter().copied().find(|thread| wakes(*thread).is_some())?;
        // A word in memory of no known kind may be anything.
        let is_known =
            ends.iter().all(|it| hang.lock_of(*it).is_some_and(|it| it.kind != Kind::Futex));
        let confidence = if is_known { 0.9 } else { 0.6 };
        let mut finding = Finding::new(self.id(), confidence, "nobody is left to wake the threads");
        // Threads that wait for the same thing are told together.
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for thread in &ends {
            let what = hang.words(crash, *thread).unwrap_or_default();
            if let Some((_, threads)) = groups.iter_mut().find(|(words, _)| *words == what) {
                threads.push(*thread);
            } else if groups.len() < MOST {
                groups.push((what, vec![*thread]));
            }
        }
        let said = groups.iter().take(NAMED).map(|(what, threads)| match threads.as_slice() {
            [only] => {
                format!("{} waits{} for {what}", name(crash, *only), asked_in(crash, hang, *only))
            }
            many => format!("{} wait for {what}", counted(many.len() as u64, "thread")),
        });
        let said: Vec<String> = said.collect();
        let is_all = groups.len() <= NAMED;
        let more = if is_all { "" } else { ", others wait alike" };
        let all = match hang.waits.len() {
            1 => "nobody else is there".to_owned(),
            many => format!("all {} wait, and nobody is left", counted(many as u64, "thread")),
        };
        let verb = wakes(first).unwrap_or("wake");
        let hedge = hedge(confidence);
        finding.explanation =
            format!("{hedge}for ever, {}{more}; {all} to {verb} it", said.join(", "));
        for (thread, wait) in hang.waits.iter().enumerate().take(MOST) {
            if wait.is_some() {
                let what = hang.words(crash, thread).unwrap_or_default();
                let at = asked_at(crash, hang, thread);
                finding.evidence.push(format!("{} waits for {what}{at}", name(crash, thread)));
            }
        }
        finding.thread = first;
        finding.call = hang.wait_of(first).and_then(|wait| wait.asked);
        finding.severity = Severity::Low;
        finding.next_step = Some(match hang.lock_of(first).map(|lock| lock.kind) {
            Some(Kind::Condition) => "possibly a lost wakeup: look whether it is signalled before \
                                      the wait begins, or the condition is changed without the \
                                      lock"
                .to_owned(),
            Some(Kind::Barrier) => {
                "compare the barrier's count with the number of threads".to_owned()
            }
            _ => "look for the thread that should have done it, and why it ended".to_owned(),
        });
        Some(finding)
    }
}
