//! The memory that a core holds.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;

/// The bytes of one `PT_LOAD` that are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'f> {
    /// Where they were.
    pub(super) start: RunAddr,
    /// What they were. Shorter than `p_memsz` where the kernel left bytes out,
    /// and shorter than `p_filesz` where the file is cut. What is not here is
    /// **absent, not zero**.
    pub(super) bytes: &'f [u8],
}

/// All segments of a core, as [`Memory`].
#[derive(Debug)]
pub(super) struct Segments<'f> {
    /// By address, not overlapping.
    sorted: Vec<Segment<'f>>,
}

impl<'f> Segments<'f> {
    /// Sorts the segments. Where two overlap, which no honest core does, the
    /// one that starts lower keeps the bytes.
    pub(super) fn new(mut segments: Vec<Segment<'f>>) -> Self {
        for segment in &mut segments {
            let room = usize::try_from(u64::MAX.saturating_sub(segment.start.0));
            let len = segment.bytes.len().min(room.unwrap_or(usize::MAX));
            segment.bytes = segment.bytes.get(..len).unwrap_or_default();
        }
        segments.retain(|segment| !segment.bytes.is_empty());
        // Stable: of two with the same start the first in the file wins.
        segments.sort_by_key(|segment| segment.start);
        let mut sorted: Vec<Segment<'f>> = Vec::with_capacity(segments.len());
        for mut segment in segments {
            let taken = sorted.last().map_or(0, |last| end(last).saturating_sub(segment.start.0));
            let skip = usize::try_from(taken).unwrap_or(usize::MAX);
            let Some(rest) = segment.bytes.get(skip..).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            segment.start = RunAddr(segment.start.0.saturating_add(taken));
            segment.bytes = rest;
            sorted.push(segment);
        }
        Self { sorted }
    }

    fn segment(&self, at: RunAddr) -> Option<&Segment<'f>> {
        let after = self.sorted.partition_point(|segment| segment.start <= at);
        let segment = self.sorted.get(after.checked_sub(1)?)?;
        (at.0 < end(segment)).then_some(segment)
    }
}

fn end(segment: &Segment<'_>) -> u64 {
    segment.start.0.saturating_add(segment.bytes.len() as u64)
}

impl Memory for Segments<'_> {
    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mut done = 0usize;
        // Neighboring mappings are separate segments; a value may span them.
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64) else { break };
            let Some(segment) = self.segment(next) else { break };
            let skip = usize::try_from(next.0.saturating_sub(segment.start.0));
            let found = skip.ok().and_then(|skip| segment.bytes.get(skip..)).unwrap_or_default();
            let len = found.len().min(rest.len());
            for (to, from) in rest.iter_mut().zip(found) {
                *to = *from;
            }
            done = done.saturating_add(len);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_over_segments() {
        let memory = Segments::new(vec![
            Segment { start: RunAddr(0x2000), bytes: b"high" },
            Segment { start: RunAddr(0x1000), bytes: b"abcd" },
            Segment { start: RunAddr(0x1004), bytes: b"efgh" },
            Segment { start: RunAddr(0x1006), bytes: b"XXYY" },
            Segment { start: RunAddr(0x1005), bytes: b"Z" },
            Segment { start: RunAddr(u64::MAX - 1), bytes: b"top" },
        ]);
        let cases: &[(&str, u64, usize, &[u8])] = &[
            ("inside one", 0x1001, 2, b"bc"),
            ("over two neighbors", 0x1002, 4, b"cdef"),
            ("the lower one keeps what two claim", 0x1004, 6, b"efghYY"),
            ("stops at a hole", 0x1008, 8, b"YY"),
            ("in a hole", 0x1800, 4, b""),
            ("does not wrap", u64::MAX - 1, 8, b"t"),
        ];
        for (name, at, len, want) in cases {
            let mut out = vec![0; *len];
            let got = memory.read(RunAddr(*at), &mut out);
            assert_eq!(&out[..got], *want, "{name}");
        }
    }
}
