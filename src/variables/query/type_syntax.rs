//! Types as C, C++ and Rust write them.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::variables::query::fault::Fault;
use crate::variables::query::lexer::Word;
use crate::variables::query::parser::Parser;
use crate::variables::query::syntax::{Expression, Kind, Made, TypeName};

/// Words that make up the names of C's own types.
const BUILT_IN: &[&str] = &[
    "unsigned", "signed", "long", "short", "int", "char", "void", "float", "double", "_Bool",
    "__int128",
];

/// Words that say of a type how it may be used, and nothing of its values.
const QUALIFIERS: &[&str] = &["const", "volatile", "restrict", "__restrict", "_Atomic"];

/// Words before the name of a structure.
const KEYWORDS: &[&str] = &["struct", "union", "enum", "class"];

/// Casts of C++ that say what they are.
pub(super) const CASTS: &[&str] = &["static_cast", "reinterpret_cast", "const_cast"];

/// How many stars and lengths a type may have.
const MOST_MADE: usize = 16;

impl Parser<'_> {
    /// A type, with which the text ends.
    pub(super) fn whole_type(&mut self) -> Option<TypeName> {
        let position = self.position();
        // `whatis &a` is mostly about a variable.
        let is_address = self.peek() == &Word::Sign("&");
        let found = self.type_name().filter(|of| {
            let is_one = of.is_certain && (!is_address || self.is_type(&of.base));
            is_one && self.peek() == &Word::End
        });
        if found.is_none() {
            self.go_back(position);
        }
        found
    }

    /// A type. Takes nothing if there is none.
    pub(super) fn type_name(&mut self) -> Option<TypeName> {
        let position = self.position();
        let found = self.rust_type(0).or_else(|| {
            self.go_back(position);
            self.c_type()
        });
        if found.is_none() {
            self.go_back(position);
        }
        found
    }

    /// A type behind `as`: a star there multiplies, unless it comes first.
    pub(super) fn rust_type_name(&mut self) -> Option<TypeName> {
        let position = self.position();
        let found = self.rust_type(0).or_else(|| {
            self.go_back(position);
            self.base()
        });
        if found.is_none() {
            self.go_back(position);
        }
        found
    }

    /// `*const T`, `*mut T`, `&T`, `[T; 4]`.
    fn rust_type(&mut self, depth: usize) -> Option<TypeName> {
        let start = self.here();
        if depth > MOST_MADE {
            return None;
        }
        let made = if self.take("*") {
            if !self.take_word("const") && !self.take_word("mut") {
                return None;
            }
            None
        } else if self.take("&") {
            self.take_word("mut");
            None
        } else if self.take("[") {
            Some(())
        } else {
            return None;
        };
        let mut of = match self.rust_type(depth.saturating_add(1)) {
            Some(of) => of,
            None => self.base()?,
        };
        match made {
            None => of.made.push(Made::Pointer),
            Some(()) => {
                let is_length = self.take(";");
                let Word::Integer(count, _) = *self.peek() else { return None };
                if !is_length {
                    return None;
                }
                self.advance();
                if !self.take("]") {
                    return None;
                }
                of.made.push(Made::Array(u64::try_from(count).ok()?));
            }
        }
        Some(TypeName { at: start.to(self.before()), is_certain: true, ..of })
    }

    fn c_type(&mut self) -> Option<TypeName> {
        let start = self.here();
        let mut of = self.base()?;
        while of.made.len() < MOST_MADE {
            if self.take("*") {
                of.made.push(Made::Pointer);
                of.is_certain = true;
            } else if !self.take_qualifier() {
                break;
            }
        }
        // `int (*)[4]`
        let position = self.position();
        if self.take("(") {
            let is_pointer = self.take("*") && self.take(")");
            let lengths = if is_pointer { self.lengths() } else { Vec::new() };
            if lengths.is_empty() {
                self.go_back(position);
            } else {
                of.made.extend(lengths);
                of.made.push(Made::Pointer);
                of.is_certain = true;
            }
        } else if of.is_certain || self.peek() == &Word::Sign("[") && self.is_type(&of.base) {
            // `a[3]` is an element, unless `a` can only be a type.
            let lengths = self.lengths();
            of.is_certain |= !lengths.is_empty();
            of.made.extend(lengths);
        }
        of.at = start.to(self.before());
        Some(of)
    }

    /// `[2][3]`, innermost first.
    fn lengths(&mut self) -> Vec<Made> {
        let mut lengths = Vec::new();
        while lengths.len() < MOST_MADE {
            let position = self.position();
            if !self.take("[") {
                break;
            }
            let count = match self.peek() {
                Word::Integer(count, _) => u64::try_from(*count).ok(),
                _ => None,
            };
            self.advance();
            match count {
                Some(count) if self.take("]") => lengths.push(Made::Array(count)),
                _ => {
                    self.go_back(position);
                    break;
                }
            }
        }
        lengths.reverse();
        lengths
    }

    /// `static_cast<type>(value)`.
    pub(super) fn named_cast(&mut self, keeps_bits: bool) -> Result<Expression, Fault> {
        let start = self.here();
        self.advance();
        self.expect("<")?;
        let Some(of) = self.type_name() else { return Err(self.unexpected("a type")) };
        self.expect(">")?;
        self.expect("(")?;
        let mut value = self.expression(0)?;
        self.expect(")")?;
        let at = start.to(self.before());
        if keeps_bits {
            // By way of a number, a pointer does not move.
            let word = TypeName {
                base: "unsigned long".to_owned(),
                keyword: None,
                made: Vec::new(),
                at: of.at,
                is_certain: true,
            };
            let inner = value.at;
            value = self.part(Kind::Cast(word, Box::new(value)), inner)?;
        }
        self.part(Kind::Cast(of, Box::new(value)), at)
    }

    fn take_qualifier(&mut self) -> bool {
        QUALIFIERS.iter().any(|word| self.take_word(word))
    }

    /// A type without stars: `unsigned long`, `struct conn`, `ns::T<int>`.
    fn base(&mut self) -> Option<TypeName> {
        let start = self.here();
        let mut is_certain = false;
        while self.take_qualifier() {
            is_certain = true;
        }
        let keyword = KEYWORDS.iter().copied().find(|word| self.take_word(word));
        let mut words: Vec<&str> = Vec::new();
        while keyword.is_none()
            && words.len() < 5
            && let Some(word) = BUILT_IN.iter().find(|word| self.take_word(word))
        {
            words.push(word);
            while self.take_qualifier() {}
        }
        let base = if words.is_empty() { self.type_path()? } else { words.join(" ") };
        is_certain |= keyword.is_some() || !words.is_empty() || base.contains('<');
        while self.take_qualifier() {
            is_certain = true;
        }
        let at = start.to(self.before());
        Some(TypeName { base, keyword, made: Vec::new(), at, is_certain })
    }

    /// `ns::T<int>::Inner`.
    fn type_path(&mut self) -> Option<String> {
        self.take("::");
        let start = self.here().start;
        // `'file.c'::name`
        if matches!(self.peek(), Word::Quoted(_)) {
            self.advance();
            if !self.take("::") {
                return None;
            }
        }
        loop {
            match self.peek() {
                Word::Name(_) => self.advance(),
                Word::Sign("(") if self.is_anonymous_namespace() => {
                    (0..4).for_each(|_| self.advance());
                }
                _ => return None,
            }
            if self.peek() == &Word::Sign("<") {
                self.skip_arguments()?;
            }
            if !self.take("::") {
                break;
            }
        }
        self.text.get(start..self.before().end).map(str::to_owned)
    }

    /// The arguments of a template, up to the `>` that closes them.
    pub(super) fn skip_arguments(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Word::Sign("<") => open = open.saturating_add(1),
                Word::Sign(">") => open = open.checked_sub(1)?,
                Word::Sign(">>") => open = open.checked_sub(2)?,
                Word::Sign("||" | "&&" | "==" | ";" | "=") | Word::End => return None,
                _ => (),
            }
            self.advance();
            if open == 0 {
                return Some(());
            }
        }
    }
}
