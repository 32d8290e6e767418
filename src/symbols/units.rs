//! Which unit an address belongs to.

use std::sync::Arc;

use gimli::{
    Abbreviations, AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebugInfoOffset,
    DebugLocListsBase, DebugRngListsBase, DebugStrOffsetsBase, Dwarf, DwarfFileType, EndianSlice,
    Reader as _, RunTimeEndian, UnitHeader, UnitType, constants,
};

use crate::base::addr::LinkAddr;
use crate::symbols::code_ranges::CodeRanges;
use crate::symbols::dwarf::Reader;
use crate::symbols::info::Info;
use crate::symbols::range_index::RangeIndex;
use crate::symbols::workers::spread;

/// Units that one worker takes at a time.
const BATCH: usize = 64;

/// The code of units by what their roots say of it.
#[derive(Debug, Default)]
pub(super) struct RootRanges {
    shards: Vec<RangeIndex<u32>>,
}

impl RootRanges {
    /// Reads a header and one entry of each of `units`.
    pub(super) fn new(
        dwarf: &Dwarf<Reader<'_>>,
        info: &Info<'_>,
        units: &[DebugInfoOffset],
    ) -> Self {
        let batches: Vec<_> = units.chunks(BATCH).collect();
        let shards = spread(&batches, |batch| {
            let mut found = Vec::new();
            for offset in *batch {
                let Some(header) = info.header(*offset) else { continue };
                // 32-bit DWARF goes no further.
                let Ok(unit) = u32::try_from(offset.0) else { continue };
                let before = found.len();
                if root(dwarf, header, |start, end| found.push((start, end, unit))).is_none() {
                    found.truncate(before);
                }
            }
            RangeIndex::new(found)
        });
        Self { shards }
    }

    /// Units that claim the address, the likeliest first.
    pub(super) fn containing(&self, at: LinkAddr) -> Vec<DebugInfoOffset> {
        let mut found: Vec<_> = self.shards.iter().flat_map(|shard| shard.containing(at)).collect();
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        let unit = |(_, unit)| usize::try_from(unit).ok().map(DebugInfoOffset);
        found.into_iter().filter_map(unit).collect()
    }
}

/// The unit among `units` whose root claims the address. Keeps nothing: for
/// addresses that will not be asked for often.
pub(super) fn search(
    dwarf: &Dwarf<Reader<'_>>,
    info: &Info<'_>,
    units: &[DebugInfoOffset],
    at: LinkAddr,
) -> Option<DebugInfoOffset> {
    let batches: Vec<_> = units.chunks(BATCH).collect();
    let found = spread(&batches, |batch| {
        batch.iter().copied().find(|offset| {
            let mut contains = false;
            let look = |start, end| contains |= start > 0 && start <= at.0 && at.0 < end;
            info.header(*offset).and_then(|header| root(dwarf, header, look));
            contains
        })
    });
    found.into_iter().flatten().next()
}

/// Calls `found` with each range of code in the unit's root entry. `None`: the
/// unit is broken, or has no code.
fn root<'f>(
    dwarf: &Dwarf<Reader<'f>>,
    header: UnitHeader<Reader<'f>>,
    mut found: impl FnMut(u64, u64),
) -> Option<()> {
    if !matches!(header.type_(), UnitType::Compilation | UnitType::Skeleton(_)) {
        return None;
    }
    let abbreviations = root_abbreviation(dwarf, &header)?;
    let mut code = CodeRanges::default();
    let encoding = header.encoding();
    let mut unit = gimli::Unit {
        header,
        abbreviations: Arc::new(abbreviations),
        name: None,
        comp_dir: None,
        low_pc: 0,
        str_offsets_base: DebugStrOffsetsBase::default_for_encoding_and_file(
            encoding,
            DwarfFileType::Main,
        ),
        addr_base: gimli::DebugAddrBase(0),
        loclists_base: DebugLocListsBase::default_for_encoding_and_file(
            encoding,
            DwarfFileType::Main,
        ),
        rnglists_base: DebugRngListsBase::default_for_encoding_and_file(
            encoding,
            DwarfFileType::Main,
        ),
        line_program: None,
        dwo_id: None,
    };
    let (mut addr_base, mut rnglists_base) = (None, None);
    {
        let mut entries = unit.entries_raw(None).ok()?;
        let abbreviation = entries.read_abbreviation().ok()??;
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification).ok()?;
            code.take(&attribute);
            match attribute.value() {
                AttributeValue::DebugAddrBase(base) => addr_base = Some(base),
                AttributeValue::DebugRngListsBase(base) => rnglists_base = Some(base),
                _ => (),
            }
        }
    }
    unit.addr_base = addr_base.unwrap_or(unit.addr_base);
    unit.rnglists_base = rnglists_base.unwrap_or(unit.rnglists_base);
    // Range lists are relative to the root's low end.
    unit.low_pc = code.low(dwarf, &unit).unwrap_or(0);
    code.each(dwarf, &unit, |start, end| {
        found(start, end);
        true
    });
    Some(())
}

/// The abbreviation of a unit's root entry alone. Parsing the whole table, a
/// few hundred of them in each unit, would take most of the time.
fn root_abbreviation(
    dwarf: &Dwarf<Reader<'_>>,
    header: &UnitHeader<Reader<'_>>,
) -> Option<Abbreviations> {
    let mut entries = header.range_from(header.root_offset()..).ok()?;
    let wanted = entries.read_uleb128().ok()?;
    let mut table = *gimli::Section::reader(&dwarf.debug_abbrev);
    table.skip(header.debug_abbrev_offset().0).ok()?;
    // Layout: DWARF 5, section 7.5.3. The root's is nearly always the first.
    loop {
        let declaration = table.slice();
        let code = table.read_uleb128().ok()?;
        if code == 0 {
            return None;
        }
        let _tag = table.read_uleb128().ok()?;
        let _has_children = table.read_u8().ok()?;
        loop {
            let name = table.read_uleb128().ok()?;
            let form = table.read_uleb128().ok()?;
            if form == u64::from(constants::DW_FORM_implicit_const.0) {
                let _constant = table.read_sleb128().ok()?;
            }
            if (name, form) == (0, 0) {
                break;
            }
        }
        if code == wanted {
            let length = declaration.len().checked_sub(table.slice().len())?;
            // A table of one, with the zero that ends it.
            let mut one = declaration.get(..length)?.to_vec();
            one.push(0);
            let section = DebugAbbrev::from(EndianSlice::new(&one, RunTimeEndian::Little));
            return section.abbreviations(DebugAbbrevOffset(0)).ok();
        }
    }
}
