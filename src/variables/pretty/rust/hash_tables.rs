//! `HashMap` and `HashSet`: the table of the `hashbrown` library.
//!
//! A table has a power of two of slots, one control byte each. The top bit of
//! the byte is clear where the slot is full. The slots lie in front of the
//! control bytes, the first one nearest to them.

use super::object::Object;
use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::pretty::collection::{Collection, End};
use crate::variables::read::Level;
use crate::variables::value::Value;

/// Control bytes read at once.
const CHUNK: u64 = 32 << 10;

/// The top bits of eight control bytes: all set where no slot is full.
const NONE_FULL: u64 = 0x8080_8080_8080_8080;

/// How many control bytes are looked at. Tables are at least an eighth full,
/// unless most of their elements were removed.
const MOST_CONTROLS: u64 = 1 << 24;

/// `HashMap<K, V>`.
pub(super) fn map(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let mut found = Collection::map(object.reading);
    fill(object, &mut found, level, |slot, found| {
        let key = slot.member("__0")?.value(level.deeper());
        found.push_pair(key, slot.member("__1")?.value(level.deeper()));
        Ok(())
    })?;
    Ok(found.finish(Dialect::Rust))
}

/// `HashSet<T>`: a map whose values have no size.
pub(super) fn set(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let mut found = Collection::sequence(object.reading);
    fill(object, &mut found, level, |slot, found| {
        found.push(slot.member("__0")?.value(level.deeper()));
        Ok(())
    })?;
    Ok(found.finish(Dialect::Rust))
}

/// A table as its structure describes it.
struct Table {
    controls: RunAddr,
    slots: u64,
    items: u64,
    slot_size: u64,
}

fn fill<'o, 'r, 'c, 'a, 'f>(
    object: &Object<'o, 'r, 'c, 'a, 'f>,
    found: &mut Collection,
    level: Level,
    push: impl Fn(&Object<'o, 'r, 'c, 'a, 'f>, &mut Collection) -> Result<(), String>,
) -> Result<(), String> {
    // The library's own map and set around the table, and around those, the
    // standard library's.
    let inner = object.down_to("bucket_mask", &["base", "map", "table"])?;
    let raw = object.down_to("marker", &["base", "map", "table"])?;
    let element = raw.parameter("T")?;
    let table = Table::read(&raw, &inner)?;
    if table.items == 0 || level.nested == 0 {
        found.omit(table.items);
        return Ok(());
    }
    let context = object.reading.context;
    let mut seen = 0_u64;
    let mut at = 0_u64;
    let last = table.slots.min(MOST_CONTROLS);
    'table: while at < last {
        let wanted = last.saturating_sub(at).min(CHUNK);
        let start = RunAddr(table.controls.0.wrapping_add(at));
        let bytes = Place::Memory(start).read_some(context.memory, wanted);
        for index in full_slots(&bytes).map(|index| at.saturating_add(index)) {
            if found.is_full(object.reading) || seen == table.items {
                seen = seen.saturating_add(1);
                break 'table;
            }
            seen = seen.saturating_add(1);
            let back = index.saturating_add(1).wrapping_mul(table.slot_size);
            let slot = RunAddr(table.controls.0.wrapping_sub(back));
            push(&object.other(element, Place::Memory(slot)), found)?;
        }
        if (bytes.len() as u64) < wanted {
            let why = format!("its control bytes at {start} are not in the dump");
            found.ended(End::Missing(why));
            break;
        }
        at = at.saturating_add(wanted);
    }
    let shown = found.len() as u64;
    if seen > table.items {
        found.damaged(format!("more full slots than its {} elements", table.items));
    } else if at >= table.slots && seen < table.items {
        found.damaged(format!("{seen} full slots, for {} elements", table.items));
    } else {
        found.omit(table.items.saturating_sub(shown));
    }
    Ok(())
}

/// Which of these control bytes belong to full slots.
fn full_slots(controls: &[u8]) -> impl Iterator<Item = u64> {
    let groups = controls.chunks(8).zip((0_u64..).step_by(8));
    let in_use = groups.filter(|(group, _)| {
        let word = <[u8; 8]>::try_from(*group).map_or(0, u64::from_ne_bytes);
        word & NONE_FULL != NONE_FULL
    });
    in_use.flat_map(|(group, first)| {
        group.iter().zip(first..).filter(|(byte, _)| **byte & 0x80 == 0).map(|(_, index)| index)
    })
}

impl Table {
    fn read(
        raw: &Object<'_, '_, '_, '_, '_>,
        inner: &Object<'_, '_, '_, '_, '_>,
    ) -> Result<Self, String> {
        let slot_size = raw.other(raw.parameter("T")?, raw.place.clone()).size()?;
        let word = |name| inner.member(name)?.word();
        let (mask, items, left) = (word("bucket_mask")?, word("items")?, word("growth_left")?);
        let controls = RunAddr(word("ctrl")?);
        let slots = mask.checked_add(1).filter(|slots| slots.is_power_of_two());
        let slots = slots.ok_or_else(|| format!("damaged: its mask is {mask:#x}"))?;
        if items > slots || left > slots.saturating_sub(items) {
            return Err(format!("damaged: {items} elements and room for {left}, in {slots} slots"));
        }
        if items > 0 {
            let room = slots.checked_mul(slot_size).and_then(|room| controls.0.checked_sub(room));
            let first = room.ok_or_else(|| format!("damaged: {slots} slots before {controls}"))?;
            raw.reading.check_extent(RunAddr(first), slots, slot_size)?;
            raw.reading.check_extent(controls, slots, 1)?;
        }
        if slot_size == 0 && items > 1 {
            return Err(NEW_LAYOUT.to_owned());
        }
        Ok(Self { controls, slots, items, slot_size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_slots_have_the_top_bit_clear() {
        let mut controls = [0xff_u8; 21];
        for (at, byte) in [(0, 0x7f), (7, 0x80), (8, 0), (19, 1), (20, 0x80)] {
            controls[at] = byte;
        }
        assert_eq!(full_slots(&controls).collect::<Vec<_>>(), [0, 8, 19]);
        assert_eq!(full_slots(&[]).count(), 0);
    }
}
