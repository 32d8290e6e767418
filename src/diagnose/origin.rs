//! Where the value of a register came from: the instructions before the fault,
//! read backwards.
//!
//! Only straight code is followed. Where another branch may lead to, or a call
//! may have changed the register, the origin is unknown.

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Register};
use crate::base::memory::Memory;
use crate::diagnose::instruction::{Effect, Instruction, Isa, Operands};

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
        let isa = operands.isa()?;
        let length = at.0.checked_sub(start.0).filter(|length| *length < LONGEST_FUNCTION)?;
        let size = size.clamp(length, LONGEST_FUNCTION);
        let mut code = vec![0; usize::try_from(size).ok()?];
        let got = memory.read(start, &mut code);
        let all = Instruction::decode_all(isa, start, code.get(..got)?);
        let mut targets: Vec<RunAddr> = all.iter().filter_map(Instruction::branch_target).collect();
        targets.sort_unstable();
        // Straight on to the next return: what lies behind may be another
        // function.
        let behind = all.iter().filter(|it| it.at >= at).take(MOST_BEHIND);
        let is_in_loop = behind
            .take_while(|it| !it.is_return())
            .any(|it| it.branch_target().is_some_and(|target| (start..=at).contains(&target)));
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
        let isa = operands.isa()?;
        let length = usize::try_from(after.0.checked_sub(start.0)?).ok()?;
        let mut code = vec![0; length.min(usize::try_from(LONGEST_FUNCTION).ok()?)];
        let got = memory.read(start, &mut code);
        let all = Instruction::decode_all(isa, start, code.get(..got)?);
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
        let (index, effect) = loop {
            match self.last_change(from, wanted, true) {
                Some((index, _, Effect::Moved(source, more))) => {
                    by = by.wrapping_add(more);
                    wanted = source;
                    from = index;
                }
                Some((index, changed, effect)) => {
                    wanted = changed;
                    break (index, effect);
                }
                None => return Origin::Unknown,
            }
        };
        match effect {
            Effect::Load => match self.address_at(index, wanted, MOST_LOADS) {
                None => Origin::Element,
                // What has been changed since says nothing.
                Some(at) if self.memory.word(at).ok().map(|it| self.moved(it, by)) == expected => {
                    match by {
                        0 => Origin::Loaded(at),
                        by => Origin::Moved { from: at, by },
                    }
                }
                _ => Origin::Unknown,
            },
            _ if by != 0 => Origin::Unknown,
            Effect::Returned => {
                let function = self.before.get(index).and_then(Instruction::called);
                Origin::Returned { function }
            }
            Effect::Constant => Origin::Constant,
            Effect::Address | Effect::Moved(..) | Effect::Copy(_) | Effect::Other => {
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
            let is_unchanged = || later.iter().all(|it| self.effect(it, wanted).is_none());
            if let Some(value) = self.operands.registers.get(wanted).filter(|_| is_unchanged()) {
                return Some(Source::Here(Known { value, via: Via::Register(wanted) }));
            }
            let Some((at, _, from)) = self.last_change(index, wanted, false) else {
                return self.is_as_at_entry(index, wanted).then_some(Source::Entry(wanted));
            };
            match from {
                Effect::Copy(from) => {
                    wanted = from;
                    index = at;
                }
                Effect::Load => {
                    let place = self.address_at(at, wanted, MOST_LOADS)?;
                    let value = self.memory.word(place).ok()?;
                    return Some(Source::Here(Known { value, via: Via::Memory(place) }));
                }
                Effect::Moved(..) | Effect::Address => {
                    let value = self.address_at(at, wanted, MOST_LOADS)?.0;
                    return Some(Source::Here(Known { value, via: Via::Code }));
                }
                Effect::Constant => {
                    let value = self.before.get(at)?.constant()?;
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
        has_start && before.iter().all(|it| self.effect(it, register).is_none())
    }

    /// The last instruction before the one of this index that changed the
    /// register, and how; with the register that it was in there. Copies from register to register are followed when
    /// that is wanted.
    fn last_change(
        &self,
        before: usize,
        register: Register,
        follow_copies: bool,
    ) -> Option<(usize, Register, Effect)> {
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
            match self.effect(instruction, wanted) {
                None => (),
                Some(Effect::Copy(from)) if follow_copies => wanted = from,
                Some(effect) => return Some((index, wanted, effect)),
            }
        }
        None
    }

    /// The address from which the instruction at `index` loads a register, or
    /// which it computes into it.
    fn address_at(&self, index: usize, register: Register, loads: usize) -> Option<RunAddr> {
        let instruction = self.before.get(index)?;
        let values = |register| self.value_before(index, register, loads);
        instruction.address_for(register, &self.operands, &values)
    }

    /// The value of a register just before the instruction of this index, if it
    /// can be had from what is still there.
    fn value_before(&self, index: usize, register: Register, loads: usize) -> Option<u64> {
        let loads = loads.checked_sub(1)?;
        // Unchanged from there to the fault: the fault's registers have it.
        let later = self.before.get(index..)?;
        let is_unchanged = later.iter().all(|it| self.effect(it, register).is_none());
        if is_unchanged && let Some(value) = self.operands.registers.get(register) {
            return Some(value);
        }
        let (index, wanted, effect) = self.last_change(index, register, true)?;
        match effect {
            Effect::Load => self.memory.word(self.address_at(index, wanted, loads)?).ok(),
            // A page of the code's own data, say, to which a load adds the rest.
            Effect::Address => self.address_at(index, wanted, loads).map(|at| at.0),
            _ => None,
        }
    }

    fn effect(&self, instruction: &Instruction, register: Register) -> Option<Effect> {
        let effect = instruction.effect(self.arch(), register);
        match effect {
            Some(Effect::Returned | Effect::Other) if instruction.is_call() => {
                match self.told_place(instruction) {
                    Some(told) => (told == register).then_some(Effect::Other),
                    None => effect,
                }
            }
            _ => effect,
        }
    }

    /// The register into which a call only fetches its own place, as code of i386
    /// does with `__x86.get_pc_thunk.bx`: all others stay what they are.
    fn told_place(&self, call: &Instruction) -> Option<Register> {
        let isa = self.operands.isa().filter(|isa| *isa == Isa::I386)?;
        let first = Instruction::read(self.memory, isa, call.called()?)?;
        let then = Instruction::read(self.memory, isa, first.end())?;
        let access = first.accesses(&self.operands).into_iter().next()?;
        let is_top = access.base.is_some_and(|base| base.name == "esp")
            && access.index.is_none()
            && access.displacement == 0;
        let arch = self.arch();
        let loads = |it: &Register| first.effect(arch, *it) == Some(Effect::Load);
        let told = arch.unwound_registers().find(loads)?;
        (is_top && then.is_return()).then_some(told)
    }

    fn arch(&self) -> Arch {
        self.operands.arch()
    }

    /// A pointer plus a constant, in the size of the architecture's.
    fn moved(&self, value: u64, by: i64) -> u64 {
        let sum = value.wrapping_add_signed(by);
        if self.arch().is_64() { sum } else { sum & 0xffff_ffff }
    }
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
        let operands = Operands::of(registers);
        let at = RunAddr(0x1000 + at as u64);
        let path = Path::read(&memory, operands, RunAddr(0x1000), at, code.len() as u64);
        path.map_or(Origin::Unknown, |path| path.origin(RAX))
    }

    #[test]
    fn origins_on_aarch64() {
        use crate::base::data_model::ByteOrder;
        // Encodings from the assembler; each ends with ldr w0, [x0].
        let (load, end) = (0xf940_07e0_u32, 0xb940_0000_u32);
        let cases: &[(&str, &[u32], &[u64], Origin)] = &[
            // ldr x0, [sp, #8]
            ("a local variable", &[load, end], &[1, 0], Origin::Loaded(RunAddr(0x8008))),
            ("it has been changed since", &[load, end], &[1, 7], Origin::Unknown),
            // ldr x0, [sp, #8]; ldr x0, [x0, #16]
            (
                "a member",
                &[load, 0xf940_0800, end],
                &[1, 0x8008, 2, 0],
                Origin::Loaded(RunAddr(0x8018)),
            ),
            // ldp x1, x0, [sp]
            ("of a pair", &[0xa940_03e1, end], &[1, 0], Origin::Loaded(RunAddr(0x8008))),
            // adrp x0, .+0x7000; ldr x0, [x0, #8]
            (
                "a global variable",
                &[0xf000_0020, 0xf940_0400, end],
                &[1, 0],
                Origin::Loaded(RunAddr(0x8008)),
            ),
            // ldr x1, [sp, #8]; mov x0, x1
            ("a copy", &[0xf940_07e1, 0xaa01_03e0, end], &[1, 0], Origin::Loaded(RunAddr(0x8008))),
            // bl .+0x100
            (
                "a result",
                &[0x9400_0040, end],
                &[],
                Origin::Returned { function: Some(RunAddr(0x1100)) },
            ),
            // b .+8; ldr x0, [sp, #8]
            ("a branch to the fault", &[0x1400_0002, load, end], &[1, 0], Origin::Unknown),
            // mov x0, #0
            ("a constant", &[0xd280_0000, end], &[], Origin::Constant),
        ];
        for (name, code, words, want) in cases {
            let code: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
            let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let memory = Both(&code, &words);
            let arch = Arch::from_elf(183, true, ByteOrder::Little, 0);
            let mut registers = Registers::unknown(arch);
            registers.set(Register(0), Some(0));
            registers.set(arch.stack_pointer(), Some(0x8000));
            let at = RunAddr(0x1000 + code.len() as u64 - 4);
            let operands = Operands::of(registers);
            let path = Path::read(&memory, operands, RunAddr(0x1000), at, code.len() as u64);
            let found = path.map_or(Origin::Unknown, |path| path.origin(Register(0)));
            assert_eq!(found, *want, "{name}");
        }
    }

    #[test]
    fn a_call_that_fetches_its_place_returns_nothing() {
        use crate::base::data_model::ByteOrder;
        // mov 0x4(%esp),%eax; call 0x1010; mov (%eax),%eax; at 0x1010: the thunk.
        let call = |thunk: &[u8]| {
            let mut code = vec![0x8b, 0x44, 0x24, 0x04, 0xe8, 0x07, 0, 0, 0, 0x8b, 0x00];
            code.resize(16, 0x90);
            code.extend(thunk);
            code
        };
        let called = Origin::Returned { function: Some(RunAddr(0x1010)) };
        let cases: [(&str, &[u8], Origin); 3] = [
            ("mov (%esp),%ebx; ret", &[0x8b, 0x1c, 0x24, 0xc3], Origin::Loaded(RunAddr(0x8004))),
            ("mov (%esp),%eax; ret", &[0x8b, 0x04, 0x24, 0xc3], Origin::Unknown),
            ("mov 0x8(%esp),%ebx; ret", &[0x8b, 0x5c, 0x24, 0x08, 0xc3], called),
        ];
        for (name, thunk, want) in cases {
            let code = call(thunk);
            let memory = Narrow(Both(&code, &[1, 0, 0, 0, 0, 0, 0, 0]));
            let arch = Arch::from_elf(3, false, ByteOrder::Little, 0);
            let mut registers = Registers::unknown(arch);
            registers.set(Register(0), Some(0));
            registers.set(arch.stack_pointer(), Some(0x8000));
            let operands = Operands::of(registers);
            let path = Path::read(&memory, operands, RunAddr(0x1000), RunAddr(0x1009), 11);
            let found = path.map_or(Origin::Unknown, |path| path.origin(Register(0)));
            assert_eq!(found, want, "{name}");
        }
    }

    /// The same, of a process with addresses of 32 bits.
    struct Narrow<'b>(Both<'b>);

    impl Memory for Narrow<'_> {
        fn model(&self) -> crate::base::data_model::DataModel {
            crate::base::data_model::DataModel {
                order: crate::base::data_model::ByteOrder::Little,
                address_size: 4,
            }
        }

        fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
            self.0.read(at, out)
        }
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
