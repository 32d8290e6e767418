//! Where a variable is, as its location description says.
//!
//! DWARF 5, 2.6 (location descriptions and lists).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::cell::OnceCell;

use gimli::constants as dw;
use gimli::{AttributeValue, Expression, Register};

use crate::base::addr::{Bias, LinkAddr, RunAddr};
use crate::base::arch::Machine;
use crate::base::data_model::ByteOrder;
use crate::dump::float_registers::float_registers;
use crate::dump::process::ThreadRegisters;
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::types::Shape;
use crate::unwind::frame::{Frame, Trust};
use crate::variables::Context;
use crate::variables::entry_values::CallSite;
use crate::variables::expression::{Moment, Part, Spot};
use crate::variables::place::{Content, Piece, Pieces, Place};
use crate::variables::slot_addresses;
use crate::variables::typed::word;
use crate::variables::value::Origin;

/// How many expressions may be needed to evaluate one: a frame base within a
/// location, a caller's value within an entry value within ...
const MOST_NESTED: usize = 12;

/// More entries than this in one location list are not looked at.
const MOST_LIST_ENTRIES: usize = 10_000;

/// Bytes of the largest vector register that we read.
const VECTOR_BYTES: usize = 32;

/// DWARF numbers of `xmm0` to `xmm15` and of `st0` to `st7` (System V psABI for
/// AMD64, figure 3.36).
const VECTOR: std::ops::RangeInclusive<u16> = 17..=32;
const X87: std::ops::RangeInclusive<u16> = 33..=40;

/// Registers that functions of Go restore: `rbp`, `rsp`, the return address.
const KEPT_IN_GO: [u16; 3] = [6, 7, 16];

/// What expressions are evaluated in: one physical frame and its function.
pub struct Activation<'c, 'a, 'f> {
    /// Memory, symbols, limits.
    pub context: &'c Context<'a, 'f>,
    /// The stack, innermost first.
    pub frames: &'c [&'c Frame],
    /// Which of them.
    pub index: usize,
    /// The real (not inlined) function that the frame is an activation of.
    pub subprogram: Entry<'a, 'f>,
    /// Where it stands, for location lists: for a caller, one byte before the
    /// address that it continues at.
    pub at: LinkAddr,
    /// What the loader added to the addresses of the function's module.
    pub bias: Bias,
    /// Which call of the caller started this frame, once somebody asked.
    pub call_site: OnceCell<Result<CallSite<'a, 'f>, String>>,
    /// The stack pointer that places are counted from, once somebody asked.
    pub body: OnceCell<Result<u64, &'static str>>,
    /// Whether it is asked what the function passed to the one that it called.
    pub is_passing: bool,
}

/// Where an evaluation stands: how deep, and whether a caller's value was used.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    depth: usize,
    pub(super) used_entry_value: bool,
}

impl Progress {
    /// One expression deeper.
    pub(super) fn deeper(self) -> Result<Self, String> {
        if self.depth >= MOST_NESTED {
            return Err("its location is defined by itself".to_owned());
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }
}

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// The frame.
    pub fn frame(&self) -> Option<&Frame> {
        self.frames.get(self.index).copied()
    }

    /// Where a variable is, or why that is not known.
    pub fn place(&self, variable: &Attributes<'a, 'f>) -> Result<Place<'a, 'f>, String> {
        let of = self.context.types.get(variable.type_entry());
        if self.takes_slot_for_value(variable, &of) {
            return Err(slot_addresses::WHY.to_owned());
        }
        let place = self.place_within(variable, Progress::default())?;
        match self.has_not_begun(variable, &place) {
            true => Err("its function had not begun: nothing was stored there yet".to_owned()),
            false => Ok(place),
        }
    }

    pub(super) fn place_within(
        &self,
        variable: &Attributes<'a, 'f>,
        progress: Progress,
    ) -> Result<Place<'a, 'f>, String> {
        for origin in variable.origins() {
            if let Some(location) = origin.get(dw::DW_AT_location) {
                let place = self.described(origin.entry, location, progress)?;
                self.check_float(variable, &place)?;
                return Ok(self.as_stated(variable, place));
            }
            if let Some(value) = origin.get(dw::DW_AT_const_value) {
                let place = self.constant(origin.entry, value)?;
                return Ok(self.as_stated(variable, place));
            }
        }
        Err("optimized out".to_owned())
    }

    /// Refuses a `float` in a register where registers hold it in another form:
    /// as a double on PowerPC, in the upper half on s390, in either on MIPS.
    fn check_float(
        &self,
        variable: &Attributes<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> Result<(), String> {
        let arch = self.context.process.arch;
        let is_kept_as_it_is = !matches!(
            arch.machine,
            Machine::Ppc64
                | Machine::Ppc
                | Machine::S390x
                | Machine::S390
                | Machine::Mips
                | Machine::Mips64
                | Machine::MipsN32
        );
        if is_kept_as_it_is || place.is_memory() || place.origin() == Origin::Constant {
            return Ok(());
        }
        let of = self.context.types.get(variable.type_entry());
        let is_float = of.size == Some(4) && matches!(of.shape, Shape::Number(dw::DW_ATE_float));
        match is_float {
            true => Err(format!("a register of {arch} holds it in another form")),
            false => Ok(()),
        }
    }

    /// Bytes of a constant were turned so that the lowest one comes first, as if
    /// they were a number. Those of something else, as a text, stay as they are.
    fn as_stated(&self, variable: &Attributes<'a, 'f>, place: Place<'a, 'f>) -> Place<'a, 'f> {
        if self.context.memory.model().order == ByteOrder::Little
            || place.origin() != Origin::Constant
        {
            return place;
        }
        let of = self.context.types.get(variable.type_entry());
        let is_number = matches!(
            of.shape,
            Shape::Number(_)
                | Shape::Swapped(_)
                | Shape::Enumeration(_)
                | Shape::Pointer(_)
                | Shape::Reference(_)
                | Shape::MemberPointer(_)
        );
        match place.whole_bytes() {
            Some(bytes) if !is_number => Place::constant(bytes.iter().rev().copied().collect()),
            _ => place,
        }
    }

    /// The place that an attribute of `entry` describes: an expression, or the
    /// part of a location list that holds at this point.
    fn described(
        &self,
        entry: Entry<'a, 'f>,
        location: AttributeValue<Reader<'f>>,
        progress: Progress,
    ) -> Result<Place<'a, 'f>, String> {
        let mut why = None;
        for expression in self.expressions_here(entry, location)? {
            // Where ranges overlap, each description holds.
            match self.evaluate(entry, expression, progress) {
                Ok(place) => return Ok(place),
                Err(reason) => why = why.or(Some(reason)),
            }
        }
        Err(why.unwrap_or_else(|| "optimized out at this point".to_owned()))
    }

    /// The expression of a location, or the one of its list that holds here.
    pub(super) fn expression_here(
        &self,
        entry: Entry<'a, 'f>,
        location: AttributeValue<Reader<'f>>,
    ) -> Result<Expression<Reader<'f>>, String> {
        let first = self.expressions_here(entry, location)?.into_iter().next();
        first.ok_or_else(|| "optimized out at this point".to_owned())
    }

    /// All expressions of a location that hold here: one, unless it is a list.
    fn expressions_here(
        &self,
        entry: Entry<'a, 'f>,
        location: AttributeValue<Reader<'f>>,
    ) -> Result<Vec<Expression<Reader<'f>>>, String> {
        let damaged = |error: gimli::Error| format!("its location is damaged: {error}");
        if let Some(expression) = location.exprloc_value() {
            return Ok(vec![expression]);
        }
        let dwarf = entry.unit.dwarf();
        let list = dwarf.attr_locations(&entry.unit.unit, location).map_err(damaged)?;
        let mut list = list.ok_or("its location has an unknown form")?;
        let mut found = Vec::new();
        for _ in 0..MOST_LIST_ENTRIES {
            let Some(part) = list.next().map_err(damaged)? else { break };
            if (part.range.begin..part.range.end).contains(&self.at.0) {
                found.push(part.data);
            }
        }
        Ok(found)
    }

    /// A value that the debug information states, of any form.
    fn constant(
        &self,
        entry: Entry<'a, 'f>,
        value: AttributeValue<Reader<'f>>,
    ) -> Result<Place<'a, 'f>, String> {
        // Numbers are written as the process would.
        let order = self.context.memory.model().order;
        Ok(Place::constant(match value {
            AttributeValue::Block(bytes) => order.to_little(bytes.slice().to_vec()),
            AttributeValue::Exprloc(bytes) => order.to_little(bytes.0.slice().to_vec()),
            AttributeValue::Data16(value) => value.to_le_bytes().to_vec(),
            AttributeValue::Sdata(value) => i128::from(value).to_le_bytes().to_vec(),
            AttributeValue::Addr(address) => {
                LinkAddr(address).to_run(self.bias).0.to_le_bytes().to_vec()
            }
            value => match value.udata_value() {
                Some(value) => u128::from(value).to_le_bytes().to_vec(),
                None => {
                    let dwarf = entry.unit.dwarf();
                    let text = dwarf.attr_string(&entry.unit.unit, value);
                    let text = text.map_err(|_| "its constant has an unknown form")?;
                    let mut bytes = text.slice().to_vec();
                    bytes.push(0);
                    bytes
                }
            },
        }))
    }

    /// The place that an expression describes.
    pub(super) fn evaluate(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        progress: Progress,
    ) -> Result<Place<'a, 'f>, String> {
        let (parts, progress) = self.run(entry, expression, None, Moment::Now, progress)?;
        let origin = |plain| if progress.used_entry_value { Origin::EntryValue } else { plain };
        if let [part] = parts.as_slice()
            && part.bits.is_none()
        {
            let is_memory = matches!(part.spot, Spot::Top(_));
            return match self.content(part) {
                Content::Unknown(why) => Err(why),
                Content::Memory(at, 0) if is_memory => Ok(Place::Memory(at)),
                content => {
                    let bits = match &content {
                        Content::Bytes(bytes, _) => (bytes.len() as u64).saturating_mul(8),
                        _ => 64,
                    };
                    let origin = origin(plain_origin(&part.spot));
                    Ok(Place::one(Piece { bits, content }, origin))
                }
            };
        }
        let mut list = Vec::new();
        for part in &parts {
            list.push(Piece { bits: part.bits.unwrap_or(0), content: self.content(part) });
        }
        // One reason is enough when nothing is left.
        let mut whys = list.iter().map(|piece| match &piece.content {
            Content::Unknown(why) => Some(why.clone()),
            _ => None,
        });
        if let Some(Some(first)) = whys.next()
            && whys.all(|why| why.is_some())
        {
            return Err(first);
        }
        // Where all of it is in memory, that it has parts is nobody's concern.
        let is_memory = list.iter().all(|piece| matches!(piece.content, Content::Memory(..)));
        let plain = if is_memory { Origin::Memory } else { Origin::Pieces };
        Ok(Place::Pieces(Pieces { list, origin: origin(plain) }.into(), 0))
    }

    /// What is known of one part.
    fn content(&self, part: &Part<'a, 'f>) -> Content<'a, 'f> {
        let unknown = |why: &str| Content::Unknown(why.to_owned());
        match &part.spot {
            Spot::Gone => unknown("optimized out"),
            Spot::Top(value) => match value.word() {
                Some(at) => Content::Memory(RunAddr(at), part.shift),
                None => unknown("its location takes a fraction for an address"),
            },
            Spot::Bytes(bytes) => Content::Bytes(bytes.clone(), part.shift),
            Spot::Value(value) => Content::Bytes(value.bytes(), part.shift),
            Spot::Register(register) => match self.register(*register) {
                Ok(bytes) => Content::Bytes(bytes, part.shift),
                Err(why) => Content::Unknown(why),
            },
            Spot::Pointer(target, offset) => Content::Pointer(*target, *offset),
        }
    }

    /// The bytes of a register in this frame, lowest first, or why they are
    /// not known.
    pub(super) fn register(&self, register: Register) -> Result<Vec<u8>, String> {
        let frame = self.frame().ok_or("the function that set it jumped on")?;
        if self.is_lost_in_go(register) {
            return Err("functions of Go save no registers".to_owned());
        }
        if let Some(word) = frame.registers.get(register) {
            return Ok(self.as_meant(frame, register, word)?.to_le_bytes().to_vec());
        }
        let number = register.0;
        let is_x86_64 = frame.registers.arch().is_x86_64();
        let name = match frame.registers.arch().register_name(register) {
            Some(name) => name.to_owned(),
            None if is_x86_64 && VECTOR.contains(&number) => {
                format!("xmm{}", number.saturating_sub(17))
            }
            None if is_x86_64 && X87.contains(&number) => {
                format!("st{}", number.saturating_sub(33))
            }
            None => format!("register {number}"),
        };
        if self.index > 0 {
            return Err(format!("{name} was not saved by the called function"));
        }
        if frame.trust == Trust::Context
            && let Some(bytes) = self.vector_register(number)
        {
            return Ok(bytes);
        }
        Err(format!("{name} is not in the dump"))
    }

    /// Whether a function of Go lies between the innermost frame and this one.
    /// They may change all registers but those that make up the stack (Go
    /// internal ABI), and unwind tables do not say so.
    fn is_lost_in_go(&self, register: Register) -> bool {
        if self.index == 0 || KEPT_IN_GO.contains(&register.0) {
            return false;
        }
        let inner = self.frames.get(..self.index).unwrap_or_default();
        inner.iter().any(|frame| {
            let calls = self.context.symbols.calls(frame.at);
            calls.iter().any(|call| call.language == Some(dw::DW_LANG_Go))
        })
    }

    /// The registers of the thread that these frames belong to.
    pub(super) fn thread_registers(&self) -> Option<&ThreadRegisters> {
        let top = self.frames.first()?.registers;
        let arch = top.arch();
        let index = |register| arch.general_index(register);
        let (sp, pc) = (index(arch.stack_pointer())?, index(arch.program_counter())?);
        // No two threads have the same stack.
        let mut threads = self.context.process.threads.iter();
        threads.find_map(|thread| {
            let known = thread.registers.as_ref()?;
            let same = known.word(sp) == top.sp().map(|sp| sp.0)
                && known.word(pc) == top.pc().map(|pc| pc.0);
            same.then_some(known)
        })
    }

    /// A vector or floating-point register of the innermost frame.
    fn vector_register(&self, number: u16) -> Option<Vec<u8>> {
        let known = self.thread_registers()?;
        let found = float_registers(self.context.process.arch, known);
        let mut bytes = found.into_iter().find(|register| register.dwarf == number)?.bytes;
        bytes.truncate(VECTOR_BYTES);
        Some(bytes)
    }

    /// The address that `DW_OP_fbreg` counts from.
    pub(super) fn frame_base(&self, progress: Progress) -> Result<u64, String> {
        let missing = "its function has no frame base";
        let attributes = self.subprogram.attributes().ok_or(missing)?;
        let location = attributes.get(dw::DW_AT_frame_base).ok_or(missing)?;
        match self.described(self.subprogram, location, progress.deeper()?)? {
            Place::Memory(at) => Ok(at.0),
            // `DW_OP_reg6`: the base is what the register holds.
            place @ Place::Pieces(..) => {
                let bytes = place.read(self.context.memory, 8).map_err(|why| why.reason())?;
                word(&bytes).ok_or_else(|| missing.to_owned())
            }
        }
    }
}

fn plain_origin(spot: &Spot<'_, '_>) -> Origin {
    match spot {
        Spot::Register(_) => Origin::Register,
        Spot::Bytes(_) => Origin::Constant,
        _ => Origin::Pieces,
    }
}
