//! The search table of `.eh_frame_hdr`.
//!
//! Read here and not by gimli, whose reader computes with the table's numbers
//! unchecked and so overflows on a damaged one.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::LinkAddr;
use crate::base::data_model::ByteOrder;

/// Rows of function and entry, sorted by function, both relative to the
/// section.
pub(super) struct SearchTable<'f> {
    section: LinkAddr,
    order: ByteOrder,
    rows: &'f [[u8; 8]],
}

/// `version`, then how the pointer to `.eh_frame`, the count and the rows are
/// encoded: 1, `DW_EH_PE_pcrel | DW_EH_PE_sdata4`, `DW_EH_PE_udata4`,
/// `DW_EH_PE_datarel | DW_EH_PE_sdata4`. All linkers write these.
const ENCODINGS: [u8; 4] = [1, 0x1b, 0x03, 0x3b];

impl<'f> SearchTable<'f> {
    /// Takes the table out of `.eh_frame_hdr`, which lies at `section`.
    /// `None`: it is empty or cut short, or encoded as no linker does.
    ///
    /// Layout: four bytes of encodings, `i32` to `.eh_frame`,
    /// `u32` count, then rows of two `i32`. Source: Linux Standard Base Core
    /// 5.0, 10.6.2 "The .eh_frame_hdr section".
    pub(super) fn new(section: LinkAddr, bytes: &'f [u8], order: ByteOrder) -> Option<Self> {
        let rest = bytes.strip_prefix(&ENCODINGS)?;
        let (_eh_frame, rest) = rest.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (rows, _padding) = rest.as_chunks::<8>();
        let rows = rows.get(..usize::try_from(order.number(count)).ok()?)?;
        (!rows.is_empty()).then_some(Self { section, order, rows })
    }

    /// Where the entry of the last function lies that begins at or before
    /// `at`. Whether it reaches that far, only the entry says.
    pub(super) fn entry(&self, at: LinkAddr) -> Option<LinkAddr> {
        let after = self.rows.partition_point(|row| self.pair(row).0 <= at);
        let row = self.rows.get(after.checked_sub(1)?)?;
        Some(self.pair(row).1)
    }

    /// The function and the entry of a row.
    fn pair(&self, row: &[u8; 8]) -> (LinkAddr, LinkAddr) {
        let [f0, f1, f2, f3, e0, e1, e2, e3] = *row;
        let from_section = |by: [u8; 4]| {
            let distance = match self.order {
                ByteOrder::Little => i32::from_le_bytes(by),
                ByteOrder::Big => i32::from_be_bytes(by),
            };
            LinkAddr(self.section.0.wrapping_add_signed(distance.into()))
        };
        (from_section([f0, f1, f2, f3]), from_section([e0, e1, e2, e3]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(encodings: [u8; 4], count: u32, rows: &[(i32, i32)]) -> Vec<u8> {
        let mut bytes = encodings.to_vec();
        bytes.extend([0; 4]);
        bytes.extend(count.to_le_bytes());
        for (function, entry) in rows {
            bytes.extend(function.to_le_bytes());
            bytes.extend(entry.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn entries_of_functions() {
        let bytes = section(ENCODINGS, 3, &[(-0x1000, 0x40), (0x100, 0x58), (0x200, -8)]);
        let table = SearchTable::new(LinkAddr(0x2000), &bytes, ByteOrder::Little).unwrap();
        let cases = [
            ("before the first one", 0xfff, None),
            ("the first byte of the first one", 0x1000, Some(0x2040)),
            ("behind the first one", 0x20ff, Some(0x2040)),
            ("the second one", 0x2150, Some(0x2058)),
            ("the last one goes on for ever", u64::MAX, Some(0x1ff8)),
        ];
        for (name, at, want) in cases {
            assert_eq!(table.entry(LinkAddr(at)), want.map(LinkAddr), "{name}");
        }
    }

    #[test]
    fn tables_that_are_not_used() {
        let rows = [(0, 0), (8, 8)];
        let cases = [
            ("a sound one", section(ENCODINGS, 2, &rows), true),
            ("with padding behind", section(ENCODINGS, 1, &rows), true),
            ("no rows", section(ENCODINGS, 0, &rows), false),
            ("more rows than there are", section(ENCODINGS, 3, &rows), false),
            ("many more", section(ENCODINGS, u32::MAX, &rows), false),
            ("no table: its encoding is omitted", section([1, 0x1b, 0x03, 0xff], 2, &rows), false),
            ("cut", ENCODINGS.to_vec(), false),
            ("empty", Vec::new(), false),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(
                SearchTable::new(LinkAddr(0), &bytes, ByteOrder::Little).is_some(),
                want,
                "{name}"
            );
        }
    }

    #[test]
    fn a_damaged_table_wraps_and_does_not_panic() {
        let bytes = section(ENCODINGS, 2, &[(i32::MIN, i32::MIN), (i32::MAX, i32::MAX)]);
        for at in [0, 1, u64::MAX] {
            let table = SearchTable::new(LinkAddr(at), &bytes, ByteOrder::Little).unwrap();
            for address in [0, 0x7fff_ffff, u64::MAX] {
                let _any = table.entry(LinkAddr(address));
            }
        }
    }
}
