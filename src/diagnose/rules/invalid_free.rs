//! `invalid-free`: something was given back that is no block.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::heap_facts::{damage, heap_abort, instead};
use crate::diagnose::heap_words::Complaint;
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;

pub(super) struct InvalidFree;

impl Rule for InvalidFree {
    fn id(&self) -> &'static str {
        "invalid-free"
    }

    fn doc(&self) -> &'static str {
        "free() or realloc() was given a pointer that malloc() had not given out: into the middle of \
         a block, to a local or static variable, to memory of another allocator."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT by the process itself, and the allocator's words for it: glibc's `free(): invalid \
             pointer`, `munmap_chunk(): invalid pointer` and the like",
            "the pointer that was passed, traced back to its variable, and what it points to",
            "not when the header before the pointer was overwritten: see heap-overflow",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let abort = heap_abort(scene).filter(|it| it.complaint == Complaint::InvalidFree)?;
        let given = abort.given();
        let damage = damage(scene, given.as_ref().map(|(at, _)| *at), false);
        let is_damage = damage.is_some_and(|damage| match &given {
            Some((at, _)) => damage.at.0 == at.0.wrapping_sub(8),
            None => true,
        });
        if is_damage {
            return None;
        }
        let block = given.as_ref().and_then(|(at, _)| scene.heaps().block(*at));
        // A whole block is no wrong pointer, so its header must be.
        if block.is_some_and(|block| block.offset == 0) {
            return None;
        }
        let confidence = if given.is_some() { 0.98 } else { 0.9 };
        let mut finding = Finding::new(self.id(), confidence, "invalid free");
        let at = scene.at(abort.call);
        finding.explanation = match &given {
            Some((pointer, name)) => {
                let is = instead(scene, *pointer);
                format!("{}: {name}{is}, was freed{at}", abort.words)
            }
            None => format!("{} (very likely {}){at}", abort.words, abort.meaning),
        };
        if given.is_none() {
            let (words, meaning) = (&abort.words, abort.meaning);
            finding.brief.push(format!("{words}: very likely {meaning}"));
        }
        finding.evidence.push(format!("{} holds: {}", abort.variable, abort.words));
        if let Some((pointer, name)) = &given {
            finding.evidence.push(format!("{name} is {pointer}{}", instead(scene, *pointer)));
        }
        finding.call = abort.call;
        finding.severity = Severity::High;
        finding.next_step =
            Some(format!("look where the pointer was made, or moved: {ASK_SANITIZER}"));
        Some(finding)
    }
}
