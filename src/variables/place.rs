//! Where a value is: in memory, or put together from pieces.

use std::sync::Arc;

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::symbols::entries::Entry;
use crate::variables::value::Origin;

/// More bytes than this are never read at once for one value.
pub const MOST_BYTES: u64 = 1 << 20;

/// Where a value is.
#[derive(Clone)]
pub enum Place<'a, 'f> {
    /// In memory, all of it.
    Memory(RunAddr),
    /// In pieces, from the given byte of them on.
    Pieces(Arc<Pieces<'a, 'f>>, u64),
}

/// The pieces of a value, lowest bits first.
pub struct Pieces<'a, 'f> {
    /// The pieces in their order.
    pub list: Vec<Piece<'a, 'f>>,
    /// How the value as a whole was found.
    pub origin: Origin,
}

/// One piece.
pub struct Piece<'a, 'f> {
    /// How many bits of the value it makes up.
    pub bits: u64,
    /// What they are.
    pub content: Content<'a, 'f>,
}

/// What is known of a piece.
pub enum Content<'a, 'f> {
    /// These bytes; the piece starts so many bits into them. What lies past
    /// their end is unknown.
    Bytes(Vec<u8>, u64),
    /// In memory, from so many bits past this address on.
    Memory(RunAddr, u64),
    /// A pointer to something that the compiler removed: that variable, and
    /// how many bytes into it.
    Pointer(Entry<'a, 'f>, i64),
    /// Nothing; says why.
    Unknown(String),
}

/// Why bytes are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No source holds the byte at this address.
    NotDumped(RunAddr),
    /// Another reason.
    Because(String),
}

impl Missing {
    /// The reason, as it stands in `<unknown: ...>`.
    pub fn reason(&self) -> String {
        match self {
            Self::NotDumped(at) => format!("memory at {at} is not in the dump"),
            Self::Because(why) => why.clone(),
        }
    }
}

impl<'a, 'f> Place<'a, 'f> {
    /// The bytes, if it is made of one piece that has them.
    pub fn whole_bytes(&self) -> Option<&[u8]> {
        let Self::Pieces(pieces, 0) = self else { return None };
        match pieces.list.as_slice() {
            [Piece { content: Content::Bytes(bytes, 0), .. }] => Some(bytes),
            _ => None,
        }
    }

    /// Whether all of it is in memory, and so in the byte order of the process.
    pub fn is_memory(&self) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Pieces(pieces, _) => {
                pieces.list.iter().all(|piece| matches!(piece.content, Content::Memory(..)))
            }
        }
    }

    /// A value without a place: these bytes, stated by the debug information.
    pub fn constant(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes, Origin::Constant)
    }

    /// A value without a place: these bytes.
    pub fn bytes(bytes: Vec<u8>, origin: Origin) -> Self {
        let bits = (bytes.len() as u64).saturating_mul(8);
        Self::one(Piece { bits, content: Content::Bytes(bytes, 0) }, origin)
    }

    /// A value of one piece.
    pub fn one(piece: Piece<'a, 'f>, origin: Origin) -> Self {
        Self::Pieces(Arc::new(Pieces { list: vec![piece], origin }), 0)
    }

    /// The place of a part, so many bytes into this one.
    pub fn part(&self, bytes: u64) -> Self {
        match self {
            Self::Memory(at) => Self::Memory(RunAddr(at.0.wrapping_add(bytes))),
            Self::Pieces(pieces, from) => {
                Self::Pieces(Arc::clone(pieces), from.saturating_add(bytes))
            }
        }
    }

    /// The address, if it is in memory.
    pub fn address(&self) -> Option<RunAddr> {
        match self {
            Self::Memory(at) => Some(*at),
            Self::Pieces(..) => None,
        }
    }

    /// How the value was found.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Memory(_) => Origin::Memory,
            Self::Pieces(pieces, _) => pieces.origin,
        }
    }

    /// The first `len` bytes, or why one of them is unknown.
    pub fn read(&self, memory: &dyn Memory, len: u64) -> Result<Vec<u8>, Missing> {
        let len = bounded(len)?;
        let mut bytes = vec![0; len];
        match self {
            Self::Memory(at) => memory
                .read_exact(*at, &mut bytes)
                .map_err(|missing| Missing::NotDumped(missing.at))?,
            Self::Pieces(pieces, from) => {
                let bits = (len as u64).saturating_mul(8);
                pieces.read(memory, from.saturating_mul(8), bits, &mut bytes)?;
            }
        }
        Ok(bytes)
    }

    /// As many of the first `len` bytes as are known without a hole.
    pub fn read_some(&self, memory: &dyn Memory, len: u64) -> Vec<u8> {
        let len = len.min(MOST_BYTES);
        match self {
            Self::Memory(at) => {
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
                let got = memory.read(*at, &mut bytes);
                bytes.truncate(got);
                bytes
            }
            Self::Pieces(..) => {
                let mut bytes = Vec::new();
                for at in 0..len {
                    match self.part(at).read(memory, 1) {
                        Ok(byte) => bytes.extend(byte),
                        Err(_) => break,
                    }
                }
                bytes
            }
        }
    }

    /// `bits` bits (at most 128) from bit `from` on, as a number.
    pub fn read_bits(&self, memory: &dyn Memory, from: u64, bits: u64) -> Result<u128, Missing> {
        let bits = bits.min(128);
        let mut bytes = [0_u8; 16];
        match self {
            Self::Memory(at) => {
                let first = from / 8;
                let shift = from % 8;
                // Up to 17 bytes hold 128 bits that do not start at a byte.
                let len = shift.saturating_add(bits).div_ceil(8);
                let piece = Piece {
                    bits: len.saturating_mul(8),
                    content: Content::Memory(RunAddr(at.0.wrapping_add(first)), 0),
                };
                let pieces = Pieces { list: vec![piece], origin: Origin::Memory };
                pieces.read(memory, shift, bits, &mut bytes)?;
            }
            Self::Pieces(pieces, start) => {
                let from = start.saturating_mul(8).saturating_add(from);
                pieces.read(memory, from, bits, &mut bytes)?;
            }
        }
        Ok(u128::from_le_bytes(bytes))
    }

    /// As [`Place::read_bits`], but the most significant bit comes first: bit 0
    /// is the top of the first byte.
    pub fn read_top_bits(
        &self,
        memory: &dyn Memory,
        from: u64,
        bits: u64,
    ) -> Result<u128, Missing> {
        let mut value = 0_u128;
        for bit in 0..bits.min(128) {
            let at = from.saturating_add(bit);
            let byte = self.part(at / 8).read_bits(memory, 7_u64.saturating_sub(at % 8), 1)?;
            value = (value << 1) | byte;
        }
        Ok(value)
    }

    /// The removed variable that the pointer here points to, and how many
    /// bytes into it.
    pub fn pointer(&self) -> Option<(Entry<'a, 'f>, i64)> {
        let Self::Pieces(pieces, from) = self else { return None };
        let mut start = 0_u64;
        for piece in &pieces.list {
            if let Content::Pointer(entry, offset) = piece.content
                && start == from.saturating_mul(8)
            {
                return Some((entry, offset));
            }
            start = start.saturating_add(piece.bits);
        }
        None
    }
}

fn bounded(len: u64) -> Result<usize, Missing> {
    match usize::try_from(len) {
        Ok(short) if len <= MOST_BYTES => Ok(short),
        _ => Err(Missing::Because(format!("it is {len} bytes large"))),
    }
}

impl Pieces<'_, '_> {
    /// Copies `bits` bits from bit `from` on into `out`, lowest first.
    fn read(
        &self,
        memory: &dyn Memory,
        from: u64,
        bits: u64,
        out: &mut [u8],
    ) -> Result<(), Missing> {
        let mut start = 0_u64;
        let mut done = 0_u64;
        for piece in &self.list {
            let end = start.saturating_add(piece.bits);
            let wanted = from.saturating_add(done);
            if wanted < end && done < bits {
                let skip = wanted.saturating_sub(start);
                let take = end.saturating_sub(wanted).min(bits.saturating_sub(done));
                piece.read(memory, skip, take, out, done)?;
                done = done.saturating_add(take);
            }
            start = end;
        }
        if done < bits {
            return Err(Missing::Because(if self.list.len() == 1 {
                "only a part of it was kept".to_owned()
            } else {
                "the debug information does not say where all of it is".to_owned()
            }));
        }
        Ok(())
    }
}

impl Piece<'_, '_> {
    fn read(
        &self,
        memory: &dyn Memory,
        skip: u64,
        take: u64,
        out: &mut [u8],
        to: u64,
    ) -> Result<(), Missing> {
        let incomplete = || Missing::Because("only a part of it was kept".to_owned());
        match &self.content {
            Content::Unknown(why) => Err(Missing::Because(why.clone())),
            Content::Pointer(..) => {
                Err(Missing::Because("it points to a variable without an address".to_owned()))
            }
            Content::Bytes(bytes, shift) => {
                copy_bits(bytes, shift.saturating_add(skip), take, out, to).ok_or_else(incomplete)
            }
            Content::Memory(at, shift) => {
                let first = shift.saturating_add(skip);
                let within = first % 8;
                let len = bounded(within.saturating_add(take).div_ceil(8))?;
                let mut bytes = vec![0; len];
                let at = RunAddr(at.0.wrapping_add(first / 8));
                memory
                    .read_exact(at, &mut bytes)
                    .map_err(|missing| Missing::NotDumped(missing.at))?;
                copy_bits(&bytes, within, take, out, to).ok_or_else(incomplete)
            }
        }
    }
}

/// Copies `count` bits from bit `from` of `bytes` to bit `to` of `out`. `None`:
/// one of the two is too short.
fn copy_bits(bytes: &[u8], from: u64, count: u64, out: &mut [u8], to: u64) -> Option<()> {
    if from.is_multiple_of(8) && to.is_multiple_of(8) && count.is_multiple_of(8) {
        let len = usize::try_from(count / 8).ok()?;
        let from = bytes.get(usize::try_from(from / 8).ok()?..)?.get(..len)?;
        out.get_mut(usize::try_from(to / 8).ok()?..)?.get_mut(..len)?.copy_from_slice(from);
        return Some(());
    }
    for bit in 0..count {
        let source = from.checked_add(bit)?;
        let byte = bytes.get(usize::try_from(source / 8).ok()?)?;
        let target = to.checked_add(bit)?;
        let slot = out.get_mut(usize::try_from(target / 8).ok()?)?;
        let is_set = (byte >> (source % 8)) & 1;
        *slot = (*slot & !(1 << (target % 8))) | (is_set << (target % 8));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    fn known(bytes: &[u8]) -> Content<'static, 'static> {
        Content::Bytes(bytes.to_vec(), 0)
    }

    fn place(list: Vec<Piece<'static, 'static>>) -> Place<'static, 'static> {
        Place::Pieces(Arc::new(Pieces { list, origin: Origin::Pieces }), 0)
    }

    #[test]
    fn a_missing_piece_is_unknown_and_the_rest_is_not() {
        let memory = Bytes(0x1000, &[9, 8, 7, 6]);
        let place = place(vec![
            Piece { bits: 32, content: known(&[1, 0, 0, 0, 5]) },
            Piece { bits: 32, content: Content::Unknown("optimized out".to_owned()) },
            Piece { bits: 16, content: Content::Memory(RunAddr(0x1001), 0) },
            Piece { bits: 4, content: Content::Bytes(vec![0xa5], 4) },
            Piece { bits: 12, content: known(&[0x34, 0x12]) },
        ]);
        assert_eq!(place.read(&memory, 4), Ok(vec![1, 0, 0, 0]));
        let why = Missing::Because("optimized out".to_owned());
        assert_eq!(place.read(&memory, 5), Err(why.clone()));
        assert_eq!(place.part(4).read(&memory, 4), Err(why));
        assert_eq!(place.part(8).read(&memory, 2), Ok(vec![8, 7]));
        assert_eq!(place.part(10).read(&memory, 2), Ok(vec![0x4a, 0x23]));
        assert_eq!(place.part(8).read_bits(&memory, 4, 8), Ok(0x70));
        assert!(place.part(11).read(&memory, 2).is_err());
        assert_eq!(place.read_some(&memory, 12), vec![1, 0, 0, 0]);
    }

    #[test]
    fn bits_from_the_top() {
        let memory = Bytes(0x1000, &[0x51, 0x23, 0xff]);
        let place = Place::Memory(RunAddr(0x1000));
        assert_eq!(place.read_top_bits(&memory, 0, 4), Ok(5));
        assert_eq!(place.read_top_bits(&memory, 4, 12), Ok(0x123));
        assert_eq!(place.read_top_bits(&memory, 16, 9), Err(Missing::NotDumped(RunAddr(0x1003))));
    }

    #[test]
    fn a_piece_in_missing_memory_names_the_address() {
        let memory = Bytes(0x1000, &[9]);
        let place = place(vec![Piece { bits: 16, content: Content::Memory(RunAddr(0x1000), 0) }]);
        assert_eq!(place.read(&memory, 2), Err(Missing::NotDumped(RunAddr(0x1001))));
        assert_eq!(Place::Memory(RunAddr(0x1000)).read_bits(&memory, 3, 5), Ok(1));
    }

    #[test]
    fn a_register_shorter_than_the_value_is_not_zero_extended() {
        let memory = Bytes(0, &[]);
        let place = Place::bytes(vec![1; 8], Origin::Register);
        assert!(place.read(&memory, 16).is_err());
        assert!(Place::Memory(RunAddr(0)).read(&memory, u64::MAX).is_err());
    }
}
