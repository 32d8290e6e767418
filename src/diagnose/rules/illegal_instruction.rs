//! `illegal-instruction`: the processor does not know the instruction, or was
//! told not to.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

pub(super) struct IllegalInstruction;

impl Rule for IllegalInstruction {
    fn id(&self) -> &'static str {
        "illegal-instruction"
    }

    fn doc(&self) -> &'static str {
        "The processor refused an instruction: a trap that the compiler put where the program \
         must never come, an instruction that this processor lacks, or bytes that are none."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::ILL)?;
        let pc = fault.pc()?;
        let mut finding = match &fault.instruction {
            Some(instruction) if instruction.is_undefined() => trap(scene, self.id(), fault, pc),
            Some(instruction) => {
                let text = instruction.text();
                let mut finding = Finding::new(self.id(), 0.8, "instruction refused");
                let needs = instruction.needs().join(", ");
                finding.explanation = format!(
                    "the processor refused `{text}`, very likely because it lacks what that \
                     needs ({needs})"
                );
                finding.severity = Severity::Info;
                finding.next_step =
                    Some("compile for the processors that the program is to run on".to_owned());
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

/// `ud2` and its kin are made to fail.
fn trap(scene: &Scene<'_, '_>, id: &'static str, fault: &Fault, pc: RunAddr) -> Finding {
    let mut finding = Finding::new(id, 0.97, "trap of the compiler");
    let text = fault.instruction.map(|it| it.text()).unwrap_or_default();
    finding.explanation = match check_of(scene, pc) {
        Some(check) => format!("a check that the compiler put there failed: {check}"),
        None => format!(
            "a trap that the compiler put there (`{text}`): the program came to a place that it \
             should never reach, or gave up on purpose"
        ),
    };
    finding.next_step = Some(
        "look for __builtin_trap, __builtin_unreachable, a missing return, or a sanitizer in \
         trap mode at this line"
            .to_owned(),
    );
    finding
}

fn garbage(scene: &Scene<'_, '_>, id: &'static str, pc: RunAddr) -> Finding {
    let is_known = !bytes_at(scene, pc).is_empty();
    let mut finding = Finding::new(id, if is_known { 0.9 } else { 0.6 }, "no instruction");
    finding.explanation = if is_known {
        format!(
            "what lies at {pc} is no instruction: the program went to the middle of one, or to \
             data"
        )
    } else {
        format!("the processor refused the instruction at {pc}, whose bytes are not in the dump")
    };
    finding.severity = Severity::High;
    finding
}

fn bytes_at(scene: &Scene<'_, '_>, pc: RunAddr) -> String {
    let mut bytes = [0; 8];
    let got = scene.crash.memory.read(pc, &mut bytes);
    let known = bytes.iter().take(got).map(|byte| format!("{byte:02x}"));
    known.collect::<Vec<_>>().join(" ")
}

/// Which check of `-fsanitize-trap` failed: clang puts `ud1 kind(%eax),%eax`,
/// bytes `67 0f b9 40 kind`, and for kind 0 `67 0f b9 00`. Measured with clang
/// 19; kinds: LLVM `clang/lib/CodeGen/CodeGenFunction.h`,
/// `LIST_SANITIZER_CHECKS`.
fn check_of(scene: &Scene<'_, '_>, pc: RunAddr) -> Option<&'static str> {
    let mut bytes = [0; 5];
    let got = scene.crash.memory.read(pc, &mut bytes);
    let kind = match bytes.get(..got)? {
        [0x67, 0x0f, 0xb9, 0x40, kind] => *kind,
        [0x67, 0x0f, 0xb9, 0x00, ..] => 0,
        _ => return None,
    };
    Some(match kind {
        0x00 => "an addition overflowed",
        0x01 => "unreachable code was reached",
        0x03 => "a division overflowed or was by zero",
        0x05 => "a floating-point number does not fit into an integer",
        0x0a => "a bool or enum holds an invalid value",
        0x0b => "a function ended without returning a value",
        0x0c => "a multiplication overflowed",
        0x0d => "a negation overflowed",
        0x10 => "an argument that must not be null is null",
        0x12 => "an index is out of bounds",
        0x13 => "pointer arithmetic overflowed",
        0x14 => "a shift is too large or negative",
        0x15 => "a subtraction overflowed",
        0x16 => "a null or misaligned pointer was used",
        0x18 => "the length of an array is not positive",
        _ => return None,
    })
}
