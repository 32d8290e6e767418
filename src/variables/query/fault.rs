//! What is wrong with an expression, and where.

/// Part of an expression: bytes from `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The first byte after it.
    pub end: usize,
}

impl Span {
    /// From the start of this part to the end of a later one.
    pub fn to(self, later: Self) -> Self {
        Self { start: self.start.min(later.start), end: self.end.max(later.end) }
    }
}

/// An expression that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: Span,
    /// What is wrong there, in one sentence without a full stop.
    pub what: String,
    /// What can be written instead.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault without advice.
    pub fn new(at: Span, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), hint: None }
    }

    /// The same, with advice.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It means something, but what is not known; says why.
    Unknown(String),
    /// It means nothing.
    Fault(Fault),
}

impl Trouble {
    /// The same, of a part that was found without knowing where it is written.
    pub(super) fn placed(self, at: Span) -> Self {
        match self {
            Self::Fault(fault) if fault.at == Span::default() => Self::Fault(Fault { at, ..fault }),
            other => other,
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Unknown(why)
    }
}
