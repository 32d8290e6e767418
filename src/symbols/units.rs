//! Which unit an address belongs to.

use std::sync::Arc;

use gimli::{
    Abbreviations, ArangeHeader, AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebugInfoOffset,
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
const BATCH: usize = 32;

/// The code of the units of one module.
#[derive(Debug)]
pub(super) struct UnitRanges {
    index: RangeIndex<usize>,
}

impl UnitRanges {
    /// From `.debug_aranges`, in one pass. Broken sets are left out.
    pub(super) fn from_aranges(dwarf: &Dwarf<Reader<'_>>) -> Self {
        let mut headers = Vec::new();
        let mut iter = dwarf.debug_aranges.headers();
        while let Ok(Some(header)) = iter.next() {
            headers.push(header);
        }
        let batches: Vec<_> = headers.chunks(BATCH).collect();
        let ranges = spread(&batches, |batch| batch.iter().flat_map(set).collect::<Vec<_>>());
        Self { index: RangeIndex::new(ranges.into_iter().flatten()) }
    }

    /// From the roots of all units: reads a header and one entry of each.
    pub(super) fn from_roots(dwarf: &Dwarf<Reader<'_>>, info: &Info<'_>) -> Self {
        let starts = info.starts();
        let batches: Vec<_> = starts.chunks(BATCH).collect();
        let ranges = spread(&batches, |batch| {
            let mut found = Vec::new();
            for offset in *batch {
                let Some(header) = info.header(*offset) else { continue };
                let before = found.len();
                if root(dwarf, header, |start, end| found.push((start, end, offset.0))).is_none() {
                    found.truncate(before);
                }
            }
            found
        });
        Self { index: RangeIndex::new(ranges.into_iter().flatten()) }
    }

    /// Units that claim the address, the likeliest first.
    pub(super) fn containing(&self, at: LinkAddr) -> impl Iterator<Item = DebugInfoOffset> {
        self.index.containing(at).map(|(_, unit)| DebugInfoOffset(unit))
    }
}

/// The ranges of one set of `.debug_aranges`.
fn set(header: &ArangeHeader<Reader<'_>>) -> Vec<(u64, u64, usize)> {
    let mut found = Vec::new();
    let mut entries = header.entries();
    while let Ok(Some(entry)) = entries.next() {
        let range = entry.range();
        found.push((range.begin, range.end, header.debug_info_offset().0));
    }
    found
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
