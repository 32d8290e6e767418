//! `heap-overflow`: a block was written beyond its end, over the allocator's
//! own words.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::heap_facts::{damage, damaged, heap_abort, overrun_text};
use crate::diagnose::heap_words::Complaint;
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;

pub(super) struct HeapOverflow;

impl Rule for HeapOverflow {
    fn id(&self) -> &'static str {
        "heap-overflow"
    }

    fn doc(&self) -> &'static str {
        "A block of the heap was written beyond its end, and over the allocator's own words that \
         lie there. The allocator noticed later, when it used them."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT by the process itself, and the allocator's words for a damaged size: glibc's \
             `free(): invalid next size`, `malloc(): corrupted top size`, `corrupted size vs. prev_size`",
            "the first header of the heap that makes no sense, the block before it, the variable that \
             points there, and the text that ran over",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let abort = heap_abort(scene)?;
        let given = abort.given().map(|(at, _)| at);
        let damage = damage(scene, given, false);
        let is_before =
            damage.zip(given).is_none_or(|(damage, at)| damage.at.0 == at.0.wrapping_sub(8));
        let fits = match abort.complaint {
            Complaint::Overflow => true,
            Complaint::InvalidFree => damage.is_some() && is_before,
            _ => false,
        };
        if !fits {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.97, "heap overflow");
        let at = scene.at(abort.call);
        finding.explanation = match &damage {
            Some(damage) => format!("{}: {}, found{at}", abort.words, damaged(scene, damage)),
            None => format!("{} ({}), found{at}", abort.words, abort.meaning),
        };
        if at.is_empty() {
            let end = finding.explanation.len().saturating_sub(", found".len());
            finding.explanation.truncate(end);
        }
        finding.evidence.push(format!("{} holds: {}", abort.variable, abort.words));
        if let Some(damage) = &damage {
            let (at, found) = (damage.at, damage.found);
            finding
                .evidence
                .push(format!("the heap's headers make sense up to {at}, which holds {found:#x}"));
            let text = overrun_text(scene, damage);
            finding.evidence.extend(text.map(|text| format!("the text over it: \"{text}\"")));
        }
        finding.call = abort.call;
        finding.severity = Severity::High;
        finding.next_step =
            Some(format!("find what writes too much into that block: {ASK_SANITIZER}"));
        Some(finding)
    }
}
