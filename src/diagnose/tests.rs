//! Causes of death made by hand: a few mappings, registers and bytes, and what
//! must be said of them.

use std::sync::OnceLock;

use gimli::Register;

use crate::base::addr::{FrameAddr, RunAddr};
use crate::base::arch::Arch;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::base::memory::tests::Bytes;
use crate::base::signal::Signal;
use crate::diagnose::crash::{Crash, Occasion};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::{diagnose, verdict};
use crate::dump::process::tests::process;
use crate::dump::process::{Thread, ThreadRegisters};
use crate::dump::siginfo::{SignalCause, SignalInfo};
use crate::symbols::{SymbolOptions, Symbols};
use crate::unwind::frame::{Frame, Stack, StackEnd, Trust};
use crate::unwind::registers::Registers;
use crate::variables::calls::ThreadCalls;

const CODE: u64 = 0x40_1000;
const DATA: u64 = 0x60_0000;
const STACK: u64 = 0x7fff_0000_0000;
const PID: u32 = 100;

/// Code, read-only data and a stack of one page each, in that order.
struct Memories<'b> {
    code: &'b [u8],
    stack: &'b [u8],
}

impl Memory for Memories<'_> {
    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let (start, bytes) = if at.0 >= STACK { (STACK, self.stack) } else { (CODE, self.code) };
        Bytes(start, bytes).read(at, out)
    }
}

/// One death.
struct Death<'b> {
    name: &'b str,
    signal: Signal,
    code: i32,
    cause: SignalCause,
    /// What is at the pc.
    instruction: &'b [u8],
    /// DWARF numbers and values, besides pc and sp.
    registers: &'b [(u16, u64)],
    /// Where pc is, if not at the instruction.
    pc: Option<u64>,
    /// Words at the stack pointer.
    stack: &'b [u64],
}

impl Default for Death<'_> {
    fn default() -> Self {
        Self {
            name: "",
            signal: Signal::SEGV,
            code: 1,
            cause: SignalCause::Kernel,
            instruction: &[],
            registers: &[],
            pc: None,
            stack: &[],
        }
    }
}

/// The `si_code` of a dump that does not have it.
const UNTOLD: i32 = i32::MIN;

fn code_of(death: &Death<'_>) -> Option<i32> {
    (death.code != UNTOLD).then_some(death.code)
}

#[test]
fn what_is_not_told_is_computed() {
    // Encodings from the assembler: mov 0x18(%rdi),%eax; mov %eax,(%rdi).
    let (load, store): (&[u8], &[u8]) = (&[0x8b, 0x47, 0x18], &[0x89, 0x07]);
    let untold = |name, instruction, registers| Death {
        name,
        code: UNTOLD,
        cause: SignalCause::None,
        instruction,
        registers,
        ..Death::default()
    };
    type Case<'b> = (Death<'b>, Option<(&'b str, f32, &'b str)>);
    let cases: [Case<'_>; 7] = [
        (
            untold("null", load, &[(RDI, 0)]),
            Some((
                "null-pointer",
                0.9,
                "very likely a read of 4 bytes at 0x18, through a NULL pointer in %rdi, 24 bytes \
                 past it",
            )),
        ),
        (
            untold("it may not be written", store, &[(RDI, DATA)]),
            Some(("write-readonly", 0.9, "very likely a write of 4 bytes at 0x600000")),
        ),
        (
            untold("it ends in what is closed", load, &[(RDI, DATA + 0xfe6)]),
            Some(("forbidden-access", 0.9, "very likely a read of 4 bytes at 0x601000")),
        ),
        (untold("it may be read", load, &[(RDI, DATA)]), None),
        (untold("the register is not known", load, &[]), None),
        (untold("a system call", &[0x0f, 0x05], &[(RDI, 0)]), None),
        // What cannot be run needs no computing.
        (
            Death { pc: Some(0), stack: &[CODE + 16], ..untold("nowhere", load, &[(RAX, 0)]) },
            Some(("null-call", 0.97, "a NULL function pointer")),
        ),
    ];
    for (death, want) in cases {
        let (findings, verdict) = diagnosed(&death);
        let first = findings.first().map(|found| (found.id, found.confidence));
        assert_eq!(first, want.map(|(id, confidence, _)| (id, confidence)), "{}", death.name);
        let words = want.map_or("invalid memory access", |(_, _, words)| words);
        assert!(verdict.contains(words), "{}: {verdict}", death.name);
    }
}

/// The ids of the findings, and the verdict.
fn found(death: &Death<'_>) -> (Vec<&'static str>, String) {
    let (findings, verdict) = diagnosed(death);
    (findings.iter().map(|finding| finding.id).collect(), verdict)
}

fn findings(death: &Death<'_>) -> Vec<Finding> {
    diagnosed(death).0
}

fn diagnosed(death: &Death<'_>) -> (Vec<Finding>, String) {
    let mut process = process(&[
        (CODE, CODE + 0x1000, "r-x"),
        (DATA, DATA + 0x1000, "r--"),
        (DATA + 0x1000, DATA + 0x2000, "---"),
        (STACK, STACK + 0x1000, "rw-"),
    ]);
    process.identity.pid = Some(PID);
    process.signal =
        Some(SignalInfo { signal: death.signal, code: code_of(death), cause: death.cause });
    let arch = Arch::X86_64;
    let mut registers = Registers::unknown(arch);
    for (number, value) in death.registers {
        registers.set(Register(*number), Some(*value));
    }
    registers.set(arch.program_counter(), Some(death.pc.unwrap_or(CODE + 16)));
    registers.set(arch.stack_pointer(), Some(STACK + 64));
    let general = vec![0; arch.general_registers().len()];
    let own = ThreadRegisters { general, ..ThreadRegisters::default() };
    process.threads = vec![Thread { tid: PID, name: None, registers: Some(own) }];

    // A call before the instruction, so that CODE + 16 is a return address.
    let mut code = vec![0x90; 14];
    code.extend([0xff, 0xd0]);
    code.extend(death.instruction);
    let mut stack = vec![0; 64];
    stack.extend(death.stack.iter().flat_map(|word| word.to_le_bytes()));
    stack.resize(0x1000, 0);
    let memory = Memories { code: &code, stack: &stack };

    let frame = Frame {
        at: FrameAddr::Pc(registers.pc().unwrap()),
        trust: Trust::Context,
        registers,
        cfa: None,
        is_signal_frame: false,
    };
    let stack = Stack { inner: vec![frame], end: StackEnd::Outermost, ..Stack::default() };
    let threads = [ThreadCalls { stack, calls: Vec::new(), same_as: None }];
    let (store, gaps, limits) = (FileStore::new(), Gaps::new(), Limits::default());
    let symbols = Symbols::load(&process, &SymbolOptions::default(), &store, &limits, &gaps);
    let crash = Crash {
        process: &process,
        memory: &memory,
        symbols: &symbols,
        limits: &limits,
        threads: &threads,
        first_chance: None,
        occasion: Occasion::Death,
        hang: OnceLock::new(),
    };
    let findings = diagnose(&crash);
    let verdict = verdict(&crash, &findings);
    (findings, verdict)
}

fn at(address: u64) -> SignalCause {
    SignalCause::Fault { address: RunAddr(address) }
}

const RAX: u16 = 0;
const RCX: u16 = 2;
const RDI: u16 = 5;

#[test]
fn causes_of_death() {
    // Encodings from the assembler.
    let load: &[u8] = &[0x8b, 0x47, 0x18]; // mov 0x18(%rdi),%eax
    let store: &[u8] = &[0xc6, 0x07, 0x00]; // movb $0x0,(%rdi)
    let movaps: &[u8] = &[0x0f, 0x28, 0x07]; // movaps (%rdi),%xmm0
    let wild = 0x2000_cafe_0000;
    let text = u64::from_le_bytes(*b"ABCDEFGH");
    let sent = |pid| SignalCause::Sent { pid, uid: 1000 };
    let default = Death::default;
    let cases = [
        (
            Death {
                name: "null",
                cause: at(0x18),
                instruction: load,
                registers: &[(RDI, 0)],
                ..default()
            },
            "null-pointer",
            "read of 4 bytes at 0x18, through a NULL pointer in %rdi, 24 bytes past it",
        ),
        (
            Death {
                name: "no address from the kernel is not address zero",
                code: 128,
                instruction: load,
                registers: &[(RDI, text)],
                ..default()
            },
            "bad-pointer",
            "read of 4 bytes at 0x4847464544434259, which is not a valid address: %rdi is \
             0x4847464544434241, which is the text \"ABCDEFGH\"",
        ),
        (
            Death {
                name: "wild",
                cause: at(wild + 0x18),
                instruction: load,
                registers: &[(RDI, wild)],
                ..default()
            },
            "wild-pointer",
            "read of 4 bytes at 0x2000cafe0018, where nothing is mapped: %rdi is 0x2000cafe0000",
        ),
        (
            Death {
                name: "poison",
                code: 128,
                instruction: load,
                registers: &[(RDI, 0xdead_beef_dead_beef)],
                ..default()
            },
            "poisoned-pointer",
            "read of 4 bytes at 0xdeadbeefdeadbf07, which is not a valid address: the pointer is \
             0xdeadbeefdeadbeef, very likely the mark of memory that was freed",
        ),
        (
            Death {
                name: "trap",
                signal: Signal::ILL,
                code: 2,
                cause: at(CODE + 16),
                instruction: &[0x0f, 0x0b],
                ..default()
            },
            "compiler-trap",
            "a trap that the compiler put there (`ud2`): the program came to a place that it should \
             never reach, or gave up on purpose",
        ),
        (
            Death {
                name: "an instruction that the processor lacks",
                signal: Signal::ILL,
                code: 2,
                cause: at(CODE + 16),
                instruction: &[0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1],
                ..default()
            },
            "unsupported-instruction",
            "the processor refused `vaddps %zmm1,%zmm0,%zmm0`, very likely because it lacks what that \
             needs (AVX512F)",
        ),
        (
            Death {
                name: "broken memory",
                signal: Signal::BUS,
                code: 4,
                cause: at(DATA + 0x18),
                instruction: load,
                registers: &[(RDI, DATA)],
                ..default()
            },
            "broken-memory",
            "the hardware reported broken memory at 0x600018",
        ),
        (
            Death {
                name: "floating-point",
                signal: Signal::FPE,
                code: 3,
                cause: at(CODE + 16),
                instruction: &[0xf2, 0x0f, 0x5e, 0xc1],
                ..default()
            },
            "floating-point-exception",
            "floating-point division by zero by `divsd %xmm1,%xmm0`",
        ),
        (
            Death {
                name: "alignment is checked",
                signal: Signal::BUS,
                code: 1,
                cause: at(0),
                instruction: load,
                registers: &[(RDI, DATA + 1)],
                ..default()
            },
            "bus-alignment",
            "read of 4 bytes at 0x600019: the address is not aligned, and alignment is checked",
        ),
        (
            Death {
                name: "constant",
                code: 2,
                cause: at(DATA),
                instruction: store,
                registers: &[(RDI, DATA)],
                ..default()
            },
            "write-readonly",
            "write of 1 byte at 0x600000, in r-- memory of no file",
        ),
        (
            Death {
                name: "closed to everybody",
                code: 2,
                cause: at(DATA + 0x1018),
                instruction: load,
                registers: &[(RDI, DATA + 0x1000)],
                ..default()
            },
            "forbidden-access",
            "read of 4 bytes at 0x601018, in --- memory of no file",
        ),
        (
            Death {
                name: "misaligned",
                code: 128,
                instruction: movaps,
                registers: &[(RDI, DATA + 8)],
                ..default()
            },
            "misaligned-access",
            "read of 16 bytes at 0x600008, because the instruction demands a multiple of 16 bytes",
        ),
        (
            Death { name: "halt", code: 128, instruction: &[0xf4], ..default() },
            "privileged-instruction",
            "only the kernel may use `hlt`",
        ),
        (
            Death {
                name: "null call",
                cause: at(0),
                pc: Some(0),
                stack: &[CODE + 16],
                registers: &[(RAX, 0)],
                ..default()
            },
            "null-call",
            "call of a NULL function pointer",
        ),
        (
            Death {
                name: "call to nowhere",
                cause: at(wild),
                pc: Some(wild),
                stack: &[CODE + 16],
                registers: &[(RAX, wild)],
                ..default()
            },
            "bad-call",
            "call of 0x2000cafe0000, where nothing is mapped",
        ),
        (
            Death {
                name: "data as code",
                code: 2,
                cause: at(DATA),
                pc: Some(DATA),
                stack: &[CODE + 16],
                registers: &[(RAX, DATA)],
                ..default()
            },
            "jump-to-data",
            "call of 0x600000, which is data and no code",
        ),
        (
            Death {
                name: "return to text",
                code: 128,
                instruction: &[0xc3],
                stack: &[text],
                ..default()
            },
            "bad-return",
            "return to 0x4847464544434241 (the text \"ABCDEFGH\"), which is not a valid address, \
             because the return address on the stack was overwritten",
        ),
        (
            Death {
                name: "by zero",
                signal: Signal::FPE,
                cause: at(CODE + 16),
                instruction: &[0xf7, 0xf9],
                registers: &[(RCX, 0)],
                ..default()
            },
            "divide-by-zero",
            "integer division by zero: the divisor is 0",
        ),
        (
            Death {
                name: "from outside",
                code: 0,
                cause: sent(7),
                instruction: load,
                registers: &[(RDI, 0)],
                ..default()
            },
            "signal-from-outside",
            "sent by process 7 (user id 1000) with kill(), while the program was running",
        ),
        (
            Death {
                name: "from itself",
                code: -6,
                cause: sent(PID as i32),
                instruction: load,
                registers: &[(RDI, 0)],
                ..default()
            },
            "signal-from-itself",
            "the program sent the signal to itself",
        ),
    ];
    for (death, id, says) in cases {
        let (ids, verdict) = found(&death);
        assert_eq!(ids.first(), Some(&id), "{}: {verdict}", death.name);
        let signal = death.signal.name();
        assert_eq!(verdict, format!("{signal} in process {PID}: {says}"), "{}", death.name);
    }
}

#[test]
fn what_must_not_be_said() {
    let load: &[u8] = &[0x8b, 0x47, 0x18];
    let default = Death::default;
    // A rule that must keep quiet, and a death that looks like its cause.
    let cases = [
        (
            "null-pointer",
            Death { name: "the zero of SI_KERNEL", code: 128, instruction: &[0xf4], ..default() },
        ),
        (
            "null-pointer",
            Death {
                name: "a pid is no address",
                code: 0,
                cause: SignalCause::Sent { pid: 7, uid: 0 },
                instruction: load,
                registers: &[(RDI, 0)],
                ..default()
            },
        ),
        (
            "wild-pointer",
            Death {
                name: "a page missing behind a mapping",
                signal: Signal::BUS,
                code: 2,
                cause: at(DATA + 0x18),
                instruction: load,
                registers: &[(RDI, DATA)],
                ..default()
            },
        ),
        (
            "divide-by-zero",
            Death {
                name: "a divisor that is not zero",
                signal: Signal::FPE,
                cause: at(CODE + 16),
                instruction: &[0xf7, 0xf9],
                registers: &[(RAX, 6), (1, 0), (RCX, 3)],
                ..default()
            },
        ),
        (
            "bad-call",
            Death { name: "the pc is code", cause: at(CODE + 16), instruction: load, ..default() },
        ),
    ];
    for (id, death) in cases {
        let (ids, verdict) = found(&death);
        assert!(!ids.contains(&id), "{}: {verdict}", death.name);
        assert!(!verdict.contains("NULL"), "{}: {verdict}", death.name);
    }
}

/// A hint is never more, and keeps quiet beside a cause: one bit is wrong of an
/// address, of text, of a pattern.
#[test]
fn one_wrong_bit_is_a_hint() {
    let load: &[u8] = &[0x8b, 0x47, 0x18];
    let default = Death::default;
    let flipped = (DATA + 0x10) | (1 << 40);
    let cases = [
        ("an address", at(flipped + 0x18), 1, flipped, true),
        ("text", SignalCause::Kernel, 128, u64::from_le_bytes(*b"ABCDEFGH"), false),
        ("a pattern", SignalCause::Kernel, 128, 0xdead_beef_dead_beef, false),
        ("null", at(0x18), 1, 0, false),
    ];
    for (name, cause, code, value, is_hint) in cases {
        let registers = [(RDI, value)];
        let death = Death { cause, code, instruction: load, registers: &registers, ..default() };
        let findings = findings(&death);
        let hint = findings.iter().find(|finding| finding.id == "bit-flip");
        assert_eq!(hint.is_some(), is_hint, "{name}: {findings:?}");
        assert!(hint.is_none_or(|hint| hint.confidence < 0.4), "{name}");
        assert_ne!(findings[0].id, "bit-flip", "{name}");
    }
}

#[test]
fn faults_that_do_not_fit_are_hints() {
    let load: &[u8] = &[0x8b, 0x47, 0x18];
    let default = Death::default;
    let registers = [(RDI, DATA)];
    let of =
        |cause, code| Death { cause, code, instruction: load, registers: &registers, ..default() };
    let cases = [
        ("no operand is there", of(at(0x2000_cafe_0000), 1), true),
        (
            "the mapping allows it",
            Death { registers: &[(RDI, CODE)], ..of(at(CODE + 0x18), 2) },
            true,
        ),
        ("gdb's cores have closed memory as readable", of(at(DATA + 0x18), 2), false),
        (
            "nothing is mapped there",
            Death { registers: &[(RDI, 0x2000_cafe_0000)], ..of(at(0x2000_cafe_0018), 1) },
            false,
        ),
    ];
    for (name, death, is_hint) in cases {
        let findings = findings(&death);
        let hint = findings.iter().find(|finding| finding.id == "impossible-fault");
        assert_eq!(hint.is_some(), is_hint, "{name}: {findings:?}");
        assert!(hint.is_none_or(|hint| hint.confidence < 0.4), "{name}");
    }
}

#[test]
fn traps_are_no_security_holes() {
    let death = Death {
        signal: Signal::ILL,
        code: 2,
        cause: at(CODE + 16),
        instruction: &[0x0f, 0x0b],
        ..Death::default()
    };
    assert!(findings(&death).iter().all(|finding| finding.severity <= Severity::Low));
}

#[test]
fn nothing_known_is_said_to_be_so() {
    let death = Death { code: 128, ..Death::default() };
    let (ids, verdict) = found(&death);
    assert!(ids.is_empty(), "{ids:?}");
    assert_eq!(
        verdict,
        "SIGSEGV in process 100: invalid memory access, at an address that the processor did not \
         report"
    );
}
