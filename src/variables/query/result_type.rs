//! Types of results: those of the debug information, and what is made of them.

use std::sync::Arc;

use gimli::DwAte;

use crate::symbols::entries::Entry;
use crate::symbols::types::{Array, Dialect, Length, Shape, Type, Types};

/// The type of a result.
#[derive(Clone)]
pub(super) enum ResultType<'a, 'f> {
    /// As an entry of the debug information has it; `None`: `void`.
    Declared(Option<Entry<'a, 'f>>),
    /// One without an entry: a number, a row of an array.
    Plain(Arc<Type<'a, 'f>>),
    /// A pointer that no entry describes.
    Pointer(Arc<Self>, Dialect),
    /// An array that no entry describes.
    Array(Arc<Self>, u64, Dialect),
}

impl<'a, 'f> ResultType<'a, 'f> {
    /// A number without an entry.
    pub(super) fn number(name: &str, size: u64, encoding: DwAte, dialect: Dialect) -> Self {
        Self::Plain(Arc::new(Type {
            name: name.to_owned(),
            aliases: Vec::new(),
            plain_name: name.to_owned(),
            entry: None,
            size: Some(size),
            dialect,
            shape: Shape::Number(encoding),
        }))
    }

    /// A pointer to this.
    pub(super) fn pointer(self, dialect: Dialect) -> Self {
        Self::Pointer(Arc::new(self), dialect)
    }

    /// So many of these.
    pub(super) fn array(self, count: u64, dialect: Dialect) -> Self {
        Self::Array(Arc::new(self), count, dialect)
    }

    /// The entry, if there is one.
    pub(super) fn entry(&self) -> Option<Entry<'a, 'f>> {
        match self {
            Self::Declared(entry) => *entry,
            Self::Plain(of) => of.entry,
            Self::Pointer(..) | Self::Array(..) => None,
        }
    }

    /// Whether the readers of the debug information's types can read it.
    pub(super) fn is_readable(&self) -> bool {
        match self {
            Self::Declared(_) | Self::Plain(_) => true,
            Self::Pointer(to, _) => matches!(**to, Self::Declared(_)),
            Self::Array(..) => false,
        }
    }

    /// One level of it.
    pub(super) fn resolved(&self, types: &Types<'a, 'f>) -> Arc<Type<'a, 'f>> {
        match self {
            Self::Declared(entry) => types.get(*entry),
            Self::Plain(of) => Arc::clone(of),
            Self::Pointer(to, dialect) => {
                let name = self.name(types);
                Arc::new(Type {
                    plain_name: name.clone(),
                    name,
                    aliases: Vec::new(),
                    entry: None,
                    size: Some(8),
                    dialect: *dialect,
                    shape: Shape::Pointer(to.declared()),
                })
            }
            Self::Array(element, count, dialect) => {
                let name = self.name(types);
                let dimensions = vec![Length::Fixed(*count)];
                Arc::new(Type {
                    plain_name: name.clone(),
                    name,
                    aliases: Vec::new(),
                    entry: None,
                    size: element.size(types).and_then(|size| size.checked_mul(*count)),
                    dialect: *dialect,
                    shape: Shape::Array(Array { element: element.declared(), dimensions }),
                })
            }
        }
    }

    fn declared(&self) -> Option<Entry<'a, 'f>> {
        match self {
            Self::Declared(entry) => *entry,
            _ => None,
        }
    }

    /// Its size in bytes, when that is fixed.
    pub(super) fn size(&self, types: &Types<'a, 'f>) -> Option<u64> {
        match self {
            Self::Pointer(..) => Some(8),
            _ => self.resolved(types).size,
        }
    }

    /// As its language writes it.
    pub(super) fn name(&self, types: &Types<'a, 'f>) -> String {
        match self {
            Self::Declared(entry) => types.get(*entry).name.clone(),
            Self::Plain(of) => of.name.clone(),
            Self::Pointer(to, Dialect::Rust) => format!("*const {}", to.name(types)),
            Self::Pointer(to, _) => pointer_name(&to.name(types)),
            Self::Array(element, count, Dialect::Rust) => {
                format!("[{}; {count}]", element.name(types))
            }
            Self::Array(element, count, _) => array_name(&element.name(types), *count),
        }
    }
}

/// `int *`, `char **`, `int (*)[3]`, `void (*)(int)`.
fn pointer_name(to: &str) -> String {
    let is_plain = !to.contains('<') && !to.contains("::");
    if let Some(at) = to.find("(*").filter(|_| is_plain) {
        let (before, after) = to.split_at(at.saturating_add(1));
        return format!("{before}*{after}");
    }
    match to.find(['[', '(']).filter(|_| is_plain) {
        Some(at) => {
            let (before, after) = to.split_at(at);
            format!("{} (*){after}", before.trim_end())
        }
        None if to.ends_with('*') => format!("{to}*"),
        None => format!("{to} *"),
    }
}

/// `int [3]`, `char *[3]`, `int [3][4]`.
fn array_name(element: &str, count: u64) -> String {
    match element.find('[').filter(|_| element.ends_with(']')) {
        Some(at) => {
            let (before, after) = element.split_at(at);
            format!("{before}[{count}]{after}")
        }
        None if element.ends_with('*') => format!("{element}[{count}]"),
        None => format!("{element} [{count}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_is_made() {
        let pointers = [
            ("int", "int *"),
            ("char *", "char **"),
            ("int [3]", "int (*)[3]"),
            ("int (int)", "int (*)(int)"),
            ("int (*)[3]", "int (**)[3]"),
        ];
        for (to, want) in pointers {
            assert_eq!(pointer_name(to), want);
        }
        let arrays = [("int", "int [2]"), ("int [3]", "int [2][3]"), ("char *", "char *[2]")];
        for (element, want) in arrays {
            assert_eq!(array_name(element, 2), want);
        }
    }
}
