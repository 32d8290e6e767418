//! TCP and UDP sockets: `/proc/PID/net/tcp` and its neighbors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustc_hash::FxHashMap;

use crate::base::facts::DescriptorKind;
use crate::capture::facts::proc_file::ProcDir;

/// Rows of one table that are read.
const MOST_ROWS: usize = 100_000;

/// A TCP or UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InternetSocket {
    pub(super) kind: DescriptorKind,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// `TCP_ESTABLISHED` is 1, `TCP_LISTEN` 10.
    pub(super) state: u8,
    pub(super) inode: u64,
}

/// All sockets of the network namespace of a process.
pub(super) fn internet_sockets(process: &ProcDir<'_>) -> Vec<InternetSocket> {
    let tables = [
        ("net/tcp", DescriptorKind::TcpSocket),
        ("net/tcp6", DescriptorKind::TcpSocket),
        ("net/udp", DescriptorKind::Udp),
        ("net/udp6", DescriptorKind::Udp),
    ];
    let mut sockets = Vec::new();
    for (name, kind) in tables {
        let table = process.line(name).unwrap_or_default();
        sockets.extend(table.lines().skip(1).take(MOST_ROWS).filter_map(|line| row(line, kind)));
    }
    sockets
}

/// `sl local remote state queues timer retransmits uid timeout inode ...`.
/// Source: Linux `net/ipv4/tcp_ipv4.c`, `get_tcp4_sock()`.
fn row(line: &str, kind: DescriptorKind) -> Option<InternetSocket> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let inode = words.nth(5)?.parse().ok()?;
    Some(InternetSocket { kind, local, remote, state, inode })
}

/// `0100007F:1F90`: words of the address in the machine's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(host.get(at..at + 8)?, 16).ok();
    let host = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?.to_ne_bytes())),
        32 => {
            let mut bytes = [0; 16];
            for (number, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(number * 8)?.to_ne_bytes());
            }
            // A socket for both versions shows addresses of version 4 mapped.
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(host, port))
}

/// The socket at the other end of a connection within the same namespace.
pub(super) fn peer_of<'s>(
    by_ends: &FxHashMap<(SocketAddr, SocketAddr), &'s InternetSocket>,
    socket: &InternetSocket,
) -> Option<&'s InternetSocket> {
    by_ends.get(&(socket.remote, socket.local)).copied().filter(|peer| peer.kind == socket.kind)
}

/// What a TCP state is called.
pub(super) fn state_word(state: u8) -> Option<&'static str> {
    Some(match state {
        1 => "connected",
        2 => "connecting",
        3 => "syn_recv",
        4 => "fin_wait1",
        5 => "fin_wait2",
        6 => "time_wait",
        7 => "closed",
        8 => "close_wait",
        9 => "last_ack",
        10 => "listening",
        11 => "closing",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let line = "   0: 0100007F:1F90 0200007F:0050 01 00000000:00000000 00:00000000 00000000  \
                    1000        0 4711 1 0000000000000000 100 0 0 10 0";
        let found = row(line, DescriptorKind::TcpSocket).unwrap();
        assert_eq!(found.local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(found.remote, "127.0.0.2:80".parse().unwrap());
        assert_eq!((found.state, found.inode), (1, 4711));
        assert_eq!(row("0: zz 1 2", DescriptorKind::Udp), None);
    }

    #[test]
    fn addresses() {
        let cases = [
            ("00000000000000000000000001000000:0001", "[::1]:1"),
            ("0000000000000000FFFF00000100007F:0001", "127.0.0.1:1"),
        ];
        for (text, want) in cases {
            assert_eq!(address(text), want.parse().ok(), "{text}");
        }
        assert_eq!(address("12:34"), None);
    }
}
