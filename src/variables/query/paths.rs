//! Names with what stands before their `::`.

use crate::variables::query::fault::Fault;
use crate::variables::query::lexer::Word;
use crate::variables::query::parser::Parser;

impl Parser<'_> {
    /// `<int>` of `Box<int>::shared`; of `a < b` nothing is taken.
    pub(super) fn template_arguments(&mut self, path: &mut String) {
        let position = self.position();
        let start = self.here().start;
        let is_one = self.peek() == &Word::Sign("<")
            && self.skip_arguments().is_some()
            && self.peek() == &Word::Sign("::");
        if is_one {
            path.push_str(self.text.get(start..self.before().end).unwrap_or_default());
        } else {
            self.go_back(position);
        }
    }

    /// Whether `(anonymous namespace)` comes, as C++ names are shown.
    pub(super) fn is_anonymous_namespace(&self) -> bool {
        let is =
            |ahead, wanted: &str| matches!(self.ahead(ahead), Word::Name(name) if name == wanted);
        is(1, "anonymous") && is(2, "namespace") && self.ahead(3) == &Word::Sign(")")
    }

    /// `a::b::c`.
    pub(super) fn path(&mut self) -> Result<String, Fault> {
        let mut path = String::new();
        if self.take("::") {
            path.push_str("::");
        }
        loop {
            match self.peek() {
                Word::Name(name) | Word::Quoted(name) => path.push_str(name),
                // `(anonymous namespace)::name` of C++, `{closure#0}` of Rust.
                Word::Sign("(") if self.is_anonymous_namespace() => {
                    path.push_str("(anonymous namespace)");
                    (0..3).for_each(|_| self.advance());
                }
                _ => return Err(self.unexpected("a name")),
            }
            self.advance();
            self.template_arguments(&mut path);
            if !self.take("::") {
                return Ok(path);
            }
            path.push_str("::");
        }
    }
}
