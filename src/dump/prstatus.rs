//! `NT_PRSTATUS`: one thread and its general registers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::arch::{Arch, Machine};
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

/// Where the fields of an `NT_PRSTATUS` note lie, in bytes from its start.
struct Layout {
    tid: u64,
    registers: u64,
    /// Bytes behind the registers: `pr_fpvalid`.
    tail: u64,
}

/// The layout for the processes of an architecture.
///
/// `i32 si_signo, si_code, si_errno` (mind the order), `u16 pr_cursig` at 12,
/// `long pr_sigpend, pr_sighold`, `i32 pr_pid, pr_ppid, pr_pgrp, pr_sid`, four
/// pairs of `long` times, `pr_reg`, `i32 pr_fpvalid`. Longs are aligned to their
/// size, but to two bytes on m68k. Source: Linux `include/linux/elfcore.h`,
/// `struct elf_prstatus`.
fn layout(arch: Arch) -> Layout {
    match arch.machine {
        _ if arch.is_64() => Layout { tid: 32, registers: 112, tail: 8 },
        Machine::M68k => Layout { tid: 22, registers: 70, tail: 4 },
        // Registers of 64 bits behind fields of 32, and padding at the end.
        Machine::X32 | Machine::MipsN32 => Layout { tid: 24, registers: 72, tail: 8 },
        _ => Layout { tid: 24, registers: 72, tail: 4 },
    }
}

/// Reads an `NT_PRSTATUS` note (owner `CORE`, type 1) in the byte order of
/// `arch`. Of an architecture that is not known, all words between the times and
/// `pr_fpvalid` are registers.
///
/// # Errors
///
/// When the fields before the registers are not there.
pub fn thread_status(arch: Arch, desc: Cursor<'_>) -> Result<ThreadStatus, Truncated> {
    let layout = layout(arch);
    let mut desc = desc.with_model(arch.model());
    let len = desc.rest().len() as u64;
    desc.skip(12)?;
    let signal = desc.u16()?;
    desc.skip(layout.tid.saturating_sub(14))?;
    let tid = desc.u32()?;
    let ppid = desc.u32()?;
    desc.skip(layout.registers.saturating_sub(layout.tid).saturating_sub(8))?;
    let size = u64::from(arch.register_size());
    let room = len.saturating_sub(layout.registers).saturating_sub(layout.tail);
    let wanted = if arch.is_known() {
        arch.prstatus_registers() as u64
    } else {
        room.checked_div(size).unwrap_or(0).min(arch.prstatus_registers() as u64)
    };
    let mut general = Vec::new();
    for _ in 0..wanted {
        let Ok(word) = desc.number(size) else { break };
        general.push(word);
    }
    Ok(ThreadStatus { tid, ppid, signal, general })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::FileOff;
    use crate::base::data_model::ByteOrder;

    #[test]
    fn sizes_of_the_kernel() {
        // Sizes of `struct elf_prstatus` and of `elf_gregset_t` as compilers for
        // these architectures have them, and where the registers begin.
        let cases = [
            (62, true, 336, 27),
            (3, false, 144, 17),
            (183, true, 392, 34),
            (40, false, 148, 18),
            (243, true, 376, 32),
            (21, true, 504, 48),
            (22, true, 336, 27),
        ];
        for (machine, is_64, size, count) in cases {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let arch = Arch::from_elf(machine, is_64, order, 0);
                let mut note = vec![0; size];
                let tid_at = if is_64 { 32 } else { 24 };
                note[tid_at..tid_at + 4].copy_from_slice(&order.bytes(77, 4));
                let width = usize::from(arch.register_size());
                let tail = if is_64 { 8 } else { 4 };
                let last = size - tail - width;
                note[last..last + width].copy_from_slice(&order.bytes(0x1234, width));
                let status = thread_status(arch, Cursor::new(&note, FileOff(0))).unwrap();
                assert_eq!(status.tid, 77, "{}", arch.name());
                assert_eq!(status.general.len(), count, "{}", arch.name());
                assert_eq!(status.general.last(), Some(&0x1234), "{}", arch.name());
            }
        }
    }

    #[test]
    fn an_unknown_machine_has_all_words_between() {
        let arch = Arch::from_elf(9999, true, ByteOrder::Big, 0);
        let mut note = vec![0; 112 + 5 * 8 + 8];
        note[112 + 7] = 9;
        let status = thread_status(arch, Cursor::new(&note, FileOff(0))).unwrap();
        assert_eq!(status.general, [9, 0, 0, 0, 0]);
    }

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
