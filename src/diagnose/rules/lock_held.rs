//! `lock-held`: threads wait for a lock whose owner is busy with something else.

use crate::diagnose::crash::Occasion;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::graph::Root;
use crate::diagnose::hang::sentences::{asked_at, is_asked, name};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::waits::activity;
use crate::diagnose::wording::{counted, hedge};

/// Threads that the evidence names.
const NAMED: usize = 3;

pub(super) struct LockHeld;

impl Rule for LockHeld {
    fn id(&self) -> &'static str {
        "lock-held"
    }

    fn doc(&self) -> &'static str {
        "Threads wait for a lock, and the thread that holds it waits for no lock, but does \
         something else: a long computation, input, a time to pass."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "threads are in `futex` at a lock",
            "its owner is there, and waits for no lock and no thread",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let (crash, hang) = (scene.crash, scene.crash.hang());
        // Those that wait for the root itself, by a lock.
        let direct = |root: &Root| -> Vec<usize> {
            let waits_for_it = |thread: &usize| {
                let leads = hang.edges.get(*thread).and_then(|edges| edges.first());
                hang.lock_of(*thread).is_some() && leads.is_some_and(|it| it.to == root.thread)
            };
            root.waiters.iter().copied().filter(waits_for_it).collect()
        };
        let (root, waiters) = hang
            .roots
            .iter()
            .map(|root| (root, direct(root)))
            .find(|(_, waiters)| !waiters.is_empty())?;
        let first = *waiters.first()?;
        let lock = hang.lock_of(first)?;
        let by = lock.holders.iter().find(|it| it.thread == root.thread)?;
        // Of a look at a process that runs, a lock that is held means little.
        let most = if crash.occasion == Occasion::Look { 0.6 } else { 0.8 };
        let confidence = by.confidence.min(most);
        let owner = crash.process.threads.get(root.thread)?;
        let doing = activity(scene, root.thread, owner);
        let who = match waiters.as_slice() {
            [only] => format!("{} waits", name(crash, *only)),
            many => format!("{} wait", counted(many.len() as u64, "thread")),
        };
        let mut finding = Finding::new(self.id(), confidence, "a lock is held");
        let held = hedge(by.confidence);
        finding.explanation = format!(
            "{who} for {}, {held}held by {}, which {doing}",
            hang.words(crash, first)?,
            name(crash, root.thread)
        );
        finding.evidence.push(by.why.clone());
        for thread in waiters.iter().take(NAMED) {
            let at = asked_at(crash, hang, *thread);
            finding.evidence.push(format!("{} asked for it{at}", name(crash, *thread)));
        }
        let behind = root.waiters.len().saturating_sub(waiters.len());
        if behind > 0 {
            let behind = counted(behind as u64, "other thread");
            finding.evidence.push(format!("{behind} in all cannot go on before these threads"));
        }
        finding.thread = root.thread;
        finding.call = hang.wait_of(root.thread).and_then(|wait| wait.asked);
        finding.severity = Severity::Info;
        finding.next_step = Some("look at what the owner does while it holds the lock".to_owned());
        Some(finding)
    }
}
