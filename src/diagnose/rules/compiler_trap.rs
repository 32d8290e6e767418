//! `compiler-trap`: the program came to an instruction that exists to fail.

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
            "SIGILL at `ud2`, `ud1`, `ud0` or `udf`; SIGTRAP at a `brk` of compilers (1, 1000, 0x5500 on)",
            "the number behind clang's `ud1` or in its `brk`, which tells the check of -fsanitize-trap that failed",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        // AArch64 tells a `brk` as a trap.
        let is_trap = |fault: &&Fault| matches!(fault.signal, Signal::ILL | Signal::TRAP);
        let fault = scene.fault.as_ref().filter(is_trap)?;
        let pc = fault.pc()?;
        fault.instruction.filter(|it| it.is_undefined())?;
        let mut finding = trap(self.id(), fault);
        finding.evidence.push(format!("the bytes at {pc} are {}", bytes_at(scene, pc)));
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        Some(finding)
    }
}

/// `ud2` and its kin are made to fail.
fn trap(id: &'static str, fault: &Fault) -> Finding {
    let mut finding = Finding::new(id, 0.97, "trap of the compiler");
    let text = fault.instruction.map(|it| it.text()).unwrap_or_default();
    finding.explanation = match fault.instruction.and_then(|it| check_of(it.failed_check()?)) {
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

/// Which check of `-fsanitize-trap` failed. Measured with clang 19; kinds: LLVM
/// `clang/lib/CodeGen/CodeGenFunction.h`, `LIST_SANITIZER_CHECKS`.
fn check_of(kind: u8) -> Option<&'static str> {
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
