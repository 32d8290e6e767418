//! Times of GNU's C++ library.

use crate::variables::pretty::clock::{duration, time_point};
use crate::variables::pretty::object::Template;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::chrono::duration", print: duration },
    Template { name: "std::chrono::time_point", print: time_point },
];
