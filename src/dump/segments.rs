//! The memory that a core holds.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::RunAddr;
use crate::base::data_model::DataModel;
use crate::base::memory::Memory;
use crate::dump::contents::Contents;

/// The bytes of one `PT_LOAD` that are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where they were.
    pub(super) start: RunAddr,
    /// Where they are in the file.
    pub(super) at: u64,
    /// How many they are. Fewer than `p_memsz` where the kernel left bytes out,
    /// and fewer than `p_filesz` where the file is cut. What is not here is
    /// **absent, not zero**.
    pub(super) len: u64,
}

/// All segments of a core, as [`Memory`].
pub(super) struct Segments<'f> {
    contents: Contents<'f>,
    /// By address, not overlapping.
    sorted: Vec<Segment>,
    model: DataModel,
}

impl<'f> Segments<'f> {
    /// Sorts the segments. Where two overlap, which no honest core does, the
    /// one that starts lower keeps the bytes.
    pub(super) fn new(
        contents: Contents<'f>,
        mut segments: Vec<Segment>,
        model: DataModel,
    ) -> Self {
        for segment in &mut segments {
            segment.len = segment.len.min(u64::MAX.saturating_sub(segment.start.0));
        }
        segments.retain(|segment| segment.len > 0);
        // Stable: of two with the same start the first in the file wins.
        segments.sort_by_key(|segment| segment.start);
        let mut sorted: Vec<Segment> = Vec::with_capacity(segments.len());
        for mut segment in segments {
            let taken = sorted.last().map_or(0, |last| end(last).saturating_sub(segment.start.0));
            if taken >= segment.len {
                continue;
            }
            segment.start = RunAddr(segment.start.0.saturating_add(taken));
            segment.at = segment.at.saturating_add(taken);
            segment.len = segment.len.saturating_sub(taken);
            sorted.push(segment);
        }
        Self { contents, sorted, model }
    }

    fn segment(&self, at: RunAddr) -> Option<&Segment> {
        let after = self.sorted.partition_point(|segment| segment.start <= at);
        let segment = self.sorted.get(after.checked_sub(1)?)?;
        (at.0 < end(segment)).then_some(segment)
    }
}

fn end(segment: &Segment) -> u64 {
    segment.start.0.saturating_add(segment.len)
}

impl Memory for Segments<'_> {
    fn model(&self) -> DataModel {
        self.model
    }

    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mut done = 0usize;
        // Neighboring mappings are separate segments; a value may span them.
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64) else { break };
            let Some(segment) = self.segment(next) else { break };
            let skip = next.0.saturating_sub(segment.start.0);
            let there = usize::try_from(segment.len.saturating_sub(skip)).unwrap_or(usize::MAX);
            let there = there.min(rest.len());
            let piece = rest.get_mut(..there).unwrap_or_default();
            let len = self.contents.read(segment.at.saturating_add(skip), piece);
            // Part of a compressed core may be damaged.
            if len == 0 {
                break;
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
        let bytes = b"highabcdefghXXYYZtop";
        let segment = |start, at, len| Segment { start: RunAddr(start), at, len };
        let segments = vec![
            segment(0x2000, 0, 4),
            segment(0x1000, 4, 4),
            segment(0x1004, 8, 4),
            segment(0x1006, 12, 4),
            segment(0x1005, 16, 1),
            segment(u64::MAX - 1, 17, 3),
        ];
        let memory = Segments::new(Contents::Mapped(bytes), segments, DataModel::LITTLE_64);
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
