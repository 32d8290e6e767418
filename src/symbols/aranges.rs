//! `.debug_aranges`: which unit each function is in.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::DebugInfoOffset;

use crate::base::addr::{FileOff, LinkAddr};
use crate::base::bytes::{Cursor, Truncated};
use crate::base::data_model::DataModel;
use crate::symbols::range_index::RangeIndex;
use crate::symbols::workers::spread;

/// Bytes of the section that are sorted together. Small enough for a
/// processor's own cache, so that several can be sorted at once.
const SHARD: usize = 512 << 10;

/// Bytes of one entry of AMD64: an address and a length.
const ENTRY: usize = 16;

/// The whole section, in pieces that are sorted each on its own.
#[derive(Debug, Default)]
pub(super) struct Aranges {
    shards: Vec<RangeIndex<u32>>,
    /// The units that have a set: what the indices mean.
    units: Vec<DebugInfoOffset>,
}

/// One unit's set: its place in `units`, and its entries.
type Set<'f> = (u32, &'f [u8]);

impl Aranges {
    /// Reads the section once. A broken set ends it, since nothing says where
    /// the next one would begin.
    pub(super) fn new(section: &[u8], model: DataModel) -> Self {
        let mut units = Vec::new();
        let mut shards: Vec<Vec<Set<'_>>> = Vec::new();
        let mut size = SHARD;
        let mut cursor = Cursor::new(section, FileOff(0)).with_model(model);
        while let Ok((unit, entries)) = set(&mut cursor) {
            let Ok(index) = u32::try_from(units.len()) else { break };
            units.push(unit);
            if size >= SHARD {
                shards.push(Vec::new());
                size = 0;
            }
            size = size.saturating_add(entries.len());
            if let Some(shard) = shards.last_mut() {
                shard.push((index, entries));
            }
        }
        let shards =
            spread(&shards, |sets| RangeIndex::new(sets.iter().flat_map(|set| ranges(set, model))));
        Self { shards, units }
    }

    /// Units that claim the address, the likeliest first.
    pub(super) fn containing(&self, at: LinkAddr) -> Vec<DebugInfoOffset> {
        let mut found: Vec<_> = self.shards.iter().flat_map(|shard| shard.containing(at)).collect();
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        let unit = |(_, unit)| self.units.get(usize::try_from(unit).ok()?).copied();
        found.into_iter().filter_map(unit).collect()
    }

    /// The units that have a set.
    pub(super) fn units(&self) -> &[DebugInfoOffset] {
        &self.units
    }
}

/// The unit and the entries of the next set.
///
/// Layout: DWARF 5, section 6.1.2: a unit length (u32, or 0xffffffff and u64),
/// a u16 version, the offset of the unit's header (as wide as the length), u8
/// sizes of an address and of a segment selector; padding up to a multiple of
/// an entry from the start of the set; entries, the last one of zeros.
fn set<'f>(cursor: &mut Cursor<'f>) -> Result<(DebugInfoOffset, &'f [u8]), Truncated> {
    let start = cursor.at().0;
    let is_wide;
    let length = match cursor.u32()? {
        0xffff_ffff => {
            is_wide = true;
            cursor.u64()?
        }
        length => {
            is_wide = false;
            u64::from(length)
        }
    };
    let at = cursor.at();
    let model = cursor.model();
    let mut set = Cursor::new(cursor.take(length)?, at).with_model(model);
    let _version = set.u16()?;
    let unit = if is_wide { set.u64()? } else { u64::from(set.u32()?) };
    let address_size = set.u8()?;
    let segment_size = set.u8()?;
    let header = set.at().0.saturating_sub(start);
    let entry = u64::from(address_size).wrapping_mul(2);
    let padding = if entry == 8 { 7 } else { 15 };
    set.skip(header.wrapping_neg() & padding)?;
    // Other sizes belong to other architectures: then there are no entries.
    let is_ours = address_size == model.address_size && segment_size == 0;
    let entries = if is_ours { set.rest() } else { &[] };
    Ok((DebugInfoOffset(usize::try_from(unit).unwrap_or(usize::MAX)), entries))
}

fn ranges<'s>(set: &Set<'s>, model: DataModel) -> impl Iterator<Item = (u64, u64, u32)> + use<'s> {
    let (unit, entries) = *set;
    let size = if model.is_64() { ENTRY } else { 8 };
    entries.chunks_exact(size).filter_map(move |entry| {
        let (start, len) = if model == DataModel::LITTLE_64 {
            let (start, rest) = entry.split_first_chunk()?;
            (u64::from_le_bytes(*start), u64::from_le_bytes(*rest.first_chunk()?))
        } else {
            let (start, len) = entry.split_at_checked(usize::from(model.address_size))?;
            (model.order.number(start), model.order.number(len))
        };
        Some((start, start.checked_add(len)?, unit))
    })
}
