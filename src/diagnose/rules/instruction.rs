//! `illegal-instruction`, `breakpoint`, `privileged-instruction`,
//! `misaligned-access`: the instruction itself is the defect.

use crate::base::signal::Signal;
use crate::diagnose::fault::{Fault, is_misaligned};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::instruction::Instruction;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::because;

pub(super) struct IllegalInstruction;

impl Rule for IllegalInstruction {
    fn id(&self) -> &'static str {
        "illegal-instruction"
    }

    fn doc(&self) -> &'static str {
        "The processor does not know the instruction. Compilers put ud2 where they trap, for \
         __builtin_trap() and for places that cannot be reached; other bytes are data run as \
         code, or code for another processor."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::ILL)?;
        let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        let at = scene.at(call);
        let (confidence, title, explanation) = match fault.instruction {
            Some(found) if found.is_undefined() => (
                0.97,
                "trap of the compiler",
                format!("the program ran into a trap of its own, `{}`{at}", found.text()),
            ),
            Some(found) => (
                0.7,
                "unsupported instruction",
                format!(
                    "the processor refused `{}`{at}{}",
                    found.text(),
                    because(0.7, "it has no such instruction")
                ),
            ),
            None => (
                0.7,
                "no instruction",
                format!("the bytes{at} are no instruction, or are not known"),
            ),
        };
        let mut finding = Finding::new(self.id(), confidence, title);
        finding.explanation = explanation;
        finding.evidence.extend(fault.instruction.as_ref().map(shown));
        finding.call = call;
        if confidence > 0.9 {
            finding.next_step = Some(
                "look for __builtin_trap(), __builtin_unreachable() or a function without a \
                 return near this line"
                    .to_owned(),
            );
        }
        Some(finding)
    }
}

pub(super) struct Breakpoint;

impl Rule for Breakpoint {
    fn id(&self) -> &'static str {
        "breakpoint"
    }

    fn doc(&self) -> &'static str {
        "A breakpoint instruction was run with no debugger there to catch it."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !scene.crash.died_of(Signal::TRAP) {
            return None;
        }
        // The trap is reported after the instruction, which is one byte long.
        let pc = scene.crash.pc()?;
        let at = crate::base::addr::RunAddr(pc.0.checked_sub(1)?);
        let before = Instruction::read(scene.crash.memory, at);
        let found = before.filter(Instruction::is_breakpoint)?;
        let call = scene.crash.calls().first().map(|_| 0);
        let mut finding = Finding::new(self.id(), 0.95, "breakpoint");
        finding.explanation = format!("a breakpoint instruction was run{}", scene.at(call));
        finding.evidence.push(shown(&found));
        finding.call = call;
        finding.severity = Severity::Info;
        finding.next_step =
            Some("look for int3, __builtin_debugtrap() or raise(SIGTRAP)".to_owned());
        Some(finding)
    }
}

pub(super) struct PrivilegedInstruction;

impl Rule for PrivilegedInstruction {
    fn id(&self) -> &'static str {
        "privileged-instruction"
    }

    fn doc(&self) -> &'static str {
        "An instruction that only the kernel may run."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (fault, found) = general_protection(scene)?;
        if !found.is_privileged() {
            return None;
        }
        let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.97, "privileged instruction");
        finding.explanation =
            format!("`{}`{} may be run by the kernel only", found.text(), scene.at(call));
        finding.evidence.push(shown(&found));
        finding.call = call;
        Some(finding)
    }
}

pub(super) struct MisalignedAccess;

impl Rule for MisalignedAccess {
    fn id(&self) -> &'static str {
        "misaligned-access"
    }

    fn doc(&self) -> &'static str {
        "A vector instruction demands an aligned address and got another one."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (fault, found) = general_protection(scene)?;
        let alignment = found.alignment()?;
        let access = fault.access()?;
        let address = access.address?;
        if !is_misaligned(address, Some(alignment)) {
            return None;
        }
        let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.95, "misaligned access");
        finding.explanation = format!(
            "{} of {} bytes at {address}, which is no multiple of {alignment} as `{}` demands{}",
            access.kind.noun(),
            access.size,
            found.text(),
            scene.at(call)
        );
        finding.evidence.push(shown(&found));
        finding.call = call;
        finding.next_step = Some(
            "a pointer was cast to a type with a larger alignment, or the stack is not aligned"
                .to_owned(),
        );
        Some(finding)
    }
}

/// A general-protection fault and its instruction.
fn general_protection<'s>(scene: &'s Scene<'_, '_>) -> Option<(&'s Fault, Instruction)> {
    let fault = scene.fault.as_ref().filter(|fault| fault.is_general_protection())?;
    Some((fault, fault.instruction?))
}

fn shown(instruction: &Instruction) -> String {
    format!("{} at {}", instruction.text(), instruction.at)
}
