//! Registers of a thread.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::dump::process::ThreadRegisters;

/// `CONTEXT_FLOATING_POINT`: the FXSAVE area is there.
const FLOATING_POINT: u32 = 8;

/// Reads a `CONTEXT` of x86-64, 1,232 bytes: `u32 ContextFlags` at 48, six
/// `u16` segment registers at 56 (cs ds es fs gs ss), `u32 EFlags` at 68, then
/// 64-bit words at 120: rax rcx rdx rbx rsp rbp rsi rdi r8..r15 rip; the FXSAVE
/// area at 256.
///
/// The bases of fs and gs and the number of the system call are not in it: they
/// are unknown. `None`: it is cut.
pub(super) fn registers(context: &[u8]) -> Option<ThreadRegisters> {
    let number = |at: usize, size: usize| -> Option<u64> {
        let field = context.get(at..at.checked_add(size)?)?;
        Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let word = |index: usize| number(index.checked_mul(8)?.checked_add(120)?, 8);
    let [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi] = [0, 1, 2, 3, 4, 5, 6, 7].map(word);
    let [r8, r9, r10, r11, r12, r13, r14, r15] = [8, 9, 10, 11, 12, 13, 14, 15].map(word);
    let segment = |index: usize| number(index.checked_mul(2)?.checked_add(56)?, 2);
    // The order of `pr_reg`; see `Arch::general_registers`.
    let order = [
        r15,
        r14,
        r13,
        r12,
        rbp,
        rbx,
        r11,
        r10,
        r9,
        r8,
        rax,
        rcx,
        rdx,
        rsi,
        rdi,
        Some(0), // orig_rax
        word(16),
        segment(0),
        number(68, 4),
        rsp,
        segment(5),
        Some(0), // fs_base
        Some(0), // gs_base
        segment(1),
        segment(2),
        segment(3),
        segment(4),
    ];
    let general = order.into_iter().collect::<Option<Vec<u64>>>()?;
    let unknown = 1 << 15 | 1 << 21 | 1 << 22;
    let has_floats = number(48, 4).is_some_and(|flags| flags as u32 & FLOATING_POINT != 0);
    let extended = context.get(256..768).filter(|_| has_floats).unwrap_or_default().to_vec();
    Some(ThreadRegisters { general, unknown, extended, signature: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;

    #[test]
    fn each_register_is_in_its_place() {
        let mut context = vec![0; 1232];
        for (index, word) in context[120..256].chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&(index as u64 + 1).to_le_bytes());
        }
        context[68] = 0x46;
        context[56] = 0x33;
        let found = registers(&context).unwrap();
        let names = Arch::X86_64.general_registers();
        let want = [
            ("rax", 1),
            ("rcx", 2),
            ("rdx", 3),
            ("rbx", 4),
            ("rsp", 5),
            ("rbp", 6),
            ("rsi", 7),
            ("rdi", 8),
            ("r8", 9),
            ("r15", 16),
            ("rip", 17),
            ("cs", 0x33),
            ("eflags", 0x46),
        ];
        for (name, value) in want {
            let index = names.iter().position(|it| *it == name).unwrap();
            assert_eq!(found.word(index), Some(value), "{name}");
        }
        for name in ["orig_rax", "fs_base", "gs_base"] {
            let index = names.iter().position(|it| *it == name).unwrap();
            assert_eq!(found.word(index), None, "{name} is not known");
        }
        assert!(found.extended.is_empty());
        context[48] = 8;
        assert_eq!(registers(&context).unwrap().extended.len(), 512);
        assert!(registers(&context[..255]).is_none());
    }
}
