//! `stack-overflow`: a thread used up its stack.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::stack::{Overflow, overflow, recursion};
use crate::diagnose::wording::{because, hedge, size};

pub(super) struct StackOverflow;

impl Rule for StackOverflow {
    fn id(&self) -> &'static str {
        "stack-overflow"
    }

    fn doc(&self) -> &'static str {
        "A thread used up its stack: by a recursion without end, or by local variables that are \
         larger than what is left."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "an access just below a stack that is nearly used up, by frames that lie on it",
            "functions that repeat on the stack, or the size of the innermost frame",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        if !matches!(fault.signal, Signal::SEGV | Signal::BUS) {
            return None;
        }
        let overflow = overflow(scene, fault)?;
        let recursion = recursion(scene);
        let frame = overflow.frame_size.filter(|size| *size > LARGE_FRAME);
        let (confidence, title, cause) = match (&recursion, frame) {
            (Some(recursion), _) => (0.99, "endless recursion", recursion.words()),
            (None, Some(_)) => (0.9, "stack overflow", String::new()),
            (None, None) => (0.85, "stack overflow", "the calls need more than it has".to_owned()),
        };
        let mut finding = Finding::new(self.id(), confidence, title);
        let stack = format!("the stack of {} is used up", size(overflow.stack.len()));
        finding.explanation = match (&recursion, frame) {
            // What is mapped of the stack says little: it grows on demand.
            (None, Some(frame)) => format!(
                "{}a stack overflow: one call needs {} of stack, more than was left",
                hedge(confidence),
                size(frame)
            ),
            _ => format!("{stack}{}", because(confidence, &cause)),
        };
        finding.evidence = evidence(&overflow);
        let depth = scene.crash.threads.first().map_or(0, |thread| thread.stack.depth());
        finding.evidence.push(format!("{depth} frames are on the stack"));
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        finding.next_step = Some(match recursion {
            Some(_) => "look for the condition that should end the recursion".to_owned(),
            None => "move large local variables to the heap, or enlarge the stack".to_owned(),
        });
        Some(finding)
    }
}

/// Frames above this size are worth naming.
const LARGE_FRAME: u64 = 64 << 10;

fn evidence(overflow: &Overflow) -> Vec<String> {
    let below = overflow.stack.start.0.saturating_sub(overflow.address.0);
    vec![
        format!("{} is {} below the stack at {}", overflow.address, size(below), overflow.stack),
        format!("the stack pointer is {}", overflow.sp),
    ]
}
