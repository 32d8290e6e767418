//! `bit-flip`: an address that one wrong bit explains. A hint, never more.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::bad_value::bad_value;
use crate::diagnose::fault::is_canonical;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::memory;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

/// Bytes of code around the fault that are compared with the file.
const AROUND: u64 = 64;

pub(super) struct BitFlip;

impl Rule for BitFlip {
    fn id(&self) -> &'static str {
        "bit-flip"
    }

    fn doc(&self) -> &'static str {
        "One wrong bit, as bad memory makes it, would explain the crash: in an address, or in the \
         code itself. Stated as a hint, and only where no other cause is known."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "code in memory that differs from its file in a single bit",
            "a bad pointer of which exactly one neighbor, one bit away, is an address of the program",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        if let Some((at, is, was)) = fault.pc().and_then(|pc| code(scene, pc)) {
            let mut finding = Finding::new(self.id(), 0.39, "one bit of the code is wrong");
            finding.explanation = format!(
                "possibly because memory is bad: the code at {at} is {is:#04x} in memory and {was:#04x} in its file"
            );
            finding.severity = Severity::Info;
            finding.next_step =
                Some("test the memory of the machine; look for other crashes of it".to_owned());
            return Some(finding);
        }
        if !matches!(fault.signal, Signal::SEGV | Signal::BUS) || fault.is_through_null() {
            return None;
        }
        let bad = bad_value(scene, fault)?;
        // What reads as text may still be one: of pointers at random every 20th does.
        if scene.crash.process.mapping(RunAddr(bad.value)).is_some() {
            return None;
        }
        let candidates = neighbors(scene, bad.value);
        let [(bit, value)] = *candidates.as_slice() else { return None };
        let mapping = scene.crash.process.mapping(RunAddr(value))?;
        let confidence = if is_canonical(RunAddr(bad.value)) { 0.25 } else { 0.35 };
        let mut finding = Finding::new(self.id(), confidence, "one bit of an address is wrong");
        finding.explanation = format!(
            "{}, possibly because one bit of memory is wrong: {:#x} is bit {bit} away from {value:#x}",
            bad.words, bad.value
        );
        finding.evidence.push(format!("{value:#x} lies in {}", memory(mapping)));
        finding.call = bad.call;
        finding.severity = Severity::Info;
        finding.next_step =
            Some("test the memory of the machine; look for other crashes of it".to_owned());
        Some(finding)
    }
}

/// The addresses of the program's own data that are one bit away.
fn neighbors(scene: &Scene<'_, '_>, value: u64) -> Vec<(u32, u64)> {
    // Below the size of a page all addresses are neighbors of each other.
    let flipped = (12..64).map(|bit| (bit, value ^ (1 << bit)));
    flipped
        .filter(|(_, value)| {
            let mapping = scene.crash.process.mapping(RunAddr(*value));
            mapping.is_some_and(|mapping| mapping.permissions.read)
        })
        .collect()
}

/// The byte of the code around an address that differs from the file by one
/// bit, when no other differs: its place, what it is, and what the file has.
fn code(scene: &Scene<'_, '_>, pc: RunAddr) -> Option<(RunAddr, u8, u8)> {
    let (_, module) = scene.crash.symbols.module_at(pc)?;
    let start = RunAddr(pc.0.saturating_sub(AROUND));
    let len = usize::try_from(AROUND.saturating_mul(2)).ok()?;
    let file = module.bytes_at(start.to_link(module.bias()), len)?;
    let mut bytes = vec![0; len];
    // The dump's own bytes only: what it lacks would come from the file.
    let got = scene.crash.process.memory.read(start, &mut bytes);
    let mut different =
        bytes.iter().take(got).zip(file).enumerate().filter(|(_, (is, was))| is != was);
    let (index, (is, was)) = different.next()?;
    let is_alone = different.next().is_none() && (is ^ was).count_ones() == 1;
    is_alone.then_some((RunAddr(start.0.saturating_add(index as u64)), *is, *was))
}
