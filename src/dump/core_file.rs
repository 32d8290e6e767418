//! A core file as a [`Process`].
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::collections::HashMap;
use std::path::Path;

use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE, ProgramHeader};

use crate::base::addr::{FileOff, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::base::bytes::Cursor;
use crate::base::file_store::{FileStore, StoredFile};
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::signal::Signal;
use crate::dump::arguments::arguments;
use crate::dump::contents::Contents;
use crate::dump::damage;
use crate::dump::elf_core::core_headers;
use crate::dump::error::DumpError;
use crate::dump::link_map::link_map;
use crate::dump::mapped_files::{MappedFile, mapped_files};
#[cfg(feature = "minidump")]
use crate::dump::minidump;
use crate::dump::modules::modules;
use crate::dump::notes::{Note, Notes};
use crate::dump::process::{
    Identity, Mapping, Permissions, Process, Source, SourceKind, Thread, ThreadRegisters,
};
use crate::dump::prstatus::thread_status;
use crate::dump::psinfo::process_info;
use crate::dump::register_notes;
use crate::dump::segments::{Segment, Segments};
use crate::dump::sidecar;
use crate::dump::sidecar::Sidecar;
use crate::dump::siginfo::{SignalCause, SignalInfo, signal_info};
use crate::dump::stream::{Input, contents, contents_of_stream};
use crate::dump::unnamed_modules::{name_by_loader, unnamed_modules};

/// Opens the core file at `path`.
///
/// What is damaged or missing in it is noted in `gaps`.
///
/// # Errors
///
/// Only for a file that is no core, or that ends within its headers.
pub fn open<'f>(
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Process<'f>, DumpError> {
    let file =
        store.open(path).map_err(|source| DumpError::Io { path: path.to_owned(), source })?;
    open_stored(file, path, store, limits, gaps)
}

/// As [`open`], for a core that `store` holds already; `path` only names it.
///
/// # Errors
///
/// As for [`open`].
pub fn open_stored<'f>(
    file: StoredFile<'f>,
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Process<'f>, DumpError> {
    let contents = contents(file.bytes, path, store, limits, gaps)?;
    open_contents(contents, path, store, limits, gaps)
}

/// As [`open`], for a core that is read once, from front to back, as from a
/// pipe: compressed or not. What is kept of it lies in the scratch file that
/// `store` was lent. `path` names it.
///
/// # Errors
///
/// As for [`open`].
pub fn open_stream<'f>(
    input: Input<'_>,
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Process<'f>, DumpError> {
    let contents = contents_of_stream(input, path, store, limits, gaps)?;
    open_contents(contents, path, store, limits, gaps)
}

fn open_contents<'f>(
    contents: Contents<'f>,
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Process<'f>, DumpError> {
    #[cfg(feature = "minidump")]
    if contents.part(0, 4) == minidump::MAGIC {
        return minidump::open(contents, path, limits, gaps);
    }
    let headers = core_headers(&contents, path)?;
    let loads: Vec<&ProgramHeader> =
        headers.segments.iter().filter(|segment| segment.p_type == PT_LOAD).collect();

    let mut notes = CoreNotes::default();
    for segment in headers.segments.iter().filter(|segment| segment.p_type == PT_NOTE) {
        notes.read(headers.arch, &contents, segment, limits, gaps);
    }
    let complete = damage::note_truncation(contents.len(), &headers.segments, headers.lost, gaps)
        && !notes.broken;
    if notes.threads.is_empty() {
        gaps.note(
            "the threads and their registers",
            "the core has no NT_PRSTATUS note, or lost it",
            "capture the crash again: coretool run PROGRAM",
        );
    }

    damage::note_odd_headers(&headers.segments, gaps);
    damage::note_unnumbered(&notes.threads, gaps);
    note_missing(&notes, gaps);
    let mut mappings = mappings(&loads, &notes.files, notes.is_of_gdb);
    let segments = segments(&contents, &loads, &notes.auxv);
    let compressed = contents.is_compressed();
    let memory = Segments::new(contents, segments, headers.arch.model());
    damage::note_lost_memory(headers.arch, &notes.threads, &mappings, &memory, gaps);
    let modules = if notes.files.is_empty() {
        unnamed_modules(&mut mappings, &notes.auxv, &memory, limits)
    } else {
        modules(&mappings, &notes.auxv, &memory, limits)
    };
    let mut identity = notes.identity;
    identity.executable =
        modules.iter().find(|module| module.is_main).map(|main| main.path.clone());
    if let Some(arguments) = arguments(&notes.auxv, &memory) {
        identity.arguments = arguments;
        identity.arguments_complete = true;
    }
    // The kernel writes the same signal into every thread's note, and the
    // crashed thread first. gcore writes 0 when no signal stopped the process.
    let signal = (notes.signal != 0).then(|| {
        let plain = SignalInfo {
            signal: Signal(i32::from(notes.signal)),
            code: None,
            cause: SignalCause::None,
        };
        notes.info.filter(|info| info.signal == plain.signal).unwrap_or(plain)
    });
    let sidecar = notes.sidecar.or_else(|| sidecar_beside(path, store));
    let mut threads = notes.threads;
    name_threads(&mut threads, sidecar.as_ref());
    let names_no_files = notes.files.is_empty();
    let mut process = Process {
        source: Source {
            kind: SourceKind::Core,
            path: Some(path.to_owned()),
            complete,
            compressed,
        },
        arch: headers.arch,
        identity,
        signal,
        threads,
        mappings,
        modules,
        auxv: notes.auxv,
        memory: Box::new(memory),
        sidecar,
    };
    if names_no_files {
        name_modules(&mut process, limits);
    }
    Ok(process)
}

/// Notes which of the notes that the kernel writes the core has not, as those of
/// QEMU.
fn note_missing(notes: &CoreNotes<'_>, gaps: &Gaps) {
    if notes.threads.is_empty() || notes.auxv.is_empty() {
        return;
    }
    if notes.signal != 0 && notes.info.is_none() {
        gaps.note_final(
            "who sent the signal, and the address at fault",
            "the core has no NT_SIGINFO note; its maker, QEMU perhaps, writes none",
        );
    }
    if notes.files.is_empty() {
        gaps.note(
            "the files that were mapped",
            "the core has no NT_FILE note; modules are found by their headers, the auxiliary \
             vector and the loader's list",
            "give the program with --exe",
        );
    }
}

/// Gives modules the names that the loader keeps for them.
fn name_modules(process: &mut Process<'_>, limits: &Limits) {
    /// Bytes of a path that are read.
    const LONGEST_PATH: usize = 4096;
    let memory = &*process.memory;
    let names: Vec<_> = link_map(process, memory, limits.modules)
        .iter()
        .filter_map(|entry| Some((entry.dynamic, memory.text(entry.name, LONGEST_PATH).ok()?.0)))
        .collect();
    name_by_loader(&mut process.modules, &mut process.mappings, &names, memory);
}

/// What was written beside a core whose maker puts no notes of ours into it.
fn sidecar_beside(core: &Path, store: &FileStore) -> Option<Sidecar> {
    let mut path = core.as_os_str().to_owned();
    path.push(sidecar::FILE_SUFFIX);
    let file = store.open(Path::new(&path)).ok()?;
    Sidecar::from_json(file.bytes)
}

/// A core by itself has no names of threads.
fn name_threads(threads: &mut [Thread], sidecar: Option<&Sidecar>) {
    let facts = sidecar.map(|facts| facts.threads.as_slice()).unwrap_or_default();
    let names: HashMap<u32, &String> =
        facts.iter().filter_map(|it| Some((it.tid, it.name.as_ref()?))).collect();
    for thread in threads {
        let name = names.get(&thread.tid).map(|name| name.as_bytes().to_vec());
        thread.name = thread.name.take().or(name);
    }
}

/// What the notes tell, gathered over all note segments.
#[derive(Default)]
struct CoreNotes<'f> {
    identity: Identity,
    signal: u16,
    info: Option<SignalInfo>,
    threads: Vec<Thread>,
    auxv: Vec<(u64, u64)>,
    files: Vec<MappedFile<'f>>,
    sidecar: Option<Sidecar>,
    /// Whether gdb wrote the core, which marks all memory as readable (bfd
    /// `elf.c` sets `PF_R`): closed memory looks like memory that may be read.
    is_of_gdb: bool,
    /// Whether a note was cut or made no sense, so that others may be lost.
    broken: bool,
}

impl<'f> CoreNotes<'f> {
    fn read(
        &mut self,
        arch: Arch,
        contents: &Contents<'f>,
        segment: &ProgramHeader,
        limits: &Limits,
        gaps: &Gaps,
    ) {
        let present = contents.part(segment.p_offset, segment.p_filesz);
        let notes = Cursor::new(present, FileOff(segment.p_offset)).with_model(arch.model());
        for note in Notes::new(notes) {
            let result = note.and_then(|note| self.add(arch, &note, limits));
            if let Err(error) = result {
                self.broken = true;
                gaps.note_final("a note of the core", with_sources(&error));
            }
        }
    }

    fn add(&mut self, arch: Arch, note: &Note<'f>, limits: &Limits) -> Result<(), DumpError> {
        const NT_PRSTATUS: u32 = 1;
        const NT_PRFPREG: u32 = 2;
        const NT_PRPSINFO: u32 = 3;
        const NT_AUXV: u32 = 6;
        const NT_SIGINFO: u32 = 0x5349_4749;
        const NT_FILE: u32 = 0x4649_4c45;
        let cut = |source| DumpError::NoteCutShort { note: note.at, source };
        match (note.owner, note.kind) {
            (b"CORE", NT_PRSTATUS) if self.threads.len() < limits.threads => {
                let status = thread_status(arch, note.desc).map_err(cut)?;
                if self.threads.is_empty() {
                    self.signal = status.signal;
                    self.identity.ppid = self.identity.ppid.or(Some(status.ppid));
                }
                let registers =
                    ThreadRegisters { general: status.general, ..ThreadRegisters::default() };
                self.threads.push(Thread {
                    tid: status.tid,
                    name: None,
                    registers: Some(registers),
                });
            }
            // Register sets follow the NT_PRSTATUS of their thread.
            (b"CORE", NT_PRFPREG) | (b"LINUX", _) => {
                let registers = self.threads.last_mut().and_then(|last| last.registers.as_mut());
                if let Some(registers) = registers {
                    register_notes::add(arch, note, registers);
                }
            }
            (b"CORE", NT_PRPSINFO) => {
                let info = process_info(note.desc).map_err(cut)?;
                let words = info.arguments.split(|byte| *byte == b' ');
                self.identity = Identity {
                    pid: Some(info.pid),
                    ppid: Some(info.ppid),
                    uid: Some(info.uid),
                    gid: Some(info.gid),
                    command: info.command.to_vec(),
                    arguments: words.map(<[u8]>::to_vec).collect(),
                    ..Identity::default()
                };
            }
            // Of several, as gcore writes them, the first is the crashed thread's.
            (b"CORE", NT_SIGINFO) if self.info.is_none() => {
                self.info = Some(signal_info(arch, note.desc).map_err(cut)?);
            }
            (b"CORE", NT_AUXV) => {
                let mut desc = note.desc;
                while let (Ok(kind), Ok(value)) = (desc.word(), desc.word()) {
                    self.auxv.push((kind, value));
                    if kind == 0 {
                        break;
                    }
                }
            }
            (sidecar::NOTE_NAME, sidecar::NOTE_TYPE) if self.sidecar.is_none() => {
                self.sidecar = Sidecar::from_json(note.desc.rest());
            }
            (b"CORE", NT_FILE) => self.files = mapped_files(note)?,
            // Its target description, which nobody else writes.
            (b"GDB", _) => self.is_of_gdb = true,
            // Register sets of other kinds.
            _ => (),
        }
        Ok(())
    }
}

/// The error's message with those of its causes.
fn with_sources(error: &DumpError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// How many bytes of a segment are in the file.
fn present(contents: &Contents<'_>, segment: &ProgramHeader) -> u64 {
    segment.p_filesz.min(contents.len().saturating_sub(segment.p_offset))
}

/// The segments whose bytes are to be believed.
fn segments(
    contents: &Contents<'_>,
    loads: &[&ProgramHeader],
    auxv: &[(u64, u64)],
) -> Vec<Segment> {
    const AT_SYSINFO_EHDR: u64 = 33;
    /// `[vsyscall]` of every process; Linux `VSYSCALL_ADDR`.
    const VSYSCALL: u64 = 0xffff_ffff_ff60_0000;
    let vdso = auxv.iter().find(|(kind, _)| *kind == AT_SYSINFO_EHDR).map(|(_, at)| *at);
    // The kernel claims to have dumped [vvar], [vvar_vclock] and [vsyscall],
    // but cannot read them, and writes zeros. The first two lie right below
    // the vdso and are the only private mappings there that are read-only.
    let mut vvar_end = vdso;
    let mut vvar = Vec::new();
    let mut by_end: Vec<&&ProgramHeader> = loads.iter().collect();
    by_end.sort_by_key(|load| std::cmp::Reverse(load.p_vaddr));
    for load in by_end {
        let end = load.p_vaddr.saturating_add(load.p_memsz);
        let read_only = load.p_flags & (PF_R | PF_W | PF_X) == PF_R;
        if Some(end) == vvar_end && read_only && is_zero(contents, load) {
            vvar.push(load.p_vaddr);
            vvar_end = Some(load.p_vaddr);
        }
    }
    loads
        .iter()
        .filter(|load| load.p_vaddr != VSYSCALL && !vvar.contains(&load.p_vaddr))
        .map(|load| Segment {
            start: RunAddr(load.p_vaddr),
            at: load.p_offset,
            len: present(contents, load),
        })
        .collect()
}

/// Whether all of a few pages are zero. A longer range is not looked at: the
/// kernel's data pages are few.
fn is_zero(contents: &Contents<'_>, load: &ProgramHeader) -> bool {
    let len = present(contents, load);
    if len > 64 << 10 {
        return false;
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    let got = contents.read(load.p_offset, &mut bytes);
    got == bytes.len() && bytes.iter().all(|byte| *byte == 0)
}

/// Program headers and `NT_FILE` put together.
fn mappings(loads: &[&ProgramHeader], files: &[MappedFile<'_>], is_of_gdb: bool) -> Vec<Mapping> {
    let mut files: Vec<&MappedFile<'_>> =
        files.iter().filter(|file| !file.range.is_empty()).collect();
    files.sort_by_key(|file| file.range.start);
    let mut loads: Vec<&&ProgramHeader> = loads.iter().filter(|load| load.p_memsz > 0).collect();
    loads.sort_by_key(|load| load.p_vaddr);

    let mut mappings: Vec<Mapping> = Vec::with_capacity(loads.len());
    let mut from = RunAddr(0);
    let mut next_file = 0usize;
    for load in loads {
        let end = RunAddr(load.p_vaddr.saturating_add(load.p_memsz));
        let start = RunAddr(load.p_vaddr).max(from);
        if start >= end {
            continue;
        }
        file_gaps(&files, &mut next_file, from, start, &mut mappings);
        let file = files.get(next_file).filter(|file| file.range.contains(start));
        let may_be_closed = is_of_gdb && file.is_none() && load.p_flags & (PF_W | PF_X) == 0;
        let permissions = Permissions {
            read: load.p_flags & PF_R != 0,
            write: load.p_flags & PF_W != 0,
            execute: load.p_flags & PF_X != 0,
            known: true,
        };
        mappings.push(Mapping {
            range: RunRange { start, end },
            permissions: if may_be_closed { Permissions::default() } else { permissions },
            path: file.map(|file| file.path.to_vec()),
            offset: file.map_or(FileOff(0), |file| offset_at(file, start)),
            dumped: load.p_filesz,
        });
        from = end;
    }
    file_gaps(&files, &mut next_file, from, RunAddr(u64::MAX), &mut mappings);
    mappings
}

/// Adds what only `NT_FILE` knows between `from` and `to`: gdb's gcore writes
/// no program header for a read-only file mapping. Leaves `next` at the first
/// file that ends after `to`.
fn file_gaps(
    files: &[&MappedFile<'_>],
    next: &mut usize,
    from: RunAddr,
    to: RunAddr,
    mappings: &mut Vec<Mapping>,
) {
    while let Some(file) = files.get(*next) {
        let start = file.range.start.max(from);
        let end = file.range.end.min(to);
        if start < end {
            mappings.push(Mapping {
                range: RunRange { start, end },
                permissions: Permissions::default(),
                path: Some(file.path.to_vec()),
                offset: offset_at(file, start),
                dumped: 0,
            });
        }
        if file.range.end > to {
            break;
        }
        *next = next.saturating_add(1);
    }
}

fn offset_at(file: &MappedFile<'_>, at: RunAddr) -> FileOff {
    let skip = at.0.saturating_sub(file.range.start.0);
    FileOff(file.offset.0.saturating_add(skip))
}
