//! The shape of a stack: its bounds, and the recursion on it.

use crate::base::addr::{FrameAddr, RunAddr, RunRange};
use crate::diagnose::fault::Fault;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::listed;
use crate::dump::process::Mapping;

/// How far below its stack an access may be and still have been meant for it.
/// Linux keeps a gap of 256 pages below growing stacks (`stack_guard_gap`).
const GUARD: u64 = 1 << 20;

/// How close to its end a stack must be used for a fault below it to be an
/// overflow.
const NEARLY_FULL: u64 = 64 << 10;

/// Rounds of a recursion that are evidence of it.
const ROUNDS: usize = 50;

/// The longest cycle looked for.
const LONGEST_CYCLE: usize = 16;

/// An access below the end of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The mapping of the stack.
    pub stack: RunRange,
    /// The address below it.
    pub address: RunAddr,
    /// The stack pointer.
    pub sp: RunAddr,
    /// Size of the innermost frame, where the tables tell.
    pub frame_size: Option<u64>,
}

/// Whether a fault is an access just below a stack that is nearly full.
pub fn overflow(scene: &Scene<'_, '_>, fault: &Fault) -> Option<Overflow> {
    let process = scene.crash.process;
    let address = fault.address?;
    let sp = fault.operands.registers.sp()?;
    // The first writable mapping at or above both is the stack. Below it lies
    // nothing, or a guard that nobody may touch.
    let lowest = address.min(sp);
    let is_usable = |mapping: &&Mapping| mapping.permissions.read && mapping.permissions.write;
    let after = process.mappings.partition_point(|mapping| mapping.range.end <= lowest);
    let above = process.mappings.get(after..)?;
    let stack = above.iter().find(is_usable)?.range;
    // One large frame may reach over the guard, and far below.
    let most = GUARD.saturating_add(frame_size(scene, fault));
    let is_near = |at: RunAddr| stack.start.0.saturating_sub(at.0) <= most;
    let is_below = address < stack.start && is_near(address);
    let end = stack.start.0.saturating_add(NEARLY_FULL);
    let is_full = sp.0 < end && is_near(sp);
    // The frames must be on this mapping, not on another one by chance.
    let caller = scene.crash.frame(fault.frame)?.cfa;
    let outer = scene.crash.threads.first()?.stack.frames().nth(fault.frame.checked_add(1)?);
    let on_it = |at: Option<RunAddr>| at.is_some_and(|at| stack.contains(at));
    let is_its = on_it(caller) || on_it(outer.and_then(|frame| frame.registers.sp()));
    (is_below && is_full && is_its).then_some(Overflow {
        stack,
        address,
        sp,
        frame_size: Some(frame_size(scene, fault)).filter(|size| *size > 0),
    })
}

fn frame_size(scene: &Scene<'_, '_>, fault: &Fault) -> u64 {
    let cfa = scene.crash.frame(fault.frame).and_then(|frame| frame.cfa);
    match (cfa, fault.operands.registers.sp()) {
        (Some(cfa), Some(sp)) => cfa.0.saturating_sub(sp.0),
        _ => 0,
    }
}

/// Functions that call each other without end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recursion {
    /// Their names in the order of the calls: each one calls the next, and the
    /// last one the first.
    pub functions: Vec<String>,
    /// How many frames repeat.
    pub frames: usize,
}

impl Recursion {
    /// "`visit` calls itself, 174,000 times".
    pub fn words(&self) -> String {
        let rounds = self.frames / self.functions.len().max(1);
        match self.functions.as_slice() {
            [only] => format!("`{only}` calls itself, {rounds} deep"),
            many => format!("{} call each other, {rounds} rounds deep", listed(many)),
        }
    }
}

/// The recursion on the crashed thread's stack, if there is one.
pub fn recursion(scene: &Scene<'_, '_>) -> Option<Recursion> {
    let stack = &scene.crash.threads.first()?.stack;
    let (cycle, frames) = match stack.period {
        Some(period) if !stack.middle.is_empty() => {
            let cycle = stack.middle.get(..period)?.to_vec();
            (cycle, stack.middle.len())
        }
        _ => longest_cycle(&stack.addresses().collect::<Vec<_>>())?,
    };
    if frames < ROUNDS.saturating_mul(cycle.len()) {
        return None;
    }
    // Innermost first: each frame was called by the next one.
    let mut functions: Vec<String> = Vec::new();
    for at in cycle.iter().rev() {
        let calls = scene.crash.symbols.calls(*at);
        let name = calls.last().and_then(|call| call.function.as_ref());
        let name = name.map_or_else(|| at.addr().to_string(), |name| name.display.clone());
        // One function may be on the cycle at several places.
        if functions.last() != Some(&name) {
            functions.push(name);
        }
    }
    if functions.len() > 1 && functions.first() == functions.last() {
        functions.pop();
    }
    Some(Recursion { functions, frames })
}

/// The part of a stack that repeats most often, and how many frames it covers.
fn longest_cycle(addresses: &[FrameAddr]) -> Option<(Vec<FrameAddr>, usize)> {
    let mut best: Option<(Vec<FrameAddr>, usize)> = None;
    for period in 1..=LONGEST_CYCLE {
        let later = addresses.get(period..).unwrap_or_default();
        let mut run = 0_usize;
        for (index, (one, next)) in addresses.iter().zip(later).enumerate() {
            run = if one == next { run.saturating_add(1) } else { 0 };
            let covered = run.saturating_add(period);
            if run > 0 && best.as_ref().is_none_or(|(_, frames)| covered > frames + period) {
                let start = (index + 1).saturating_sub(period);
                let cycle = addresses.get(start..start.saturating_add(period))?;
                best = Some((cycle.to_vec(), covered));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(places: &[u64]) -> Vec<FrameAddr> {
        places.iter().map(|place| FrameAddr::Return(RunAddr(*place))).collect()
    }

    #[test]
    fn cycles() {
        let mutual = [vec![9], [1, 2].repeat(60), vec![7]].concat();
        let cases = [
            ("direct", vec![1; 60], Some((1, 60))),
            ("mutual, with ends", mutual, Some((2, 120))),
            ("none", (0..100).collect(), None),
            ("no frames", vec![], None),
        ];
        for (name, places, want) in cases {
            let found = longest_cycle(&addresses(&places));
            let found = found.map(|(cycle, frames)| (cycle.len(), frames));
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn recursions_in_words() {
        let recursion = |functions: &[&str], frames| Recursion {
            functions: functions.iter().map(|name| (*name).to_owned()).collect(),
            frames,
        };
        assert_eq!(recursion(&["visit"], 900).words(), "`visit` calls itself, 900 deep");
        assert_eq!(
            recursion(&["ping", "pong"], 900).words(),
            "`ping` and `pong` call each other, 450 rounds deep"
        );
    }
}
