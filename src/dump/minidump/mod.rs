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
use crate::dump::siginfo::{SignalCause, SignalInfo, signal_info};

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
    let mut mappings = in_order(streams.mappings());
    let modules = modules(&streams, &mappings, limits);
    if mappings.is_empty() {
        mappings = mappings_of(&modules, gaps);
    }
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

/// On Linux the code of an exception is the signal, its flags are `si_code`, and
/// its address `si_addr`. Flags of zero are no code: some writers leave them out,
/// and then the address is not always that of the signal.
fn signal(exception: &ExceptionRecord) -> Option<SignalInfo> {
    let number = i32::try_from(exception.code).ok().filter(|number| (1..=64).contains(number))?;
    let plain = SignalInfo { signal: Signal(number), code: None, cause: SignalCause::None };
    if exception.flags == 0 {
        return Some(plain);
    }
    let mut info = Vec::with_capacity(128);
    for word in [number.to_le_bytes(), [0; 4], exception.flags.to_le_bytes(), [0; 4]] {
        info.extend(word);
    }
    info.extend(exception.address.to_le_bytes());
    info.resize(128, 0);
    let found = signal_info(Arch::X86_64, Cursor::new(&info, FileOff(0))).unwrap_or(plain);
    // Of the union only the address is there: no sender, no system call.
    let cause = match found.cause {
        SignalCause::Fault { .. } | SignalCause::Kernel => found.cause,
        _ => SignalCause::None,
    };
    Some(SignalInfo { cause, ..found })
}

fn modules(streams: &Streams<'_, '_>, mappings: &[Mapping], limits: &Limits) -> Vec<Module> {
    let mut modules: Vec<Module> = streams
        .modules(limits.modules)
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            let start = RunAddr(record.base);
            let end = RunAddr(record.base.saturating_add(record.size));
            let (path, end) = placed(record.name, RunRange { start, end }, mappings);
            Module {
                range: RunRange { start, end },
                path,
                bias: None,
                build_id: record.build_id,
                // The program is the first one.
                is_main: index == 0,
            }
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
    modules
}

/// What a module is called, and where it ends. lldb states the size of the first
/// segment only, and a path of the loader; the kernel's own list has the rest.
fn placed(name: Vec<u8>, range: RunRange, mappings: &[Mapping]) -> (Vec<u8>, RunAddr) {
    if name.starts_with(b"[vdso]") || name.starts_with(b"linux-gate") {
        return (b"[vdso]".to_vec(), range.end);
    }
    let first = mappings.partition_point(|mapping| mapping.range.end <= range.start);
    let rest = mappings.get(first..).unwrap_or_default();
    let its = rest.first().filter(|mapping| mapping.range.contains(range.start));
    let Some(path) = its.and_then(|mapping| mapping.path.as_ref()) else {
        return (name, range.end);
    };
    let same = rest.iter().take_while(|mapping| mapping.path.as_ref() == Some(path));
    let end = same.map(|mapping| mapping.range.end).max().unwrap_or(range.end);
    (path.clone(), end.max(range.end))
}

/// Where modules are, when `/proc/PID/maps` is not there.
fn mappings_of(modules: &[Module], gaps: &Gaps) -> Vec<Mapping> {
    gaps.note_final(
        "mappings of anything but modules, and what the process might do with them",
        "the minidump does not have /proc/PID/maps",
    );
    let mapping = |module: &Module| Mapping {
        range: module.range,
        permissions: Permissions::default(),
        path: Some(module.path.clone()),
        offset: FileOff(0),
        dumped: 0,
    };
    modules.iter().map(mapping).collect()
}

/// Sorted, without those that overlap an earlier one.
fn in_order(mut mappings: Vec<Mapping>) -> Vec<Mapping> {
    mappings.sort_by_key(|mapping| mapping.range.start);
    let mut end = RunAddr(0);
    mappings.retain(|mapping| {
        let is_free = mapping.range.start >= end && !mapping.range.is_empty();
        if is_free {
            end = mapping.range.end;
        }
        is_free
    });
    mappings
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
        // No sender is read from an address, and no code from flags of zero.
        assert_eq!(signal(&record(6, u32::MAX - 5)).unwrap().cause, SignalCause::None);
        let unsaid = signal(&record(11, 0)).unwrap();
        assert_eq!((unsaid.code, unsaid.cause), (None, SignalCause::None));
        for code in [0, 65, 0x8000_0000, u32::MAX] {
            assert!(signal(&record(code, 0)).is_none(), "{code:#x}");
        }
    }
}
