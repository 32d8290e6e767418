//! Handles on single entries (DIEs) of the debug information.
//!
//! An [`Entry`] is two references and an offset: it costs nothing to copy and
//! is parsed only when somebody asks. An [`Attributes`] is the parsed entry.

use gimli::constants as dw;
use gimli::{AttributeValue, DebugInfoOffset, DebuggingInformationEntry};
use gimli::{DwAt, DwTag, Expression, UnitOffset};

use crate::base::addr::LinkAddr;
use crate::symbols::dwarf::{Debug, Reader, Unit};
use crate::symbols::lines::{file as file_name, second_row};

/// How many entries [`Entry::children`] gives at most. The largest honest
/// structures and enumerations stay far below.
const MOST_CHILDREN: usize = 20_000;

/// Bytes of a name that are kept. Names of templates reach a few thousand.
const LONGEST_NAME: usize = 16 << 10;

/// How many entries [`Entry::walk`] passes. The largest functions of honest
/// programs have some ten thousand.
const MOST_WALKED: usize = 1_000_000;

/// How many ranges of one entry are looked at.
const MOST_RANGES: usize = 10_000;

/// How many `DW_AT_abstract_origin` and `DW_AT_specification` links are
/// followed; compilers need two or three.
const MOST_ORIGINS: usize = 8;

/// One entry, not parsed yet.
#[derive(Clone, Copy)]
pub struct Entry<'a, 'f> {
    /// The debug information of its module, where other units are found.
    pub debug: &'a Debug<'f>,
    /// Its unit.
    pub unit: &'a Unit<'f>,
    /// Its offset in the unit.
    pub offset: UnitOffset,
}

/// One entry, parsed.
#[derive(Clone)]
pub struct Attributes<'a, 'f> {
    /// Which entry.
    pub entry: Entry<'a, 'f>,
    raw: DebuggingInformationEntry<Reader<'f>>,
}

impl PartialEq for Entry<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<'a, 'f> Entry<'a, 'f> {
    /// What tells this entry from all others of the process, while the units
    /// live.
    pub fn key(&self) -> (usize, usize) {
        (std::ptr::from_ref(self.unit).addr(), self.offset.0)
    }

    /// Parses the entry. `None` when the debug information is damaged.
    pub fn attributes(self) -> Option<Attributes<'a, 'f>> {
        let raw = self.unit.unit.entry(self.offset).ok()?;
        Some(Attributes { entry: self, raw })
    }

    /// The unit's first entry.
    pub fn root(self) -> Self {
        Self { offset: self.unit.unit.header.root_offset(), ..self }
    }

    /// The entry that a reference names.
    pub fn follow(self, value: AttributeValue<Reader<'f>>) -> Option<Self> {
        let (unit, offset) = match value {
            AttributeValue::UnitRef(offset) => (self.unit, offset),
            AttributeValue::DebugInfoRef(at) => self.in_debug_info(at)?,
            AttributeValue::DebugTypesRef(of) => self.debug.type_unit(self.unit.id, of)?,
            AttributeValue::DebugInfoRefSup(at) => {
                let debug = self.debug.supplement()?;
                let (unit, offset) = debug.unit_containing(at)?;
                unit.inherit(self.unit);
                return Some(Self { debug, unit, offset });
            }
            _ => return None,
        };
        Some(Self { unit, offset, ..self })
    }

    /// The entry at an offset in `.debug_info`.
    pub fn at(self, at: DebugInfoOffset) -> Option<Self> {
        self.follow(AttributeValue::DebugInfoRef(at))
    }

    fn in_debug_info(self, at: DebugInfoOffset) -> Option<(&'a Unit<'f>, UnitOffset)> {
        match at.to_unit_offset(&self.unit.unit.header) {
            Some(offset) => Some((self.unit, offset)),
            None => {
                let (unit, offset) = self.debug.unit_containing_from(self.unit, at)?;
                unit.inherit(self.unit);
                Some((unit, offset))
            }
        }
    }

    /// The entries directly below, parsed, in their order.
    pub fn children(self) -> Vec<Attributes<'a, 'f>> {
        let mut children = Vec::new();
        self.walk(|child, depth| {
            if depth > 1 {
                return Descend::No;
            }
            children.push(child.clone());
            if children.len() < MOST_CHILDREN { Descend::No } else { Descend::Stop }
        });
        children
    }

    /// Visits the entries below, depth first, and says how deep each one is:
    /// the direct children are at one. Entries below one that was answered
    /// with [`Descend::No`] are not shown.
    pub fn walk(self, mut visit: impl FnMut(&Attributes<'a, 'f>, usize) -> Descend) {
        let Ok(mut raw) = self.unit.unit.entries_raw(Some(self.offset)) else { return };
        let mut here =
            Attributes { entry: self, raw: DebuggingInformationEntry::<Reader<'f>>::default() };
        // Depth of the reader's zero, and below which depth nobody looks.
        let mut base = 0_isize;
        let mut hidden_below = isize::MAX;
        let mut is_first = true;
        for _ in 0..MOST_WALKED {
            if raw.is_empty() {
                return;
            }
            let depth = base.saturating_add(raw.next_depth());
            if depth <= 0 && !is_first {
                return;
            }
            if depth > hidden_below {
                // Entries in between are skipped without being parsed.
                let Ok(abbreviation) = raw.read_abbreviation() else { return };
                let Some(abbreviation) = abbreviation else { continue };
                if raw.skip_attributes(abbreviation.attributes()).is_err() {
                    return;
                }
                continue;
            }
            match raw.read_entry(&mut here.raw) {
                Ok(true) => (),
                Ok(false) => continue,
                Err(_) => return,
            }
            hidden_below = isize::MAX;
            if is_first {
                is_first = false;
                if !here.raw.has_children() {
                    return;
                }
                continue;
            }
            here.entry.offset = here.raw.offset();
            match visit(&here, depth.unsigned_abs()) {
                Descend::Yes => continue,
                Descend::Stop => return,
                Descend::No if !here.raw.has_children() => continue,
                Descend::No => hidden_below = depth,
            }
            // Compilers that write DW_AT_sibling save us the way through.
            if let Some(AttributeValue::UnitRef(next)) = here.raw.attr_value(dw::DW_AT_sibling)
                && next > raw.next_offset()
                && let Ok(further) = self.unit.unit.entries_raw(Some(next))
            {
                raw = further;
                base = depth;
            }
        }
    }
}

/// What a visitor of [`Entry::walk`] wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descend {
    /// The entries below this one.
    Yes,
    /// Not those below, but the following ones.
    No,
    /// Nothing more.
    Stop,
}

impl<'a, 'f> Attributes<'a, 'f> {
    /// What kind of entry it is.
    pub fn tag(&self) -> DwTag {
        self.raw.tag()
    }

    /// Whether entries may follow below.
    pub fn has_children(&self) -> bool {
        self.raw.has_children()
    }

    /// The attribute of this entry itself.
    pub fn get(&self, name: DwAt) -> Option<AttributeValue<Reader<'f>>> {
        self.raw.attr_value(name)
    }

    /// An attribute as an unsigned number.
    pub fn number(&self, name: DwAt) -> Option<u64> {
        self.raw.attr(name)?.udata_value()
    }

    /// An attribute as a signed number.
    pub fn signed(&self, name: DwAt) -> Option<i64> {
        self.raw.attr(name)?.sdata_value()
    }

    /// Whether a flag is set.
    pub fn is_set(&self, name: DwAt) -> bool {
        matches!(self.get(name), Some(AttributeValue::Flag(true)))
    }

    /// An attribute as an address that the linker knows.
    pub fn address(&self, name: DwAt) -> Option<u64> {
        let value = self.get(name)?;
        self.entry.unit.dwarf().attr_address(&self.entry.unit.unit, value).ok()?
    }

    /// Where the code that this entry describes is entered: of a function in
    /// several ranges, at the start of the first (DWARF 5, 2.17 and 2.18).
    pub fn entry_pc(&self) -> Option<u64> {
        let named = self.address(dw::DW_AT_entry_pc).or_else(|| self.address(dw::DW_AT_low_pc));
        named.or_else(|| {
            let unit = &self.entry.unit.unit;
            let mut ranges = self.entry.unit.dwarf().die_ranges(unit, &self.raw).ok()?;
            Some(ranges.next().ok()??.begin)
        })
    }

    /// Of a function: where its first statement begins, behind what makes its frame
    /// and puts its arguments there. Compilers give each of both a row of the line
    /// table, though they have one line.
    pub fn first_statement(&self) -> Option<LinkAddr> {
        let start = LinkAddr(self.entry_pc()?);
        let second = second_row(self.entry.debug, self.entry.unit, start)?;
        (self.covers(second) == Some(true)).then_some(second)
    }

    /// Whether the code that this entry describes includes an address. `None`:
    /// it describes no code of its own.
    pub fn covers(&self, at: LinkAddr) -> Option<bool> {
        if !self.raw.has_attr(dw::DW_AT_low_pc) && !self.raw.has_attr(dw::DW_AT_ranges) {
            return None;
        }
        let unit = &self.entry.unit.unit;
        let mut ranges = self.entry.unit.dwarf().die_ranges(unit, &self.raw).ok()?;
        for _ in 0..MOST_RANGES {
            match ranges.next() {
                Ok(Some(range)) if (range.begin..range.end).contains(&at.0) => return Some(true),
                Ok(Some(_)) => (),
                Ok(None) | Err(_) => break,
            }
        }
        Some(false)
    }

    /// Where the source declares this: the file, as the line table has it, and
    /// the line.
    pub fn declared(&self) -> Option<(String, u64)> {
        let origins = self.origins();
        let with_line =
            origins.iter().find(|origin| origin.number(dw::DW_AT_decl_line).is_some())?;
        let line = with_line.number(dw::DW_AT_decl_line)?;
        let file = with_line.number(dw::DW_AT_decl_file)?;
        Some((file_name(with_line.entry.debug, with_line.entry.unit, file)?, line))
    }

    /// An attribute as text.
    pub fn text(&self, name: DwAt) -> Option<String> {
        let value = self.get(name)?;
        let text = self.entry.unit.dwarf().attr_string(&self.entry.unit.unit, value).ok()?;
        Some(shown(text.slice()))
    }

    /// An attribute as an expression.
    pub fn expression(&self, name: DwAt) -> Option<Expression<Reader<'f>>> {
        self.raw.attr(name)?.exprloc_value()
    }

    /// The entry that an attribute refers to.
    pub fn reference(&self, name: DwAt) -> Option<Entry<'a, 'f>> {
        self.entry.follow(self.get(name)?)
    }

    /// This entry and those that it is an instance or a completion of
    /// (`DW_AT_abstract_origin`, `DW_AT_specification`), nearest first.
    pub fn origins(&self) -> Vec<Self> {
        let mut origins = vec![self.clone()];
        for _ in 0..MOST_ORIGINS {
            let Some(last) = origins.last() else { break };
            let next = last
                .reference(dw::DW_AT_abstract_origin)
                .or_else(|| last.reference(dw::DW_AT_specification));
            let Some(next) = next.and_then(Entry::attributes) else { break };
            if origins.iter().any(|seen| seen.entry == next.entry) {
                break;
            }
            origins.push(next);
        }
        origins
    }

    /// The name, of this entry or of the nearest origin that has one.
    pub fn name(&self) -> Option<String> {
        self.text(dw::DW_AT_name)
            .or_else(|| self.origins().iter().find_map(|origin| origin.text(dw::DW_AT_name)))
    }

    /// The type, of this entry or of the nearest origin that has one.
    pub fn type_entry(&self) -> Option<Entry<'a, 'f>> {
        self.reference(dw::DW_AT_type)
            .or_else(|| self.origins().iter().find_map(|origin| origin.reference(dw::DW_AT_type)))
    }
}

/// A name as text; what is longer than any honest name is cut.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..LONGEST_NAME).unwrap_or(name)).into_owned()
}
