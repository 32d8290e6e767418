//! The typed values that expressions compute with (DWARF 5, 2.5.1): numbers of
//! up to 16 bytes, and the generic type, which is as wide as an address.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::cmp::Ordering;

use gimli::UnitOffset;
use gimli::constants as dw;

use crate::symbols::entries::Entry;
use crate::variables::numbers::sign_extended;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The generic type: 8 bytes; each operation takes it for signed or not.
    Generic,
    /// A signed number of so many bytes.
    Signed(u8),
    /// An unsigned number of so many bytes.
    Unsigned(u8),
    /// An IEEE 754 number of 4 or 8 bytes.
    Float(u8),
    /// Bytes that are only carried, not computed with: `long double`.
    Opaque(u8),
}

/// A value: its bits, and zeros above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) kind: Kind,
    pub(super) bits: u128,
}

/// Operations on two values of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    And,
    Or,
    Xor,
    Plus,
    Minus,
    Mul,
    Div,
    Mod,
    Shl,
    Shr,
    Shra,
}

impl Kind {
    /// Its size in bytes, 1 to 16.
    pub(super) fn size(self) -> u8 {
        match self {
            Self::Generic => 8,
            Self::Signed(size) | Self::Unsigned(size) | Self::Float(size) | Self::Opaque(size) => {
                size.clamp(1, 16)
            }
        }
    }

    fn bits(self) -> u32 {
        u32::from(self.size()).saturating_mul(8)
    }

    fn mask(self) -> u128 {
        u128::MAX.checked_shr(128_u32.saturating_sub(self.bits())).unwrap_or(u128::MAX)
    }
}

impl Typed {
    /// A value of the generic type.
    pub(super) fn generic(value: u64) -> Self {
        Self { kind: Kind::Generic, bits: u128::from(value) }
    }

    /// A value of a type from its bits; those above its size are dropped.
    pub(super) fn new(kind: Kind, bits: u128) -> Self {
        Self { kind, bits: bits & kind.mask() }
    }

    /// A value from its bytes, lowest first. `None`: there are too few.
    pub(super) fn from_bytes(kind: Kind, bytes: &[u8]) -> Option<Self> {
        let mut wide = [0; 16];
        let own = bytes.get(..usize::from(kind.size()))?;
        wide.get_mut(..own.len())?.copy_from_slice(own);
        Some(Self::new(kind, u128::from_le_bytes(wide)))
    }

    /// Its bytes, lowest first.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.bits.to_le_bytes().into_iter().take(usize::from(self.kind.size())).collect()
    }

    /// As an address or a count. `None`: it is no whole number.
    pub(super) fn word(self) -> Option<u64> {
        match self.kind {
            Kind::Float(_) | Kind::Opaque(_) => None,
            Kind::Signed(_) => Some((self.signed() as u128) as u64),
            Kind::Generic | Kind::Unsigned(_) => Some(self.bits as u64),
        }
    }

    fn signed(self) -> i128 {
        sign_extended(self.bits, u64::from(self.kind.bits()))
    }

    fn float(self) -> Option<f64> {
        match self.kind {
            Kind::Float(4) => Some(f64::from(f32::from_bits(self.bits as u32))),
            Kind::Float(8) => Some(f64::from_bits(self.bits as u64)),
            _ => None,
        }
    }

    fn from_float(kind: Kind, value: f64) -> Option<Self> {
        let bits = match kind {
            Kind::Float(4) => u128::from((value as f32).to_bits()),
            Kind::Float(8) => u128::from(value.to_bits()),
            _ => return None,
        };
        Some(Self::new(kind, bits))
    }

    /// `DW_OP_convert`: the same number in another type. `None`: it cannot be.
    pub(super) fn convert(self, kind: Kind) -> Option<Self> {
        if self.kind == kind {
            return Some(self);
        }
        match (self.kind, kind) {
            (Kind::Opaque(_), _) | (_, Kind::Opaque(_)) => None,
            (Kind::Float(_), Kind::Float(_)) => Self::from_float(kind, self.float()?),
            (Kind::Float(_), _) => {
                let value = self.float()?.trunc();
                // What does not fit has no meaning; a cast would saturate.
                let whole = value as i128;
                let is_exact = whole as f64 == value;
                is_exact.then(|| Self::new(kind, whole.cast_unsigned()))
            }
            (Kind::Signed(_), Kind::Float(_)) => Self::from_float(kind, self.signed() as f64),
            (_, Kind::Float(_)) => Self::from_float(kind, self.bits as f64),
            (Kind::Signed(_), _) => Some(Self::new(kind, self.signed().cast_unsigned())),
            _ => Some(Self::new(kind, self.bits)),
        }
    }

    /// `DW_OP_reinterpret`: the same bits in a type of the same size.
    pub(super) fn reinterpret(self, kind: Kind) -> Option<Self> {
        (self.kind.size() == kind.size()).then(|| Self::new(kind, self.bits))
    }

    /// `DW_OP_abs`.
    pub(super) fn absolute(self) -> Option<Self> {
        match self.kind {
            Kind::Float(_) => Self::from_float(self.kind, self.float()?.abs()),
            Kind::Opaque(_) => None,
            Kind::Unsigned(_) => Some(self),
            Kind::Generic | Kind::Signed(_) => {
                Some(Self::new(self.kind, self.signed().unsigned_abs()))
            }
        }
    }

    /// `DW_OP_neg`.
    pub(super) fn negated(self) -> Option<Self> {
        match self.kind {
            Kind::Float(_) => Self::from_float(self.kind, -self.float()?),
            Kind::Opaque(_) => None,
            _ => Some(Self::new(self.kind, self.bits.wrapping_neg())),
        }
    }

    /// `DW_OP_not`.
    pub(super) fn inverted(self) -> Option<Self> {
        match self.kind {
            Kind::Float(_) | Kind::Opaque(_) => None,
            _ => Some(Self::new(self.kind, !self.bits)),
        }
    }

    /// An operation on two values: of the same type, but for shifts. `None`:
    /// it has no result.
    pub(super) fn binary(self, operation: Binary, with: Self) -> Option<Self> {
        if matches!(operation, Binary::Shl | Binary::Shr | Binary::Shra) {
            return self.shifted(operation, with);
        }
        if self.kind != with.kind {
            let (left, right) = self.of_one_type(with)?;
            return left.binary(operation, right);
        }
        if let (Some(a), Some(b)) = (self.float(), with.float()) {
            let value = match operation {
                Binary::Plus => a + b,
                Binary::Minus => a - b,
                Binary::Mul => a * b,
                Binary::Div => a / b,
                _ => return None,
            };
            return Self::from_float(self.kind, value);
        }
        let (a, b) = (self.bits, with.bits);
        let bits = match (operation, self.kind) {
            (_, Kind::Float(_) | Kind::Opaque(_)) => return None,
            (Binary::And, _) => a & b,
            (Binary::Or, _) => a | b,
            (Binary::Xor, _) => a ^ b,
            (Binary::Plus, _) => a.wrapping_add(b),
            (Binary::Minus, _) => a.wrapping_sub(b),
            (Binary::Mul, _) => a.wrapping_mul(b),
            // Of the generic type, division is signed and the rest is not
            // (DWARF 5, 2.5.1.4).
            (Binary::Div, Kind::Unsigned(_)) => a.checked_div(b)?,
            (Binary::Div, _) => self.signed().checked_div(with.signed())?.cast_unsigned(),
            (Binary::Mod, Kind::Signed(_)) => {
                self.signed().checked_rem(with.signed())?.cast_unsigned()
            }
            (Binary::Mod, _) => a.checked_rem(b)?,
            (Binary::Shl | Binary::Shr | Binary::Shra, _) => return None,
        };
        Some(Self::new(self.kind, bits))
    }

    /// Two values as of one type. clang counts on a number of the generic type
    /// being one of any type of its size.
    fn of_one_type(self, with: Self) -> Option<(Self, Self)> {
        match (self.kind, with.kind) {
            (Kind::Generic, Kind::Signed(8) | Kind::Unsigned(8)) => {
                Some((Self::new(with.kind, self.bits), with))
            }
            (Kind::Signed(8) | Kind::Unsigned(8), Kind::Generic) => {
                Some((self, Self::new(self.kind, with.bits)))
            }
            _ => None,
        }
    }

    fn shifted(self, operation: Binary, by: Self) -> Option<Self> {
        if matches!(self.kind, Kind::Float(_) | Kind::Opaque(_)) {
            return None;
        }
        let width = self.kind.bits();
        let is_negative = matches!(by.kind, Kind::Signed(_)) && by.signed() < 0;
        by.word()?;
        // What is shifted out is gone.
        let by = u32::try_from(by.bits).unwrap_or(u32::MAX).min(width);
        if is_negative {
            return None;
        }
        let bits = match operation {
            Binary::Shl => self.bits.checked_shl(by).unwrap_or(0),
            Binary::Shr => self.bits.checked_shr(by).unwrap_or(0),
            _ => (self.signed() >> by.min(127)).cast_unsigned(),
        };
        Some(Self::new(self.kind, bits))
    }

    /// How two values of one type compare; numbers of the generic type are
    /// signed. `None`: they do not.
    pub(super) fn compared(self, with: Self) -> Option<Ordering> {
        if self.kind != with.kind {
            let (left, right) = self.of_one_type(with)?;
            return left.compared(right);
        }
        match self.kind {
            Kind::Float(_) => self.float()?.partial_cmp(&with.float()?),
            Kind::Opaque(_) => None,
            Kind::Unsigned(_) => Some(self.bits.cmp(&with.bits)),
            Kind::Generic | Kind::Signed(_) => Some(self.signed().cmp(&with.signed())),
        }
    }
}

/// The type that an operation names; offset 0 is the generic type.
pub(super) fn kind(entry: Entry<'_, '_>, offset: UnitOffset) -> Result<Kind, String> {
    if offset.0 == 0 {
        return Ok(Kind::Generic);
    }
    let strange = || "its location computes with numbers of a strange type".to_owned();
    let of = Entry { offset, ..entry }.attributes().ok_or_else(strange)?;
    let encoding = match of.get(dw::DW_AT_encoding) {
        Some(gimli::AttributeValue::Encoding(encoding)) => encoding,
        _ => return Err(strange()),
    };
    let size = of.number(dw::DW_AT_byte_size).and_then(|size| u8::try_from(size).ok());
    let size = size.filter(|size| (1..=16).contains(size)).ok_or_else(strange)?;
    Ok(match encoding {
        dw::DW_ATE_signed | dw::DW_ATE_signed_char => Kind::Signed(size),
        dw::DW_ATE_unsigned
        | dw::DW_ATE_unsigned_char
        | dw::DW_ATE_boolean
        | dw::DW_ATE_address
        | dw::DW_ATE_UTF => Kind::Unsigned(size),
        dw::DW_ATE_float if size == 4 || size == 8 => Kind::Float(size),
        _ => Kind::Opaque(size),
    })
}

/// Up to 8 bytes, lowest first, as a number.
pub(super) fn word(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    let own = bytes.get(..bytes.len().min(8)).filter(|own| !own.is_empty())?;
    wide.get_mut(..own.len())?.copy_from_slice(own);
    Some(u64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(size: u8, value: i128) -> Typed {
        Typed::new(Kind::Signed(size), value.cast_unsigned())
    }

    fn unsigned(size: u8, value: u128) -> Typed {
        Typed::new(Kind::Unsigned(size), value)
    }

    fn double(value: f64) -> Typed {
        Typed::new(Kind::Float(8), u128::from(value.to_bits()))
    }

    fn single(value: f32) -> Typed {
        Typed::new(Kind::Float(4), u128::from(value.to_bits()))
    }

    #[test]
    fn conversions_keep_the_number() {
        let cases: &[(&str, Typed, Kind, Option<Typed>)] = &[
            ("sign-extended", signed(1, -2), Kind::Signed(8), Some(signed(8, -2))),
            ("sign-extended to 128 bits", signed(8, -2), Kind::Signed(16), Some(signed(16, -2))),
            ("zero-extended", unsigned(1, 254), Kind::Signed(8), Some(signed(8, 254))),
            ("cut", signed(8, 0x1_0000_0001), Kind::Signed(4), Some(signed(4, 1))),
            ("to generic", signed(4, -1), Kind::Generic, Some(Typed::generic(u64::MAX))),
            ("generic is unsigned", Typed::generic(7), Kind::Unsigned(4), Some(unsigned(4, 7))),
            ("whole to float", signed(4, -3), Kind::Float(8), Some(double(-3.0))),
            ("float to whole", double(-3.9), Kind::Signed(4), Some(signed(4, -3))),
            ("float to narrower", double(1.5), Kind::Float(4), Some(single(1.5))),
            ("not a number", double(f64::NAN), Kind::Signed(4), None),
            ("infinite", double(f64::INFINITY), Kind::Signed(16), None),
            ("to what is only carried", signed(8, 1), Kind::Opaque(16), None),
        ];
        for (name, value, kind, want) in cases {
            assert_eq!(value.convert(*kind), *want, "{name}");
        }
        assert_eq!(signed(4, 1).reinterpret(Kind::Float(8)), None);
        let bits = unsigned(8, u128::from(2.5_f64.to_bits()));
        assert_eq!(bits.reinterpret(Kind::Float(8)), Some(double(2.5)));
    }

    #[test]
    fn operations_stay_within_their_type() {
        let minus_seven = Typed::generic(7_u64.wrapping_neg());
        let cases: &[(&str, Typed, Binary, Typed, Option<Typed>)] = &[
            ("wraps", unsigned(1, 255), Binary::Plus, unsigned(1, 1), Some(unsigned(1, 0))),
            (
                "128 bits",
                unsigned(16, 1 << 100),
                Binary::Mul,
                unsigned(16, 4),
                Some(unsigned(16, 1 << 102)),
            ),
            (
                "generic division is signed",
                minus_seven,
                Binary::Div,
                Typed::generic(2),
                Some(Typed::generic(3_u64.wrapping_neg())),
            ),
            (
                "generic remainder is not",
                minus_seven,
                Binary::Mod,
                Typed::generic(10),
                // 2^64 - 7 = ...616 - 7.
                Some(Typed::generic(9)),
            ),
            ("signed remainder", signed(4, -7), Binary::Mod, signed(4, 4), Some(signed(4, -3))),
            ("by zero", signed(4, 1), Binary::Div, signed(4, 0), None),
            ("the least by -1", signed(16, i128::MIN), Binary::Div, signed(16, -1), None),
            ("of two types", signed(4, 1), Binary::Plus, signed(8, 1), None),
            (
                "generic and typed",
                signed(8, -9),
                Binary::Mul,
                Typed::generic(50),
                Some(signed(8, -450)),
            ),
            ("generic and narrower", signed(4, 9), Binary::Mul, Typed::generic(50), None),
            ("floats", double(1.5), Binary::Mul, double(3.0), Some(double(4.5))),
            ("no bits of floats", double(1.5), Binary::And, double(3.0), None),
            (
                "shifts of another type",
                signed(4, 1),
                Binary::Shl,
                unsigned(1, 4),
                Some(signed(4, 16)),
            ),
            ("all shifted out", unsigned(4, 1), Binary::Shl, unsigned(1, 32), Some(unsigned(4, 0))),
            ("logical", signed(1, -1), Binary::Shr, signed(1, 4), Some(signed(1, 15))),
            ("arithmetic", signed(1, -16), Binary::Shra, signed(1, 2), Some(signed(1, -4))),
            ("far arithmetic", signed(1, -16), Binary::Shra, signed(4, 99), Some(signed(1, -1))),
            ("by less than nothing", signed(4, 1), Binary::Shl, signed(4, -1), None),
        ];
        for (name, a, operation, b, want) in cases {
            assert_eq!(a.binary(*operation, *b), *want, "{name}");
        }
        assert_eq!(minus_seven.absolute(), Some(Typed::generic(7)));
        assert_eq!(signed(2, 5).negated(), Some(signed(2, -5)));
        assert_eq!(double(2.0).negated(), Some(double(-2.0)));
        assert_eq!(unsigned(1, 0xf0).inverted(), Some(unsigned(1, 0x0f)));
    }

    #[test]
    fn comparisons_know_signs() {
        assert_eq!(
            Typed::generic(u64::MAX).compared(Typed::generic(1)),
            Some(Ordering::Less),
            "generic numbers are signed"
        );
        assert_eq!(unsigned(8, u128::MAX).compared(unsigned(8, 1)), Some(Ordering::Greater));
        assert_eq!(signed(4, -1).compared(signed(4, 1)), Some(Ordering::Less));
        assert_eq!(double(f64::NAN).compared(double(1.0)), None);
        assert_eq!(signed(4, 1).compared(unsigned(4, 1)), None);
    }

    #[test]
    fn words_and_bytes() {
        assert_eq!(signed(4, -1).word(), Some(u64::MAX));
        assert_eq!(unsigned(4, 0xffff_ffff).word(), Some(0xffff_ffff));
        assert_eq!(double(1.0).word(), None);
        assert_eq!(signed(2, -2).bytes(), [0xfe, 0xff]);
        assert_eq!(Typed::from_bytes(Kind::Signed(2), &[0xfe, 0xff, 1]), Some(signed(2, -2)));
        assert_eq!(Typed::from_bytes(Kind::Signed(4), &[1, 2, 3]), None);
    }
}
