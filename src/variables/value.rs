//! A value of the dead process, as a tree.

use crate::base::addr::RunAddr;

/// A variable of one frame, with its value or the reason for having none.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name in the source; anonymous arguments are `<unnamed>`.
    pub name: String,
    /// Its type in the language's own notation: `struct conn *`, `&str`.
    pub type_name: String,
    /// Whether it is an argument of its function, in which case the order of
    /// the list is that of the declaration.
    pub is_argument: bool,
    /// Where the source declares it.
    pub declared: Option<(String, u64)>,
    /// What it was.
    pub value: Value,
}

/// One value. `text` is the short form that a report prints in line; the tree
/// under it is complete up to the limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The short form: `NULL`, `"text"`, `{x = 1, y = 2}`, `<unknown: ...>`.
    /// Not escaped: renderers do that.
    pub text: String,
    /// What kind of thing it is.
    pub kind: ValueKind,
    /// How it was found.
    pub origin: Origin,
    /// Where it lies, if it is in memory.
    pub address: Option<RunAddr>,
    /// The bits, for what fits into one word: integers, pointers, enums.
    pub raw: Option<u64>,
    /// Of a pointer or reference to an object: what the object really is, when
    /// that is not what was declared.
    pub dynamic_type: Option<String>,
    /// Why it is unknown. Some exactly when `kind` is [`ValueKind::Unknown`].
    pub why_unknown: Option<String>,
    /// How many elements or bytes were left out, because of a limit.
    pub omitted: u64,
    /// Named parts: fields, bases, captures; `*` for what a pointer points to.
    pub fields: Vec<(String, Value)>,
    /// Numbered parts: elements of arrays and sequences.
    pub elements: Vec<Value>,
}

/// What kind of thing a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A number, a character, a truth value.
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
    /// Not known; [`Value::why_unknown`] says why.
    Unknown,
}

/// How a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Read from memory.
    Memory,
    /// Read from a register of its frame.
    Register,
    /// Stated by the debug information itself.
    Constant,
    /// What the caller passed: the value at entry, not necessarily now.
    EntryValue,
    /// Put together from several places.
    Pieces,
    /// Computed from other values, as an expression asked.
    Computed,
}

impl Value {
    /// A value that is not known, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            text: format!("<unknown: {why}>"),
            kind: ValueKind::Unknown,
            origin: Origin::Memory,
            address: None,
            raw: None,
            dynamic_type: None,
            why_unknown: Some(why),
            omitted: 0,
            fields: Vec::new(),
            elements: Vec::new(),
        }
    }

    /// A value without parts.
    pub fn leaf(kind: ValueKind, text: impl Into<String>, origin: Origin) -> Self {
        Self {
            text: text.into(),
            kind,
            origin,
            address: None,
            raw: None,
            dynamic_type: None,
            why_unknown: None,
            omitted: 0,
            fields: Vec::new(),
            elements: Vec::new(),
        }
    }

    /// Whether it is known, at least in part.
    pub fn is_known(&self) -> bool {
        self.kind != ValueKind::Unknown
    }

    /// The named part, if there is one.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}
