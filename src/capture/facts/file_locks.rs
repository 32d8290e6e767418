//! Locks of files for which processes wait, as `/proc/locks` tells, and what the
//! processes at the other ends of pipes and sockets wait in.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::base::facts::{FileLock, Ipc, PeerWait};
use crate::capture::facts::proc_file::{ProcDir, read};
use crate::capture::facts::{threads, waiting};

/// Processes that are followed from owner to owner.
const MOST_OWNERS: usize = 16;

/// Processes at other ends that are asked what they wait in.
const MOST_PEERS: usize = 16;

/// The locks for which process `pid` waits, those for which their owners wait,
/// and so on.
pub(super) fn file_locks(process: &ProcDir<'_>, pid: u32, ipc: &mut Ipc) {
    let Some(text) = read(Path::new("/proc/locks")) else { return };
    let all = waits(&String::from_utf8_lossy(&text));
    let mut next = pid;
    while ipc.file_locks.len() < MOST_OWNERS {
        let is_known = |it: &FileLock| it.waiter == next;
        if ipc.file_locks.iter().any(is_known) {
            break;
        }
        let Some(found) = all.iter().find(|it| it.waiter == next) else { break };
        let mut found = found.clone();
        if next == pid {
            found.descriptors = descriptors_of(process, found.inode, ipc);
        }
        if let Some(owner) = found.owner {
            let path = PathBuf::from(format!("/proc/{owner}"));
            found.command = ProcDir::new(&path).line("comm");
        }
        let owner = found.owner;
        ipc.file_locks.push(found);
        match owner {
            Some(owner) => next = owner,
            None => break,
        }
    }
}

/// The descriptors of a process that are of the file with this inode.
fn descriptors_of(process: &ProcDir<'_>, inode: u64, ipc: &Ipc) -> Vec<u32> {
    let is_of = |fd: &u32| {
        let found = fs::metadata(process.path(&format!("fd/{fd}")));
        found.is_ok_and(|found| found.ino() == inode)
    };
    ipc.descriptors.iter().map(|found| found.fd).filter(is_of).collect()
}

/// Who waits for whom. A line of a lock that is held is followed by those that
/// wait for it: `1: FLOCK  ADVISORY  WRITE 812 08:01:1310 0 EOF`, then `1: ->
/// FLOCK ...`. Source: Linux `fs/locks.c`, `lock_get_status`.
fn waits(text: &str) -> Vec<FileLock> {
    let mut found = Vec::new();
    let mut owner: Option<(&str, Option<u32>)> = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(number) = words.next() else { continue };
        let mut words = words.peekable();
        let is_waiting = words.next_if_eq(&"->").is_some();
        let (Some(kind), Some(pid)) = (words.next(), words.nth(2)) else { continue };
        // Zero and less: of another namespace, or of no process.
        let pid = pid.parse::<u32>().ok().filter(|pid| *pid > 0);
        if !is_waiting {
            owner = Some((number, pid));
            continue;
        }
        let inode = words.next().and_then(|place| place.rsplit(':').next()?.parse().ok());
        if let (Some(waiter), Some(inode)) = (pid, inode) {
            let owner = owner.filter(|(known, _)| *known == number).and_then(|(_, pid)| pid);
            let kind = kind.to_ascii_lowercase();
            found.push(FileLock { waiter, owner, kind, inode, ..FileLock::default() });
        }
    }
    found
}

/// What the processes at the other ends wait in, those with one thread.
pub(super) fn peer_waits(ipc: &mut Ipc, deadline: Instant) {
    let peers = ipc.descriptors.iter().flat_map(|found| &found.peers);
    let pids: BTreeSet<u32> = peers.map(|peer| peer.pid).collect();
    for pid in pids.into_iter().take(MOST_PEERS) {
        if Instant::now() >= deadline {
            break;
        }
        let path = PathBuf::from(format!("/proc/{pid}"));
        let process = ProcDir::new(&path);
        if process.numbers("task").is_none_or(|threads| threads.len() != 1) {
            continue;
        }
        let call = threads::first(&process);
        if let Some((call, fd)) = call.as_ref().and_then(waiting::at_descriptor) {
            ipc.peer_waits.push(PeerWait { pid, call: call.to_owned(), fd });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_whom() {
        let text = "1: FLOCK  ADVISORY  WRITE 12 08:01:131 0 EOF\n\
            1: -> FLOCK  ADVISORY  WRITE 13 08:01:131 0 EOF\n\
            2: POSIX  ADVISORY  READ 14 00:1b:9 128 128\n\
            3: OFDLCK ADVISORY  WRITE -1 08:01:7 0 EOF\n\
            3:  -> OFDLCK ADVISORY  WRITE 15 08:01:7 0 EOF\n\
            4: -> POSIX\n\
            nonsense";
        let found = waits(text);
        let found: Vec<_> =
            found.iter().map(|it| (it.waiter, it.owner, it.kind.as_str(), it.inode)).collect();
        assert_eq!(found, [(13, Some(12), "flock", 131), (15, None, "ofdlck", 7)]);
    }
}
