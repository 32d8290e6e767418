//! `std::unique_ptr` and `std::shared_ptr` of GNU's C++ library, shown as the
//! pointers that they wrap.

use super::Printer;
use crate::symbols::types::{Shape, Type};
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::value::Value;

/// `std::unique_ptr`: the first element of a tuple of a pointer and a deleter.
pub(super) struct Unique;

/// `std::shared_ptr`: a pointer, and one to the counts.
pub(super) struct Shared;

impl Printer for Unique {
    fn name(&self) -> &'static str {
        "std::unique_ptr"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        super::is_instance(of, self.name()) && of.member("_M_t").is_some()
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        let (outer, at) = reading.field(of, place, "_M_t")?;
        let outer = reading.context.types.get(outer);
        let (tuple, at) = reading.field(&outer, &at, "_M_t")?;
        let tuple = reading.context.types.get(tuple);
        // The deleter's part of the tuple has a member of the same name.
        let (inner, at) = base(reading, &tuple, &at, "std::_Tuple_impl<0")?;
        let (head, at) = base(reading, &inner, &at, "std::_Head_base<0")?;
        pointer(reading, &head, &at, "_M_head_impl", level)
    }
}

impl Printer for Shared {
    fn name(&self) -> &'static str {
        "std::shared_ptr"
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        let is_gnu = of
            .composite()
            .is_some_and(|composite| composite.members.iter().any(|member| member.is_base));
        super::is_instance(of, self.name()) && is_gnu
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        pointer(reading, of, place, "_M_ptr", level)
    }
}

/// The base class whose name begins so.
fn base<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    place: &Place<'a, 'f>,
    name: &str,
) -> Result<(std::sync::Arc<Type<'a, 'f>>, Place<'a, 'f>), String> {
    let bases = of.composite().map(|composite| composite.members.as_slice()).unwrap_or_default();
    for member in bases.iter().filter(|member| member.is_base) {
        let inner = reading.context.types.get(member.type_entry);
        if inner.plain_name.starts_with(name) {
            return Ok((inner, reading.member_place(of, member, place)?));
        }
    }
    Err(format!("`{}` has no base `{name}...>`", of.plain_name))
}

fn pointer<'a, 'f>(
    reading: &Reading<'_, '_, 'a, 'f>,
    of: &Type<'a, 'f>,
    place: &Place<'a, 'f>,
    name: &str,
    level: Level,
) -> Result<Value, String> {
    let (found, at) = reading.field(of, place, name)?;
    let found = reading.context.types.get(found);
    match found.shape {
        Shape::Pointer(target) => Ok(reading.pointer(&found, target, &at, level)),
        _ => Err(format!("`{name}` is no pointer here")),
    }
}
