//! Through which functions a bad address came: each was handed it by its
//! caller, and has not changed it.
//!
//! Whoever reads a parameter that nobody in the function has written since
//! entry reads what the caller passed. Whether it was written is read from the
//! code of the whole function, since a loop may have been here before.

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Register};
use crate::diagnose::culprit;
use crate::diagnose::fault::Fault;
use crate::diagnose::instruction::{Effect, Instruction, Operands};
use crate::diagnose::origin::Origin;
use crate::diagnose::scene::Scene;
use crate::unwind::frame::Frame;
use crate::variables::calls::FrameCall;
use crate::variables::value;
use crate::variables::value::Variable;

/// How far from a pointer its target may lie: fields of big structures, short
/// arrays.
const NEAR: u64 = 64 << 10;

/// Calls that are looked at.
const MOST_CALLS: usize = 24;

/// Code of one function that is read, in bytes.
const LONGEST_FUNCTION: usize = 64 << 10;

/// The calls of the crashed thread that were handed the bad address: their
/// indices, and by what.
pub fn handed_in(scene: &Scene<'_, '_>) -> Vec<(usize, String)> {
    let Some(fault) = &scene.fault else { return Vec::new() };
    let Some(access) = fault.access() else { return Vec::new() };
    let Some(base) = access.base.and_then(|base| Some((base.number?, base.value?))) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, call) in scene.calls().take(MOST_CALLS) {
        if call.frame < fault.frame {
            continue;
        }
        match of_call(scene, fault, base, call) {
            Some(what) => found.push((index, what)),
            // What has no debug information hands on unseen.
            None if call.variables.is_empty() && !is_own(scene, call) => (),
            None => break,
        }
    }
    found
}

fn is_own(scene: &Scene<'_, '_>, call: &FrameCall) -> bool {
    !scene.is_library(call)
}

/// By what a call was handed the address that `base` held.
fn of_call(
    scene: &Scene<'_, '_>,
    fault: &Fault,
    base: (Register, u64),
    call: &FrameCall,
) -> Option<String> {
    let frame = scene.crash.frame(call.frame)?;
    let is_innermost = call.frame == fault.frame;
    let operands = match is_innermost {
        true => fault.operands,
        false => Operands::of(frame.registers),
    };
    // Where the base was loaded from tells which variable it was.
    let loaded = is_innermost
        .then(|| culprit::path(scene, call.frame, &operands)?.origin(base.0).loaded())
        .flatten();
    let code = (!call.call.is_inlined).then(|| Code::read(scene, frame, call, operands)).flatten();
    let arguments = call.variables.iter().filter(|variable| variable.is_argument);
    for (position, argument) in arguments.clone().enumerate() {
        let is_pointer = argument.type_name.contains(['*', '&']);
        let value = argument.value.raw.filter(|_| is_pointer);
        if value.is_none_or(|value| value.abs_diff(base.1) > NEAR) {
            continue;
        }
        if loaded.is_some() && argument.value.address.is_some() && argument.value.address != loaded
        {
            continue;
        }
        let is_changed = match &code {
            Some(code) => code.changes(argument, position, &call.variables),
            // An inlined function has no code of its own.
            None => false,
        };
        if !is_changed {
            return Some(format!("parameter `{}`", argument.name));
        }
    }
    // Without a readable argument: the register of one that nobody wrote.
    let has_values = arguments.clone().any(|argument| argument.value.raw.is_some());
    let is_argument = operands.arch().arguments().any(|register| register == base.0);
    let register = is_argument && is_innermost && !has_values;
    let code = code.filter(|_| register)?;
    (code.writes(base.0) == 0).then(|| "an argument register".to_owned())
}

impl Origin {
    fn loaded(self) -> Option<RunAddr> {
        match self {
            Self::Loaded(at) => Some(at),
            _ => None,
        }
    }
}

/// The instructions of one function.
struct Code {
    all: Vec<Instruction>,
    operands: Operands,
}

impl Code {
    fn read(
        scene: &Scene<'_, '_>,
        frame: &Frame,
        call: &FrameCall,
        operands: Operands,
    ) -> Option<Self> {
        let offset = call.call.function.as_ref()?.offset?;
        let start = frame.at.addr().0.checked_sub(offset)?;
        let wanted = usize::try_from(offset).ok()?.saturating_add(4096).min(LONGEST_FUNCTION);
        let mut code = vec![0; wanted];
        let got = scene.crash.memory.read(RunAddr(start), &mut code);
        let mut all = Instruction::decode_all(operands.isa()?, RunAddr(start), code.get(..got)?);
        let end = end(&all, frame.at.addr());
        all.truncate(end);
        let is_whole = all.last().is_some_and(|last| last.end() >= frame.at.addr());
        is_whole.then_some(Self { all, operands })
    }

    /// Whether a parameter may be another value than the caller passed. What
    /// cannot be told counts as changed.
    fn changes(&self, argument: &Variable, position: usize, variables: &[Variable]) -> bool {
        if argument.value.origin == value::Origin::EntryValue {
            return false;
        }
        if let Some(at) = argument.value.address {
            // One write is the prologue's, which saves the register.
            return self.writes_to(at) > 1;
        }
        let arch = self.operands.arch();
        let Some(entry) = entry_register(arch, position, variables) else { return true };
        if self.writes(entry) == 0 {
            return false;
        }
        // Copied once into a register that nobody else writes.
        let mut callee_saved = arch.unwound_registers().filter(|it| arch.is_callee_saved(*it));
        !callee_saved.any(|saved| {
            self.operands.registers.get(saved) == argument.value.raw
                && self.writes(saved) <= 2
                && self.all.iter().any(|it| it.effect(arch, saved) == Some(Effect::Copy(entry)))
        })
    }

    /// How many instructions write a register; calls write those that a callee
    /// may use, but only after all that was read before.
    fn writes(&self, register: Register) -> usize {
        let here = self.operands.registers.pc();
        let is_before = |it: &&Instruction| here.is_none_or(|pc| it.at < pc);
        let arch = self.operands.arch();
        let written = self.all.iter().filter(is_before);
        let written = written.filter(|it| it.effect(arch, register).is_some());
        written.count()
    }

    /// How many instructions write the variable at this address, or hand its
    /// address on.
    fn writes_to(&self, at: RunAddr) -> usize {
        let mut count = 0_usize;
        for instruction in &self.all {
            // What a call or push writes lies below all variables, but for those
            // of a function that calls nobody, in its red zone.
            if instruction.is_stack_instruction() {
                continue;
            }
            let accesses = instruction.accesses(&self.operands);
            let hits = accesses.iter().any(|access| {
                let is_frame = access.base.is_some_and(|base| base.is_frame());
                let is_here = access
                    .address
                    .is_some_and(|to| to.0 <= at.0 && at.0.wrapping_sub(to.0) < access.size.max(1));
                is_frame && is_here && access.kind.writes()
            });
            if hits {
                count = count.saturating_add(1);
            }
            if instruction.taken_address(&self.operands) == Some(at) {
                count = count.saturating_add(2);
            }
        }
        count
    }
}

/// The register in which a parameter arrives; `None` when a parameter before it
/// may use none or several.
fn entry_register(arch: Arch, position: usize, variables: &[Variable]) -> Option<Register> {
    let before = variables.iter().filter(|variable| variable.is_argument).take(position);
    let all_plain = before.into_iter().all(|variable| {
        let name = variable.type_name.as_str();
        let is_number = ["int", "long", "char", "bool", "short", "size_t", "u8", "u16", "u32"]
            .iter()
            .chain(&["u64", "usize", "i8", "i16", "i32", "i64", "isize", "unsigned"])
            .any(|word| name.contains(word));
        let is_fat = name.starts_with("&str") || name.starts_with("&[") || name.contains("dyn ");
        (name.contains(['*', '&']) || is_number) && !is_fat
    });
    arch.argument(position).filter(|_| all_plain)
}

/// How many instructions belong to the function that `at` is in: up to one that
/// does not go on, and that no branch before it leads past.
fn end(all: &[Instruction], at: RunAddr) -> usize {
    let mut furthest = at;
    for (index, instruction) in all.iter().enumerate() {
        // A branch far away is a call at the function's end.
        if let Some(target) = instruction.branch_target()
            && target.0.checked_sub(instruction.at.0).is_some_and(|far| (1..4096).contains(&far))
        {
            furthest = furthest.max(target);
        }
        if !instruction.falls_through() && instruction.end() > furthest {
            return index + 1;
        }
    }
    all.len()
}
