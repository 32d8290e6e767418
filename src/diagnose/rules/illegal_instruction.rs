//! `illegal-instruction`: what the program came to is no instruction.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::instruction::Isa;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

pub(super) struct IllegalInstruction;

impl Rule for IllegalInstruction {
    fn id(&self) -> &'static str {
        "illegal-instruction"
    }

    fn doc(&self) -> &'static str {
        "The processor refused what the program came to: bytes that are no instruction, data, the \
         middle of an instruction; or one of the narrower causes compiler-trap and \
         unsupported-instruction."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGILL, and the bytes at the program counter"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::ILL)?;
        let pc = fault.pc()?;
        let mut finding = match &fault.instruction {
            Some(instruction) => {
                let mut finding = Finding::new(self.id(), 0.8, "instruction refused");
                finding.explanation = format!("the processor refused `{}`", instruction.text());
                finding.is_observed = true;
                finding
            }
            None => garbage(scene, self.id(), pc),
        };
        let bytes = bytes_at(scene, pc);
        if !bytes.is_empty() {
            finding.evidence.push(format!("the bytes at {pc} are {bytes}"));
        }
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        Some(finding)
    }
}

fn garbage(scene: &Scene<'_, '_>, id: &'static str, pc: RunAddr) -> Finding {
    let is_known = !bytes_at(scene, pc).is_empty();
    // What the decoder does not know may be an instruction all the same.
    let knows_all = Isa::of(scene.crash.process.arch).is_some_and(Isa::is_complete);
    if is_known && !knows_all {
        let mut finding = Finding::new(id, 0.8, "instruction refused");
        finding.explanation = format!(
            "the processor refused what lies at {pc}; whether it is an instruction that the \
             processor lacks, or none, is not known here"
        );
        return finding;
    }
    let mut finding = Finding::new(id, if is_known { 0.9 } else { 0.6 }, "no instruction");
    finding.explanation = if is_known {
        format!(
            "what lies at {pc} is no instruction: very likely the program went to the middle of \
             one, or to data"
        )
    } else {
        format!("the processor refused the instruction at {pc}, whose bytes are not in the dump")
    };
    finding.is_observed = !is_known;
    finding.severity = Severity::High;
    finding
}

pub(super) fn bytes_at(scene: &Scene<'_, '_>, pc: RunAddr) -> String {
    let mut bytes = [0; 8];
    let got = scene.crash.memory.read(pc, &mut bytes);
    let known = bytes.iter().take(got).map(|byte| format!("{byte:02x}"));
    known.collect::<Vec<_>>().join(" ")
}
