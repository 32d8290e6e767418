//! Values for the report.

use crate::report::model;
use crate::report::model::Hex;
use crate::variables::value::{Origin, Value, ValueKind, Variable};

pub(super) fn variable(variable: &Variable) -> model::Variable {
    let declared = variable.declared.as_ref().map(|(file, line)| model::Declared {
        file: file.clone(),
        line: u32::try_from(*line).unwrap_or(0),
    });
    model::Variable {
        name: variable.name.clone(),
        type_name: variable.type_name.clone(),
        value: value(&variable.value),
        declared,
    }
}

/// Values nest no deeper than [`Limits::depth`](crate::base::limits::Limits)
/// allowed when they were read.
pub(super) fn value(value: &Value) -> model::Value {
    model::Value {
        text: value.text.clone(),
        kind: kind(value.kind),
        origin: value.is_known().then(|| origin(value.origin)),
        address: value.address.map(Hex::from),
        raw: value.raw.map(Hex),
        dynamic_type: value.dynamic_type.clone(),
        elements: value.elements.iter().map(self::value).collect(),
        fields: value
            .fields
            .iter()
            .map(|(name, part)| model::Field { name: name.clone(), value: self::value(part) })
            .collect(),
        why_unknown: value.why_unknown.clone(),
        truncated: (value.omitted > 0).then_some(value.omitted),
    }
}

fn kind(kind: ValueKind) -> model::ValueKind {
    match kind {
        ValueKind::Scalar => model::ValueKind::Scalar,
        ValueKind::Pointer => model::ValueKind::Pointer,
        ValueKind::String => model::ValueKind::String,
        ValueKind::Struct => model::ValueKind::Struct,
        ValueKind::Array => model::ValueKind::Array,
        ValueKind::Enum => model::ValueKind::Enum,
        ValueKind::Map => model::ValueKind::Map,
        ValueKind::Sequence => model::ValueKind::Sequence,
        ValueKind::Optional => model::ValueKind::Optional,
        ValueKind::Reference => model::ValueKind::Reference,
        ValueKind::Function => model::ValueKind::Function,
        ValueKind::Unknown => model::ValueKind::Unknown,
    }
}

fn origin(origin: Origin) -> model::Origin {
    match origin {
        Origin::Memory => model::Origin::Memory,
        Origin::Register => model::Origin::Register,
        Origin::Constant => model::Origin::Constant,
        Origin::EntryValue => model::Origin::EntryValue,
        Origin::Pieces => model::Origin::Pieces,
        Origin::Computed => model::Origin::Computed,
    }
}
