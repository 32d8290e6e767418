//! `allocator-fault`: the allocator itself followed a bad pointer.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::heap_facts::{damage, damaged};
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;
use crate::variables::calls::FrameCall;

/// Functions of glibc's allocator.
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
    "unlink_chunk.constprop.0",
    "unlink_chunk.isra.0",
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

/// Inner functions of musl's allocator, which are linked into programs.
const OF_MUSL: &[&str] =
    &["get_meta", "nontrivial_free", "__libc_free", "alloc_slot", "free_group"];

pub(super) struct AllocatorFault;

impl Rule for AllocatorFault {
    fn id(&self) -> &'static str {
        "allocator-fault"
    }

    fn doc(&self) -> &'static str {
        "The allocator itself followed a bad pointer: its own data is damaged, or what it was \
         given to free is no block."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a fault of the processor within malloc(), free() or realloc(), or what they call",
            "headers of the heap, and links of free blocks, that make no sense",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        let (index, call) = scene.call_in_frame(fault.frame)?;
        // In a stripped library the inner functions have no names: the exported
        // one is a few calls further out, in the same library.
        let inside = scene.calls().skip(index).take(4);
        let inside = inside.take_while(|(_, call)| scene.is_library(call));
        let inner = call.function().filter(|name| OF_MUSL.contains(name));
        let named =
            |call: &'_ FrameCall| ALLOCATOR.iter().find(|name| call.function() == Some(name));
        let name = match inner {
            Some(name) => name,
            // The outermost is the one that the program knows.
            None => inside.filter_map(|(_, call)| named(call)).last()?,
        };
        let damage = damage(scene, None, true).or_else(|| damage(scene, None, false));
        let confidence = if damage.is_some() { 0.9 } else { 0.8 };
        let mut finding = Finding::new(self.id(), confidence, "fault in the allocator");
        let own = scene.own_call(index).map(|(index, _)| index);
        let why = match &damage {
            Some(damage) => damaged(scene, damage),
            None => {
                "the heap is damaged, or was given a pointer that is none of its own".to_owned()
            }
        };
        finding.explanation = format!(
            "a fault inside of {name}(), called{}, very likely because {why}",
            scene.at(own).replacen(" in ", " by ", 1)
        );
        finding.brief.push(format!("a fault inside of {name}(), very likely because {why}"));
        finding.evidence.push(format!("the program counter is in `{name}`"));
        finding.call = own;
        finding.severity = Severity::High;
        finding.next_step = Some(format!("find the first damage: {ASK_SANITIZER}"));
        Some(finding)
    }
}
