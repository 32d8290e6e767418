//! The report: owned, and a contract.
//!
//! Its JSON form is described by `docs/report-schema.json`, which is generated
//! from these types. Fields may be added, never renamed. A writer leaves out
//! what it does not know; a reader must tolerate that for every field except
//! those that the schema calls required.
//!
//! Text is kept as the process had it, control characters and all: **whoever
//! shows it escapes it**, as [`render`](crate::report::render) does.

mod capture;
mod doctor;
mod kept;
mod memory;
mod printout;
mod signature;
mod stack;
mod symbols;
mod triage;
mod value;
mod waits;
mod what;

use std::fmt;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::capture::{Capture, Recorded};
pub use self::doctor::{Check, CheckState, CrashOutcome, CrashProof, Examination, Prospect};
pub use self::kept::{
    Exported, HandlerStatus, KeptCore, KeptCrash, KeptCrashes, Pruned, PrunedCrash,
};
pub use self::memory::{ByteSource, Bytes, MemoryDump, MemoryPart, Word};
pub use self::printout::{
    Enumerator, Fault, Layout, LayoutKind, LayoutMember, Printed, Printout, RefusedExpression,
    Standpoint,
};
pub use self::signature::Signature;
pub use self::stack::{
    Excerpt, Folded, Frame, Globals, Instruction, NameSource, Registers, Thread, Trust, Variable,
};
pub use self::symbols::{AddressLines, ModuleFiles, SourceCall, SymbolFiles, UsedFile};
pub use self::triage::{Bucket, FailedFile, Known, Link, Place, Rank, TRIAGE_SCHEMA, Triage};
pub use self::value::{Declared, Field, Origin, Value, ValueKind};
pub use self::waits::{Lock, WaitEdge, WaitGraph, WaitsFor};
pub use self::what::{
    AddressKind, CodePlace, HeapBlock, HeapState, ModulePlace, Neighbor, StackPlace, SymbolPlace,
    ThreadBlock, ThreadLocalPlace, VariablePlace, What,
};

use crate::base::addr::{LinkAddr, RunAddr};
pub use crate::base::facts::{Ipc, Relative, Surroundings, Tree};
pub use crate::base::text::text;

/// The name of the contract, in [`Report::schema`].
pub const SCHEMA: &str = "coretool.report/1";

/// What happened to one process, and how we know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool report")]
pub struct Report {
    /// Always `coretool.report/1`.
    pub schema: String,
    /// Who wrote the report.
    #[serde(default)]
    pub tool: Tool,
    /// What the report was made from.
    pub source: Source,
    /// Who the process was.
    #[serde(default)]
    pub process: ProcessInfo,
    /// The signal that killed it. Absent: no fatal signal is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// One sentence: `SIGSEGV in thread 4245 "worker-3": read of 4 bytes at
    /// 0x18, because ...`. What the program tried, and why that failed.
    pub verdict: String,
    /// Causes with their evidence, the most probable one first.
    pub findings: Vec<Finding>,
    /// All threads, the crashed one first.
    pub threads: Vec<Thread>,
    /// Who waits for whom. Absent: no thread waits for a lock or another thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_graph: Option<WaitGraph>,
    /// What it had open and shared with other processes. Absent: whoever made
    /// the dump did not look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc: Option<Ipc>,
    /// Its relatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<Tree>,
    /// Its limits, control group, namespaces, mounts and environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surroundings: Option<Surroundings>,
    /// The variables that live as long as the process, of the source file in
    /// which the crashed thread stood. Absent: they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub globals: Option<Globals>,
    /// The instructions around the fault. Empty: they were not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disassembly: Vec<Instruction>,
    /// ELF files that were mapped as code, sorted by address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// The address space, sorted by address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<Mapping>,
    /// What this report cannot say, why, and what would help.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Which bug it is: the keys that crashes of one bug share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Where crash files were saved. Absent: nothing was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<Saved>,
}

/// The program that wrote a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `coretool`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What a report was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Which kind of source.
    #[serde(default)]
    pub kind: SourceKind,
    /// The core file, as the user named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether everything that the maker promised is there. A core that was
    /// cut short is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Whether the core was read compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed: Option<bool>,
    /// The architecture of the process: `x86_64`.
    pub arch: String,
    /// `little` or `big`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_order: Option<String>,
    /// Width of an address: 32 or 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u8>,
    /// How the crash was caught. Absent: nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    /// What another handler has recorded beside the core. Absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// An ELF core file.
    #[default]
    Core,
    /// A process that was held still just before its death.
    Live,
    /// A minidump.
    Minidump,
    /// A line of the kernel's log: there was no core.
    KernelLog,
    /// A text that another tool or a language's runtime has written.
    TextLog,
}

/// Who a process was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessInfo {
    /// Process id, as the process itself saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Process id of its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u32>,
    /// Real user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Real group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// The short name that the kernel keeps (`comm`), at most 15 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Path of the executable, as the process saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// False when [`ProcessInfo::arguments`] was split at spaces, or cut:
    /// a core by itself keeps only 79 bytes, with spaces for separators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments_complete: Option<bool>,
    /// The working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// How the process ended, where somebody waited for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// When it started, in UTC, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
}

/// The signal that killed a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Signal {
    /// Its number on the architecture of the process.
    #[serde(default)]
    pub number: i32,
    /// Its name: `SIGSEGV`.
    #[serde(default)]
    pub name: String,
    /// `si_code`: who or what sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The name of the code: `SEGV_MAPERR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_name: Option<String>,
    /// What signal and code say together, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub meaning: String,
    /// The fault's address, where the kernel states one. Never the zero that
    /// stands in its place otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// Who sent it, when a process did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// The system call that a filter refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<String>,
}

/// The process that sent a signal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// Its process id; 0 when it is outside of the pid namespace.
    #[serde(default)]
    pub pid: i32,
    /// Its real user id.
    #[serde(default)]
    pub uid: u32,
    /// Its command, where it was still alive to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// One cause with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The stable name of the cause: `null-pointer`.
    #[serde(default)]
    pub id: String,
    /// How sure it is, from 0 to 1. From 0.95 on it is stated as a fact.
    #[serde(default)]
    pub confidence: f64,
    /// What happened, in a few words.
    #[serde(default)]
    pub title: String,
    /// What that means, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub explanation: String,
    /// The facts that it rests on, one sentence each, the strongest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Where in the source it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// How bad it may be for others than the program itself.
    #[serde(default)]
    pub severity: Severity,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// The ids of wider causes that fit as well, and that this one explains: a
    /// use after free is a wild pointer, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// A place in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// The function, demangled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The file, as the debug information has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A hint at how bad a cause may be, as SARIF orders them.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not a defect by itself: a signal from outside, say.
    #[default]
    Info,
    /// A crash that nobody else can steer.
    Low,
    /// A crash that input may cause.
    Medium,
    /// Memory was, or could have been, corrupted.
    High,
    /// Evidence that data from outside took control.
    Critical,
}

/// One ELF file that was mapped as code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Module {
    /// Its path, as the process saw it.
    #[serde(default)]
    pub path: String,
    /// Its lowest mapped address.
    #[serde(default)]
    pub base: Hex,
    /// From its lowest to its highest mapped address, in bytes.
    #[serde(default)]
    pub size: u64,
    /// Its build-id as found in memory, in lower-case hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The separate debug file that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_file: Option<String>,
    /// The best table of names that was found.
    #[serde(default)]
    pub symbols: SymbolTable,
    /// A file that was found, but not used since it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
}

/// Tables of names, from best to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SymbolTable {
    /// Debug information: functions, lines, variables.
    Dwarf,
    /// Functions and lines, by the table of Go's runtime.
    GoTable,
    /// All functions by name.
    Symtab,
    /// Exported functions by name.
    Dynsym,
    /// Nothing.
    #[default]
    None,
}

/// One mapping of the address space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mapping {
    /// The first address.
    #[serde(default)]
    pub start: Hex,
    /// The first address after it.
    #[serde(default)]
    pub end: Hex,
    /// `rwx`, with `-` for what is not allowed. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<String>,
    /// Where in the file it starts, in bytes.
    #[serde(default)]
    pub offset: Hex,
    /// The file, as the process saw its path, or `[stack]` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How much of it the dump holds, in bytes from its start.
    #[serde(default)]
    pub dumped: u64,
}

/// Something that a report cannot say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What is missing.
    pub missing: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to do about it, when something helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Where a crash was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Saved {
    /// The crash's own directory.
    #[serde(default)]
    pub directory: String,
    /// The core file. Absent: none was asked for, or it could not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// Bytes that the core takes on disk; its holes take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_bytes: Option<u64>,
    /// This report as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// A short name for the crash, unique on this machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// An address or a word, which JSON shows as `"0x1f"`: its numbers are too
/// small for 64 bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Hex(#[schemars(with = "String", regex(pattern = r"^0x[0-9a-f]{1,16}$"))] pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<RunAddr> for Hex {
    fn from(at: RunAddr) -> Self {
        Self(at.0)
    }
}

impl From<LinkAddr> for Hex {
    fn from(at: LinkAddr) -> Self {
        Self(at.0)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
        digits
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no address like 0x1f")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_report_that_a_reader_must_take() {
        let json = r#"{
            "schema": "coretool.report/1", "source": {"arch": "x86_64"}, "verdict": "",
            "findings": [], "threads": [{"tid": 1, "crashed": true, "frames": [
                {"index": 0, "pc": "0x10", "inlined": false, "trust": "cfi", "locals": [
                    {"name": "n", "value": {"text": "1"}}]}]}],
            "gaps": [{"missing": "lines"}], "a_later_field": 1
        }"#;
        let report: Report = serde_json::from_str(json).unwrap();
        assert_eq!(report.threads[0].frames[0].pc, Hex(0x10));
        let again = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&again).unwrap(), report);
    }

    #[test]
    fn addresses_are_strings() {
        assert_eq!(serde_json::to_string(&Hex(u64::MAX)).unwrap(), r#""0xffffffffffffffff""#);
        for bad in [r#""10""#, r#""0x""#, r#""0x+1""#, r#""0x10000000000000000""#, "16"] {
            assert!(serde_json::from_str::<Hex>(bad).is_err(), "{bad}");
        }
    }
}
