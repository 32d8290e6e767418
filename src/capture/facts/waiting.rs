//! What a process waits in, as `/proc` says while nobody holds it.

use std::path::PathBuf;
use std::time::Instant;

use libc::c_long;

use crate::base::facts::{DescriptorKind, Ipc, Relative, words};
use crate::capture::facts::proc_file::ProcDir;
use crate::capture::facts::relatives::relative;
use crate::capture::facts::{descriptors, peers, subject, threads};
use crate::dump::sidecar::SyscallFacts;

/// Places where it listens that are told.
const MOST_LISTENERS: usize = 8;

/// A process that runs on: who it is, what it waits in, where it listens.
/// `None`: it has ended. The other ends of its descriptors are looked for
/// before `deadline` only.
pub(crate) fn onlooker(pid: u32, deadline: Instant) -> Option<Relative> {
    let mut found = relative(pid).filter(|found| found.state.as_deref() != Some("zombie"))?;
    let path = PathBuf::from(format!("/proc/{pid}"));
    let process = ProcDir::new(&path);
    let mut ipc = Ipc::default();
    descriptors::descriptors(&process, &mut ipc);
    if Instant::now() < deadline {
        let subject = subject(&process, pid.cast_signed());
        peers::peers(&process, subject, deadline, &mut ipc);
    }
    found.waits_in = threads::first(&process).and_then(|call| waits_in(&call, &ipc));
    found.listens_at = listens_at(&ipc);
    Some(found)
}

/// System calls that wait, and whether their first argument is a descriptor.
const WAITING: &[(c_long, &str, bool)] = &[
    (libc::SYS_read, "read", true),
    (libc::SYS_readv, "readv", true),
    (libc::SYS_recvfrom, "recvfrom", true),
    (libc::SYS_recvmsg, "recvmsg", true),
    (libc::SYS_write, "write", true),
    (libc::SYS_writev, "writev", true),
    (libc::SYS_sendto, "sendto", true),
    (libc::SYS_sendmsg, "sendmsg", true),
    (libc::SYS_accept, "accept", true),
    (libc::SYS_accept4, "accept4", true),
    (libc::SYS_connect, "connect", true),
    (libc::SYS_flock, "flock", true),
    (libc::SYS_fcntl, "fcntl", true),
    (libc::SYS_mq_timedreceive, "mq_timedreceive", true),
    (libc::SYS_mq_timedsend, "mq_timedsend", true),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait", true),
    (libc::SYS_epoll_pwait, "epoll_pwait", true),
    (libc::SYS_epoll_pwait2, "epoll_pwait2", true),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", false),
    (libc::SYS_ppoll, "ppoll", false),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_select, "select", false),
    (libc::SYS_pselect6, "pselect6", false),
    (libc::SYS_futex, "futex", false),
    (libc::SYS_nanosleep, "nanosleep", false),
    (libc::SYS_clock_nanosleep, "clock_nanosleep", false),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_pause, "pause", false),
    (libc::SYS_rt_sigsuspend, "rt_sigsuspend", false),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", false),
    (libc::SYS_execve, "execve", false),
    (libc::SYS_wait4, "wait4", false),
    (libc::SYS_waitid, "waitid", false),
    (libc::SYS_semop, "semop", false),
    (libc::SYS_semtimedop, "semtimedop", false),
    (libc::SYS_msgrcv, "msgrcv", false),
    (libc::SYS_msgsnd, "msgsnd", false),
];

/// `read of fd 0, a pipe from ...`.
fn waits_in(call: &SyscallFacts, ipc: &Ipc) -> Option<String> {
    let number = c_long::try_from(call.number).ok()?;
    // After a stop the kernel goes on with it under this number.
    if number == libc::SYS_restart_syscall {
        return Some("a system call with a time limit".to_owned());
    }
    let Some((_, name, has_descriptor)) = WAITING.iter().find(|(known, ..)| *known == number)
    else {
        return Some(format!("system call {number}"));
    };
    if !has_descriptor {
        return Some((*name).to_owned());
    }
    let [first, ..] = call.arguments;
    // Only the low half of the register counts.
    let fd = first as u32;
    let found = ipc.descriptors.iter().find(|found| found.fd == fd);
    let what = found.map(|found| format!(", {}", words::descriptor(found)));
    Some(format!("{name} of fd {fd}{}", what.unwrap_or_default()))
}

/// The name of a system call that waits at a descriptor, and which one.
pub(super) fn at_descriptor(call: &SyscallFacts) -> Option<(&'static str, u32)> {
    let number = c_long::try_from(call.number).ok()?;
    let (_, name, has_descriptor) = WAITING.iter().find(|(known, ..)| *known == number)?;
    let [first, ..] = call.arguments;
    // Only the low half of the register counts.
    has_descriptor.then_some((*name, first as u32))
}

/// Addresses and paths of listening sockets.
fn listens_at(ipc: &Ipc) -> Vec<String> {
    let listening = ipc.descriptors.iter().filter(|found| {
        let kinds = [DescriptorKind::TcpSocket, DescriptorKind::UnixSocket];
        kinds.contains(&found.kind) && found.state.as_deref() == Some("listening")
    });
    let place = |line: &String| {
        let at = line.strip_prefix("local ").or_else(|| line.strip_prefix("named "));
        at.map(str::to_owned)
    };
    let mut places: Vec<String> =
        listening.filter_map(|found| found.details.iter().find_map(place)).collect();
    // Several descriptors may be of one socket.
    places.dedup();
    places.truncate(MOST_LISTENERS);
    places
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_child_that_reads_a_pipe() {
        let mut command = std::process::Command::new("cat");
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let own = std::process::id();
        let until = Instant::now() + Duration::from_secs(30);
        let start = format!("read of fd 0, a pipe from process {own} ");
        loop {
            let found = onlooker(child.id(), until).unwrap();
            let waits = found.waits_in.unwrap_or_default();
            if found.command == "cat" && waits.starts_with(&start) {
                assert_eq!(found.ppid, Some(own));
                break;
            }
            assert!(Instant::now() < until, "{waits}");
            std::thread::yield_now();
        }
        drop(child.stdin.take());
        child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        child.wait().unwrap();
        assert_eq!(onlooker(u32::MAX, until), None);
    }

    #[test]
    fn calls_in_words() {
        let call = |number: c_long| SyscallFacts {
            number: u64::try_from(number).unwrap(),
            arguments: [0xffff_ffff_0000_0007, 0, 0, 0, 0, 0],
        };
        let cases = [
            (libc::SYS_accept, "accept of fd 7"),
            (libc::SYS_futex, "futex"),
            (libc::SYS_restart_syscall, "a system call with a time limit"),
            (4000, "system call 4000"),
        ];
        for (number, want) in cases {
            assert_eq!(waits_in(&call(number), &Ipc::default()).as_deref(), Some(want));
        }
    }

    #[test]
    fn listeners() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let found = onlooker(std::process::id(), Instant::now() + Duration::from_secs(30)).unwrap();
        // Tests that run beside this one may listen, too.
        assert!(found.listens_at.contains(&address), "{found:?}");
    }
}
