//! The first instructions of a function of x86 that keeps a frame pointer and
//! aligns its stack, which unwind tables do not tell.
//!
//! Source: Intel SDM volume 2, "PUSH", "MOV", "AND", "SUB", "ENDBR64".
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

/// Bytes of a function that are looked at.
pub(super) const LONGEST: usize = 48;

/// The frame that a prologue makes below its frame pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// Bytes that are pushed first.
    pub(super) pushed: u64,
    /// Then these bits of the stack pointer are kept.
    pub(super) mask: u64,
    /// Then it goes down so far.
    pub(super) lowered: u64,
    /// Then another register keeps it, since it will move.
    pub(super) is_kept: bool,
}

impl Made {
    /// Where the stack pointer is then, with this frame pointer.
    pub(super) fn body(&self, base: u64) -> Option<u64> {
        (base.checked_sub(self.pushed)? & self.mask).checked_sub(self.lowered)
    }
}

/// What a function's first instructions make. `None`: they are others.
pub(super) fn frame(code: &[u8], is_64: bool) -> Option<Made> {
    let endbr = if is_64 { [0xf3, 0x0f, 0x1e, 0xfa] } else { [0xf3, 0x0f, 0x1e, 0xfb] };
    let code = code.strip_prefix(&endbr).unwrap_or(code);
    // push %rbp; mov %rsp,%rbp in one of its two encodings
    let wide: &[u8] = if is_64 { &[0x48] } else { &[] };
    let code = code.strip_prefix(&[0x55])?.strip_prefix(wide)?;
    let mut code = code.strip_prefix(&[0x89, 0xe5]).or(code.strip_prefix(&[0x8b, 0xec]))?;
    let mut made = Made { pushed: 0, mask: u64::MAX, lowered: 0, is_kept: false };
    let word = if is_64 { 8 } else { 4 };
    loop {
        code = match code {
            [0x41, 0x50..=0x57, rest @ ..] if is_64 => rest,
            [0x50..=0x57, rest @ ..] => rest,
            _ => break,
        };
        made.pushed = made.pushed.checked_add(word)?;
    }
    // and $imm,%rsp
    let aligned = code.strip_prefix(wide).and_then(|code| immediate(code, 0xe4));
    if let Some((mask, rest)) = aligned {
        made.mask = i64::from(mask).cast_unsigned();
        code = rest;
    }
    // sub $imm,%rsp
    let lowered = code.strip_prefix(wide).and_then(|code| immediate(code, 0xec));
    if let Some((bytes, rest)) = lowered {
        made.lowered = u64::try_from(bytes).ok()?;
        code = rest;
    }
    // mov %rsp,%rbx, or mov %esp,%esi: the base pointer of LLVM
    let kept: &[u8] = if is_64 { &[0x89, 0xe3] } else { &[0x89, 0xe6] };
    made.is_kept = code.strip_prefix(wide).is_some_and(|code| code.starts_with(kept));
    // Pushes alone may be those of a call.
    (aligned.is_some() || lowered.is_some()).then_some(made)
}

/// The operand of an instruction of group 1 with that ModRM byte, of one byte or
/// of four, and what comes after it.
fn immediate(code: &[u8], modrm: u8) -> Option<(i32, &[u8])> {
    match code {
        [0x83, form, byte, rest @ ..] if *form == modrm => {
            Some((i32::from(byte.cast_signed()), rest))
        }
        [0x81, form, a, b, c, d, rest @ ..] if *form == modrm => {
            Some((i32::from_le_bytes([*a, *b, *c, *d]), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let of = |pushed, mask: i64, lowered, is_kept| {
            Some(Made { pushed, mask: mask.cast_unsigned(), lowered, is_kept })
        };
        let made = |pushed, mask, lowered| of(pushed, mask, lowered, false);
        // Encodings from the assembler (`as`, `objdump -d`).
        let cases: &[(&str, bool, &[u8], Option<Made>)] = &[
            (
                "push %rbp; mov %rsp,%rbp; push %r15; push %rbx; and $-64,%rsp; sub $64,%rsp",
                true,
                &[
                    0x55, 0x48, 0x89, 0xe5, 0x41, 0x57, 0x53, 0x48, 0x83, 0xe4, 0xc0, 0x48, 0x83,
                    0xec, 0x40, 0x90,
                ],
                made(16, -64, 64),
            ),
            (
                "endbr64; push %rbp; mov %rsp,%rbp; sub $0x1000,%rsp",
                true,
                &[
                    0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x81, 0xec, 0x00, 0x10,
                    0x00, 0x00,
                ],
                made(0, -1, 0x1000),
            ),
            (
                "push %ebp; mov %esp,%ebp; push %esi; and $-16,%esp; sub $32,%esp",
                false,
                &[0x55, 0x89, 0xe5, 0x56, 0x83, 0xe4, 0xf0, 0x83, 0xec, 0x20],
                made(4, -16, 32),
            ),
            (
                "push %rbp; mov %rsp,%rbp; push %rbx; and $-32,%rsp; sub $32,%rsp; mov %rsp,%rbx",
                true,
                &[
                    0x55, 0x48, 0x89, 0xe5, 0x53, 0x48, 0x83, 0xe4, 0xe0, 0x48, 0x83, 0xec, 0x20,
                    0x48, 0x89, 0xe3,
                ],
                of(8, -32, 32, true),
            ),
            ("push %rbp; mov %rsp,%rbp; push $9", true, &[0x55, 0x48, 0x89, 0xe5, 0x6a, 9], None),
            ("no frame pointer", true, &[0x53, 0x48, 0x83, 0xec, 0x10], None),
            ("cut", true, &[0x55, 0x48], None),
        ];
        for (name, is_64, code, want) in cases {
            assert_eq!(frame(code, *is_64), *want, "{name}");
        }
    }
}
