//! `assertion-failed`, `heap-corruption`, `stack-smashing`, `buffer-overflow`:
//! the C library found the defect itself, and its words say which.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::messages::assertion;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

pub(super) struct AssertionFailed;

impl Rule for AssertionFailed {
    fn id(&self) -> &'static str {
        "assertion-failed"
    }

    fn doc(&self) -> &'static str {
        "An assert() did not hold. The C library keeps its text in memory; without it, the call \
         of the assertion's handler on the stack is the evidence."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        aborted(scene)?;
        let text = scene.message.as_ref().and_then(|message| assertion(&message.text));
        let handler = scene.call_of(|name| name.starts_with("__assert") && name.contains("fail"));
        if text.is_none() && handler.is_none() {
            return None;
        }
        let call = scene.own_call(handler.map_or(0, |(index, _)| index)).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.99, "assertion failed");
        finding.explanation = match &text {
            Some(text) => {
                format!("the assertion `{}` does not hold{}", text.expression, scene.at(call))
            }
            None => format!("an assertion does not hold{}", scene.at(call)),
        };
        finding.evidence.extend(words(scene));
        finding.call = call;
        Some(finding)
    }
}

pub(super) struct HeapCorruption;

impl Rule for HeapCorruption {
    fn id(&self) -> &'static str {
        "heap-corruption"
    }

    fn doc(&self) -> &'static str {
        "The C library's allocator found a block that was freed twice, a pointer that it never \
         gave out, or bookkeeping that somebody has overwritten, and aborted."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        /// How glibc's `malloc/malloc.c` begins its complaints.
        const STARTS: &[&str] = &[
            "free(): ",
            "malloc(): ",
            "malloc_consolidate(): ",
            "realloc(): ",
            "munmap_chunk(): ",
            "double free or corruption",
            "corrupted ",
            "corrupted size vs. prev_size",
            "unaligned ",
            "mremap_chunk(): ",
            "sysmalloc: ",
        ];
        aborted(scene)?;
        let message = scene.message.as_ref()?;
        let text = message.text.as_str();
        STARTS.iter().find(|start| text.starts_with(*start))?;
        let call = scene.own_call(0).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.99, "heap corruption");
        finding.explanation = format!("{text}, noticed by the allocator{}", scene.at(call));
        finding.evidence.extend(words(scene));
        finding.call = call;
        finding.severity = Severity::High;
        finding.next_step = Some(
            if text.contains("double free") {
                "look for the first free of this block: valgrind or -fsanitize=address name both"
            } else {
                "the damage is older than the crash: valgrind or -fsanitize=address name its place"
            }
            .to_owned(),
        );
        Some(finding)
    }
}

pub(super) struct StackSmashing;

impl Rule for StackSmashing {
    fn id(&self) -> &'static str {
        "stack-smashing"
    }

    fn doc(&self) -> &'static str {
        "The stack protector found its canary changed: a local array was written past its end."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        aborted(scene)?;
        let is_said =
            scene.message.as_ref().is_some_and(|message| message.text.contains("stack smashing"));
        let handler = scene.call_of(|name| name.starts_with("__stack_chk_fail"));
        if !is_said && handler.is_none() {
            return None;
        }
        // The canary is checked by the function whose arrays it guards.
        let call = scene.own_call(handler.map_or(0, |(index, _)| index)).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.99, "stack smashing");
        let arrays = call.map(|index| arrays_of(scene, index)).unwrap_or_default();
        let which = match arrays.as_slice() {
            [] => "a local array".to_owned(),
            [only] => format!("the local array `{only}`"),
            many => format!("one of the local arrays `{}`", many.join("`, `")),
        };
        finding.explanation = format!(
            "stack smashing: {which} was written past its end{}, the stack protector noticed",
            scene.at(call)
        );
        finding.evidence.extend(words(scene));
        finding.call = call;
        finding.severity = Severity::High;
        finding.next_step = Some("-fsanitize=address names the write".to_owned());
        Some(finding)
    }
}

/// The arrays among the locals of a call.
fn arrays_of(scene: &Scene<'_, '_>, index: usize) -> Vec<String> {
    /// More names than this help nobody.
    const MOST: usize = 4;
    let variables = scene.crash.calls().get(index).map(|call| call.variables.as_slice());
    let is_array = |name: &str| name.trim_end().ends_with(']');
    let arrays = variables
        .unwrap_or_default()
        .iter()
        .filter(|variable| !variable.is_argument && is_array(&variable.type_name));
    arrays.take(MOST).map(|variable| variable.name.clone()).collect()
}

pub(super) struct BufferOverflow;

impl Rule for BufferOverflow {
    fn id(&self) -> &'static str {
        "buffer-overflow"
    }

    fn doc(&self) -> &'static str {
        "A checked function of the C library (_FORTIFY_SOURCE) was asked to write more than the \
         destination holds."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        aborted(scene)?;
        let is_said =
            scene.message.as_ref().is_some_and(|message| message.text.contains("buffer overflow"));
        let handler = scene.call_of(|name| name == "__chk_fail");
        if !is_said && handler.is_none() {
            return None;
        }
        let checked = scene.call_of(|name| {
            name.starts_with("__") && name.ends_with("_chk") && name != "__stack_chk_fail"
        });
        let from = checked.or(handler).map_or(0, |(index, _)| index);
        let call = scene.own_call(from).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.99, "buffer overflow");
        let by = checked.and_then(|(_, call)| call.function());
        let by = by.map(|name| name.trim_start_matches('_').trim_end_matches("_chk"));
        let by = by.map(|name| format!(" by `{name}`")).unwrap_or_default();
        finding.explanation = format!(
            "buffer overflow: a write{by} past the end of its destination{}, the C library noticed",
            scene.at(call)
        );
        finding.evidence.extend(words(scene));
        finding.call = call;
        finding.severity = Severity::Medium;
        Some(finding)
    }
}

/// Whether the process aborted, and nobody else sent the signal.
fn aborted(scene: &Scene<'_, '_>) -> Option<()> {
    let is_own = !matches!(scene.sender(), Sender::Other { .. });
    (scene.crash.died_of(Signal::ABRT) && is_own).then_some(())
}

/// The message as evidence.
fn words(scene: &Scene<'_, '_>) -> Option<String> {
    let message = scene.message.as_ref()?;
    Some(format!("{} holds: {}", message.variable, quote(&message.text)))
}
