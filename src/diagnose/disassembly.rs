//! The instructions around the one at fault.

use crate::base::addr::{FrameAddr, RunAddr};
use crate::diagnose::crash::Crash;
use crate::diagnose::culprit::function_start;
use crate::diagnose::instruction::{Instruction, Isa};
use crate::diagnose::scene::Scene;
use crate::symbols::functions::Place;

/// Instructions shown before and behind.
const BEFORE: usize = 12;
const BEHIND: usize = 8;

/// Code longer than this is not decoded from its start.
const LONGEST_FUNCTION: u64 = 64 << 10;

/// Bytes behind the place that are decoded.
const BYTES_BEHIND: u64 = 128;

/// One instruction, and what the source says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it is.
    pub at: RunAddr,
    /// In the notation of the GNU assembler.
    pub text: String,
    /// Whether the program stood there.
    pub is_current: bool,
    /// The function that it is of, and how far into it.
    pub function: Option<(String, u64)>,
    /// Its line in the source.
    pub place: Option<Place>,
    /// What the address in its text is: the function that it calls, the variable
    /// that it reads.
    pub target: Option<String>,
}

/// The instructions around the fault of the crashed thread, or around where it
/// stands. Empty: they cannot be decoded.
pub fn disassembly(crash: &Crash<'_, '_>) -> Vec<Line> {
    let scene = Scene::new(crash);
    let fault = scene.fault.as_ref().filter(|fault| fault.instruction.is_some());
    let index = fault.map_or(0, |fault| fault.frame);
    // Of a call to nowhere, what called is of interest.
    let index = match crash.frame(index) {
        Some(frame) if crash.process.module(frame.at.lookup()).is_none() => index.saturating_add(1),
        _ => index,
    };
    lines(&scene, index).unwrap_or_default()
}

fn lines(scene: &Scene<'_, '_>, index: usize) -> Option<Vec<Line>> {
    let crash = scene.crash;
    let at = crash.frame(index)?.at;
    let lookup = at.lookup();
    let start = function_start(scene, index);
    let start = start.filter(|start| at.addr().0.checked_sub(start.0) < Some(LONGEST_FUNCTION));
    let start = start.unwrap_or(at.addr());
    let end = at.addr().checked_add(BYTES_BEHIND)?;
    let mut code = vec![0; usize::try_from(end.0.checked_sub(start.0)?).ok()?];
    let got = crash.memory.read(start, &mut code);
    let all = Instruction::decode_all(Isa::of(crash.process.arch)?, start, code.get(..got)?);
    // A return address is behind its call.
    let current = all.iter().position(|it| it.at <= lookup && lookup < it.end())?;
    let first = current.saturating_sub(BEFORE);
    let shown = all.get(first..)?.iter().take(BEFORE.saturating_add(BEHIND));
    let lines = shown.map(|instruction| {
        let symbol = crash.symbols.symbol_at(instruction.at).filter(|symbol| symbol.is_function);
        let calls = crash.symbols.calls(FrameAddr::Pc(instruction.at));
        let place = calls.first().and_then(|call| call.place.clone());
        let target = instruction.named_address().and_then(|at| scene.name_of(at));
        Line {
            at: instruction.at,
            text: instruction.text(),
            is_current: instruction.at <= lookup && lookup < instruction.end(),
            function: symbol.map(|symbol| (symbol.name, symbol.offset)),
            place,
            target,
        }
    });
    let lines: Vec<Line> = lines.collect();
    // What lies behind the function's end is not its code.
    let name = |line: &Line| line.function.as_ref().map(|(name, _)| name.clone());
    let own = lines.iter().find(|line| line.is_current).and_then(name);
    let shown = lines.into_iter().filter(|line| own.is_none() || name(line) == own);
    Some(shown.collect())
}
