//! `heap-corruption`: an allocator found its own data damaged.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::file_name;
use crate::diagnose::heap_facts::{damage, damaged, heap_abort};
use crate::diagnose::heap_words::allocator;
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;

pub(super) struct HeapCorruption;

impl Rule for HeapCorruption {
    fn id(&self) -> &'static str {
        "heap-corruption"
    }

    fn doc(&self) -> &'static str {
        "The allocator found its own data damaged, or was given a pointer that it had never \
         given out or that was freed before."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT by the process itself, and any of an allocator's words for damage",
            "musl: `hlt` within free() or malloc(), by which its checks end a program without a word",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let Some(abort) = heap_abort(scene) else { return musl(scene, self.id()) };
        let mut finding = Finding::new(self.id(), 0.98, "heap corruption");
        finding.explanation =
            format!("{} ({}){}", abort.words, abort.meaning, scene.at(abort.call));
        finding.evidence.push(format!("{} holds: {}", abort.variable, abort.words));
        if let Some(name) = allocator(&abort.words) {
            finding.evidence.push(format!("the words are those of {name}"));
        }
        let found = damage(scene, None, false).or_else(|| damage(scene, None, true));
        finding.evidence.extend(found.map(|found| damaged(scene, &found)));
        finding.call = abort.call;
        finding.severity = Severity::High;
        finding.next_step = Some(format!("find the first damage: {ASK_SANITIZER}"));
        Some(finding)
    }
}

/// musl's checks end in `a_crash`, which is `hlt` (musl `arch/x86_64/atomic_arch.h`,
/// `src/malloc/mallocng`).
fn musl(scene: &Scene<'_, '_>, id: &'static str) -> Option<Finding> {
    const CHECKED: &[&str] = &["free", "realloc", "malloc", "calloc", "aligned_alloc"];
    let fault = scene.fault.as_ref().filter(|fault| fault.is_general_protection())?;
    if fault.instruction.as_ref()?.text() != "hlt" {
        return None;
    }
    let (_, call) = scene.call_in_frame(fault.frame)?;
    let module = scene.crash.process.module(fault.pc()?).map(|(_, module)| file_name(&module.path));
    let is_musl = module.is_some_and(|name| {
        name.starts_with("ld-musl") || name.starts_with("libc.musl") || name == "libc.so"
    });
    // Its inner functions are local: of a stripped library only the outer ones
    // have names.
    let named = scene.calls().take(4).find_map(|(index, call)| {
        let name = call.function()?;
        let is_checked = CHECKED.contains(&name)
            || name.starts_with("__libc_free")
            || name.starts_with("__libc_realloc")
            || name == "__libc_malloc_impl"
            || name == "get_meta"
            || name == "nontrivial_free";
        is_checked.then(|| (index, name.to_owned()))
    });
    let (index, name) = named?;
    let is_inner = matches!(
        name.as_str(),
        "get_meta" | "nontrivial_free" | "__libc_free" | "__libc_realloc" | "__libc_malloc_impl"
    );
    if !(is_musl || is_inner || scene.is_library(call)) {
        return None;
    }
    let own = scene.calls().skip(index).find(|(_, call)| {
        let name = call.function().unwrap_or_default();
        !CHECKED.contains(&name)
            && !name.starts_with("__libc_")
            && name != "get_meta"
            && name != "nontrivial_free"
            && !scene.is_library(call)
    });
    let own = own.map(|(index, _)| index);
    let mut finding = Finding::new(id, 0.9, "heap corruption");
    finding.explanation = format!(
        "very likely a check of musl's allocator failed in {name}(): a pointer that malloc had not \
         given, a block freed before, or one written beyond its end{}",
        scene.at(own).replacen(" in ", "; called by ", 1)
    );
    finding.evidence.push(format!("`hlt` in `{name}`: so musl's checks end a program"));
    finding.call = own;
    finding.severity = Severity::High;
    finding.next_step = Some(format!("find the first damage: {ASK_SANITIZER}"));
    Some(finding)
}
