//! Numbers as text.

use crate::base::arch::{Arch, Machine};

/// Little-endian bytes, at most 16, as an unsigned number.
pub(super) fn unsigned(bytes: &[u8]) -> Option<u128> {
    let mut wide = [0; 16];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u128::from_le_bytes(wide))
}

/// The lowest `bits` bits as a signed number.
pub(super) fn sign_extended(value: u128, bits: u64) -> i128 {
    let Some(unused) = 128_u32.checked_sub(u32::try_from(bits).unwrap_or(128)) else {
        return value.cast_signed();
    };
    match value.checked_shl(unused) {
        Some(top) => top.cast_signed() >> unused,
        None => 0,
    }
}

/// The shape of a binary floating-point format.
struct Format {
    /// Bits of the fraction, the leading one included where it is stored.
    fraction: u32,
    /// Bits of the exponent.
    exponent: u32,
    /// Whether the leading bit is stored (x87) or implied (IEEE 754).
    stores_leading: bool,
    /// Digits that always survive the way from text to number and back.
    digits: usize,
}

const X87: Format = Format { fraction: 64, exponent: 15, stores_leading: true, digits: 18 };
const BINARY128: Format = Format { fraction: 112, exponent: 15, stores_leading: false, digits: 33 };
const BINARY16: Format = Format { fraction: 10, exponent: 5, stores_leading: false, digits: 3 };
const BFLOAT16: Format = Format { fraction: 7, exponent: 8, stores_leading: false, digits: 2 };

/// What a `long double` of 16 bytes is on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LongDouble {
    /// The x87's 80 bits.
    X87,
    /// IEEE 754 binary128.
    Binary128,
    /// The sum of two doubles, the larger one first in memory.
    Pair,
}

impl LongDouble {
    /// By the psABI of each architecture; compilers for PowerPC may be told
    /// otherwise, and then call the type by another name.
    pub(super) fn of(arch: Arch) -> Self {
        match arch.machine {
            Machine::X86_64 | Machine::X32 | Machine::I386 | Machine::M68k => Self::X87,
            Machine::Ppc64 | Machine::Ppc => Self::Pair,
            _ => Self::Binary128,
        }
    }
}

/// A floating-point number as short text that means the same number. `None`: a format that is unknown.
///
/// `name` tells formats of one size apart: `long double` from `_Float128`.
pub(super) fn float(bytes: &[u8], name: &str, long: LongDouble) -> Option<String> {
    match bytes.len() {
        4 => Some(plain(f64::from(f32::from_le_bytes(*bytes.first_chunk()?)), true)),
        8 => Some(plain(f64::from_le_bytes(*bytes.first_chunk()?), false)),
        2 if name.contains("bf16") => Some(decimal(unsigned(bytes)?, &BFLOAT16)),
        2 => Some(decimal(unsigned(bytes)?, &BINARY16)),
        16 if name.contains("128") => Some(decimal(unsigned(bytes)?, &BINARY128)),
        16 if long == LongDouble::Binary128 => Some(decimal(unsigned(bytes)?, &BINARY128)),
        16 if long == LongDouble::Pair => {
            let (low, high) = bytes.split_first_chunk::<8>()?;
            let halves = [*low, *high.first_chunk()?].map(f64::from_le_bytes);
            // The smaller one is zero for every number that one double holds.
            match halves {
                [value, rest] | [rest, value] if rest == 0.0 => Some(plain(value, false)),
                _ => None,
            }
        }
        // The x87's 10 bytes are stored in 12 or 16; the rest means nothing.
        10 | 12 | 16 => Some(decimal(unsigned(bytes.get(..10)?)?, &X87)),
        _ => None,
    }
}

fn plain(value: f64, is_single: bool) -> String {
    let size = value.abs();
    let is_long = size != 0.0 && !(1e-5..1e16).contains(&size);
    match (is_single, is_long) {
        _ if value.is_nan() && value.is_sign_negative() => "-nan".to_owned(),
        _ if value.is_nan() => "nan".to_owned(),
        // As shortest text of the narrower type; the conversion is exact.
        (true, true) => format!("{:e}", value as f32),
        (true, false) => format!("{}", value as f32),
        (false, true) => format!("{value:e}"),
        (false, false) => format!("{value}"),
    }
}

/// A number of any format, from its bits, in decimal.
fn decimal(bits: u128, format: &Format) -> String {
    let fraction = bits & low_bits(format.fraction);
    let exponent = (bits >> format.fraction) & low_bits(format.exponent);
    let is_negative = (bits >> (format.fraction + format.exponent)) & 1 == 1;
    let sign = if is_negative { "-" } else { "" };
    let leading = if format.stores_leading { 0 } else { 1_u128 << format.fraction };
    let is_special = exponent == low_bits(format.exponent);
    if is_special {
        let payload =
            if format.stores_leading { fraction & low_bits(format.fraction - 1) } else { fraction };
        return format!("{sign}{}", if payload == 0 { "inf" } else { "nan" });
    }
    let is_subnormal = exponent == 0;
    let significand = if is_subnormal { fraction } else { fraction | leading };
    if significand == 0 {
        return format!("{sign}0");
    }
    // value = significand * 2^power
    let bias = (1_i64 << (format.exponent - 1)) - 1;
    let places = i64::from(format.fraction) - i64::from(format.stores_leading);
    let stored = i64::try_from(exponent).unwrap_or(0).max(1);
    let (digits, tens) = shortest(significand, stored - bias - places, format.digits);
    sign.to_owned() + &notation(&digits, tens)
}

fn low_bits(count: u32) -> u128 {
    (1_u128 << count) - 1
}

/// `digits` with the decimal point after the first one, times ten to `tens`.
fn notation(digits: &str, tens: i64) -> String {
    let digits = digits.trim_end_matches('0');
    let count = digits.len();
    match usize::try_from(tens) {
        Ok(tens) if tens < 16 && tens + 1 >= count => {
            format!("{digits}{}", "0".repeat(tens + 1 - count))
        }
        Ok(tens) if tens < 16 => {
            let (whole, rest) = digits.split_at(tens + 1);
            format!("{whole}.{rest}")
        }
        Err(_) if tens >= -5 => {
            format!("0.{}{digits}", "0".repeat(usize::try_from(-tens - 1).unwrap_or(0)))
        }
        _ if count == 1 => format!("{digits}e{tens}"),
        _ => {
            let (first, rest) = digits.split_at(1);
            format!("{first}.{rest}e{tens}")
        }
    }
}

/// The digits of `significand * 2^power` that no other number of the format is
/// nearer to: as many as are always sure, and up to three more.
fn shortest(significand: u128, power: i64, sure: usize) -> (String, i64) {
    /// Digits of a bound: more than any that is compared with it.
    const EXACT: usize = 48;
    let bound = |twice: u128| digits(twice, power - 1, EXACT);
    let below = bound(significand.saturating_mul(2).saturating_sub(1));
    let above = bound(significand.saturating_mul(2).saturating_add(1));
    // Numbers as what sorts like them.
    let key = |(digits, tens): &(String, i64)| (*tens, format!("{digits:0<EXACT$}"));
    let found = (sure..sure + 3).map(|wanted| digits(significand, power, wanted));
    let fits = |found: &(String, i64)| key(&below) < key(found) && key(found) < key(&above);
    found.into_iter().find(fits).unwrap_or_else(|| digits(significand, power, sure + 3))
}

/// `significand * 2^power` in decimal: `wanted` digits, rounded, and the power
/// of ten of the first one. The exact number has up to 5,000 digits.
fn digits(significand: u128, power: i64, wanted: usize) -> (String, i64) {
    // Multiplying by 5^n / 10^n instead of dividing by 2^n keeps it whole.
    let mut number = Big::new(significand);
    let mut tens = 0_i64;
    // In steps of the largest powers that fit: a subnormal needs 5^16445.
    let (base, step) = if power > 0 { (2_u64, 28) } else { (5_u64, 12) };
    let mut left = power.unsigned_abs();
    while left > 0 {
        let now = left.min(step);
        number.multiply(base.pow(now as u32));
        left -= now;
    }
    if power < 0 {
        tens = power;
    }
    let all = number.decimal();
    let first = tens + all.len() as i64 - 1;
    let Some(rest) = all.get(wanted..).filter(|rest| !rest.is_empty()) else {
        return (all, first);
    };
    let mut kept: Vec<u8> = all.bytes().take(wanted).collect();
    // Ties go to the even digit.
    let is_tie = rest.starts_with('5') && rest.bytes().skip(1).all(|digit| digit == b'0');
    let is_odd = kept.last().is_some_and(|digit| digit % 2 == 1);
    let goes_up = if is_tie { is_odd } else { rest.as_bytes().first() >= Some(&b'5') };
    if goes_up && !increment(&mut kept) {
        kept.insert(0, b'1');
        kept.pop();
        return (String::from_utf8(kept).unwrap_or_default(), first + 1);
    }
    (String::from_utf8(kept).unwrap_or_default(), first)
}

/// Adds one to the last digit. False: all were nines, and are zeros now.
fn increment(digits: &mut [u8]) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return true;
        }
        *digit = b'0';
    }
    false
}

/// A whole number of any size: digits to the base of a billion, lowest first.
struct Big(Vec<u32>);

const BILLION: u64 = 1_000_000_000;

impl Big {
    fn new(mut value: u128) -> Self {
        let mut parts = Vec::new();
        while value > 0 {
            parts.push((value % u128::from(BILLION)) as u32);
            value /= u128::from(BILLION);
        }
        Self(parts)
    }

    fn multiply(&mut self, by: u64) {
        let mut carry = 0;
        for part in &mut self.0 {
            let product = u64::from(*part) * by + carry;
            *part = (product % BILLION) as u32;
            carry = product / BILLION;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn decimal(&self) -> String {
        let mut parts = self.0.iter().rev();
        let mut text = parts.next().map(u32::to_string).unwrap_or_default();
        for part in parts {
            text.push_str(&format!("{part:09}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs() {
        assert_eq!(sign_extended(0b101, 3), -3);
        assert_eq!(sign_extended(0b011, 3), 3);
        assert_eq!(sign_extended(u128::MAX, 128), -1);
        assert_eq!(sign_extended(7, 0), 0);
        assert_eq!(unsigned(&[1; 17]), None);
    }

    /// An x87 number from its exponent field and significand.
    fn x87(exponent: u16, significand: u64) -> Vec<u8> {
        let mut bytes = significand.to_le_bytes().to_vec();
        bytes.extend(exponent.to_le_bytes());
        bytes.resize(16, 0xee);
        bytes
    }

    #[test]
    fn floats() {
        let cases: &[(Vec<u8>, &str, &str)] = &[
            (1.5_f32.to_le_bytes().to_vec(), "float", "1.5"),
            (0.1_f32.to_le_bytes().to_vec(), "float", "0.1"),
            (f32::MAX.to_le_bytes().to_vec(), "float", "3.4028235e38"),
            (0.1_f64.to_le_bytes().to_vec(), "double", "0.1"),
            ((-0.0_f64).to_le_bytes().to_vec(), "double", "-0"),
            (1e300_f64.to_le_bytes().to_vec(), "double", "1e300"),
            (f64::NEG_INFINITY.to_le_bytes().to_vec(), "double", "-inf"),
            (f64::NAN.to_le_bytes().to_vec(), "double", "nan"),
            // 2^0 is significand 2^63 at the bias of 16383.
            (x87(16383, 1 << 63), "long double", "1"),
            (x87(16383 + 1, 3 << 62), "long double", "3"),
            (x87(16383 - 1 + 0x8000, 1 << 63), "long double", "-0.5"),
            // 3.14L is 0xc8f5c28f5c28f5c3 * 2^-62.
            (x87(16384, 0xc8f5_c28f_5c28_f5c3), "long double", "3.14"),
            // 0.1L, the nearest to it.
            (x87(0x3ffb, 0xcccc_cccc_cccc_cccd), "long double", "0.1"),
            // LDBL_MAX = 1.18973149535723176502e+4932 (<float.h>).
            (x87(0x7ffe, u64::MAX), "long double", "1.189731495357231765e4932"),
            // 1 + 2^-63, the next after 1: 1.000000000000000000108.
            (x87(16383, (1 << 63) + 1), "long double", "1.0000000000000000001"),
            // 123456789012345678904 = 0x6b14e9f812f366c38, the low bits of which
            // do not fit: 0xd629d3f025e6cd87 * 2^3 is it exactly.
            (x87(16383 + 66, 0xd629_d3f0_25e6_cd87), "long double", "1.23456789012345678904e20"),
            // LDBL_TRUE_MIN = 3.6451995318824746025e-4951.
            (x87(0, 1), "long double", "3.6451995318824746e-4951"),
            (x87(0x7fff, 1 << 63), "long double", "inf"),
            (x87(0xffff, 3 << 62), "long double", "-nan"),
            (x87(0, 0), "long double", "0"),
            (vec![0x00, 0x3c], "_Float16", "1"),
            (vec![0x80, 0x3f], "__bf16", "1"),
            ((0x3fff_u128 << 112).to_le_bytes().to_vec(), "_Float128", "1"),
            ((0x4000_8000_u128 << 96).to_le_bytes().to_vec(), "__float128", "3"),
        ];
        for (bytes, name, want) in cases {
            assert_eq!(
                float(bytes, name, LongDouble::X87).as_deref(),
                Some(*want),
                "{name} {bytes:x?}"
            );
        }
        let quad = (0x3fff_8000_u128 << 96).to_le_bytes();
        let pair = [1.5_f64.to_le_bytes(), 0.0_f64.to_le_bytes()].concat();
        let sum = [1.5_f64.to_le_bytes(), 1e-20_f64.to_le_bytes()].concat();
        let long = |bytes: &[u8], long| float(bytes, "long double", long);
        assert_eq!(long(&quad, LongDouble::Binary128).as_deref(), Some("1.5"));
        assert_eq!(long(&pair, LongDouble::Pair).as_deref(), Some("1.5"));
        assert_eq!(long(&sum, LongDouble::Pair), None, "no double holds the sum");
        assert_eq!(float(&[0; 7], "odd", LongDouble::X87), None);
    }
}
