//! `compiler-trap`: the program came to an instruction that exists to fail.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::rules::illegal_instruction::bytes_at;
use crate::diagnose::scene::Scene;

pub(super) struct CompilerTrap;

impl Rule for CompilerTrap {
    fn id(&self) -> &'static str {
        "compiler-trap"
    }

    fn doc(&self) -> &'static str {
        "The program came to a trap that the compiler put where it must never come, or where a \
         check failed: __builtin_trap, unreachable code, a missing return, a sanitizer in trap mode."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGILL at `ud2`, `ud1` or `ud0`",
            "the number behind clang's `ud1`, which tells the check of -fsanitize-trap that failed",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::ILL)?;
        let pc = fault.pc()?;
        fault.instruction.filter(|it| it.is_undefined())?;
        let mut finding = trap(scene, self.id(), fault, pc);
        finding.evidence.push(format!("the bytes at {pc} are {}", bytes_at(scene, pc)));
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
