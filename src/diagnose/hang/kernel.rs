//! What a thread waits for in the kernel: its system call, looked up among the
//! descriptors, children and shared objects of the process.

use crate::base::addr::RunAddr;
use crate::base::facts::{FileLock, words};
use crate::diagnose::crash::Crash;
use crate::diagnose::hang::call::SystemCall;
use crate::dump::sidecar::Sidecar;

/// Descriptors that one sentence names.
const MOST_NAMED: usize = 4;

/// Descriptors of one `poll` that are looked at.
const MOST_POLLED: u64 = 64;

/// What a system call waits for, in words: "input from fd 0, a pipe from process
/// 12 \"seq\" (its fd 1)". `None`: it does not wait, or it is `futex`. Numbers
/// are those of Linux `arch/x86/entry/syscalls/syscall_64.tbl`.
pub(super) fn waits_for(crash: &Crash<'_, '_>, call: &SystemCall) -> Option<String> {
    let [first, second, third, fourth, ..] = call.arguments;
    let sidecar = crash.process.sidecar.as_ref();
    let fd = |number: u64| descriptor(sidecar, number);
    Some(match call.number {
        // read, pread64, readv, recvfrom, recvmsg, recvmmsg, preadv, preadv2
        0 | 17 | 19 | 45 | 47 | 299 | 295 | 327 => format!("input from {}", fd(first)),
        // write, pwrite64, writev, sendto, sendmsg, sendmmsg
        1 | 18 | 20 | 44 | 46 | 307 => format!("room for output to {}", fd(first)),
        // accept, accept4
        43 | 288 => format!("a connection at {}", fd(first)),
        // connect
        42 => format!("a connection through {}", fd(first)),
        // poll, ppoll
        7 | 271 => format!("events at {}", polled(crash, sidecar, first, second)),
        // select, pselect6
        23 | 270 => {
            format!("events at {}", selected(crash, sidecar, first, [second, third, fourth]))
        }
        // epoll_wait, epoll_pwait, epoll_pwait2
        232 | 281 | 441 => format!("events at {}", fd(first)),
        // nanosleep, clock_nanosleep
        35 | 230 => "a time to pass".to_owned(),
        // pause, rt_sigsuspend, rt_sigtimedwait
        34 | 130 | 128 => "a signal".to_owned(),
        // wait4
        61 => child(sidecar, first as i32),
        // waitid: P_ALL, P_PID
        247 if first == 0 => child(sidecar, -1),
        247 if first == 1 => child(sidecar, second as i32),
        247 => "the end of a child process".to_owned(),
        // semop, semtimedop
        65 | 220 => format!("SysV semaphore set {first}{}", operation(crash, second)),
        // msgsnd, msgrcv
        69 => format!("room in SysV message queue {first}"),
        70 => match fourth as i64 {
            0 => format!("a message in SysV message queue {first}"),
            kind => format!("a message of type {kind} in SysV message queue {first}"),
        },
        // mq_timedsend, mq_timedreceive
        242 => format!("room in {}", fd(first)),
        243 => format!("a message in {}", fd(first)),
        // flock, and fcntl with F_SETLKW
        73 => format!("a lock on {}{}", fd(first), lock_owner(crash, first)),
        72 if second == 7 || second == 38 => {
            format!("a lock on {}{}", fd(first), lock_owner(crash, first))
        }
        // fsync, fdatasync
        74 | 75 => format!("{} to be written to its device", fd(first)),
        _ => return None,
    })
}

/// `fd 3, a pipe from ...`.
fn descriptor(sidecar: Option<&Sidecar>, number: u64) -> String {
    // Only the low half of the register counts.
    let number = number as u32;
    let found = sidecar.and_then(|it| it.ipc.descriptors.iter().find(|it| it.fd == number));
    match found {
        Some(found) => format!("fd {number}, {}", words::descriptor(found)),
        None => format!("fd {number}"),
    }
}

/// ", held by process 12 "seq"": who has the lock of a file for which this
/// process waits at a descriptor.
fn lock_owner(crash: &Crash<'_, '_>, number: u64) -> String {
    let process = crash.process;
    let locks = process.sidecar.as_ref().map(|it| it.ipc.file_locks.as_slice());
    let is_it = |it: &&FileLock| it.descriptors.contains(&(number as u32));
    let Some(lock) = locks.unwrap_or_default().iter().find(is_it) else { return String::new() };
    match (lock.owner, &lock.command) {
        (Some(owner), _) if Some(owner) == process.identity.pid => {
            ", held by this process itself".to_owned()
        }
        (Some(owner), Some(command)) => format!(", held by process {owner} \"{command}\""),
        (Some(owner), None) => format!(", held by process {owner}"),
        (None, _) => ", whose owner cannot be seen".to_owned(),
    }
}

fn descriptors(sidecar: Option<&Sidecar>, numbers: &[u64]) -> String {
    if numbers.is_empty() {
        return "no descriptor at all".to_owned();
    }
    let named = numbers.iter().take(MOST_NAMED).map(|number| descriptor(sidecar, *number));
    let mut named: Vec<String> = named.collect();
    let more = numbers.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join("; ")
}

/// An array of `struct pollfd { int fd; short events, revents; }`.
fn polled(crash: &Crash<'_, '_>, sidecar: Option<&Sidecar>, at: u64, count: u64) -> String {
    let mut numbers = Vec::new();
    for index in 0..count.min(MOST_POLLED) {
        let mut entry = [0; 4];
        let address = RunAddr(at.wrapping_add(index.wrapping_mul(8)));
        if crash.memory.read(address, &mut entry) < entry.len() {
            return format!("{count} descriptors");
        }
        let fd = i32::from_le_bytes(entry);
        numbers.extend(u64::try_from(fd).ok());
    }
    descriptors(sidecar, &numbers)
}

/// Sets of bits. The kernel has not changed them while it waits.
fn selected(
    crash: &Crash<'_, '_>,
    sidecar: Option<&Sidecar>,
    count: u64,
    sets: [u64; 3],
) -> String {
    let mut numbers = std::collections::BTreeSet::new();
    let bytes = usize::try_from(count.min(1024).div_ceil(8)).unwrap_or(0);
    for set in sets.into_iter().filter(|set| *set != 0) {
        let mut bits = vec![0; bytes];
        if crash.memory.read(RunAddr(set), &mut bits) < bytes {
            return "several descriptors".to_owned();
        }
        let is_set = |number: &u64| {
            let byte = bits.get((*number / 8) as usize).copied().unwrap_or(0);
            byte & (1 << (*number % 8)) != 0
        };
        numbers.extend((0..count.min(1024)).filter(is_set));
    }
    let numbers: Vec<u64> = numbers.into_iter().collect();
    descriptors(sidecar, &numbers)
}

/// A child, or any.
fn child(sidecar: Option<&Sidecar>, pid: i32) -> String {
    let Ok(pid) = u32::try_from(pid) else {
        return "the end of any child process".to_owned();
    };
    let below = sidecar.map(|it| it.tree.descendants.as_slice()).unwrap_or_default();
    match below.iter().find(|it| it.pid == pid) {
        Some(child) => format!("the end of child process {pid} \"{}\"", child.command),
        None => format!("the end of child process {pid}"),
    }
}

/// The first `struct sembuf { u16 num; i16 op; i16 flags; }`.
fn operation(crash: &Crash<'_, '_>, at: u64) -> String {
    let mut entry = [0; 6];
    if crash.memory.read(RunAddr(at), &mut entry) < entry.len() {
        return String::new();
    }
    let [low, high, by_low, by_high, ..] = entry;
    let (number, by) = (u16::from_le_bytes([low, high]), i16::from_le_bytes([by_low, by_high]));
    match by {
        0 => format!(": semaphore {number} to become 0"),
        down if down < 0 => format!(": semaphore {number} to reach {}", -i32::from(down)),
        _ => format!(": semaphore {number}"),
    }
}
