//! `truncated-pointer`: half of an address was lost.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::bad_value::bad_value;
use crate::diagnose::fault::NEAR_NULL;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

/// Words of the stack that are looked at for the whole address.
const WORDS: u64 = 1 << 9;

pub(super) struct TruncatedPointer;

impl Rule for TruncatedPointer {
    fn id(&self) -> &'static str {
        "truncated-pointer"
    }

    fn doc(&self) -> &'static str {
        "A pointer was kept in 32 bits, so its upper half is lost: through an int, or through a \
         function that was called without its declaration and so was thought to return one."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a bad pointer that is a number of 32 bits, zero- or sign-extended",
            "a register, or a word of the stack, that has the same lower half and is an address of the \
             program",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::SEGV)?;
        let bad = bad_value(scene, fault)?;
        let low = low_half(bad.value)?;
        if scene.crash.process.mapping(RunAddr(bad.value)).is_some() {
            return None;
        }
        let (whole, place) = whole(scene, low)?;
        let mut finding = Finding::new(self.id(), 0.8, "half a pointer");
        let held = match &bad.name {
            Some(name) => format!("`{name}` is {:#x}", bad.value),
            None => format!("the pointer is {:#x}", bad.value),
        };
        finding.explanation =
            format!("{}: {held}, very likely the lower half of the address {whole:#x}", bad.words);
        finding.evidence.push(format!("{whole:#x} is {place}, and leads to memory of the program"));
        finding.evidence.extend(bad.evidence);
        finding.call = bad.call;
        finding.severity = if bad.is_write { Severity::High } else { Severity::Medium };
        finding.next_step = Some(
            "look for a cast to int, or a function without a declaration (-Wimplicit-function-declaration, \
             -Wint-to-pointer-cast)"
                .to_owned(),
        );
        Some(finding)
    }
}

/// The lower half of a value that has no other, or the sign of it.
fn low_half(value: u64) -> Option<u32> {
    let low = u32::try_from(value & 0xffff_ffff).ok()?;
    let is_half = value >> 32 == 0 || value >> 32 == 0xffff_ffff && low >> 31 == 1;
    (is_half && u64::from(low) >= NEAR_NULL.0).then_some(low)
}

/// An address of the program with this lower half, and where it is.
fn whole(scene: &Scene<'_, '_>, low: u32) -> Option<(u64, String)> {
    let process = scene.crash.process;
    let fits = |value: u64| {
        value & 0xffff_ffff == u64::from(low)
            && value >> 32 != 0
            && process.mapping(RunAddr(value)).is_some_and(|it| it.permissions.known)
    };
    let fault = scene.fault.as_ref()?;
    let registers = &fault.operands.registers;
    let arch = registers.arch();
    for number in 0..16 {
        let register = crate::base::arch::Register(number);
        if let Some(value) = registers.get(register).filter(|value| fits(*value)) {
            let name = arch.register_name(register).unwrap_or("a register");
            return Some((value, format!("in %{name}")));
        }
    }
    let sp = registers.sp()?;
    (0..WORDS).find_map(|index| {
        let at = sp.checked_add(index.checked_mul(8)?)?;
        let value = scene.crash.memory.u64(at).ok().filter(|value| fits(*value))?;
        Some((value, format!("on the stack at {at}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        let cases = [
            ("zero-extended", 0x5555_a2a0, Some(0x5555_a2a0)),
            ("sign-extended", 0xffff_ffff_f7c0_1000, Some(0xf7c0_1000)),
            ("not the sign of it", 0xffff_ffff_7000_0000, None),
            ("whole", 0x7fff_f7c0_1000, None),
            ("near null", 0x18, None),
            ("minus one", u64::MAX, Some(u32::MAX)),
        ];
        for (name, value, want) in cases {
            assert_eq!(low_half(value), want, "{name}");
        }
    }
}
