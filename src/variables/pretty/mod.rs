//! Containers and strings of the standard libraries, shown as what they hold.
//!
//! One file a library, one [`Printer`] a type. Layouts come from the members
//! that the debug information names, so that another version of a library is
//! either read rightly or said to be new.

mod bits;
mod blocks;
mod characters;
mod clock;
mod collection;
mod erased;
mod glib;
mod hashed;
mod layout;
mod libcxx;
mod libstdcxx;
mod lists;
mod locks;
mod messages;
mod nodes;
mod object;
mod owners;
mod pointed;
mod rust;
mod slices;
mod sorted;
mod spans;
mod sum;
mod thrown;
mod word;

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::pretty::object::{Template, size_of};
use crate::variables::read::{Level, Reading};
use crate::variables::value::{Value, ValueKind};

/// How one type of a library is shown.
pub(super) trait Printer: Sync {
    /// The type, as its library names it.
    #[cfg(test)]
    fn name(&self) -> &'static str;

    /// Whether a type is that one.
    fn matches(&self, of: &Type<'_, '_>) -> bool;

    /// What a value of it holds, or why that cannot be known.
    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String>;
}

/// What a printer says of a type whose members have other names than those that
/// it knows: the type is then shown as any other.
pub(super) const NEW_LAYOUT: &str = "its layout is new to us";

/// Every list of printers that are told by the name of a class alone.
const TEMPLATES: &[&[&[Template]]] =
    &[libstdcxx::TEMPLATES, libcxx::TEMPLATES, &[messages::TEMPLATES]];

/// The printer of a type, if it has one.
pub(super) fn printer(of: &Type<'_, '_>) -> Option<&'static dyn Printer> {
    if !matches!(of.shape, Shape::Composite(_) | Shape::Enumeration(_) | Shape::Declared(_)) {
        return None;
    }
    if of.dialect == Dialect::Rust {
        return rust::printers().find(|printer| printer.matches(of));
    }
    if matches!(of.dialect, Dialect::Go | Dialect::D) {
        return slices::PRINTERS.iter().copied().find(|printer| printer.matches(of));
    }
    // Most structures are nobody's containers.
    let name = bare(&of.plain_name);
    let is_known = name.starts_with("std::") || name.starts_with("__gnu_cxx::");
    match is_known {
        true => templates(TEMPLATES).find(|printer| printer.matches(of)),
        false if name.starts_with("_G") => {
            templates(&[&[glib::TEMPLATES]]).find(|printer| printer.matches(of))
        }
        false => None,
    }
}

/// A type's name without the keyword that it has in C.
fn bare(name: &str) -> &str {
    name.strip_prefix("struct ").unwrap_or(name)
}

/// All printers of some lists.
fn templates(
    lists: &'static [&'static [&'static [Template]]],
) -> impl Iterator<Item = &'static dyn Printer> {
    let templates = lists.iter().copied().flatten().copied().flatten();
    templates.map(|template| template as &dyn Printer)
}

/// Whether a type is an instance of a template: `std::vector<int>`, or plain
/// `std::vector` where the compiler was told to write simple names.
fn is_instance(of: &Type<'_, '_>, template: &str) -> bool {
    let name = bare(&of.plain_name);
    let is_it = |name: Option<&str>, template: &str| {
        let rest = name.and_then(|name| name.strip_prefix(template));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('<'))
    };
    // With `_GLIBCXX_DEBUG`, containers are derived from the real ones.
    let checked = ["std::__debug::", "std::__cxx1998::"];
    is_it(Some(name), template)
        || template.strip_prefix("std::").is_some_and(|template| {
            checked.iter().any(|space| is_it(name.strip_prefix(space), template))
        })
}

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    /// `count` elements from `at` on.
    fn sequence(
        &self,
        dialect: Dialect,
        element: Option<Entry<'a, 'f>>,
        at: RunAddr,
        count: u64,
        level: Level,
    ) -> Result<Value, String> {
        let of = self.context.types.get(element);
        let size = size_of(&of).ok_or("the size of its elements is not known")?;
        self.check_extent(at, count, size)?;
        let place = Place::Memory(at);
        let mut value = self.elements(dialect, count, size, &place, level, |place, level| {
            self.typed(&of, place, level)
        });
        if !value.is_known() {
            return Err(value.why_unknown.unwrap_or_default());
        }
        value.kind = ValueKind::Sequence;
        Ok(value)
    }

    /// Text of `len` bytes at `at`.
    fn sized_text(&self, dialect: Dialect, at: RunAddr, len: u64) -> Result<Value, String> {
        self.check_extent(at, len, 1)?;
        self.text_of(dialect, at, len)
    }

    /// Refuses a container whose contents would not lie in mapped memory: it
    /// was destroyed, or never constructed, or overwritten.
    fn check_extent(&self, at: RunAddr, count: u64, size: u64) -> Result<(), String> {
        let damaged = || format!("damaged: {count} elements at {at} are in no mapped memory");
        let len = count.checked_mul(size).ok_or_else(damaged)?;
        let Some(last) = len.checked_sub(1) else { return Ok(()) };
        let last = at.checked_add(last).ok_or_else(damaged)?;
        let process = self.context.process;
        // A process without mappings is one of which none are known.
        if process.mappings.is_empty() {
            return Ok(());
        }
        // Mappings that follow each other make one extent; a hole ends it.
        let mut here = at;
        while let Some(mapping) = process.mapping(here) {
            if mapping.range.contains(last) {
                return Ok(());
            }
            here = mapping.range.end;
        }
        Err(damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printer_has_a_name_of_its_own() {
        let lists = templates(TEMPLATES).chain(templates(&[&[glib::TEMPLATES]]));
        let mut names: Vec<_> =
            rust::printers().chain(lists).map(|printer| printer.name()).collect();
        names.extend(slices::PRINTERS.iter().map(|printer| printer.name()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
