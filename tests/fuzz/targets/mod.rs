//! What is fuzzed: each target puts the fuzzer's bytes where one reader finds
//! them, and analyzes and renders whatever comes of that. A panic is a finding,
//! and so is whatever the limits of the process end.
//!
//! The subject is a small crashed program and its core; most targets replace a
//! part of one of them, so that all that leads there is whole.

use std::fs;
use std::path::Path;

use coretool::analyze::{Locals, Options, analyze};
use coretool::base::file_store::{FileStore, StoredFile};
use coretool::base::gap::Gaps;
use coretool::dump;
use coretool::report::model::Report;
use coretool::report::render::json::{self, Layout};
use coretool::report::render::text::{self, TextOptions};
use coretool::triage::store::{Budget, Store, Wanted};
use object::{Object as _, ObjectSection as _};

/// A crashed program.
pub(crate) struct Subject {
    pub(crate) core: Vec<u8>,
    pub(crate) program: Vec<u8>,
}

/// One target.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    kind: Kind,
}

/// Where a target's bytes go.
enum Kind {
    /// They are the dump: compressed, a tar, a report, a minidump.
    Dump,
    /// They replace the headers of the core, or its notes, or what lies around
    /// the stack pointer: values, and what printers and rules look at.
    CoreHeaders,
    Notes,
    Stack,
    /// They replace the ELF header, program headers and section headers of the
    /// program.
    ElfHeaders,
    /// They replace a section of the program.
    Section(&'static str),
    /// They are the index of a store.
    StoreIndex,
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "streams", kind: Kind::Dump },
    Target { name: "minidump", kind: Kind::Dump },
    Target { name: "headers", kind: Kind::CoreHeaders },
    Target { name: "notes", kind: Kind::Notes },
    Target { name: "values", kind: Kind::Stack },
    Target { name: "sections", kind: Kind::ElfHeaders },
    Target { name: "cfi", kind: Kind::Section(".eh_frame") },
    Target { name: "search-table", kind: Kind::Section(".eh_frame_hdr") },
    Target { name: "lines", kind: Kind::Section(".debug_line") },
    Target { name: "types", kind: Kind::Section(".debug_info") },
    Target { name: "abbreviations", kind: Kind::Section(".debug_abbrev") },
    Target { name: "expressions", kind: Kind::Section(".debug_loclists") },
    Target { name: "symbols", kind: Kind::Section(".symtab") },
    Target { name: "store-index", kind: Kind::StoreIndex },
];

/// The target of this name.
pub(crate) fn named(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target of this name")
}

impl Target {
    /// Bytes to begin with; `None`: the target's own are written by hand.
    pub(crate) fn seed(&self, subject: &Subject) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Dump | Kind::StoreIndex => None,
            Kind::CoreHeaders => Some(subject.core[subject.core_headers()].to_vec()),
            Kind::Notes => Some(subject.core[subject.notes()].to_vec()),
            Kind::Stack => Some(subject.core[subject.stack()].to_vec()),
            Kind::ElfHeaders => {
                let (head, sections) = subject.program_headers();
                Some([&subject.program[head], &subject.program[sections]].concat())
            }
            Kind::Section(name) => Some(subject.program[subject.section(name)].to_vec()),
        }
    }

    /// Runs it once.
    pub(crate) fn run(&self, subject: &Subject, bytes: &[u8], scratch: &Path) {
        let (mut core, mut program) = (subject.core.clone(), subject.program.clone());
        match self.kind {
            Kind::Dump => core = bytes.to_vec(),
            Kind::CoreHeaders => replace(&mut core[subject.core_headers()], bytes),
            Kind::Notes => replace(&mut core[subject.notes()], bytes),
            Kind::Stack => replace(&mut core[subject.stack()], bytes),
            Kind::ElfHeaders => {
                let (head, sections) = subject.program_headers();
                let (first, rest) = bytes.split_at(head.len().min(bytes.len()));
                replace(&mut program[head], first);
                replace(&mut program[sections], rest);
            }
            Kind::Section(name) => replace(&mut program[subject.section(name)], bytes),
            Kind::StoreIndex => return store(bytes, scratch),
        }
        if let Some(report) = explained(core, program) {
            let mut out = String::new();
            text::render(&report, &TextOptions::default(), &mut out).expect("a string takes all");
            let is_bare = |letter: char| letter.is_control() && letter != '\n';
            assert!(!out.contains(is_bare), "a control character is not escaped");
            out.clear();
            json::render(&report, Layout::OneLine, &mut out).expect("a string takes all");
        }
    }
}

/// Puts bytes over the beginning of a place.
fn replace(place: &mut [u8], bytes: &[u8]) {
    let length = place.len().min(bytes.len());
    place[..length].copy_from_slice(&bytes[..length]);
}

fn explained(core: Vec<u8>, program: Vec<u8>) -> Option<Report> {
    let (store, gaps) = (FileStore::new(), Gaps::new());
    store.attach("program".into(), store.keep(program));
    let mut options = Options { locals: Locals::All, globals: true, ..Options::default() };
    // Only the subject is looked at, not this machine's files.
    options.symbols.sysroot = Some("/does/not/exist".into());
    options.symbols.debug_directories.clear();
    let file = StoredFile { bytes: store.keep(core), modified: 0 };
    let process = dump::open_stored(file, Path::new("core"), &store, &options.limits, &gaps);
    match process {
        Ok(process) => Some(analyze(&process, &store, &options, &gaps)),
        Err(error) => {
            assert!(error.to_string().len() > 10, "`{error}` explains nothing");
            None
        }
    }
}

fn store(index: &[u8], scratch: &Path) {
    let root = scratch.join("store");
    let _fresh = fs::remove_dir_all(&root);
    // The directories with their rights, then an index of somebody else.
    drop(Store::open(&root, Budget::default()));
    fs::write(root.join("index.sqlite"), index).expect("a writable directory");
    if let Ok(store) = Store::open(&root, Budget::default()) {
        let _listed = store.list(&Wanted::default());
        let _counted = store.counts();
        let _found = store.find("latest");
    }
}

impl Subject {
    fn word(&self, at: usize) -> usize {
        let bytes = self.core[at..at + 8].try_into().expect("eight bytes");
        usize::try_from(u64::from_le_bytes(bytes)).expect("an offset")
    }

    /// Of the core: the ELF header and the program headers behind it.
    fn core_headers(&self) -> std::ops::Range<usize> {
        0..64 + 56 * usize::from(u16::from_le_bytes([self.core[56], self.core[57]]))
    }

    /// Of the core: `PT_NOTE` is the first program header.
    fn notes(&self) -> std::ops::Range<usize> {
        let start = self.word(64 + 8);
        start..start + self.word(64 + 32)
    }

    /// The last 64 KiB below the end of the stack: of the segment that holds the
    /// first thread's `rsp`.
    fn stack(&self) -> std::ops::Range<usize> {
        // A note's header of 12 bytes, its name of 8, pr_reg at 112; rsp is
        // word 19.
        let notes = self.notes();
        let state = self.core[notes.clone()].windows(8).position(|it| it == b"CORE\0\0\0\0");
        let first = notes.start + state.expect("a note of a core") - 12;
        let count = usize::from(u16::from_le_bytes([self.core[56], self.core[57]]));
        let states = (first..notes.end).step_by(4);
        let is_state = |at: &usize| {
            self.core.get(*at..at + 20).is_some_and(|head| {
                head.starts_with(&[5, 0, 0, 0, 0x50, 1, 0, 0, 1, 0, 0, 0])
                    && head.ends_with(b"CORE\0\0\0\0")
            })
        };
        let state = states.into_iter().find(is_state).expect("a thread");
        let sp = self.word(state + 20 + 112 + 19 * 8);
        for index in 0..count {
            let header = 64 + index * 56;
            let (offset, start, size) =
                (self.word(header + 8), self.word(header + 16), self.word(header + 32));
            if (start..start + size).contains(&sp) {
                let from = offset + (sp - start).saturating_sub(128);
                return from..(from + (16 << 10)).min(offset + size);
            }
        }
        panic!("the core has the crashed thread's stack");
    }

    /// Of the program: up to the end of its program headers, and its section
    /// headers.
    fn program_headers(&self) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let half =
            |at: usize| usize::from(u16::from_le_bytes([self.program[at], self.program[at + 1]]));
        let word: [u8; 8] = self.program[40..48].try_into().expect("eight bytes");
        let sections = usize::try_from(u64::from_le_bytes(word)).expect("an offset");
        (0..64 + 56 * half(56), sections..sections + 64 * half(60))
    }

    fn section(&self, name: &str) -> std::ops::Range<usize> {
        let elf = object::File::parse(&*self.program).expect("an ELF file");
        let section = elf.section_by_name(name).expect("the subject has all sections");
        let (start, size) = section.file_range().expect("with bytes");
        let start = usize::try_from(start).expect("an offset");
        start..start + usize::try_from(size).expect("a size")
    }
}
