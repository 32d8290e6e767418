//! LLVM's C++ library, with its default ABI (`std::__1`).

use crate::variables::pretty::object::Template;

/// What it can show, one list a file.
pub(super) const TEMPLATES: &[&[Template]] = &[];
