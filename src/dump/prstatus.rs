//! `NT_PRSTATUS`: one thread and its general registers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::arch::Arch;
use crate::base::bytes::Cursor;
use crate::base::bytes::Truncated;

/// What is used of an `NT_PRSTATUS` note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadStatus {
    /// `pr_pid`: the thread id, in the pid namespace of the process.
    pub tid: u32,
    /// `pr_ppid`.
    pub ppid: u32,
    /// `pr_cursig`: the signal that killed the **process**. The kernel writes
    /// the same one into the note of every thread.
    pub signal: u16,
    /// `pr_reg`, in the order of [`Arch::general_registers`]; fewer words when
    /// the note is cut.
    pub general: Vec<u64>,
}

/// Reads an `NT_PRSTATUS` note (owner `CORE`, type 1) of a 64-bit process.
///
/// Layout, little-endian: `i32 si_signo, si_code, si_errno` (mind the order),
/// `u16 pr_cursig` at 12, `u64 pr_sigpend, pr_sighold` at 16, `i32 pr_pid,
/// pr_ppid, pr_pgrp, pr_sid` at 32, four pairs of `u64` times at 48, `pr_reg`
/// at 112. Source: Linux `include/linux/elfcore.h`, `struct elf_prstatus`.
///
/// # Errors
///
/// When the fields before the registers are not there.
pub fn thread_status(arch: Arch, mut desc: Cursor<'_>) -> Result<ThreadStatus, Truncated> {
    desc.skip(12)?;
    let signal = desc.u16_le()?;
    desc.skip(18)?;
    let tid = desc.u32_le()?;
    let ppid = desc.u32_le()?;
    desc.skip(72)?;
    let mut general = Vec::new();
    for _ in arch.general_registers() {
        let Ok(word) = desc.u64_le() else { break };
        general.push(word);
    }
    Ok(ThreadStatus { tid, ppid, signal, general })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::FileOff;

    #[test]
    fn fields_lie_where_the_kernel_puts_them() {
        let mut note = vec![0; 336];
        note[12] = 11;
        note[32..36].copy_from_slice(&4245u32.to_le_bytes());
        note[36..40].copy_from_slice(&4000u32.to_le_bytes());
        // rip is word 16 of pr_reg.
        note[112 + 16 * 8..][..8].copy_from_slice(&0x40_1234u64.to_le_bytes());
        let status = thread_status(Arch::X86_64, Cursor::new(&note, FileOff(0))).unwrap();
        assert_eq!((status.tid, status.ppid, status.signal), (4245, 4000, 11));
        assert_eq!(status.general.len(), 27);
        assert_eq!(status.general[16], 0x40_1234);

        let cut = thread_status(Arch::X86_64, Cursor::new(&note[..130], FileOff(0))).unwrap();
        assert_eq!(cut.general.len(), 2, "whole words only");
        assert!(thread_status(Arch::X86_64, Cursor::new(&note[..34], FileOff(0))).is_err());
    }
}
