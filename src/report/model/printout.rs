//! Answers to questions about a process: `coretool print`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Gap, Hex, Value};

/// What expressions mean at one place of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool print")]
pub struct Printout {
    /// Always `coretool.print/1`.
    pub schema: String,
    /// Where the expressions were evaluated.
    #[serde(default)]
    pub at: Standpoint,
    /// One for each expression, in their order.
    pub results: Vec<Printed>,
    /// What the answer lacks: files of the frame's module and of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl Printout {
    /// The name of the contract, in [`Printout::schema`].
    pub const SCHEMA: &str = "coretool.print/1";
}

/// A place from which a process is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standpoint {
    /// The thread's id. Absent: the process has no threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
    /// The thread's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_name: Option<String>,
    /// The frame's number, as a report has it. Absent: the thread's registers
    /// are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// The function of the frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What one expression means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Printed {
    /// The expression as it was typed.
    pub expression: String,
    /// Its type, in its language's notation. Absent: it has none that is known.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Its value; its kind is `unknown` when that is not known. Absent: the
    /// type was asked for, or the expression means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Where it lies, if it is in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What its type is made of, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// What a reader should know besides, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why the expression means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// In one sentence.
    pub message: String,
    /// The byte of the expression at which it begins, from 0.
    #[serde(default)]
    pub start: usize,
    /// The first byte behind it.
    #[serde(default)]
    pub end: usize,
    /// What can be written instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// An expression that means nothing, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedExpression {
    /// The expression as it was typed.
    pub expression: String,
    /// What is wrong with it.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What a type is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Layout {
    /// The type: that of the expression, or what it points to.
    #[serde(rename = "type", default)]
    pub type_name: String,
    /// The same without its typedef, where it has another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_type: Option<String>,
    /// In bytes, when that is fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Members in their order, and the holes between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<LayoutMember>,
    /// Names and values of an enumeration; the values are decimal numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enumerators: Vec<Enumerator>,
    /// How many members or enumerators were left out. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<u64>,
}

/// One member of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayoutMember {
    /// What it is.
    #[serde(default)]
    pub kind: LayoutKind,
    /// Bytes from the start of the type. Absent: it depends on the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// In bytes, when that is fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Of a bit-field: its first bit in the byte at the offset, from the
    /// lowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bit: Option<u64>,
    /// Of a bit-field: how many bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u64>,
    /// Its type.
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    pub type_name: String,
    /// Its name; absent for what has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How deeply it lies in anonymous members and variants.
    #[serde(default)]
    pub depth: usize,
}

/// What a line of a layout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayoutKind {
    /// A member.
    #[default]
    Member,
    /// A base class.
    Base,
    /// What the compiler added: a pointer to a virtual table, a discriminant.
    Hidden,
    /// A variant of a Rust enum.
    Variant,
    /// Bytes that belong to no member.
    Hole,
}

/// A name of an enumeration's value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enumerator {
    /// The name.
    pub name: String,
    /// The value, a decimal number.
    pub value: String,
}
