//! What a part of an expression stands for.

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::query::number::{Number, Whole};
use crate::variables::query::result_type::ResultType;
use crate::variables::value::{Origin, Value};

/// What a part of an expression stands for.
#[derive(Clone)]
pub(super) enum Operand<'a, 'f> {
    /// Something with a type and a place.
    Object(Object<'a, 'f>),
    /// A part of a container, as its printer read it.
    Part(Value),
    /// A piece of data or code that no debug information describes.
    Symbol {
        /// Where it is.
        at: RunAddr,
        /// Whether it is code.
        is_code: bool,
    },
}

/// Something with a type and a place.
#[derive(Clone)]
pub(super) struct Object<'a, 'f> {
    /// Its type.
    pub(super) of: ResultType<'a, 'f>,
    /// Where it is, or its bytes.
    pub(super) place: Place<'a, 'f>,
    /// A bit-field: so many bits into the place, and so many bits wide.
    pub(super) bits: Option<(u64, u64)>,
}

impl<'a, 'f> Object<'a, 'f> {
    /// An object of whole bytes.
    pub(super) fn new(of: ResultType<'a, 'f>, place: Place<'a, 'f>) -> Self {
        Self { of, place, bits: None }
    }

    /// A number that was computed.
    pub(super) fn number(number: Number, origin: Origin, dialect: Dialect) -> Self {
        match number {
            Number::Whole(whole) => Self::whole(whole, origin, dialect),
            Number::Single(value) => {
                let name = match dialect {
                    Dialect::Rust => "f32",
                    _ => "float",
                };
                let of = ResultType::number(name, 4, dw::DW_ATE_float, dialect);
                Self::new(of, Place::bytes(value.to_le_bytes().to_vec(), origin))
            }
            Number::Float(value) => {
                let name = match dialect {
                    Dialect::Rust => "f64",
                    _ => "double",
                };
                let of = ResultType::number(name, 8, dw::DW_ATE_float, dialect);
                Self::new(of, Place::bytes(value.to_le_bytes().to_vec(), origin))
            }
        }
    }

    fn whole(whole: Whole, origin: Origin, dialect: Dialect) -> Self {
        let encoding = match (whole.bits, whole.is_signed) {
            (_, true) => dw::DW_ATE_signed,
            (_, false) => dw::DW_ATE_unsigned,
        };
        let name = whole.type_name(dialect);
        let of = ResultType::number(name, u64::from(whole.bits / 8), encoding, dialect);
        Self::new(of, Place::bytes(whole.bytes(), origin))
    }
}
