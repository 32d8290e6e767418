//! Facts in words, alike in verdicts and in sections of a report.

use super::{
    Access, Descriptor, DescriptorKind, NodeChannel, Peer, PeerState, SharedKind, SharedMemory,
};

/// Peers that a sentence names.
const MOST: usize = 3;

/// `process 12 "tee"`.
pub fn process(peer: &Peer) -> String {
    let mut words = format!("process {}", peer.pid);
    if !peer.command.is_empty() {
        words += &format!(" \"{}\"", peer.command);
    }
    if let Some(ended) = &peer.ended {
        words += &format!(", which {ended}");
    }
    words
}

/// `process 12 "tee" (its fd 0) and process 13 "cat" (its fd 4)`.
pub fn processes(peers: &[Peer]) -> String {
    let one = |peer: &Peer| match peer.fd {
        Some(fd) => format!("{} (its fd {fd})", process(peer)),
        None => process(peer),
    };
    let mut named: Vec<String> = peers.iter().take(MOST).map(one).collect();
    let more = peers.len().saturating_sub(MOST);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(" and ")
}

/// `a pipe from process 12 "seq" (its fd 1)`; `the file /etc/passwd`.
pub fn descriptor(found: &Descriptor) -> String {
    let kind = match found.kind {
        DescriptorKind::File => return format!("the file {}", found.target),
        DescriptorKind::Directory => return format!("the directory {}", found.target),
        DescriptorKind::Terminal => return format!("the terminal {}", found.target),
        DescriptorKind::Device => return format!("the device {}", found.target),
        DescriptorKind::Pipe => "a pipe".to_owned(),
        DescriptorKind::Fifo => format!("the named pipe {}", found.target),
        DescriptorKind::UnixSocket => "a Unix socket".to_owned(),
        DescriptorKind::TcpSocket => "a TCP socket".to_owned(),
        DescriptorKind::Udp => "a UDP socket".to_owned(),
        DescriptorKind::Socket => "a socket".to_owned(),
        DescriptorKind::Eventfd => "an eventfd".to_owned(),
        DescriptorKind::Epoll => return epoll(found),
        DescriptorKind::Timerfd => "a timer".to_owned(),
        DescriptorKind::Signalfd => "a signalfd".to_owned(),
        DescriptorKind::Inotify => "an inotify instance".to_owned(),
        DescriptorKind::Pidfd => "a process (pidfd)".to_owned(),
        DescriptorKind::Memfd => format!("the memory file {}", found.target),
        DescriptorKind::MessageQueue => format!("the message queue {}", found.target),
        DescriptorKind::Other => return found.target.clone(),
    };
    let state = match found.state.as_deref() {
        Some("listening") => ", listening".to_owned(),
        Some("connected") | None => String::new(),
        Some(state) => format!(", {state}"),
    };
    let shown = |line: &&String| {
        ["local", "remote", "named", "Pid", "not"].iter().any(|word| line.starts_with(word))
    };
    let details: Vec<&str> = found.details.iter().filter(shown).map(String::as_str).collect();
    let details =
        if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    let end = other_end(found).map(|end| format!(" {end}")).unwrap_or_default();
    format!("{kind}{state}{details}{end}")
}

fn epoll(found: &Descriptor) -> String {
    let watches: Vec<String> = found.watches.iter().take(16).map(u32::to_string).collect();
    match watches.len() {
        0 => "an epoll that watches nothing".to_owned(),
        1 => format!("an epoll that watches fd {}", watches.join("")),
        _ => format!("an epoll that watches fds {}", watches.join(", ")),
    }
}

/// `from process 12 "seq" (its fd 1)`; `to nobody: ...`. `None`: it has no
/// other end, or that was not found out.
pub fn other_end(found: &Descriptor) -> Option<String> {
    let is_pipe = matches!(found.kind, DescriptorKind::Pipe | DescriptorKind::Fifo);
    let way = match found.access {
        Some(Access::Read) if is_pipe => "from",
        Some(Access::Write) if is_pipe => "to",
        _ if found.kind == DescriptorKind::MessageQueue => "shared with",
        _ if found.kind == DescriptorKind::Eventfd => "shared with",
        _ if found.kind == DescriptorKind::Memfd => "shared with",
        _ => "to",
    };
    let mut words = match found.peer_state? {
        PeerState::Alive => format!("{way} {}", processes(&found.peers)),
        PeerState::Dead if !found.peers.is_empty() => {
            format!("{way} nobody any more: its other end was that of {}", processes(&found.peers))
        }
        PeerState::Dead => {
            format!("{way} nobody: whoever had its other end has ended or closed it")
        }
        PeerState::Own if way == "shared with" => return None,
        PeerState::Own => format!("{way} this process itself"),
        PeerState::NotVisible => format!("{way} a process that is not visible from here"),
        PeerState::Unknown => return None,
    };
    if found.state.as_deref() == Some("listening") {
        words.clear();
    }
    (!words.is_empty()).then_some(words)
}

/// `Node's IPC channel to its parent, fd 3, closed: its other end was that of
/// process 12 "node", which exited with 0`.
pub fn node_channel(found: &NodeChannel) -> String {
    let closed = if found.is_closed { ", closed" } else { "" };
    let end = match found.peer_state {
        PeerState::Alive => format!(", to {}", processes(&found.peers)),
        PeerState::Dead if !found.peers.is_empty() => {
            format!(": its other end is dead; it was that of {}", processes(&found.peers))
        }
        PeerState::Dead => ": its other end is dead".to_owned(),
        PeerState::NotVisible => ", to a process that is not visible from here".to_owned(),
        PeerState::Own | PeerState::Unknown => String::new(),
    };
    format!("Node's IPC channel to its parent, fd {}{closed}{end}", found.fd)
}

/// `SysV shared memory 3 (64 KiB)`; `shared memory /dev/shm/pool (4 KiB)`.
pub fn shared_memory(found: &SharedMemory) -> String {
    let name = found.name.as_deref().unwrap_or_default();
    let what = match (found.kind, found.id) {
        (SharedKind::SysV, Some(id)) => format!("SysV shared memory {id}"),
        (SharedKind::SysV, None) => "SysV shared memory".to_owned(),
        (SharedKind::Posix, _) => format!("POSIX shared memory {name}"),
        (SharedKind::Memfd, _) => format!("the memory file {name}"),
        (SharedKind::Anonymous, _) => "memory shared with forked processes".to_owned(),
        (SharedKind::File, _) => format!("the mapped file {name}"),
    };
    let size = found.size.map(|size| format!(" ({})", kibibytes(size))).unwrap_or_default();
    format!("{what}{size}")
}

/// `64 KiB`, or bytes where that is no whole number.
fn kibibytes(bytes: u64) -> String {
    if bytes >= 1024 && bytes.is_multiple_of(1024) {
        format!("{} KiB", bytes / 1024)
    } else {
        format!("{bytes} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        let peer = Peer { pid: 12, command: "seq".to_owned(), fd: Some(1), ..Peer::default() };
        let pipe = Descriptor {
            kind: DescriptorKind::Pipe,
            access: Some(Access::Read),
            peer_state: Some(PeerState::Alive),
            peers: vec![peer.clone()],
            ..Descriptor::default()
        };
        assert_eq!(descriptor(&pipe), "a pipe from process 12 \"seq\" (its fd 1)");
        let gone = Descriptor {
            access: Some(Access::Write),
            peer_state: Some(PeerState::Dead),
            peers: Vec::new(),
            ..pipe.clone()
        };
        assert!(descriptor(&gone).starts_with("a pipe to nobody: "), "{}", descriptor(&gone));
        let hidden = Descriptor { peer_state: Some(PeerState::NotVisible), ..gone.clone() };
        assert!(descriptor(&hidden).ends_with("not visible from here"));
        let unknown = Descriptor { peer_state: None, ..gone };
        assert_eq!(descriptor(&unknown), "a pipe");
        let many = vec![peer; 5];
        assert!(processes(&many).ends_with(" and 2 more"));
    }

    #[test]
    fn channels() {
        let by = Peer { pid: 12, command: "node".to_owned(), ..Peer::default() };
        let gone = Peer { ended: Some("exited with 0".to_owned()), ..by.clone() };
        let channel =
            |peers, peer_state, is_closed| NodeChannel { fd: 3, peers, peer_state, is_closed };
        let cases = [
            (channel(vec![by], PeerState::Alive, false), ", to process 12 \"node\""),
            (
                channel(vec![gone], PeerState::Dead, true),
                ", closed: its other end is dead; it was that of process 12 \"node\", which exited \
                 with 0",
            ),
            (channel(vec![], PeerState::Dead, false), ": its other end is dead"),
            (channel(vec![], PeerState::Unknown, true), ", closed"),
        ];
        for (channel, want) in cases {
            let start = "Node's IPC channel to its parent, fd 3";
            assert_eq!(node_channel(&channel), format!("{start}{want}"));
        }
    }

    #[test]
    fn sockets() {
        let socket = Descriptor {
            kind: DescriptorKind::TcpSocket,
            state: Some("listening".to_owned()),
            details: vec!["local 127.0.0.1:80".to_owned()],
            ..Descriptor::default()
        };
        assert_eq!(descriptor(&socket), "a TCP socket, listening (local 127.0.0.1:80)");
    }
}
