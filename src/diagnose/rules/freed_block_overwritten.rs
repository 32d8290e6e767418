//! `freed-block-overwritten`: a block was written to after it was freed.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::heap_facts::{damage, damaged, heap_abort};
use crate::diagnose::heap_words::Complaint;
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;

pub(super) struct FreedBlockOverwritten;

impl Rule for FreedBlockOverwritten {
    fn id(&self) -> &'static str {
        "freed-block-overwritten"
    }

    fn doc(&self) -> &'static str {
        "The allocator's links between free blocks were overwritten: mostly by a write through a \
         pointer to a block that was freed, else by an overflow of the block before."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT by the process itself, and the allocator's words for a damaged list: glibc's \
             `malloc(): unaligned tcache chunk detected`, `corrupted double-linked list` and the like",
            "a free block whose link leads nowhere, and what it holds",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let abort = heap_abort(scene).filter(|it| it.complaint == Complaint::WrittenFreed)?;
        let damage = damage(scene, None, true);
        let mut finding = Finding::new(self.id(), 0.9, "write to a freed block");
        let at = scene.at(abort.call);
        finding.explanation = match &damage {
            Some(damage) => format!(
                "{}: {}, very likely written after it was freed; found{at}",
                abort.words,
                damaged(scene, damage)
            ),
            None => format!("{}: very likely {}; found{at}", abort.words, abort.meaning),
        };
        finding.evidence.push(format!("{} holds: {}", abort.variable, abort.words));
        finding.call = abort.call;
        finding.severity = Severity::High;
        finding.next_step = Some(format!("find who still writes to that block: {ASK_SANITIZER}"));
        Some(finding)
    }
}
