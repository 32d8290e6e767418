//! Numbers that are computed: whole ones of a width, and floating-point ones.
//!
//! What C leaves undefined is not guessed: a signed result that does not fit
//! becomes wider, and stays right. Numbers without a sign wrap around, as C says.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::symbols::types::Dialect;
use crate::variables::numbers::sign_extended;
use crate::variables::query::syntax::Infix;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// A whole one.
    Whole(Whole),
    /// A floating-point one.
    Float(f64),
    /// One of single precision: a `float`.
    Single(f32),
}

/// A whole number of some width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// The lowest bits; those above the width are zero.
    raw: u128,
    /// Its width: 8, 16, 32, 64 or 128.
    pub(super) bits: u32,
    /// Whether the highest bit is the sign.
    pub(super) is_signed: bool,
}

impl Whole {
    /// The lowest `bits` bits of a number.
    pub(super) fn new(raw: u128, bits: u32, is_signed: bool) -> Self {
        Self { raw: raw & mask(bits), bits, is_signed }
    }

    /// A number of 64 bits, if that holds it: signed, if that does.
    pub(super) fn of_value(value: i128) -> Self {
        let kinds = [(64, true), (64, false)].into_iter();
        let mut kinds =
            kinds.map(|(bits, is_signed)| Self::new(value.cast_unsigned(), bits, is_signed));
        let found = kinds.find(|whole| whole.value() == Some(value));
        found.unwrap_or(Self::new(value.cast_unsigned(), 128, true))
    }

    /// What C takes a truth value for.
    pub(super) fn truth(is_true: bool) -> Self {
        Self::new(u128::from(is_true), 32, true)
    }

    /// A literal: of the first type of C that holds it.
    pub(super) fn literal(value: u128, suffix: &str, is_decimal: bool) -> Option<Self> {
        let rust: Option<(bool, u32)> = match suffix {
            "usize" => Some((false, 64)),
            "isize" => Some((true, 64)),
            _ => match (suffix.get(..1), suffix.get(1..).and_then(|bits| bits.parse().ok())) {
                (Some("u"), Some(bits)) => Some((false, bits)),
                (Some("i"), Some(bits)) => Some((true, bits)),
                _ => None,
            },
        };
        if let Some((is_signed, bits)) = rust {
            let most = mask(bits) >> u32::from(is_signed);
            return (value <= most).then(|| Self::new(value, bits, is_signed));
        }
        let suffix = suffix.to_ascii_lowercase();
        let is_unsigned = suffix.contains(['u', 'z']);
        let least = if suffix.contains(['l', 'z']) { 64 } else { 32 };
        let widths = [32, 64, 128];
        widths.into_iter().filter(|bits| *bits >= least).find_map(|bits| {
            let fits = |is_signed: bool| value <= mask(bits) >> u32::from(is_signed);
            match (is_unsigned, is_decimal) {
                (true, _) => fits(false).then(|| Self::new(value, bits, false)),
                _ if fits(true) => Some(Self::new(value, bits, true)),
                // 0xffffffff is an `unsigned int`; 4294967295 a `long`.
                (false, false) => fits(false).then(|| Self::new(value, bits, false)),
                (false, true) => None,
            }
        })
    }

    /// Its value, if that is within the signed numbers of 128 bits.
    pub(super) fn value(self) -> Option<i128> {
        if self.is_signed {
            Some(sign_extended(self.raw, u64::from(self.bits)))
        } else {
            i128::try_from(self.raw).ok()
        }
    }

    /// Its bits, sign-extended to 128.
    fn extended(self) -> u128 {
        if self.is_signed {
            sign_extended(self.raw, u64::from(self.bits)).cast_unsigned()
        } else {
            self.raw
        }
    }

    /// The same bits in another width.
    pub(super) fn converted(self, bits: u32, is_signed: bool) -> Self {
        Self::new(self.extended(), bits, is_signed)
    }

    /// The value as bytes, lowest first.
    pub(super) fn bytes(self) -> Vec<u8> {
        let size = usize::try_from(self.bits.div_ceil(8)).unwrap_or(16);
        self.raw.to_le_bytes().into_iter().take(size).collect()
    }

    /// The lowest 64 bits, as an address is computed.
    pub(super) fn word(self) -> u64 {
        self.extended() as u64
    }

    fn is_zero(self) -> bool {
        self.raw == 0
    }

    /// What the language calls its type.
    pub(super) fn type_name(self, dialect: Dialect) -> &'static str {
        let is_rust = dialect == Dialect::Rust;
        match (self.bits, self.is_signed) {
            (8, true) if is_rust => "i8",
            (8, false) if is_rust => "u8",
            (16, true) if is_rust => "i16",
            (16, false) if is_rust => "u16",
            (32, true) if is_rust => "i32",
            (32, false) if is_rust => "u32",
            (64, true) if is_rust => "i64",
            (64, false) if is_rust => "u64",
            (_, true) if is_rust => "i128",
            (_, false) if is_rust => "u128",
            (8, true) => "signed char",
            (8, false) => "unsigned char",
            (16, true) => "short",
            (16, false) => "unsigned short",
            (32, true) => "int",
            (32, false) => "unsigned int",
            (64, true) => "long",
            (64, false) => "unsigned long",
            (_, true) => "__int128",
            (_, false) => "unsigned __int128",
        }
    }
}

impl Number {
    /// Whether it counts as true.
    pub(super) fn is_true(self) -> bool {
        match self {
            Self::Whole(whole) => !whole.is_zero(),
            Self::Float(value) => value != 0.0,
            Self::Single(value) => value != 0.0,
        }
    }

    /// As a floating-point number.
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Whole(whole) if whole.is_signed => whole.extended().cast_signed() as f64,
            Self::Whole(whole) => whole.raw as f64,
            Self::Float(value) => value,
            Self::Single(value) => f64::from(value),
        }
    }

    /// As a number of single precision, rounded once.
    pub(super) fn single(self) -> f32 {
        match self {
            Self::Whole(whole) if whole.is_signed => whole.extended().cast_signed() as f32,
            Self::Whole(whole) => whole.raw as f32,
            Self::Float(value) => value as f32,
            Self::Single(value) => value,
        }
    }

    /// The number, if it is a floating-point one.
    pub(super) fn fractional(self) -> Option<f64> {
        match self {
            Self::Whole(_) => None,
            Self::Float(_) | Self::Single(_) => Some(self.float()),
        }
    }

    /// The width of a whole number as C computes with it.
    pub(super) fn computed_bits(self) -> Option<u32> {
        match self {
            Self::Whole(whole) => Some(promoted(whole).bits),
            Self::Float(_) | Self::Single(_) => None,
        }
    }

    /// As a whole number of that type; the fraction is dropped.
    pub(super) fn whole(self, bits: u32, is_signed: bool) -> Whole {
        match self {
            Self::Whole(whole) => whole.converted(bits, is_signed),
            _ if is_signed => Whole::new((self.float() as i128).cast_unsigned(), bits, true),
            _ => Whole::new(self.float() as u128, bits, false),
        }
    }

    /// `-value`.
    pub(super) fn negated(self) -> Result<Self, String> {
        match self {
            Self::Float(value) => Ok(Self::Float(-value)),
            Self::Single(value) => Ok(Self::Single(-value)),
            Self::Whole(whole) => {
                let zero = Self::Whole(Whole::new(0, whole.bits, whole.is_signed));
                computed(Infix::Subtract, zero, self)
            }
        }
    }

    /// `~value`.
    pub(super) fn complement(self) -> Result<Self, String> {
        match self {
            Self::Whole(whole) => {
                let whole = promoted(whole);
                Ok(Self::Whole(Whole::new(!whole.extended(), whole.bits, whole.is_signed)))
            }
            Self::Float(_) | Self::Single(_) => {
                Err("a floating-point number has no bits to invert".to_owned())
            }
        }
    }
}

/// The integer promotions of C (C17, 6.3.1.1).
fn promoted(whole: Whole) -> Whole {
    if whole.bits < 32 { whole.converted(32, true) } else { whole }
}

/// `left infix right`, with the usual conversions of C (C17, 6.3.1.8).
pub(super) fn computed(infix: Infix, left: Number, right: Number) -> Result<Number, String> {
    let truth = |is_true| Ok(Number::Whole(Whole::truth(is_true)));
    match infix {
        Infix::And => return truth(left.is_true() && right.is_true()),
        Infix::Or => return truth(left.is_true() || right.is_true()),
        _ => (),
    }
    let (Number::Whole(left), Number::Whole(right)) = (left, right) else {
        return of_floats(infix, left, right);
    };
    let (left, right) = (promoted(left), promoted(right));
    if matches!(infix, Infix::ShiftLeft | Infix::ShiftRight) {
        return shifted(infix, left, right).map(Number::Whole);
    }
    let bits = left.bits.max(right.bits);
    let is_signed = match left.bits.cmp(&right.bits) {
        std::cmp::Ordering::Equal => left.is_signed && right.is_signed,
        std::cmp::Ordering::Less => right.is_signed,
        std::cmp::Ordering::Greater => left.is_signed,
    };
    let (left, right) = (left.converted(bits, is_signed), right.converted(bits, is_signed));
    let order = match is_signed {
        true => left.extended().cast_signed().cmp(&right.extended().cast_signed()),
        false => left.raw.cmp(&right.raw),
    };
    let raw = |raw| Ok(Number::Whole(Whole::new(raw, bits, is_signed)));
    match infix {
        Infix::Equal => truth(order.is_eq()),
        Infix::Unequal => truth(order.is_ne()),
        Infix::Less => truth(order.is_lt()),
        Infix::Greater => truth(order.is_gt()),
        Infix::LessOrEqual => truth(order.is_le()),
        Infix::GreaterOrEqual => truth(order.is_ge()),
        Infix::BitOr => raw(left.raw | right.raw),
        Infix::BitXor => raw(left.raw ^ right.raw),
        Infix::BitAnd => raw(left.raw & right.raw),
        Infix::Divide | Infix::Remainder if right.is_zero() => {
            Err("the divisor is zero".to_owned())
        }
        _ if is_signed => signed(infix, left, right, bits).map(Number::Whole),
        Infix::Add => raw(left.raw.wrapping_add(right.raw)),
        Infix::Subtract => raw(left.raw.wrapping_sub(right.raw)),
        Infix::Multiply => raw(left.raw.wrapping_mul(right.raw)),
        Infix::Divide => raw(left.raw.checked_div(right.raw).unwrap_or(0)),
        Infix::Remainder => raw(left.raw.checked_rem(right.raw).unwrap_or(0)),
        _ => Err(format!("`{}` does not compute", infix.sign())),
    }
}

/// Signed arithmetic, in the first width from `bits` on that holds the result.
fn signed(infix: Infix, left: Whole, right: Whole, bits: u32) -> Result<Whole, String> {
    let too_large = "the result does not fit into 128 bits";
    let (a, b) = (left.extended().cast_signed(), right.extended().cast_signed());
    let exact = match infix {
        Infix::Add => a.checked_add(b),
        Infix::Subtract => a.checked_sub(b),
        Infix::Multiply => a.checked_mul(b),
        Infix::Divide => a.checked_div(b),
        Infix::Remainder => a.checked_rem(b),
        _ => return Err(format!("`{}` does not compute", infix.sign())),
    };
    let exact = exact.ok_or(too_large)?;
    fitting(exact, bits).ok_or_else(|| too_large.to_owned())
}

fn fitting(exact: i128, bits: u32) -> Option<Whole> {
    let widths = [32, 64, 128].into_iter().filter(|wide| *wide >= bits);
    widths
        .map(|wide| Whole::new(exact.cast_unsigned(), wide, true))
        .find(|whole| whole.value() == Some(exact))
}

/// Shifts. A signed number is shifted as one without end; one without a sign
/// loses what does not fit, as in C.
fn shifted(infix: Infix, left: Whole, right: Whole) -> Result<Whole, String> {
    let most = if left.is_signed { 128 } else { left.bits };
    let by = right.value().and_then(|by| u32::try_from(by).ok()).filter(|by| *by < most);
    let Some(by) = by else {
        return Err(format!("a number of {} bits cannot be shifted that far", left.bits));
    };
    let value = left.extended();
    let shifted = match (infix, left.is_signed) {
        (Infix::ShiftRight, true) => (value.cast_signed() >> by).cast_unsigned(),
        (Infix::ShiftRight, false) => value >> by,
        (_, true) => {
            let value = value.cast_signed();
            let shifted = value << by;
            // Nothing was lost if the way back leads to it.
            let exact = Some(shifted).filter(|shifted| shifted >> by == value);
            let too_large = "the result does not fit into 128 bits";
            return exact
                .and_then(|exact| fitting(exact, left.bits))
                .ok_or_else(|| too_large.to_owned());
        }
        (_, false) => value << by,
    };
    Ok(Whole::new(shifted, left.bits, left.is_signed))
}

/// Floating-point arithmetic: in single precision, unless one side is of double
/// precision (C17, 6.3.1.8). Twice as many bits, rounded, give the same result.
fn of_floats(infix: Infix, left: Number, right: Number) -> Result<Number, String> {
    let is_double = matches!(left, Number::Float(_)) || matches!(right, Number::Float(_));
    if is_double {
        return floating(infix, left.float(), right.float());
    }
    let (left, right) = (f64::from(left.single()), f64::from(right.single()));
    Ok(match floating(infix, left, right)? {
        Number::Float(value) => Number::Single(value as f32),
        truth => truth,
    })
}

fn floating(infix: Infix, left: f64, right: f64) -> Result<Number, String> {
    let truth = |is_true| Ok(Number::Whole(Whole::truth(is_true)));
    #[expect(
        clippy::float_cmp,
        reason = "the user asks whether two numbers are equal, and `==` is what answers that"
    )]
    match infix {
        Infix::Add => Ok(Number::Float(left + right)),
        Infix::Subtract => Ok(Number::Float(left - right)),
        Infix::Multiply => Ok(Number::Float(left * right)),
        Infix::Divide => Ok(Number::Float(left / right)),
        Infix::Remainder => Ok(Number::Float(left % right)),
        Infix::Equal => truth(left == right),
        Infix::Unequal => truth(left != right),
        Infix::Less => truth(left < right),
        Infix::Greater => truth(left > right),
        Infix::LessOrEqual => truth(left <= right),
        Infix::GreaterOrEqual => truth(left >= right),
        _ => Err(format!("`{}` needs whole numbers", infix.sign())),
    }
}

/// The bits of a width.
fn mask(bits: u32) -> u128 {
    match 128_u32.checked_sub(bits) {
        Some(128) => 0,
        Some(unused) => u128::MAX >> unused,
        None => u128::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i128) -> Number {
        Number::Whole(Whole::new(value.cast_unsigned(), 32, true))
    }

    fn typed(value: i128, bits: u32, is_signed: bool) -> Number {
        Number::Whole(Whole::new(value.cast_unsigned(), bits, is_signed))
    }

    #[test]
    fn results_and_their_types() {
        let cases = [
            (Infix::Add, int(1), int(2), typed(3, 32, true)),
            // What does not fit becomes wider.
            (Infix::Add, int(i128::from(i32::MAX)), int(1), typed(1 << 31, 64, true)),
            (Infix::Add, typed(255, 8, false), typed(1, 8, false), typed(256, 32, true)),
            (Infix::Subtract, typed(0, 32, false), int(1), typed(0xffff_ffff, 32, false)),
            (Infix::Subtract, typed(0, 64, false), int(1), typed(-1, 64, false)),
            (Infix::Multiply, typed(1 << 62, 64, true), int(4), typed(1 << 64, 128, true)),
            (Infix::Divide, int(-7), int(2), typed(-3, 32, true)),
            (Infix::Remainder, int(-7), int(2), typed(-1, 32, true)),
            (Infix::Less, int(-1), typed(1, 32, false), typed(0, 32, true)),
            (Infix::Less, int(-1), typed(1, 64, true), typed(1, 32, true)),
            (Infix::ShiftLeft, int(1), int(31), typed(1 << 31, 64, true)),
            (Infix::ShiftLeft, int(1), int(32), typed(1 << 32, 64, true)),
            (Infix::ShiftLeft, int(-1), int(31), typed(-(1 << 31), 32, true)),
            (Infix::ShiftRight, int(-8), int(40), typed(-1, 32, true)),
            (Infix::ShiftRight, int(-8), int(1), typed(-4, 32, true)),
            (Infix::ShiftRight, typed(0xf000_0000, 32, false), int(28), typed(15, 32, false)),
            (Infix::BitAnd, int(0b1100), int(0b1010), typed(0b1000, 32, true)),
            (Infix::BitXor, int(0b1100), int(0b1010), typed(0b0110, 32, true)),
            (Infix::And, int(2), int(0), typed(0, 32, true)),
            (Infix::Or, int(2), int(0), typed(1, 32, true)),
            (Infix::Divide, Number::Float(1.0), int(4), Number::Float(0.25)),
            // 1/3 has no end in either precision; as a `float` it is the nearest one.
            (Infix::Divide, Number::Single(1.0), int(3), Number::Single(1.0 / 3.0)),
            (Infix::Multiply, Number::Single(0.1), Number::Single(0.1), Number::Single(0.1 * 0.1)),
            (Infix::Add, Number::Single(0.5), Number::Float(0.25), Number::Float(0.75)),
            (Infix::Less, Number::Single(0.5), int(1), typed(1, 32, true)),
            (Infix::Equal, Number::Float(0.5), Number::Float(0.5), typed(1, 32, true)),
        ];
        for (infix, left, right, want) in cases {
            assert_eq!(computed(infix, left, right), Ok(want), "{left:?} {infix:?} {right:?}");
        }
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        let most = typed(i128::MAX, 128, true);
        let cases = [
            (Infix::Divide, int(1), int(0), "the divisor is zero"),
            (Infix::Remainder, int(1), int(0), "the divisor is zero"),
            (Infix::Add, most, int(1), "the result does not fit into 128 bits"),
            (Infix::ShiftLeft, int(1), int(127), "the result does not fit into 128 bits"),
            (Infix::ShiftLeft, int(1), int(128), "a number of 32 bits cannot be shifted that far"),
            (
                Infix::ShiftLeft,
                typed(1, 32, false),
                int(32),
                "a number of 32 bits cannot be shifted that far",
            ),
            (Infix::ShiftLeft, int(1), int(-1), "a number of 32 bits cannot be shifted that far"),
            (Infix::ShiftLeft, most, int(1), "the result does not fit into 128 bits"),
            (Infix::BitAnd, Number::Float(1.0), int(1), "`&` needs whole numbers"),
            (
                Infix::Divide,
                typed(i128::MIN, 128, true),
                int(-1),
                "the result does not fit into 128 bits",
            ),
        ];
        for (infix, left, right, want) in cases {
            assert_eq!(computed(infix, left, right), Err(want.to_owned()));
        }
        assert_eq!(
            typed(i128::MIN, 128, true).negated(),
            Err("the result does not fit into 128 bits".to_owned())
        );
        assert_eq!(typed(1, 32, false).negated(), Ok(typed(0xffff_ffff, 32, false)));
        assert_eq!(typed(0, 8, false).complement(), Ok(typed(-1, 32, true)));
    }

    #[test]
    fn literals_have_the_types_of_c_and_rust() {
        let cases: [(u128, &str, bool, Option<(u32, bool)>); 9] = [
            (1, "", true, Some((32, true))),
            (0xffff_ffff, "", true, Some((64, true))),
            (0xffff_ffff, "", false, Some((32, false))),
            (1, "ul", true, Some((64, false))),
            (1, "u", true, Some((32, false))),
            (u128::from(u64::MAX), "", true, Some((128, true))),
            (300, "u8", true, None),
            (255, "u8", true, Some((8, false))),
            (u128::MAX, "", true, None),
        ];
        for (value, suffix, is_decimal, want) in cases {
            let found = Whole::literal(value, suffix, is_decimal);
            assert_eq!(found.map(|whole| (whole.bits, whole.is_signed)), want, "{value}{suffix}");
        }
    }

    #[test]
    fn conversions() {
        assert_eq!(Number::Float(-1.9).whole(32, true), Whole::new(u128::MAX, 32, true));
        assert_eq!(Number::Float(f64::NAN).whole(32, true), Whole::new(0, 32, true));
        assert_eq!(int(-1).whole(8, false), Whole::new(255, 8, false));
        assert_eq!(int(-1).whole(64, true).word(), u64::MAX);
        assert!((typed(-1, 64, false).float() - 1.844_674_407_370_955_2e19).abs() < 1e6);
        assert_eq!(Whole::new(0x1ff, 8, false).bytes(), [0xff]);
        for value in [-1, i128::from(u64::MAX), i128::from(i64::MIN), i128::MAX] {
            assert_eq!(Whole::of_value(value).value(), Some(value));
        }
    }
}
