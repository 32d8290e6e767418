//! All frames of a thread.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};

use gimli::Register;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::base::addr::{FrameAddr, RunAddr};
use crate::base::arch::Machine;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::process::{Process, Source, SourceKind, Thread};
use crate::symbols::Symbols;
use crate::unwind::arm_prologue;
use crate::unwind::bad_pc;
use crate::unwind::cfi::{ModuleCfi, Row, Rule};
use crate::unwind::code::can_run;
use crate::unwind::fold::fold;
use crate::unwind::frame::{Frame, Stack, StackEnd, Trust};
use crate::unwind::frame_pointer;
use crate::unwind::link_register;
use crate::unwind::registers::Registers;
use crate::unwind::scan;
use crate::unwind::signal_frame;
use crate::unwind::step::{Step, step};

/// Outermost frames kept in full, when there are too many to keep them all.
const OUTER_KEPT: usize = 64;

/// Signal frames on one stack. Nothing makes a stack pointer grow over a
/// signal frame, since the handler may have had a stack of its own; so the
/// number of them is what bounds a circle.
const MOST_SIGNAL_FRAMES: usize = 64;

/// Unwinds the threads of one process. The rows that it reads are kept and
/// shared: a thousand threads wait in the same dozen functions.
pub struct Unwinder<'a, 'f> {
    process: &'a Process<'f>,
    memory: &'a dyn Memory,
    symbols: &'a Symbols<'f>,
    limits: &'a Limits,
    modules: Vec<ModuleCfi<'f>>,
    rows: RwLock<FxHashMap<RunAddr, Option<Arc<Row<'f>>>>>,
}

impl<'a, 'f> Unwinder<'a, 'f> {
    /// Prepares the tables of all modules; nothing is searched yet.
    pub fn new(
        process: &'a Process<'f>,
        memory: &'a dyn Memory,
        symbols: &'a Symbols<'f>,
        limits: &'a Limits,
    ) -> Self {
        let modules = symbols.modules().iter();
        let modules =
            modules.map(|module| ModuleCfi::new(process.arch, module.unwind_tables())).collect();
        Self { process, memory, symbols, limits, modules, rows: RwLock::default() }
    }

    /// The stacks of all threads, in their order. Notes how many of them are
    /// cut because their memory is missing.
    pub fn walk_all(&self, gaps: &Gaps) -> Vec<Stack> {
        let stacks: Vec<Stack> =
            self.process.threads.par_iter().map(|thread| self.walk(thread)).collect();
        let cut = stacks.iter().filter(|stack| matches!(stack.end, StackEnd::NotDumped(_))).count();
        // Of one address in a log, its maker says what is missing.
        if cut > 0 && self.process.source.kind != SourceKind::KernelLog {
            let frames = stacks.iter().map(Stack::depth).sum::<usize>();
            gaps.note(
                format!("the outer frames of {cut} of {} threads", stacks.len()),
                format!("the memory of their stacks is not in the dump; {frames} frames are known"),
                match self.process.source {
                    Source { kind: SourceKind::Live, .. } => "run coretool as root",
                    Source { complete: true, .. } => {
                        "/proc/PID/coredump_filter or MADV_DONTDUMP left it out"
                    }
                    Source { complete: false, .. } => {
                        "the core is cut: its stacks come last and are lost first"
                    }
                },
            );
        }
        stacks
    }

    /// The stack of one thread.
    pub fn walk(&self, thread: &Thread) -> Stack {
        let registers = thread.registers.as_ref().map(|registers| {
            Registers::from_words(self.process.arch, |index| registers.word(index))
                .with_signature(registers.signature)
        });
        let Some((registers, pc)) = registers.and_then(|known| Some((known, known.pc()?))) else {
            return Stack::default();
        };
        let first = Frame {
            at: FrameAddr::Pc(pc),
            trust: Trust::Context,
            registers,
            cfa: None,
            is_signal_frame: false,
        };
        self.walk_from(first)
    }

    fn walk_from(&self, first: Frame) -> Stack {
        let mut stack = Stack::default();
        let mut outer: VecDeque<Frame> = VecDeque::new();
        let mut signal_frames = 0;
        let mut depth = 0;
        let mut frame = first;
        loop {
            let next = self.caller(&mut frame);
            signal_frames += usize::from(frame.is_signal_frame);
            depth += 1;
            let next = next.and_then(|next| self.check(&frame, next, depth, signal_frames));
            if stack.inner.len() < self.limits.frames_kept {
                stack.inner.push(frame);
            } else {
                if outer.len() >= OUTER_KEPT {
                    stack.middle.extend(outer.pop_front().map(|frame| frame.at));
                }
                outer.push_back(frame);
            }
            match next {
                Ok(next) => frame = next,
                Err(end) => {
                    stack.end = end;
                    break;
                }
            }
        }
        stack.outer = outer.into();
        // Without a middle part the two ends are one list.
        if stack.middle.is_empty() {
            stack.inner.append(&mut stack.outer);
        }
        fold(stack)
    }

    /// Refuses a caller that leads nowhere or in circles.
    fn check(
        &self,
        frame: &Frame,
        next: Frame,
        depth: usize,
        signal_frames: usize,
    ) -> Result<Frame, StackEnd> {
        let (old, new) = (frame.registers.sp(), next.registers.sp());
        let at = new.or(old).unwrap_or_default();
        if next.at.addr().0 == 0 {
            // The thread's start was called by nobody: the kernel or the C
            // library left a zero there.
            return Err(StackEnd::Outermost);
        }
        if depth >= self.limits.frames {
            return Err(StackEnd::Limit(depth));
        }
        if frame.is_signal_frame {
            return if signal_frames > MOST_SIGNAL_FRAMES {
                Err(StackEnd::NoProgress(at))
            } else {
                Ok(next)
            };
        }
        // A function without a frame returns to the address in its register.
        let may_stand = self.process.arch.link_register().is_some()
            && matches!(frame.at, FrameAddr::Pc(_))
            && new == old;
        let moves = new.is_none() || old.is_none() || new > old || may_stand;
        if moves { Ok(next) } else { Err(StackEnd::NoProgress(at)) }
    }

    /// Finds the caller of `frame`, and notes in `frame` what its row says.
    fn caller(&self, frame: &mut Frame) -> Result<Frame, StackEnd> {
        let pc = frame.at.addr();
        let mut way_lost = StackEnd::NoWay(pc);
        let row = self.row(frame.at.lookup());
        // Tables that know the trampoline know more than its code shows.
        let is_described = row.as_ref().is_some_and(|row| row.is_signal_frame);
        let interrupted = || signal_frame::interrupted(self.process, self.memory, &frame.registers);
        if let Some(registers) = (!is_described).then(interrupted).flatten() {
            frame.is_signal_frame = true;
            frame.at = FrameAddr::Pc(pc);
            let at = FrameAddr::Pc(registers.pc().unwrap_or_default());
            return Ok(new_frame(at, Trust::Context, registers));
        }
        if let Some(row) = row {
            frame.is_signal_frame = row.is_signal_frame;
            if row.is_signal_frame {
                // Nobody called the trampoline: a return address that leads
                // there is its first instruction, not the one after a call.
                frame.at = FrameAddr::Pc(pc);
            }
            match step(&row, &frame.registers, self.memory, self.limits) {
                Step::Caller(cfa, registers) => {
                    frame.cfa = Some(cfa);
                    let pc = registers.pc().unwrap_or_default();
                    if !row.is_signal_frame && pc.0 != 0 && self.is_no_code(pc) {
                        return self.past_bad_return(cfa, pc);
                    }
                    let (at, trust) = if row.is_signal_frame {
                        (FrameAddr::Pc(pc), Trust::Context)
                    } else {
                        (FrameAddr::Return(pc), Trust::Cfi)
                    };
                    return Ok(new_frame(at, trust, registers));
                }
                Step::Outermost(cfa) => {
                    frame.cfa = Some(cfa);
                    return Err(StackEnd::Outermost);
                }
                Step::Missing(at) => return Err(StackEnd::NotDumped(at)),
                Step::Unusable => (),
            }
        }
        let is_first = self.process.arch.link_register().is_some() && self.is_first_function(pc);
        if !is_first && let Some((cfa, registers)) = self.by_prologue(frame) {
            frame.cfa = Some(cfa);
            return Ok(return_frame(Trust::FramePointer, registers));
        }
        let registers = &frame.registers;
        if let FrameAddr::Pc(_) = frame.at {
            let bad = bad_pc::caller(self.process, self.memory, registers);
            let linked = || link_register::caller(self.process, self.memory, registers);
            if let Some((registers, trust)) = bad.or_else(linked) {
                return Ok(return_frame(trust, registers));
            }
        }
        if is_first {
            return Err(StackEnd::Outermost);
        }
        if let Some(registers) = frame_pointer::caller(self.process, self.memory, registers) {
            return Ok(return_frame(Trust::FramePointer, registers));
        }
        if let Some(sp) = registers.sp()
            && let Err(unreadable) = self.memory.word(sp)
        {
            way_lost = StackEnd::NotDumped(unreadable.at);
        }
        scan::caller(self.process, self.memory, registers)
            .map(|registers| return_frame(Trust::Scan, registers))
            .ok_or(way_lost)
    }

    /// The caller by what the function's first instructions do: on the 32-bit
    /// Arm, where functions that never return have no tables.
    fn by_prologue(&self, frame: &Frame) -> Option<(RunAddr, Registers)> {
        if self.process.arch.machine != Machine::Arm {
            return None;
        }
        let at = frame.at.lookup();
        let symbol = self.symbols.symbol_at(at).filter(|symbol| symbol.is_function)?;
        let size = usize::try_from(symbol.offset).ok()?.min(arm_prologue::LONGEST);
        let mut code = vec![0; size];
        let start = RunAddr(at.0.checked_sub(symbol.offset)?);
        self.memory.read_exact(start, &mut code).ok()?;
        let row = arm_prologue::row(&code, self.process.arch.order)?.settled(self.process.arch);
        match step(&row, &frame.registers, self.memory, self.limits) {
            Step::Caller(cfa, caller) => {
                let call = caller.pc()?.0.checked_sub(1)?;
                can_run(self.process, RunAddr(call)).then_some((cfa, caller))
            }
            _ => None,
        }
    }

    /// Whether the function at `pc` is the one in which the process or the
    /// thread began, so that nobody called it.
    fn is_first_function(&self, pc: RunAddr) -> bool {
        /// `AT_ENTRY`: where the program begins.
        const AT_ENTRY: u64 = 9;
        /// In which the C libraries begin threads.
        const THREADS: [&str; 5] =
            ["__clone", "clone", "__clone3", "thread_start", "__thread_start"];
        /// Bytes of the code there, which calls the C library and no other.
        const START: u64 = 128;
        let entry = self.process.aux(AT_ENTRY).map(|at| self.process.arch.code_address(at));
        if entry.is_some_and(|entry| pc.0.checked_sub(entry).is_some_and(|into| into < START)) {
            return true;
        }
        // Where the thread goes on may lie behind what the symbol counts in.
        [1, 16].iter().any(|back| {
            let symbol = self.symbols.symbol_at(RunAddr(pc.0.wrapping_sub(*back)));
            symbol.is_some_and(|symbol| THREADS.contains(&symbol.name.as_str()))
        })
    }

    /// Whether a return address leads where no code is, for certain.
    fn is_no_code(&self, pc: RunAddr) -> bool {
        let call = RunAddr(pc.0.wrapping_sub(1));
        let is_known = self.process.mapping(call).is_some() || self.process.source.complete;
        // A trampoline may begin where code begins.
        let is_linked = self.process.arch.link_register().is_some();
        is_known && !can_run(self.process, call) && !(is_linked && can_run(self.process, pc))
    }

    /// Behind an overwritten return address only a guess can go on: the frames
    /// that `main` and its callers left further up may be whole.
    fn past_bad_return(&self, cfa: RunAddr, pc: RunAddr) -> Result<Frame, StackEnd> {
        let arch = self.process.arch;
        let mut registers = Registers::unknown(arch);
        registers.set(arch.stack_pointer(), Some(cfa.0.wrapping_sub(arch.cfa_above_sp())));
        scan::caller(self.process, self.memory, &registers)
            .map(|registers| return_frame(Trust::Scan, registers))
            .ok_or(StackEnd::BadReturn(pc))
    }

    /// The caller's register whose value the tables say is kept at an address
    /// of a frame: the return address, or one that the frame must give back.
    pub fn saved_at(&self, frame: &Frame, at: RunAddr) -> Option<Register> {
        let cfa = frame.cfa.filter(|_| matches!(frame.trust, Trust::Context | Trust::Cfi))?;
        let row = self.row(frame.at.lookup())?;
        let arch = self.process.arch;
        arch.unwound_registers().zip(&row.rules).find_map(|(register, rule)| {
            let Rule::Offset(offset) = rule else { return None };
            let into = at.0.checked_sub(cfa.wrapping_add(*offset).0)?;
            (into < u64::from(arch.register_size())).then_some(register)
        })
    }

    /// The row for a run address, from the cache or from its module's tables.
    fn row(&self, at: RunAddr) -> Option<Arc<Row<'f>>> {
        let rows = self.rows.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(row) = rows.get(&at) {
            return row.clone();
        }
        drop(rows);
        let row = self.symbols.module_at(at).and_then(|(index, module)| {
            let cfi = self.modules.get(index)?;
            cfi.row(at.to_link(module.bias()), || module.debug_frame())
        });
        let row = row.map(|row| Arc::new(row.settled(self.process.arch)));
        let mut rows = self.rows.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        rows.insert(at, row.clone());
        row
    }
}

fn return_frame(trust: Trust, registers: Registers) -> Frame {
    new_frame(FrameAddr::Return(registers.pc().unwrap_or_default()), trust, registers)
}

fn new_frame(at: FrameAddr, trust: Trust, registers: Registers) -> Frame {
    Frame { at, trust, registers, cfa: None, is_signal_frame: false }
}
