//! Instructions of AArch64: every one in the text of a static program as objdump
//! reads it, and what Linux tells of those that fail.
//!
//! objdump's words are read here on their own: which memory an instruction
//! uses, and how many bytes of it, follows from the mnemonic and the operands as
//! the assembler writes them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::process::Command;

use coretool::analyze::Options;
use coretool::base::addr::RunAddr;
use coretool::base::arch::Arch;
use coretool::base::data_model::ByteOrder;
use coretool::diagnose::instruction::{Access, AccessKind, Flow, Instruction, Isa, Operands};
use coretool::unwind::registers::Registers;

use crate::support::cross::{BUILDS, TARGETS};
use crate::support::examination::report_of;
use crate::support::fixture::named;
use crate::support::foreign_core::{ForeignCore, Kind, Segment};
use crate::support::scratch;

/// One line of objdump.
struct Line<'t> {
    at: RunAddr,
    word: u32,
    mnemonic: &'t str,
    operands: &'t str,
}

/// What an instruction does to memory: kind, bytes, base, offset, index.
#[derive(Debug, PartialEq, Eq)]
struct Memory {
    kind: AccessKind,
    size: u64,
    base: Option<String>,
    offset: i64,
    index: Option<(String, u64)>,
}

#[test]
fn every_instruction_of_a_program_for_aarch64() {
    let target = TARGETS.iter().find(|target| target.label == "aarch64").expect("a target");
    if let Some(why) = target.missing_tool() {
        let _shown = writeln!(io::stderr(), "skipped: {why}");
        return;
    }
    let program = target.die(named("null-pointer"), BUILDS[0]).program;
    let output = Command::new("aarch64-linux-gnu-objdump").arg("-d").arg(&program).output();
    let output = output.expect("binutils are installed with the compiler");
    let text = String::from_utf8_lossy(&output.stdout);
    let registers = Registers::unknown(Arch::from_elf(183, true, ByteOrder::Little, 0));
    let operands = Operands::of(registers);
    let (mut seen, mut with_memory) = (0, 0);
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines().filter_map(line) {
        seen += 1;
        let found = Instruction::decode(Isa::A64, line.at, &line.word.to_le_bytes());
        let Some(found) = found else {
            let vector = if line.operands.starts_with('z') { " z" } else { "" };
            *unknown.entry(format!("{}{vector}", line.mnemonic)).or_default() += 1;
            continue;
        };
        let ours = found.accesses(&operands).first().map(memory);
        let theirs = line.memory();
        with_memory += usize::from(theirs.is_some());
        let words = format!("{} {:08x} {} {}", line.at, line.word, line.mnemonic, line.operands);
        if ours != theirs {
            wrong.push(format!("{words}: {theirs:?}, not {ours:?}"));
        }
        if let Some(flow) = line.flow()
            && flow != found.flow()
        {
            wrong.push(format!("{words}: {flow:?}, not {:?}", found.flow()));
        }
    }
    wrong.truncate(40);
    assert!(
        wrong.is_empty(),
        "{seen} instructions, {with_memory} use memory:\n{}",
        wrong.join("\n")
    );
    assert!(seen > 50_000 && with_memory > 10_000, "{seen}, {with_memory}");
    // What the decoder does not know: instructions of SVE.
    let is_expected = |mnemonic: &str| UNKNOWN.contains(&mnemonic);
    let others: Vec<_> = unknown.iter().filter(|(it, _)| !is_expected(it)).collect();
    assert!(others.is_empty(), "{seen} instructions; not decoded: {others:?} of {unknown:?}");
}

/// Mnemonics that the decoder does not know; with a letter behind them only
/// those of vectors.
const UNKNOWN: &[&str] = &["cntb", "cntd", "ld1b", "mov z", "ptrue", "st1b", "whilelo"];

fn line(text: &str) -> Option<Line<'_>> {
    let mut parts = text.split('\t');
    let at = u64::from_str_radix(parts.next()?.trim().strip_suffix(':')?, 16).ok()?;
    let word = u32::from_str_radix(parts.next()?.trim(), 16).ok()?;
    let mnemonic = parts.next()?.trim();
    let operands = parts.next().unwrap_or_default();
    // objdump explains some of them.
    let operands = operands.split("  //").next().unwrap_or_default();
    let operands = operands.split(" <").next().unwrap_or_default().trim();
    Some(Line { at: RunAddr(at), word, mnemonic, operands })
}

fn memory(access: &Access) -> Memory {
    let name = |name: &str| name.to_owned();
    Memory {
        kind: access.kind,
        size: access.size,
        base: access.base.map(|base| name(base.name)),
        offset: access.displacement,
        index: access.index.map(|(index, scale)| (name(index.name), scale)),
    }
}

impl Line<'_> {
    fn memory(&self) -> Option<Memory> {
        if self.mnemonic == "dc" {
            let base = self.operands.strip_prefix("zva, ")?.to_owned();
            let base = Some(base);
            return Some(Memory {
                kind: AccessKind::Write,
                size: 64,
                base,
                offset: 0,
                index: None,
            });
        }
        let (kind, size) = (self.kind()?, self.size());
        let Some((_, place)) = self.operands.split_once(", [") else {
            // Its place is told by its distance.
            return Some(Memory { kind, size, base: None, offset: 0, index: None });
        };
        let (inner, _behind) = place.split_once(']')?;
        let mut parts = inner.splitn(2, ',').map(str::trim);
        let base = parts.next().map(str::to_owned);
        let (mut offset, mut index) = (0, None);
        if let Some(rest) = parts.next() {
            match rest.strip_prefix('#') {
                Some(number) => offset = number.parse().ok()?,
                None => {
                    let (register, shift) = rest.split_once(',').unwrap_or((rest, ""));
                    let shift = shift.split_once('#').map_or("0", |(_, amount)| amount);
                    // All of a register is named, whatever of it counts.
                    let register = register.replacen('w', "x", 1);
                    index = Some((register, 1 << shift.parse::<u32>().ok()?));
                }
            }
        }
        Some(Memory { kind, size, base, offset, index })
    }

    /// By the mnemonic. Prefetches fail silently, and are no access.
    fn kind(&self) -> Option<AccessKind> {
        const ATOMIC: [&str; 8] = ["add", "clr", "eor", "set", "smax", "smin", "umax", "umin"];
        let of = |start: &str| self.mnemonic.strip_prefix(start);
        if of("swp").or(of("cas")).is_some() {
            return Some(AccessKind::ReadWrite);
        }
        let rest = of("ld").or(of("st"))?;
        Some(match () {
            () if ATOMIC.iter().any(|it| rest.starts_with(it)) => AccessKind::ReadWrite,
            () if of("ld").is_some() => AccessKind::Read,
            () => AccessKind::Write,
        })
    }

    /// By the end of the mnemonic, or by the registers.
    fn size(&self) -> u64 {
        let mnemonic = self.mnemonic;
        let first = self.operands.split(',').next().unwrap_or_default().trim();
        if let Some(group) = self.operands.strip_prefix('{') {
            return group_size(group, mnemonic.ends_with('r') && mnemonic.starts_with("ld"));
        }
        // Status of an exclusive store.
        let is_status = mnemonic.starts_with("stx") || mnemonic.starts_with("stlx");
        let second = self.operands.split(',').nth(1).unwrap_or_default().trim();
        let data = if is_status { second } else { first };
        let whole = match data.bytes().next() {
            Some(b'x') => 8,
            Some(b'w' | b's') => 4,
            Some(b'd') => 8,
            Some(b'q') => 16,
            Some(b'h') => 2,
            Some(b'b') => 1,
            _ => 0,
        };
        match mnemonic {
            "ldpsw" => 8,
            // What is kept there are tags, of 16 bytes each.
            "ldg" => 0,
            "stg" | "stzg" => 16,
            "st2g" | "stz2g" => 32,
            _ if mnemonic.ends_with("sw") => 4,
            _ if mnemonic.ends_with("sb") => 1,
            _ if mnemonic.ends_with("sh") => 2,
            _ if mnemonic.ends_with('b') => 1,
            _ if mnemonic.ends_with('h') => 2,
            _ if mnemonic.starts_with("casp") => whole * 2,
            _ if ["dp", "tp", "np", "xp"].iter().any(|pair| mnemonic.ends_with(pair)) => whole * 2,
            _ => whole,
        }
    }

    /// Of what does not fall through, or may not.
    fn flow(&self) -> Option<Flow> {
        let target = || {
            let last = self.operands.rsplit(", ").next().unwrap_or_default();
            u64::from_str_radix(last, 16).ok().map(RunAddr)
        };
        Some(match self.mnemonic {
            "b" => Flow::Jump(Some(target()?)),
            "bl" => Flow::Call(Some(target()?)),
            "br" => Flow::Jump(None),
            "blr" => Flow::Call(None),
            "ret" => Flow::Return,
            "udf" => Flow::Trap,
            "cbz" | "cbnz" | "tbz" | "tbnz" => Flow::Branch(target()?),
            it if it.starts_with("b.") => Flow::Branch(target()?),
            it if it.starts_with("ld") || it.starts_with("st") => Flow::Next,
            _ => return None,
        })
    }
}

/// Bytes of `v0.16b, v1.16b}` or `v0.16b-v3.16b}`, or of `v0.s}[1]`, of which
/// only one element of each is used; so of what is spread.
fn group_size(group: &str, is_spread: bool) -> u64 {
    let (registers, _) = group.split_once('}').unwrap_or((group, ""));
    let number = |name: &str| -> u64 {
        let digits = name.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
        digits.parse().expect("a register's number")
    };
    let count = match registers.split_once('-') {
        Some((first, last)) => (number(last) + 32 - number(first)) % 32 + 1,
        None => registers.split(',').count() as u64,
    };
    let (_, form) =
        registers.split(['-', ',']).next().unwrap_or_default().split_once('.').expect("a form");
    let element = match form.bytes().last() {
        Some(b'b') => 1,
        Some(b'h') => 2,
        Some(b's') => 4,
        _ => 8,
    };
    let lanes: u64 = form.trim_end_matches(|it: char| !it.is_ascii_digit()).parse().unwrap_or(1);
    count * element * if is_spread { 1 } else { lanes }
}

/// A fault as the kernel for AArch64 tells it.
struct Death {
    name: &'static str,
    /// The function's second instruction; the first and third do nothing.
    word: u32,
    /// Registers by their numbers; 31 is the stack pointer.
    registers: &'static [(usize, u64)],
    signal: u16,
    code: i32,
    /// `None`: where the instruction is.
    address: Option<u64>,
    /// `None`: the instruction; else what has become of the program counter.
    pc: Option<u64>,
    cause: &'static str,
    verdict: &'static str,
}

const PROGRAM: u64 = 0x10000;
const DATA: u64 = 0x20000;

#[test]
fn faults_of_aarch64_as_linux_tells_them() {
    let death = |name, word, cause, verdict| Death {
        name,
        word,
        registers: &[],
        signal: 11,
        code: 1,
        address: None,
        pc: None,
        cause,
        verdict,
    };
    let trap =
        |name, word, verdict| Death { signal: 5, ..death(name, word, "compiler-trap", verdict) };
    let cases = [
        Death {
            registers: &[(1, 0)],
            address: Some(0x18),
            // ldr w0, [x1, #0x18]
            ..death(
                "null",
                0xb940_1820,
                "null-pointer",
                "read of 4 bytes at 0x18, through a NULL pointer in x1, 24 bytes past it",
            )
        },
        Death {
            registers: &[(1, 0x4141_4141_4141_4141)],
            // Linux leaves out the highest byte.
            address: Some(0x0041_4141_4141_4159),
            ..death(
                "text as a pointer",
                0xb940_1820,
                "wild-pointer",
                "x1 is 0x4141414141414141, which is the text \"AAAAAAAA\"",
            )
        },
        Death {
            registers: &[(1, 0xb4 << 56 | (PROGRAM + 8))],
            code: 2,
            address: Some(PROGRAM + 8),
            // str w0, [x1], where x1 has a tag.
            ..death("its own code", 0xb900_0020, "write-readonly", "write of 4 bytes at 0x10008")
        },
        Death {
            registers: &[(1, DATA + 2)],
            signal: 7,
            address: Some(DATA + 2),
            // ldxr w0, [x1]
            ..death("crooked", 0x885f_7c20, "bus-alignment", "read of 4 bytes at 0x20002")
        },
        trap("GCC's trap", 0xd420_7d00, "a trap that the compiler put there (`brk #0x3e8`)"),
        trap("clang's trap", 0xd420_0020, "a trap that the compiler put there (`brk #0x1`)"),
        trap("a check of clang", 0xd42a_a240, "an index is out of bounds"),
        Death {
            signal: 5,
            ..death("brk #0", 0xd420_0000, "breakpoint", "a breakpoint instruction (`brk #0x0`)")
        },
        Death {
            signal: 4,
            ..death("udf #0", 0, "compiler-trap", "a trap that the compiler put there (`udf #0x0`)")
        },
        Death {
            signal: 4,
            // incb x0, of SVE.
            ..death("not decoded", 0x0430_e3e0, "illegal-instruction", "is not known here")
        },
        Death {
            registers: &[(3, 0)],
            address: Some(0),
            pc: Some(0),
            // blr x3
            ..death(
                "a null call",
                0xd63f_0060,
                "null-call",
                "`parse_header` called a NULL function pointer",
            )
        },
        Death {
            registers: &[(30, 0x4141_4141_4141)],
            address: Some(0x4141_4141_4141),
            pc: Some(0x4141_4141_4141),
            // ret
            ..death("an overwritten return", 0xd65f_03c0, "bad-return", "the return address")
        },
    ];
    for death in cases {
        let (cause, verdict) = explained(&death);
        assert_eq!(cause.as_deref(), Some(death.cause), "{}: {verdict}", death.name);
        assert!(verdict.contains(death.verdict), "{}: {verdict}", death.name);
    }
}

/// The first cause and the verdict.
fn explained(death: &Death) -> (Option<String>, String) {
    const NOP: u32 = 0xd503_201f;
    let kind = Kind::usual(183, true, false);
    let code: Vec<u8> = [NOP, death.word, NOP].iter().flat_map(|word| word.to_le_bytes()).collect();
    let scratch = scratch::directory("instructions");
    let (file, function) = kind.program(PROGRAM, "parse_header", &code);
    let program = scratch.path().join("program");
    fs::write(&program, file).expect("a writable directory");
    // x0 to x30, sp, pc, pstate.
    let mut registers = vec![0x77; 34];
    registers[30] = function + 8;
    registers[31] = DATA + 0x800;
    for (number, value) in death.registers {
        registers[*number] = *value;
    }
    registers[32] = death.pc.unwrap_or(function + 4);
    let address = death.address.unwrap_or(function + 4);
    let segment =
        |start, flags, bytes: Vec<u8>, file| Segment { start, size: 0x1000, bytes, flags, file };
    let core = ForeignCore {
        kind,
        signal: death.signal,
        fault: Some((death.code, address)),
        threads: vec![(77, registers)],
        auxv: vec![(6, 0x1000)],
        segments: vec![
            segment(PROGRAM, 5, Vec::new(), Some((program.display().to_string(), 0))),
            segment(DATA, 6, vec![0; 0x1000], None),
        ],
        notes: Vec::new(),
    };
    let path = scratch.path().join("core");
    fs::write(&path, core.bytes()).expect("a writable directory");
    let report = report_of(&path, &Options::default()).expect("a report");
    (report.findings.first().map(|finding| finding.id.clone()), report.verdict.clone())
}
