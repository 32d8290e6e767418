//! Raw memory, with where its bytes come from.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::inspect::labels::Labels;
use crate::report::model::{ByteSource, Bytes, Hex, MemoryPart, Word, text};

/// Bytes that are read at a time. A multiple of a row of sixteen.
const CHUNK: u64 = 1 << 14;

/// Reads memory piece by piece.
pub(super) struct Source<'s, 'f> {
    pub(super) process: &'s Process<'f>,
    /// What the dump lacks and mapped files have.
    pub(super) files: &'s dyn Memory,
}

impl Source<'_, '_> {
    /// The parts of up to one chunk from `at` on, and where the next one
    /// begins. Chunks begin at multiples of sixteen, but for the first.
    pub(super) fn chunk(&self, at: RunAddr, end: RunAddr) -> (Vec<MemoryPart>, RunAddr) {
        let next = at.0.saturating_add(CHUNK) & !0xf;
        let next = RunAddr(next.clamp(at.0.saturating_add(1), end.0.max(at.0)));
        let mut parts: Vec<MemoryPart> = Vec::new();
        let mut here = at;
        while here < next {
            let room = usize::try_from(next.0.saturating_sub(here.0)).unwrap_or(0);
            let mut bytes = vec![0; room];
            let (source, len) = match self.process.memory.read(here, &mut bytes) {
                0 => match self.read_file(here, &mut bytes) {
                    0 => (ByteSource::Missing, self.missing(here, next)),
                    got => (ByteSource::File, got as u64),
                },
                got => (ByteSource::Dump, got as u64),
            };
            bytes.truncate(usize::try_from(len).unwrap_or(room));
            push(&mut parts, self.part(here, source, len, bytes));
            here = RunAddr(here.0.saturating_add(len.max(1)));
        }
        (parts, next)
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

    /// How many bytes from `at` on nobody knows.
    fn missing(&self, at: RunAddr, end: RunAddr) -> u64 {
        let is_known = |at: u64| {
            self.process.memory.read(RunAddr(at), &mut [0]) > 0
                || self.files.read(RunAddr(at), &mut [0]) > 0
        };
        let mut here = at.0;
        while here < end.0 {
            // Where nothing is mapped, nothing is known.
            if self.process.mapping(RunAddr(here)).is_none() {
                let after =
                    self.process.mappings.partition_point(|mapping| mapping.range.start.0 <= here);
                let next = self.process.mappings.get(after).map(|mapping| mapping.range.start.0);
                here = next.map_or(end.0, |next| next.min(end.0));
                if here >= end.0 || is_known(here) {
                    break;
                }
                continue;
            }
            here = here.saturating_add(1);
            if here < end.0 && is_known(here) {
                break;
            }
        }
        here.min(end.0).saturating_sub(at.0)
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

/// The words of some parts, each with what it may point to.
pub(super) fn words(parts: &[MemoryPart], labels: &Labels<'_, '_, '_>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut pending: Vec<u8> = Vec::new();
    let mut start = None;
    for part in parts {
        let bytes = part.bytes.as_ref().map(|bytes| bytes.0.as_slice());
        let missing: u64 = if bytes.is_none() { part.length } else { 0 };
        for (offset, byte) in bytes.unwrap_or_default().iter().enumerate() {
            if pending.is_empty() {
                start = Some(part.address.0.saturating_add(offset as u64));
            }
            pending.push(*byte);
            if let (Some(word), Some(at)) = (pending.first_chunk::<8>(), start) {
                let value = u64::from_le_bytes(*word);
                let label = labels.of_word(RunAddr(value));
                words.push(Word { address: Hex(at), value: Hex(value), label });
                pending.clear();
            }
        }
        if missing > 0 {
            // A word with a hole in it is no word.
            pending.clear();
        }
    }
    words
}
