//! Minidumps of Linux processes, as Breakpad and Crashpad write them.
//!
//! A header, a directory of streams, and what they point to. Layouts are those
//! of Microsoft's `minidumpapiset.h`; streams of Linux (0x4767....) those of
//! Breakpad's `minidump_format.h`. All numbers are little-endian; an RVA is an
//! offset in the file. A minidump has threads, their registers and stacks,
//! modules and little else; the rest of the pipeline is that of cores.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod context;
mod streams;

use std::path::Path;

use crate::base::addr::{FileOff, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::base::bytes::Cursor;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::signal::Signal;
use crate::dump::contents::Contents;
use crate::dump::error::DumpError;
use crate::dump::minidump::context::registers;
use crate::dump::minidump::streams::{ExceptionRecord, Streams, ThreadRecord};
use crate::dump::process::{
    Identity, Mapping, Module, Permissions, Process, Source, SourceKind, Thread,
};
use crate::dump::segments::{Segment, Segments};
use crate::dump::siginfo::{SignalInfo, signal_info};

/// How a minidump begins.
pub(super) const MAGIC: &[u8] = b"MDMP";

/// Reads a whole minidump.
///
/// # Errors
///
/// When its directory is not there, or it is of another system or processor.
pub(super) fn open<'f>(
    contents: Contents<'f>,
    path: &Path,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Process<'f>, DumpError> {
    let streams = Streams::read(&contents).ok_or_else(|| DumpError::Cut {
        path: path.to_owned(),
        what: "directory",
        len: contents.len(),
    })?;
    let arch = match streams.system() {
        Some((9, 0x8201 | 0x8203)) => Arch::X86_64,
        Some((processor, system)) => {
            let what = format!("processor {processor}, system {system:#x}");
            return Err(DumpError::OtherMinidump { path: path.to_owned(), what });
        }
        None => {
            let what = "a system that it does not name".to_owned();
            return Err(DumpError::OtherMinidump { path: path.to_owned(), what });
        }
    };
    let mut records = streams.threads(limits.threads);
    if records.is_empty() {
        gaps.note_final("the threads and their registers", "the minidump has no thread list");
    }
    let exception = streams.exception();
    // The crashed thread goes first, as in a core.
    if let Some(crashed) = &exception
        && let Some(index) = records.iter().position(|record| record.tid == crashed.tid)
        && let Some(before) = records.get_mut(..=index)
    {
        before.rotate_right(1);
    }
    let names = streams.thread_names();
    let threads = records.iter().map(|record| {
        let own = exception.as_ref().filter(|crashed| crashed.tid == record.tid);
        let place = own.map_or(record.context, |crashed| crashed.context);
        Thread {
            tid: record.tid,
            name: names.iter().find(|(tid, _)| *tid == record.tid).map(|(_, name)| name.clone()),
            registers: registers(contents.part(place.at, place.len)),
        }
    });
    let threads = threads.collect();
    let signal = exception.as_ref().and_then(signal);
    if exception.is_none() {
        gaps.note_final("which signal killed the process", "the minidump has no exception");
    }
    let modules = modules(&streams, limits);
    let mappings = mappings(&streams, &modules, gaps);
    let segments = segments(&streams, &records, contents.len());
    let complete = note_cut(&streams, contents.len(), gaps);
    let compressed = contents.is_compressed();
    let mut identity = streams.identity();
    identity.executable = modules.iter().find(|it| it.is_main).map(|main| main.path.clone());
    name_command(&mut identity);
    Ok(Process {
        source: Source {
            kind: SourceKind::Core,
            path: Some(path.to_owned()),
            complete,
            compressed,
        },
        arch,
        identity,
        signal,
        threads,
        mappings,
        modules,
        auxv: streams.auxv(),
        memory: Box::new(Segments::new(contents, segments, arch.model())),
        sidecar: None,
    })
}

/// The base name of the program, where nothing else names it.
fn name_command(identity: &mut Identity) {
    if identity.command.is_empty()
        && let Some(path) = &identity.executable
    {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        identity.command = name.iter().take(15).copied().collect();
    }
}

/// On Linux the code of an exception is the signal, its flags are `si_code`.
fn signal(exception: &ExceptionRecord) -> Option<SignalInfo> {
    /// `MD_EXCEPTION_CODE_LIN_DUMP_REQUESTED`: nobody died.
    const REQUESTED: u32 = u32::MAX;
    let number = i32::try_from(exception.code).ok().filter(|number| (1..=64).contains(number));
    let number = number.filter(|_| exception.code != REQUESTED)?;
    let mut info = Vec::with_capacity(128);
    for word in [number.to_le_bytes(), [0; 4], exception.flags.to_le_bytes(), [0; 4]] {
        info.extend(word);
    }
    info.extend(exception.address.to_le_bytes());
    info.resize(128, 0);
    let mut found = signal_info(Arch::X86_64, Cursor::new(&info, FileOff(0))).ok()?;
    found.signal = Signal(number);
    Some(found)
}

fn modules(streams: &Streams<'_, '_>, limits: &Limits) -> Vec<Module> {
    let mut modules: Vec<Module> = streams
        .modules(limits.modules)
        .into_iter()
        .enumerate()
        .map(|(index, record)| Module {
            range: RunRange {
                start: RunAddr(record.base),
                end: RunAddr(record.base.saturating_add(record.size)),
            },
            path: record.name,
            bias: None,
            build_id: record.build_id,
            // The program is the first one.
            is_main: index == 0,
        })
        .filter(|module| !module.range.is_empty() && !module.path.starts_with(b"/dev/"))
        .collect();
    modules.sort_by_key(|module| module.range.start);
    // Two cannot have the same addresses: the lower one keeps them.
    let mut end = RunAddr(0);
    modules.retain(|module| {
        let is_free = module.range.start >= end;
        if is_free {
            end = module.range.end;
        }
        is_free
    });
    for module in &mut modules {
        if module.path.starts_with(b"linux-gate") {
            module.path = b"[vdso]".to_vec();
        }
    }
    modules
}

/// What `/proc/PID/maps` said, or else where modules are.
fn mappings(streams: &Streams<'_, '_>, modules: &[Module], gaps: &Gaps) -> Vec<Mapping> {
    let mut found = streams.mappings();
    if found.is_empty() {
        gaps.note_final(
            "mappings of anything but modules, and what the process might do with them",
            "the minidump does not have /proc/PID/maps",
        );
        found = modules
            .iter()
            .map(|module| Mapping {
                range: module.range,
                permissions: Permissions::default(),
                path: Some(module.path.clone()),
                offset: FileOff(0),
                dumped: 0,
            })
            .collect();
    }
    found.sort_by_key(|mapping| mapping.range.start);
    let mut end = RunAddr(0);
    found.retain(|mapping| {
        let is_free = mapping.range.start >= end && !mapping.range.is_empty();
        if is_free {
            end = mapping.range.end;
        }
        is_free
    });
    found
}

/// Stacks, and what else of the memory is there.
fn segments(streams: &Streams<'_, '_>, threads: &[ThreadRecord], len: u64) -> Vec<Segment> {
    let stacks = threads.iter().map(|thread| thread.stack);
    stacks
        .chain(streams.memory())
        .map(|range| Segment {
            start: RunAddr(range.start),
            at: range.place.at,
            len: range.place.len.min(len.saturating_sub(range.place.at)),
        })
        .collect()
}

/// Notes what a cut file has lost. Returns whether it is whole.
fn note_cut(streams: &Streams<'_, '_>, len: u64, gaps: &Gaps) -> bool {
    let end = streams.end();
    if end > len {
        gaps.note(
            format!("{} of {end} bytes of the minidump", end.saturating_sub(len)),
            "the file is cut",
            "copy it again",
        );
    }
    end <= len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::siginfo::SignalCause;

    #[test]
    fn signals_are_those_of_linux() {
        let record = |code, flags| ExceptionRecord {
            tid: 1,
            code,
            flags,
            address: 0x18,
            context: streams::Place { at: 0, len: 0 },
        };
        let found = signal(&record(11, 1)).unwrap();
        assert_eq!((found.signal, found.code), (Signal(11), Some(1)));
        assert_eq!(found.cause, SignalCause::Fault { address: RunAddr(0x18) });
        for code in [0, 65, 0x8000_0000, u32::MAX] {
            assert!(signal(&record(code, 0)).is_none(), "{code:#x}");
        }
    }
}
