//! Copies what a process has in memory into a sparse file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

use crate::capture::pagemap::{PageMap, Pages};

const PAGE: u64 = 4096;
/// Bytes copied at a time.
const PIECE: u64 = 1 << 20;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoreStats {
    /// Length of the file, holes included.
    pub length: u64,
    /// Bytes of memory copied: about what it takes on disk.
    pub copied: u64,
    /// Pages that could not be read and were left as holes.
    pub unreadable_pages: u64,
}

/// What a page that is neither in memory nor swapped out holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AbsentPages {
    /// Zeros, as a hole does: private anonymous memory.
    AreZero,
    /// Perhaps data: a file's, what another process has written, or the
    /// kernel's own code.
    MayHoldData,
}

/// How much may be copied, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CopyBudget {
    /// Bytes, all in all.
    pub(super) bytes: u64,
    /// No piece is begun after this.
    pub(super) until: Instant,
}

/// A copy under way.
pub(super) struct PageCopy<'c> {
    memory: &'c File,
    page_map: &'c PageMap,
    file: &'c File,
    buffer: Vec<u8>,
    /// `None`: all is copied.
    pub(super) budget: Option<CopyBudget>,
    /// What was done so far.
    pub(super) stats: CoreStats,
}

impl<'c> PageCopy<'c> {
    /// From `/proc/PID/mem` and `/proc/PID/pagemap` into `file`, whose bytes
    /// are zero as yet.
    pub(super) fn new(memory: &'c File, page_map: &'c PageMap, file: &'c File) -> Self {
        let buffer = vec![0; usize::try_from(PIECE).unwrap_or(usize::MAX)];
        Self { memory, page_map, file, buffer, budget: None, stats: CoreStats::default() }
    }

    /// Whether the budget is used up.
    pub(super) fn is_over(&self) -> bool {
        self.budget.is_some_and(|budget| {
            self.stats.copied >= budget.bytes || Instant::now() >= budget.until
        })
    }

    /// Copies `len` bytes from the address `start` on, all of one mapping, to
    /// `offset` of the file. Returns how many bytes it got through: fewer only
    /// when the budget is used up.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(super) fn range(
        &mut self,
        start: u64,
        len: u64,
        offset: u64,
        absent: AbsentPages,
    ) -> io::Result<u64> {
        let skips = absent == AbsentPages::AreZero;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut done = 0;
        while done < len {
            if self.is_over() {
                self.buffer = buffer;
                return Ok(done);
            }
            if skips {
                let end = start.saturating_add(len);
                let Some(next) = self.page_map.next(start.saturating_add(done), end) else { break };
                done = next.saturating_sub(start);
            }
            let piece = (len - done).min(PIECE);
            let pages = match skips {
                // Above the user's half, as `[vsyscall]` is, there is no map.
                true => {
                    let pages = self.page_map.read(start + done, piece);
                    pages.unwrap_or_else(|_| Pages::all(piece))
                }
                false => Pages::all(piece),
            };
            for run in pages.runs() {
                let at = done + run.start * PAGE;
                let wanted = ((run.end - run.start) * PAGE).min(len - at);
                let wanted = usize::try_from(wanted).unwrap_or(0);
                let Some(bytes) = buffer.get_mut(..wanted) else { continue };
                self.run(start + at, offset + at, bytes)?;
            }
            done += piece;
        }
        self.buffer = buffer;
        Ok(len)
    }

    /// Copies one run, page by page where it cannot be read as a whole.
    fn run(&mut self, from: u64, to: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.memory.read_exact_at(buffer, from).is_ok() {
            self.stats.copied += write_pages(buffer, to, self.file)?;
            return Ok(());
        }
        let (mut from, mut to) = (from, to);
        for page in buffer.chunks_mut(PAGE as usize) {
            if self.memory.read_exact_at(page, from).is_ok() {
                self.stats.copied += write_pages(page, to, self.file)?;
            } else {
                self.stats.unreadable_pages += 1;
            }
            from += PAGE;
            to += PAGE;
        }
        Ok(())
    }
}

/// Writes what is not zero; the rest stays a hole, which reads the same.
/// Returns the number of bytes written.
pub(super) fn write_pages(bytes: &[u8], to: u64, file: &File) -> io::Result<u64> {
    let page = |index: usize| bytes.get(index * PAGE as usize..).unwrap_or_default();
    let is_zero = |index: usize| {
        let page = page(index);
        page.get(..PAGE as usize).unwrap_or(page).iter().all(|byte| *byte == 0)
    };
    let count = bytes.len().div_ceil(PAGE as usize);
    let mut index = 0;
    let mut written = 0;
    while index < count {
        if is_zero(index) {
            index += 1;
            continue;
        }
        let first = index;
        while index < count && !is_zero(index) {
            index += 1;
        }
        let end = (index * PAGE as usize).min(bytes.len());
        let run = bytes.get(first * PAGE as usize..end).unwrap_or_default();
        file.write_all_at(run, to + first as u64 * PAGE)?;
        written += run.len() as u64;
    }
    Ok(written)
}
