//! Which variable a bad address came from.
//!
//! Two ways lead from a register of the faulting instruction to a variable.
//! Debug information says that the variable lives in that register; or the code
//! just before loaded the register from memory, and the variable lives there.
//! Both are asked by putting a mark in place of the register or the memory, and
//! looking which variables show it. Without either, a variable that has the
//! same value is a suspect, no more.

use crate::base::arch::Register;

use crate::base::addr::RunAddr;
use crate::base::data_model::DataModel;
use crate::base::memory::Memory;
use crate::diagnose::control::named_by_callers;
use crate::diagnose::ground::{global_at, pointer_at};
use crate::diagnose::instruction::{Access, Operands};
use crate::diagnose::origin::{Known, Origin, Path, Source, Via};
use crate::diagnose::scene::Scene;
use crate::symbols::functions::NameSource;
use crate::unwind::code_start::code_start;
use crate::unwind::frame::Frame;
use crate::variables::suspects::{Suspect, suspects};
use crate::variables::value::{ValueKind, Variable};
use crate::variables::{Context, Which, variables};

/// A value that no variable has by chance; its lower parts are positive, too.
const MARK: u64 = 0x2b5a_1c3d_4e6f_1a2b;

/// The mark in the size of a pointer.
pub(super) fn mark(model: DataModel) -> u64 {
    if model.is_64() { MARK } else { MARK & 0xffff_ffff }
}

/// A pointer that is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The address was computed from this pointer.
    Pointer(Suspect),
    /// This pointer has the same value, and leads to what was accessed.
    Suspect(Suspect),
    /// The address was computed from this global variable; more is not known of
    /// it than its name.
    Global(String),
    /// A function returned it: its name, where that is known.
    Returned(Option<String>),
    /// The code itself states it, and no variable has it.
    Constant,
}

/// The pointer that the base register of an access held.
pub fn culprit(
    scene: &Scene<'_, '_>,
    frame: usize,
    operands: &Operands,
    access: &Access,
) -> Option<Culprit> {
    let base = access.base?;
    let (register, value) = (base.number?, base.value?);
    let offset = u64::try_from(access.displacement).unwrap_or(0);
    let size = Some(access.size).filter(|size| *size > 0);
    let look = Look { scene, frame, offset, size };
    let marked = look.with_register(register);
    if let Some(found) = marked.into_iter().next() {
        return Some(Culprit::Pointer(found));
    }
    let origin = path(scene, frame, operands).map(|path| path.origin(register));
    match origin {
        Some(Origin::Loaded(at)) => {
            if let Some(found) = look.with_memory(at).into_iter().next() {
                return Some(Culprit::Pointer(found));
            }
            // What lies in none of the variables that were looked through is no
            // other variable that happens to have the same value.
            let found = pointer_at(scene, at).or_else(|| named_by_callers(scene, frame, at));
            return found.map(Culprit::Global);
        }
        Some(Origin::Moved { from, by }) => {
            let offset = u64::try_from(access.displacement.wrapping_add(by)).unwrap_or(0);
            let moved = Look { offset, ..look };
            if let Some(found) = moved.with_memory(from).into_iter().next() {
                return Some(Culprit::Pointer(found));
            }
            return pointer_at(scene, from).map(Culprit::Global);
        }
        Some(Origin::Returned { function }) => {
            let name = function.and_then(|at| scene.crash.symbols.symbol_at(at));
            return Some(Culprit::Returned(name.map(|symbol| symbol.name)));
        }
        // What came from no variable's place may only be one without a place.
        Some(Origin::Constant) => {
            let mut suspects = look.with_value(value).into_iter();
            let stated = suspects.find(|suspect| suspect.is_constant);
            return Some(stated.map_or(Culprit::Constant, Culprit::Suspect));
        }
        _ => (),
    }
    // What the function was called with, its caller has a name for. Whoever
    // passes a null pointer to a library is told by `null_arguments`.
    let at_entry = path(scene, frame, operands).is_some_and(|path| path.is_untouched(register));
    let is_library = scene.call_in_frame(frame).is_some_and(|(_, call)| scene.is_library(call));
    if at_entry
        && !is_library
        && let Some(passed) = passed_in(scene, frame.saturating_add(1), register)
        && passed.value == value
        && let Some(name) = passed.name
    {
        return Some(Culprit::Global(name));
    }
    // The same value is weak evidence: of several, none is named.
    let is_element = matches!(origin, Some(Origin::Element));
    let may_be = |it: &Suspect| {
        let is_plain = !it.is_internal() && (it.member.is_some() || offset == 0);
        is_plain && !(is_element && it.steps == 0)
    };
    let mut suspects = look.with_value(value).into_iter().filter(may_be);
    let first = suspects.next()?;
    suspects.all(|other| other.pointer == first.pointer).then_some(Culprit::Suspect(first))
}

/// Arguments of a call that are looked at.
const MOST_ARGUMENTS: usize = 4;

/// The null pointers that a frame's code loaded from its variables to pass them
/// to the function that it called.
pub fn null_arguments(scene: &Scene<'_, '_>, frame: usize) -> Vec<Suspect> {
    let look = Look { scene, frame, offset: 0, size: None };
    let passed = scene.crash.process.arch.arguments().take(MOST_ARGUMENTS).filter_map(|register| {
        let at = argument_place(scene, frame, register)?;
        look.with_memory(at).into_iter().next()
    });
    passed.collect()
}

/// Callers that hand an argument on.
const MOST_CALLERS: usize = 4;

/// Something that a frame's code passed to the function that it called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its value.
    pub value: u64,
    /// The variable that held it, as the source would write it.
    pub name: Option<String>,
    /// Where it was loaded from.
    pub place: Option<RunAddr>,
}

/// The first argument of the call that a frame stands at.
pub fn first_argument(scene: &Scene<'_, '_>, frame: usize) -> Option<Passed> {
    argument(scene, frame, 0)
}

/// An argument of the call that a frame stands at, by its number from 0.
pub fn argument(scene: &Scene<'_, '_>, frame: usize, number: usize) -> Option<Passed> {
    passed_in(scene, frame, scene.crash.process.arch.argument(number)?)
}

/// What a register held at the call that a frame stands at.
pub fn passed_in(scene: &Scene<'_, '_>, frame: usize, mut register: Register) -> Option<Passed> {
    let mut passed = None;
    // What a function only hands on, its caller knows.
    for outer in frame..frame.saturating_add(MOST_CALLERS) {
        let caller = scene.crash.frame(outer)?;
        let after = caller.at.addr();
        let mut registers = caller.registers;
        // What the frame has of it is not what was passed.
        registers.set(register, None);
        let operands = Operands::of(registers);
        let start = function_start(scene, outer)?;
        let path = Path::before_call(scene.crash.memory, operands, start, after)?;
        match path.value(register)? {
            Source::Here(known) => {
                passed = Some((outer, named_argument(scene, outer, known)));
                break;
            }
            Source::Entry(from) => register = from,
        }
    }
    let (outer, passed) = passed?;
    // The innermost frame's own name for it is the nearest.
    let own = || variable_with(scene, frame, passed.value);
    let name = if outer == frame { passed.name.or_else(own) } else { own().or(passed.name) };
    Some(Passed { value: passed.value, place: passed.place, name })
}

fn named_argument(scene: &Scene<'_, '_>, frame: usize, known: Known) -> Passed {
    let Known { value, via } = known;
    let look = Look { scene, frame, offset: 0, size: None };
    let named = |suspects: Vec<Suspect>| suspects.into_iter().next().map(|found| found.pointer);
    let (name, place) = match via {
        Via::Memory(at) => {
            let name = named(look.with_memory(at)).or_else(|| pointer_at(scene, at));
            (name.or_else(|| holder(scene, frame, at)), Some(at))
        }
        Via::Register(from) => (variable_in(scene, frame, from).map(|it| it.name), None),
        Via::Code => (object_at(scene, frame, RunAddr(value)), None),
    };
    Passed { value, name, place }
}

/// The only pointer among the variables of a frame's calls that has a value.
pub fn variable_with(scene: &Scene<'_, '_>, frame: usize, value: u64) -> Option<String> {
    // Many pointers are null.
    if value == 0 {
        return None;
    }
    let calls = scene.crash.calls().iter().filter(|call| call.frame == frame);
    let is_it = |variable: &&Variable| {
        let is_pointer = matches!(variable.value.kind, ValueKind::Pointer | ValueKind::String);
        is_pointer && variable.value.raw == Some(value)
    };
    let mut found = calls.flat_map(|call| &call.variables).filter(is_it);
    let first = found.next()?;
    found.all(|other| other.name == first.name).then(|| first.name.clone())
}

/// The variable of a frame's calls that lies at an address, whatever its type.
fn holder(scene: &Scene<'_, '_>, frame: usize, at: RunAddr) -> Option<String> {
    let calls = scene.crash.calls().iter().filter(|call| call.frame == frame);
    let mut variables = calls.flat_map(|call| &call.variables);
    variables.find(|variable| variable.value.address == Some(at)).map(|it| it.name.clone())
}

/// The variable whose address a value is: `&name`, or the name of an array.
fn object_at(scene: &Scene<'_, '_>, frame: usize, at: RunAddr) -> Option<String> {
    let calls = scene.crash.calls().iter().filter(|call| call.frame == frame);
    let mut variables = calls.flat_map(|call| &call.variables);
    let found = variables.find(|variable| variable.value.address == Some(at));
    let found = found.map(|variable| match variable.type_name.ends_with(']') {
        true => variable.name.clone(),
        false => format!("&{}", variable.name),
    });
    found.or_else(|| global_at(scene, at))
}

/// Where the function of a frame begins: by its symbol, or by the unwind tables.
pub fn function_start(scene: &Scene<'_, '_>, frame: usize) -> Option<RunAddr> {
    let at = scene.crash.frame(frame)?.at;
    let outermost = scene.crash.calls().iter().rfind(|call| call.frame == frame);
    let offset = outermost.and_then(|call| {
        let function = call.call.function.as_ref()?;
        function.offset.filter(|_| function.source != NameSource::Nearest)
    });
    match offset.and_then(|offset| at.addr().0.checked_sub(offset)) {
        Some(start) => Some(RunAddr(start)),
        None => code_start(scene.crash.symbols, scene.crash.process.arch, at.lookup()),
    }
}

/// Where a null argument of a frame's call was loaded from.
fn argument_place(scene: &Scene<'_, '_>, frame: usize, register: Register) -> Option<RunAddr> {
    let memory = scene.crash.memory;
    let caller = scene.crash.frame(frame)?;
    let after = caller.at.addr();
    let start = function_start(scene, frame)?;
    let mut registers = caller.registers;
    registers.set(register, Some(0));
    let operands = Operands::of(registers);
    match Path::before_call(memory, operands, start, after)?.origin(register) {
        Origin::Loaded(at) => Some(at),
        _ => None,
    }
}

/// The pointers among a frame's variables that are null, and lead to something
/// `offset` bytes further on.
pub fn null_pointers(
    scene: &Scene<'_, '_>,
    frame: usize,
    offset: u64,
    size: Option<u64>,
) -> Vec<Suspect> {
    Look { scene, frame, offset, size }.with_value(0)
}

/// The variable that lives in a register of a frame.
pub fn variable_in(scene: &Scene<'_, '_>, frame: usize, register: Register) -> Option<Variable> {
    let frames = scene.frames();
    let marked = marked_frame(frames.get(frame)?, register);
    let context = scene.context();
    let is_marked = |variable: &Variable| {
        // A shorter variable has the lower part.
        let parts = [MARK, MARK & 0xffff_ffff, MARK & 0xffff, MARK & 0xff];
        variable.value.raw.is_some_and(|raw| parts.contains(&raw))
    };
    let with_mark = with(&frames, frame, &marked);
    let calls = scene.crash.calls().iter().filter(|call| call.frame == frame);
    calls.into_iter().find_map(|call| {
        let found = variables(&context, &with_mark, frame, &call.call, Which::All);
        let marked = found.into_iter().find(is_marked)?;
        call.variables.iter().find(|variable| variable.name == marked.name).cloned()
    })
}

/// The code of a frame's function up to where the frame stands.
pub fn path<'a>(scene: &Scene<'a, '_>, frame: usize, operands: &Operands) -> Option<Path<'a>> {
    let at = operands.registers.pc()?;
    let start = function_start(scene, frame)?;
    // Branches back come from behind: a loop is seldom longer than that.
    let size = at.0.checked_sub(start.0)?.saturating_add(4096);
    Path::read(scene.crash.memory, *operands, start, at, size)
}

/// A search for pointers of one frame.
#[derive(Clone, Copy)]
struct Look<'s, 'a, 'f> {
    scene: &'s Scene<'a, 'f>,
    frame: usize,
    offset: u64,
    size: Option<u64>,
}

impl Look<'_, '_, '_> {
    fn with_value(&self, value: u64) -> Vec<Suspect> {
        self.search(&self.scene.context(), &self.scene.frames(), value)
    }

    fn with_register(&self, register: Register) -> Vec<Suspect> {
        let frames = self.scene.frames();
        let Some(frame) = frames.get(self.frame) else { return Vec::new() };
        let marked = marked_frame(frame, register);
        let mark = mark(self.scene.crash.process.arch.model());
        self.search(&self.scene.context(), &with(&frames, self.frame, &marked), mark)
    }

    fn with_memory(&self, at: RunAddr) -> Vec<Suspect> {
        let crash = self.scene.crash;
        let marked = Marked { memory: crash.memory, at };
        let context = Context::new(crash.process, &marked, crash.symbols, crash.limits);
        self.search(&context, &self.scene.frames(), mark(marked.model()))
    }

    /// Pointers of the frame's calls, the innermost call's first.
    fn search(&self, context: &Context<'_, '_>, frames: &[&Frame], value: u64) -> Vec<Suspect> {
        let calls = self.scene.crash.calls().iter().filter(|call| call.frame == self.frame);
        let found = calls.flat_map(|call| {
            let base = RunAddr(value);
            suspects(context, frames, self.frame, &call.call, base, self.offset, self.size)
        });
        found.collect()
    }
}

fn marked_frame(frame: &Frame, register: Register) -> Frame {
    let mut marked = frame.clone();
    let model = frame.registers.arch().model();
    marked.registers.set(register, Some(mark(model)));
    marked
}

/// The frames, one of them replaced.
fn with<'s>(frames: &[&'s Frame], index: usize, by: &'s Frame) -> Vec<&'s Frame> {
    let mut frames = frames.to_vec();
    if let Some(frame) = frames.get_mut(index) {
        *frame = by;
    }
    frames
}

/// Memory with the mark at one address.
struct Marked<'m> {
    memory: &'m dyn Memory,
    at: RunAddr,
}

impl Memory for Marked<'_> {
    fn model(&self) -> DataModel {
        self.memory.model()
    }

    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let got = self.memory.read(at, out);
        let model = self.model();
        let mark = model.order.bytes(u128::from(mark(model)), usize::from(model.address_size));
        for (index, byte) in out.iter_mut().take(got).enumerate() {
            let here = at.0.wrapping_add(index as u64);
            let within = here.checked_sub(self.at.0).and_then(|it| usize::try_from(it).ok());
            if let Some(marked) = within.and_then(|within| mark.get(within)) {
                *byte = *marked;
            }
        }
        got
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn the_mark_covers_its_bytes_only() {
        let memory = Bytes(0x1000, &[0; 32]);
        let marked = Marked { memory: &memory, at: RunAddr(0x1008) };
        assert_eq!(marked.u64(RunAddr(0x1008)), Ok(MARK));
        assert_eq!(marked.u64(RunAddr(0x1000)), Ok(0));
        assert_eq!(marked.u64(RunAddr(0x1010)), Ok(0));
        assert_eq!(marked.u32(RunAddr(0x100c)), Ok((MARK >> 32) as u32));
        assert!(marked.u64(RunAddr(0x1020)).is_err());
    }
}
