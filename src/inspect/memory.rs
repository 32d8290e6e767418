//! Raw memory, with where its bytes come from.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::inspect::labels::Labels;
use crate::report::model::{ByteSource, Bytes, Hex, MemoryPart, Word, text};

/// Bytes that are read at a time. A multiple of a row of sixteen.
const CHUNK: u64 = 1 << 14;

/// Where chunks end, so that nothing is cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Between rows of sixteen bytes, which begin at multiples of sixteen.
    Rows,
    /// Between words of eight bytes, which are counted from the first byte.
    Words,
}

/// Reads memory piece by piece.
pub(super) struct Source<'s, 'f> {
    pub(super) process: &'s Process<'f>,
    /// What the dump lacks and mapped files have.
    pub(super) files: &'s dyn Memory,
}

impl Source<'_, '_> {
    /// The parts of up to one chunk of the `left` bytes from `at` on, none of
    /// which is beyond the top of the address space, and how many bytes they
    /// are.
    pub(super) fn chunk(&self, at: RunAddr, left: u64, align: Align) -> (Vec<MemoryPart>, u64) {
        let taken = match align {
            Align::Rows => CHUNK.saturating_sub(at.0 % 16),
            Align::Words => CHUNK,
        };
        let taken = taken.min(left);
        let mut parts: Vec<MemoryPart> = Vec::new();
        let mut done = 0;
        while done < taken {
            // The last address plus one is no address, and is not computed.
            let Some(here) = at.checked_add(done) else { break };
            let room = taken.saturating_sub(done);
            let mut bytes = vec![0; usize::try_from(room).unwrap_or(0)];
            let (source, len) = match self.process.memory.read(here, &mut bytes) {
                0 => match self.read_file(here, &mut bytes) {
                    0 => (ByteSource::Missing, self.missing(here, room)),
                    got => (ByteSource::File, got as u64),
                },
                got => (ByteSource::Dump, got as u64),
            };
            let len = len.clamp(1, room);
            bytes.truncate(usize::try_from(len).unwrap_or(bytes.len()));
            push(&mut parts, self.part(here, source, len, bytes));
            done = done.saturating_add(len);
        }
        (parts, taken)
    }

    /// Bytes of files, up to where the dump goes on.
    fn read_file(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let got = self.files.read(at, out);
        let is_dumped = |offset: &usize| {
            let at = RunAddr(at.0.saturating_add(*offset as u64));
            self.process.memory.read(at, &mut [0]) > 0
        };
        // The dump holds whole pages.
        let first_page = usize::try_from(0x1000 - at.0 % 0x1000).unwrap_or(0x1000);
        let mut pages = (first_page..got).step_by(0x1000);
        pages.find(is_dumped).unwrap_or(got)
    }

    /// How many of the `room` bytes from `at` on nobody knows.
    fn missing(&self, at: RunAddr, room: u64) -> u64 {
        let is_known = |at: RunAddr| {
            self.process.memory.read(at, &mut [0]) > 0 || self.files.read(at, &mut [0]) > 0
        };
        let mappings = &self.process.mappings;
        let mut done = 0;
        while done < room {
            let Some(here) = at.checked_add(done) else { break };
            if done > 0 && is_known(here) {
                break;
            }
            // Where nothing is mapped, nothing is known.
            done = match self.process.mapping(here) {
                Some(_) => done.saturating_add(1),
                None => {
                    let after = mappings.partition_point(|mapping| mapping.range.start <= here);
                    let next = mappings.get(after).map(|mapping| mapping.range.start.0);
                    next.map_or(room, |next| next.saturating_sub(at.0)).min(room)
                }
            };
        }
        done.min(room)
    }

    fn part(&self, at: RunAddr, source: ByteSource, len: u64, bytes: Vec<u8>) -> MemoryPart {
        let mapping = self.process.mapping(at);
        let file = mapping.filter(|_| source == ByteSource::File);
        MemoryPart {
            address: at.into(),
            length: len,
            source,
            file: file.and_then(|mapping| mapping.path.as_deref()).map(text),
            bytes: (source != ByteSource::Missing).then_some(Bytes(bytes)),
            is_mapped: mapping.is_some(),
        }
    }
}

/// Adds a part to those before it; one of the same source goes on with the last
/// one.
pub(super) fn push(parts: &mut Vec<MemoryPart>, part: MemoryPart) {
    if let Some(last) = parts.last_mut()
        && last.source == part.source
        && last.file == part.file
        && last.is_mapped == part.is_mapped
        && last.address.0.checked_add(last.length) == Some(part.address.0)
    {
        last.length = last.length.saturating_add(part.length);
        if let (Some(known), Some(more)) = (&mut last.bytes, part.bytes) {
            known.0.extend(more.0);
        }
        return;
    }
    parts.push(part);
}

/// The words of some parts that lie one after the other, counted from the first
/// byte, each with what it may point to. A word of which some bytes are known
/// is partial, one of which none are is left out.
pub(super) fn words(parts: &[MemoryPart], labels: &Labels<'_, '_, '_>) -> Vec<Word> {
    let Some(first) = parts.first() else { return Vec::new() };
    let bytes: Vec<Option<u8>> = parts
        .iter()
        .flat_map(|part| {
            let len = usize::try_from(part.length).unwrap_or(0);
            let known = part.bytes.iter().flat_map(|bytes| bytes.0.iter().copied().map(Some));
            known.chain(std::iter::repeat(None)).take(len)
        })
        .collect();
    let model = labels.context.memory.model();
    let size = usize::from(model.address_size);
    let words = bytes.chunks(size).zip(0_u64..).filter_map(|(bytes, number)| {
        let at = first.address.0.checked_add(number.checked_mul(model.word())?)?;
        let whole: Option<Vec<u8>> = bytes.iter().copied().collect();
        if let Some(word) = whole.filter(|word| word.len() == size) {
            let value = model.order.number(&word);
            let label = labels.of_word(RunAddr(value));
            return Some(Word { address: Hex(at), value: Some(Hex(value)), label, partial: None });
        }
        bytes.iter().any(Option::is_some).then(|| {
            let shown = |byte: &Option<u8>| byte.map_or("??".to_owned(), |b| format!("{b:02x}"));
            let partial = Some(bytes.iter().map(shown).collect());
            Word { address: Hex(at), partial, ..Word::default() }
        })
    });
    words.collect()
}
