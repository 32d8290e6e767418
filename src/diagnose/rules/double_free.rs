//! `double-free`: a block was given back twice.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::heap_facts::{heap_abort, place_in};
use crate::diagnose::heap_words::Complaint;
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::bytes;
use crate::heap::State;

pub(super) struct DoubleFree;

impl Rule for DoubleFree {
    fn id(&self) -> &'static str {
        "double-free"
    }

    fn doc(&self) -> &'static str {
        "A block of the heap was freed that had been freed before, and the allocator noticed."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT by the process itself, and the allocator's words for it: glibc's `double free`, or \
             those of jemalloc, Scudo, hardened_malloc, mimalloc",
            "the pointer that was passed to free(), traced back to its variable",
            "the block there: its size, and whether the allocator has it among its free ones",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let abort = heap_abort(scene).filter(|it| it.complaint == Complaint::DoubleFree)?;
        let given = abort.given();
        let block = given.as_ref().and_then(|(at, _)| scene.heaps().block(*at));
        let is_free = block.filter(|block| block.offset == 0);
        let is_free =
            is_free.is_some_and(|block| matches!(block.state, State::Free(_) | State::Top));
        // Of a merged block the header alone tells, and that may be damaged, too.
        let is_told = abort.words.contains("tcache") || abort.words.contains("fasttop");
        let confidence = if is_told || is_free { 0.99 } else { 0.9 };
        let mut finding = Finding::new(self.id(), confidence, "double free");
        let at = scene.at(abort.call);
        finding.explanation = match (&given, &block) {
            (Some((_, name)), Some(block)) if block.offset == 0 => {
                format!(
                    "{}: {name}, a block of {}, is freed again{at}",
                    abort.words,
                    bytes(block.size)
                )
            }
            (Some((_, name)), _) => format!("{}: {name} is freed again{at}", abort.words),
            (None, _) => format!("{} ({}){at}", abort.words, abort.meaning),
        };
        finding.evidence.push(format!("{} holds: {}", abort.variable, abort.words));
        if let Some((at, name)) = &given {
            let is = block.map(|block| format!(": {}", place_in(&block))).unwrap_or_default();
            finding.evidence.push(format!("{name} is {at}{is}"));
        }
        finding.call = abort.call;
        finding.severity = Severity::High;
        finding.next_step = Some(format!("find the first free of it: {ASK_SANITIZER}"));
        Some(finding)
    }
}
