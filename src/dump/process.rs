//! What later layers know of the dead.
//!
//! A core file and a live, stopped process are two makers of the same
//! [`Process`]; nothing to the right of it knows which one it was.

use std::path::PathBuf;

use crate::base::addr::{Bias, FileOff, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::base::memory::Memory;
use crate::dump::sidecar::Sidecar;
use crate::dump::siginfo::SignalInfo;

/// A process at the moment of its death, or stopped just before it.
pub struct Process<'f> {
    /// Where all this comes from.
    pub source: Source,
    /// The architecture of its code.
    pub arch: Arch,
    /// Its identity and command line.
    pub identity: Identity,
    /// The signal that killed it. `None`: no fatal signal (a snapshot).
    pub signal: Option<SignalInfo>,
    /// Its threads. **The first one crashed**, when [`Process::signal`] is some.
    pub threads: Vec<Thread>,
    /// Its mappings, sorted by address, not overlapping.
    pub mappings: Vec<Mapping>,
    /// ELF files mapped as code, sorted by their lowest address.
    pub modules: Vec<Module>,
    /// The auxiliary vector: pairs of type (`AT_PHDR` = 3, ...) and value.
    pub auxv: Vec<(u64, u64)>,
    /// What is known of its memory: the core's segments, or the live process.
    /// Bytes of mapped files that were not dumped are *not* in it.
    pub memory: Box<dyn Memory + 'f>,
    /// What the kernel knew of it, where somebody asked while it was there.
    pub sidecar: Option<Sidecar>,
}

/// Where a [`Process`] was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which kind of maker.
    pub kind: SourceKind,
    /// The core file, as the user named it.
    pub path: Option<PathBuf>,
    /// Whether everything that the maker promised is there. A cut core is not.
    pub complete: bool,
    /// Whether the core was read compressed.
    pub compressed: bool,
}

/// The makers of a [`Process`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// An ELF core file.
    Core,
    /// A process that is held by ptrace.
    Live,
    /// A line of the kernel's log: one address of one thread, no memory.
    KernelLog,
}

/// Who the process was. Bytes, not text: none of these need be UTF-8, and all
/// of them are the target's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Process id, as the process saw it.
    pub pid: Option<u32>,
    /// Process id of its parent.
    pub ppid: Option<u32>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Real group id.
    pub gid: Option<u32>,
    /// `comm` of the main thread, at most 15 bytes.
    pub command: Vec<u8>,
    /// Path of the executable.
    pub executable: Option<Vec<u8>>,
    /// The command line, one element an argument.
    pub arguments: Vec<Vec<u8>>,
    /// False when [`Identity::arguments`] is only what `pr_psargs` keeps: 79
    /// bytes with spaces for separators.
    pub arguments_complete: bool,
    /// The working directory.
    pub working_directory: Option<Vec<u8>>,
}

/// One thread.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Thread id, as the process saw it.
    pub tid: u32,
    /// `comm` of the thread; a core holds it for the main thread only.
    pub name: Option<Vec<u8>>,
    /// Its registers. `None`: it could not be stopped, or the note is cut.
    pub registers: Option<ThreadRegisters>,
}

/// All registers of one thread at the moment of death.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadRegisters {
    /// The general registers, in the order of
    /// [`Arch::general_registers`].
    pub general: Vec<u64>,
    /// Which of them are not known after all: bit N for word N.
    pub unknown: u64,
    /// Bits of a return address that hold its signature (`NT_ARM_PAC_MASK`);
    /// zero where addresses are not signed.
    pub signature: u64,
    /// Floating-point and vector registers: `NT_PRFPREG`, or the larger note
    /// that the architecture has in its place. On x86 the XSAVE area
    /// (`NT_X86_XSTATE`), or the legacy FXSAVE area of 512 bytes with which it
    /// begins. Empty when unknown.
    pub extended: Vec<u8>,
}

impl ThreadRegisters {
    /// The general register at `index` of [`Arch::general_registers`], if it
    /// is known.
    pub fn word(&self, index: usize) -> Option<u64> {
        let bit = u32::try_from(index).ok().and_then(|index| 1u64.checked_shl(index));
        let is_unknown = bit.is_some_and(|bit| self.unknown & bit != 0);
        if is_unknown { None } else { self.general.get(index).copied() }
    }
}

/// One mapping of the address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its addresses.
    pub range: RunRange,
    /// What the process might do with it.
    pub permissions: Permissions,
    /// The mapped file, as the process saw its path; `[stack]`, `[vdso]` and
    /// the like where known.
    pub path: Option<Vec<u8>>,
    /// Where in the file the mapping starts.
    pub offset: FileOff,
    /// How much of it the maker says was dumped, in bytes from its start:
    /// `p_filesz`. **Bytes past it may be read from the mapped file**, if the
    /// file matches and the mapping was not writable. Bytes before it must not
    /// be, even if the core was cut and lost them: they had been changed.
    pub dumped: u64,
}

/// What a process might do with a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// `PROT_READ`.
    pub read: bool,
    /// `PROT_WRITE`.
    pub write: bool,
    /// `PROT_EXEC`.
    pub execute: bool,
    /// False when the permissions themselves are unknown, as for a file range
    /// that only `NT_FILE` names, and memory that gdb's cores call readable. The other three are then false.
    pub known: bool,
}

/// An ELF file mapped as a program or library, before anybody opened the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The file, as the process saw its path: perhaps inside a container,
    /// perhaps with ` (deleted)` at the end. `[vdso]` for the kernel's.
    pub path: Vec<u8>,
    /// From its lowest to its highest mapped address.
    pub range: RunRange,
    /// What the loader added. `None` when the ELF header was not in memory, so
    /// that the file has to tell: its first `PT_LOAD` is at `range.start`.
    pub bias: Option<Bias>,
    /// `NT_GNU_BUILD_ID` as found **in memory**, of any length.
    pub build_id: Option<Vec<u8>>,
    /// Whether this is the program itself, not a library.
    pub is_main: bool,
}

impl Process<'_> {
    /// The mapping that contains `at`.
    pub fn mapping(&self, at: RunAddr) -> Option<&Mapping> {
        let after = self.mappings.partition_point(|mapping| mapping.range.start <= at);
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        mapping.range.contains(at).then_some(mapping)
    }

    /// The module whose mapped range contains `at`, and its index.
    pub fn module(&self, at: RunAddr) -> Option<(usize, &Module)> {
        let after = self.modules.partition_point(|module| module.range.start <= at);
        let index = after.checked_sub(1)?;
        let module = self.modules.get(index)?;
        module.range.contains(at).then_some((index, module))
    }

    /// An entry of the auxiliary vector.
    pub fn aux(&self, kind: u64) -> Option<u64> {
        self.auxv.iter().find(|(found, _)| *found == kind).map(|(_, value)| *value)
    }

    /// The thread that crashed, when the process died of a signal.
    pub fn crashed_thread(&self) -> Option<&Thread> {
        self.signal.as_ref().and_then(|_| self.threads.first())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    /// A process of unit tests: nothing but mappings, each `start..end` with
    /// letters of `rwx`.
    pub(crate) fn process(mappings: &[(u64, u64, &str)]) -> Process<'static> {
        let mapping = |(start, end, letters): &(u64, u64, &str)| Mapping {
            range: RunRange { start: RunAddr(*start), end: RunAddr(*end) },
            permissions: Permissions {
                read: letters.contains('r'),
                write: letters.contains('w'),
                execute: letters.contains('x'),
                known: true,
            },
            path: None,
            offset: FileOff(0),
            dumped: 0,
        };
        Process {
            source: Source {
                kind: SourceKind::Core,
                path: None,
                complete: true,
                compressed: false,
            },
            arch: Arch::X86_64,
            identity: Identity::default(),
            signal: None,
            threads: Vec::new(),
            mappings: mappings.iter().map(mapping).collect(),
            modules: Vec::new(),
            auxv: Vec::new(),
            memory: Box::new(Bytes(0, &[])),
            sidecar: None,
        }
    }

    #[test]
    fn mappings_are_found_by_address() {
        let process = process(&[(0x1000, 0x2000, "r-x"), (0x3000, 0x4000, "rw-")]);
        let cases = [
            ("below all", 0xfff, None),
            ("the first byte", 0x1000, Some(0x1000)),
            ("the last byte", 0x1fff, Some(0x1000)),
            ("in a hole", 0x2000, None),
            ("in the last", 0x3800, Some(0x3000)),
            ("above all", u64::MAX, None),
        ];
        for (name, at, start) in cases {
            let found = process.mapping(RunAddr(at)).map(|mapping| mapping.range.start.0);
            assert_eq!(found, start, "{name}");
        }
    }
}
