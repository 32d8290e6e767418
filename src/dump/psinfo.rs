//! `NT_PRPSINFO`: who the process was.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::bytes::Cursor;
use crate::base::bytes::Truncated;
use crate::base::bytes::until_nul;

/// What is used of an `NT_PRPSINFO` note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo<'a> {
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// The process id; `NT_PRSTATUS` has thread ids only.
    pub pid: u32,
    /// The parent's process id.
    pub ppid: u32,
    /// `pr_fname`: `comm` of the main thread, at most 15 bytes.
    pub command: &'a [u8],
    /// `pr_psargs`: at most 79 bytes of the command line, with spaces in place
    /// of the separators. Not an argument vector.
    pub arguments: &'a [u8],
}

/// Reads an `NT_PRPSINFO` note (owner `CORE`, type 3), by the cursor's model.
///
/// Layout: four `char` state fields, `long pr_flag` aligned to its size, user
/// and group id, `i32 pr_pid, pr_ppid, pr_pgrp, pr_sid`, `char pr_fname[16]`,
/// `char pr_psargs[80]`. Ids have four bytes, and two in those 32-bit processes
/// whose note has 124 bytes: i386, ARM, m68k, s390. Source: Linux
/// `include/linux/elfcore.h`, `struct elf_prpsinfo`, `__kernel_uid_t`.
///
/// # Errors
///
/// When the note is shorter than that.
pub fn process_info(mut desc: Cursor<'_>) -> Result<ProcessInfo<'_>, Truncated> {
    let is_64 = desc.model().is_64();
    let id_size = if !is_64 && desc.rest().len() < 128 { 2 } else { 4 };
    desc.skip(if is_64 { 16 } else { 8 })?;
    let mut id = || Ok(u32::try_from(desc.number(id_size)?).unwrap_or(u32::MAX));
    let uid = id()?;
    let gid = id()?;
    let pid = desc.u32()?;
    let ppid = desc.u32()?;
    desc.skip(8)?;
    let command = until_nul(desc.take(16)?);
    let arguments = until_nul(desc.take(80)?).trim_ascii_end();
    Ok(ProcessInfo { uid, gid, pid, ppid, command, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::FileOff;
    use crate::base::data_model::{ByteOrder, DataModel};

    #[test]
    fn layouts() {
        // (size, size of an address, size of an id, offset of pr_uid)
        let cases = [(136, 8, 4, 16), (124, 4, 2, 8), (128, 4, 4, 8)];
        for (size, address_size, id, at) in cases {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let mut note = vec![0; size];
                let pid = at + 2 * id;
                note[at..at + id].copy_from_slice(&order.bytes(1000, id));
                note[at + id..at + 2 * id].copy_from_slice(&order.bytes(100, id));
                note[pid..pid + 4].copy_from_slice(&order.bytes(4242, 4));
                note[pid + 16..pid + 20].copy_from_slice(b"comm");
                note[pid + 32..pid + 38].copy_from_slice(b"a b c ");
                let model = DataModel { order, address_size };
                let cursor = Cursor::new(&note, FileOff(0)).with_model(model);
                let info = process_info(cursor).unwrap();
                assert_eq!((info.uid, info.gid, info.pid), (1000, 100, 4242), "{size}");
                assert_eq!((info.command, info.arguments), (&b"comm"[..], &b"a b c"[..]));
                assert!(process_info(Cursor::new(&note[..100], FileOff(0))).is_err());
            }
        }
    }
}
