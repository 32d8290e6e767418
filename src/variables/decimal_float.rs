//! Decimal floating-point numbers (`_Decimal32`, `_Decimal64`, `_Decimal128`)
//! as text.
//!
//! IEEE 754-2008, 3.5.2, in the binary encoding of the significand, which the
//! System V psABI for AMD64 (section 3.1.2) prescribes.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::variables::numbers::unsigned;

/// The shape of one format.
struct Format {
    /// Bits in all.
    bits: u32,
    /// Bits of the exponent.
    exponent: u32,
    /// The exponent of 1.
    bias: i64,
    /// The largest significand.
    most: u128,
}

const FORMATS: [Format; 3] = [
    Format { bits: 32, exponent: 8, bias: 101, most: 9_999_999 },
    Format { bits: 64, exponent: 10, bias: 398, most: 9_999_999_999_999_999 },
    Format {
        bits: 128,
        exponent: 14,
        bias: 6176,
        most: 9_999_999_999_999_999_999_999_999_999_999_999,
    },
];

/// The number, exactly. `None`: no format has this size.
pub(super) fn decimal_float(bytes: &[u8]) -> Option<String> {
    let raw = unsigned(bytes)?;
    let bits = u32::try_from(bytes.len().checked_mul(8)?).ok()?;
    let format = FORMATS.iter().find(|format| format.bits == bits)?;
    let field = |from: u32, width: u32| {
        raw.checked_shr(from).map(|shifted| shifted & 1_u128.wrapping_shl(width).wrapping_sub(1))
    };
    let sign = if field(bits.checked_sub(1)?, 1)? == 1 { "-" } else { "" };
    match field(bits.checked_sub(6)?, 5)? {
        0b11111 => return Some(format!("{sign}nan")),
        0b11110 => return Some(format!("{sign}inf")),
        _ => (),
    }
    // Two ones after the sign: the significand has three more bits, 100.
    let is_large = field(bits.checked_sub(3)?, 2)? == 0b11;
    let below_sign = bits.checked_sub(1)?.checked_sub(format.exponent)?;
    let (at, extra) = if is_large {
        let at = below_sign.checked_sub(2)?;
        (at, 0b100_u128.checked_shl(at)?)
    } else {
        (below_sign, 0)
    };
    let exponent = i64::try_from(field(at, format.exponent)?).ok()?.checked_sub(format.bias)?;
    let significand = field(0, at)? | extra;
    // What is larger than the format's digits stands for zero.
    let significand = if significand > format.most { 0 } else { significand };
    Some(format!("{sign}{}", written(significand, exponent)))
}

/// `significand * 10^exponent`, all digits kept: `1.50` is not `1.5`.
fn written(significand: u128, exponent: i64) -> String {
    let digits = significand.to_string();
    let count = i64::try_from(digits.len()).unwrap_or(0);
    let places = exponent.saturating_neg();
    match usize::try_from(places) {
        Ok(0) => digits,
        // A point within the digits, or a few zeros before them.
        Ok(places) if count.saturating_add(exponent) > -6 => {
            let wide = format!("{digits:0>width$}", width = places.saturating_add(1));
            let split = wide.len().saturating_sub(places);
            match (wide.get(..split), wide.get(split..)) {
                (Some(whole), Some(rest)) => format!("{whole}.{rest}"),
                _ => wide,
            }
        }
        _ => format!("{digits}e{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_their_formats() {
        let narrow = |raw: u32| raw.to_le_bytes().to_vec();
        let medium = |raw: u64| raw.to_le_bytes().to_vec();
        let wide = |raw: u128| raw.to_le_bytes().to_vec();
        // Sign, then the biased exponent, then the significand.
        let cases: &[(Vec<u8>, &str)] = &[
            (narrow((101 - 2) << 23 | 125), "1.25"),
            (narrow(1 << 31 | 101 << 23 | 7), "-7"),
            (narrow(103 << 23 | 7), "7e2"),
            (narrow((101 - 9) << 23 | 7), "7e-9"),
            (narrow((101 - 5) << 23 | 7), "0.00007"),
            (medium((398 - 1) << 53 | 15), "1.5"),
            (medium((398 - 2) << 53 | 150), "1.50"),
            (wide((6176 - 3) << 113 | 12_345_678), "12345.678"),
            // 9,999,999 has 24 bits: the large form, 0b100 before 21 bits.
            (narrow(0b11 << 29 | 101 << 21 | (9_999_999 - (1 << 23))), "9999999"),
            (narrow(0x7800_0000), "inf"),
            (medium(0xfc00_0000_0000_0000), "-nan"),
            (narrow(0), "0e-101"),
        ];
        for (bytes, want) in cases {
            assert_eq!(decimal_float(bytes).as_deref(), Some(*want), "{bytes:x?}");
        }
        assert_eq!(decimal_float(&[0; 5]), None);
    }
}
