//! What lies at an address: `coretool what`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ByteSource, Gap, Hex, Mapping, RefusedExpression, Standpoint};

/// Everything that is known of one address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool what")]
pub struct What {
    /// Always `coretool.what/1`.
    pub schema: String,
    /// Where the expression was evaluated.
    #[serde(default)]
    pub at: Standpoint,
    /// The expression as it was typed.
    #[serde(default)]
    pub expression: String,
    /// The address that it means. Absent: it means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// Where the expression's object lies, if it is one. When that is not
    /// `address`, the address is the object's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Hex>,
    /// What kind of address it is.
    #[serde(default)]
    pub kind: AddressKind,
    /// The mapping around it. Absent: nothing is mapped there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// The place in the mapped file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_offset: Option<Hex>,
    /// Where the byte there comes from.
    #[serde(default)]
    pub source: ByteSource,
    /// The mapping below, where nothing is mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<Neighbor>,
    /// The mapping above, where nothing is mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Neighbor>,
    /// The program or library whose mapped range it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<ModulePlace>,
    /// The symbol that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<SymbolPlace>,
    /// The functions of the code there, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<CodePlace>,
    /// The variable that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<VariablePlace>,
    /// The stack that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackPlace>,
    /// The block of the C library's allocator that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapBlock>,
    /// The thread whose own data begins just below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_block: Option<ThreadBlock>,
    /// The block of thread-local variables that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_local: Option<ThreadLocalPlace>,
    /// What the answer lacks: files of the frame's module and of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Why the question means nothing. Absent: it means something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<RefusedExpression>,
}

impl What {
    /// The name of the contract, in [`What::schema`].
    pub const SCHEMA: &str = "coretool.what/1";
}

/// Kinds of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// Something is mapped there.
    Mapped,
    /// Nothing is mapped there.
    #[default]
    Unmapped,
    /// In the first 64 KiB, where Linux maps nothing: a null pointer, and an
    /// offset.
    Null,
    /// No address that the processor accepts.
    NonCanonical,
    /// The kernel's.
    Kernel,
}

/// A mapping beside an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbor {
    /// The mapping.
    pub mapping: Mapping,
    /// Bytes between it and the address.
    pub distance: u64,
}

/// A place in a program or library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModulePlace {
    /// The file, as the process saw its path.
    pub path: String,
    /// The address as the file has it.
    pub offset: Hex,
    /// The section that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// A place in a function or a piece of data that the linker knew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SymbolPlace {
    /// Its name, demangled.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// Whether it is code.
    #[serde(default)]
    pub is_function: bool,
}

/// A function of the source, and a line in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodePlace {
    /// The function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Bytes from its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_offset: Option<u64>,
    /// Whether it is inlined into the next one.
    #[serde(default)]
    pub inlined: bool,
    /// The source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A place in a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariablePlace {
    /// The variable's name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type", default)]
    pub type_name: String,
    /// Where it begins.
    pub address: Hex,
    /// Its size in bytes.
    pub size: u64,
    /// The source file that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The member or element there, as an expression: `table[3].name`.
    pub path: String,
    /// Its type.
    #[serde(default)]
    pub path_type: String,
    /// Bytes from its start.
    #[serde(default)]
    pub path_offset: u64,
    /// Whether the byte lies between members.
    #[serde(default)]
    pub is_padding: bool,
    /// Of a variable that every thread has for itself: whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
}

/// A place on a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StackPlace {
    /// The thread's id.
    pub thread: u32,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_name: Option<String>,
    /// Bytes above the thread's stack pointer; negative below it, where data is
    /// left over from calls that have returned.
    pub from_stack_pointer: i64,
    /// The frame that it is in, as a report numbers it. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// The frame's function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The register of the frame's caller that is kept there, as the unwind
    /// tables say; `return address` for the place where the caller goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
    /// Whether nobody may touch it: it is there to catch overflows.
    #[serde(default)]
    pub is_guard: bool,
}

/// A block of memory that `malloc` manages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeapBlock {
    /// What `malloc` returned for it.
    pub address: Hex,
    /// Bytes that may be used.
    pub size: u64,
    /// Bytes from its start; negative: in the words before it that the
    /// allocator keeps.
    pub offset: i64,
    /// What it is used for.
    pub state: HeapState,
    /// Of a freed block: the kind of list that it waits in, as the allocator
    /// calls it: `tcache`, `fastbin`, `bin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// What a block of memory is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeapState {
    /// It was handed out; perhaps it was freed since, and is kept for the next
    /// one who asks for that size.
    #[default]
    Allocated,
    /// It was freed.
    Free,
    /// It was never handed out: the rest of the heap.
    Top,
    /// It was handed out, and has a mapping of its own.
    Mapped,
}

/// A place among the variables of a module that every thread has for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadLocalPlace {
    /// Whose they are.
    pub thread: u32,
    /// The module, as the process saw its path.
    pub module: String,
    /// Bytes from the start of the module's block.
    pub offset: u64,
}

/// A place in what a thread has for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadBlock {
    /// The thread's id.
    pub thread: u32,
    /// Bytes above its thread pointer (`fs_base`).
    pub offset: u64,
}
