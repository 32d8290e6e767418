//! What a damaged core has lost, and what suffers from that.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use goblin::elf::program_header::{PT_LOAD, PT_NULL, ProgramHeader};

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::base::count::counted;
use crate::base::gap::Gaps;
use crate::base::memory::Memory;
use crate::dump::process::{Mapping, Thread};

/// Notes what a cut core has lost. Returns whether it is whole.
pub(super) fn note_truncation(
    len: u64,
    segments: &[ProgramHeader],
    lost: u64,
    gaps: &Gaps,
) -> bool {
    let wanted = segments
        .iter()
        .filter(|segment| segment.p_filesz > 0)
        .map(|segment| segment.p_offset.saturating_add(segment.p_filesz))
        .max()
        .unwrap_or(0);
    let hint =
        "the core limit (ulimit -c), a full disk or an incomplete copy cut it; capture it again";
    if wanted > len {
        let cut = segments
            .iter()
            .filter(|segment| segment.p_offset.saturating_add(segment.p_filesz) > len)
            .count();
        let missing = wanted.saturating_sub(len);
        gaps.note(
            format!("{missing} of {wanted} bytes of the core"),
            format!(
                "the file is cut: {cut} of its {} segments are missing or not whole",
                segments.len()
            ),
            hint,
        );
    }
    if lost > 0 {
        gaps.note(
            format!("{lost} of the core's mappings"),
            "the file is cut within its program headers",
            hint,
        );
    }
    wanted <= len && lost == 0
}

/// Notes what is wrong with the table of segments.
pub(super) fn note_odd_headers(segments: &[ProgramHeader], gaps: &Gaps) {
    let empty = segments.iter().filter(|segment| segment.p_type == PT_NULL).count();
    if empty > 0 {
        gaps.note_final(
            format!("{} of the core's {}", empty, counted(segments.len() as u64, "segment")),
            "their program headers are empty, as when a part of the file was never written",
        );
    }
    let mut loads: Vec<(u64, u64)> = segments
        .iter()
        .filter(|segment| segment.p_type == PT_LOAD && segment.p_memsz > 0)
        .map(|load| (load.p_vaddr, load.p_vaddr.saturating_add(load.p_memsz)))
        .collect();
    loads.sort_unstable();
    let mut end = 0;
    let mut overlapping = 0u64;
    for (start, its_end) in loads {
        if start < end {
            overlapping = overlapping.saturating_add(1);
        }
        end = end.max(its_end);
    }
    if overlapping > 0 {
        gaps.note_final(
            format!("which bytes were in {} of the core", counted(overlapping, "segment")),
            "they overlap others; what begins at the lower address is believed",
        );
    }
}

/// Notes whose stacks and which modules' data should be in the core and are
/// not: their frames and values are not known.
pub(super) fn note_lost_memory(
    arch: Arch,
    threads: &[Thread],
    mappings: &[Mapping],
    memory: &dyn Memory,
    gaps: &Gaps,
) {
    /// Ids that are named.
    const MOST_NAMED: usize = 8;
    let stack = arch.general_index(arch.stack_pointer());
    let lost: Vec<u32> = threads
        .iter()
        .filter(|thread| {
            let registers = thread.registers.as_ref();
            let pointer = registers.zip(stack).and_then(|(registers, it)| registers.word(it));
            pointer.is_some_and(|at| is_lost(RunAddr(at), mappings, memory))
        })
        .map(|thread| thread.tid)
        .collect();
    if lost.is_empty() {
        return;
    }
    let named: Vec<String> = lost.iter().take(MOST_NAMED).map(u32::to_string).collect();
    let more = lost.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = match threads.len() {
        1 => "the thread's stack".to_owned(),
        all => format!("the stacks of {} of {}", lost.len(), counted(all as u64, "thread")),
    };
    let first = threads.first().is_some_and(|thread| lost.first() == Some(&thread.tid));
    let suffers =
        if first { "callers and variables of the crashed thread" } else { "their callers" };
    gaps.note(
        format!("{what}, and with them {suffers}"),
        format!(
            "their memory is not in what is left of the core (thread {}{more})",
            named.join(", ")
        ),
        "capture the crash again: coretool run PROGRAM",
    );
}

/// Whether the core should have the byte at `at`, and has not.
fn is_lost(at: RunAddr, mappings: &[Mapping], memory: &dyn Memory) -> bool {
    let after = mappings.partition_point(|mapping| mapping.range.start <= at);
    let mapping = after.checked_sub(1).and_then(|index| mappings.get(index));
    let was_dumped = mapping.is_some_and(|mapping| {
        let into = at.0.saturating_sub(mapping.range.start.0);
        mapping.range.contains(at) && into < mapping.dumped
    });
    was_dumped && memory.read(at, &mut [0]) == 0
}

/// Notes threads that cannot be told apart: a process sees the threads of other
/// pid namespaces as 0.
pub(super) fn note_unnumbered(threads: &[Thread], gaps: &Gaps) {
    let count = threads.iter().filter(|thread| thread.tid == 0).count();
    if count > 0 {
        gaps.note_final(
            format!("the ids of {} of {}", count, counted(threads.len() as u64, "thread")),
            "the core has 0 for them",
        );
    }
}
