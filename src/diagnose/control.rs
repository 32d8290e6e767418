//! How the program counter came to be where nothing may run.

use crate::base::addr::{FrameAddr, RunAddr};
use crate::diagnose::culprit::{mark, path, variable_in};
use crate::diagnose::fault::{Fault, is_canonical};
use crate::diagnose::ground::global_at;
use crate::diagnose::instruction::{Instruction, Isa, Operands};
use crate::diagnose::origin::Origin;
use crate::diagnose::scene::Scene;
use crate::variables::value::{Value, ValueKind, Variable};
use crate::variables::{Which, variables};

/// How deep the parts of a variable are searched.
const MOST_DEPTH: usize = 6;

/// Callers whose variables are looked through.
const MOST_CALLERS: usize = 4;

/// A change of control that led nowhere.
#[derive(Clone, Debug)]
pub struct Jump {
    /// Where it led.
    pub target: RunAddr,
    /// How.
    pub how: How,
    /// The frame that it came from: an index into the crashed thread's frames.
    pub frame: usize,
    /// Whether the frame has only called the function that jumped, which has
    /// no frame any more.
    pub is_behind: bool,
    /// What held the target, as the source names it.
    pub pointer: Option<String>,
    /// Where the target was loaded from, and the pointer that led there: an
    /// object's table of functions, say.
    pub places: Vec<RunAddr>,
}

/// How control got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A call through a pointer.
    Call,
    /// A jump, in the place of a function's last call.
    Jump,
    /// A return, whose address on the stack was overwritten.
    Return,
    /// It cannot be told.
    Unknown,
}

impl Jump {
    /// "`call_back` called", "a function that `call_back` called jumped to",
    /// "jump to": what stands before the target.
    pub fn words(&self, scene: &Scene<'_, '_>) -> String {
        let from = scene.call_in_frame(self.frame).and_then(|(_, call)| call.function());
        match (self.how, from) {
            (How::Call, Some(from)) => format!("`{from}` called"),
            (How::Call, None) => "call of".to_owned(),
            (How::Jump, Some(from)) if self.is_behind => {
                format!("a function that `{from}` called jumped to")
            }
            (How::Jump, Some(from)) => format!("`{from}` jumped to"),
            (How::Return, _) => "return to".to_owned(),
            (How::Jump | How::Unknown, _) => "jump to".to_owned(),
        }
    }
}

/// The change of control that is at fault, if one is.
pub fn jump(scene: &Scene<'_, '_>, fault: &Fault) -> Option<Jump> {
    if fault.is_fetch(scene.crash.process) {
        return Some(arrived(scene, fault));
    }
    // Addresses of a bad form are refused before they are reached.
    let instruction = fault.instruction.as_ref()?;
    if !fault.is_general_protection() {
        return None;
    }
    let target = instruction.target(&fault.operands, scene.crash.memory)?;
    if is_canonical(target) {
        return None;
    }
    let how = match () {
        () if instruction.is_return() => How::Return,
        () if instruction.is_call() => How::Call,
        () => How::Jump,
    };
    let (pointer, places) = match how {
        How::Return => (None, Vec::new()),
        _ => (
            pointer(scene, fault.frame, &fault.operands, instruction),
            places(scene, fault.frame, &fault.operands, instruction),
        ),
    };
    Some(Jump { target, how, frame: fault.frame, is_behind: false, pointer, places })
}

/// The pc is nowhere: what is on top of the stack tells how it came there.
fn arrived(scene: &Scene<'_, '_>, fault: &Fault) -> Jump {
    let registers = &fault.operands.registers;
    let target = registers.pc().unwrap_or_default();
    let memory = scene.crash.memory;
    let arch = registers.arch();
    let word = |at: Option<RunAddr>| at.and_then(|at| memory.word(at).ok()).map(RunAddr);
    let caller = fault.frame.saturating_add(1);
    let how = How::Unknown;
    let unknown = Jump {
        target,
        how,
        frame: fault.frame,
        is_behind: false,
        pointer: None,
        places: Vec::new(),
    };
    let link = arch.link_register();
    let back = match link {
        Some(link) => registers.get(link).map(|at| RunAddr(registers.code_address(at))),
        None => word(registers.sp()),
    };
    // A return leaves its own address in the link register.
    if link.is_some() && back == Some(target) {
        return Jump { how: How::Return, ..unknown };
    }
    if let Some(back) = back
        && let Some(call) = call_before(scene, back)
    {
        // Nothing has run since: the registers are those of the call, but for
        // the return address.
        let mut operands = fault.operands;
        match link {
            Some(link) => operands.registers.set(link, None),
            None => {
                let size = u64::from(arch.model().address_size);
                let sp = registers.sp().and_then(|sp| sp.checked_add(size));
                operands.registers.set(arch.stack_pointer(), sp.map(|sp| sp.0));
            }
        }
        operands.registers.set(arch.program_counter(), Some(call.at.0));
        if call.target(&operands, memory) == Some(target) {
            let places = places(scene, caller, &operands, &call);
            let pointer = pointer(scene, caller, &operands, &call)
                .or_else(|| pointer_then(scene, caller, &operands, &call));
            return Jump { how: How::Call, frame: caller, pointer, places, ..unknown };
        }
        // What is in a link register may be of an earlier call, of the function that
        // has jumped itself.
        if link.is_some() {
            return Jump { frame: caller, ..unknown };
        }
        // The function that was called has jumped on.
        return Jump { how: How::Jump, frame: caller, is_behind: true, ..unknown };
    }
    let size = u64::from(arch.model().address_size);
    let popped = registers.sp().map(|sp| RunAddr(sp.0.wrapping_sub(size)));
    if link.is_none() && word(popped) == Some(target) {
        return Jump { how: How::Return, ..unknown };
    }
    unknown
}

/// The call instruction that ends at a return address.
fn call_before(scene: &Scene<'_, '_>, back: RunAddr) -> Option<Instruction> {
    let isa = Isa::of(scene.crash.process.arch)?;
    isa.call_lengths().find_map(|length| {
        let at = RunAddr(back.0.checked_sub(length)?);
        let instruction = Instruction::read(scene.crash.memory, isa, at)?;
        (instruction.end() == back && instruction.is_call()).then_some(instruction)
    })
}

/// Where an indirect call took its target from, and where that place's own
/// address came from.
fn places(
    scene: &Scene<'_, '_>,
    frame: usize,
    operands: &Operands,
    instruction: &Instruction,
) -> Vec<RunAddr> {
    if !instruction.is_indirect() {
        return Vec::new();
    }
    let accesses = instruction.accesses(operands);
    let read = accesses.iter().find(|access| !access.kind.writes());
    let loaded = |register| match path(scene, frame, operands)?.origin(register) {
        Origin::Loaded(at) | Origin::Moved { from: at, .. } => Some(at),
        _ => None,
    };
    match read {
        Some(read) => {
            let table = read.base.and_then(|base| base.number).and_then(loaded);
            read.address.into_iter().chain(table).collect()
        }
        None => instruction.target_register().and_then(loaded).into_iter().collect(),
    }
}

/// What the source calls the pointer that an indirect call goes through.
fn pointer(
    scene: &Scene<'_, '_>,
    frame: usize,
    operands: &Operands,
    instruction: &Instruction,
) -> Option<String> {
    if !instruction.is_indirect() {
        return None;
    }
    let accesses = instruction.accesses(operands);
    let read = accesses.iter().find(|access| !access.kind.writes());
    if let Some(read) = read {
        return named(scene, frame, read.address?);
    }
    let register = instruction.target_register()?;
    if let Some(variable) = variable_in(scene, frame, register) {
        return Some(variable.name);
    }
    match path(scene, frame, operands)?.origin(register) {
        Origin::Loaded(at) => named(scene, frame, at),
        _ => None,
    }
}

/// As [`pointer()`], by the variables as they were when the call was made: while
/// the called function runs, many of them are lost.
fn pointer_then(
    scene: &Scene<'_, '_>,
    frame: usize,
    operands: &Operands,
    call: &Instruction,
) -> Option<String> {
    if !call.is_indirect() {
        return None;
    }
    let accesses = call.accesses(operands);
    let read = accesses.iter().find(|access| !access.kind.writes());
    let frames = scene.frames();
    let mut then = (*frames.get(frame)?).clone();
    then.at = FrameAddr::Pc(call.at);
    then.registers = operands.registers;
    let mark = mark(operands.arch().model());
    if read.is_none() {
        then.registers.set(call.target_register()?, Some(mark));
    }
    let mut all = frames.clone();
    *all.get_mut(frame)? = &then;
    let context = scene.context();
    let calls = scene.crash.calls().iter().filter(|call| call.frame == frame);
    calls.into_iter().find_map(|call| {
        let variables = variables(&context, &all, frame, &call.call, Which::All);
        match read {
            Some(read) => variables.iter().find_map(|it| part_at(it, read.address?)),
            None => variables.into_iter().find(|it| it.value.raw == Some(mark)).map(|it| it.name),
        }
    })
}

/// The pointer that lies at an address, among the variables of the frames that
/// called a frame: compilers pass what a pointer leads to in its place.
pub(super) fn named_by_callers(scene: &Scene<'_, '_>, frame: usize, at: RunAddr) -> Option<String> {
    let last = frame.saturating_add(MOST_CALLERS);
    let calls = scene.crash.calls().iter();
    let calls = calls.filter(|call| call.frame > frame && call.frame <= last);
    calls.flat_map(|call| &call.variables).find_map(|variable| part_at(variable, at))
}

/// The pointer that lies at an address: a variable of the frame or a part of
/// one, or a global one.
fn named(scene: &Scene<'_, '_>, frame: usize, at: RunAddr) -> Option<String> {
    let calls = scene.crash.calls().iter().filter(|call| call.frame == frame);
    let variables = calls.flat_map(|call| &call.variables);
    let local = variables.into_iter().find_map(|variable| part_at(variable, at));
    local.or_else(|| global_at(scene, at))
}

/// The pointer at an address among the parts of a variable, as C would name
/// it.
fn part_at(variable: &Variable, at: RunAddr) -> Option<String> {
    search(&variable.value, &variable.name, at, MOST_DEPTH)
}

fn search(value: &Value, name: &str, at: RunAddr, depth: usize) -> Option<String> {
    let is_pointer = matches!(value.kind, ValueKind::Function | ValueKind::Pointer);
    if is_pointer && value.address == Some(at) {
        return Some(name.to_owned());
    }
    let depth = depth.checked_sub(1)?;
    let fields = value.fields.iter().find_map(|(field, inner)| {
        if field != "*" {
            return search(inner, &format!("{name}.{field}"), at, depth);
        }
        // The members of what a pointer points to.
        inner
            .fields
            .iter()
            .find_map(|(field, inner)| search(inner, &format!("{name}->{field}"), at, depth))
    });
    fields.or_else(|| {
        let elements = value.elements.iter().enumerate();
        elements
            .into_iter()
            .find_map(|(index, inner)| search(inner, &format!("{name}[{index}]"), at, depth))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::value::Origin;

    fn pointer(at: u64) -> Value {
        let value = Value::leaf(ValueKind::Function, "NULL", Origin::Memory);
        Value { address: Some(RunAddr(at)), raw: Some(0), ..value }
    }

    fn holding(kind: ValueKind, fields: &[(&str, Value)]) -> Value {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Value { fields: fields.collect(), ..Value::leaf(kind, "", Origin::Memory) }
    }

    #[test]
    fn parts_by_address() {
        let handlers = Value {
            elements: vec![pointer(0x30), pointer(0x38)],
            ..Value::leaf(ValueKind::Array, "", Origin::Memory)
        };
        let listener = holding(ValueKind::Struct, &[("on_event", pointer(0x18))]);
        let value = holding(
            ValueKind::Struct,
            &[
                ("direct", pointer(0x10)),
                ("to", holding(ValueKind::Pointer, &[("*", listener)])),
                ("list", handlers),
            ],
        );
        let cases = [
            (0x10, Some("it.direct")),
            (0x18, Some("it.to->on_event")),
            (0x38, Some("it.list[1]")),
            (0x40, None),
        ];
        for (at, want) in cases {
            let found = search(&value, "it", RunAddr(at), MOST_DEPTH);
            assert_eq!(found.as_deref(), want, "{at:#x}");
        }
    }

    #[test]
    fn the_search_is_bounded() {
        let mut value = pointer(0x10);
        for _ in 0..MOST_DEPTH + 2 {
            value = holding(ValueKind::Struct, &[("inner", value)]);
        }
        assert_eq!(search(&value, "it", RunAddr(0x10), MOST_DEPTH), None);
    }
}
