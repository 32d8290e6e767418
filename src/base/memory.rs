//! The seam between "where bytes come from" and everything that reads them.

use crate::base::addr::RunAddr;
use crate::base::data_model::DataModel;

/// Memory of the crashed process: a core's segments, a file mapped by it, a
/// live process, or a byte array in a test.
///
/// Implementors copy what they have and stop; they do not judge. Callers decide
/// whether a short read matters.
pub trait Memory: Sync {
    /// Copies bytes from `at` on into `out` and returns how many were there.
    /// Zero means that nothing is known about `at`. Never wraps past the top of
    /// the address space.
    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize;

    /// Fills `out`, or says which address was missing.
    fn read_exact(&self, at: RunAddr, out: &mut [u8]) -> Result<(), Unreadable> {
        let found = self.read(at, out);
        if found == out.len() {
            return Ok(());
        }
        Err(Unreadable { at: RunAddr(at.0.saturating_add(found as u64)) })
    }

    /// Byte order and size of an address of the process.
    fn model(&self) -> DataModel {
        DataModel::LITTLE_64
    }

    /// Reads a number of eight bytes in the process's byte order, or says which
    /// address was missing.
    fn u64(&self, at: RunAddr) -> Result<u64, Unreadable> {
        let mut word = [0; 8];
        self.read_exact(at, &mut word).map(|()| self.model().order.number(&word))
    }

    /// Reads a number of four bytes in the process's byte order, or says which
    /// address was missing.
    fn u32(&self, at: RunAddr) -> Result<u32, Unreadable> {
        let mut word = [0; 4];
        self.read_exact(at, &mut word)?;
        Ok(u32::try_from(self.model().order.number(&word)).unwrap_or(u32::MAX))
    }

    /// Reads an address or a `long` of the process: four or eight bytes in its
    /// byte order, zero-extended.
    fn word(&self, at: RunAddr) -> Result<u64, Unreadable> {
        if self.model().is_64() { self.u64(at) } else { self.u32(at).map(u64::from) }
    }

    /// Reads up to `limit` bytes, and stops before the first NUL. The flag
    /// says whether the NUL was there; without it the text was cut by `limit`
    /// or by missing memory.
    fn text(&self, at: RunAddr, limit: usize) -> Result<(Vec<u8>, bool), Unreadable> {
        let mut text = Vec::new();
        while text.len() < limit {
            // Short pieces: the end of the mapping may be near.
            let mut piece = [0; 64];
            let Some(from) = at.checked_add(text.len() as u64) else { break };
            let want = piece.len().min(limit.saturating_sub(text.len()));
            let got = self.read(from, piece.get_mut(..want).unwrap_or_default());
            let piece = piece.get(..got).unwrap_or_default();
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                text.extend(piece.iter().take(end));
                return Ok((text, true));
            }
            text.extend(piece);
            if got < want {
                break;
            }
        }
        if text.is_empty() && limit > 0 { Err(Unreadable { at }) } else { Ok((text, false)) }
    }
}

/// No source holds the byte at this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory at {at} is not in the dump")]
pub struct Unreadable {
    /// The first missing byte.
    pub at: RunAddr,
}

/// Asks `first`, then `second` for what `first` lacks.
///
/// The kernel leaves file-backed pages out of a core unless
/// `/proc/PID/coredump_filter` says otherwise, so code and constants come from
/// the file on disk: `Fallback { first: &core, second: &mapped_files }`.
pub struct Fallback<'m> {
    /// Preferred: what the process really had.
    pub first: &'m dyn Memory,
    /// Used for the rest.
    pub second: &'m dyn Memory,
}

impl Memory for Fallback<'_> {
    fn model(&self) -> DataModel {
        self.first.model()
    }

    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64) else { break };
            let got = match self.first.read(next, rest) {
                0 => self.second.read(next, rest),
                got => got,
            };
            if got == 0 {
                break;
            }
            done += got;
        }
        done
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Bytes that lie at one address: the memory of unit tests.
    pub(crate) struct Bytes<'b>(pub(crate) u64, pub(crate) &'b [u8]);

    impl Memory for Bytes<'_> {
        fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
            let Some(skip) = at.0.checked_sub(self.0) else { return 0 };
            let Ok(skip) = usize::try_from(skip) else { return 0 };
            let found = self.1.get(skip..).unwrap_or_default();
            let len = found.len().min(out.len());
            out[..len].copy_from_slice(&found[..len]);
            len
        }
    }

    #[test]
    fn fallback_reads() {
        let core = Bytes(0x1000, b"core");
        let file = Bytes(0x1002, b"fffile");
        let memory = Fallback { first: &core, second: &file };
        let cases: &[(&str, u64, usize, &[u8])] = &[
            ("inside the core", 0x1000, 2, b"co"),
            ("the core wins where both have it", 0x1002, 2, b"re"),
            ("goes on in the file", 0x1002, 6, b"refile"),
            ("stops where both end", 0x1006, 8, b"le"),
            ("before both", 0x0fff, 4, b""),
            ("does not wrap", u64::MAX, 4, b""),
        ];
        for (name, at, len, want) in cases {
            let mut out = vec![0; *len];
            let got = memory.read(RunAddr(*at), &mut out);
            assert_eq!(&out[..got], *want, "{name}");
        }
    }

    #[test]
    fn texts() {
        let long = [b'x'; 100];
        let memory = Bytes(0x1000, b"name\0rest");
        let cut = Bytes(0x1000, &long);
        assert_eq!(memory.text(RunAddr(0x1000), 80), Ok((b"name".to_vec(), true)));
        assert_eq!(memory.text(RunAddr(0x1005), 80), Ok((b"rest".to_vec(), false)));
        assert_eq!(memory.text(RunAddr(0x1000), 3), Ok((b"nam".to_vec(), false)));
        assert_eq!(cut.text(RunAddr(0x1000), 200), Ok((long.to_vec(), false)));
        assert_eq!(cut.text(RunAddr(0x900), 9), Err(Unreadable { at: RunAddr(0x900) }));
    }
}
