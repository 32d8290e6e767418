//! `privileged-instruction`, `misaligned-access` and `breakpoint`: what the
//! processor refuses without an address.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::culprit::{Culprit, culprit};
use crate::diagnose::fault::{can_run, is_canonical, is_misaligned};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::instruction::{Instruction, Isa};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, because, bytes, register};

pub(super) struct PrivilegedInstruction;

impl Rule for PrivilegedInstruction {
    fn id(&self) -> &'static str {
        "privileged-instruction"
    }

    fn doc(&self) -> &'static str {
        "The program ran an instruction that only the kernel may use, as a halt or a port access."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["a general-protection fault at an instruction that only the kernel may use"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.is_general_protection())?;
        let instruction = fault.instruction.filter(Instruction::is_privileged)?;
        let mut finding = Finding::new(self.id(), 0.97, "privileged instruction");
        finding.explanation = format!("only the kernel may use `{}`", instruction.text());
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        let is_code = can_run(scene.crash.process, instruction.at);
        if !is_code {
            finding.severity = Severity::High;
        }
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        finding.next_step = Some(
            "look for inline assembly; or the program went to the middle of an instruction"
                .to_owned(),
        );
        Some(finding)
    }
}

pub(super) struct MisalignedAccess;

impl Rule for MisalignedAccess {
    fn id(&self) -> &'static str {
        "misaligned-access"
    }

    fn doc(&self) -> &'static str {
        "An instruction that demands an aligned address got another one. Compilers use such \
         instructions where the type promises the alignment."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a general-protection fault at an instruction that demands alignment, of an address without it",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.is_general_protection())?;
        let instruction = fault.instruction?;
        let alignment = instruction.alignment()?;
        let operand = fault.access()?;
        let at = operand.address.filter(|at| is_canonical(*at))?;
        if !is_misaligned(at, Some(alignment)) || fault.is_through_null() {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.95, "misaligned access");
        let base = operand.base.filter(|base| base.is_frame());
        let demand = format!("the instruction demands a multiple of {}", bytes(alignment));
        let why = match base {
            Some(base) => format!("{demand}; the stack itself is misaligned ({base})"),
            None => match culprit(scene, fault.frame, &fault.operands, &operand) {
                Some(Culprit::Pointer(suspect)) => {
                    format!("`{}` is not aligned, and {demand}", suspect.pointer)
                }
                _ => demand,
            },
        };
        let what = access(Some(&operand), at);
        finding.explanation = format!("{what}{}", because(finding.confidence, &why));
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        finding.evidence.extend(operand.base.iter().map(register));
        let past = at.0 % alignment.max(1);
        finding.evidence.push(format!("{at} is {} past such a multiple", bytes(past)));
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        Some(finding)
    }
}

pub(super) struct Breakpoint;

impl Rule for Breakpoint {
    fn id(&self) -> &'static str {
        "breakpoint"
    }

    fn doc(&self) -> &'static str {
        "The program ran a breakpoint instruction, and no debugger was there."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGTRAP behind `int3` or `int $3`, or at `brk`"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::TRAP)?;
        // The pc is behind a breakpoint that has run.
        let pc = fault.pc()?;
        let isa = Isa::of(scene.crash.process.arch);
        let before = |length: u64| {
            let at = RunAddr(pc.0.checked_sub(length)?);
            let instruction = Instruction::read(scene.crash.memory, isa?, at)?;
            (instruction.is_breakpoint() && instruction.end() == pc).then_some(instruction)
        };
        let instruction = match isa {
            Some(isa) if isa.counts_breakpoints() => before(1).or_else(|| before(2)),
            _ => fault.instruction.filter(Instruction::is_breakpoint),
        };
        let confidence = if instruction.is_some() { 0.95 } else { 0.6 };
        let mut finding = Finding::new(self.id(), confidence, "breakpoint");
        let call = scene.own_call(0).map(|(index, _)| index);
        finding.explanation = match &instruction {
            Some(instruction) => format!(
                "a breakpoint instruction (`{}`){}, without a debugger",
                instruction.text(),
                scene.at(call)
            ),
            None => format!("a trap of the processor{}", scene.at(call)),
        };
        if let Some(instruction) = &instruction {
            finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        }
        finding.call = call;
        finding.severity = Severity::Info;
        finding.next_step = Some(
            "look for a breakpoint left in the code, __builtin_debugtrap, or a library that \
             stops on fatal errors (GLib's g_error does)"
                .to_owned(),
        );
        Some(finding)
    }
}
