//! Where the value of a register came from: the instructions before the fault,
//! read backwards.
//!
//! Only straight code is followed. Where another branch may lead to, or a call
//! may have changed the register, the origin is unknown.

use crate::base::arch::Register;
use iced_x86::{FlowControl, InstructionInfoFactory, Mnemonic, OpAccess, OpKind};

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::base::memory::Memory;
use crate::diagnose::instruction::{Instruction, Operands, number};

/// Code longer than this is not read to find its branches.
const LONGEST_FUNCTION: u64 = 64 << 10;

/// Instructions behind the fault among which the end of its loop is looked for.
const MOST_BEHIND: usize = 200;

/// Instructions that are followed back.
const MOST_STEPS: usize = 200;

/// Loads that are followed through one another: `a->b->c`.
const MOST_LOADS: usize = 8;

/// Where a register's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was loaded from memory, which still holds it.
    Loaded(RunAddr),
    /// It was loaded from memory, which still holds it, and a constant was
    /// added: a member's place.
    Moved {
        /// Where it was loaded from.
        from: RunAddr,
        /// What was added.
        by: i64,
    },
    /// It was loaded from memory, at an address that was computed: an element
    /// of an array, say, and no variable by itself.
    Element,
    /// A function returned it.
    Returned {
        /// The function, when the call names it.
        function: Option<RunAddr>,
    },
    /// The code itself states it.
    Constant,
    /// It cannot be told.
    Unknown,
}

/// Where a value is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In this frame.
    Here(Known),
    /// It is what this register held when the function was called.
    Entry(Register),
}

/// A value that a register had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The value.
    pub value: u64,
    /// How it came there.
    pub via: Via,
}

/// How a value came into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// It was loaded from here, where it still is.
    Memory(RunAddr),
    /// It was copied from this register, whose value the frame knows.
    Register(Register),
    /// The code computed it: the address of a local variable, say.
    Code,
}

/// The code of one function up to an instruction of it.
pub struct Path<'m> {
    memory: &'m dyn Memory,
    operands: Operands,
    /// The instructions before, in the order of their addresses.
    before: Vec<Instruction>,
    /// Where branches of the function lead to, sorted.
    targets: Vec<RunAddr>,
    /// The function's first instruction.
    start: RunAddr,
    /// The instruction that the operands belong to.
    at: RunAddr,
    /// Whether a branch from behind it leads to it, or before it.
    is_in_loop: bool,
}

impl<'m> Path<'m> {
    /// Reads the code from `start`, the function's first instruction, to `at`,
    /// the one that `operands` belong to, and on to the function's end, `size`
    /// bytes from its start, for branches back.
    pub fn read(
        memory: &'m dyn Memory,
        operands: Operands,
        start: RunAddr,
        at: RunAddr,
        size: u64,
    ) -> Option<Self> {
        if operands.registers.arch() != Arch::X86_64 {
            return None;
        }
        let length = at.0.checked_sub(start.0).filter(|length| *length < LONGEST_FUNCTION)?;
        let size = size.clamp(length, LONGEST_FUNCTION);
        let mut code = vec![0; usize::try_from(size).ok()?];
        let got = memory.read(start, &mut code);
        let all = Instruction::decode_all(start, code.get(..got)?);
        let mut targets: Vec<RunAddr> = all
            .iter()
            .filter(|it| {
                let flow = it.raw().flow_control();
                matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch)
            })
            .map(|it| RunAddr(it.raw().near_branch_target()))
            .collect();
        targets.sort_unstable();
        // Straight on to the next return: what lies behind may be another
        // function.
        let behind = all.iter().filter(|it| it.at >= at).take(MOST_BEHIND);
        let is_in_loop = behind.take_while(|it| !it.is_return()).any(|it| {
            let flow = it.raw().flow_control();
            let branches =
                matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
            let target = it.raw().near_branch_target();
            branches && (start.0..=at.0).contains(&target)
        });
        let before: Vec<Instruction> = all.into_iter().take_while(|it| it.at < at).collect();
        // The instructions must meet the one at fault, or they are not the
        // ones that ran.
        let meets = at == start || before.last().is_some_and(|last| last.end() == at);
        meets.then_some(Self { memory, operands, before, targets, start, at, is_in_loop })
    }

    /// As [`Path::read`], up to the call that returns to `after`.
    pub fn before_call(
        memory: &'m dyn Memory,
        operands: Operands,
        start: RunAddr,
        after: RunAddr,
    ) -> Option<Self> {
        if operands.registers.arch() != Arch::X86_64 {
            return None;
        }
        let length = usize::try_from(after.0.checked_sub(start.0)?).ok()?;
        let mut code = vec![0; length.min(usize::try_from(LONGEST_FUNCTION).ok()?)];
        let got = memory.read(start, &mut code);
        let all = Instruction::decode_all(start, code.get(..got)?);
        let call = all.last().filter(|last| last.is_call() && last.end() == after)?;
        Self::read(memory, operands, start, call.at, after.0.checked_sub(start.0)?)
    }

    /// Whether the code jumps back from behind, over this place: it is in a
    /// loop.
    pub fn is_in_loop(&self) -> bool {
        self.is_in_loop
    }

    /// Where the value of `register` came from.
    pub fn origin(&self, register: Register) -> Origin {
        let expected = self.operands.registers.get(register);
        let mut by = 0_i64;
        let mut wanted = register;
        let mut from = self.before.len();
        let (index, write) = loop {
            match self.last_write(from, wanted, true) {
                Some((index, Write::Moved(source, more))) => {
                    by = by.wrapping_add(more);
                    wanted = source;
                    from = index;
                }
                Some(found) => break found,
                None => return Origin::Unknown,
            }
        };
        match write {
            Write::Load => match self.loaded_from(index, MOST_LOADS) {
                None => Origin::Element,
                // What has been changed since says nothing.
                Some(at)
                    if self.memory.u64(at).ok().map(|it| it.wrapping_add_signed(by))
                        == expected =>
                {
                    match by {
                        0 => Origin::Loaded(at),
                        by => Origin::Moved { from: at, by },
                    }
                }
                _ => Origin::Unknown,
            },
            _ if by != 0 => Origin::Unknown,
            Write::Returned => {
                let raw = self.before.get(index).map(Instruction::raw);
                let direct = raw.filter(|raw| raw.is_call_near());
                let function = direct.map(|raw| RunAddr(raw.near_branch_target()));
                Origin::Returned { function }
            }
            Write::Constant => Origin::Constant,
            Write::Address | Write::Moved(..) | Write::Computed(_) | Write::Other => {
                Origin::Unknown
            }
        }
    }

    /// The value of `register` where the path ends, and how it came there, when
    /// the frame itself does not know the register any more: a call has used it
    /// for other things.
    pub fn value(&self, register: Register) -> Option<Source> {
        let mut wanted = register;
        let mut index = self.before.len();
        for _ in 0..MOST_STEPS {
            // Callee-saved registers are known, and hold what they held unless
            // they were written since.
            let later = self.before.get(index..).filter(|later| later.len() <= MOST_STEPS)?;
            let is_unchanged = || later.iter().all(|it| write(it, wanted).is_none());
            if let Some(value) = self.operands.registers.get(wanted).filter(|_| is_unchanged()) {
                return Some(Source::Here(Known { value, via: Via::Register(wanted) }));
            }
            let Some((at, from)) = self.last_write(index, wanted, false) else {
                return self.is_as_at_entry(index, wanted).then_some(Source::Entry(wanted));
            };
            match from {
                Write::Computed(Some(from)) => {
                    wanted = from;
                    index = at;
                }
                Write::Load => {
                    let place = self.loaded_from(at, MOST_LOADS)?;
                    let value = self.memory.u64(place).ok()?;
                    return Some(Source::Here(Known { value, via: Via::Memory(place) }));
                }
                Write::Moved(..)
                    if self
                        .before
                        .get(at)
                        .is_some_and(|it| it.raw().mnemonic() != Mnemonic::Lea) =>
                {
                    return None;
                }
                Write::Moved(..) | Write::Address => {
                    let value = self.loaded_from(at, MOST_LOADS)?.0;
                    return Some(Source::Here(Known { value, via: Via::Code }));
                }
                Write::Constant => {
                    let raw = self.before.get(at)?.raw();
                    let is_number = is_immediate(raw.op_kind(1));
                    let value = if is_number { raw.immediate(1) } else { 0 };
                    return Some(Source::Here(Known { value, via: Via::Code }));
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether a register still holds what the function was called with.
    pub fn is_untouched(&self, register: Register) -> bool {
        self.is_as_at_entry(self.before.len(), register)
    }

    /// Whether nothing from the function's start up to the instruction of this
    /// index writes a register, on whatever way it was reached.
    fn is_as_at_entry(&self, index: usize, register: Register) -> bool {
        let before = self.before.get(..index).unwrap_or_default();
        let has_start = before.first().is_none_or(|first| first.at == self.start);
        has_start && before.iter().all(|it| write(it, register).is_none())
    }

    /// The last instruction before the one of this index that wrote the
    /// register, and how. Copies from register to register are followed when
    /// that is wanted.
    fn last_write(
        &self,
        before: usize,
        register: Register,
        follow_copies: bool,
    ) -> Option<(usize, Write)> {
        let mut wanted = register;
        let mut index = before;
        for _ in 0..MOST_STEPS {
            let next = self.before.get(index).map_or(self.at, |it| it.at);
            if self.targets.binary_search(&next).is_ok() {
                return None;
            }
            index = index.checked_sub(1)?;
            let instruction = self.before.get(index)?;
            if !instruction.falls_through() {
                return None;
            }
            match write(instruction, wanted) {
                None => (),
                // A plain copy.
                Some(Write::Computed(Some(from))) if follow_copies => wanted = from,
                Some(Write::Computed(None)) => return Some((index, Write::Other)),
                Some(write) => return Some((index, write)),
            }
        }
        None
    }

    /// The address that the load at `index` read.
    fn loaded_from(&self, index: usize, loads: usize) -> Option<RunAddr> {
        let raw = *self.before.get(index)?.raw();
        let at = raw.virtual_address(1, 0, |register, _, _| match number(register) {
            Some(register) => self.value_before(index, register, loads),
            None => self.operands.value(register),
        })?;
        Some(RunAddr(at))
    }

    /// The value of a register just before the instruction of this index, if it
    /// can be had from what is still there.
    fn value_before(&self, index: usize, register: Register, loads: usize) -> Option<u64> {
        let loads = loads.checked_sub(1)?;
        // Unchanged from there to the fault: the fault's registers have it.
        let later = self.before.get(index..)?;
        let is_unchanged = later.iter().all(|it| write(it, register).is_none());
        if is_unchanged && let Some(value) = self.operands.registers.get(register) {
            return Some(value);
        }
        let (index, write) = self.last_write(index, register, true)?;
        match write {
            Write::Load => self.memory.u64(self.loaded_from(index, loads)?).ok(),
            // The address of a table, or a number times the size of an element.
            Write::Address | Write::Moved(..)
                if self.before.get(index)?.raw().mnemonic() == Mnemonic::Lea =>
            {
                self.loaded_from(index, loads).map(|at| at.0)
            }
            _ => None,
        }
    }
}

/// How an instruction writes a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    /// All eight bytes from memory.
    Load,
    /// From another register, all eight bytes; `None`: from several things.
    Computed(Option<Register>),
    /// By a call, as its result.
    Returned,
    /// With a number.
    Constant,
    /// With an address that is computed from registers.
    Address,
    /// With a register and a constant.
    Moved(Register, i64),
    /// In another way.
    Other,
}

/// Whether and how an instruction writes a register.
fn write(instruction: &Instruction, register: Register) -> Option<Write> {
    let raw = instruction.raw();
    if instruction.is_call() {
        // System V psABI: the result is in %rax, and all but these survive.
        return match register.0 {
            0 => Some(Write::Returned),
            3 | 6 | 7 | 12..=15 => None,
            _ => Some(Write::Other),
        };
    }
    let mut factory = InstructionInfoFactory::new();
    let is_written = factory.info(raw).used_registers().iter().any(|used| {
        let writes = matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        );
        writes && number(used.register()) == Some(register)
    });
    if !is_written {
        return None;
    }
    let is_first =
        raw.op0_kind() == OpKind::Register && number(raw.op0_register()) == Some(register);
    let is_whole = is_first && raw.op0_register().size() == 8;
    Some(match (raw.mnemonic(), raw.op_kind(1)) {
        (Mnemonic::Mov, OpKind::Memory) if is_whole => Write::Load,
        (Mnemonic::Mov, OpKind::Register) if is_whole => {
            Write::Computed(number(raw.op1_register()))
        }
        // `xor %eax,%eax`, and `mov $0,%eax`, which clears the upper half.
        (Mnemonic::Xor | Mnemonic::Sub, OpKind::Register)
            if is_first && raw.op0_register() == raw.op1_register() =>
        {
            Write::Constant
        }
        (Mnemonic::Mov, kind) if is_first && is_immediate(kind) => Write::Constant,
        (Mnemonic::Lea, OpKind::Memory) if is_whole => match number(raw.memory_base()) {
            Some(base) if raw.memory_index() == iced_x86::Register::None && !is_frame(base) => {
                Write::Moved(base, raw.memory_displacement64().cast_signed())
            }
            _ => Write::Address,
        },
        (Mnemonic::Add, OpKind::Immediate8to64 | OpKind::Immediate32to64) if is_whole => {
            Write::Moved(register, raw.immediate(1).cast_signed())
        }
        (Mnemonic::Sub, OpKind::Immediate8to64 | OpKind::Immediate32to64) if is_whole => {
            Write::Moved(register, raw.immediate(1).cast_signed().wrapping_neg())
        }
        _ => Write::Other,
    })
}

/// The stack and the frame pointer: what is computed from them is a place, not
/// a pointer that was moved.
fn is_frame(register: Register) -> bool {
    matches!(register.0, 6 | 7)
}

fn is_immediate(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::unwind::registers::Registers;

    /// Code at 0x1000 and words at 0x8000.
    struct Both<'b>(&'b [u8], &'b [u8]);

    impl Memory for Both<'_> {
        fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
            use crate::base::memory::tests::Bytes;
            match at.0 {
                0x8000.. => Bytes(0x8000, self.1).read(at, out),
                _ => Bytes(0x1000, self.0).read(at, out),
            }
        }
    }

    /// Name, code, where the fault is in it, words at 0x8000, and the origin.
    type Case<'b> = (&'b str, &'b [u8], usize, &'b [u64], Origin);

    const RAX: Register = Register(0);
    const RBP: Register = Register(6);

    fn origin_of_rax(code: &[u8], at: usize, words: &[u64]) -> Origin {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let memory = Both(code, &words);
        let mut registers = Registers::unknown(Arch::X86_64);
        registers.set(RAX, Some(0));
        registers.set(RBP, Some(0x8010));
        let operands = Operands { registers, fs_base: None, gs_base: None };
        let at = RunAddr(0x1000 + at as u64);
        let path = Path::read(&memory, operands, RunAddr(0x1000), at, code.len() as u64);
        path.map_or(Origin::Unknown, |path| path.origin(RAX))
    }

    #[test]
    fn origins() {
        // Encodings from the assembler; each ends with mov (%rax),%eax.
        let local = [0x48, 0x8b, 0x45, 0xf8, 0x8b, 0x00];
        // mov -0x8(%rbp),%rax; mov 0x10(%rax),%rax; mov (%rax),%eax
        let member = [0x48, 0x8b, 0x45, 0xf8, 0x48, 0x8b, 0x40, 0x10, 0x8b, 0x00];
        // mov -0x8(%rbp),%rdx; mov %rdx,%rax; mov (%rax),%eax
        let copied = [0x48, 0x8b, 0x55, 0xf8, 0x48, 0x89, 0xd0, 0x8b, 0x00];
        // call 0x1105; mov (%rax),%eax
        let result = [0xe8, 0x00, 0x01, 0, 0, 0x8b, 0x00];
        // mov -0x8(%rbp),%rax; test %rax,%rax; je 0x1000; mov (%rax),%eax
        let tested = [0x48, 0x8b, 0x45, 0xf8, 0x48, 0x85, 0xc0, 0x74, 0xf7, 0x8b, 0x00];
        // jmp 0x1006; mov -0x8(%rbp),%rax; mov (%rax),%eax
        let jumped = [0xeb, 0x04, 0x48, 0x8b, 0x45, 0xf8, 0x8b, 0x00];
        // xor %eax,%eax; mov (%rax),%eax
        let zero = [0x31, 0xc0, 0x8b, 0x00];
        // add -0x8(%rbp),%rax; mov (%rax),%eax
        let added = [0x48, 0x03, 0x45, 0xf8, 0x8b, 0x00];
        let at_8008 = Origin::Loaded(RunAddr(0x8008));
        let called = Origin::Returned { function: Some(RunAddr(0x1105)) };
        let cases: &[Case<'_>] = &[
            ("a local variable", &local, 4, &[1, 0], at_8008),
            ("it has been changed since", &local, 4, &[1, 7], Origin::Unknown),
            ("a member", &member, 8, &[1, 0x8008, 2, 0], Origin::Loaded(RunAddr(0x8018))),
            ("a copy of a register", &copied, 7, &[1, 0], at_8008),
            ("a result", &result, 5, &[], called),
            ("a branch away does not matter", &tested, 9, &[1, 0], at_8008),
            ("a branch to the fault does", &jumped, 6, &[1, 0], Origin::Unknown),
            ("a constant", &zero, 2, &[], Origin::Constant),
            ("a sum", &added, 4, &[1, 0], Origin::Unknown),
            ("code that does not meet the fault", &local, 3, &[1, 0], Origin::Unknown),
            ("the first instruction", &local, 0, &[1, 0], Origin::Unknown),
        ];
        for (name, code, at, words, want) in cases {
            assert_eq!(origin_of_rax(code, *at, words), *want, "{name}");
        }
    }
}
