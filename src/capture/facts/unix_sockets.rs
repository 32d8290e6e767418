//! Unix sockets and their peers, which only netlink tells.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use rustc_hash::FxHashMap;

use crate::base::text::text;

/// A Unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnixSocket {
    /// `SOCK_STREAM` and so on.
    pub(super) kind: u8,
    /// It takes connections.
    pub(super) is_listening: bool,
    /// It has, or had, a peer.
    pub(super) is_connected: bool,
    /// The peer's inode. 0: the peer is closed, or not accepted yet.
    pub(super) peer: u64,
    /// Both directions are shut down, as when the peer is gone.
    pub(super) is_shut: bool,
    /// Its address; of an abstract one with `@` for the NUL.
    pub(super) name: Option<String>,
}

/// Sockets of one network namespace that are read at most.
const MOST: usize = 200_000;

/// All Unix sockets of the calling thread's network namespace, by inode.
///
/// Layouts: Linux `include/uapi/linux/unix_diag.h`, `netlink.h`, all in the
/// machine's byte order.
///
/// # Errors
///
/// What the system says: a kernel without `UNIX_DIAG`, say.
pub(super) fn unix_sockets() -> io::Result<FxHashMap<u64, UnixSocket>> {
    const DUMP: u16 = 0x301;
    const SHOW_NAME_AND_PEER: u32 = 1 | 4;
    const BY_FAMILY: u16 = 20;
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    let mut request = Vec::with_capacity(40);
    request.extend(40u32.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([libc::AF_UNIX as u8, 0, 0, 0]);
    for word in [u32::MAX, 0, SHOW_NAME_AND_PEER, u32::MAX, u32::MAX] {
        request.extend(word.to_ne_bytes());
    }
    let kernel = NetlinkAddr::new(0, 0);
    sendto(netlink.as_raw_fd(), &request, &kernel, MsgFlags::empty())?;
    let mut sockets = FxHashMap::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let is_last = messages(buffer.get(..length).unwrap_or_default(), &mut sockets);
        if is_last || length == 0 || sockets.len() >= MOST {
            return Ok(sockets);
        }
    }
}

/// Takes the sockets out of netlink messages. Returns whether they were the
/// last ones.
fn messages(mut bytes: &[u8], sockets: &mut FxHashMap<u64, UnixSocket>) -> bool {
    const DONE: u16 = 3;
    const ERROR: u16 = 2;
    while let Some((head, rest)) = bytes.split_at_checked(16) {
        let length = number32(head, 0) as usize;
        let kind = number16(head, 4);
        if kind == DONE || kind == ERROR || length < 16 {
            return true;
        }
        let body = rest.get(..(length - 16).min(rest.len())).unwrap_or_default();
        if let Some((inode, found)) = unix_socket(body) {
            sockets.insert(inode, found);
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// `unix_diag_msg`: family, type, state, pad, inode, cookie of 8 bytes; then
/// attributes.
fn unix_socket(body: &[u8]) -> Option<(u64, UnixSocket)> {
    const LISTEN: u8 = 10;
    const NAME: u16 = 0;
    const PEER: u16 = 2;
    const SHUTDOWN: u16 = 6;
    let (head, mut attributes) = body.split_at_checked(16)?;
    let mut found = UnixSocket {
        kind: *head.get(1)?,
        is_listening: *head.get(2)? == LISTEN,
        ..UnixSocket::default()
    };
    while let Some(head) = attributes.get(..4) {
        let length = usize::from(number16(head, 0));
        let Some(value) = attributes.get(4..length) else { break };
        match number16(head, 2) {
            NAME => {
                let is_abstract = value.first() == Some(&0);
                let name = value.strip_prefix(b"\0").unwrap_or(value);
                let name = name.strip_suffix(b"\0").unwrap_or(name);
                let name = text(name);
                found.name = Some(if is_abstract { format!("@{name}") } else { name });
            }
            PEER => {
                found.is_connected = true;
                found.peer = u64::from(number32(value, 0));
            }
            SHUTDOWN => found.is_shut = value.first().is_some_and(|bits| bits & 3 == 3),
            _ => (),
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some((u64::from(number32(head, 4)), found))
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.copied().map_or(0, u16::from_ne_bytes)
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.copied().map_or(0, u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;
    use crate::capture::facts::descriptors::inode;

    #[test]
    fn pairs_know_each_other() {
        let (one, other) = nix::sys::socket::socketpair(
            AddressFamily::Unix,
            SockType::Stream,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .unwrap();
        let inode_of = |fd: &dyn std::os::fd::AsFd| {
            let fd = fd.as_fd().as_raw_fd();
            let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
            inode(link.to_str().unwrap()).unwrap()
        };
        let (first, second) = (inode_of(&one), inode_of(&other));
        let sockets = unix_sockets().unwrap();
        assert_eq!(sockets[&first].peer, second);
        assert!(!sockets[&second].is_shut);
        drop(other);
        let alone = &unix_sockets().unwrap()[&first];
        assert_eq!((alone.peer, alone.is_connected, alone.is_shut), (0, true, true));
    }

    #[test]
    fn broken_messages() {
        let mut sockets = FxHashMap::default();
        assert!(!messages(&[1, 2, 3], &mut sockets));
        assert!(messages(&[0; 16], &mut sockets));
        let mut long = vec![0; 20];
        long[0] = 255;
        long[4] = 20;
        assert!(!messages(&long, &mut sockets));
        assert!(sockets.is_empty());
    }
}
