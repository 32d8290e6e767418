//! Memory that is shared with other processes: the `s` lines of `maps`.

use std::path::Path;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::base::facts::{Ipc, PeerState, SemaphoreSet, SharedKind, SharedMemory};
use crate::base::text::text;
use crate::capture::facts::holders::processes;
use crate::capture::facts::peers::Subject;
use crate::capture::facts::proc_file::{ProcDir, read};

/// Objects that are told.
const MOST: usize = 128;

/// Processes of one object that are told.
const MOST_PEERS: usize = 64;

/// A shared mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shared<'t> {
    start: u64,
    size: u64,
    is_writable: bool,
    /// Device as `maps` writes it, and inode: they name the object.
    object: (&'t [u8], u64),
    path: &'t [u8],
}

/// Fills in shared mappings.
pub(super) fn shared(process: &ProcDir<'_>, ipc: &mut Ipc) -> Vec<(Vec<u8>, u64)> {
    let maps = process.read("maps").unwrap_or_default();
    let mut objects: Vec<(Vec<u8>, u64)> = Vec::new();
    for line in maps.split(|byte| *byte == b'\n') {
        let Some(found) = mapping(line).filter(|it| it.is_writable) else { continue };
        let (device, inode) = found.object;
        let known = objects.iter().position(|(dev, ino)| dev == device && *ino == inode);
        if let Some(known) = known {
            let size = ipc.shared_memory.get_mut(known).and_then(|it| it.size.as_mut());
            if let Some(size) = size {
                *size = size.saturating_add(found.size);
            }
            continue;
        }
        if objects.len() >= MOST {
            break;
        }
        objects.push((device.to_vec(), inode));
        ipc.shared_memory.push(described(&found));
    }
    // Named semaphores are such mappings, too.
    let names = ipc.shared_memory.iter().filter_map(|it| it.name.as_deref());
    let names = names.filter_map(|name| name.strip_prefix("/dev/shm/sem."));
    ipc.semaphores = names
        .map(|name| {
            let is_deleted = name.ends_with(" (deleted)");
            let path = format!("/dev/shm/sem.{name}");
            SemaphoreSet {
                name: Some(format!("/{name}")),
                why: "it is mapped".to_owned(),
                stays_behind: !is_deleted,
                removal: (!is_deleted).then(|| format!("rm {}", quoted(&path))),
                ..SemaphoreSet::default()
            }
        })
        .collect();
    objects
}

fn described(found: &Shared<'_>) -> SharedMemory {
    let name = text(found.path);
    let kind = match name.as_str() {
        it if it.starts_with("/SYSV") => SharedKind::SysV,
        it if it.starts_with("/memfd:") => SharedKind::Memfd,
        it if it.starts_with("/dev/zero") || it.is_empty() => SharedKind::Anonymous,
        it if it.starts_with("/dev/shm/") => SharedKind::Posix,
        _ => SharedKind::File,
    };
    // A file that is shared is meant to stay; a segment may be forgotten.
    let stays = kind == SharedKind::Posix && !name.ends_with(" (deleted)");
    SharedMemory {
        kind,
        address: Some(format!("{:#x}", found.start)),
        size: Some(found.size),
        removal: stays.then(|| format!("rm {}", quoted(&name))),
        stays_behind: stays,
        id: (kind == SharedKind::SysV).then_some(found.object.1),
        name: (!name.is_empty()).then_some(name),
        ..SharedMemory::default()
    }
}

/// A path as a shell needs it.
fn quoted(path: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+:@%".contains(char);
    if path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// Finds the other processes that have the same memory mapped.
pub(super) fn sharers(
    objects: &[(Vec<u8>, u64)],
    subject: Subject,
    deadline: Instant,
    ipc: &mut Ipc,
) {
    // Of a segment that is attached once, everybody is known.
    let is_wanted = |it: &SharedMemory| it.attached != Some(1) && it.kind != SharedKind::File;
    let wanted: FxHashMap<(&[u8], u64), usize> = objects
        .iter()
        .enumerate()
        .filter(|(index, _)| ipc.shared_memory.get(*index).is_some_and(is_wanted))
        .map(|(index, (device, inode))| ((device.as_slice(), *inode), index))
        .collect();
    let mut found: Vec<(usize, u32)> = Vec::new();
    let (mut is_cut, mut hidden) = (false, false);
    for pid in if wanted.is_empty() { Vec::new() } else { processes() } {
        if Instant::now() > deadline {
            is_cut = true;
            break;
        }
        if pid == subject.pid {
            continue;
        }
        let Some(maps) = read(Path::new(&format!("/proc/{pid}/maps"))) else {
            hidden = true;
            continue;
        };
        for line in maps.split(|byte| *byte == b'\n') {
            let index = mapping(line).and_then(|it| wanted.get(&it.object).copied());
            if let Some(index) = index.filter(|index| !found.contains(&(*index, pid))) {
                found.push((index, pid));
            }
        }
    }
    for (index, pid) in found {
        if let Some(memory) = ipc.shared_memory.get_mut(index)
            && memory.peers.len() < MOST_PEERS
        {
            memory.peers.push(subject.peer(pid, None));
        }
    }
    for index in wanted.into_values() {
        let Some(memory) = ipc.shared_memory.get_mut(index) else { continue };
        memory.peer_state = Some(match () {
            () if !memory.peers.is_empty() => PeerState::Alive,
            () if is_cut => PeerState::Unknown,
            () if hidden || memory.attached.is_some() => PeerState::NotVisible,
            () => PeerState::Own,
        });
    }
    let alone = ipc.shared_memory.iter_mut().filter(|it| it.attached == Some(1));
    alone.for_each(|memory| memory.peer_state = Some(PeerState::Own));
}

/// `start-end rw-s offset device inode path`, if it is shared.
fn mapping(line: &[u8]) -> Option<Shared<'_>> {
    let mut rest = line;
    let mut word = || {
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_ascii_start();
        word
    };
    let range = word();
    let letters = word();
    if letters.get(3) != Some(&b's') {
        return None;
    }
    let (start, end) = str::from_utf8(range).ok()?.split_once('-')?;
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    let (start, end) = (hex(start)?, hex(end)?);
    let _offset = word();
    let device = word();
    let inode = str::from_utf8(word()).ok()?.parse().ok()?;
    Some(Shared {
        start,
        size: end.saturating_sub(start),
        is_writable: letters.get(1) == Some(&b'w'),
        object: (device, inode),
        path: rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_lines() {
        let line = b"7f0000000000-7f0000002000 rw-s 00000000 00:01 32769                      /SYSV000004d2 (deleted)";
        let found = mapping(line).unwrap();
        assert_eq!((found.start, found.size, found.is_writable), (0x7f00_0000_0000, 0x2000, true));
        assert_eq!(found.object, (&b"00:01"[..], 32769));
        let memory = described(&found);
        assert_eq!((memory.kind, memory.id), (SharedKind::SysV, Some(32769)));
        for private in [&b""[..], b"1-2 rw-p 0 0:0 0", b"1-z rw-s 0 0:0 0", b"1-2 rw-s 0 0:0 x"] {
            assert_eq!(mapping(private), None);
        }
    }

    #[test]
    fn what_stays_behind() {
        let of = |path: &'static [u8]| {
            let object = (&b"00:01"[..], 7);
            described(&Shared { start: 0, size: 1, is_writable: true, object, path })
        };
        assert_eq!(of(b"/dev/shm/my pool").removal.as_deref(), Some("rm '/dev/shm/my pool'"));
        assert!(!of(b"/dev/shm/pool (deleted)").stays_behind);
        assert_eq!(of(b"/dev/zero (deleted)").kind, SharedKind::Anonymous);
        assert_eq!(of(b"/memfd:x (deleted)").kind, SharedKind::Memfd);
        assert_eq!(of(b"/data/file").kind, SharedKind::File);
    }
}
