//! `/proc/PID/pagemap`: which pages exist.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use libc::pid_t;

use crate::capture::sys;

const PAGE: u64 = 4096;

/// The page map of a held process. Layout: one little-endian `u64` a page; bit
/// 63: present in memory, bit 62: swapped out. Source: Linux
/// `Documentation/admin-guide/mm/pagemap.rst`.
pub(super) struct PageMap {
    file: File,
}

/// Which pages of a range exist.
pub(super) struct Pages {
    exist: Vec<bool>,
}

impl PageMap {
    pub(super) fn open(pid: pid_t) -> io::Result<Self> {
        Ok(Self { file: File::open(format!("/proc/{pid}/pagemap"))? })
    }

    /// Takes an open `pagemap`.
    pub(super) fn of(file: File) -> Self {
        Self { file }
    }

    /// The first address from `at` on, and below `end`, whose page may exist.
    /// Both are multiples of the page size. A program may reserve terabytes and
    /// use a few pages of them; an old kernel cannot skip the rest.
    pub(super) fn next(&self, at: u64, end: u64) -> Option<u64> {
        match sys::first_page(self.file.as_fd(), at, end) {
            Ok(found) => found,
            Err(_) => (at < end).then_some(at),
        }
    }

    /// The pages of `len` bytes from `at` on, both multiples of the page size.
    pub(super) fn read(&self, at: u64, len: u64) -> io::Result<Pages> {
        let count = usize::try_from(len.div_ceil(PAGE)).unwrap_or(0);
        let mut bytes = vec![0; count * 8];
        self.file.read_exact_at(&mut bytes, at / PAGE * 8)?;
        let exists = |entry: &[u8]| entry.last().is_some_and(|high| high & 0xc0 != 0);
        Ok(Pages { exist: bytes.chunks_exact(8).map(exists).collect() })
    }
}

impl Pages {
    /// All of `len` bytes.
    pub(super) fn all(len: u64) -> Self {
        Self { exist: vec![true; usize::try_from(len.div_ceil(PAGE)).unwrap_or(0)] }
    }

    /// The runs of existing pages, by page number.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        let mut at = 0;
        self.exist.chunk_by(|one, next| one == next).filter_map(move |run| {
            let start = at;
            at += run.len() as u64;
            run.first().is_some_and(|exists| *exists).then_some(start..at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_pages() {
        let pages = Pages { exist: vec![false, true, true, false, true] };
        assert_eq!(pages.runs().collect::<Vec<_>>(), [1..3, 4..5]);
        assert_eq!(Pages::all(2 * PAGE + 1).runs().collect::<Vec<_>>(), vec![0..3; 1]);
        assert_eq!(Pages { exist: vec![] }.runs().count(), 0);
    }
}
