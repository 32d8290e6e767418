//! Through which functions a bad address came: each was handed it by its
//! caller, and has not changed it.
//!
//! Whoever reads a parameter that nobody in the function has written since
//! entry reads what the caller passed. Whether it was written is read from the
//! code of the whole function, since a loop may have been here before.

use crate::base::arch::Register;

use crate::base::addr::RunAddr;
use crate::diagnose::culprit;
use crate::diagnose::fault::Fault;
use crate::diagnose::instruction::{Instruction, Operands, number};
use crate::diagnose::origin::Origin;
use crate::diagnose::scene::Scene;
use crate::unwind::frame::Frame;
use crate::variables::calls::FrameCall;
use crate::variables::value;
use crate::variables::value::Variable;
use iced_x86::{InstructionInfoFactory, OpAccess};

/// How far from a pointer its target may lie: fields of big structures, short
/// arrays.
const NEAR: u64 = 64 << 10;

/// Calls that are looked at.
const MOST_CALLS: usize = 24;

/// Code of one function that is read, in bytes.
const LONGEST_FUNCTION: usize = 64 << 10;

/// Integer arguments by their DWARF numbers: rdi, rsi, rdx, rcx, r8, r9 (System
/// V psABI for AMD64, 3.2.3).
const ARGUMENTS: [Register; 6] =
    [Register(5), Register(4), Register(1), Register(2), Register(8), Register(9)];

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
        false => Operands { registers: frame.registers, fs_base: None, gs_base: None },
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
    let register = ARGUMENTS.contains(&base.0) && is_innermost && !has_values;
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
        let mut all = Instruction::decode_all(RunAddr(start), code.get(..got)?);
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
        let Some(entry) = entry_register(position, variables) else { return true };
        if self.writes(entry) == 0 {
            return false;
        }
        // Copied once into a register that nobody else writes.
        let mut callee_saved = [3_u16, 6, 12, 13, 14, 15].into_iter().map(Register);
        !callee_saved.any(|saved| {
            self.operands.registers.get(saved) == argument.value.raw
                && self.writes(saved) <= 2
                && self.all.iter().any(|it| is_copy(it, saved, entry))
        })
    }

    /// How many instructions write a register; calls write those that a callee
    /// may use, but only after all that was read before.
    fn writes(&self, register: Register) -> usize {
        let mut factory = InstructionInfoFactory::new();
        let here = self.operands.registers.pc();
        let is_before = |it: &&Instruction| here.is_none_or(|pc| it.at < pc);
        let written = self.all.iter().filter(is_before).filter(|it| {
            if it.is_call() {
                return !matches!(register.0, 3 | 6 | 7 | 12..=15);
            }
            factory.info(it.raw()).used_registers().iter().any(|used| {
                let writes = matches!(
                    used.access(),
                    OpAccess::Write
                        | OpAccess::CondWrite
                        | OpAccess::ReadWrite
                        | OpAccess::ReadCondWrite
                );
                writes && number(used.register()) == Some(register)
            })
        });
        written.count()
    }

    /// How many instructions write the variable at this address, or hand its
    /// address on.
    fn writes_to(&self, at: RunAddr) -> usize {
        let mut count = 0_usize;
        for instruction in &self.all {
            // What a call or push writes lies below all variables, but for those
            // of a function that calls nobody, in its red zone.
            if instruction.raw().is_stack_instruction() {
                continue;
            }
            let accesses = instruction.accesses(&self.operands);
            let hits = accesses.iter().any(|access| {
                let is_frame = access.base.is_some_and(|base| matches!(base.name, "rbp" | "rsp"));
                let is_here = access
                    .address
                    .is_some_and(|to| to.0 <= at.0 && at.0.wrapping_sub(to.0) < access.size.max(1));
                is_frame && is_here && access.kind.writes()
            });
            let is_lea = instruction.raw().mnemonic() == iced_x86::Mnemonic::Lea;
            let to = is_lea.then(|| {
                let raw = instruction.raw();
                raw.virtual_address(1, 0, |register, _, _| self.operands.value(register))
            });
            if hits {
                count = count.saturating_add(1);
            }
            if to.flatten() == Some(at.0) {
                count = count.saturating_add(2);
            }
        }
        count
    }
}

/// Whether an instruction copies all of a register into another one.
fn is_copy(instruction: &Instruction, to: Register, from: Register) -> bool {
    let raw = instruction.raw();
    raw.mnemonic() == iced_x86::Mnemonic::Mov
        && raw.op0_kind() == iced_x86::OpKind::Register
        && raw.op1_kind() == iced_x86::OpKind::Register
        && number(raw.op0_register()) == Some(to)
        && number(raw.op1_register()) == Some(from)
}

/// The register in which a parameter arrives; `None` when a parameter before it
/// may use none or several.
fn entry_register(position: usize, variables: &[Variable]) -> Option<Register> {
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
    ARGUMENTS.get(position).copied().filter(|_| all_plain)
}

/// How many instructions belong to the function that `at` is in: up to one that
/// does not go on, and that no branch before it leads past.
fn end(all: &[Instruction], at: RunAddr) -> usize {
    let mut furthest = at;
    for (index, instruction) in all.iter().enumerate() {
        let raw = instruction.raw();
        let flow = raw.flow_control();
        let is_branch = matches!(
            flow,
            iced_x86::FlowControl::ConditionalBranch | iced_x86::FlowControl::UnconditionalBranch
        );
        let target = RunAddr(raw.near_branch_target());
        // A branch far away is a call at the function's end.
        if is_branch && target.0 > instruction.at.0 && target.0 - instruction.at.0 < 4096 {
            furthest = furthest.max(target);
        }
        if !instruction.falls_through() && instruction.end() > furthest {
            return index + 1;
        }
    }
    all.len()
}
