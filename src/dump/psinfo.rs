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

/// Reads an `NT_PRPSINFO` note (owner `CORE`, type 3) of a 64-bit process.
///
/// Layout, little-endian: four `char` state fields, padding, `u64 pr_flag` at
/// 8, `u32 pr_uid, pr_gid, i32 pr_pid, pr_ppid, pr_pgrp, pr_sid` at 16, `char
/// pr_fname[16]` at 40, `char pr_psargs[80]` at 56. Source: Linux
/// `include/linux/elfcore.h`, `struct elf_prpsinfo`.
///
/// # Errors
///
/// When the note is shorter than 136 bytes.
pub fn process_info(mut desc: Cursor<'_>) -> Result<ProcessInfo<'_>, Truncated> {
    desc.skip(16)?;
    let uid = desc.u32_le()?;
    let gid = desc.u32_le()?;
    let pid = desc.u32_le()?;
    let ppid = desc.u32_le()?;
    desc.skip(8)?;
    let command = until_nul(desc.take(16)?);
    let arguments = until_nul(desc.take(80)?).trim_ascii_end();
    Ok(ProcessInfo { uid, gid, pid, ppid, command, arguments })
}
