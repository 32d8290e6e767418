//! From a type and a place to a value.

use std::cell::Cell;

use gimli::DwAte;
use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine};
use crate::base::data_model::ByteOrder;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Shape, Type};
use crate::variables::Context;
use crate::variables::decimal_float::decimal_float;
use crate::variables::location::Activation;
use crate::variables::numbers::{LongDouble, float, sign_extended, unsigned};
use crate::variables::place::{Missing, Place};
use crate::variables::pretty;
use crate::variables::strings::{is_wide, prefix};
use crate::variables::text::{byte_character, character};
use crate::variables::value::{Origin, Value, ValueKind};

/// What is said of memory that nothing can tell us about.
pub(super) const NOT_DUMPED: &str = "<memory not in the dump>";

/// Reads values of one frame, within the limits.
pub struct Reading<'r, 'c, 'a, 'f> {
    /// Memory, symbols, types, limits.
    pub context: &'c Context<'a, 'f>,
    /// The frame, for lengths and places that are computed from its variables.
    pub activation: Option<&'r Activation<'c, 'a, 'f>>,
    /// How many parts may still be read.
    parts: Cell<usize>,
    /// How many values are being read, one within the other.
    nesting: Cell<usize>,
}

/// How many values may be read one within the other. Printers that show a
/// wrapper as what it wraps take nothing off [`Level::nested`], and a damaged
/// file may have a type that wraps itself.
const MOST_NESTED: usize = 64;

/// Counts one value that is being read, until it is dropped.
struct Nesting<'n>(&'n Cell<usize>);

impl Drop for Nesting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// How far to go from here.
#[derive(Clone, Copy)]
pub struct Level {
    /// How many more structures and arrays may nest.
    pub nested: usize,
    /// Whether pointers are followed. One level is enough to tell what a
    /// pointer points to; more would print whole lists.
    pub follows: bool,
}

impl Level {
    pub(super) fn deeper(self) -> Self {
        Self { nested: self.nested.saturating_sub(1), ..self }
    }

    pub(super) fn followed(self) -> Self {
        Self { follows: false, ..self.deeper() }
    }
}

impl<'r, 'c, 'a, 'f> Reading<'r, 'c, 'a, 'f> {
    /// Starts with all of the limits left.
    pub fn new(
        context: &'c Context<'a, 'f>,
        activation: Option<&'r Activation<'c, 'a, 'f>>,
    ) -> Self {
        let (parts, nesting) = (Cell::new(context.limits.parts), Cell::new(0));
        Self { context, activation, parts, nesting }
    }

    /// The value of a variable of this type, at this place.
    pub fn variable(&self, of: Option<Entry<'a, 'f>>, place: &Place<'a, 'f>) -> Value {
        let level = Level { nested: self.context.limits.depth, follows: true };
        self.value(of, place, level)
    }

    pub(super) fn value(
        &self,
        of: Option<Entry<'a, 'f>>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        self.typed(&self.context.types.get(of), place, level)
    }

    /// Takes one part off the limit; false: none is left.
    pub(super) fn take_part(&self) -> bool {
        let left = self.parts.get();
        self.parts.set(left.saturating_sub(1));
        left > 0
    }

    /// Whether the value that is being read is a variable, not a part of one.
    pub(super) fn is_outermost(&self) -> bool {
        self.nesting.get() <= 1
    }

    /// Goes one value deeper. `None`: it is deep enough.
    fn nest(&self) -> Option<Nesting<'_>> {
        let depth = self.nesting.get();
        (depth < MOST_NESTED).then(|| {
            self.nesting.set(depth.saturating_add(1));
            Nesting(&self.nesting)
        })
    }

    /// Whether more parts may be read.
    pub(super) fn has_parts(&self) -> bool {
        self.parts.get() > 0
    }

    pub(super) fn typed(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>, level: Level) -> Value {
        if !self.take_part() {
            return Value::unknown("left out, the frame has too many values");
        }
        let Some(_nesting) = self.nest() else {
            return Value::unknown("left out, it nests too deeply");
        };
        if let Some(why) = self.cannot_be_divided(of, place) {
            return Value::unknown(why);
        }
        let printed =
            pretty::printer(of).and_then(|printer| match printer.print(self, of, place, level) {
                Ok(value) => Some(value),
                Err(why) if why == pretty::NEW_LAYOUT => None,
                Err(why) => Some(Value::unknown(why)),
            });
        let mut value = match (printed, &of.shape) {
            (Some(value), _) => value,
            (None, Shape::Number(encoding)) => self.number(of, *encoding, false, place),
            (None, Shape::Swapped(encoding)) => self.number(of, *encoding, true, place),
            (None, Shape::Enumeration(names)) => match self.bytes(of, place) {
                Ok(bytes) => self.enumerator(of, names, &bytes),
                Err(missing) => Value::unknown(missing.reason()),
            },
            (None, Shape::Pointer(target)) => self.pointer(of, *target, place, level),
            (None, Shape::Reference(target)) => self.reference(of, *target, place, level),
            (None, Shape::MemberPointer(is_function)) => {
                self.member_pointer(of, *is_function, place)
            }
            (None, Shape::Composite(composite)) => self.composite(of, composite, place, level),
            (None, Shape::Array(array)) => self.array(of, array, &array.dimensions, place, level),
            (None, Shape::Function) if of.dialect == Dialect::Go => self.closure(place),
            (None, Shape::Function) => self.function(place),
            (None, Shape::Nothing) if of.size.is_some() => {
                Value::leaf(ValueKind::Pointer, "nullptr", place.origin())
            }
            (None, Shape::Nothing) => Value::unknown("it has no type"),
            (None, Shape::Declared(why)) => {
                Value::unknown(format!("`{}` is only declared here; {why}", of.plain_name))
            }
            (None, Shape::Unknown(why)) => Value::unknown(format!("its type: {why}")),
        };
        value.address = value.address.or_else(|| place.address());
        // Of a pointer that was removed, what it points to was found.
        if value.is_known() && place.pointer().is_none() {
            value.origin = place.origin();
        }
        value
    }

    /// As [`Reading::field_bits`], of a structure in the other byte order.
    fn other_field_bits(
        &self,
        place: &Place<'a, 'f>,
        from: u64,
        width: u64,
    ) -> Result<u128, Missing> {
        let memory = self.context.memory;
        match memory.model().order {
            ByteOrder::Little => place.read_top_bits(memory, from, width),
            ByteOrder::Big => place.read_bits(memory, from, width),
        }
    }

    /// Why a structure or an array cannot be taken apart: where the first byte
    /// is the most significant one, it depends on the calling convention which
    /// part of a register a member is in.
    fn cannot_be_divided(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>) -> Option<&'static str> {
        let is_big = self.context.memory.model().order == ByteOrder::Big;
        let has_parts = matches!(of.shape, Shape::Composite(_) | Shape::Array(_));
        (is_big && has_parts && !place.is_memory())
            .then_some("its parts lie in registers or constants of a big-endian processor")
    }

    /// All bytes of a value of a fixed size.
    pub(super) fn bytes(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> Result<Vec<u8>, Missing> {
        let Some(size) = of.size else {
            return Err(Missing::Because("the size of its type is not known".to_owned()));
        };
        let bytes = place.read(self.context.memory, size)?;
        Ok(self.lowest_first(of, place, bytes))
    }

    /// The bytes of a number with the lowest one first. In memory they are in
    /// the order of the process; what registers and constants hold is turned
    /// already.
    fn lowest_first(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>, bytes: Vec<u8>) -> Vec<u8> {
        let is_number = matches!(
            of.shape,
            Shape::Number(_)
                | Shape::Swapped(_)
                | Shape::Enumeration(_)
                | Shape::Pointer(_)
                | Shape::Reference(_)
                | Shape::MemberPointer(_)
        );
        if !is_number || !place.is_memory() {
            return bytes;
        }
        let order = self.context.memory.model().order;
        match of.shape {
            // Two numbers, each in its own order.
            Shape::Number(dw::DW_ATE_complex_float | GNU_COMPLEX_INT) => {
                let (real, imaginary) = bytes.split_at(bytes.len() / 2);
                [order.to_little(real.to_vec()), order.to_little(imaginary.to_vec())].concat()
            }
            _ => order.to_little(bytes),
        }
    }

    /// The bits of a bit-field: `from` counts from the end at which a structure
    /// begins, which is the top of the first byte where that byte is the most
    /// significant one.
    pub(super) fn field_bits(
        &self,
        place: &Place<'a, 'f>,
        from: u64,
        width: u64,
    ) -> Result<u128, Missing> {
        let memory = self.context.memory;
        match memory.model().order {
            ByteOrder::Little => place.read_bits(memory, from, width),
            ByteOrder::Big => place.read_top_bits(memory, from, width),
        }
    }

    /// A word of the target's size.
    pub(super) fn word(&self, of: &Type<'a, 'f>, place: &Place<'a, 'f>) -> Result<u64, Missing> {
        let bytes = self.bytes(of, place)?;
        let word = unsigned(&bytes).and_then(|word| u64::try_from(word).ok());
        word.ok_or_else(|| Missing::Because("it is larger than an address".to_owned()))
    }

    fn number(
        &self,
        of: &Type<'a, 'f>,
        encoding: DwAte,
        is_swapped: bool,
        place: &Place<'a, 'f>,
    ) -> Value {
        match self.bytes(of, place) {
            Ok(mut bytes) if is_swapped => {
                bytes.reverse();
                number(self.context.process.arch, of, encoding, &bytes, place.origin())
            }
            Ok(bytes) => number(self.context.process.arch, of, encoding, &bytes, place.origin()),
            Err(missing) => Value::unknown(missing.reason()),
        }
    }

    /// The value of a bit-field.
    pub(super) fn bit_field(
        &self,
        of: Option<Entry<'a, 'f>>,
        place: &Place<'a, 'f>,
        from: u64,
        width: u64,
    ) -> Value {
        let of = self.context.types.get(of);
        let (read, is_signed) = match &of.shape {
            Shape::Number(encoding) => (self.field_bits(place, from, width), is_signed(*encoding)),
            Shape::Swapped(encoding) => {
                (self.other_field_bits(place, from, width), is_signed(*encoding))
            }
            Shape::Enumeration(names) => (self.field_bits(place, from, width), names.is_signed),
            _ => return Value::unknown(format!("`{}` cannot be a bit-field", of.name)),
        };
        let raw = match read {
            Ok(_) if width == 0 => return Value::unknown("where its bits are is not known"),
            Ok(raw) => raw,
            Err(missing) => return Value::unknown(missing.reason()),
        };
        let raw = if is_signed { sign_extended(raw, width).cast_unsigned() } else { raw };
        let size = usize::try_from(of.size.unwrap_or(8)).unwrap_or(8).min(16);
        let bytes: Vec<u8> = raw.to_le_bytes().into_iter().take(size).collect();
        match &of.shape {
            Shape::Number(encoding) | Shape::Swapped(encoding) => {
                number(self.context.process.arch, &of, *encoding, &bytes, place.origin())
            }
            Shape::Enumeration(names) => self.enumerator(&of, names, &bytes),
            _ => Value::unknown(format!("`{}` cannot be a bit-field", of.name)),
        }
    }

    /// Code at a place: its name.
    fn function(&self, place: &Place<'a, 'f>) -> Value {
        let Some(at) = place.address() else { return Value::unknown("code without an address") };
        Value::leaf(ValueKind::Function, self.code(at), Origin::Memory)
    }

    /// A function value of Go: a pointer to a closure, which begins with the
    /// address of its code.
    fn closure(&self, place: &Place<'a, 'f>) -> Value {
        let word = |place: &Place<'a, 'f>| {
            let bytes = place.read(self.context.memory, 8)?;
            let word = unsigned(&bytes).and_then(|word| u64::try_from(word).ok());
            word.ok_or_else(|| Missing::Because("it is larger than an address".to_owned()))
        };
        let text = match word(place) {
            Ok(0) => Ok("nil".to_owned()),
            Ok(at) => word(&Place::Memory(RunAddr(at))).map(|code| self.code(RunAddr(code))),
            Err(missing) => Err(missing),
        };
        match text {
            Ok(text) => Value::leaf(ValueKind::Function, text, place.origin()),
            Err(missing) => Value::unknown(missing.reason()),
        }
    }

    /// An address of code, with the name of what is there.
    pub(super) fn code(&self, at: RunAddr) -> String {
        match self.symbol(at) {
            Some(name) => format!("{at} <{name}>"),
            None => at.to_string(),
        }
    }

    /// The name of the function or object at an address, `name+8` within it.
    pub(super) fn symbol(&self, at: RunAddr) -> Option<String> {
        self.context.symbol(at).or_else(|| self.described_function(at))
    }

    /// The function whose descriptor is at an address: in the first ABI of
    /// PowerPC64 pointers to functions lead to one, which begins with the address
    /// of the code.
    fn described_function(&self, at: RunAddr) -> Option<String> {
        let memory = self.context.memory;
        let is_v1 = self.context.process.arch.machine == Machine::Ppc64
            && memory.model().order == ByteOrder::Big;
        let code = memory.word(at).ok().filter(|_| is_v1)?;
        self.context.symbol(RunAddr(code)).filter(|name| !name.contains('+'))
    }
}

fn is_signed(encoding: DwAte) -> bool {
    matches!(encoding, dw::DW_ATE_signed | dw::DW_ATE_signed_char)
}

/// A number, character or truth value from its bytes.
fn number(arch: Arch, of: &Type<'_, '_>, encoding: DwAte, bytes: &[u8], origin: Origin) -> Value {
    let long = LongDouble::of(arch);
    if bytes.is_empty() {
        // Rust's `()`.
        return Value::leaf(ValueKind::Scalar, of.plain_name.clone(), origin);
    }
    let bits = (bytes.len() as u64).saturating_mul(8);
    let Some(raw) = unsigned(bytes) else { return complex(of, encoding, bytes, origin, long) };
    let signed = sign_extended(raw, bits);
    let text = match encoding {
        dw::DW_ATE_boolean => match raw {
            0 => "false".to_owned(),
            1 => "true".to_owned(),
            other if of.dialect == Dialect::Rust => {
                return Value::unknown(format!("{other} is no bool"));
            }
            other => other.to_string(),
        },
        dw::DW_ATE_signed | dw::DW_ATE_unsigned if is_wide(of) => wide_character(of, raw),
        // gcc describes char8_t as an unsigned integer.
        dw::DW_ATE_unsigned | dw::DW_ATE_UTF if of.plain_name == "char8_t" => {
            let byte = bytes.first().copied().unwrap_or(0);
            format!("{raw} u8{}", byte_character(byte, of.dialect))
        }
        dw::DW_ATE_signed => signed.to_string(),
        dw::DW_ATE_unsigned => raw.to_string(),
        dw::DW_ATE_signed_char if is_small_number(of) => signed.to_string(),
        dw::DW_ATE_unsigned_char if is_small_number(of) => raw.to_string(),
        dw::DW_ATE_signed_char | dw::DW_ATE_unsigned_char if bytes.len() == 1 => {
            let is_signed = encoding == dw::DW_ATE_signed_char;
            let code = if is_signed { signed.to_string() } else { raw.to_string() };
            let byte = bytes.first().copied().unwrap_or(0);
            format!("{code} {}", byte_character(byte, of.dialect))
        }
        dw::DW_ATE_UTF if of.dialect == Dialect::Rust && no_character(raw) => {
            return Value::unknown(format!("{raw:#x} is no character"));
        }
        dw::DW_ATE_UTF | dw::DW_ATE_ASCII | dw::DW_ATE_UCS | dw::DW_ATE_unsigned_char => {
            wide_character(of, raw)
        }
        dw::DW_ATE_address => format!("{raw:#x}"),
        dw::DW_ATE_float | dw::DW_ATE_imaginary_float => match float(bytes, &of.plain_name, long) {
            Some(text) if encoding == dw::DW_ATE_imaginary_float => format!("{text}i"),
            Some(text) => text,
            None => format!("{raw:#x}"),
        },
        dw::DW_ATE_complex_float | GNU_COMPLEX_INT => {
            return complex(of, encoding, bytes, origin, long);
        }
        // PowerPC and s390 encode the digits in another way.
        dw::DW_ATE_decimal_float if long == LongDouble::Pair || arch.order == ByteOrder::Big => {
            format!("{raw:#x}")
        }
        dw::DW_ATE_decimal_float => decimal_float(bytes).unwrap_or_else(|| format!("{raw:#x}")),
        // Fixed-point numbers: the bits are sure, their meaning depends on
        // attributes that compilers for this machine do not write.
        _ => format!("{raw:#x}"),
    };
    let mut value = Value::leaf(ValueKind::Scalar, text, origin);
    let word = if signed < 0 { u64::try_from(raw).ok() } else { u64::try_from(signed).ok() };
    value.raw = word;
    value
}

/// Whether a type of one byte is meant as a number, as its name says:
/// `uint8_t`, `__u8`.
pub(super) fn is_small_number(of: &Type<'_, '_>) -> bool {
    of.aliases.iter().any(|alias| {
        let alias = alias.trim_start_matches('_');
        matches!(alias, "int8_t" | "uint8_t" | "u8" | "s8" | "u_int8_t" | "byte" | "Bytef")
    })
}

/// Whether a number is the code of no character.
fn no_character(raw: u128) -> bool {
    u32::try_from(raw).ok().and_then(char::from_u32).is_none()
}

/// A character of a wide type. In C the code comes first, as for `char`.
fn wide_character(of: &Type<'_, '_>, raw: u128) -> String {
    let code = u32::try_from(raw).ok();
    let quoted = code.and_then(|code| character(code, of.dialect));
    match (of.dialect, quoted) {
        (Dialect::Rust, Some(quoted)) => quoted,
        (_, Some(quoted)) => format!("{raw} {}{quoted}", prefix(of)),
        (_, None) => raw.to_string(),
    }
}

/// What stands before a literal of a wide character type.
pub(super) fn wide_prefix(name: &str) -> &'static str {
    match name {
        "char8_t" => "u8",
        "char16_t" => "u",
        "char32_t" => "U",
        "wchar_t" => "L",
        _ => "",
    }
}

/// What gcc calls the encoding of `_Complex int` (`DW_ATE_lo_user`).
const GNU_COMPLEX_INT: DwAte = DwAte(0x80);

/// Two numbers side by side.
fn complex(
    of: &Type<'_, '_>,
    encoding: DwAte,
    bytes: &[u8],
    origin: Origin,
    long: LongDouble,
) -> Value {
    let (real, imaginary) = bytes.split_at(bytes.len() / 2);
    let is_unsigned = of.plain_name.contains("unsigned");
    let name = of.plain_name.replace("complex ", "");
    let part = |bytes: &[u8]| match encoding {
        dw::DW_ATE_complex_float => float(bytes, &name, long),
        GNU_COMPLEX_INT if of.plain_name.starts_with("complex ") => {
            let bits = (bytes.len() as u64).saturating_mul(8);
            let value = unsigned(bytes)?;
            Some(match is_unsigned {
                true => value.to_string(),
                false => sign_extended(value, bits).to_string(),
            })
        }
        _ => None,
    };
    let (Some(real), Some(imaginary)) = (part(real), part(imaginary)) else {
        return Value::unknown(format!("numbers of type `{}` are new to us", of.name));
    };
    let text = match imaginary.strip_prefix('-') {
        Some(size) => format!("{real} - {size}i"),
        None => format!("{real} + {imaginary}i"),
    };
    Value::leaf(ValueKind::Scalar, text, origin)
}
