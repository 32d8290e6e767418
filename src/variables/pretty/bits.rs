//! Vectors of truth values, one bit each.

use crate::base::addr::RunAddr;
use crate::base::data_model::ByteOrder;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::pretty::collection::Collection;
use crate::variables::pretty::object::{Failure, Found, Object};
use crate::variables::read::Level;
use crate::variables::value::{Origin, Value, ValueKind};

/// Where the bits are: lowest first, `skipped` bits behind an address.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    pub(super) at: RunAddr,
    pub(super) skipped: u64,
    pub(super) count: u64,
}

/// The bits as truth values.
pub(super) fn bits(object: &Object<'_, '_, '_, '_>, bits: Bits, level: Level) -> Found<Value> {
    let Bits { at, skipped, count } = bits;
    let reading = object.reading;
    no_big_endian(object)?;
    reading.check_extent(at, count.saturating_add(skipped).div_ceil(8), 1)?;
    let mut found = Collection::sequence(reading);
    if level.nested == 0 && count > 0 {
        return Ok(found.unopened(count));
    }
    for bit in 0..count {
        if found.is_full(reading) {
            found.omit(count.saturating_sub(bit));
            break;
        }
        let place = Place::Memory(at);
        let bit = place.read_bits(reading.context.memory, bit.saturating_add(skipped), 1)?;
        let text = if bit == 1 { "true" } else { "false" };
        let mut value = Value::leaf(ValueKind::Scalar, text, Origin::Memory);
        value.raw = u64::try_from(bit).ok();
        found.push(value);
    }
    Ok(found.finish(Dialect::Cpp))
}

/// Bits of words whose most significant byte comes first are not taken apart:
/// the type is then shown member by member.
pub(super) fn no_big_endian(object: &Object<'_, '_, '_, '_>) -> Found<()> {
    match object.reading.context.memory.model().order {
        ByteOrder::Little => Ok(()),
        ByteOrder::Big => Err(Failure::NewLayout),
    }
}
