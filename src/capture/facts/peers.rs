//! Who is at the other ends of a process's descriptors.

use std::fs::OpenOptions;
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use rustc_hash::FxHashMap;

use crate::base::facts::{
    Access, Descriptor, DescriptorKind, Ipc, NodeChannel, Peer, PeerState, Relation,
};
use crate::capture::facts::holders::{Holder, Holders, Object, access, link_object};
use crate::capture::facts::inside::inside;
use crate::capture::facts::internet_sockets::{
    InternetSocket, internet_sockets, peer_of, state_word,
};
use crate::capture::facts::proc_file::{ProcDir, stat_fields};
use crate::capture::facts::unix_sockets::{UnixSocket, unix_sockets};

/// The process itself, for telling relatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) pid: u32,
    pub(super) parent: u32,
}

impl Subject {
    /// A process at the other end.
    pub(super) fn peer(self, pid: u32, fd: Option<u32>) -> Peer {
        let path = std::path::PathBuf::from(format!("/proc/{pid}"));
        let other = ProcDir::new(&path);
        let stat = other.read("stat").unwrap_or_default();
        let parent = stat_fields(&stat).get(1).and_then(|ppid| ppid.parse::<u32>().ok());
        let relation = match parent {
            _ if pid == self.pid => None,
            _ if pid == self.parent => Some(Relation::Parent),
            Some(parent) if parent == self.pid => Some(Relation::Child),
            // Orphans are all children of the first process.
            Some(parent) if parent == self.parent && parent > 1 => Some(Relation::Sibling),
            _ => None,
        };
        Peer { pid, command: other.line("comm").unwrap_or_default(), fd, relation, ended: None }
    }
}

/// Finds the peers of all descriptors.
pub(super) fn peers(process: &ProcDir<'_>, subject: Subject, deadline: Instant, ipc: &mut Ipc) {
    let is_socket = |it: &Descriptor| it.kind == DescriptorKind::Socket;
    let (mut unix, mut internet) = (FxHashMap::default(), Vec::new());
    if ipc.descriptors.iter().any(is_socket) {
        internet = internet_sockets(process);
        match inside(process, "net", CloneFlags::CLONE_NEWNET, unix_sockets) {
            Ok(Ok(sockets)) => unix = sockets,
            Ok(Err(error)) => ipc.unknown.push(format!("the peers of Unix sockets: {error}")),
            Err(why) => ipc.unknown.push(format!("the peers of Unix sockets: {why}")),
        }
    }
    let by_inode: FxHashMap<u64, &InternetSocket> =
        internet.iter().map(|socket| (socket.inode, socket)).collect();
    let by_ends = internet.iter().map(|socket| ((socket.local, socket.remote), socket)).collect();
    let mut holders = Holders::default();
    let ends: Vec<Option<End>> = ipc
        .descriptors
        .iter_mut()
        .map(|found| end(process, found, &unix, &by_inode, &by_ends))
        .collect();
    for (found, end) in ipc.descriptors.iter().zip(&ends) {
        if let Some(End::Holders(object)) = end {
            holders.want(object.clone(), &found.target);
        }
    }
    holders.scan(deadline);
    if holders.is_cut {
        ipc.unknown.push("some peers: there was no time to look at all processes".to_owned());
    }
    for (found, end) in ipc.descriptors.iter_mut().zip(ends) {
        match end {
            Some(End::State(state)) => found.peer_state = Some(state),
            Some(End::Holders(object)) => {
                let others = holders.of(&object);
                fill(process, subject, found, others, holders.is_cut);
            }
            None => (),
        }
    }
}

/// Where a descriptor leads.
enum End {
    /// To whoever holds this.
    Holders(Object),
    /// That is all there is to say.
    State(PeerState),
}

/// Where a descriptor leads; adds what is known of a socket.
fn end(
    process: &ProcDir<'_>,
    found: &mut Descriptor,
    unix: &FxHashMap<u64, UnixSocket>,
    internet: &FxHashMap<u64, &InternetSocket>,
    by_ends: &FxHashMap<(std::net::SocketAddr, std::net::SocketAddr), &InternetSocket>,
) -> Option<End> {
    use std::os::unix::fs::MetadataExt as _;
    match found.kind {
        DescriptorKind::Pipe => link_object(&found.target).map(End::Holders),
        DescriptorKind::Fifo | DescriptorKind::Memfd | DescriptorKind::MessageQueue => {
            let file = std::fs::metadata(process.path(&format!("fd/{}", found.fd))).ok()?;
            Some(End::Holders(Object::File(file.dev(), file.ino())))
        }
        DescriptorKind::Eventfd => {
            let id = found.details.iter().find_map(|line| line.strip_prefix("eventfd-id: "));
            Some(End::Holders(Object::Event(id?.trim().parse().ok()?)))
        }
        DescriptorKind::Socket => {
            let inode = found.inode?;
            if let Some(socket) = unix.get(&inode) {
                return unix_end(found, socket);
            }
            let socket = internet.get(&inode)?;
            found.kind = socket.kind;
            found.state = state_word(socket.state).map(str::to_owned);
            found.details.push(format!("local {}", socket.local));
            if socket.remote.port() == 0 {
                return None;
            }
            found.details.push(format!("remote {}", socket.remote));
            match peer_of(by_ends, socket) {
                Some(peer) if peer.inode != 0 => {
                    Some(End::Holders(Object::Link(format!("socket:[{}]", peer.inode))))
                }
                // The kernel finishes a connection that its owner has closed.
                Some(_) => Some(End::State(PeerState::Dead)),
                None if matches!(socket.state, 7..=9) => Some(End::State(PeerState::Dead)),
                None if socket.remote.ip().is_loopback() => Some(End::State(PeerState::Dead)),
                None => Some(End::State(PeerState::NotVisible)),
            }
        }
        _ => None,
    }
}

fn unix_end(found: &mut Descriptor, socket: &UnixSocket) -> Option<End> {
    found.kind = DescriptorKind::UnixSocket;
    found.details.extend(socket.name.iter().map(|name| format!("named {name}")));
    let state = match socket {
        it if it.is_listening => "listening",
        it if it.is_connected => "connected",
        _ => "unconnected",
    };
    found.state = Some(state.to_owned());
    if !socket.is_connected {
        return None;
    }
    let is_datagram = i32::from(socket.kind) == libc::SOCK_DGRAM;
    Some(match socket.peer {
        0 if socket.is_shut || is_datagram => End::State(PeerState::Dead),
        // Without an inode the other end waits to be accepted.
        0 => {
            found.details.push("not accepted yet".to_owned());
            End::State(PeerState::NotVisible)
        }
        peer => End::Holders(Object::Link(format!("socket:[{peer}]"))),
    })
}

/// Says who holds the other end.
fn fill(
    process: &ProcDir<'_>,
    subject: Subject,
    found: &mut Descriptor,
    holders: &[Holder],
    is_cut: bool,
) {
    let is_pipe = matches!(found.kind, DescriptorKind::Pipe | DescriptorKind::Fifo);
    let opposite = |holder: &&Holder| match found.access {
        Some(own @ (Access::Read | Access::Write)) if is_pipe => {
            access(**holder).is_some_and(|theirs| theirs != own)
        }
        _ => true,
    };
    let at_end: Vec<&Holder> = holders.iter().filter(opposite).collect();
    let others = at_end.iter().filter(|holder| holder.pid != subject.pid);
    found.peers = others.map(|holder| subject.peer(holder.pid, Some(holder.fd))).collect();
    // What all who have it share has no other end, so nobody's is missing.
    let is_shared = matches!(
        found.kind,
        DescriptorKind::Eventfd | DescriptorKind::Memfd | DescriptorKind::MessageQueue
    );
    let is_own = at_end.iter().any(|holder| holder.pid == subject.pid);
    found.peer_state = Some(match () {
        () if !found.peers.is_empty() => PeerState::Alive,
        () if is_own => PeerState::Own,
        () if is_cut => PeerState::Unknown,
        () if is_shared => return,
        () if is_pipe && is_abandoned(process, found) == Some(true) => PeerState::Dead,
        () => PeerState::NotVisible,
    });
}

/// Whether nobody at all has the other end of a pipe open, as the kernel says.
/// The pipe is opened once more for that, in the way in which the process has
/// it open already, so nobody can notice.
fn is_abandoned(process: &ProcDir<'_>, found: &Descriptor) -> Option<bool> {
    let mut options = OpenOptions::new();
    match found.access? {
        Access::Read => options.read(true),
        Access::Write => options.write(true),
        Access::ReadWrite => return Some(false),
    };
    options.custom_flags(libc::O_NONBLOCK);
    let pipe = match options.open(process.path(&format!("fd/{}", found.fd))) {
        Ok(pipe) => pipe,
        // A named one cannot even be opened for writing then.
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => return Some(true),
        Err(_) => return None,
    };
    let mut asked = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    poll(&mut asked, PollTimeout::ZERO).ok()?;
    let [answer] = asked;
    Some(answer.revents()?.intersects(PollFlags::POLLERR | PollFlags::POLLHUP))
}

/// The channel of which Node tells its child by its environment.
pub(super) fn node_channel(process: &ProcDir<'_>, ipc: &Ipc) -> Option<NodeChannel> {
    let environment = process.read("environ")?;
    let mut variables = environment.split(|byte| *byte == 0);
    let value = variables.find_map(|it| it.strip_prefix(b"NODE_CHANNEL_FD="))?;
    let fd: u32 = str::from_utf8(value).ok()?.trim().parse().ok()?;
    Some(channel(fd, &ipc.descriptors))
}

/// What has become of the channel. Once it is closed, its number may be that
/// of any other file; it was one of a pair of sockets, which have no names.
fn channel(fd: u32, descriptors: &[Descriptor]) -> NodeChannel {
    let is_channel = |found: &&Descriptor| {
        let is_socket = found.kind == DescriptorKind::UnixSocket;
        let is_named = found.details.iter().any(|line| line.starts_with("named "));
        found.fd == fd && is_socket && !is_named && found.state.as_deref() != Some("listening")
    };
    match descriptors.iter().find(is_channel) {
        Some(found) => NodeChannel {
            fd,
            peers: found.peers.clone(),
            peer_state: found.peer_state.unwrap_or_default(),
            is_closed: false,
        },
        None => NodeChannel { fd, is_closed: true, ..NodeChannel::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_used_again_is_no_channel() {
        let socket = Descriptor {
            fd: 3,
            kind: DescriptorKind::UnixSocket,
            state: Some("connected".to_owned()),
            peer_state: Some(PeerState::Dead),
            ..Descriptor::default()
        };
        let named = Descriptor { details: vec!["named /run/x".to_owned()], ..socket.clone() };
        let file = Descriptor { kind: DescriptorKind::File, ..socket.clone() };
        let listener = Descriptor { state: Some("listening".to_owned()), ..socket.clone() };
        let other = Descriptor { fd: 4, ..socket.clone() };
        let cases = [
            ("the channel", vec![socket], false),
            ("a socket with a name", vec![named], true),
            ("a file", vec![file], true),
            ("a listener", vec![listener], true),
            ("nothing", vec![other], true),
        ];
        for (name, descriptors, is_closed) in cases {
            let found = channel(3, &descriptors);
            assert_eq!(found.is_closed, is_closed, "{name}");
            let want = if is_closed { PeerState::Unknown } else { PeerState::Dead };
            assert_eq!(found.peer_state, want, "{name}");
        }
    }
}
