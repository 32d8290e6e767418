//! Which functions an address is in, the inlined ones too.

use gimli::UnitOffset;

use crate::base::addr::LinkAddr;
use crate::base::gap::Gap;
use crate::symbols::dwarf::{Debug, Unit, UnitId};
use crate::symbols::inlined::{self, FunctionIndex};
use crate::symbols::lines;
use crate::symbols::names;

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

impl Call {
    /// The source language as people write it: `C11`, `C++17`, `Rust`.
    pub fn language_name(&self) -> Option<String> {
        let name = self.language?.static_string()?.strip_prefix("DW_LANG_")?;
        Some(name.replace("C_plus_plus", "C++").replace("++_", "++"))
    }
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
    /// The table of Go's runtime.
    GoTable,
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
    /// Its unit.
    pub unit: UnitId,
    /// The subprogram or inlined subroutine.
    pub entry: UnitOffset,
    /// The outermost, real subprogram that contains it. Call sites are
    /// searched below it, and its frame base applies to all within.
    pub subprogram: UnitOffset,
    /// The address that was looked up, for scopes and location lists.
    pub at: LinkAddr,
}

/// What the debug information says of an address.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Innermost first. Empty: it knows neither a function nor a line.
    pub(super) calls: Vec<Call>,
    /// The split file that is missing, and would tell more.
    pub(super) missing: Option<Gap>,
}

/// The calls at `at` by the debug information.
pub(super) fn calls(debug: &Debug<'_>, at: LinkAddr) -> Found {
    let mut lines_only = Found::default();
    for unit in debug.units_at(at).take(MOST_UNITS) {
        // Lines are with the skeleton, functions in the split unit.
        let place = lines::place(debug, unit, at);
        let (unit, missing) = match debug.split_of(unit) {
            Some(Ok(split)) => (split, None),
            Some(Err(gap)) => (unit, Some(gap)),
            None => (unit, None),
        };
        let make = || FunctionIndex::new(unit.dwarf(), &unit.unit);
        let functions = unit.functions.get_or_init(make);
        let language = unit.language();
        let Some(subprogram) = functions.function(at) else {
            if place.is_some() || lines_only.missing.is_none() {
                lines_only.missing = missing.cloned().or(lines_only.missing);
            }
            if place.is_some() && lines_only.calls.is_empty() {
                lines_only.calls.push(Call { place, language, ..Call::default() });
            }
            continue;
        };
        let calls = activations(debug, unit, subprogram, at, place, language);
        return Found { calls, missing: missing.cloned() };
    }
    lines_only
}

/// Linkers that fold identical functions leave several units with one code.
const MOST_UNITS: usize = 16;

fn activations<'f>(
    debug: &Debug<'f>,
    unit: &Unit<'f>,
    subprogram: UnitOffset,
    at: LinkAddr,
    mut place: Option<Place>,
    language: Option<gimli::DwLang>,
) -> Vec<Call> {
    let chain = inlined::activations(unit.dwarf(), &unit.unit, subprogram, at);
    let mut calls = Vec::with_capacity(chain.len());
    for (depth, activation) in chain.iter().enumerate().rev() {
        let offset = activation.start.and_then(|start| at.0.checked_sub(start));
        let function = names::names(debug, unit, activation.entry).map(|names| FunctionName {
            display: names.display,
            linkage: names.linkage,
            source: NameSource::Dwarf,
            offset: offset.filter(|_| depth == 0),
        });
        calls.push(Call {
            function,
            is_inlined: depth > 0,
            place: place.take(),
            language,
            scope: Some(Scope { unit: unit.id, entry: activation.entry, subprogram, at }),
        });
        // The next one out stands where this one was called.
        let file = activation.call_file.and_then(|index| lines::file(debug, unit, index));
        place = file.map(|file| Place {
            file,
            line: activation.call_line.filter(|line| *line > 0),
            column: activation.call_column.filter(|column| *column > 0),
        });
    }
    calls
}
