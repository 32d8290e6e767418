//! Whose core a file is, from its head alone.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::path::Path;

use goblin::elf::program_header::PT_NOTE;

use crate::base::addr::FileOff;
use crate::base::bytes::Cursor;
use crate::dump::contents::Contents;
use crate::dump::elf_core::core_headers;
use crate::dump::notes::Notes;
use crate::dump::prstatus::thread_status;
use crate::dump::psinfo::process_info;

/// How much of a core [`core_owner`] needs, in bytes: the headers of 65,534
/// segments and the first notes. The kernel writes them in this order.
pub const HEAD: u64 = 8 << 20;

/// Whose core a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoreOwner {
    /// The process id in `NT_PRPSINFO`, as the process saw it.
    pub pid: Option<u32>,
    /// The thread id in the first `NT_PRSTATUS`: the thread that crashed.
    pub crashed: Option<u32>,
    /// The signal there.
    pub signal: Option<u16>,
    /// How long the whole file is by its program headers, in bytes.
    pub whole: u64,
}

/// Reads the first bytes of a core file. `None`: it is no core that we read.
pub fn core_owner(head: &[u8]) -> Option<CoreOwner> {
    const NT_PRSTATUS: u32 = 1;
    const NT_PRPSINFO: u32 = 3;
    let contents = Contents::Mapped(head);
    let headers = core_headers(&contents, Path::new("core")).ok()?;
    let ends = headers.segments.iter().map(|it| it.p_offset.saturating_add(it.p_filesz));
    let mut owner = CoreOwner { whole: ends.max().unwrap_or(0), ..CoreOwner::default() };
    for segment in headers.segments.iter().filter(|segment| segment.p_type == PT_NOTE) {
        let present = contents.part(segment.p_offset, segment.p_filesz);
        let notes = Cursor::new(present, FileOff(segment.p_offset));
        let notes = Notes::new(notes.with_model(headers.arch.model()));
        for note in notes.map_while(Result::ok) {
            match (note.owner, note.kind) {
                (b"CORE", NT_PRSTATUS) if owner.crashed.is_none() => {
                    if let Ok(status) = thread_status(headers.arch, note.desc) {
                        owner.crashed = Some(status.tid);
                        owner.signal = Some(status.signal);
                    }
                }
                (b"CORE", NT_PRPSINFO) if owner.pid.is_none() => {
                    owner.pid = process_info(note.desc).ok().map(|info| info.pid);
                }
                _ => (),
            }
            if owner.crashed.is_some() && owner.pid.is_some() {
                return Some(owner);
            }
        }
    }
    Some(owner)
}

impl CoreOwner {
    /// Whether this is the core of the process `pid`. One that was cut before
    /// it says so is not.
    pub fn is(&self, pid: u32) -> bool {
        match self.pid {
            Some(own) => own == pid,
            // The first thread has the id of the process.
            None => self.crashed == Some(pid),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A core with one segment of notes: `NT_PRSTATUS` and `NT_PRPSINFO`.
    pub(crate) fn core(tid: u32, pid: u32) -> Vec<u8> {
        let note = |kind: u32, desc: &[u8]| {
            let mut bytes = Vec::new();
            for word in [5, desc.len() as u32, kind] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(b"CORE\0\0\0\0");
            bytes.extend(desc);
            bytes
        };
        let mut status = vec![0; 336];
        status[12] = 11;
        status[32..36].copy_from_slice(&tid.to_le_bytes());
        let mut info = vec![0; 136];
        info[24..28].copy_from_slice(&pid.to_le_bytes());
        let notes = [note(1, &status), note(3, &info)].concat();
        let mut file = vec![0; 64 + 56];
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        file[16] = 4;
        file[18] = 62;
        file[20] = 1;
        file[32] = 64;
        file[52] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64] = 4;
        file[72] = 120;
        file[96..104].copy_from_slice(&(notes.len() as u64).to_le_bytes());
        file.extend(notes);
        file
    }

    #[test]
    fn the_notes_tell() {
        let file = core(43, 42);
        let owner = core_owner(&file).unwrap();
        assert_eq!((owner.pid, owner.crashed, owner.signal), (Some(42), Some(43), Some(11)));
        assert_eq!(owner.whole, file.len() as u64);
        assert!(owner.is(42) && !owner.is(43));
        // Cut behind the first note: it crashed in thread 43, and nobody knows
        // whose that is.
        let cut = core_owner(&file[..file.len() - 150]).unwrap();
        assert_eq!((cut.pid, cut.crashed), (None, Some(43)));
        assert!(!cut.is(42) && cut.is(43));
        assert_eq!(core_owner(&file[..100]), None);
        assert_eq!(core_owner(b"#!/bin/sh\n"), None);
        for len in 0..file.len() {
            let _whatever = core_owner(&file[..len]);
        }
    }
}
