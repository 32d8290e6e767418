//! Runs the expressions of location descriptions (DWARF 5, 2.5 and 2.6). gimli
//! decodes the operations; they are computed here, and what an expression asks of
//! the dead process is answered, or refused with a reason.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::cmp::Ordering;

use gimli::constants as dw;
use gimli::{DieReference, Expression, Operation, Register, UnitOffset};

use crate::base::addr::{LinkAddr, RunAddr};
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::Entry;
use crate::variables::location::{Activation, Progress};
use crate::variables::typed::{Binary, Kind, Typed, kind, word};

/// How many values may be on the stack. Compilers need fewer than ten.
const MOST_VALUES: usize = 256;

/// How many pieces a value may be in.
const MOST_PIECES: usize = 4096;

/// How deeply expressions may call each other.
const MOST_CALLS: usize = 8;

/// A part of a value, and where it is.
pub(super) struct Part<'a, 'f> {
    /// How many bits. `None`: the value is not in pieces.
    pub(super) bits: Option<u64>,
    /// How many bits into the place it begins.
    pub(super) shift: u64,
    /// Where it is.
    pub(super) spot: Spot<'a, 'f>,
}

/// Where a part of a value is.
#[derive(Clone)]
pub(super) enum Spot<'a, 'f> {
    /// Nowhere.
    Gone,
    /// In memory; or the number that an expression computes.
    Top(Typed),
    /// In a register.
    Register(Register),
    /// Nowhere, but this is it.
    Value(Typed),
    /// Nowhere, but these are its bytes.
    Bytes(Vec<u8>),
    /// It pointed so many bytes into a variable that has no address.
    Pointer(Entry<'a, 'f>, i64),
}

/// When an expression is to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// When the process died.
    Now,
    /// When the function was entered.
    Entry,
}

/// One expression while it runs.
struct Machine<'m, 'c, 'a, 'f> {
    activation: &'m Activation<'c, 'a, 'f>,
    moment: Moment,
    object: Option<u64>,
    progress: Progress,
    steps: u32,
    stack: Vec<Typed>,
    spot: Option<Spot<'a, 'f>>,
    parts: Vec<Part<'a, 'f>>,
}

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// The number that an expression computes, as the length of an array or
    /// the value that a caller passed.
    pub(super) fn number(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        initial: Option<u64>,
        progress: Progress,
    ) -> Result<(Typed, Progress), String> {
        let (parts, progress) = self.run(entry, expression, initial, Moment::Now, progress)?;
        Ok((self.single(&parts)?, progress))
    }

    /// The number that an expression was worth when the function was entered.
    pub(super) fn number_at_entry(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        progress: Progress,
    ) -> Result<Typed, String> {
        let (parts, _) = self.run(entry, expression, None, Moment::Entry, progress)?;
        self.single(&parts)
    }

    fn single(&self, parts: &[Part<'a, 'f>]) -> Result<Typed, String> {
        let [Part { bits: None, spot, .. }] = parts else {
            return Err("the value that it was computed from is in pieces".to_owned());
        };
        match spot {
            Spot::Top(value) | Spot::Value(value) => Ok(*value),
            Spot::Register(register) => {
                let bytes = self.register(*register)?;
                let value = Typed::from_bytes(Kind::Generic, &bytes);
                value.ok_or_else(|| "only a part of it was kept".to_owned())
            }
            Spot::Bytes(bytes) => {
                let size = u8::try_from(bytes.len()).ok().filter(|size| (1..=16).contains(size));
                let value = size.and_then(|size| Typed::from_bytes(Kind::Opaque(size), bytes));
                value.ok_or_else(|| "the value that it was computed from is too large".to_owned())
            }
            Spot::Gone | Spot::Pointer(..) => {
                Err("the value that it was computed from is gone".to_owned())
            }
        }
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
        value.word().ok_or_else(|| "it is computed as a fraction".to_owned())
    }

    /// Runs an expression: the parts that it describes, one or more.
    pub(super) fn run(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        initial: Option<u64>,
        moment: Moment,
        progress: Progress,
    ) -> Result<(Vec<Part<'a, 'f>>, Progress), String> {
        if expression.0.is_empty() {
            return Err("optimized out".to_owned());
        }
        let mut machine = Machine {
            activation: self,
            moment,
            object: initial,
            progress: progress.deeper()?,
            steps: 0,
            stack: initial.map(Typed::generic).into_iter().collect(),
            spot: None,
            parts: Vec::new(),
        };
        machine.execute(entry, expression, 0)?;
        let damaged = || "its location is damaged: its last piece has no size".to_owned();
        let has_parts = !machine.parts.is_empty();
        let whole = match machine.spot.take() {
            Some(_) if has_parts => return Err(damaged()),
            Some(spot) => Some(spot),
            None if has_parts => None,
            None => Some(Spot::Top(machine.pop()?)),
        };
        machine.parts.extend(whole.map(|spot| Part { bits: None, shift: 0, spot }));
        Ok((machine.parts, machine.progress))
    }

    /// The value of another variable, of at most one word.
    fn word_of(&self, target: Entry<'a, 'f>, progress: Progress) -> Result<u64, String> {
        let missing = "it is computed from an entry that is missing";
        let attributes = target.attributes().ok_or(missing)?;
        let place = self.place_within(&attributes, progress)?;
        let of = self.context.types.get(attributes.type_entry());
        let size = of.size.filter(|size| (1..=8).contains(size)).ok_or(missing)?;
        let mut bytes = place.read(self.context.memory, size).map_err(|why| why.reason())?;
        if place.is_memory() {
            bytes = self.context.memory.model().order.to_little(bytes);
        }
        let kind = of.entry.and_then(|of| kind(of, of.offset).ok());
        let value = kind.and_then(|kind| Typed::from_bytes(kind, &bytes)?.word());
        value.or_else(|| word(&bytes)).ok_or_else(|| missing.to_owned())
    }

    /// The value of another variable, as the length of an array.
    pub fn length_in(&self, target: Entry<'a, 'f>) -> Result<u64, String> {
        self.word_of(target, Progress::default())
    }
}

impl<'a, 'f> Machine<'_, '_, 'a, 'f> {
    /// Runs the operations of an expression on the stack.
    fn execute(
        &mut self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        calls: usize,
    ) -> Result<(), String> {
        let all = expression.0.slice();
        let encoding = entry.unit.unit.encoding();
        let mut at = 0_usize;
        while let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) {
            self.steps = self.steps.saturating_add(1);
            if self.steps > self.activation.context.limits.expression_steps {
                return Err("its location takes too many steps".to_owned());
            }
            let mut reader = Reader::new(rest, gimli::Reader::endian(&expression.0));
            let operation = Operation::parse(&mut reader, encoding)
                .map_err(|error| format!("its location is damaged: {error}"))?;
            at = all.len().saturating_sub(reader.slice().len());
            // Only a piece may follow what says where something is.
            let ends = matches!(operation, Operation::Piece { .. } | Operation::Uninitialized);
            if self.spot.is_some() && !ends {
                return Err("its location is damaged: it goes on after its end".to_owned());
            }
            match operation {
                Operation::Skip { target } => at = jump(at, target, all.len())?,
                Operation::Bra { target } => {
                    if self.pop_word()? != 0 {
                        at = jump(at, target, all.len())?;
                    }
                }
                Operation::Call { offset } => {
                    let calls = calls.checked_add(1).filter(|calls| *calls <= MOST_CALLS);
                    let calls = calls.ok_or("its location is defined by itself")?;
                    let target = referred(entry, offset).and_then(Entry::attributes);
                    let target = target.ok_or("it is computed from an entry that is missing")?;
                    // Without a location, a call does nothing (2.5.1.5).
                    if let Some(location) = target.get(dw::DW_AT_location) {
                        let called = self.activation.expression_here(target.entry, location)?;
                        self.execute(target.entry, called, calls)?;
                    }
                }
                operation => self.step(entry, operation)?,
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        entry: Entry<'a, 'f>,
        operation: Operation<Reader<'f>>,
    ) -> Result<(), String> {
        use Operation as Op;
        let is_now = self.moment == Moment::Now;
        let before = "it depends on memory as it was when the function was entered";
        match operation {
            Op::Nop => (),
            Op::Drop => drop(self.pop()?),
            Op::Pick { index } => {
                let from_top = usize::from(index).saturating_add(1);
                let index = self.stack.len().checked_sub(from_top);
                let value = index.and_then(|index| self.stack.get(index)).copied();
                self.push(value.ok_or(SHORT)?)?;
            }
            Op::Swap => {
                let (top, next) = (self.pop()?, self.pop()?);
                self.push(top)?;
                self.push(next)?;
            }
            Op::Rot => {
                let (top, second, third) = (self.pop()?, self.pop()?, self.pop()?);
                self.push(top)?;
                self.push(third)?;
                self.push(second)?;
            }
            Op::Abs => self.unary(Typed::absolute)?,
            Op::Neg => self.unary(Typed::negated)?,
            Op::Not => self.unary(Typed::inverted)?,
            Op::And => self.binary(Binary::And)?,
            Op::Or => self.binary(Binary::Or)?,
            Op::Xor => self.binary(Binary::Xor)?,
            Op::Plus => self.binary(Binary::Plus)?,
            Op::Minus => self.binary(Binary::Minus)?,
            Op::Mul => self.binary(Binary::Mul)?,
            Op::Div => self.binary(Binary::Div)?,
            Op::Mod => self.binary(Binary::Mod)?,
            Op::Shl => self.binary(Binary::Shl)?,
            Op::Shr => self.binary(Binary::Shr)?,
            Op::Shra => self.binary(Binary::Shra)?,
            Op::PlusConstant { value } => {
                let kind = self.stack.last().map(|top| top.kind).ok_or(SHORT)?;
                self.push(Typed::new(kind, u128::from(value)))?;
                self.binary(Binary::Plus)?;
            }
            Op::Eq => self.comparison(|order| order == Ordering::Equal)?,
            Op::Ne => self.comparison(|order| order != Ordering::Equal)?,
            Op::Lt => self.comparison(|order| order == Ordering::Less)?,
            Op::Le => self.comparison(|order| order != Ordering::Greater)?,
            Op::Gt => self.comparison(|order| order == Ordering::Greater)?,
            Op::Ge => self.comparison(|order| order != Ordering::Less)?,
            Op::UnsignedConstant { value } => self.push(Typed::generic(value))?,
            Op::SignedConstant { value } => self.push(Typed::generic(value.cast_unsigned()))?,
            Op::Address { address } => {
                self.push(Typed::generic(LinkAddr(address).to_run(self.activation.bias).0))?;
            }
            Op::AddressIndex { index } => {
                let address = self.indexed(entry, index)?;
                self.push(Typed::generic(LinkAddr(address).to_run(self.activation.bias).0))?;
            }
            Op::ConstantIndex { index } => {
                let value = self.indexed(entry, index)?;
                self.push(Typed::generic(value))?;
            }
            Op::TypedLiteral { base_type, value } => {
                let value = Typed::from_bytes(kind(entry, base_type)?, &self.stated(value.slice()));
                self.push(value.ok_or("its location is damaged: a constant is too short")?)?;
            }
            Op::Convert { base_type } => {
                let kind = kind(entry, base_type)?;
                self.unary(|value| value.convert(kind))?;
            }
            Op::Reinterpret { base_type } => {
                let kind = kind(entry, base_type)?;
                self.unary(|value| value.reinterpret(kind))?;
            }
            Op::RegisterOffset { register, offset, base_type } => {
                let kind = kind(entry, base_type)?;
                let value = self.register(register, kind)?;
                self.push(value)?;
                if offset != 0 {
                    self.push(Typed::new(kind, i128::from(offset).cast_unsigned()))?;
                    self.binary(Binary::Plus)?;
                }
            }
            Op::FrameOffset { .. } | Op::TLS if !is_now => return Err(before.to_owned()),
            Op::FrameOffset { offset } => {
                let base = self.activation.frame_base(self.progress)?;
                self.push(Typed::generic(base.wrapping_add_signed(offset)))?;
            }
            Op::CallFrameCFA => {
                let cfa = self.activation.frame().and_then(|frame| frame.cfa);
                self.push(Typed::generic(cfa.ok_or("the frame's extent is not known")?.0))?;
            }
            Op::TLS => {
                let offset = self.pop_word()?;
                let at = self.activation.thread_local(offset)?;
                self.push(Typed::generic(at.0))?;
            }
            Op::PushObjectAddress => {
                let object = self.object.ok_or("its object has no address")?;
                self.push(Typed::generic(object))?;
            }
            Op::Deref { space: true, .. } => {
                return Err("it lies in another address space".to_owned());
            }
            Op::Deref { size, base_type, .. } => {
                let at = RunAddr(self.pop_word()?);
                let value = match self.moment {
                    Moment::Now => self.memory(entry, at, size, base_type)?,
                    Moment::Entry => return Err(before.to_owned()),
                };
                self.push(value)?;
            }
            Op::EntryValue { expression } => {
                self.progress.used_entry_value = true;
                let expression = Expression(expression);
                let value = self.activation.entry_value(entry, expression, self.progress)?;
                self.push(value)?;
            }
            Op::ParameterRef { offset } => {
                self.progress.used_entry_value = true;
                let parameter = Entry { offset, ..entry };
                let value = self.activation.passed_parameter(parameter, self.progress)?;
                self.push(value)?;
            }
            Op::VariableValue { offset } => {
                let target =
                    entry.at(offset).ok_or("it is computed from an entry that is missing")?;
                let value = self.activation.word_of(target, self.progress)?;
                self.push(Typed::generic(value))?;
            }
            Op::Register { register } if is_now => self.spot = Some(Spot::Register(register)),
            Op::Register { register } => {
                let value = self.register(register, Kind::Generic)?;
                self.spot = Some(Spot::Value(value));
            }
            Op::ImplicitValue { data } => self.spot = Some(Spot::Bytes(self.stated(data.slice()))),
            Op::StackValue => self.spot = Some(Spot::Value(self.pop()?)),
            Op::ImplicitPointer { value, byte_offset } => {
                let target = entry.at(value).ok_or("it points to an entry that is missing")?;
                self.spot = Some(Spot::Pointer(target, byte_offset));
            }
            Op::Piece { size_in_bits, bit_offset } => {
                let spot = self.spot.take();
                let spot = spot.or_else(|| self.stack.pop().map(Spot::Top)).unwrap_or(Spot::Gone);
                if self.parts.len() >= MOST_PIECES {
                    return Err("its location has too many pieces".to_owned());
                }
                let shift = bit_offset.unwrap_or(0);
                self.parts.push(Part { bits: Some(size_in_bits), shift, spot });
            }
            Op::Uninitialized => return Err("it was not initialized yet".to_owned()),
            Op::WasmLocal { .. } | Op::WasmGlobal { .. } | Op::WasmStack { .. } => {
                return Err("it lies in a WebAssembly machine".to_owned());
            }
            Op::Skip { .. } | Op::Bra { .. } | Op::Call { .. } => (),
        }
        Ok(())
    }

    fn push(&mut self, value: Typed) -> Result<(), String> {
        if self.stack.len() >= MOST_VALUES {
            return Err("its location computes with too many values".to_owned());
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Typed, String> {
        self.stack.pop().ok_or_else(|| SHORT.to_owned())
    }

    fn pop_word(&mut self) -> Result<u64, String> {
        self.pop()?.word().ok_or_else(|| "its location takes a fraction for an address".to_owned())
    }

    fn unary(&mut self, compute: impl Fn(Typed) -> Option<Typed>) -> Result<(), String> {
        let value = self.pop()?;
        self.push(compute(value).ok_or(NO_RESULT)?)
    }

    fn binary(&mut self, operation: Binary) -> Result<(), String> {
        let (right, left) = (self.pop()?, self.pop()?);
        self.push(left.binary(operation, right).ok_or(NO_RESULT)?)
    }

    fn comparison(&mut self, holds: impl Fn(Ordering) -> bool) -> Result<(), String> {
        let (right, left) = (self.pop()?, self.pop()?);
        let order = left.compared(right).ok_or(NO_RESULT)?;
        self.push(Typed::generic(u64::from(holds(order))))
    }

    fn register(&self, register: Register, kind: Kind) -> Result<Typed, String> {
        match self.moment {
            Moment::Now => {
                let bytes = self.activation.register(register)?;
                let value = Typed::from_bytes(kind, &bytes);
                value.ok_or_else(|| "only a part of it was kept".to_owned())
            }
            Moment::Entry => {
                let value = self.activation.passed_register(register, self.progress)?;
                if value.kind == kind {
                    return Ok(value);
                }
                let bytes = value.bytes();
                let value = Typed::from_bytes(kind, &bytes);
                value.ok_or_else(|| "only a part of it was passed".to_owned())
            }
        }
    }

    fn indexed(&self, entry: Entry<'a, 'f>, index: gimli::DebugAddrIndex) -> Result<u64, String> {
        let address = entry.unit.dwarf().address(&entry.unit.unit, index);
        address.map_err(|error| format!("its location is damaged: {error}"))
    }

    fn memory(
        &self,
        entry: Entry<'a, 'f>,
        at: RunAddr,
        size: u8,
        base_type: UnitOffset,
    ) -> Result<Typed, String> {
        let kind = kind(entry, base_type)?;
        let is_typed = kind != Kind::Generic;
        if size == 0 || size > kind.size() || (is_typed && size != kind.size()) {
            return Err("its location is damaged: it reads a number of another size".to_owned());
        }
        let mut bytes = vec![0; usize::from(size)];
        let memory = self.activation.context.memory;
        memory.read_exact(at, &mut bytes).map_err(|missing| missing.to_string())?;
        bytes = memory.model().order.to_little(bytes);
        // An untyped read of fewer bytes is zero-extended (DWARF 5, 2.5.1.3).
        bytes.resize(usize::from(kind.size()), 0);
        Typed::from_bytes(kind, &bytes).ok_or_else(|| NO_RESULT.to_owned())
    }

    /// Bytes of a number that the debug information states, lowest first.
    fn stated(&self, bytes: &[u8]) -> Vec<u8> {
        self.activation.context.memory.model().order.to_little(bytes.to_vec())
    }
}

const SHORT: &str = "its location is damaged: it computes with values that are missing";
const NO_RESULT: &str = "its location computes what has no result";

fn jump(at: usize, distance: i16, len: usize) -> Result<usize, String> {
    let target = at.checked_add_signed(isize::from(distance)).filter(|target| *target <= len);
    target.ok_or_else(|| "its location is damaged: it jumps out of itself".to_owned())
}

fn referred<'a, 'f>(entry: Entry<'a, 'f>, reference: DieReference) -> Option<Entry<'a, 'f>> {
    match reference {
        DieReference::UnitRef(offset) => Some(Entry { offset, ..entry }),
        DieReference::DebugInfoRef(at) => entry.at(at),
    }
}
