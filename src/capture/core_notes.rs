//! The notes of a core: registers, signal, auxiliary vector, mapped files.
//!
//! The layouts are those that [`dump`](crate::dump) reads: see `prstatus.rs`,
//! `psinfo.rs`, `mapped_files.rs` there for their sources.

use procfs::process::Stat;

use crate::base::signal::Signal;
use crate::capture::live::HeldThread;
use crate::capture::maps::Area;
use crate::capture::status::ThreadState;
use crate::dump::process::Identity;
use crate::dump::sidecar;
use crate::dump::sidecar::Sidecar;

/// What the notes say.
pub(super) struct Notes<'a> {
    pub(super) identity: Identity,
    pub(super) state: &'a ThreadState,
    /// Its process group, session, flags and nice value. `None`: it is gone.
    pub(super) stat: Option<Stat>,
    /// What it dies of. `None`: nothing, which is signal 0 in a note.
    pub(super) signal: Option<Signal>,
    /// The `siginfo_t` as the kernel has it, if there is one.
    pub(super) info: Option<[u8; 128]>,
    /// `/proc/PID/auxv`.
    pub(super) auxv: Vec<u8>,
    /// The crashed thread first.
    pub(super) threads: &'a [HeldThread],
    /// What `/proc` says.
    pub(super) sidecar: &'a Sidecar,
}

/// All notes, in the kernel's order: the crashed thread's status, what belongs
/// to the process, its other registers; then the other threads.
pub(super) fn notes(facts: &Notes<'_>, areas: &[Area]) -> Vec<u8> {
    const NT_PRSTATUS: u32 = 1;
    const NT_PRFPREG: u32 = 2;
    const NT_PRPSINFO: u32 = 3;
    const NT_AUXV: u32 = 6;
    const NT_X86_XSTATE: u32 = 0x202;
    const NT_SIGINFO: u32 = 0x5349_4749;
    const NT_FILE: u32 = 0x4649_4c45;

    let mut bytes = Vec::new();
    // A thread that did not stop has no registers, and a note cannot say so.
    let known =
        facts.threads.iter().filter_map(|held| Some((held, held.thread.registers.as_ref()?)));
    for (index, (held, registers)) in known.enumerate() {
        push(&mut bytes, b"CORE\0", NT_PRSTATUS, &status(facts, held));
        if index == 0 {
            push(&mut bytes, b"CORE\0", NT_PRPSINFO, &process_info(facts));
            if let Some(info) = &facts.info {
                push(&mut bytes, b"CORE\0", NT_SIGINFO, info);
            }
            push(&mut bytes, b"CORE\0", NT_AUXV, &facts.auxv);
            push(&mut bytes, b"CORE\0", NT_FILE, &mapped_files(areas));
        }
        if !held.floating.is_empty() {
            push(&mut bytes, b"CORE\0", NT_PRFPREG, &held.floating);
        }
        if registers.extended.len() > held.floating.len() {
            push(&mut bytes, b"LINUX\0", NT_X86_XSTATE, &registers.extended);
        }
    }
    // Behind all that other readers know. They pass over owners that they do not.
    let owner = [sidecar::NOTE_NAME, b"\0"].concat();
    push(&mut bytes, &owner, sidecar::NOTE_TYPE, &facts.sidecar.to_json());
    bytes
}

fn push(bytes: &mut Vec<u8>, owner: &[u8], kind: u32, desc: &[u8]) {
    for field in [owner.len() as u32, desc.len() as u32, kind] {
        bytes.extend(field.to_le_bytes());
    }
    for part in [owner, desc] {
        bytes.extend(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
}

/// `struct elf_prstatus`. The times are left zero.
fn status(facts: &Notes<'_>, held: &HeldThread) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(336);
    let signal = facts.signal.map_or(0, |signal| signal.0);
    for field in [signal, 0, 0, signal & 0xffff] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(held.state.pending.to_le_bytes());
    bytes.extend(held.mask.to_le_bytes());
    let parent = facts.identity.ppid.unwrap_or(0) as i32;
    let (group, session) = facts.stat.as_ref().map_or((0, 0), |stat| (stat.pgrp, stat.session));
    for field in [held.thread.tid as i32, parent, group, session] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.resize(112, 0);
    let general = held.thread.registers.iter().flat_map(|registers| &registers.general);
    bytes.extend(general.flat_map(|word| word.to_le_bytes()));
    bytes.resize(328, 0);
    bytes.extend(1u32.to_le_bytes());
    bytes.resize(336, 0);
    bytes
}

/// `struct elf_prpsinfo`.
fn process_info(facts: &Notes<'_>) -> Vec<u8> {
    let identity = &facts.identity;
    let stat = facts.stat.as_ref();
    let nice = stat.map_or(0, |stat| stat.nice);
    let mut bytes = vec![0, b'R', 0, nice as u8, 0, 0, 0, 0];
    bytes.extend(stat.map_or(0, |stat| u64::from(stat.flags)).to_le_bytes());
    bytes.extend(facts.state.uid.to_le_bytes());
    bytes.extend(facts.state.gid.to_le_bytes());
    let (pid, parent) = (identity.pid.unwrap_or(0) as i32, identity.ppid.unwrap_or(0) as i32);
    let (group, session) = stat.map_or((0, 0), |stat| (stat.pgrp, stat.session));
    for field in [pid, parent, group, session] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(identity.command.iter().take(15));
    bytes.resize(56, 0);
    bytes.extend(identity.arguments.join(&b' ').iter().take(79));
    bytes.resize(136, 0);
    bytes
}

/// `NT_FILE`, offsets in pages.
fn mapped_files(areas: &[Area]) -> Vec<u8> {
    const PAGE: u64 = 4096;
    let files: Vec<_> = areas
        .iter()
        .filter(|area| area.inode != 0)
        .filter_map(|area| Some((area, area.mapping.path.as_deref()?)))
        .collect();
    let mut bytes = Vec::new();
    for word in [files.len() as u64, PAGE] {
        bytes.extend(word.to_le_bytes());
    }
    for (area, _) in &files {
        let range = area.mapping.range;
        for word in [range.start.0, range.end.0, area.mapping.offset.0 / PAGE] {
            bytes.extend(word.to_le_bytes());
        }
    }
    for (_, path) in files {
        bytes.extend(path);
        bytes.push(0);
    }
    bytes
}
