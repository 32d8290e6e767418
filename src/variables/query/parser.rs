//! From words to the parts of an expression, with the precedence of C.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::variables::query::fault::{Fault, Span};
use crate::variables::query::format::Format;
use crate::variables::query::lexer::{Token, Word, words};
use crate::variables::query::syntax::{
    Expression, Infix, Kind, Member, Name, Prefix, Question, Subject, TypeName,
};
use crate::variables::query::type_syntax::CASTS;

/// How the names of source files end.
const SUFFIXES: &[&str] =
    &["c", "h", "cc", "cpp", "cxx", "C", "hh", "hpp", "rs", "go", "d", "s", "S", "m", "inc"];

/// Expressions that nest deeper are refused. Operators that follow each other
/// (`p->next->next`) do not nest.
const MOST_NESTED: usize = 100;

/// Reads what was typed. `is_type` says whether a name is that of a type, and
/// is asked only where it matters: `(name) - 1`.
pub(super) fn question(text: &str, is_type: &dyn Fn(&str) -> bool) -> Result<Question, Fault> {
    let (format, skipped) = format_prefix(text, text.len())?;
    // Faults name bytes of the whole text: what is skipped becomes spaces.
    let blank = " ".repeat(skipped) + text.get(skipped..).unwrap_or_default();
    let mut parser = Parser::new(&blank, is_type)?;
    let wants_type = parser.take_command();
    let format = match parser.format_behind_command(wants_type)? {
        Some(found) => Some(found),
        None => format,
    };
    if parser.peek() == &Word::End {
        return Err(Fault::new(parser.here(), "an expression is missing"));
    }
    let subject = match wants_type.then(|| parser.whole_type()).flatten() {
        Some(of) => Subject::Type(of),
        None => Subject::Value(parser.expression(0)?),
    };
    parser.end()?;
    let subject = match (subject, &format) {
        (Subject::Value(of), Some(Shown { count: Some(count), at, .. })) => {
            let count = Kind::Integer(u128::from(*count), "u64".to_owned());
            let count = Box::new(parser.part(count, *at)?);
            let whole = of.at;
            Subject::Value(parser.part(Kind::Slice(Box::new(of), None, Some(count)), whole)?)
        }
        (subject, _) => subject,
    };
    Ok(Question { subject, wants_type, format: format.map(|shown| shown.format) })
}

/// `/4x`: how many elements are to be shown, and how.
struct Shown {
    count: Option<u64>,
    format: Format,
    at: Span,
}

impl Shown {
    fn parse(letters: &str, at: Span) -> Result<Self, Fault> {
        Format::parse(letters, at).map(|(count, format)| Self { count, format, at })
    }
}

/// `/x` before an expression, and how many bytes it takes.
fn format_prefix(text: &str, whole: usize) -> Result<(Option<Shown>, usize), Fault> {
    let start = text.find(|char: char| !char.is_whitespace()).unwrap_or(whole);
    let Some(rest) = text.get(start..).and_then(|rest| rest.strip_prefix('/')) else {
        return Ok((None, 0));
    };
    let len = rest.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let letters = rest.get(..len).unwrap_or_default();
    let end = start.saturating_add(1).saturating_add(len);
    let at = Span { start, end };
    Ok((Some(Shown::parse(letters, at)?), end))
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    words: Vec<Token>,
    at: usize,
    depth: usize,
    is_type: &'t dyn Fn(&str) -> bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, is_type: &'t dyn Fn(&str) -> bool) -> Result<Self, Fault> {
        Ok(Self { text, words: words(text)?, at: 0, depth: 0, is_type })
    }

    pub(super) fn peek(&self) -> &Word {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> &Word {
        let found = self.words.get(self.at.saturating_add(count));
        found.map_or(&Word::End, |word| &word.kind)
    }

    /// Where the next word stands.
    pub(super) fn here(&self) -> Span {
        self.words
            .get(self.at)
            .or_else(|| self.words.last())
            .map(|word| word.at)
            .unwrap_or_default()
    }

    /// Where the last word stood.
    pub(super) fn before(&self) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.words.get(at));
        last.map(|word| word.at).unwrap_or_default()
    }

    pub(super) fn advance(&mut self) {
        self.at = self.at.saturating_add(1).min(self.words.len());
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn go_back(&mut self, position: usize) {
        self.at = position;
    }

    /// Takes the next word, if it is this sign.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Word::Sign(found) if *found == sign);
        if is_it {
            self.advance();
        }
        is_it
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Word::Name(found) if found == word);
        if is_it {
            self.advance();
        }
        is_it
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    pub(super) fn is_type(&self, name: &str) -> bool {
        (self.is_type)(name)
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Fault {
        let at = self.here();
        let found = self.text.get(at.start..at.end).unwrap_or_default();
        match self.peek() {
            Word::End => Fault::new(at, format!("{wanted} is missing")),
            Word::Sign("(") => Fault::new(at, "functions cannot be called: the process is dead"),
            Word::Sign(sign @ ("=" | "++" | "--")) => changing(at, sign),
            Word::Sign(sign) if sign.len() > 1 && sign.ends_with('=') => changing(at, sign),
            _ => Fault::new(at, format!("{wanted} is expected here, not `{found}`")),
        }
    }

    /// `whatis`, `ptype`, `print`; whether the type is wanted.
    fn take_command(&mut self) -> bool {
        // `print` may be a variable, and so may the others.
        let stands_alone = match self.ahead(1) {
            // `p as u64`, unless that is all.
            Word::Name(name) if name == "as" => self.ahead(2) == &Word::End,
            Word::Name(_) | Word::Quoted(_) | Word::Register(_) | Word::Integer(..) => true,
            Word::Sign(sign) => matches!(*sign, "(" | "*" | "&" | "/" | "::"),
            _ => false,
        };
        let Word::Name(name) = self.peek() else { return false };
        let wants_type = match name.as_str() {
            "whatis" | "ptype" => true,
            "print" | "p" | "output" if !matches!(self.ahead(1), Word::Sign(_)) => false,
            _ => return false,
        };
        if stands_alone {
            self.advance();
        }
        stands_alone && wants_type
    }

    /// `whatis /x`, as people type it.
    fn format_behind_command(&mut self, is_command: bool) -> Result<Option<Shown>, Fault> {
        let start = self.here();
        if !is_command || !self.take("/") {
            return Ok(None);
        }
        let Word::Name(letters) = self.peek().clone() else { return Ok(None) };
        let at = start.to(self.here());
        self.advance();
        Shown::parse(&letters, at).map(Some)
    }

    fn end(&self) -> Result<(), Fault> {
        match self.peek() {
            Word::End => Ok(()),
            _ => Err(self.unexpected("an operator")),
        }
    }

    /// Builds a part, unless it nests too deeply.
    pub(super) fn part(&self, kind: Kind, at: Span) -> Result<Expression, Fault> {
        let deeper = |one: &Expression| one.depth.saturating_add(1);
        let depth = match &kind {
            Kind::Prefix(_, one) | Kind::Cast(_, one) | Kind::SizeOf(one) => deeper(one),
            Kind::Member(one, _) => one.depth,
            Kind::Infix(_, one, two) | Kind::Index(one, two) => one.depth.max(deeper(two)),
            Kind::Slice(one, from, to) => {
                let ends = [from, to].into_iter().flatten().map(|end| deeper(end));
                ends.fold(one.depth, usize::max)
            }
            _ => 1,
        };
        if depth > MOST_NESTED {
            return Err(too_deep(at));
        }
        Ok(Expression { kind, at, depth })
    }

    /// Operators that bind at least as strongly as `least`.
    pub(super) fn expression(&mut self, least: u8) -> Result<Expression, Fault> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MOST_NESTED {
            return Err(too_deep(self.here()));
        }
        let mut left = self.casted()?;
        while let Word::Sign(sign) = self.peek() {
            let Some((infix, strength)) = Infix::of(sign).filter(|(_, found)| *found >= least)
            else {
                break;
            };
            self.advance();
            let right = self.expression(strength.saturating_add(1))?;
            let at = left.at.to(right.at);
            left = self.part(Kind::Infix(infix, Box::new(left), Box::new(right)), at)?;
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(left)
    }

    /// `value as type` of Rust.
    fn casted(&mut self) -> Result<Expression, Fault> {
        let mut value = self.unary()?;
        while self.take_word("as") {
            let Some(of) = self.rust_type_name() else {
                return Err(self.unexpected("a type"));
            };
            let at = value.at.to(of.at);
            value = self.part(Kind::Cast(of, Box::new(value)), at)?;
        }
        Ok(value)
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MOST_NESTED {
            return Err(too_deep(self.here()));
        }
        let start = self.here();
        let prefix = match self.peek() {
            Word::Sign("+") => Some(Prefix::Plus),
            Word::Sign("-") => Some(Prefix::Minus),
            Word::Sign("!") => Some(Prefix::Not),
            Word::Sign("~") => Some(Prefix::Complement),
            Word::Sign("*") => Some(Prefix::Target),
            Word::Sign("&") => Some(Prefix::Address),
            _ => None,
        };
        let value = if let Some(prefix) = prefix {
            self.advance();
            // `&mut name` of Rust.
            if prefix == Prefix::Address && matches!(self.ahead(1), Word::Name(_)) {
                self.take_word("mut");
            }
            let inner = self.unary()?;
            let at = start.to(inner.at);
            self.part(Kind::Prefix(prefix, Box::new(inner)), at)?
        } else if self.take_word("sizeof") {
            self.size_of(start)?
        } else if let Some(of) = self.cast() {
            let inner = self.unary()?;
            let at = start.to(inner.at);
            self.part(Kind::Cast(of, Box::new(inner)), at)?
        } else {
            self.postfix()?
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(value)
    }

    fn size_of(&mut self, start: Span) -> Result<Expression, Fault> {
        let position = self.position();
        if self.take("(") {
            if let Some(of) = self.type_name().filter(|of| of.is_certain)
                && self.take(")")
            {
                return self.part(Kind::SizeOfType(of), start.to(self.before()));
            }
            self.go_back(position);
        }
        let inner = self.unary()?;
        let at = start.to(inner.at);
        self.part(Kind::SizeOf(Box::new(inner)), at)
    }

    /// `(type)` before an operand. Takes nothing if it is something else.
    fn cast(&mut self) -> Option<TypeName> {
        let position = self.position();
        if !self.take("(") {
            return None;
        }
        let of = self.type_name();
        let is_closed = of.is_some() && self.take(")");
        let of = of.filter(|of| {
            is_closed
                && match self.peek() {
                    Word::End => false,
                    // `(name) - 1`
                    Word::Sign("*" | "&" | "-" | "+") => of.is_certain || (self.is_type)(&of.base),
                    Word::Sign(sign) => matches!(*sign, "(" | "~" | "!" | "::"),
                    Word::Name(name) => name != "as",
                    _ => true,
                }
        });
        if of.is_none() {
            self.go_back(position);
        }
        of
    }

    fn postfix(&mut self) -> Result<Expression, Fault> {
        let mut value = self.primary()?;
        loop {
            let start = value.at;
            if self.take("[") {
                value = self.index(value)?;
            } else if self.take("->") {
                value = self.member(value, true)?;
            } else if self.take(".") {
                value = self.member(value, false)?;
                // `file.c::name`
                if self.peek() == &Word::Sign("::") {
                    value = self.of_file(start)?;
                }
            } else {
                return Ok(value);
            }
        }
    }

    fn index(&mut self, of: Expression) -> Result<Expression, Fault> {
        let start = of.at;
        let of = Box::new(of);
        let from = match self.peek() {
            Word::Sign("..") => None,
            _ => Some(Box::new(self.expression(0)?)),
        };
        let kind = if self.take("..") {
            let is_inclusive = self.take("=");
            let mut to = match self.peek() {
                Word::Sign("]") => None,
                _ => Some(self.expression(0)?),
            };
            if let Some(last) = to.take_if(|_| is_inclusive) {
                let at = last.at;
                let one = self.part(Kind::Integer(1, String::new()), at)?;
                to = Some(self.part(Kind::Infix(Infix::Add, Box::new(last), Box::new(one)), at)?);
            }
            let to = to.map(Box::new);
            Kind::Slice(of, from, to)
        } else {
            match from {
                Some(index) => Kind::Index(of, index),
                None => return Err(self.unexpected("an index")),
            }
        };
        self.expect("]")?;
        self.part(kind, start.to(self.before()))
    }

    fn member(&mut self, of: Expression, is_arrow: bool) -> Result<Expression, Fault> {
        let at = self.here();
        let mut name = match self.peek() {
            Word::Name(name) | Word::Quoted(name) => name.clone(),
            _ => return Err(self.unexpected("the name of a member")),
        };
        self.advance();
        // `object.Base::name`; but `file.c::name` is a name of a file.
        let is_file = matches!(of.kind, Kind::Name(_)) && SUFFIXES.contains(&name.as_str());
        while !is_file
            && self.peek() == &Word::Sign("::")
            && let Word::Name(part) = self.ahead(1)
        {
            name = format!("{name}::{part}");
            self.advance();
            self.advance();
        }
        let at = at.to(self.before());
        let whole = of.at.to(at);
        self.part(Kind::Member(Box::new(of), Member { name, at, is_arrow }), whole)
    }

    /// The rest of `file.c::name`.
    fn of_file(&mut self, start: Span) -> Result<Expression, Fault> {
        let file = start.to(self.before());
        let file = self.text.get(file.start..file.end).unwrap_or_default().to_owned();
        self.expect("::")?;
        let path = self.path()?;
        let name = Name { file: Some(file), path };
        self.part(Kind::Name(name), start.to(self.before()))
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let at = self.here();
        let kind = match self.peek().clone() {
            Word::Integer(value, suffix) => Kind::Integer(value, suffix),
            Word::Float(value) => Kind::Float(value),
            Word::Character(code) => Kind::Character(code),
            Word::Text(text) => Kind::Text(text),
            Word::Register(name) => Kind::Register(name),
            Word::Quoted(quoted) => {
                self.advance();
                let name = if self.take("::") {
                    Name { file: Some(quoted), path: self.path()? }
                } else {
                    Name { file: None, path: quoted }
                };
                return self.part(Kind::Name(name), at.to(self.before()));
            }
            Word::Sign("(") if self.is_anonymous_namespace() => {
                let path = self.path()?;
                return self.part(Kind::Name(Name { file: None, path }), at.to(self.before()));
            }
            Word::Name(name)
                if CASTS.contains(&name.as_str()) && self.ahead(1) == &Word::Sign("<") =>
            {
                return self.named_cast(name == "reinterpret_cast");
            }
            Word::Name(_) | Word::Sign("::") => {
                let path = self.path()?;
                return self.part(Kind::Name(Name { file: None, path }), at.to(self.before()));
            }
            Word::Sign("(") => {
                self.advance();
                let inner = self.expression(0)?;
                self.expect(")")?;
                return Ok(Expression { at: at.to(self.before()), ..inner });
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.advance();
        self.part(kind, at)
    }
}

fn changing(at: Span, sign: &str) -> Fault {
    let fault = Fault::new(at, format!("`{sign}` would change the process, which is dead"));
    if sign == "=" { fault.with_hint("to compare, write `==`") } else { fault }
}

fn too_deep(at: Span) -> Fault {
    Fault::new(at, format!("the expression nests deeper than {MOST_NESTED} levels"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::query::lexer::LONGEST;
    use crate::variables::query::syntax::Made;

    /// The parts of an expression with all brackets, to see what binds to what.
    fn shown(expression: &Expression) -> String {
        match &expression.kind {
            Kind::Name(Name { file: Some(file), path }) => format!("'{file}'::{path}"),
            Kind::Name(Name { file: None, path }) => path.clone(),
            Kind::Register(name) => format!("${name}"),
            Kind::Integer(value, suffix) => format!("{value}{suffix}"),
            Kind::Float(value) => format!("{value}"),
            Kind::Character(code) => format!("char {code}"),
            Kind::Text(text) => format!("{text:?}"),
            Kind::Prefix(prefix, inner) => format!("({prefix:?} {})", shown(inner)),
            Kind::Infix(infix, left, right) => {
                format!("({} {} {})", shown(left), infix.sign(), shown(right))
            }
            Kind::Member(inner, member) => {
                let sign = if member.is_arrow { "->" } else { "." };
                format!("{}{sign}{}", shown(inner), member.name)
            }
            Kind::Index(inner, index) => format!("{}[{}]", shown(inner), shown(index)),
            Kind::Slice(inner, from, to) => {
                let end = |end: &Option<Box<Expression>>| {
                    end.as_ref().map(|end| shown(end)).unwrap_or_default()
                };
                format!("{}[{}..{}]", shown(inner), end(from), end(to))
            }
            Kind::Cast(of, inner) => format!("({} as {})", shown(inner), type_shown(of)),
            Kind::SizeOf(inner) => format!("sizeof {}", shown(inner)),
            Kind::SizeOfType(of) => format!("sizeof type {}", type_shown(of)),
        }
    }

    fn type_shown(of: &TypeName) -> String {
        let mut text = of.keyword.map(|keyword| format!("{keyword} ")).unwrap_or_default();
        text.push_str(&of.base);
        for made in &of.made {
            text.push_str(&match made {
                Made::Pointer => "*".to_owned(),
                Made::Array(count) => format!("[{count}]"),
            });
        }
        text
    }

    fn is_type(name: &str) -> bool {
        name == "word_t"
    }

    fn asked(text: &str) -> Result<String, Fault> {
        let question = question(text, &is_type)?;
        let subject = match &question.subject {
            Subject::Value(expression) => shown(expression),
            Subject::Type(of) => format!("type {}", type_shown(of)),
        };
        let format = question.format.map(|format| format!("/{format:?} ")).unwrap_or_default();
        let command = if question.wants_type { "whatis " } else { "" };
        Ok(format!("{command}{format}{subject}"))
    }

    #[test]
    fn expressions() {
        let cases = [
            ("a", "a"),
            ("a + b * c", "(a + (b * c))"),
            ("a - b - c", "((a - b) - c)"),
            ("a & b == c", "(a & (b == c))"),
            ("a || b && c | d ^ e & f", "(a || (b && (c | (d ^ (e & f)))))"),
            ("a << 1 < b", "((a << 1) < b)"),
            ("-a + !b", "((Minus a) + (Not b))"),
            ("~-a", "(Complement (Minus a))"),
            ("*p.x", "(Target p.x)"),
            ("&a->b[3].c", "(Address a->b[3].c)"),
            ("**p", "(Target (Target p))"),
            ("p[0..10]", "p[0..10]"),
            ("p[..n + 1]", "p[..(n + 1)]"),
            ("p[2..]", "p[2..]"),
            ("p[0..=3]", "p[0..(3 + 1)]"),
            ("*p@4", "((Target p) @ 4)"),
            ("t.0.1", "t.0.1"),
            ("m[\"key\"]", "m[\"key\"]"),
            ("ns::deep::name", "ns::deep::name"),
            ("ns::Box<int, char>::shared + 1", "(ns::Box<int, char>::shared + 1)"),
            ("a < b", "(a < b)"),
            ("numbers[0] as i64 * 2", "((numbers[0] as i64) * 2)"),
            ("::global", "::global"),
            ("q.Base::x", "q.Base::x"),
            ("&mut n", "(Address n)"),
            ("static_cast<word_t *>(p)", "(p as word_t*)"),
            ("reinterpret_cast<word_t *>(p)", "((p as unsigned long) as word_t*)"),
            ("a + .5", "(a + 0.5)"),
            ("(anonymous namespace)::x", "(anonymous namespace)::x"),
            ("'a b.c'::x", "'a b.c'::x"),
            ("table.c::x + 1", "('table.c'::x + 1)"),
            ("(struct conn *)p", "(p as struct conn*)"),
            ("((struct conn *)p)->fd", "(p as struct conn*)->fd"),
            ("(uint64_t)x", "(x as uint64_t)"),
            ("(unsigned long long)x", "(x as unsigned long long)"),
            ("(long)-1", "((Minus 1) as long)"),
            ("(word_t)-1", "((Minus 1) as word_t)"),
            ("(word_t)*p", "((Target p) as word_t)"),
            ("(n)-1", "(n - 1)"),
            ("(n)*p", "(n * p)"),
            ("(n)(m)", "(m as n)"),
            ("(ns::T<int, char>*)0x7f", "(127 as ns::T<int, char>*)"),
            ("(std::vector<std::vector<int>> *)p", "(p as std::vector<std::vector<int>>*)"),
            ("(const char *const *)argv", "(argv as char**)"),
            ("(int (*)[4])p", "(p as int[4]*)"),
            ("(a < b)", "(a < b)"),
            ("(a < b) > (c)", "((a < b) > c)"),
            ("p as *const u8", "(p as u8*)"),
            ("p as *mut Node<T> as usize + 1", "(((p as Node<T>*) as usize) + 1)"),
            ("p as *const [u8; 4]", "(p as u8[4]*)"),
            ("sizeof(x)", "sizeof x"),
            ("sizeof x + 1", "(sizeof x + 1)"),
            ("sizeof(struct foo)", "sizeof type struct foo"),
            ("sizeof(int *) * 2", "(sizeof type int* * 2)"),
            ("sizeof (*p)", "sizeof (Target p)"),
            ("/x flags", "/Hexadecimal flags"),
            ("/s (char *)p", "/Text (p as char*)"),
            ("whatis x", "whatis x"),
            ("whatis struct conn", "whatis type struct conn"),
            ("ptype *p", "whatis (Target p)"),
            ("whatis unsigned", "whatis type unsigned"),
            ("print x", "x"),
            ("print + 1", "(print + 1)"),
            ("whatis + 1", "(whatis + 1)"),
            ("$rsp + 8", "($rsp + 8)"),
            ("x == 'a'", "(x == char 97)"),
        ];
        for (text, want) in cases {
            assert_eq!(asked(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn faults_say_where_and_what() {
        let cases = [
            ("", 0, 0, "an expression is missing"),
            ("a +", 3, 3, "a value is missing"),
            ("a b", 2, 3, "an operator is expected here, not `b`"),
            ("(a", 2, 2, "`)` is missing"),
            ("a[1", 3, 3, "`]` is missing"),
            ("a->3", 3, 4, "the name of a member is expected here, not `3`"),
            ("f(1)", 1, 2, "functions cannot be called: the process is dead"),
            ("a = 1", 2, 3, "`=` would change the process, which is dead"),
            ("a += 1", 2, 4, "`+=` would change the process, which is dead"),
            ("a++", 1, 3, "`++` would change the process, which is dead"),
            ("/q a", 0, 2, "`/q` is no format"),
            ("a ? b : c", 2, 3, "an operator is expected here, not `?`"),
        ];
        for (text, start, end, want) in cases {
            let fault = asked(text).unwrap_err();
            assert_eq!((fault.at, fault.what.as_str()), (Span { start, end }, want), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded_in_every_direction() {
        for part in ["(", "-", "a[", "*", "sizeof ", "a+(", "(int)", "a as b as "] {
            let text = part.repeat(4000 / part.len());
            assert!(question(&text, &is_type).is_err(), "{part}");
            assert!(question(&(text + "a"), &is_type).is_err(), "{part}");
        }
        let minus = format!("{}a", "~".repeat(200));
        assert!(question(&minus, &is_type).unwrap_err().what.contains("nests deeper"));
        // What follows each other does not nest, and is as long as it may be.
        for part in ["+a", "->a", "[1]", "@1", "[1..]"] {
            let most = (LONGEST - 1) / part.len();
            let chain = |count: usize| format!("a{}", part.repeat(count));
            assert!(question(&chain(most), &is_type).is_ok(), "{part}");
            let fault = question(&chain(most + 1), &is_type).unwrap_err();
            assert_eq!(fault.what, "the expression is longer than 10000 bytes");
        }
        let types = format!("({}", "std::vector<".repeat(300));
        assert!(question(&types, &is_type).is_err());
    }

    #[test]
    fn random_words_never_panic() {
        let words = [
            "a", "b::c", "->", ".", "[", "]", "(", ")", "*", "&", "-", "..", "1", "0x7f", "'a'",
            "\"s\"", "$rip", "sizeof", "whatis", "struct", "as", "const", "int", "<", ">", ">>",
            "/x", "::", ",", "@", "1.5", "=", "'f.c'", "T<", "{", "mut", ";", "\u{e9}",
        ];
        // A linear congruential generator: the same words in every run.
        let mut state = 1_u64;
        let mut next = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        for _ in 0..20_000 {
            let count = next() % 24;
            let text: Vec<&str> = (0..count).map(|_| words[next() % words.len()]).collect();
            let glue = if next() % 2 == 0 { " " } else { "" };
            if let Err(fault) = question(&text.join(glue), &is_type) {
                assert!(fault.at.start <= fault.at.end, "{text:?}: {fault:?}");
            }
        }
    }
}
