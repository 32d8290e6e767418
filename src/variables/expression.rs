//! Runs the expressions of location descriptions (DWARF 5, 2.5). gimli decodes
//! and computes; what an expression asks of the dead process is answered here,
//! or refused with a reason.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gimli::constants as dw;
use gimli::{DieReference, EvaluationResult, Expression, Location, Operation};
use gimli::{UnitOffset, Value, ValueType};

use crate::base::addr::{Bias, LinkAddr, RunAddr};
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::Entry;
use crate::variables::location::{Activation, Progress};

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// The number that an expression computes, as the length of an array or
    /// the value that a caller passed.
    pub(super) fn number(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        initial: Option<u64>,
        progress: Progress,
    ) -> Result<(Value, Progress), String> {
        if let Some(value) = self.floating(entry, expression) {
            return Ok((value?, progress));
        }
        let (pieces, progress) = self.run(entry, expression, initial, progress)?;
        let value = match pieces.as_slice() {
            [piece] => match piece.location {
                Location::Address { address } => Value::Generic(address),
                Location::Value { value } => value,
                Location::Register { register } => {
                    let bytes = self.register(register)?;
                    Value::Generic(word(&bytes).unwrap_or_default())
                }
                _ => return Err("the value that it was computed from is gone".to_owned()),
            },
            _ => return Err("the value that it was computed from is in pieces".to_owned()),
        };
        Ok((value, progress))
    }

    /// The value of an expression that is one typed operation. gimli takes the
    /// result of an expression for an address, and floating-point numbers are
    /// none.
    fn floating(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
    ) -> Option<Result<Value, String>> {
        let mut operations = expression.operations(entry.unit.unit.encoding());
        let (first, second) = (operations.next().ok()??, operations.next().ok()?);
        let (bytes, base_type) = match (first, second) {
            (Operation::TypedLiteral { base_type, value }, None) => {
                (Ok(value.slice().to_vec()), base_type)
            }
            (Operation::RegisterOffset { register, offset: 0, base_type }, None)
                if base_type.0 != 0 =>
            {
                (self.register(register), base_type)
            }
            _ => return None,
        };
        Some(bytes.and_then(|bytes| typed(entry, base_type, &bytes)))
    }

    /// The number that an expression of a type computes: the length of an
    /// array, or, from the address of an object, the address of its base.
    pub fn computed(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        initial: Option<u64>,
    ) -> Result<u64, String> {
        let (value, _) = self.number(entry, expression, initial, Progress::default())?;
        value.to_u64(u64::MAX).map_err(|error| error.to_string())
    }

    /// Runs an expression, and answers what it asks.
    pub(super) fn run(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        initial: Option<u64>,
        progress: Progress,
    ) -> Result<(Vec<gimli::Piece<Reader<'f>>>, Progress), String> {
        let mut progress = progress.deeper()?;
        if expression.0.is_empty() {
            return Err("optimized out".to_owned());
        }
        if let Some(target) = variable_value(entry, expression) {
            let value = self.word_of(target, progress)?;
            let location = Location::Value { value: Value::Generic(value) };
            let piece = gimli::Piece { size_in_bits: None, bit_offset: None, location };
            return Ok((vec![piece], progress));
        }
        let failed = |error: gimli::Error| match error {
            gimli::Error::UnsupportedEvaluation => "it was not initialized yet".to_owned(),
            error => format!("its location is damaged: {error}"),
        };
        let unit = &entry.unit.unit;
        let mut evaluation = expression.evaluation(unit.encoding());
        evaluation.set_max_iterations(self.context.limits.expression_steps);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
            evaluation.set_object_address(initial);
        }
        let mut asked = evaluation.evaluate().map_err(failed)?;
        loop {
            asked = match asked {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresMemory { address, size, base_type, space } => {
                    if space.is_some() {
                        return Err("it lies in another address space".to_owned());
                    }
                    let value = self.word_at(entry, RunAddr(address), size, base_type)?;
                    evaluation.resume_with_memory(value)
                }
                EvaluationResult::RequiresRegister { register, base_type } => {
                    let bytes = self.register(register)?;
                    evaluation.resume_with_register(typed(entry, base_type, &bytes)?)
                }
                EvaluationResult::RequiresFrameBase => {
                    let base = self.frame_base(progress)?;
                    evaluation.resume_with_frame_base(base)
                }
                EvaluationResult::RequiresCallFrameCfa => {
                    let cfa = self.frame().and_then(|frame| frame.cfa);
                    let cfa = cfa.ok_or("the frame's extent is not known")?;
                    evaluation.resume_with_call_frame_cfa(cfa.0)
                }
                EvaluationResult::RequiresTls(offset) => {
                    let address = self.thread_local(offset)?;
                    evaluation.resume_with_tls(address.0)
                }
                EvaluationResult::RequiresAtLocation(reference) => {
                    let target = referred(entry, reference).and_then(Entry::attributes);
                    let target = target.ok_or("it is computed from an entry that is missing")?;
                    let bytes = target.expression(dw::DW_AT_location).map(|found| found.0);
                    let empty = Reader::new(&[], gimli::RunTimeEndian::Little);
                    evaluation.resume_with_at_location(bytes.unwrap_or(empty))
                }
                EvaluationResult::RequiresEntryValue(expression) => {
                    progress.used_entry_value = true;
                    let value = self.entry_value(entry, expression, progress)?;
                    evaluation.resume_with_entry_value(value)
                }
                EvaluationResult::RequiresParameterRef(offset) => {
                    progress.used_entry_value = true;
                    let parameter = Entry { offset, ..entry };
                    let value = self.passed_parameter(parameter, progress)?;
                    let value = value.to_u64(u64::MAX).map_err(failed)?;
                    evaluation.resume_with_parameter_ref(value)
                }
                EvaluationResult::RequiresRelocatedAddress(address) => {
                    evaluation.resume_with_relocated_address(LinkAddr(address).to_run(self.bias).0)
                }
                EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                    let address = entry.debug.dwarf().address(unit, index).map_err(failed)?;
                    let bias = if relocate { self.bias } else { Bias(0) };
                    evaluation.resume_with_indexed_address(LinkAddr(address).to_run(bias).0)
                }
                EvaluationResult::RequiresBaseType(offset) => {
                    evaluation.resume_with_base_type(value_type(entry, offset)?)
                }
                EvaluationResult::RequiresWasmLocal { .. }
                | EvaluationResult::RequiresWasmGlobal { .. }
                | EvaluationResult::RequiresWasmStack { .. } => {
                    return Err("it lies in a WebAssembly machine".to_owned());
                }
            }
            .map_err(failed)?;
        }
        Ok((evaluation.result(), progress))
    }

    fn word_at(
        &self,
        entry: Entry<'a, 'f>,
        at: RunAddr,
        size: u8,
        base_type: UnitOffset,
    ) -> Result<Value, String> {
        let mut bytes = vec![0; usize::from(size)];
        self.context.memory.read_exact(at, &mut bytes).map_err(|missing| missing.to_string())?;
        // An untyped read of fewer bytes is zero-extended (DWARF 5, 2.5.1.3).
        bytes.resize(bytes.len().max(8), 0);
        typed(entry, base_type, &bytes)
    }

    /// The value of another variable, of at most one word.
    fn word_of(&self, target: Entry<'a, 'f>, progress: Progress) -> Result<u64, String> {
        let missing = "it is computed from an entry that is missing";
        let attributes = target.attributes().ok_or(missing)?;
        let place = self.place_within(&attributes, progress)?;
        let of = self.context.types.get(attributes.type_entry());
        let size = of.size.filter(|size| (1..=8).contains(size)).ok_or(missing)?;
        let mut bytes = place.read(self.context.memory, size).map_err(|why| why.reason())?;
        bytes.resize(8, 0);
        word(&bytes).ok_or_else(|| missing.to_owned())
    }

    /// The value of another variable, as the length of an array.
    pub fn length_in(&self, target: Entry<'a, 'f>) -> Result<u64, String> {
        self.word_of(target, Progress::default())
    }
}

/// The variable whose value an expression is, if it is nothing else. gcc
/// writes the lengths of arrays so (`DW_OP_GNU_variable_value`).
fn variable_value<'a, 'f>(
    entry: Entry<'a, 'f>,
    expression: Expression<Reader<'f>>,
) -> Option<Entry<'a, 'f>> {
    let mut operations = expression.operations(entry.unit.unit.encoding());
    match (operations.next().ok()??, operations.next().ok()?) {
        (Operation::VariableValue { offset }, None) => entry.at(offset),
        _ => None,
    }
}

fn referred<'a, 'f>(entry: Entry<'a, 'f>, reference: DieReference) -> Option<Entry<'a, 'f>> {
    match reference {
        DieReference::UnitRef(offset) => Some(Entry { offset, ..entry }),
        DieReference::DebugInfoRef(at) => entry.at(at),
    }
}

fn value_type(entry: Entry<'_, '_>, offset: UnitOffset) -> Result<ValueType, String> {
    if offset.0 == 0 {
        return Ok(ValueType::Generic);
    }
    let raw = entry.unit.unit.entry(offset).ok();
    let found = raw.and_then(|raw| ValueType::from_entry(&raw).ok().flatten());
    found.ok_or_else(|| "its location computes with numbers that are not 64 bits wide".to_owned())
}

/// Bytes as a value of a base type; `UnitOffset(0)` is the generic type.
fn typed(entry: Entry<'_, '_>, base_type: UnitOffset, bytes: &[u8]) -> Result<Value, String> {
    let short = || "only a part of it was kept".to_owned();
    match value_type(entry, base_type)? {
        ValueType::Generic => word(bytes).map(Value::Generic).ok_or_else(short),
        kind => {
            let reader = Reader::new(bytes, gimli::RunTimeEndian::Little);
            Value::parse(kind, reader).map_err(|_| short())
        }
    }
}

pub(super) fn word(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|word| u64::from_le_bytes(*word))
}

pub(super) fn value_bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Generic(value) | Value::U64(value) => value.to_le_bytes().to_vec(),
        Value::I64(value) => value.to_le_bytes().to_vec(),
        Value::I32(value) => value.to_le_bytes().to_vec(),
        Value::U32(value) => value.to_le_bytes().to_vec(),
        Value::I16(value) => value.to_le_bytes().to_vec(),
        Value::U16(value) => value.to_le_bytes().to_vec(),
        Value::I8(value) => value.to_le_bytes().to_vec(),
        Value::U8(value) => value.to_le_bytes().to_vec(),
        Value::F32(value) => value.to_le_bytes().to_vec(),
        Value::F64(value) => value.to_le_bytes().to_vec(),
    }
}
