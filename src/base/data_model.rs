//! How a process writes its numbers: byte order and the size of an address.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::RunTimeEndian;

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The least significant one (`ELFDATA2LSB`).
    #[default]
    Little,
    /// The most significant one (`ELFDATA2MSB`).
    Big,
}

impl ByteOrder {
    /// The unsigned number that `bytes` hold. Of more than eight, the eight
    /// least significant ones count.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let add = |number: u64, byte: &u8| number.wrapping_shl(8) | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, add),
            Self::Big => bytes.iter().fold(0, add),
        }
    }

    /// The unsigned number that up to 16 `bytes` hold. `None`: there are more.
    pub fn wide_number(self, bytes: &[u8]) -> Option<u128> {
        let add = |number: u128, byte: &u8| number.wrapping_shl(8) | u128::from(*byte);
        (bytes.len() <= 16).then(|| match self {
            Self::Little => bytes.iter().rev().fold(0, add),
            Self::Big => bytes.iter().fold(0, add),
        })
    }

    /// The `size` least significant bytes of `number`, in this order.
    pub fn bytes(self, number: u128, size: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = number.to_le_bytes().into_iter().take(size).collect();
        if self == Self::Big {
            bytes.reverse();
        }
        bytes
    }

    /// `bytes` of one number with the least significant byte first.
    pub fn to_little(self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self == Self::Big {
            bytes.reverse();
        }
        bytes
    }

    /// As gimli names it.
    pub fn of_dwarf(self) -> RunTimeEndian {
        match self {
            Self::Little => RunTimeEndian::Little,
            Self::Big => RunTimeEndian::Big,
        }
    }
}

/// Byte order and size of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataModel {
    /// Which byte of a number comes first.
    pub order: ByteOrder,
    /// Bytes of an address, of `long` and of a word in `NT_AUXV` and
    /// `NT_FILE`: 4 or 8.
    pub address_size: u8,
}

impl DataModel {
    /// Of x86-64, and of most others today.
    pub const LITTLE_64: Self = Self { order: ByteOrder::Little, address_size: 8 };

    /// Whether addresses have eight bytes.
    pub fn is_64(self) -> bool {
        self.address_size == 8
    }

    /// Bytes of an address, for arithmetic on addresses.
    pub fn word(self) -> u64 {
        u64::from(self.address_size)
    }

    /// `at` with what an address cannot hold cut off: sums wrap at 2^32 in a
    /// 32-bit process.
    pub fn cut(self, at: u64) -> u64 {
        if self.is_64() { at } else { at & 0xffff_ffff }
    }
}

impl Default for DataModel {
    fn default() -> Self {
        Self::LITTLE_64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_orders() {
        let bytes = [1, 2, 3];
        assert_eq!(ByteOrder::Little.number(&bytes), 0x03_0201);
        assert_eq!(ByteOrder::Big.number(&bytes), 0x01_0203);
        for order in [ByteOrder::Little, ByteOrder::Big] {
            assert_eq!(order.number(&order.bytes(0x1234, 4)), 0x1234, "{order:?}");
            assert_eq!(order.wide_number(&order.bytes(7, 16)), Some(7), "{order:?}");
            assert_eq!(order.wide_number(&[0; 17]), None);
        }
        assert_eq!(ByteOrder::Big.bytes(0x0102_0304, 2), [3, 4]);
        assert_eq!(ByteOrder::Big.to_little(vec![1, 2]), [2, 1]);
    }

    #[test]
    fn addresses_of_32_bits_wrap() {
        let model = DataModel { order: ByteOrder::Big, address_size: 4 };
        assert_eq!(model.cut(0x1_0000_0010), 0x10);
        assert_eq!(DataModel::LITTLE_64.cut(u64::MAX), u64::MAX);
    }
}
