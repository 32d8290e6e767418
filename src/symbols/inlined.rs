//! The functions of a unit, and the calls inlined into them.

use gimli::{AttributeValue, UnitOffset, constants};

use crate::base::addr::LinkAddr;
use crate::symbols::code_ranges::CodeRanges;
use crate::symbols::dwarf::Reader;
use crate::symbols::range_index::RangeIndex;

/// The functions of one unit that have code, nested ones too.
#[derive(Debug)]
pub(super) struct FunctionIndex {
    /// Values: offsets in the unit.
    ranges: RangeIndex<u32>,
}

/// All functions of a unit may have this many ranges together: lists can be
/// shared, so that a small file could claim very many.
const MOST_RANGES: usize = 4 << 20;

/// Calls nest this deep. LLVM reaches a few dozen.
const MOST_INLINED: usize = 1_000;

/// One function or inlined call that contains an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activation {
    /// A `DW_TAG_subprogram` or `DW_TAG_inlined_subroutine`.
    pub(super) entry: UnitOffset,
    /// Where an inlined one was called: an index into the unit's files.
    pub(super) call_file: Option<u64>,
    pub(super) call_line: Option<u32>,
    pub(super) call_column: Option<u32>,
    /// `DW_AT_low_pc`: a function's first instruction.
    pub(super) start: Option<u64>,
}

impl FunctionIndex {
    /// Walks all entries of the unit once. A broken entry ends the walk.
    pub(super) fn new(dwarf: &gimli::Dwarf<Reader<'_>>, unit: &gimli::Unit<Reader<'_>>) -> Self {
        let mut found = Vec::new();
        // The functions before a broken place are as good as any.
        let _broken = Self::walk(dwarf, unit, &mut found);
        Self { ranges: RangeIndex::new(found) }
    }

    fn walk(
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
        found: &mut Vec<(u64, u64, u32)>,
    ) -> gimli::Result<()> {
        let mut entries = unit.entries_raw(None)?;
        while !entries.is_empty() {
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() != constants::DW_TAG_subprogram {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            let mut code = CodeRanges::default();
            for specification in abbreviation.attributes() {
                let attribute = entries.read_attribute(*specification)?;
                code.take(&attribute);
            }
            // 4 GiB of entries in one unit are no unit.
            let Ok(offset) = u32::try_from(offset.0) else { break };
            code.each(dwarf, unit, |start, end| {
                found.push((start, end, offset));
                found.len() < MOST_RANGES
            });
        }
        Ok(())
    }

    /// The innermost function around `at`.
    pub(super) fn function(&self, at: LinkAddr) -> Option<UnitOffset> {
        let (_, entry) = self.ranges.containing(at).next()?;
        usize::try_from(entry).ok().map(UnitOffset)
    }
}

/// The function at `subprogram` and the calls inlined into it that contain
/// `at`, outermost first.
pub(super) fn activations(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    subprogram: UnitOffset,
    at: LinkAddr,
) -> Vec<Activation> {
    let mut found = Vec::new();
    // What was found before a broken place is right.
    let _broken = descend(dwarf, unit, subprogram, at, &mut found);
    found
}

fn descend(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    subprogram: UnitOffset,
    at: LinkAddr,
    found: &mut Vec<Activation>,
) -> gimli::Result<()> {
    let mut entries = unit.entries_raw(Some(subprogram))?;
    // Entries deeper than this do not contain the address.
    let mut outside: Option<isize> = None;
    // The depth of the last activation found.
    let mut inside = -1;
    while !entries.is_empty() {
        let (offset, depth) = (entries.next_offset(), entries.next_depth());
        if depth <= 0 && !found.is_empty() {
            break;
        }
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        if outside.is_some_and(|outside| depth > outside) {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        outside = None;
        let tag = abbreviation.tag();
        let is_first = found.is_empty();
        let is_scope = matches!(
            tag,
            constants::DW_TAG_inlined_subroutine
                | constants::DW_TAG_lexical_block
                | constants::DW_TAG_try_block
                | constants::DW_TAG_catch_block
        );
        if !is_first && (!is_scope || depth <= inside) {
            // Below types, variables and call sites no code is described; and
            // once one of several siblings has the address, the others do not.
            entries.skip_attributes(abbreviation.attributes())?;
            outside = Some(depth);
            continue;
        }
        let mut code = CodeRanges::default();
        let mut activation = Activation {
            entry: offset,
            call_file: None,
            call_line: None,
            call_column: None,
            start: None,
        };
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification)?;
            let number = || attribute.udata_value().and_then(|value| u32::try_from(value).ok());
            match attribute.name() {
                constants::DW_AT_call_file => {
                    activation.call_file = match attribute.value() {
                        AttributeValue::FileIndex(index) => Some(index),
                        _ => attribute.udata_value(),
                    };
                }
                constants::DW_AT_call_line => activation.call_line = number(),
                constants::DW_AT_call_column => activation.call_column = number(),
                _ => code.take(&attribute),
            }
        }
        if is_first {
            activation.start = code.low(dwarf, unit).or_else(|| {
                let mut first = None;
                code.each(dwarf, unit, |start, _| {
                    first = Some(start);
                    false
                });
                first
            });
        } else if code.is_empty() && tag != constants::DW_TAG_inlined_subroutine {
            // A block without code of its own groups what is below it.
            continue;
        } else if !code.contains(dwarf, unit, at.0) {
            outside = Some(depth);
            continue;
        }
        if is_first || tag == constants::DW_TAG_inlined_subroutine {
            found.push(activation);
            inside = depth;
        }
        if found.len() >= MOST_INLINED {
            break;
        }
    }
    Ok(())
}
