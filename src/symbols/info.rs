//! `.debug_info` as a list of units, inflated no further than needed.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::{Mutex, OnceLock};

use gimli::{DebugInfo, DebugInfoOffset, EndianSlice, UnitHeader, UnitSectionOffset};

use crate::base::addr::FileOff;
use crate::base::bytes::Cursor;
use crate::base::data_model::ByteOrder;
use crate::base::file_store::FileStore;
use crate::base::limits::Limits;
use crate::symbols::dwarf::Reader;
use crate::symbols::packed::{Inflater, Packed};

/// How much of a compressed section is inflated at a time, in bytes. Less
/// would spend its time on starting and stopping, more on units that nobody
/// asked for.
const PIECE: usize = 256 << 10;

/// The units of `.debug_info`.
///
/// This section is most of a debug file, and a zlib stream can only be read
/// from its start. But a unit is read on its own, so that the stream can be
/// inflated into separate buffers that each hold whole units, up to the one
/// that is wanted: nothing is inflated twice or copied.
pub(super) struct Info<'f> {
    store: &'f FileStore,
    order: ByteOrder,
    bytes: Bytes<'f>,
}

enum Bytes<'f> {
    Whole { bytes: &'f [u8], starts: OnceLock<Vec<usize>> },
    Stream(Mutex<Stream<'f>>),
}

/// A compressed section on its way.
struct Stream<'f> {
    order: ByteOrder,
    inflater: Inflater<'f>,
    /// The units inflated so far: where each begins in the section, and its
    /// bytes. In order, without holes.
    units: Vec<(usize, &'f [u8])>,
    /// The beginning of the next unit.
    tail: Vec<u8>,
    /// How many bytes of the section have not been inflated.
    left: usize,
}

impl<'f> Info<'f> {
    /// Prepares to read the section. `None`: it is damaged or too large.
    pub(super) fn open(
        section: Packed<'f>,
        order: ByteOrder,
        store: &'f FileStore,
        limits: &Limits,
    ) -> Option<Self> {
        let size = section.expanded_size(limits)?;
        // In whole when others will use it, too.
        let bytes = if section.is_zlib() && !store.shares(size) {
            Bytes::Stream(Mutex::new(Stream {
                order,
                inflater: Inflater::new(section.bytes),
                units: Vec::new(),
                tail: Vec::new(),
                left: size,
            }))
        } else {
            let bytes = match section.is_compressed() {
                true => section.whole(store, limits)?,
                false => section.bytes,
            };
            Bytes::Whole { bytes, starts: OnceLock::new() }
        };
        Some(Self { store, order, bytes })
    }

    /// All of the section, unless it is inflated piece by piece.
    pub(super) fn whole(&self) -> Option<&'f [u8]> {
        match &self.bytes {
            Bytes::Whole { bytes, .. } => Some(bytes),
            Bytes::Stream(_) => None,
        }
    }

    /// The header of the unit that begins at `offset`.
    pub(super) fn header(&self, offset: DebugInfoOffset) -> Option<UnitHeader<Reader<'f>>> {
        let unit = match &self.bytes {
            Bytes::Whole { bytes, .. } => unit_at(bytes.get(offset.0..)?, self.order)?,
            Bytes::Stream(stream) => locked(stream).unit(offset.0, self.store)?,
        };
        parse(unit, offset, self.order)
    }

    /// The same, and says that the whole unit will be read.
    pub(super) fn header_to_read(&self, offset: DebugInfoOffset) -> Option<UnitHeader<Reader<'f>>> {
        if let Bytes::Whole { bytes, .. } = &self.bytes {
            self.store.will_need(unit_at(bytes.get(offset.0..)?, self.order)?);
        }
        self.header(offset)
    }

    /// Where the unit begins that contains the byte at `offset`.
    pub(super) fn unit_start(&self, offset: DebugInfoOffset) -> Option<DebugInfoOffset> {
        let start = match &self.bytes {
            Bytes::Whole { bytes, starts } => {
                let starts = starts.get_or_init(|| unit_starts(bytes, self.order));
                let after = starts.partition_point(|start| *start <= offset.0);
                *starts.get(after.checked_sub(1)?)?
            }
            Bytes::Stream(stream) => {
                let mut stream = locked(stream);
                stream.advance_past(offset.0, self.store);
                let after = stream.units.partition_point(|(start, _)| *start <= offset.0);
                let (start, bytes) = *stream.units.get(after.checked_sub(1)?)?;
                (offset.0.checked_sub(start)? < bytes.len()).then_some(start)?
            }
        };
        Some(DebugInfoOffset(start))
    }

    /// Where each unit begins. Inflates everything.
    pub(super) fn starts(&self) -> Vec<DebugInfoOffset> {
        match &self.bytes {
            Bytes::Whole { bytes, starts } => {
                let starts = starts.get_or_init(|| unit_starts(bytes, self.order));
                starts.iter().copied().map(DebugInfoOffset).collect()
            }
            Bytes::Stream(stream) => {
                let mut stream = locked(stream);
                stream.advance_past(usize::MAX, self.store);
                stream.units.iter().map(|(start, _)| DebugInfoOffset(*start)).collect()
            }
        }
    }
}

fn locked<'s, 'f>(stream: &'s Mutex<Stream<'f>>) -> std::sync::MutexGuard<'s, Stream<'f>> {
    // A panic cannot leave units half-made: they are added when whole.
    stream.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<'f> Stream<'f> {
    /// The bytes of the unit that begins at `offset`.
    fn unit(&mut self, offset: usize, store: &'f FileStore) -> Option<&'f [u8]> {
        self.advance_past(offset, store);
        let index = self.units.binary_search_by_key(&offset, |(start, _)| *start).ok()?;
        self.units.get(index).map(|(_, bytes)| *bytes)
    }

    /// Inflates until the unit with the byte at `offset` is there, or nothing
    /// more can be had.
    fn advance_past(&mut self, offset: usize, store: &'f FileStore) {
        while self.end() <= offset && self.advance(store).is_some() {}
    }

    /// The first byte after all units inflated so far.
    fn end(&self) -> usize {
        self.units.last().map_or(0, |(start, bytes)| start.saturating_add(bytes.len()))
    }

    /// Inflates at least one more unit. `None`: there are no more, or the
    /// stream is damaged.
    fn advance(&mut self, store: &'f FileStore) -> Option<()> {
        let mut buffer = std::mem::take(&mut self.tail);
        let mut want = PIECE;
        while self.left > 0 && buffer.len() < want {
            let begun = buffer.len();
            let end = begun.saturating_add(want.saturating_sub(begun).min(self.left));
            let is_sound = self.inflater.fill(&mut buffer, end).is_some();
            let got = buffer.len().saturating_sub(begun);
            // Nothing follows the end of the stream, or a damaged place.
            let goes_on = is_sound && buffer.len() >= end;
            self.left = if goes_on { self.left.saturating_sub(got) } else { 0 };
            // One unit may be larger than a piece.
            want = unit_size(&buffer, self.order).unwrap_or(0).max(want);
        }
        let mut starts = unit_starts(&buffer, self.order);
        let last = *starts.last()?;
        let last_size = unit_at(buffer.get(last..)?, self.order).map(<[u8]>::len);
        let whole = match last_size {
            Some(size) => last.checked_add(size)?,
            None => {
                starts.pop();
                last
            }
        };
        self.tail = buffer.split_off(whole);
        let begin = self.end();
        let mut rest = store.keep(buffer);
        let mut at = begin;
        for _unit in &starts {
            let unit = unit_at(rest, self.order)?;
            self.units.push((at, unit));
            at = at.checked_add(unit.len())?;
            rest = rest.get(unit.len()..)?;
        }
        (!starts.is_empty()).then_some(())
    }
}

/// The size of the unit at the start of `bytes`, with its length field, as the
/// field says. `None`: the field itself is cut, or too large to be true.
///
/// Layout: DWARF 5, section 7.4: a u32 length of what follows, or 0xffffffff
/// and a u64 length.
fn unit_size(bytes: &[u8], order: ByteOrder) -> Option<usize> {
    let mut cursor = Cursor::new(bytes, FileOff(0)).with_order(order);
    let size = match cursor.u32().ok()? {
        0xffff_ffff => cursor.u64().ok()?.checked_add(12)?,
        length => u64::from(length).checked_add(4)?,
    };
    usize::try_from(size).ok()
}

/// The unit at the start of `bytes`, if it is there in whole.
fn unit_at(bytes: &[u8], order: ByteOrder) -> Option<&[u8]> {
    bytes.get(..unit_size(bytes, order)?)
}

/// Where units begin in `bytes`. The last one may be cut.
fn unit_starts(bytes: &[u8], order: ByteOrder) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        starts.push(at);
        let Some(next) = unit_size(rest, order).and_then(|size| at.checked_add(size)) else {
            break;
        };
        at = next;
    }
    starts
}

/// Parses the header of a unit that was cut out of the section.
fn parse<'f>(
    unit: &'f [u8],
    offset: DebugInfoOffset,
    order: ByteOrder,
) -> Option<UnitHeader<Reader<'f>>> {
    let section = DebugInfo::from(EndianSlice::new(unit, order.of_dwarf()));
    let header = section.header_from_offset(DebugInfoOffset(0)).ok()?;
    let entries = header.range_from(header.root_offset()..).ok()?;
    Some(UnitHeader::new(
        header.encoding(),
        header.unit_length(),
        header.type_(),
        header.debug_abbrev_offset(),
        header.section(),
        UnitSectionOffset(offset.0),
        entries,
    ))
}
