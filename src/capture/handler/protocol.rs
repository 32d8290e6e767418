//! The kernel's coredump socket: what is said before the core comes.
//!
//! Source of the layouts: Linux `include/uapi/linux/coredump.h`, since 6.17;
//! all fields in the byte order of the machine.

use std::io::{self, Read, Write};

/// `COREDUMP_ACK_SIZE_VER0`, and the size of our answer.
const ACK_SIZE: u32 = 16;
/// The largest request that is believed. Today's is 16 bytes long, the next
/// one 32.
const MOST_REQUEST: u32 = 4096;

/// `COREDUMP_KERNEL`: the kernel writes the core to the socket.
pub const KERNEL: u64 = 1;
/// `COREDUMP_REJECT`: no core, and the parent is told so.
pub const REJECT: u64 = 4;
/// `COREDUMP_WAIT`: the process stays until we close.
pub const WAIT: u64 = 8;

/// What the kernel offers: `struct coredump_req`.
///
/// Layout: `u32 size, u32 size_ack, u64 mask`; later kernels append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The largest answer that it reads, in bytes.
    pub largest_answer: u32,
    /// The bits of [`KERNEL`], [`REJECT`], [`WAIT`] that it knows.
    pub offered: u64,
}

/// A request that cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The connection broke.
    #[error("the kernel's coredump socket broke")]
    Io(#[from] io::Error),
    /// Sizes that make no sense: whoever connected is not the kernel.
    #[error("the request is {size} bytes long, its answer {answer}")]
    Sizes {
        /// Of the request.
        size: u32,
        /// Of the answer.
        answer: u32,
    },
    /// The kernel does not offer what is needed.
    #[error("the kernel offers {offered:#x}, and {wanted:#x} is wanted")]
    NotOffered {
        /// Its mask.
        offered: u64,
        /// Ours.
        wanted: u64,
    },
    /// The kernel did not like the answer: `enum coredump_mark`.
    #[error("the kernel refused the answer ({})", mark_name(*.0))]
    Refused(u32),
}

fn mark_name(mark: u32) -> &'static str {
    match mark {
        1 => "too short",
        2 => "too long",
        3 => "unsupported",
        4 => "contradictory",
        _ => "unknown mark",
    }
}

impl Request {
    /// Reads the request, however long it is.
    ///
    /// # Errors
    ///
    /// When the connection ends, or the sizes make no sense.
    pub fn read(from: &mut dyn Read) -> Result<Self, ProtocolError> {
        let size = u32_from(from)?;
        let largest_answer = u32_from(from)?;
        if !(16..=MOST_REQUEST).contains(&size) || largest_answer < ACK_SIZE {
            return Err(ProtocolError::Sizes { size, answer: largest_answer });
        }
        let mut mask = [0; 8];
        from.read_exact(&mut mask)?;
        let tail = u64::from(size.saturating_sub(16));
        let skipped = io::copy(&mut from.take(tail), &mut io::sink())?;
        if skipped != tail {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(Self { largest_answer, offered: u64::from_ne_bytes(mask) })
    }
}

/// `struct coredump_ack`: `u32 size, u32 spare, u64 mask`.
pub fn answer_bytes(mask: u64) -> [u8; ACK_SIZE as usize] {
    let mut bytes = [0; ACK_SIZE as usize];
    let (head, tail) = bytes.split_at_mut(8);
    if let Some(size) = head.first_chunk_mut() {
        *size = ACK_SIZE.to_ne_bytes();
    }
    tail.copy_from_slice(&mask.to_ne_bytes());
    bytes
}

/// Answers a request with `wanted`, bits of [`KERNEL`] and so on, and waits for
/// the kernel's mark: four bytes, 0 for consent.
///
/// # Errors
///
/// When the kernel does not offer that, refuses, or the connection ends.
pub fn answer<S: Read + Write>(
    socket: &mut S,
    request: &Request,
    wanted: u64,
) -> Result<(), ProtocolError> {
    if request.offered & wanted != wanted {
        return Err(ProtocolError::NotOffered { offered: request.offered, wanted });
    }
    socket.write_all(&answer_bytes(wanted))?;
    match u32_from(socket)? {
        0 => Ok(()),
        mark => Err(ProtocolError::Refused(mark)),
    }
}

fn u32_from(from: &mut dyn Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket whose other end has said `said`.
    struct Peer {
        said: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Peer {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.said.read(out)
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn request(size: u32, answer: u32, mask: u64, tail: usize) -> Vec<u8> {
        let mut bytes = [size.to_ne_bytes(), answer.to_ne_bytes()].concat();
        bytes.extend(mask.to_ne_bytes());
        bytes.resize(bytes.len() + tail, 0xee);
        bytes
    }

    #[test]
    fn requests() {
        let cases: &[(&str, Vec<u8>, Option<u64>)] = &[
            ("today's", request(16, 16, 15, 0), Some(15)),
            ("a later kernel's", request(32, 24, 0x7f, 16), Some(0x7f)),
            ("too short to be one", request(8, 16, 15, 0), None),
            ("a length that is no length", request(u32::MAX, 16, 15, 0), None),
            ("no room for an answer", request(16, 8, 15, 0), None),
            ("cut in its tail", request(32, 16, 15, 3), None),
            ("cut in its mask", request(16, 16, 15, 0).split_off(5), None),
            ("nothing", Vec::new(), None),
        ];
        for (name, bytes, want) in cases {
            let mut from = io::Cursor::new(bytes);
            let read = Request::read(&mut from).ok();
            assert_eq!(read.map(|request| request.offered), *want, "{name}");
            if want.is_some() {
                assert_eq!(from.position(), bytes.len() as u64, "{name}: all of it is read");
            }
        }
    }

    #[test]
    fn answers() {
        let bytes = answer_bytes(KERNEL | WAIT);
        assert_eq!(bytes, [16, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        let request = Request { largest_answer: 16, offered: 15 };
        // (name, offered, what the kernel says, heard, fine)
        let cases: &[(&str, u64, &[u8], usize, bool)] = &[
            ("consent", 15, &[0; 4], 16, true),
            ("refusal", 15, &[4, 0, 0, 0], 16, false),
            ("a mark of one byte only", 15, &[0], 16, false),
            ("not offered: nothing is said", KERNEL, &[0; 4], 0, false),
        ];
        for (name, offered, said, heard, fine) in cases {
            let mut peer = Peer { said: io::Cursor::new(said.to_vec()), heard: Vec::new() };
            let request = Request { offered: *offered, ..request };
            let done = answer(&mut peer, &request, KERNEL | WAIT);
            assert_eq!((peer.heard.len(), done.is_ok()), (*heard, *fine), "{name}");
        }
    }
}
