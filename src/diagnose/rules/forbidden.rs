//! `write-readonly` and `forbidden-access`: memory that is there, but not for
//! this use.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::culprit::{Culprit, culprit};
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::{global_at, letters, memory, text_at};
use crate::diagnose::instruction::Access;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, because};
use crate::dump::process::{Mapping, Permissions};

pub(super) struct WriteReadonly;

impl Rule for WriteReadonly {
    fn id(&self) -> &'static str {
        "write-readonly"
    }

    fn doc(&self) -> &'static str {
        "Memory was written that may only be read: a string literal, a constant, a file that is \
         mapped for reading."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a page fault of a write in a mapping that may be read, but not be written",
            "the symbol or the text that lies there",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (fault, operand, at, mapping) = refused(scene)?;
        // gcore writes no header for a file mapping that is read-only, so what
        // it allows is unknown; but the kernel has refused the write.
        let (is_readable, confidence) = match mapping.permissions {
            Permissions { known: false, .. } if mapping.path.is_some() => (true, 0.96),
            // gdb's cores do not tell it from memory that is closed.
            Permissions { known: false, .. } => (true, 0.7),
            Permissions { read, write, .. } => (read && !write, 0.96),
        };
        if !operand.kind.writes() || !is_readable {
            return None;
        }
        let mut finding = Finding::new(self.id(), confidence, "write to read-only memory");
        // What the kernel refused is told, and not why.
        finding.is_observed = !mapping.permissions.known;
        let base = operand.base.and_then(|base| base.value).map(RunAddr);
        let what = global_at(scene, at).map(|name| format!(" (`{name}`)"));
        let text = || {
            // The literal that the pointer leads to, or what follows the place.
            let start = base.filter(|base| mapping.range.contains(*base) && *base <= at);
            text_at(scene, start.unwrap_or(at)).map(|text| format!(" (the text {text})"))
        };
        let what = what.or_else(text).unwrap_or_default();
        let into = memory(mapping);
        let why = pointer(scene, fault, &operand)
            .map(|(name, sure)| because(sure, &format!("`{name}` points there")));
        finding.explanation =
            format!("{}, in {into}{what}{}", access(Some(&operand), at), why.unwrap_or_default());
        add_common(scene, &mut finding, fault, mapping);
        finding.severity = Severity::Medium;
        finding.next_step = Some(
            "copy it before changing it, or declare the pointer const so that the compiler objects"
                .to_owned(),
        );
        Some(finding)
    }
}

pub(super) struct ForbiddenAccess;

impl Rule for ForbiddenAccess {
    fn id(&self) -> &'static str {
        "forbidden-access"
    }

    fn doc(&self) -> &'static str {
        "Memory was used that its mapping closes to everybody: a guard page, or memory that was \
         protected on purpose."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["a page fault in a mapping that nobody may read"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (fault, operand, at, mapping) = refused(scene)?;
        // Where they are unknown, the kernel's refusal of a read tells.
        let is_closed = match mapping.permissions.known {
            true => !fault.could_read(mapping),
            false => !operand.kind.writes(),
        };
        if !is_closed {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.95, "access to protected memory");
        let why = pointer(scene, fault, &operand)
            .map(|(name, sure)| because(sure, &format!("`{name}` leads there")));
        finding.explanation = format!(
            "{}, in {}{}",
            access(Some(&operand), at),
            memory(mapping),
            why.unwrap_or_default()
        );
        add_common(scene, &mut finding, fault, mapping);
        let is_write = operand.kind.writes();
        finding.severity = if is_write { Severity::High } else { Severity::Medium };
        Some(finding)
    }
}

/// The mapping exists, but does not allow the access.
const SEGV_ACCERR: i32 = 2;

/// The access of a fault that its mapping does not allow.
fn refused<'s, 'a>(scene: &'s Scene<'a, '_>) -> Option<(&'s Fault, Access, RunAddr, &'a Mapping)> {
    let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::SEGV)?;
    let at = fault.address.filter(|_| !fault.is_through_null())?;
    let process = scene.crash.process;
    let is_refused = fault.code == Some(SEGV_ACCERR);
    let mapping = process.mapping(at).filter(|mapping| mapping.permissions.known || is_refused)?;
    if fault.is_fetch(process) {
        return None;
    }
    Some((fault, fault.access()?, at, mapping))
}

/// The pointer that led there, and how sure it is that it did.
fn pointer(scene: &Scene<'_, '_>, fault: &Fault, operand: &Access) -> Option<(String, f32)> {
    match culprit(scene, fault.frame, &fault.operands, operand)? {
        Culprit::Pointer(suspect) => Some((suspect.pointer, 0.95)),
        Culprit::Suspect(suspect) => Some((suspect.pointer, 0.8)),
        Culprit::Global(name) => Some((name, 0.95)),
        Culprit::Returned(_) | Culprit::Constant => None,
    }
}

fn add_common(scene: &Scene<'_, '_>, finding: &mut Finding, fault: &Fault, mapping: &Mapping) {
    finding.evidence.push(match mapping.permissions {
        Permissions { known: false, .. } => {
            format!("the kernel refused it (SEGV_ACCERR) in the mapping {}", mapping.range)
        }
        permissions => format!("the mapping {} is {}", mapping.range, letters(permissions)),
    });
    if let Some(instruction) = &fault.instruction {
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
    }
    finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
}
