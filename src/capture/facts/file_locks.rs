//! Locks of files for which processes wait, as `/proc/locks` tells, and what the
//! processes at the other ends of pipes and sockets wait in.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use libc::c_long;

use crate::base::facts::{FileLock, Ipc, PeerWait};
use crate::capture::facts::proc_file::{ProcDir, read};
use crate::capture::facts::{threads, waiting};
use crate::dump::sidecar::{Sidecar, SyscallFacts};

/// Processes that are followed from owner to owner.
const MOST_OWNERS: usize = 16;

/// Processes at other ends that are asked what they wait in.
const MOST_PEERS: usize = 16;

/// The lock for which process `pid` waits, that for which its owner waits, and so
/// on. `/proc/locks` has who waits only while nobody stops them, so that the
/// system calls are asked.
pub(super) fn file_locks(process: &ProcDir<'_>, pid: u32, sidecar: &mut Sidecar) {
    let own: Vec<SyscallFacts> =
        sidecar.threads.iter().filter_map(|thread| thread.syscall.clone()).collect();
    if !own.iter().any(|call| wanted(call).is_some()) {
        return;
    }
    let Some(text) = read(Path::new("/proc/locks")) else { return };
    let held = held(&String::from_utf8_lossy(&text));
    let mut found = own.iter().find_map(|call| wait(process, pid, call, &held));
    while let Some(mut lock) = found.take() {
        let owner = lock.owner;
        if let Some(owner) = owner {
            let path = PathBuf::from(format!("/proc/{owner}"));
            let theirs = ProcDir::new(&path);
            lock.command = theirs.line("comm");
            let is_new = owner != pid && sidecar.ipc.file_locks.iter().all(|it| it.waiter != owner);
            let call = threads::first(&theirs).filter(|_| is_new);
            found = call.and_then(|call| wait(&theirs, owner, &call, &held));
        }
        sidecar.ipc.file_locks.push(lock);
        if sidecar.ipc.file_locks.len() >= MOST_OWNERS {
            break;
        }
    }
}

/// The descriptor of the file that a system call waits to lock, and whether by
/// flock().
fn wanted(call: &SyscallFacts) -> Option<(u32, bool)> {
    // F_SETLKW and F_OFD_SETLKW of Linux `include/uapi/asm-generic/fcntl.h`.
    const WAITING: [u64; 2] = [7, 38];
    let [first, second, ..] = call.arguments;
    // Only the low half of the register counts.
    match c_long::try_from(call.number).ok()? {
        libc::SYS_flock => Some((first as u32, true)),
        libc::SYS_fcntl if WAITING.contains(&second) => Some((first as u32, false)),
        _ => None,
    }
}

/// The lock for which a process waits in a system call.
fn wait(process: &ProcDir<'_>, pid: u32, call: &SyscallFacts, held: &[Held]) -> Option<FileLock> {
    let (fd, is_flock) = wanted(call)?;
    let inode = fs::metadata(process.path(&format!("fd/{fd}"))).ok()?.ino();
    let is_it = |it: &&Held| it.inode == inode && (it.kind == "flock") == is_flock;
    // What it has itself keeps it from nothing, unless nobody else has it.
    let of_others = held.iter().filter(is_it).find(|it| it.owner != Some(pid));
    let lock = of_others.or_else(|| held.iter().find(is_it).filter(|_| is_flock))?;
    let kind = lock.kind.clone();
    let descriptors = vec![fd];
    Some(FileLock { waiter: pid, owner: lock.owner, command: None, kind, inode, descriptors })
}

/// A lock that somebody has.
#[derive(Debug)]
struct Held {
    kind: String,
    owner: Option<u32>,
    inode: u64,
}

/// The locks that are held: `1: FLOCK  ADVISORY  WRITE 812 08:01:1310 0 EOF`.
/// Lines with an arrow are of those that wait. Source: Linux `fs/locks.c`,
/// `lock_get_status`.
fn held(text: &str) -> Vec<Held> {
    let line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let kind = words.next().filter(|word| *word != "->")?.to_ascii_lowercase();
        // Zero and less: of another namespace, or of no process.
        let owner = words.nth(2)?.parse::<u32>().ok().filter(|pid| *pid > 0);
        let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
        Some(Held { kind, owner, inode })
    };
    text.lines().filter_map(line).collect()
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
    fn who_has_what() {
        let text = "1: FLOCK  ADVISORY  WRITE 12 08:01:131 0 EOF\n\
            1: -> FLOCK  ADVISORY  WRITE 13 08:01:131 0 EOF\n\
            2: POSIX  ADVISORY  READ 14 00:1b:9 128 128\n\
            3: OFDLCK ADVISORY  WRITE -1 08:01:7 0 EOF\n\
            4: POSIX\n\
            nonsense";
        let found = held(text);
        let found: Vec<_> = found.iter().map(|it| (it.kind.as_str(), it.owner, it.inode)).collect();
        let want = [("flock", Some(12), 131), ("posix", Some(14), 9), ("ofdlck", None, 7)];
        assert_eq!(found, want);
    }
}
