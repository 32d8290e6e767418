//! Instructions as objdump reads them: every one in the text of a static
//! program of AArch64.
//!
//! objdump's words are read here on their own: which memory an instruction
//! uses, and how many bytes of it, follows from the mnemonic and the operands as
//! the assembler writes them.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::Command;

use coretool::base::addr::RunAddr;
use coretool::base::arch::Arch;
use coretool::base::data_model::ByteOrder;
use coretool::diagnose::instruction::{Access, AccessKind, Flow, Instruction, Isa, Operands};
use coretool::unwind::registers::Registers;

use crate::support::cross::{BUILDS, TARGETS};
use crate::support::fixture::named;

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
            *unknown.entry(line.mnemonic.to_owned()).or_default() += 1;
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
    assert!(wrong.is_empty(), "{seen} instructions, {with_memory} use memory:\n{}", wrong.join("\n"));
    assert!(seen > 50_000 && with_memory > 10_000, "{seen}, {with_memory}");
    // What the decoder does not know: data in the text, SVE, and copies by one
    // instruction.
    let is_expected = |mnemonic: &str| UNKNOWN.contains(&mnemonic);
    let others: Vec<_> = unknown.iter().filter(|(it, _)| !is_expected(it)).collect();
    assert!(others.is_empty(), "{seen} instructions; not decoded: {others:?} of {unknown:?}");
}

/// Mnemonics that the decoder does not know.
const UNKNOWN: &[&str] = &[".inst"];

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
            return Some(Memory { kind: AccessKind::Write, size: 64, base, offset: 0, index: None });
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
    let (_, form) = registers.split(['-', ',']).next().unwrap_or_default().split_once('.').expect("a form");
    let element = match form.bytes().last() {
        Some(b'b') => 1,
        Some(b'h') => 2,
        Some(b's') => 4,
        _ => 8,
    };
    let lanes: u64 = form.trim_end_matches(|it: char| !it.is_ascii_digit()).parse().unwrap_or(1);
    count * element * if is_spread { 1 } else { lanes }
}
