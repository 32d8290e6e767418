//! The parts of an expression.

use crate::variables::query::fault::Span;
use crate::variables::query::format::Format;

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    /// What it is about.
    pub(super) subject: Subject,
    /// Whether the type is wanted instead of the value.
    pub(super) wants_type: bool,
    /// How numbers are to be written.
    pub(super) format: Option<Format>,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject {
    /// An expression.
    Value(Expression),
    /// A type.
    Type(TypeName),
}

/// An expression with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) at: Span,
    /// How deeply it nests: one for a name.
    pub(super) depth: usize,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A variable, a function, an enumerator.
    Name(Name),
    /// A register of the frame.
    Register(String),
    /// A whole number, with the letters behind it.
    Integer(u128, String),
    /// A number with a fraction.
    Float(f64),
    /// A character's code.
    Character(u32),
    /// A text, as a key of a map.
    Text(String),
    /// One operand.
    Prefix(Prefix, Box<Expression>),
    /// Two operands.
    Infix(Infix, Box<Expression>, Box<Expression>),
    /// `object.name` or `pointer->name`.
    Member(Box<Expression>, Member),
    /// `array[index]`.
    Index(Box<Expression>, Box<Expression>),
    /// `array[from..to]`; without an end, up to the array's.
    Slice(Box<Expression>, Option<Box<Expression>>, Option<Box<Expression>>),
    /// `(type)value`, `value as type`.
    Cast(TypeName, Box<Expression>),
    /// `sizeof value`.
    SizeOf(Box<Expression>),
    /// `sizeof(type)`.
    SizeOfType(TypeName),
}

/// A name, perhaps of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// `file.c` of `'file.c'::name`.
    pub(super) file: Option<String>,
    /// With its namespaces: `ns::name`.
    pub(super) path: String,
}

/// Which member is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at: Span,
    /// Whether it was written with `->`.
    pub(super) is_arrow: bool,
}

/// Operators before their operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Plus,
    Minus,
    Not,
    Complement,
    Target,
    Address,
}

/// Operators between their operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    Or,
    And,
    BitOr,
    BitXor,
    BitAnd,
    Equal,
    Unequal,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    ShiftLeft,
    ShiftRight,
    /// `object@count`: an array that begins with the object.
    Repeat,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A type as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeName {
    /// The innermost type, without qualifiers: `conn`, `unsigned long`,
    /// `ns::T<int>`.
    pub(super) base: String,
    /// `struct`, `union`, `enum` or `class`, where written.
    pub(super) keyword: Option<&'static str>,
    /// What is made of it, innermost first.
    pub(super) made: Vec<Made>,
    /// Where it stands.
    pub(super) at: Span,
    /// Whether it can be nothing but a type.
    pub(super) is_certain: bool,
}

/// What is made of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// A pointer to it.
    Pointer,
    /// An array of so many.
    Array(u64),
}

impl Expression {
    /// What its last operator works on, where operators follow each other:
    /// `a + b` of `a + b + c`, `p->next` of `p->next->next`.
    pub(super) fn first(&self) -> Option<&Self> {
        match &self.kind {
            Kind::Infix(_, first, _)
            | Kind::Member(first, _)
            | Kind::Index(first, _)
            | Kind::Slice(first, ..) => Some(first),
            _ => None,
        }
    }
}

impl Infix {
    /// Whether the type of the result is that of the left side.
    pub(super) fn is_shift(self) -> bool {
        matches!(self, Self::ShiftLeft | Self::ShiftRight)
    }

    /// The operator as it is written, and how strongly it binds.
    const ALL: &'static [(&'static str, Self, u8)] = &[
        ("||", Self::Or, 1),
        ("&&", Self::And, 2),
        ("|", Self::BitOr, 3),
        ("^", Self::BitXor, 4),
        ("&", Self::BitAnd, 5),
        ("==", Self::Equal, 6),
        ("!=", Self::Unequal, 6),
        ("<", Self::Less, 7),
        (">", Self::Greater, 7),
        ("<=", Self::LessOrEqual, 7),
        (">=", Self::GreaterOrEqual, 7),
        ("<<", Self::ShiftLeft, 8),
        (">>", Self::ShiftRight, 8),
        ("@", Self::Repeat, 9),
        ("+", Self::Add, 10),
        ("-", Self::Subtract, 10),
        ("*", Self::Multiply, 11),
        ("/", Self::Divide, 11),
        ("%", Self::Remainder, 11),
    ];

    /// The operator that is written so, and how strongly it binds.
    pub(super) fn of(sign: &str) -> Option<(Self, u8)> {
        let found = Self::ALL.iter().find(|(written, _, _)| *written == sign)?;
        Some((found.1, found.2))
    }

    /// Whether the result says how the operands compare.
    pub(super) fn is_comparison(self) -> bool {
        use Infix::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Unequal};
        matches!(self, Equal | Unequal | Less | Greater | LessOrEqual | GreaterOrEqual)
    }

    /// As it is written.
    pub(super) fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, found, _)| *found == self).map_or("?", |(sign, _, _)| sign)
    }
}
