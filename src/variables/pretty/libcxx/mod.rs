//! LLVM's C++ library, with its default ABI (`std::__1`).
//!
//! Up to version 19 it wraps many members in pairs with an allocator or the
//! like, whose base holds them as `__value_`; later ones do not.

mod hashes;
mod iterators;
mod lists;
mod pointers;
mod sequences;
mod strings;
mod sums;
mod sync;
mod trees;
mod words;

use crate::variables::pretty::object::{Found, Object, Template};

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
    words::TEMPLATES,
];

/// The first of these members that is there, out of the pair that it may be in.
fn unpaired<'r, 'c, 'a, 'f>(
    object: &Object<'r, 'c, 'a, 'f>,
    names: &[&str],
) -> Found<Object<'r, 'c, 'a, 'f>> {
    let member = object.any_member(names)?;
    match member.of.plain_name.starts_with("std::__1::__compressed_pair<") {
        true => member.member("__value_"),
        false => Ok(member),
    }
}
