//! `.gopclntab`: the table by which Go's runtime names functions and lines. It
//! is left in programs that were linked without symbols (`-ldflags="-s -w"`).
//!
//! Layout: Go's `src/internal/abi/symtab.go` and `src/runtime/symtab.go`
//! (`pcHeader`, `functab`, `_func`), `src/debug/gosym/pclntab.go`: versions 1.16,
//! 1.18 and 1.20, each in use since that release. Calls that were inlined are not
//! in this section.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::{FileOff, LinkAddr};
use crate::base::bytes::{Cursor, until_nul};
use crate::base::data_model::DataModel;
use crate::symbols::object::Image;

/// The names of the section: of position-independent programs the second.
const SECTIONS: &[&str] = &[".gopclntab", ".data.rel.ro.gopclntab"];

/// Steps of one function's table of lines or files. The largest have some ten
/// thousand.
const MOST_STEPS: usize = 1 << 20;

/// Go's table of one module.
#[derive(Clone, Copy, Debug)]
pub(super) struct GoTable<'f> {
    version: Version,
    /// What offsets of code count from.
    text: u64,
    /// Bytes that one step of code stands for.
    quantum: u64,
    functions: usize,
    names: &'f [u8],
    units: &'f [u8],
    files: &'f [u8],
    steps: &'f [u8],
    /// The sorted functions, and behind them their descriptions.
    table: &'f [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// Addresses of 8 bytes.
    Go116,
    /// Offsets of 4 bytes from the start of the code.
    Go118,
}

/// What it says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoCall<'f> {
    /// As Go writes it: `main.(*conn).serve`.
    pub(super) name: &'f [u8],
    /// The function's first address.
    pub(super) start: LinkAddr,
    /// The source file, and the line.
    pub(super) place: Option<(&'f [u8], u32)>,
}

impl<'f> GoTable<'f> {
    /// The table of an image. `None`: it has none, one of another version, or
    /// one of a processor with other numbers.
    pub(super) fn find(image: &Image<'f>) -> Option<Self> {
        // Of others the layout is the same, but for the numbers.
        if image.arch().model() != DataModel::LITTLE_64 {
            return None;
        }
        let section = SECTIONS.iter().find_map(|name| image.section(name))?;
        let text = image.section(".text").map(|text| (text.address.0, text.size));
        Self::parse(section.bytes, text)
    }

    /// Layout of the header: u32 magic, two bytes of zero, u8 quantum, u8 size
    /// of a pointer; then words of that size: numbers of functions and files,
    /// since 1.18 the start of the code, and the offsets of names, units,
    /// files, steps and functions from the header.
    fn parse(bytes: &'f [u8], text: Option<(u64, u64)>) -> Option<Self> {
        let mut cursor = Cursor::new(bytes, FileOff(0));
        let version = match cursor.u32_le().ok()? {
            0xffff_fffa => Version::Go116,
            0xffff_fff0 | 0xffff_fff1 => Version::Go118,
            _ => return None,
        };
        let padding = cursor.u16_le().ok()?;
        let quantum = u64::from(cursor.u8().ok()?);
        let pointer = cursor.u8().ok()?;
        if padding != 0 || pointer != 8 || !matches!(quantum, 1 | 2 | 4) {
            return None;
        }
        let functions = usize::try_from(cursor.u64_le().ok()?).ok()?;
        let _files = cursor.u64_le().ok()?;
        let start = match version {
            Version::Go116 => 0,
            Version::Go118 => cursor.u64_le().ok()?,
        };
        let mut part = || {
            let offset = usize::try_from(cursor.u64_le().ok()?).ok()?;
            bytes.get(offset..)
        };
        let (names, units, files, steps, table) = (part()?, part()?, part()?, part()?, part()?);
        // The loader writes the start of position-independent code.
        let text = match (version, text) {
            (Version::Go118, Some((section, _))) if start == 0 => section,
            _ => start,
        };
        let found = Self { version, text, quantum, functions, names, units, files, steps, table };
        // The last entry is the end of the code: the table is all there.
        found.start(functions)?;
        Some(found)
    }

    /// The function around an address.
    pub(super) fn call(&self, at: LinkAddr) -> Option<GoCall<'f>> {
        let mut low = 0;
        let mut high = self.functions;
        // The last one that begins at or before the address.
        while low < high {
            let middle = low.checked_add(high.checked_sub(low)?.div_ceil(2))?;
            if self.start(middle)? <= at.0 {
                low = middle;
            } else {
                high = middle.checked_sub(1)?;
            }
        }
        let start = self.start(low)?;
        if low >= self.functions || start > at.0 {
            return None;
        }
        let function = self.function(low)?;
        // Damage shows in that the description is of another function.
        if self.entry(function)? != start {
            return None;
        }
        let fields = Fields::parse(function.get(self.width()..)?)?;
        let name = self.names.get(usize::try_from(fields.name).ok()?..).map(until_nul)?;
        let place = || {
            let line = self.value(fields.lines, start, at.0)?;
            let file = u32::try_from(self.value(fields.files, start, at.0)?).ok()?;
            let index = usize::try_from(fields.unit.checked_add(file)?).ok()?.checked_mul(4)?;
            let offset = u32::from_le_bytes(*self.units.get(index..)?.first_chunk()?);
            let name = self.files.get(usize::try_from(offset).ok()?..).map(until_nul)?;
            (!name.is_empty()).then_some((name, u32::try_from(line).ok()?))
        };
        (!name.is_empty()).then(|| GoCall { name, start: LinkAddr(start), place: place() })
    }

    /// Bytes of an address in the table.
    fn width(&self) -> usize {
        match self.version {
            Version::Go116 => 8,
            Version::Go118 => 4,
        }
    }

    fn word(&self, bytes: &[u8]) -> Option<u64> {
        match self.version {
            Version::Go116 => Some(u64::from_le_bytes(*bytes.first_chunk()?)),
            Version::Go118 => Some(u64::from(u32::from_le_bytes(*bytes.first_chunk()?))),
        }
    }

    /// Where a function begins.
    fn start(&self, index: usize) -> Option<u64> {
        let at = index.checked_mul(self.width())?.checked_mul(2)?;
        self.entry(self.table.get(at..)?)
    }

    fn entry(&self, bytes: &[u8]) -> Option<u64> {
        self.word(bytes)?.checked_add(self.text)
    }

    /// The description of a function.
    fn function(&self, index: usize) -> Option<&'f [u8]> {
        let at = index.checked_mul(2)?.checked_add(1)?.checked_mul(self.width())?;
        let offset = self.word(self.table.get(at..)?)?;
        self.table.get(usize::try_from(offset).ok()?..)
    }

    /// The value that a table of steps has for an address.
    ///
    /// Layout: pairs of varints, the first one the change of the value in
    /// zigzag, the second one the code up to the next change; a change of zero
    /// after the first pair is the end.
    fn value(&self, table: u32, start: u64, at: u64) -> Option<i32> {
        let steps = self.steps.get(usize::try_from(table).ok().filter(|table| *table > 0)?..)?;
        let mut cursor = Cursor::new(steps, FileOff(0));
        let (mut value, mut pc) = (-1_i32, start);
        for step in 0..MOST_STEPS {
            let change = varint(&mut cursor)?;
            if change == 0 && step > 0 {
                return None;
            }
            let half = i32::try_from(change >> 1).ok()?;
            value = value.checked_add(if change & 1 == 1 { !half } else { half })?;
            pc = pc.checked_add(u64::from(varint(&mut cursor)?).checked_mul(self.quantum)?)?;
            if at < pc {
                return (value >= 0).then_some(value);
            }
        }
        None
    }
}

/// What follows the address in a function's description: i32 name, i32 size of
/// arguments, u32 deferreturn, u32 tables of stack, files and lines, u32 number
/// of other tables, u32 unit.
struct Fields {
    name: u32,
    files: u32,
    lines: u32,
    unit: u32,
}

impl Fields {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes, FileOff(0));
        let name = cursor.u32_le().ok()?;
        let _arguments = cursor.u32_le().ok()?;
        let _deferred = cursor.u32_le().ok()?;
        let _stack = cursor.u32_le().ok()?;
        let files = cursor.u32_le().ok()?;
        let lines = cursor.u32_le().ok()?;
        let _tables = cursor.u32_le().ok()?;
        let unit = cursor.u32_le().ok()?;
        Some(Self { name, files, lines, unit })
    }
}

fn varint(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut value = 0_u32;
    for shift in [0_u32, 7, 14, 21, 28] {
        let byte = cursor.u8().ok()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of version 1.18 with one function, `main.f`, from 0x1000 to
    /// 0x1010: line 7 of `f.go` up to 0x1004, then line 9.
    fn table() -> Vec<u8> {
        let header = 8 + 8 * 8;
        let names = b"\0main.f\0";
        let units = 0_u32.to_le_bytes();
        let files = b"f.go\0";
        // Files: 0 from the start. Lines: -1 + 8, then + 2.
        let steps = [0, 2, 16, 0, 16, 4, 4, 12, 0];
        let mut functions = Vec::new();
        for word in [0_u32, 12, 16] {
            functions.extend(word.to_le_bytes());
        }
        for word in [0_u32, 1, 0, 0, 0, 1, 4, 0, 0] {
            functions.extend(word.to_le_bytes());
        }
        let mut bytes = Vec::new();
        bytes.extend(0xffff_fff0_u32.to_le_bytes());
        bytes.extend([0, 0, 1, 8]);
        let mut offset = header as u64;
        for word in [1, 1, 0x1000] {
            bytes.extend(u64::to_le_bytes(word));
        }
        for part in [&names[..], &units, files, &steps, &functions] {
            bytes.extend(offset.to_le_bytes());
            offset += part.len() as u64;
        }
        for part in [&names[..], &units, files, &steps, &functions] {
            bytes.extend(part);
        }
        bytes
    }

    #[test]
    fn functions_and_lines() {
        let bytes = table();
        let table = GoTable::parse(&bytes, None).unwrap();
        let cases: &[(u64, Option<u32>)] = &[
            (0x0fff, None),
            (0x1000, Some(7)),
            (0x1003, Some(7)),
            (0x1004, Some(9)),
            (0x100f, Some(9)),
            (0x1010, None),
        ];
        for (at, line) in cases {
            let call = table.call(LinkAddr(*at));
            assert_eq!(call.map(|call| call.name), line.map(|_| &b"main.f"[..]), "{at:#x}");
            let place = call.and_then(|call| call.place);
            assert_eq!(place, line.map(|line| (&b"f.go"[..], line)), "{at:#x}");
        }
    }

    #[test]
    fn damage_does_no_harm() {
        let whole = table();
        for len in 0..whole.len() {
            if let Some(table) = GoTable::parse(&whole[..len], None) {
                let _call = table.call(LinkAddr(0x1004));
            }
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                if let Some(table) = GoTable::parse(&bytes, None) {
                    let _call = table.call(LinkAddr(0x1004));
                }
            }
        }
    }
}
