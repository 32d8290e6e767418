//! Threads and their frames.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Declared, Hex, Value, WaitsFor};

/// One thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thread {
    /// Thread id, as the process itself saw it.
    pub tid: u32,
    /// The thread's own name (`comm`), where the source has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the fatal signal was this thread's.
    pub crashed: bool,
    /// What the kernel said of it: `running`, `sleeping` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What it waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// The first thread that stands at the same addresses. The frames, whose
    /// values may differ, are then left out of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_stack_as: Option<u32>,
    /// The calls, innermost first; inlined ones have frames of their own.
    pub frames: Vec<Frame>,
    /// Frames left out of the middle of [`Thread::frames`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folded: Option<Folded>,
    /// Its registers at the moment of death.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registers: Option<Registers>,
    /// Whether the stack was followed down to the thread's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_complete: Option<bool>,
    /// Why the stack ends where it ends, when it is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_it_ends: Option<String>,
}

/// The global and static variables of one unit of the program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Globals {
    /// The unit's main source file, as the debug information has it.
    #[serde(default)]
    pub unit: String,
    /// Their names, with the namespaces and classes they belong to, and values.
    pub variables: Vec<Variable>,
    /// How many more there are. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<u64>,
}

/// The middle of a very deep stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Folded {
    /// The [`Frame::index`] of the last frame before those left out.
    #[serde(default)]
    pub after_index: u64,
    /// How many were left out.
    #[serde(default)]
    pub count: u64,
    /// The functions that repeat, in the order of the calls: each one calls the
    /// next, and the last one the first. Empty when they do not repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<String>,
}

/// One call: a frame of the stack, or a function inlined into one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// Its number, 0 for the innermost one. Numbers of folded frames are
    /// passed over.
    pub index: u64,
    /// Where it stands: the next instruction, or the return address.
    pub pc: Hex,
    /// The function, demangled. Absent: no table names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The function as the linker knows it, when that is another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linkage_name: Option<String>,
    /// Who named the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_source: Option<NameSource>,
    /// How far behind the function's start it stands, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_offset: Option<u64>,
    /// Whether the compiler inlined it into the next frame.
    pub inlined: bool,
    /// Whether it is the kernel's trampoline between a signal handler and what
    /// the signal interrupted.
    #[serde(default)]
    pub signal_frame: bool,
    /// The source language: `C11`, `C++17`, `Rust`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Path of the module that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Build-id of that module, in lower-case hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// [`Frame::pc`] as the module's own file states it, the same in each run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Hex>,
    /// The source file, as the debug information has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line in which the source declares the function. Of the innermost
    /// calls of the crashed thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_line: Option<u32>,
    /// By what the caller handed the bad address in, which the function has not
    /// changed since: "parameter `n`". Absent: it did not, or that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_in: Option<String>,
    /// The function whose source the crash is in, when the compiler has merged
    /// its code into this one without saying so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_function: Option<String>,
    /// How it was found.
    pub trust: Trust,
    /// Its arguments, in the order of the declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Variable>,
    /// Its local variables in scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<Variable>,
    /// The source around [`Frame::line`], where the file could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Excerpt>,
}

/// Who named a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameSource {
    /// The debug information.
    Dwarf,
    /// The table of Go's runtime.
    GoTable,
    /// A symbol that covers the address.
    Symtab,
    /// An exported symbol that covers the address.
    Dynsym,
    /// The nearest symbol below, which does not cover the address: a hint.
    Nearest,
}

/// How a frame was found, from sure to doubtful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// By the registers of the thread, or those that a signal saved.
    #[default]
    Context,
    /// By the module's unwind tables.
    Cfi,
    /// By the chain of frame pointers.
    FramePointer,
    /// A guess: a word on the stack that looks like a return address.
    Scan,
    /// A call whose frame is gone, rebuilt from the debug information.
    TailCall,
}

/// One argument or local variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    /// Its name in the source.
    pub name: String,
    /// Its type, as its language writes it.
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    pub type_name: String,
    /// What it was, or why that is not known.
    pub value: Value,
    /// Where the source declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
}

/// Some lines of a source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// The number of the first line, from 1.
    #[serde(default)]
    pub start: u32,
    /// The lines, without their ends.
    #[serde(default)]
    pub lines: Vec<String>,
    /// The number of the line that the frame stands in.
    #[serde(default)]
    pub marked: u32,
    /// Whether the file was changed after the program was linked, so that
    /// these may not be the lines that were compiled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub newer_than_program: bool,
}

/// The registers of one thread. One that is not known is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registers {
    /// General registers by name, values as in `0x1f`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub general: BTreeMap<String, String>,
    /// Vector and floating-point registers by name. Their values have all
    /// their digits, most significant byte first: 32 for 128 bits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vector: BTreeMap<String, String>,
}

/// One instruction of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instruction {
    /// Where it is.
    pub address: Hex,
    /// In the notation of the GNU assembler.
    pub text: String,
    /// Whether the program stood there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub current: bool,
    /// The function that it is of, by its symbol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Bytes from the function's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_offset: Option<u64>,
    /// The file that it was compiled from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What the address in its text is: a function, a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}
