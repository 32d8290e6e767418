//! `buffer-overrun`: an access went on past the end of its memory.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::culprit::path;
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::{ends_below, memory};
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, bytes, hedge};

/// How close behind the end of a mapping an access is an overrun of it.
const JUST_BEHIND: u64 = 4096;

pub(super) struct BufferOverrun;

impl Rule for BufferOverrun {
    fn id(&self) -> &'static str {
        "buffer-overrun"
    }

    fn doc(&self) -> &'static str {
        "A loop, or a function that copies or searches, went on past the end of the memory that it \
         should have stayed in, until nothing was mapped any more."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "an access at most 4 KiB behind the end of memory that the program may use",
            "by a repeated string instruction, by a function of the C library that works on blocks or \
             strings, or within a loop",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::SEGV)?;
        let at = fault.address.filter(|_| !fault.is_through_null())?;
        if fault.is_fetch(scene.crash.process) {
            return None;
        }
        let operand = fault.access()?;
        let (below, past) = ends_below(scene, at).filter(|(_, past)| *past < JUST_BEHIND)?;
        let permissions = below.permissions;
        if !permissions.read || operand.kind.writes() && !permissions.write {
            return None;
        }
        // A pointer that leads past the end by itself was not moved there.
        if let Some(mapping) = scene.crash.process.mapping(at)
            && fault.could_read(mapping)
            && !operand.kind.writes()
        {
            return None;
        }
        let (confidence, by, call) = moved(scene, fault, at)?;
        let mut finding = Finding::new(self.id(), confidence, "overrun");
        let verb = if operand.kind.writes() { "wrote" } else { "read" };
        finding.explanation = format!(
            "{}, just behind {}, {}because {by} {verb} on past its end",
            access(Some(&operand), at),
            memory(below),
            hedge(confidence)
        );
        finding.evidence.push(format!(
            "{at} is {} behind the end of the mapping {}",
            bytes(past),
            below.range
        ));
        if let Some(instruction) = &fault.instruction {
            finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        }
        finding.call = call;
        let is_write = operand.kind.writes();
        finding.severity = if is_write { Severity::High } else { Severity::Medium };
        finding.next_step =
            Some(format!("look for a length or an end that is wrong: {ASK_SANITIZER}"));
        Some(finding)
    }
}

/// What moves the address: how sure that is, its name, and who is to blame.
fn moved(
    scene: &Scene<'_, '_>,
    fault: &Fault,
    at: RunAddr,
) -> Option<(f32, String, Option<usize>)> {
    let instruction = fault.instruction.as_ref()?;
    let (index, call) = scene.call_in_frame(fault.frame)?;
    let own = scene.own_call(index);
    let by = own.and_then(|(_, call)| call.function()).map(|name| format!(", called by `{name}`,"));
    let by = by.unwrap_or_default();
    let blamed = own.map(|(index, _)| index);
    if scene.is_library(call) {
        let name = call.function().filter(|name| works_on_blocks(name));
        return name.map(|name| (0.85, format!("{}(){by}", plain(name)), blamed));
    }
    if instruction.is_repeated() {
        return Some((0.85, "a repeated instruction".to_owned(), Some(index)));
    }
    let path = path(scene, fault.frame, &fault.operands)?;
    path.is_in_loop().then_some(())?;
    // Only what steps through memory comes to an end just behind its mapping:
    // the first access behind it is nearer than the step is long.
    let step = fault.access().map_or(1, |access| access.size.max(1));
    let past = ends_below(scene, at).map_or(0, |(_, past)| past);
    let confidence = if past < step.saturating_mul(8) { 0.8 } else { 0.5 };
    Some((confidence, "a loop".to_owned(), Some(index)))
}

/// `__memset_avx2_unaligned_erms` is `memset`.
fn plain(name: &str) -> &str {
    let name = name.trim_start_matches('_');
    name.split('_').next().unwrap_or(name)
}

fn works_on_blocks(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "memcpy",
        "memmove",
        "memset",
        "memcmp",
        "memchr",
        "memrchr",
        "rawmemchr",
        "mempcpy",
        "strlen",
        "strnlen",
        "strcpy",
        "strncpy",
        "stpcpy",
        "strcat",
        "strncat",
        "strcmp",
        "strncmp",
        "strchr",
        "strchrnul",
        "strrchr",
        "strstr",
        "strcasecmp",
        "strncasecmp",
        "wcslen",
        "wmemset",
        "bcopy",
        "bzero",
        "memccpy",
    ];
    NAMES.contains(&plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_work_on_blocks() {
        let cases = [
            ("__memset_avx2_unaligned_erms", true),
            ("__strlen_evex", true),
            ("memcpy", true),
            ("printf", false),
            ("", false),
        ];
        for (name, want) in cases {
            assert_eq!(works_on_blocks(name), want, "{name}");
        }
    }
}
