//! Values of variables, as trees.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Hex;

/// One value: its short form, and the parts under it up to the limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// The short form: `NULL`, `"text"`, `{x = 1, y = 2}`, `<unknown: why>`.
    pub text: String,
    /// What kind of thing it is.
    #[serde(default)]
    pub kind: ValueKind,
    /// How it was found. Absent for what is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where it lies, if it is in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// The bits, for what fits into one word: numbers, pointers, enumerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Hex>,
    /// Of a pointer or reference to a C++ object: its class, as its virtual
    /// table says, when that is not the declared one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_type: Option<String>,
    /// Numbered parts: elements of arrays and sequences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Value>,
    /// Named parts in the order of the declaration: members, bases; `*` for
    /// what a pointer points to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Why it is unknown. There exactly when the kind is `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_unknown: Option<String>,
    /// How many elements or bytes were left out. Absent: none. Of text whose end
    /// was not found, at least so many: its `text` then ends in `>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<u64>,
}

/// A named part of a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// The member's name; several anonymous members may share one.
    #[serde(default)]
    pub name: String,
    /// What it was.
    pub value: Value,
}

/// What kind of thing a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// A number, a character, a truth value.
    #[default]
    Scalar,
    /// A pointer to data.
    Pointer,
    /// Text.
    String,
    /// A structure, class, union, tuple or closure.
    Struct,
    /// A fixed number of equal elements.
    Array,
    /// An enumerator, or the active variant of a Rust enum.
    Enum,
    /// Keys with values.
    Map,
    /// A growable number of equal elements.
    Sequence,
    /// Something or nothing.
    Optional,
    /// A reference.
    Reference,
    /// A pointer to code.
    Function,
    /// Not known.
    Unknown,
}

/// How a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Read from memory.
    Memory,
    /// Read from a register of its frame.
    Register,
    /// Stated by the debug information itself.
    Constant,
    /// What the caller passed: the value at entry, not necessarily the last.
    EntryValue,
    /// Put together from several places.
    Pieces,
    /// Computed from other values, as an expression asked.
    Computed,
}

/// Where the source declares a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    /// The file, as the debug information has it.
    #[serde(default)]
    pub file: String,
    /// The line, from 1.
    #[serde(default)]
    pub line: u32,
}
