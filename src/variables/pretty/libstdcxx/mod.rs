//! GNU's C++ library, with the ABI of gcc 5 and the one before it.

mod hashes;
mod iterators;
mod lists;
mod pointers;
mod sequences;
mod strings;
mod sums;
mod sync;
mod time;
mod trees;
mod words;

use crate::symbols::types::Type;
use crate::variables::pretty::object::Template;

/// The size of a class of this library that is only declared.
pub(super) fn declared_size(of: &Type<'_, '_>) -> Option<u64> {
    strings::declared_size(of)
}

/// What it can show, one list a file.
pub(super) const TEMPLATES: &[&[Template]] = &[
    strings::TEMPLATES,
    sequences::TEMPLATES,
    lists::TEMPLATES,
    trees::TEMPLATES,
    hashes::TEMPLATES,
    iterators::TEMPLATES,
    sums::TEMPLATES,
    pointers::TEMPLATES,
    sync::TEMPLATES,
    time::TEMPLATES,
    words::TEMPLATES,
];
