//! The beginning of a core that the kernel streams: headers and notes.
//!
//! The notes hold the registers of all threads. What follows them is memory,
//! which is read from the process itself as far as it is wanted.

use std::io::{self, Read};

use crate::base::addr::FileOff;
use crate::base::arch::Arch;
use crate::base::bytes::Cursor;
use crate::dump::mapped_files::{MappedFile, mapped_files};
use crate::dump::notes::Notes;
use crate::dump::prstatus::thread_status;

const EHDR: usize = 64;
const PHDR: usize = 56;
/// `e_phnum` when the true number is in section 0, which ends the stream.
const PN_XNUM: u16 = 0xffff;
/// The kernel's `core_file_note_size_limit` is 4 MiB, and 16 MiB at most.
const MOST_NOTES: u64 = 64 << 20;

/// One `PT_LOAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Where its bytes are in the file.
    pub offset: u64,
    /// Where they were in memory.
    pub start: u64,
    /// How many bytes the file has of it.
    pub size: u64,
}

/// All up to the first byte of memory.
#[derive(Clone, Debug, Default)]
pub struct StreamHead {
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// In the order of the headers.
    pub loads: Vec<Load>,
    /// Length of the whole file.
    pub length: u64,
    notes: (usize, usize),
}

/// What the notes say that is needed before the dump goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteFacts {
    /// The signal.
    pub signal: u16,
    /// Thread ids and stack pointers, the crashed thread first.
    pub threads: Vec<(u32, u64)>,
    /// The crashed thread's program counter.
    pub pc: u64,
    /// `AT_SECURE`: the program had more rights than its user.
    pub is_secure: bool,
    /// `AT_SYSINFO_EHDR` and so on are not needed; the mapped files are.
    pub pc_file: Option<(Vec<u8>, u64)>,
}

impl StreamHead {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When the stream ends in it, or is no core of this architecture.
    pub fn read(stream: &mut dyn Read) -> io::Result<Self> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut bytes = vec![0; EHDR];
        stream.read_exact(&mut bytes)?;
        let word = |bytes: &[u8], at: usize| -> u64 {
            let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
            field.map_or(0, |word| u64::from_le_bytes(*word))
        };
        let half = |bytes: &[u8], at: usize| -> u16 {
            let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
            field.map_or(0, |half| u16::from_le_bytes(*half))
        };
        if !bytes.starts_with(b"\x7fELF\x02\x01") || half(&bytes, 16) != 4 {
            return Err(bad("the stream is no 64-bit core"));
        }
        let (table, count) = (word(&bytes, 32), half(&bytes, 56));
        if table != EHDR as u64 || half(&bytes, 54) as usize != PHDR || count == PN_XNUM {
            return Err(bad("the core has more headers than can be read from a stream"));
        }
        bytes.resize(EHDR + PHDR * usize::from(count), 0);
        read_rest(stream, &mut bytes, EHDR)?;
        let mut loads = Vec::new();
        let mut notes = (0, 0);
        let mut length = bytes.len() as u64;
        let mut first_load = u64::MAX;
        let headers = bytes.get(EHDR..).unwrap_or_default().chunks_exact(PHDR);
        for header in headers {
            let (offset, start, size) = (word(header, 8), word(header, 16), word(header, 32));
            let end = offset.saturating_add(size);
            match word(header, 0) as u32 {
                1 if start.checked_add(size).is_some() && end < 1 << 62 => {
                    loads.push(Load { offset, start, size });
                    first_load = first_load.min(offset);
                }
                4 if size <= MOST_NOTES && offset >= length => notes = (offset, end),
                _ => continue,
            }
            length = length.max(end);
        }
        let (from, to) = notes;
        if to == 0 || to > MOST_NOTES.saturating_mul(2) || to > first_load {
            return Err(bad("the core's notes are not before its memory"));
        }
        let at = bytes.len();
        bytes.resize(usize::try_from(to).unwrap_or(at), 0);
        read_rest(stream, &mut bytes, at)?;
        let notes = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
        Ok(Self { bytes, loads, length, notes })
    }

    /// What the notes say. What is missing is left at zero.
    pub fn facts(&self) -> NoteFacts {
        const NT_PRSTATUS: u32 = 1;
        const NT_AUXV: u32 = 6;
        const NT_FILE: u32 = 0x4649_4c45;
        const AT_SECURE: u64 = 23;
        const RIP: usize = 16;
        const RSP: usize = 19;
        let mut facts = NoteFacts::default();
        let (from, to) = self.notes;
        let notes = self.bytes.get(from..to).unwrap_or_default();
        let mut files: Vec<MappedFile<'_>> = Vec::new();
        for note in Notes::new(Cursor::new(notes, FileOff(from as u64))).flatten() {
            match (note.owner, note.kind) {
                (b"CORE", NT_PRSTATUS) => {
                    let Ok(status) = thread_status(Arch::X86_64, note.desc) else { continue };
                    let register = |index: usize| status.general.get(index).copied().unwrap_or(0);
                    if facts.threads.is_empty() {
                        facts.signal = status.signal;
                        facts.pc = register(RIP);
                    }
                    facts.threads.push((status.tid, register(RSP)));
                }
                (b"CORE", NT_AUXV) => {
                    let mut desc = note.desc;
                    while let (Ok(kind), Ok(value)) = (desc.u64_le(), desc.u64_le()) {
                        facts.is_secure |= kind == AT_SECURE && value != 0;
                        if kind == 0 {
                            break;
                        }
                    }
                }
                (b"CORE", NT_FILE) => files = mapped_files(&note).unwrap_or_default(),
                _ => (),
            }
        }
        let pc = facts.pc;
        let file = files.iter().find(|file| file.range.contains(crate::base::addr::RunAddr(pc)));
        facts.pc_file = file.map(|file| {
            let offset = pc.saturating_sub(file.range.start.0).saturating_add(file.offset.0);
            (file.path.to_vec(), offset)
        });
        facts
    }
}

fn read_rest(stream: &mut dyn Read, bytes: &mut [u8], from: usize) -> io::Result<()> {
    stream.read_exact(bytes.get_mut(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core's header with `count` program headers of the kinds, offsets and
    /// sizes given.
    fn head(headers: &[(u32, u64, u64, u64)]) -> Vec<u8> {
        let mut bytes = vec![0; EHDR];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16] = 4;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = headers.len() as u8;
        for (kind, offset, start, size) in headers {
            let mut header = vec![0; PHDR];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            header[8..16].copy_from_slice(&offset.to_le_bytes());
            header[16..24].copy_from_slice(&start.to_le_bytes());
            header[32..40].copy_from_slice(&size.to_le_bytes());
            bytes.extend(header);
        }
        bytes
    }

    #[test]
    fn reading_ends_before_memory() {
        let mut bytes = head(&[(4, 176, 0, 8), (1, 4096, 0x1000, 8192)]);
        bytes.extend([7; 8]);
        let all = bytes.len();
        bytes.extend([0; 100]);
        let mut stream = io::Cursor::new(bytes);
        let head = StreamHead::read(&mut stream).unwrap();
        assert_eq!(stream.position(), all as u64);
        assert_eq!(head.loads, [Load { offset: 4096, start: 0x1000, size: 8192 }]);
        assert_eq!(head.length, 4096 + 8192);
        assert_eq!(head.facts(), NoteFacts::default());
    }

    #[test]
    fn hostile_heads() {
        let cases: &[(&str, Vec<u8>)] = &[
            ("empty", Vec::new()),
            ("no core", vec![0; 4096]),
            ("no notes", head(&[(1, 4096, 0, 1)])),
            ("notes behind memory", head(&[(4, 8192, 0, 8), (1, 4096, 0, 1)])),
            ("notes without end", head(&[(4, 120, 0, u64::MAX)])),
            ("notes far away", head(&[(4, 1 << 60, 0, 8)])),
            ("cut in its headers", head(&[(4, 120, 0, 8)])[..100].to_vec()),
            ("cut in its notes", head(&[(4, 120, 0, 8)])),
        ];
        for (name, bytes) in cases {
            assert!(StreamHead::read(&mut bytes.as_slice()).is_err(), "{name}");
        }
    }
}
