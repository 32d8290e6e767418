//! The standard's exceptions that say what happened.
//!
//! Compilers describe these classes only where their virtual tables are, which
//! is in the library. Both libraries keep two words: the pointer to the table,
//! and one to the text (`std::__cow_string` of libstdc++, `__libcpp_refstring`
//! of libc++, which imitates it).

use crate::base::addr::RunAddr;
use crate::variables::pretty::characters::counted;
use crate::variables::pretty::object::{Found, Object, Template};
use crate::variables::read::Level;
use crate::variables::value::Value;

/// Where the pointer to the text is.
const TEXT: u64 = 8;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::logic_error", print: message },
    Template { name: "std::domain_error", print: message },
    Template { name: "std::invalid_argument", print: message },
    Template { name: "std::length_error", print: message },
    Template { name: "std::out_of_range", print: message },
    Template { name: "std::runtime_error", print: message },
    Template { name: "std::range_error", print: message },
    Template { name: "std::overflow_error", print: message },
    Template { name: "std::underflow_error", print: message },
];

/// Whether a class is one of these, or derived from one by the library.
pub(super) fn has_message(name: &str) -> bool {
    let further = ["std::system_error", "std::ios_base::failure", "std::__ios_failure"];
    TEMPLATES.iter().map(|it| it.name).chain(further).any(|it| it == name)
}

/// What the exception says.
pub(super) fn message(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    counted(object, object.type_named("char"), RunAddr(object.word_within(TEXT)?), level)
}
