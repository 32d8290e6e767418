//! What the processor refused, and with which registers.

use crate::base::addr::RunAddr;
use crate::base::arch::Machine;
use crate::base::signal::Signal;
use crate::diagnose::crash::Crash;
use crate::diagnose::instruction::{Access, Instruction, Isa, Operands};
use crate::diagnose::signal_frame::{self, SavedTrap, saved_fault, saved_trap};
use crate::dump::process::{Mapping, Process};
use crate::dump::siginfo::SignalCause;
use crate::unwind::registers::Registers;

/// Below this an address is zero plus an offset. Linux maps nothing below
/// `vm.mmap_min_addr`, which is 64 KiB on common systems.
pub const NEAR_NULL: RunAddr = RunAddr(0x1_0000);

/// How far from a null pointer an index or a large member may lead.
pub const FAR_FROM_NULL: RunAddr = RunAddr(16 << 20);

/// A fault of the processor.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The signal that it became.
    pub signal: Signal,
    /// `si_code`, where it is known.
    pub code: Option<i32>,
    /// The address that the kernel reported. `None`: it reported none, which
    /// for a general-protection fault is the rule.
    pub address: Option<RunAddr>,
    /// Whether the dump does not hold what the kernel reported, so that the
    /// address was computed again from the instruction and the mappings.
    pub is_computed: bool,
    /// Which frame of the crashed thread: an index into its frames.
    pub frame: usize,
    /// Registers and segment bases at the fault.
    pub operands: Operands,
    /// The instruction at the pc. `None`: its bytes are not known, or are none.
    pub instruction: Option<Instruction>,
    /// Whether the program's own handler ran for it. It was then found below
    /// the handler's frame, and compared with the instruction there.
    pub is_handled: bool,
}

impl Fault {
    /// Whether memory could be read when this happened. What gdb saves is marked
    /// as readable in each case (bfd's `elf.c` sets `PF_R`): memory that can be
    /// read and no more, and yet refused the access, was closed.
    pub fn could_read(&self, mapping: &Mapping) -> bool {
        const SEGV_ACCERR: i32 = 2;
        let permissions = mapping.permissions;
        let is_refused = self.signal == Signal::SEGV && self.code == Some(SEGV_ACCERR);
        let is_only_readable = !permissions.write && !permissions.execute;
        let is_read = self.access().is_some_and(|access| !access.kind.writes());
        permissions.read && !(is_refused && is_only_readable && is_read)
    }

    /// Where it happened.
    pub fn pc(&self) -> Option<RunAddr> {
        self.operands.registers.pc()
    }

    /// Whether it is a general-protection fault, or another one for which the
    /// kernel leaves no address. Through the stack or frame pointer it is a
    /// stack-segment fault, which the kernel tells as SIGBUS (Linux
    /// `arch/x86/kernel/traps.c`, `exc_stack_segment`).
    pub fn is_general_protection(&self) -> bool {
        const SI_KERNEL: i32 = 128;
        matches!(self.signal, Signal::SEGV | Signal::BUS)
            && self.address.is_none()
            && self.code == Some(SI_KERNEL)
    }

    /// Whether the instruction itself could not be fetched: the pc is nowhere,
    /// or where nothing may run.
    pub fn is_fetch(&self, process: &Process<'_>) -> bool {
        let pc = self.pc();
        matches!(self.signal, Signal::SEGV | Signal::BUS)
            && self.address.is_some()
            && self.address == pc
            && pc.is_some_and(|pc| !can_run(process, pc))
    }

    /// The memory operand that the processor refused. With an address, the one
    /// that covers it; without, the first one that no processor accepts.
    pub fn access(&self) -> Option<Access> {
        let instruction = self.instruction.as_ref()?;
        let accesses = instruction.accesses(&self.operands);
        if let Some(address) = self.address {
            return accesses.into_iter().find(|access| access.covers(address));
        }
        let alignment = instruction.alignment();
        let is_refused = |access: &Access| {
            access.address.is_some_and(|at| !is_canonical(at) || is_misaligned(at, alignment))
        };
        accesses.into_iter().find(is_refused)
    }

    /// Whether a null pointer was followed, with whatever was added to it.
    pub fn is_through_null(&self) -> bool {
        let Some(at) = self.effective_address() else { return false };
        let is_null = || {
            let base = self.access().and_then(|access| access.base);
            base.is_some_and(|base| base.value == Some(0))
        };
        at < NEAR_NULL || at < FAR_FROM_NULL && is_null()
    }

    /// The address at fault: as reported by the kernel, or computed again from
    /// the operands where the kernel is silent.
    pub fn effective_address(&self) -> Option<RunAddr> {
        self.address.or_else(|| self.access()?.address)
    }
}

/// Whether an address has the form that processors accept: bits 63 to 47 equal.
pub fn is_canonical(at: RunAddr) -> bool {
    let top = at.0 >> 47;
    top == 0 || top == 0x1_ffff
}

/// Whether an operand misses the alignment that its instruction demands.
pub fn is_misaligned(at: RunAddr, alignment: Option<u64>) -> bool {
    alignment.is_some_and(|alignment| !at.0.is_multiple_of(alignment.max(1)))
}

/// Whether the process could run code at `at`. Where permissions are unknown,
/// an address in a module counts.
pub fn can_run(process: &Process<'_>, at: RunAddr) -> bool {
    match process.mapping(at) {
        Some(mapping) if mapping.permissions.known => mapping.permissions.execute,
        Some(_) => process.module(at).is_some(),
        None => process.module(at).is_some_and(|(_, module)| {
            // Cores that leave read-only mappings out know no better.
            !process.mappings.iter().any(|it| overlaps(it, module.range.start, module.range.end))
        }),
    }
}

fn overlaps(mapping: &Mapping, start: RunAddr, end: RunAddr) -> bool {
    mapping.permissions.execute && mapping.range.start < end && start < mapping.range.end
}

/// The fault that killed the process, if it died of one.
pub(super) fn fatal_fault(crash: &Crash<'_, '_>) -> Option<Fault> {
    let info = crash.signal()?;
    let is_fault = matches!(
        info.signal,
        Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE | Signal::TRAP
    );
    if !is_fault {
        return None;
    }
    let address = match info.cause {
        SignalCause::Fault { address } => Some(address),
        SignalCause::Kernel => None,
        // Cores of QEMU, and damaged ones, tell the signal and no more.
        SignalCause::None if info.code.is_none() => return untold_fault(crash, info.signal),
        _ => return None,
    };
    let registers = crash.registers()?;
    Some(fault(crash, 0, *registers, info.signal, info.code, address, false))
}

/// The fault behind a signal of which the dump has nothing but its number: only
/// where the instruction at the pc must fail in this way.
fn untold_fault(crash: &Crash<'_, '_>, signal: Signal) -> Option<Fault> {
    let registers = crash.registers()?;
    let found = fault(crash, 0, *registers, signal, None, None, false);
    let pc = found.pc()?;
    let instruction = found.instruction.as_ref();
    match signal {
        Signal::SEGV | Signal::BUS => {
            // What cannot be run was fetched, and needs no computing.
            if is_nowhere(crash.process, pc) {
                return Some(Fault { address: Some(pc), ..found });
            }
            let address = computed_address(crash.process, &found)?;
            Some(Fault { address: Some(address), is_computed: true, ..found })
        }
        Signal::ILL => Some(found),
        Signal::FPE => {
            instruction?.division(&found.operands, crash.memory)?;
            Some(found)
        }
        Signal::TRAP => {
            instruction.filter(|it| it.is_breakpoint() || it.is_undefined())?;
            Some(found)
        }
        _ => None,
    }
}

/// Whether nothing can run at `at`, by mappings of which some can run.
fn is_nowhere(process: &Process<'_>, at: RunAddr) -> bool {
    process.mappings.iter().any(|it| it.permissions.execute) && !can_run(process, at)
}

/// The first byte that the instruction uses and that no mapping allows it to.
/// `None`: all that it uses is allowed, or that cannot be told.
fn computed_address(process: &Process<'_>, fault: &Fault) -> Option<RunAddr> {
    // A dump that does not know the code's own mapping knows too little.
    process.mapping(fault.pc()?)?;
    let accesses = fault.instruction.as_ref()?.accesses(&fault.operands);
    if accesses.iter().any(|access| access.address.is_none()) {
        return None;
    }
    accesses.iter().find_map(|access| {
        let start = access.address?;
        let last = start.checked_add(access.size.saturating_sub(1)).unwrap_or(start);
        let is_refused = |at: RunAddr| match process.mapping(at) {
            None => true,
            Some(mapping) => {
                let allowed = mapping.permissions;
                let is_allowed = if access.kind.writes() { allowed.write } else { allowed.read };
                allowed.known && !is_allowed
            }
        };
        if is_refused(start) {
            return Some(start);
        }
        // It crosses the end of what is mapped.
        is_refused(last).then(|| process.mapping(start).map(|mapping| mapping.range.end))?
    })
}

/// The fault below a signal handler on the crashed thread's stack: the first
/// cause when the handler raised another signal, aborted, or failed itself.
///
/// Only a fault that fits the interrupted instruction is believed, since the
/// kernel saves the thread's last trap for every handler.
pub(super) fn handled_fault(crash: &Crash<'_, '_>) -> Option<Fault> {
    let frames = || crash.threads.first().into_iter().flat_map(|thread| thread.stack.frames());
    // The outermost handler is the first one that ran.
    let trampolines = frames().enumerate().filter(|(_, frame)| frame.is_signal_frame);
    let (index, trampoline) = trampolines.last()?;
    let interrupted = crash.frame(index.checked_add(1)?)?;
    let pc = interrupted.at.addr();
    let sp = trampoline.registers.sp()?;
    let mut registers = interrupted.registers;
    registers.set(registers.arch().program_counter(), Some(pc.0));
    let below = index.checked_add(1)?;
    let told = match crash.process.arch.machine {
        Machine::X86_64 => Some(meaning(crash.process, &saved_trap(crash.memory, sp, pc)?)?),
        Machine::Aarch64 => saved_fault(crash.memory, sp, pc)
            .map(|saved| (saved.signal, saved.code, saved.address())),
        _ => None,
    };
    let Some((signal, code, address)) = told else {
        // Emulators save no reason. An instruction that must fail is one.
        let found = fault(crash, below, registers, Signal::SEGV, None, None, true);
        let address = Some(computed_address(crash.process, &found)?);
        return Some(Fault { address, is_computed: true, ..found });
    };
    let fault = fault(crash, below, registers, signal, code, address, true);
    fits(crash, &fault).then_some(fault)
}

/// The fault of which a handler had known, when the handler has sent the same
/// signal again and returned: then the thread died where it had failed. Only a
/// fault that fits the instruction there is believed.
pub(super) fn raised_again(crash: &Crash<'_, '_>) -> Option<Fault> {
    let info = crash.signal()?;
    let first = crash.first_chance.as_ref()?.signal;
    let is_fault = matches!(first.signal, Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE);
    let is_sent = matches!(info.cause, SignalCause::Sent { .. });
    if !is_fault || !is_sent || first.signal != info.signal {
        return None;
    }
    let registers = crash.registers()?;
    let found = fault(crash, 0, *registers, first.signal, first.code, first.address(), true);
    fits(crash, &found).then_some(found)
}

fn fault(
    crash: &Crash<'_, '_>,
    frame: usize,
    registers: Registers,
    signal: Signal,
    code: Option<i32>,
    address: Option<RunAddr>,
    is_handled: bool,
) -> Fault {
    let general = crash.thread().and_then(|thread| thread.registers.as_ref());
    let named = |name| {
        let at = registers.arch().general_registers().iter().position(|found| *found == name)?;
        general?.word(at)
    };
    let operands = Operands { registers, fs_base: named("fs_base"), gs_base: named("gs_base") };
    let pc = registers.pc();
    let isa = Isa::of(crash.process.arch);
    let instruction = pc.and_then(|pc| Instruction::read(crash.memory, isa?, pc));
    let is_computed = false;
    Fault { signal, code, address, is_computed, frame, operands, instruction, is_handled }
}

/// The signal, code and address that the kernel makes of a trap.
fn meaning(
    process: &Process<'_>,
    trap: &SavedTrap,
) -> Option<(Signal, Option<i32>, Option<RunAddr>)> {
    let saved = trap.signal.filter(|info| info.code.is_some_and(|code| code > 0));
    let own_code = |signal| saved.filter(|info| info.signal == signal).and_then(|info| info.code);
    Some(match trap.number {
        signal_frame::PAGE_FAULT => {
            let is_bus = saved.is_some_and(|info| info.signal == Signal::BUS);
            let signal = if is_bus { Signal::BUS } else { Signal::SEGV };
            let is_mapped = process.mapping(trap.address).is_some();
            let code = if is_bus || is_mapped { 2 } else { 1 };
            (signal, Some(own_code(signal).unwrap_or(code)), Some(trap.address))
        }
        signal_frame::GENERAL_PROTECTION => (Signal::SEGV, Some(128), None),
        signal_frame::DIVIDE => (Signal::FPE, Some(own_code(Signal::FPE).unwrap_or(1)), None),
        signal_frame::INVALID_OPCODE => (Signal::ILL, own_code(Signal::ILL), None),
        signal_frame::BREAKPOINT => (Signal::TRAP, own_code(Signal::TRAP), None),
        _ => return None,
    })
}

/// Whether the instruction at the fault's pc must fail in this way.
fn fits(crash: &Crash<'_, '_>, fault: &Fault) -> bool {
    let process = crash.process;
    let Some(instruction) = &fault.instruction else { return fault.is_fetch(process) };
    match fault.signal {
        Signal::SEGV if fault.is_general_protection() => {
            let target = instruction.target(&fault.operands, crash.memory);
            instruction.is_privileged()
                || fault.access().is_some()
                || target.is_some_and(|target| !is_canonical(target))
        }
        Signal::SEGV => {
            fault.is_fetch(process)
                || fault.access().is_some_and(|access| {
                    let mapping = fault.address.and_then(|at| process.mapping(at));
                    mapping.is_none_or(|it| {
                        let allowed = it.permissions;
                        let is_allowed =
                            if access.kind.writes() { allowed.write } else { allowed.read };
                        !(allowed.known && is_allowed)
                    })
                })
        }
        Signal::BUS => fault.access().is_some(),
        Signal::FPE => instruction.division(&fault.operands, crash.memory).is_some(),
        Signal::ILL => instruction.is_undefined(),
        _ => false,
    }
}
