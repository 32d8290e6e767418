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
use crate::diagnose::ground::global_at;
use crate::diagnose::instruction::{Access, Operands};
use crate::diagnose::origin::{Origin, Path};
use crate::diagnose::scene::Scene;
use crate::unwind::frame::Frame;
use crate::variables::suspects::{Suspect, suspects};
use crate::variables::value::Variable;
use crate::variables::{Context, Which, variables};

/// A value that no variable has by chance; its lower parts are positive, too.
const MARK: u64 = 0x2b5a_1c3d_4e6f_1a2b;

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
            return global_at(scene, at).map(Culprit::Global);
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

/// Registers of the first arguments of a call, by their DWARF numbers (System V
/// psABI for AMD64, 3.2.3 and figure 3.36): rdi, rsi, rdx, rcx.
const ARGUMENTS: [Register; 4] = [Register(5), Register(4), Register(1), Register(2)];

/// The null pointers that a frame's code loaded from its variables to pass them
/// to the function that it called.
pub fn null_arguments(scene: &Scene<'_, '_>, frame: usize) -> Vec<Suspect> {
    let look = Look { scene, frame, offset: 0, size: None };
    let passed = ARGUMENTS.into_iter().filter_map(|register| {
        let at = argument_place(scene, frame, register)?;
        look.with_memory(at).into_iter().next()
    });
    passed.collect()
}

/// Where a null argument of a frame's call was loaded from.
fn argument_place(scene: &Scene<'_, '_>, frame: usize, register: Register) -> Option<RunAddr> {
    let memory = scene.crash.memory;
    let caller = scene.crash.frame(frame)?;
    let after = caller.at.addr();
    let outermost = scene.crash.calls().iter().rfind(|call| call.frame == frame)?;
    let start = after.0.checked_sub(outermost.call.function.as_ref()?.offset?)?;
    let mut registers = caller.registers;
    registers.set(register, Some(0));
    let operands = Operands { registers, fs_base: None, gs_base: None };
    match Path::before_call(memory, operands, RunAddr(start), after)?.origin(register) {
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
    let outermost = scene.crash.calls().iter().rfind(|call| call.frame == frame)?;
    let offset = outermost.call.function.as_ref()?.offset?;
    let start = scene.crash.frame(frame)?.at.addr().0.checked_sub(offset)?;
    // Branches back come from behind: a loop is seldom longer than that.
    let size = offset.saturating_add(4096);
    Path::read(scene.crash.memory, *operands, RunAddr(start), at, size)
}

/// A search for pointers of one frame.
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
        self.search(&self.scene.context(), &with(&frames, self.frame, &marked), MARK)
    }

    fn with_memory(&self, at: RunAddr) -> Vec<Suspect> {
        let crash = self.scene.crash;
        let marked = Marked { memory: crash.memory, at };
        let context = Context::new(crash.process, &marked, crash.symbols, crash.limits);
        self.search(&context, &self.scene.frames(), MARK)
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
    marked.registers.set(register, Some(MARK));
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
        let mark = self.model().order.bytes(u128::from(MARK), 8);
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
