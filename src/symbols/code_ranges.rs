//! The code that an entry of the debug information covers.

use gimli::{Attribute, AttributeValue, Dwarf, Unit, constants};

use crate::symbols::dwarf::Reader;

/// One entry may claim this many separate ranges. Linkers and optimizers leave
/// thousands in the root of a unit, a few in a function.
const MOST_RANGES: usize = 1 << 20;

/// The attributes of an entry that say which code it covers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CodeRanges<'f> {
    low: Option<AttributeValue<Reader<'f>>>,
    high: Option<AttributeValue<Reader<'f>>>,
    ranges: Option<AttributeValue<Reader<'f>>>,
}

impl<'f> CodeRanges<'f> {
    /// Keeps the attribute if it is one of ours.
    pub(super) fn take(&mut self, attribute: &Attribute<Reader<'f>>) {
        match attribute.name() {
            constants::DW_AT_low_pc => self.low = Some(attribute.value()),
            constants::DW_AT_high_pc => self.high = Some(attribute.value()),
            constants::DW_AT_ranges => self.ranges = Some(attribute.value()),
            _ => (),
        }
    }

    /// Whether the entry says anything about code.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_none() && (self.low.is_none() || self.high.is_none())
    }

    /// `DW_AT_low_pc`.
    pub(super) fn low(&self, dwarf: &Dwarf<Reader<'f>>, unit: &Unit<Reader<'f>>) -> Option<u64> {
        dwarf.attr_address(unit, self.low?).ok().flatten()
    }

    /// Calls `found` with each range, first address and first address after
    /// it, until it returns false or the list ends or is broken.
    pub(super) fn each(
        &self,
        dwarf: &Dwarf<Reader<'f>>,
        unit: &Unit<Reader<'f>>,
        mut found: impl FnMut(u64, u64) -> bool,
    ) {
        if let Some(ranges) = self.ranges {
            let Ok(Some(mut ranges)) = dwarf.attr_ranges(unit, ranges) else { return };
            for _ in 0..MOST_RANGES {
                let Ok(Some(range)) = ranges.next() else { return };
                if !found(range.begin, range.end) {
                    return;
                }
            }
        } else if let Some(low) = self.low(dwarf, unit) {
            let high = match self.high {
                // DWARF 4 and later: an unsigned distance from the low end.
                Some(AttributeValue::Udata(size)) => low.checked_add(size),
                Some(value) => dwarf.attr_address(unit, value).ok().flatten(),
                None => None,
            };
            if let Some(high) = high {
                found(low, high);
            }
        }
    }

    /// Whether one of the ranges contains `at`.
    pub(super) fn contains(
        &self,
        dwarf: &Dwarf<Reader<'f>>,
        unit: &Unit<Reader<'f>>,
        at: u64,
    ) -> bool {
        let mut contains = false;
        self.each(dwarf, unit, |start, end| {
            contains = start <= at && at < end;
            !contains
        });
        contains
    }
}
