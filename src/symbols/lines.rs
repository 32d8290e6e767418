//! From addresses to source lines.
//!
//! `addr2line` would do this for a unit at a time, too, but its context parses
//! the unit anew, and cannot be shared among threads; so the rows are read
//! here, from the unit that is there anyway.

use gimli::ColumnType;

use crate::base::addr::LinkAddr;
use crate::symbols::dwarf::{Debug, Reader, SplitHome, Unit, UnitId};
use crate::symbols::functions::Place;
use crate::symbols::range_index::RangeIndex;

/// The rows of one unit's line program.
#[derive(Debug)]
pub(super) struct Lines {
    /// Values: the first row of the sequence, and the first after it.
    sequences: RangeIndex<(u32, u32)>,
    rows: Vec<Row>,
}

/// From `address` up to the next row's.
#[derive(Clone, Copy, Debug)]
struct Row {
    address: u64,
    file: u64,
    /// Zero: the compiler gave the code no line.
    line: u32,
    /// Zero: the whole line.
    column: u32,
}

impl Lines {
    /// Runs the unit's line program. A broken one gives the rows up to there.
    ///
    /// Source: DWARF 5, section 6.2.
    pub(super) fn new(unit: &gimli::Unit<Reader<'_>>) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let mut sequences = Vec::new();
        let mut run = unit.line_program.clone().map(|program| program.rows());
        let mut first = 0;
        let mut is_last_statement = false;
        while let Some(Ok(Some((_, row)))) = run.as_mut().map(|run| run.next_row()) {
            let address = row.address();
            if row.end_sequence() {
                if let (Some(start), Ok(begin), Ok(end)) =
                    (rows.get(first), u32::try_from(first), u32::try_from(rows.len()))
                {
                    sequences.push((start.address, address, (begin, end)));
                }
                first = rows.len();
                continue;
            }
            let new = Row {
                address,
                file: row.file_index(),
                line: row.line().and_then(|line| line.get().try_into().ok()).unwrap_or(0),
                column: match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => column.get().try_into().unwrap_or(0),
                },
            };
            match rows.get(first..).and_then(<[Row]>::last).map(|last| (last.address, last.file)) {
                // Of several rows for one address the last one counts at which a
                // statement begins, and the last one if none does. A row of another
                // file counts in any case: it is of the function that the ones
                // before, of calls inlined there, have returned to.
                Some((last, file)) if last == address => {
                    if row.is_stmt() || !is_last_statement || file != new.file {
                        rows.pop();
                        rows.push(new);
                        is_last_statement = row.is_stmt();
                    }
                }
                // Addresses only grow within a sequence.
                Some((last, _)) if last > address => (),
                _ => {
                    rows.push(new);
                    is_last_statement = row.is_stmt();
                }
            }
        }
        Self { sequences: RangeIndex::new(sequences), rows }
    }

    fn row(&self, at: LinkAddr) -> Option<Row> {
        let rows = self.sequence(at)?;
        let after = rows.partition_point(|row| row.address <= at.0);
        rows.get(after.checked_sub(1)?).copied()
    }

    /// The start of the row after the one that begins at `start`.
    fn after(&self, start: LinkAddr) -> Option<LinkAddr> {
        let rows = self.sequence(start)?;
        let after = rows.partition_point(|row| row.address <= start.0);
        let is_start = rows.get(after.checked_sub(1)?)?.address == start.0;
        rows.get(after).filter(|_| is_start).map(|row| LinkAddr(row.address))
    }

    /// The rows of the code around an address that is in one piece.
    fn sequence(&self, at: LinkAddr) -> Option<&[Row]> {
        let (_, (first, end)) = self.sequences.containing(at).next()?;
        let (first, end) = (usize::try_from(first).ok()?, usize::try_from(end).ok()?);
        self.rows.get(first..end)
    }
}

/// The source position of the instruction at `at`.
pub(super) fn place<'f>(debug: &Debug<'f>, unit: &Unit<'f>, at: LinkAddr) -> Option<Place> {
    let row = unit.lines.get_or_init(|| Lines::new(&unit.unit)).row(at)?;
    let known = |number| (number > 0).then_some(number);
    Some(Place {
        file: file(debug, unit, row.file)?,
        line: known(row.line),
        column: known(row.column).filter(|_| row.line > 0),
    })
}

/// Where the second row of the code that begins at `start` begins.
pub(super) fn second_row<'f>(
    debug: &Debug<'f>,
    unit: &Unit<'f>,
    start: LinkAddr,
) -> Option<LinkAddr> {
    let unit = with_files(debug, unit)?;
    unit.lines.get_or_init(|| Lines::new(&unit.unit)).after(start)
}

/// The path of a file of the unit's line program, joined with its directories.
pub(super) fn file<'f>(debug: &Debug<'f>, unit: &Unit<'f>, index: u64) -> Option<String> {
    let unit = with_files(debug, unit)?;
    let header = unit.unit.line_program.as_ref()?.header();
    let file = header.file(index)?;
    let text = |value| unit.dwarf().attr_string(&unit.unit, value).ok();
    let mut path = String::new();
    if let Some(directory) = unit.unit.comp_dir {
        push(&mut path, &directory.to_string_lossy());
    }
    // Directory 0 is the compilation's own in both versions.
    if file.directory_index() != 0
        && let Some(directory) = header.directory(file.directory_index()).and_then(text)
    {
        push(&mut path, &directory.to_string_lossy());
    }
    push(&mut path, &text(file.path_name())?.to_string_lossy());
    Some(path)
}

/// Files of one unit that are looked at for an embedded text.
const MOST_FILES: u64 = 10_000;

/// The text of a source file, where the compiler put it into the line table
/// (clang's `-gembed-source`).
pub(super) fn embedded<'f>(debug: &Debug<'f>, unit: &Unit<'f>, path: &str) -> Option<&'f [u8]> {
    let holder = with_files(debug, unit)?;
    let header = holder.unit.line_program.as_ref()?.header();
    if !header.file_has_source() {
        return None;
    }
    let count = (header.file_names().len() as u64).min(MOST_FILES);
    let index = (0..=count).find(|index| file(debug, unit, *index).as_deref() == Some(path))?;
    let text = header.file(index)?.source()?;
    let text = holder.dwarf().attr_string(&holder.unit, text).ok()?.slice();
    // Without its text a file has an empty one.
    (!text.is_empty()).then_some(text)
}

/// The unit whose line program names the files of a unit: of a split unit, its
/// skeleton.
fn with_files<'u, 'f>(debug: &'u Debug<'f>, unit: &'u Unit<'f>) -> Option<&'u Unit<'f>> {
    match unit.id.home() {
        Some(SplitHome::Unit(skeleton)) if unit.unit.line_program.is_none() => {
            debug.unit_by_id(UnitId::Info(skeleton))
        }
        _ => Some(unit),
    }
}

/// Appends a path to a path; an absolute one replaces it.
fn push(path: &mut String, more: &str) {
    let more = more.strip_prefix("./").unwrap_or(more);
    if more.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(more);
}
