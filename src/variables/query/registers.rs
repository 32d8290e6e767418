//! Registers of a frame.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::constants as dw;

use crate::base::arch::Register;
use crate::dump::xstate::vector_registers;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::number::{Number, Whole};
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::spelling::closest;
use crate::variables::value::Origin;

/// How many names of registers a hint has.
const MOST_NAMES: usize = 8;

/// The lower parts of registers: name, whole register, bits, bits to skip.
/// Intel SDM volume 1, 3.4.1.
const PARTS: &[(&str, &str, u32, u32)] = &[
    ("eax", "rax", 32, 0),
    ("ebx", "rbx", 32, 0),
    ("ecx", "rcx", 32, 0),
    ("edx", "rdx", 32, 0),
    ("esi", "rsi", 32, 0),
    ("edi", "rdi", 32, 0),
    ("ebp", "rbp", 32, 0),
    ("esp", "rsp", 32, 0),
    ("eip", "rip", 32, 0),
    ("ax", "rax", 16, 0),
    ("bx", "rbx", 16, 0),
    ("cx", "rcx", 16, 0),
    ("dx", "rdx", 16, 0),
    ("si", "rsi", 16, 0),
    ("di", "rdi", 16, 0),
    ("bp", "rbp", 16, 0),
    ("al", "rax", 8, 0),
    ("bl", "rbx", 8, 0),
    ("cl", "rcx", 8, 0),
    ("dl", "rdx", 8, 0),
    ("sil", "rsi", 8, 0),
    ("dil", "rdi", 8, 0),
    ("ah", "rax", 8, 8),
    ("bh", "rbx", 8, 8),
    ("ch", "rcx", 8, 8),
    ("dh", "rdx", 8, 8),
];

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// `$name`: a register of the frame, or `$pc`, `$sp`, `$fp`, `$cfa`.
    pub(super) fn register(&self, name: &str, at: Span) -> Found<Object<'a, 'f>> {
        let lower = name.to_ascii_lowercase();
        let arch = self.view.context.process.arch;
        let Some(frame) = self.view.frames.get(self.view.index) else {
            return Err(Trouble::Unknown("the thread's registers are not known".to_owned()));
        };
        let numbered = |wanted: &str| {
            let mut all = arch.unwound_registers();
            all.find(|register| arch.register_name(*register) == Some(wanted))
        };
        let of_frame = |register: Register| -> Found<u64> {
            frame.registers.get(register).ok_or_else(|| {
                let name = arch.register_name(register).unwrap_or("it");
                Trouble::Unknown(self.why_lost(name))
            })
        };
        if lower == "cfa" {
            let cfa = frame.cfa.ok_or_else(|| {
                Trouble::Unknown("no unwind table says where the frame begins".to_owned())
            })?;
            return Ok(self.data_pointer(cfa.0));
        }
        let role = match lower.as_str() {
            "pc" => Some(arch.program_counter()),
            "sp" => Some(arch.stack_pointer()),
            "fp" => Some(arch.frame_pointer()),
            _ => None,
        };
        if let Some(register) = role.or_else(|| numbered(&lower)) {
            let word = of_frame(register)?;
            return Ok(if register == arch.program_counter() {
                self.code_pointer(word)
            } else if [arch.stack_pointer(), arch.frame_pointer()].contains(&register) {
                self.data_pointer(word)
            } else {
                self.plain(Whole::new(u128::from(word), 64, true))
            });
        }
        if let Some((_, whole, bits, skipped)) = self.part_of(&lower)
            && let Some(register) = numbered(whole)
        {
            let word = of_frame(register)?.checked_shr(skipped).unwrap_or(0);
            return Ok(self.plain(Whole::new(u128::from(word), bits, true)));
        }
        if let Some(index) = arch.general_registers().iter().position(|known| *known == lower) {
            return self.rest(&lower, index);
        }
        if let Some(found) = self.vector(&lower) {
            return found;
        }
        let mut names: Vec<String> =
            arch.general_registers().iter().map(|name| format!("${name}")).collect();
        names.extend(["$pc", "$sp", "$fp", "$cfa", "$xmm0", "$ymm0", "$st0"].map(str::to_owned));
        let fault = Fault::new(at, format!("there is no register `${name}`"));
        Err(match closest(&names, &format!("${name}"), MOST_NAMES) {
            Some(list) => fault.with_hint(format!("registers: {list}")).into(),
            None => fault.into(),
        })
    }

    fn part_of(&self, name: &str) -> Option<(&'static str, &'static str, u32, u32)> {
        PARTS.iter().find(|(part, ..)| *part == name).copied()
    }

    /// Why a register of an outer frame is not known.
    fn why_lost(&self, name: &str) -> String {
        if self.view.index > 0 {
            format!("{name} was not saved by the called function")
        } else {
            format!("{name} is not in the dump")
        }
    }

    /// Registers that no table restores: flags, segments.
    fn rest(&self, name: &str, index: usize) -> Found<Object<'a, 'f>> {
        let arch = self.view.context.process.arch;
        // A thread's own block does not move.
        let is_fixed = index == arch.thread_pointer_index();
        if self.view.index > 0 && !is_fixed {
            return Err(Trouble::Unknown(self.why_lost(name)));
        }
        let registers = self.view.thread.and_then(|thread| thread.registers.as_ref());
        let word = registers.and_then(|known| known.word(index));
        match word {
            Some(word) if is_fixed => Ok(self.data_pointer(word)),
            Some(word) => Ok(self.plain(Whole::new(u128::from(word), 64, true))),
            None => Err(Trouble::Unknown(format!("{name} is not in the dump"))),
        }
    }

    /// `$xmm0`, `$ymm0`, `$st0`. `None`: it is named otherwise.
    fn vector(&self, name: &str) -> Option<Found<Object<'a, 'f>>> {
        let kinds = ["xmm", "ymm", "st"];
        let (kind, number) = kinds.iter().find_map(|kind| {
            let number: usize = name.strip_prefix(kind)?.parse().ok()?;
            Some((*kind, number))
        })?;
        if number >= if kind == "st" { 8 } else { 16 } {
            return None;
        }
        if self.view.index > 0 {
            return Some(Err(Trouble::Unknown(self.why_lost(name))));
        }
        let lost = || Trouble::Unknown(format!("{name} is not in the dump"));
        let known = self.view.thread.and_then(|thread| thread.registers.as_ref());
        let found = known.map(|known| vector_registers(&known.extended)).ok_or_else(lost);
        Some(found.and_then(|found| {
            let bytes: Option<Vec<u8>> = match kind {
                "st" => found.x87.get(number).map(|bytes| bytes.to_vec()),
                "xmm" => found.xmm.get(number).map(|bytes| bytes.to_vec()),
                _ => found.xmm.get(number).zip(found.ymm_high.get(number)).map(|(low, high)| {
                    let mut bytes = low.to_vec();
                    bytes.extend(high);
                    bytes
                }),
            };
            let mut bytes = bytes.ok_or_else(lost)?;
            let place = |bytes| Place::bytes(bytes, Origin::Register);
            if kind == "st" {
                // The ten bytes of the x87's numbers, stored in sixteen.
                bytes.resize(16, 0);
                let of = ResultType::number("long double", 16, dw::DW_ATE_float, Dialect::C);
                return Ok(Object::new(of, place(bytes)));
            }
            let count = (bytes.len() as u64).checked_div(4).unwrap_or(0);
            let word = ResultType::number("unsigned int", 4, dw::DW_ATE_unsigned, Dialect::C);
            Ok(Object::new(word.array(count, Dialect::C), place(bytes)))
        }))
    }

    fn plain(&self, whole: Whole) -> Object<'a, 'f> {
        Object::number(Number::Whole(whole), Origin::Register, self.dialect)
    }

    fn data_pointer(&self, at: u64) -> Object<'a, 'f> {
        match self.pointer(ResultType::Declared(None), at, Origin::Register) {
            Operand::Object(object) => object,
            _ => self.plain(Whole::new(u128::from(at), 64, false)),
        }
    }

    fn code_pointer(&self, at: u64) -> Object<'a, 'f> {
        // A pointer to nothing is shown with the name of what is there.
        self.data_pointer(at)
    }
}
