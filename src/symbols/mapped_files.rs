//! What a core leaves out because it is in a file.

use crate::base::addr::{RunAddr, RunRange};
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::symbols::module::ModuleSymbols;

/// The memory that verified files hold: code, constants and unwind tables of
/// the modules, where the process could not write and the core has nothing.
#[derive(Debug, Default)]
pub struct MappedFiles<'f> {
    /// Sorted, without overlaps.
    pieces: Vec<Piece<'f>>,
}

#[derive(Clone, Copy, Debug)]
struct Piece<'f> {
    start: RunAddr,
    bytes: &'f [u8],
}

impl<'f> MappedFiles<'f> {
    pub(super) fn new(process: &Process<'_>, modules: &[ModuleSymbols<'f>]) -> Self {
        let mut pieces = Vec::new();
        for module in modules {
            // What was copied from memory is in memory.
            let Some(image) = module.image().filter(|_| module.file().is_some()) else { continue };
            let first = process
                .mappings
                .partition_point(|mapping| mapping.range.end <= module.range().start);
            let mappings = process.mappings.get(first..).unwrap_or_default();
            let inside =
                mappings.iter().take_while(|mapping| mapping.range.start < module.range().end);
            for mapping in inside {
                // Only the same file, and nothing that the process could have
                // changed.
                if mapping.permissions.write || mapping.path.as_deref() != Some(module.path()) {
                    continue;
                }
                let start = mapping.range.start.0.saturating_add(mapping.dumped);
                let file_start = mapping.offset.0.saturating_add(mapping.dumped);
                let wanted = RunRange { start: RunAddr(start), end: mapping.range.end };
                for load in image.loads() {
                    let at = load.start.to_run(module.bias());
                    // Relocated and then protected: the file has other bytes.
                    if load.is_writable {
                        continue;
                    }
                    pieces.extend(overlap(wanted, file_start, at, load.offset.0, load.bytes));
                }
            }
        }
        pieces.sort_by_key(|piece| piece.start);
        // Damaged files may have segments that overlap: the first one wins.
        let mut end = 0;
        pieces.retain(|piece| {
            let is_free = piece.start.0 >= end;
            if is_free {
                end = piece.start.0.saturating_add(piece.bytes.len() as u64);
            }
            is_free
        });
        Self { pieces }
    }
}

/// The bytes of a segment, which lies at `at` and begins in the file at
/// `offset`, that fall into the mapping's part `wanted`, which begins in the
/// file at `file_start`. Nothing when the two do not agree where in the file
/// an address is: then something else was mapped there.
fn overlap<'f>(
    wanted: RunRange,
    file_start: u64,
    at: RunAddr,
    offset: u64,
    bytes: &'f [u8],
) -> Option<Piece<'f>> {
    if wanted.start.0.wrapping_sub(file_start) != at.0.wrapping_sub(offset) {
        return None;
    }
    let end = at.0.checked_add(bytes.len() as u64)?.min(wanted.end.0);
    let start = at.0.max(wanted.start.0);
    let skip = usize::try_from(start.checked_sub(at.0)?).ok()?;
    let len = usize::try_from(end.checked_sub(start)?).ok()?;
    let bytes = bytes.get(skip..)?.get(..len)?;
    (!bytes.is_empty()).then_some(Piece { start: RunAddr(start), bytes })
}

impl Memory for MappedFiles<'_> {
    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mut done = 0;
        let after = self.pieces.partition_point(|piece| piece.start <= at);
        for piece in self.pieces.get(after.saturating_sub(1)..).unwrap_or_default() {
            let Some(next) = at.checked_add(done as u64) else { break };
            let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) else { break };
            let Some(skip) = next.0.checked_sub(piece.start.0) else { break };
            let Some(found) = usize::try_from(skip).ok().and_then(|skip| piece.bytes.get(skip..))
            else {
                break;
            };
            let len = found.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..len), found.get(..len)) {
                to.copy_from_slice(from);
            }
            done += len;
        }
        done
    }
}
