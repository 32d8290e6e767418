//! The shape of a stack: its bounds, and the recursion on it.

use crate::base::addr::{FrameAddr, RunAddr, RunRange};
use crate::diagnose::fault::Fault;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{listed, quote, size};
use crate::dump::process::Mapping;
use crate::unwind::frame::Frame;
use crate::variables::calls::FrameCall;

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
    /// How many frames on the stack are theirs, the innermost one included,
    /// which stands elsewhere in its function.
    pub frames: usize,
    /// Bytes of stack that one round takes, where the tables tell.
    pub round: Option<u64>,
}

impl Recursion {
    /// "`visit` calls itself, 174000 deep".
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
    let places: Vec<FrameAddr> = stack.addresses().collect();
    let (cycle, start, frames) = match stack.period {
        Some(period) if !stack.middle.is_empty() => {
            (stack.middle.get(..period)?.to_vec(), stack.inner.len(), stack.middle.len())
        }
        _ => longest_cycle(&places)?,
    };
    if frames < ROUNDS.saturating_mul(cycle.len()) {
        return None;
    }
    let name = |at: &FrameAddr| {
        let calls = scene.crash.symbols.calls(*at);
        let name = calls.last().and_then(|call| call.function.as_ref());
        name.map_or_else(|| at.addr().to_string(), |name| name.display.clone())
    };
    // The rounds at both ends belong to it as well, and the innermost call, which
    // has not come to where it calls the next one.
    let names: Vec<String> = cycle.iter().map(name).collect();
    let is_its = |at: &&FrameAddr| cycle.contains(at) || names.contains(&name(at));
    let end = start.saturating_add(frames);
    let inner = places.get(..start).unwrap_or_default().iter().rev().take_while(is_its).count();
    let outer = places.get(end..).unwrap_or_default().iter().take_while(is_its).count();
    // Innermost first: each frame was called by the next one.
    let mut functions: Vec<String> = Vec::new();
    for name in names.into_iter().rev() {
        // One function may be on the cycle at several places.
        if functions.last() != Some(&name) {
            functions.push(name);
        }
    }
    if functions.len() > 1 && functions.first() == functions.last() {
        functions.pop();
    }
    let known: Vec<&Frame> = stack.inner.iter().collect();
    let round = round(&known, cycle.len(), start.min(known.len()));
    Some(Recursion { functions, frames: frames.saturating_add(inner).saturating_add(outer), round })
}

/// Bytes between a frame before `end` and the one that is a round further out.
fn round(frames: &[&Frame], period: usize, end: usize) -> Option<u64> {
    let outer = frames.get(end.checked_sub(1)?)?;
    let inner = frames.get(end.checked_sub(1)?.checked_sub(period)?)?;
    (inner.at == outer.at).then_some(())?;
    outer.cfa?.0.checked_sub(inner.cfa?.0)
}

/// How the arguments of a recursion change from the outermost call that is known
/// to an inner one: "`depth` of `visit` goes from 1 to 878", "`node` is the same
/// in each". The innermost call may not have stored its own yet.
pub fn arguments_of(scene: &Scene<'_, '_>, recursion: &Recursion) -> Vec<String> {
    /// Arguments of one function that are told.
    const MOST: usize = 6;
    let mut said = Vec::new();
    for function in &recursion.functions {
        let is_its = |call: &&FrameCall| call.function() == Some(function) && call.frame > 0;
        let mut calls = scene.crash.calls().iter().filter(is_its);
        let (Some(inner), Some(outer)) = (calls.next(), calls.next_back()) else { continue };
        for before in outer.variables.iter().filter(|it| it.is_argument).take(MOST) {
            let after = inner.variables.iter().find(|it| it.is_argument && it.name == before.name);
            let Some(after) = after.filter(|after| after.value.is_known()) else { continue };
            if !before.value.is_known() {
                continue;
            }
            let (from, to) = (quote(&before.value.text), quote(&after.value.text));
            let name = &before.name;
            said.push(match from == to {
                true => format!("`{name}` of `{function}` is {from} in the outermost call and in an inner one"),
                false => format!("`{name}` of `{function}` goes from {from} in the outermost call to {to} in an inner one"),
            });
        }
    }
    said
}

/// The functions with the largest frames among those that are known, largest
/// first: their names and sizes in bytes.
pub fn largest_frames(scene: &Scene<'_, '_>, overflow: &Overflow) -> Vec<(String, u64)> {
    /// Smaller ones are not worth naming.
    const LEAST: u64 = 4 << 10;
    const MOST: usize = 3;
    let mut sizes: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for call in scene.crash.calls().iter().filter(|call| !call.call.is_inlined) {
        let frame = scene.crash.frame(call.frame);
        let bounds = frame.and_then(|frame| Some((frame.cfa?, frame.registers.sp()?)));
        // A signal handler may have had a stack of its own.
        let bounds = bounds.filter(|(cfa, sp)| {
            let last = RunAddr(cfa.0.saturating_sub(1));
            overflow.stack.contains(last) && *sp < *cfa
        });
        let Some((cfa, sp)) = bounds else { continue };
        let size = cfa.0.saturating_sub(sp.0);
        let name = call.function().map_or_else(|| "??".to_owned(), str::to_owned);
        let largest = sizes.entry(name).or_default();
        *largest = size.max(*largest);
    }
    let mut sizes: Vec<_> = sizes.into_iter().filter(|(_, size)| *size >= LEAST).collect();
    sizes.sort_by_key(|(_, size)| u64::MAX - size);
    sizes.truncate(MOST);
    sizes
}

/// What keeps a stack from growing: "a guard page of 4 KiB lies below it", "the
/// main thread's stack may have 8 MiB (RLIMIT_STACK)".
pub fn bounds_of(scene: &Scene<'_, '_>, overflow: &Overflow) -> Option<String> {
    let process = scene.crash.process;
    let below = process.mapping(RunAddr(overflow.stack.start.0.checked_sub(1)?));
    if let Some(guard) = below {
        let permissions = guard.permissions;
        let is_closed = permissions.known && !permissions.read && !permissions.write;
        return is_closed.then(|| {
            format!("below it lies its guard, {} that nobody may touch", size(guard.range.len()))
        });
    }
    let tid = scene.crash.thread()?.tid;
    if process.identity.pid != Some(tid) {
        return None;
    }
    let limits = &process.sidecar.as_ref()?.surroundings.limits;
    let limit = limits.iter().find(|limit| limit.name == "Max stack size")?;
    Some(match limit.soft {
        Some(soft) => {
            format!("the main thread's stack may have {} (RLIMIT_STACK, `ulimit -s`)", size(soft))
        }
        None => "the main thread's stack is not limited (RLIMIT_STACK)".to_owned(),
    })
}

/// Where the handler of a fault ran, if that was another stack than the one that
/// is used up: "the signal handler ran on an alternate stack at 0x...".
pub fn alternate_stack(
    scene: &Scene<'_, '_>,
    fault: &Fault,
    overflow: &Overflow,
) -> Option<String> {
    let trampoline = scene.crash.frame(fault.frame.checked_sub(1)?)?;
    let sp = trampoline.registers.sp().filter(|_| trampoline.is_signal_frame)?;
    let is_other = !overflow.stack.contains(sp);
    is_other.then(|| format!("the signal handler ran on an alternate stack (at {sp})"))
}

/// The part of a stack that repeats most often, where it begins, and how many
/// frames it covers.
fn longest_cycle(addresses: &[FrameAddr]) -> Option<(Vec<FrameAddr>, usize, usize)> {
    let mut best: Option<(Vec<FrameAddr>, usize, usize)> = None;
    for period in 1..=LONGEST_CYCLE {
        let later = addresses.get(period..).unwrap_or_default();
        let mut run = 0_usize;
        for (index, (one, next)) in addresses.iter().zip(later).enumerate() {
            run = if one == next { run.saturating_add(1) } else { 0 };
            let covered = run.saturating_add(period);
            if run > 0 && best.as_ref().is_none_or(|(_, _, frames)| covered > frames + period) {
                let start = (index + 1).saturating_sub(period);
                let cycle = addresses.get(start..start.saturating_add(period))?;
                let first = (index + 1 + period).saturating_sub(covered);
                best = Some((cycle.to_vec(), first, covered));
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
            ("direct", vec![1; 60], Some((1, 0, 60))),
            ("mutual, with ends", mutual, Some((2, 1, 120))),
            ("none", (0..100).collect(), None),
            ("no frames", vec![], None),
        ];
        for (name, places, want) in cases {
            let found = longest_cycle(&addresses(&places));
            let found = found.map(|(cycle, first, frames)| (cycle.len(), first, frames));
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn recursions_in_words() {
        let recursion = |functions: &[&str], frames| Recursion {
            functions: functions.iter().map(|name| (*name).to_owned()).collect(),
            frames,
            round: None,
        };
        assert_eq!(recursion(&["visit"], 900).words(), "`visit` calls itself, 900 deep");
        assert_eq!(
            recursion(&["ping", "pong"], 900).words(),
            "`ping` and `pong` call each other, 450 rounds deep"
        );
    }
}
