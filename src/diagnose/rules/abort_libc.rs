//! `stack-smashing`, `buffer-overflow` and `heap-corruption`: the C library
//! noticed, and aborted.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::overrun::overruns;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::quote;

pub(super) struct StackSmashing;

impl Rule for StackSmashing {
    fn id(&self) -> &'static str {
        "stack-smashing"
    }

    fn doc(&self) -> &'static str {
        "A function wrote beyond a local array and over the guard that the compiler had put \
         behind it. It was noticed when the function returned."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let on_stack = |name: &str| name == "__stack_chk_fail";
        let (from, evidence) = noticed(scene, on_stack, &["*** stack smashing detected"])?;
        let mut finding = Finding::new(self.id(), 0.99, "stack smashing");
        let call = scene.own_call(from).map(|(index, _)| index);
        finding.explanation = format!(
            "stack smashing detected{}: it wrote beyond one of its local arrays",
            scene.at(call)
        );
        let call = scene.own_call(from);
        finding.evidence = evidence;
        if let Some((index, call)) = call {
            finding.evidence.extend(overruns(scene, call));
            finding.call = Some(index);
        }
        finding.severity = Severity::High;
        finding.next_step = Some(
            "find the write that is too long: compile with -fsanitize=address, or look at what \
             fills the arrays of this function"
                .to_owned(),
        );
        Some(finding)
    }
}

pub(super) struct BufferOverflow;

impl Rule for BufferOverflow {
    fn id(&self) -> &'static str {
        "buffer-overflow"
    }

    fn doc(&self) -> &'static str {
        "A function of the C library was asked to write more than fits, and the check that \
         _FORTIFY_SOURCE put there noticed before it happened."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let on_stack = |name: &str| name == "__chk_fail";
        let texts = &["*** buffer overflow detected", "*** %n in writable segment"];
        let (from, evidence) = noticed(scene, on_stack, texts)?;
        let mut finding = Finding::new(self.id(), 0.99, "buffer overflow");
        let checked = scene.call_of(|name| name.ends_with("_chk") && name.starts_with("__"));
        let by = checked.and_then(|(_, call)| call.function());
        let by = by.map(|name| format!(" in {}()", plain(name))).unwrap_or_default();
        let call = scene.own_call(from).map(|(index, _)| index);
        let who = call.and_then(|index| scene.crash.calls().get(index));
        let caller =
            who.map(|call| format!(", called by {}", crate::diagnose::scene::described(call)));
        finding.explanation = format!(
            "buffer overflow detected{by}{}: more was to be written than the buffer holds",
            caller.unwrap_or_default()
        );
        finding.evidence = evidence;
        finding.call = call;
        finding.severity = Severity::Medium;
        Some(finding)
    }
}

/// `__strcpy_chk` checks for `strcpy`.
fn plain(name: &str) -> &str {
    let name = name.strip_suffix("_chk").unwrap_or(name);
    name.trim_start_matches('_')
}

pub(super) struct HeapCorruption;

impl Rule for HeapCorruption {
    fn id(&self) -> &'static str {
        "heap-corruption"
    }

    fn doc(&self) -> &'static str {
        "The allocator found its own data damaged, or was given a pointer that it had never \
         given out or that was freed before."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !scene.crash.died_of(Signal::ABRT) {
            return fault_in_allocator(scene, self.id());
        }
        let message = scene.message.as_ref()?;
        let words = quote(&message.text);
        let meaning = heap_message(&words)?;
        let mut finding = Finding::new(self.id(), 0.99, "heap corruption");
        let call = scene.own_call(0).map(|(index, _)| index);
        finding.explanation = format!("{words} ({meaning}){}", scene.at(call));
        finding.evidence.push(format!("{} holds: {words}", message.variable));
        finding.call = call;
        finding.severity = Severity::High;
        finding.next_step = Some(
            "run it with -fsanitize=address or under valgrind: they tell who allocated and who \
             freed"
                .to_owned(),
        );
        Some(finding)
    }
}

/// What a message of glibc's malloc means. Source: glibc `malloc/malloc.c`,
/// calls of `malloc_printerr`.
fn heap_message(text: &str) -> Option<&'static str> {
    const NOT_A_BLOCK: &str =
        "the pointer is not one that malloc gave, or what lies before the block was overwritten";
    const MEANINGS: &[(&str, &str)] = &[
        ("double free", "the pointer had been freed before"),
        ("free(): double free", "the pointer had been freed before"),
        ("free(): invalid pointer", NOT_A_BLOCK),
        ("munmap_chunk(): invalid pointer", NOT_A_BLOCK),
        ("realloc(): invalid pointer", NOT_A_BLOCK),
        ("free(): invalid size", "the block's header was overwritten, or the pointer is wrong"),
        ("free(): invalid next size", "what lies behind the block was overwritten"),
        ("realloc(): invalid next size", "what lies behind the block was overwritten"),
        ("realloc(): invalid old size", "the block's header was overwritten"),
        ("corrupted size vs. prev_size", "the header of a block was overwritten"),
        ("corrupted double-linked list", "a free block was written to, or overrun"),
        ("malloc(): corrupted top size", "what lies behind the last block was overwritten"),
        ("malloc(): invalid size (unsorted)", "the header of a free block was overwritten"),
        ("malloc(): unsorted double linked list corrupted", "a free block was written to"),
        ("malloc(): unaligned", "a free block was written to"),
        ("free(): unaligned chunk", "a free block was written to"),
        ("malloc(): memory corruption", "the header of a block was overwritten"),
    ];
    /// Other words of the same speaker.
    const STARTS: &[&str] = &[
        "free(): ",
        "malloc(): ",
        "realloc(): ",
        "corrupted ",
        "malloc_consolidate(): ",
        "munmap_chunk(): ",
        "mremap_chunk(): ",
        "break adjusted to free malloc space",
        "invalid fastbin entry",
    ];
    let known = MEANINGS.iter().find(|(start, _)| text.starts_with(start));
    let any = STARTS.iter().any(|start| text.starts_with(start));
    known.map(|(_, meaning)| *meaning).or(any.then_some("the heap's own data is damaged"))
}

/// A fault within the allocator itself.
fn fault_in_allocator(scene: &Scene<'_, '_>, id: &'static str) -> Option<Finding> {
    const ALLOCATOR: &[&str] = &[
        "malloc",
        "free",
        "calloc",
        "realloc",
        "cfree",
        "_int_malloc",
        "_int_free",
        "_int_realloc",
        "_int_memalign",
        "unlink_chunk",
        "malloc_consolidate",
        "tcache_get",
        "tcache_put",
        "__libc_malloc",
        "__libc_free",
        "__libc_calloc",
        "__libc_realloc",
        "__GI___libc_malloc",
        "__GI___libc_free",
        "systrim",
        "sysmalloc",
    ];
    let fault = scene.fault.as_ref()?;
    let (index, call) = scene.call_in_frame(fault.frame)?;
    let name = call.function().filter(|name| ALLOCATOR.contains(name))?;
    if !scene.is_library(call) {
        return None;
    }
    let mut finding = Finding::new(id, 0.75, "fault in the allocator");
    let own = scene.own_call(index);
    let own_index = own.map(|(index, _)| index);
    finding.explanation = format!(
        "a fault inside of {name}(), called{}, very likely because the heap's own data is damaged \
         or the pointer given to it is not one of its own",
        scene.at(own_index).replacen(" in ", " by ", 1)
    );
    finding.evidence.push(format!("the program counter is in `{name}`"));
    finding.call = own_index;
    finding.severity = Severity::High;
    finding.next_step = Some(
        "run it with -fsanitize=address or under valgrind to find the first damage".to_owned(),
    );
    Some(finding)
}

/// Whether the C library aborted for this reason: where its caller's calls
/// begin, and what tells so.
fn noticed(
    scene: &Scene<'_, '_>,
    on_stack: impl Fn(&str) -> bool,
    texts: &[&str],
) -> Option<(usize, Vec<String>)> {
    if !scene.crash.died_of(Signal::ABRT) {
        return None;
    }
    let call = scene.call_of(on_stack);
    let text = scene.message.as_ref();
    let text = text.filter(|it| texts.iter().any(|start| it.text.starts_with(start)));
    if call.is_none() && text.is_none() {
        return None;
    }
    let mut evidence = Vec::new();
    if let Some(text) = text {
        evidence.push(format!("{} holds: {}", text.variable, quote(&text.text)));
    }
    if let Some((_, call)) = call {
        evidence.push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
    }
    Some((call.map_or(0, |(index, _)| index.saturating_add(1)), evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_allocator() {
        let cases = [
            ("free(): double free detected in tcache 2", Some("the pointer had been freed before")),
            ("double free or corruption (fasttop)", Some("the pointer had been freed before")),
            ("free(): something new", Some("the heap's own data is damaged")),
            ("prog: f.c:1: g: Assertion `free(): ' failed.", None),
            ("*** stack smashing detected ***: terminated", None),
        ];
        for (text, want) in cases {
            assert_eq!(heap_message(text), want, "{text}");
        }
    }

    #[test]
    fn checked_functions() {
        assert_eq!(plain("__strcpy_chk"), "strcpy");
        assert_eq!(plain("memcpy"), "memcpy");
    }
}
