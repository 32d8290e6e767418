//! Which functions an address is in, the inlined ones too.

use gimli::{DebugInfoOffset, UnitOffset};

use crate::base::addr::LinkAddr;

/// One call as the source has it: a function that was called, or one that the
/// compiler inlined. A physical frame is one or more of them, innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The function. `None`: no table names this address.
    pub function: Option<FunctionName>,
    /// Whether the compiler inlined it into the next one of the list.
    pub is_inlined: bool,
    /// Where in the source this call stands: the line of the instruction for
    /// the innermost one, the line of the inlined call for the others.
    pub place: Option<Place>,
    /// The unit's source language, as DWARF numbers them.
    pub language: Option<gimli::DwLang>,
    /// The entry whose variables belong to this call: a `DW_TAG_subprogram` or
    /// a `DW_TAG_inlined_subroutine`. `None` without DWARF.
    pub scope: Option<Scope>,
}

/// A function's name, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// For people: demangled, without Rust's hash.
    pub display: String,
    /// As the linker knows it, when that is another one.
    pub linkage: Option<String>,
    /// Who says so.
    pub source: NameSource,
    /// Distance from the function's start.
    pub offset: Option<u64>,
}

/// Where a function's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSource {
    /// A subprogram in the debug information.
    Dwarf,
    /// A symbol of `.symtab`, whose size covers the address.
    Symtab,
    /// A symbol of `.dynsym`, whose size covers the address.
    Dynsym,
    /// The nearest symbol below, when none covers the address: a hint only.
    Nearest,
}

/// A position in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file as the line table has it, joined with its directories.
    pub file: String,
    /// From 1. `None`: the compiler gave the code no line.
    pub line: Option<u32>,
    /// From 1.
    pub column: Option<u32>,
}

/// An entry of the debug information of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Its unit, by the offset of the unit's header.
    pub unit: DebugInfoOffset,
    /// The subprogram or inlined subroutine.
    pub entry: UnitOffset,
    /// The outermost, real subprogram that contains it. Call sites are
    /// searched below it, and its frame base applies to all within.
    pub subprogram: UnitOffset,
    /// The address that was looked up, for scopes and location lists.
    pub at: LinkAddr,
}
