//! `stack-overflow`: a thread used up its stack.

use crate::base::signal::Signal;
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::stack::{
    Overflow, Recursion, alternate_stack, arguments_of, bounds_of, largest_frames, overflow,
    recursion,
};
use crate::diagnose::wording::{because, bytes, hedge, size};

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
        finding.evidence = evidence(scene, fault, &overflow, recursion.as_ref());
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

/// What tells an overflow from a wild write comes first, then what used the
/// stack up.
fn evidence(
    scene: &Scene<'_, '_>,
    fault: &Fault,
    overflow: &Overflow,
    recursion: Option<&Recursion>,
) -> Vec<String> {
    let below = overflow.stack.start.0.saturating_sub(overflow.address.0);
    let bounds = bounds_of(scene, overflow).map(|bounds| format!("; {bounds}"));
    let mut evidence = vec![format!(
        "{} is {} below the stack at {}{}",
        overflow.address,
        size(below),
        overflow.stack,
        bounds.unwrap_or_default()
    )];
    let depth = scene.crash.threads.first().map_or(0, |thread| thread.stack.depth());
    evidence.push(match recursion {
        Some(Recursion { frames, round: Some(round), .. }) => format!(
            "{depth} frames are on the stack, {frames} of them in the recursion, of which each \
             round takes {}",
            bytes(*round)
        ),
        _ => format!("{depth} frames are on the stack"),
    });
    let largest = largest_frames(scene, overflow);
    if !largest.is_empty() {
        let largest = largest.iter().map(|(name, bytes)| format!("`{name}` {}", size(*bytes)));
        let largest: Vec<String> = largest.collect();
        evidence.push(format!("the largest frames: {}", largest.join(", ")));
    }
    evidence.extend(recursion.into_iter().flat_map(|it| arguments_of(scene, it)));
    evidence.push(format!("the stack pointer is {}", overflow.sp));
    evidence.extend(alternate_stack(scene, fault, overflow));
    evidence
}
