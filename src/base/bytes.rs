//! Reading untrusted bytes.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::FileOff;
use crate::base::data_model::{ByteOrder, DataModel};

/// A read that wanted more bytes than there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("wanted {wanted} bytes at {at}, found {found}")]
pub struct Truncated {
    /// Where the read began.
    pub at: FileOff,
    /// How many bytes it wanted.
    pub wanted: u64,
    /// How many were left.
    pub found: u64,
}

/// A forward-only reader of fields, little-endian unless told otherwise. Every
/// read is bounds-checked; none can panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    at: FileOff,
    model: DataModel,
}

impl<'a> Cursor<'a> {
    /// Starts reading `bytes`, whose first byte lies at `at` in its file.
    pub fn new(bytes: &'a [u8], at: FileOff) -> Self {
        Self { rest: bytes, at, model: DataModel::LITTLE_64 }
    }

    /// The same place, read as a process of this model wrote it.
    pub fn with_model(self, model: DataModel) -> Self {
        Self { model, ..self }
    }

    /// The same place, read in this byte order.
    pub fn with_order(self, order: ByteOrder) -> Self {
        Self { model: DataModel { order, ..self.model }, ..self }
    }

    /// Byte order and size of an address.
    pub fn model(&self) -> DataModel {
        self.model
    }

    /// Where the next read begins. Errors carry it, so a user can open the
    /// file there with `xxd -s`.
    pub fn at(&self) -> FileOff {
        self.at
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the next `len` bytes, or none of them.
    pub fn take(&mut self, len: u64) -> Result<&'a [u8], Truncated> {
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let Some((taken, rest)) = split else {
            return Err(Truncated { at: self.at, wanted: len, found: self.rest.len() as u64 });
        };
        self.rest = rest;
        self.at = FileOff(self.at.0.saturating_add(len));
        Ok(taken)
    }

    /// Moves on to `offset` bytes after the cursor's present place.
    pub fn skip(&mut self, len: u64) -> Result<(), Truncated> {
        self.take(len).map(|_skipped| ())
    }

    /// Skips what pads `len` bytes up to a multiple of four. Writers may leave
    /// the padding out after the last record, so finding less is no error.
    pub fn skip_padding_of(&mut self, len: u64) {
        let padding = (len.wrapping_neg() & 3).min(self.rest.len() as u64);
        // Cannot fail: `padding` is at most what is left.
        let _skipped = self.take(padding);
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Two bytes in the cursor's order.
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        let number = self.number(2)?;
        Ok(u16::try_from(number).unwrap_or(u16::MAX))
    }

    /// Four bytes in the cursor's order.
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        let number = self.number(4)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Four bytes in the cursor's order, signed.
    pub fn i32(&mut self) -> Result<i32, Truncated> {
        self.u32().map(u32::cast_signed)
    }

    /// Eight bytes in the cursor's order.
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.number(8)
    }

    /// An address or a `long`: four or eight bytes by the cursor's model.
    pub fn word(&mut self) -> Result<u64, Truncated> {
        self.number(self.model.word())
    }

    /// An unsigned number of `size` bytes, at most eight.
    pub fn number(&mut self, size: u64) -> Result<u64, Truncated> {
        let order = self.model.order;
        self.take(size).map(|bytes| order.number(bytes))
    }

    /// Two bytes.
    pub fn u16_le(&mut self) -> Result<u16, Truncated> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn u32_le(&mut self) -> Result<u32, Truncated> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Four bytes, signed.
    pub fn i32_le(&mut self) -> Result<i32, Truncated> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64_le(&mut self) -> Result<u64, Truncated> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64)?);
        Ok(out)
    }
}

/// Text up to the first NUL, or all of `bytes`.
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_truncations() {
        let bytes = [1, 2, 3, 4, 5, 6, 7];
        let mut cursor = Cursor::new(&bytes, FileOff(0x100));
        assert_eq!(cursor.u32_le(), Ok(0x0403_0201));
        assert_eq!(cursor.u16_le(), Ok(0x0605));
        let short = Truncated { at: FileOff(0x106), wanted: 4, found: 1 };
        assert_eq!(cursor.u32_le(), Err(short), "a failed read takes nothing");
        assert_eq!(cursor.u8(), Ok(7));
        assert!(cursor.is_empty());
        assert!(cursor.take(u64::MAX).is_err(), "a huge length does not wrap");
    }

    #[test]
    fn fields_follow_the_model() {
        let model = DataModel { order: ByteOrder::Big, address_size: 4 };
        let bytes = [0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 4, 9];
        let mut cursor = Cursor::new(&bytes, FileOff(0)).with_model(model);
        assert_eq!((cursor.u16(), cursor.u32(), cursor.i32()), (Ok(1), Ok(2), Ok(-2)));
        assert_eq!(cursor.word(), Ok(4));
        assert!(cursor.u64().is_err());
    }

    #[test]
    fn padding_may_be_missing_at_the_end() {
        let mut cursor = Cursor::new(&[0, 0], FileOff(0));
        cursor.skip_padding_of(5);
        assert!(cursor.is_empty());
    }

    #[test]
    fn text_ends_at_nul() {
        let cases: &[(&[u8], &[u8])] = &[(b"comm\0junk", b"comm"), (b"full", b"full"), (b"", b"")];
        for (bytes, want) in cases {
            assert_eq!(until_nul(bytes), *want);
        }
    }
}
