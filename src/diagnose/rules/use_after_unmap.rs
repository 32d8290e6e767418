//! `use-after-unmap`: memory was given back to the kernel, and pointers into it
//! were kept.

use crate::base::addr::{RunAddr, RunRange};
use crate::base::signal::Signal;
use crate::diagnose::bad_value::bad_value;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::hedge;

/// Words of the stack in which other pointers are looked for.
const WORDS: u64 = 1 << 9;

/// Other pointers into the same hole that are evidence.
const ENOUGH: usize = 2;

/// The largest piece that is plausible: nobody keeps pointers into a hole of
/// more.
const LARGEST: u64 = 1 << 30;

pub(super) struct UseAfterUnmap;

impl Rule for UseAfterUnmap {
    fn id(&self) -> &'static str {
        "use-after-unmap"
    }

    fn doc(&self) -> &'static str {
        "Memory was used that had been given back to the kernel: by munmap(), or by free() of a \
         large block, which has a mapping of its own."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "an access where nothing is mapped, between mappings that the program made",
            "several other pointers into the same hole, in registers and on the stack",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::SEGV)?;
        let at = fault.address.filter(|_| !fault.is_through_null())?;
        let process = scene.crash.process;
        if process.mapping(at).is_some() || fault.is_fetch(process) {
            return None;
        }
        let bad = bad_value(scene, fault)?;
        let hole = hole(scene, at)?;
        let others = others(scene, hole, at, bad.value);
        if others < ENOUGH {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.5, "memory that was unmapped");
        finding.explanation = format!(
            "{}, {}because it was mapped once, and given back",
            bad.words,
            hedge(finding.confidence)
        );
        finding.evidence.push(format!("{others} other pointers lead into the hole {hole}"));
        finding.call = bad.call;
        finding.severity = Severity::Medium;
        finding.next_step = Some(
            "look for munmap() or free() of a large block while pointers to it are in use"
                .to_owned(),
        );
        Some(finding)
    }
}

/// The hole between two mappings, when at least one side is the program's own
/// memory.
fn hole(scene: &Scene<'_, '_>, at: RunAddr) -> Option<RunRange> {
    let mappings = &scene.crash.process.mappings;
    let after = mappings.partition_point(|mapping| mapping.range.end <= at);
    let (below, above) = (mappings.get(after.checked_sub(1)?)?, mappings.get(after)?);
    let hole = RunRange { start: below.range.end, end: above.range.start };
    (hole.len() <= LARGEST && hole.len() >= 4096).then_some(hole)
}

/// How many different words of the registers and the stack lead into a hole.
fn others(scene: &Scene<'_, '_>, hole: RunRange, at: RunAddr, value: u64) -> usize {
    let Some(fault) = &scene.fault else { return 0 };
    let registers = &fault.operands.registers;
    let all = (0..16).filter_map(|number| registers.get(crate::base::arch::Register(number)));
    let sp = registers.sp().unwrap_or_default();
    let stack = (0..WORDS)
        .map_while(|index| scene.crash.memory.u64(sp.checked_add(index.saturating_mul(8))?).ok());
    let mut found: Vec<u64> = all
        .chain(stack)
        .filter(|word| hole.contains(RunAddr(*word)) && *word != at.0 && *word != value)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.len()
}
