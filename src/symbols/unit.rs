//! One unit of debug information, and how it is named.

use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, DebugInfoOffset, DwLang, DwoId, constants};

use crate::symbols::dwarf::Reader;
use crate::symbols::inlined::FunctionIndex;
use crate::symbols::lines::Lines;
use crate::symbols::name_index::NameIndex;

/// Which unit of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitId {
    /// Of `.debug_info`, by the offset of its header.
    Info(DebugInfoOffset),
    /// Of `.debug_types`.
    Types(usize),
    /// Of `.debug_info.dwo` of a split file.
    Split(SplitHome, DebugInfoOffset),
    /// Of `.debug_types.dwo` of a split file.
    SplitTypes(SplitHome, usize),
}

/// Which split file, or part of a package: how one is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SplitHome {
    /// That of the skeleton unit whose header begins there in `.debug_info`.
    Unit(DebugInfoOffset),
    /// That of the type with this signature, in a package.
    Type(u64),
}

impl UnitId {
    /// The split file that the unit is in.
    pub(super) fn home(self) -> Option<SplitHome> {
        match self {
            Self::Info(_) | Self::Types(_) => None,
            Self::Split(home, _) | Self::SplitTypes(home, _) => Some(home),
        }
    }

    /// Whether it is found by its offset, but not in `.debug_info`.
    pub(super) fn is_elsewhere(self) -> bool {
        !matches!(self, Self::Info(_))
    }
}

/// One unit that somebody asked for.
pub struct Unit<'f> {
    /// The parsed header, abbreviations and root attributes.
    pub unit: gimli::Unit<Reader<'f>>,
    /// Which one it is.
    pub id: UnitId,
    dwarf: Arc<gimli::Dwarf<Reader<'f>>>,
    language: OnceLock<Option<DwLang>>,
    inherited: OnceLock<DwLang>,
    pub(super) functions: OnceLock<FunctionIndex>,
    pub(super) lines: OnceLock<Lines>,
    pub(super) names: OnceLock<NameIndex>,
}

impl<'f> Unit<'f> {
    pub(super) fn new(
        unit: gimli::Unit<Reader<'f>>,
        id: UnitId,
        dwarf: &Arc<gimli::Dwarf<Reader<'f>>>,
    ) -> Self {
        Self {
            unit,
            id,
            dwarf: Arc::clone(dwarf),
            language: OnceLock::new(),
            inherited: OnceLock::new(),
            functions: OnceLock::new(),
            lines: OnceLock::new(),
            names: OnceLock::new(),
        }
    }

    /// The sections that the unit's attributes refer to: those of its own file.
    pub fn dwarf(&self) -> &gimli::Dwarf<Reader<'f>> {
        &self.dwarf
    }

    /// The unit's source language: `DW_AT_language` of its root. Units of
    /// shared pieces have none, but are those of who refers to them.
    pub fn language(&self) -> Option<DwLang> {
        self.own_language().or_else(|| self.inherited.get().copied())
    }

    /// Remembers who referred to this unit.
    pub(super) fn inherit(&self, from: &Self) {
        if self.own_language().is_none()
            && let Some(language) = from.language()
        {
            // The first one counts.
            let _inherited = self.inherited.set(language);
        }
    }

    fn own_language(&self) -> Option<DwLang> {
        *self.language.get_or_init(|| self.read_language())
    }

    fn read_language(&self) -> Option<DwLang> {
        let root = self.unit.entry(self.unit.header.root_offset()).ok()?;
        match root.attr_value(constants::DW_AT_language)? {
            AttributeValue::Language(language) => Some(language),
            _ => None,
        }
    }

    /// The number that a skeleton shares with its split unit. `None`: it is no
    /// skeleton.
    pub(super) fn skeleton(&self) -> Option<(DebugInfoOffset, DwoId)> {
        match self.id {
            UnitId::Info(offset) => Some((offset, self.unit.dwo_id?)),
            _ => None,
        }
    }
}
