//! Who seems to have a lock that does not say so: threads on whose stacks a word
//! refers to it.
//!
//! Guards of locks (`MutexGuard`, `std::shared_lock`) are such words, and debug
//! information names them. Without it, a word in a frame of the program is weak
//! evidence, and is said to be no more.

use rustc_hash::FxHashMap;

use crate::base::addr::RunAddr;
use crate::diagnose::crash::Crash;
use crate::diagnose::hang::calls_of;
use crate::diagnose::hang::lock::Holder;
use crate::diagnose::scene::{described, is_library_at};
use crate::unwind::frame::Frame;
use crate::variables::Context;
use crate::variables::query::Viewpoint;
use crate::variables::query::inside::{Inside, variable_at};

/// Bytes of one stack that are searched.
const MOST_BYTES: u64 = 256 << 10;

/// Bytes of all stacks together.
const MOST_IN_ALL: u64 = 64 << 20;

/// Words of one stack, and of all together, that are looked at more closely.
const MOST_WORDS: usize = 64;
const MOST_WORDS_IN_ALL: usize = 2_000;

/// A lock whose holder is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Where the lock begins: what a guard refers to.
    pub(super) at: RunAddr,
    /// Its index.
    pub(super) lock: usize,
}

/// What a thread does that matters here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// The lock that it waits for.
    pub(super) waits_for: Option<usize>,
    /// The frame that asked for it.
    pub(super) asked_in: usize,
    /// Whether it has given its lock back for the time that it waits.
    pub(super) is_in_condition: bool,
}

/// The threads that seem to have each lock, by its index.
pub(super) fn holders<'a, 'f>(
    crash: &Crash<'a, 'f>,
    context: &Context<'a, 'f>,
    wanted: &[Wanted],
    standings: &[Standing],
) -> FxHashMap<usize, Vec<Holder>> {
    let by_address: FxHashMap<u64, usize> = wanted.iter().map(|it| (it.at.0, it.lock)).collect();
    let (Some(lowest), Some(highest)) =
        (wanted.iter().map(|it| it.at.0).min(), wanted.iter().map(|it| it.at.0).max())
    else {
        return FxHashMap::default();
    };
    let mut found: FxHashMap<usize, Vec<Holder>> = FxHashMap::default();
    let (mut read, mut looked_at_in_all) = (0_u64, 0_usize);
    for (index, thread) in crash.threads.iter().enumerate() {
        let frames: Vec<&Frame> = thread.stack.frames().collect();
        let Some((start, words)) = stack_words(crash, &frames) else { continue };
        read = read.saturating_add(words.len() as u64 * 8);
        if read > MOST_IN_ALL {
            break;
        }
        let standing = standings.get(index).copied().unwrap_or_default();
        let search = Search { crash, context, index, frames: &frames, standing };
        let mut looked_at = 0;
        for (number, word) in words.iter().enumerate() {
            if !(lowest..=highest).contains(word) {
                continue;
            }
            let Some(lock) = by_address.get(word) else { continue };
            looked_at += 1;
            looked_at_in_all += 1;
            if looked_at > MOST_WORDS || looked_at_in_all > MOST_WORDS_IN_ALL {
                break;
            }
            let at = RunAddr(start.0.saturating_add(number as u64 * 8));
            let Some(holder) = search.judge(*lock, at) else { continue };
            let holders = found.entry(*lock).or_default();
            match holders.iter_mut().find(|it| it.thread == index) {
                Some(known) if known.confidence >= holder.confidence => (),
                Some(known) => *known = holder,
                None => holders.push(holder),
            }
        }
    }
    found.values_mut().for_each(|holders| settle(holders));
    found
}

/// Several threads that may have a lock are each less sure; one that surely has
/// it leaves no room for others.
fn settle(holders: &mut Vec<Holder>) {
    holders.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    let Some(best) = holders.first().map(|it| it.confidence) else { return };
    holders.retain(|it| it.confidence >= best - 0.05);
    if holders.len() > 1 {
        let share = if best >= GUARD { 0.6 } else { 0.4 };
        holders.iter_mut().for_each(|it| it.confidence = it.confidence.min(share));
    }
}

/// A variable that is a guard: it may have been given up early.
const GUARD: f32 = 0.9;
/// A word of the program's own frames that is no variable.
const SPILLED: f32 = 0.7;
/// A variable that only refers to the lock, or a library's word.
const REFERENCE: f32 = 0.3;

/// The words of a stack from its pointer on.
fn stack_words(crash: &Crash<'_, '_>, frames: &[&Frame]) -> Option<(RunAddr, Vec<u64>)> {
    let start = RunAddr(frames.first()?.registers.sp()?.0.checked_add(7)? & !7);
    let ends = frames.iter().filter_map(|frame| frame.cfa.or(frame.registers.sp()));
    let end = ends.max()?;
    let len = end.0.checked_sub(start.0)?.min(MOST_BYTES);
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    let got = crash.memory.read(start, &mut bytes);
    let words = bytes.get(..got)?.chunks_exact(8);
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
    Some((start, words.map(word).collect()))
}

/// One thread's stack.
struct Search<'s, 'a, 'f> {
    crash: &'s Crash<'a, 'f>,
    context: &'s Context<'a, 'f>,
    index: usize,
    frames: &'s [&'s Frame],
    standing: Standing,
}

impl Search<'_, '_, '_> {
    /// What a word on the stack, which is a lock's address, says of its thread.
    fn judge(&self, lock: usize, at: RunAddr) -> Option<Holder> {
        let covers = |frame: &&&Frame| {
            let (start, end) = (frame.registers.sp(), frame.cfa);
            start.is_some_and(|start| start <= at) && end.is_some_and(|end| at < end)
        };
        let number = self.frames.iter().position(|frame| covers(&frame))?;
        let waits_for_it = self.standing.waits_for == Some(lock);
        // Whoever waits for it has handed its address down from there.
        if waits_for_it && number <= self.standing.asked_in.saturating_sub(1) {
            return None;
        }
        let frame = self.frames.get(number)?;
        let calls = calls_of(self.crash, self.index);
        let mut own = calls.iter().filter(|call| call.frame == number);
        let variable = own.clone().find_map(|call| {
            let view = Viewpoint {
                context: self.context,
                thread: self.crash.process.threads.get(self.index),
                frames: self.frames,
                index: number,
                call: Some(&call.call),
            };
            Some((call, variable_at(&view, at)?))
        });
        let call = variable.as_ref().map(|(call, _)| *call).or_else(|| own.next_back());
        let is_library = call.is_some_and(|call| is_library_at(self.crash, frame.at, call));
        let place = call.map(|call| format!(" in {}", described(call))).unwrap_or_default();
        let (confidence, why) = match &variable {
            Some((_, inside)) if is_guard(inside) => {
                (GUARD, format!("its variable `{}`{place} is a guard of it", inside.variable))
            }
            Some((_, inside)) => {
                (REFERENCE, format!("its variable `{}`{place} refers to it", inside.variable))
            }
            None if is_library => {
                (REFERENCE, format!("the word at {at} on its stack{place} refers to it"))
            }
            None => (SPILLED, format!("the word at {at} on its stack{place} refers to it")),
        };
        // A reference of one that waits for it is what it waits through.
        if waits_for_it && confidence < GUARD {
            return None;
        }
        let confidence = match self.standing.is_in_condition {
            true => confidence.min(REFERENCE),
            false => confidence,
        };
        Some(Holder { thread: self.index, confidence, why })
    }
}

/// Whether a variable is one that holds a lock until it goes out of scope.
fn is_guard(inside: &Inside) -> bool {
    const NAMES: [&str; 6] =
        ["Guard<", "lock_guard<", "unique_lock<", "scoped_lock<", "shared_lock<", "MutexLocker"];
    NAMES.iter().any(|name| inside.type_name.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_that_may_have_it() {
        let holder = |thread, confidence| Holder { thread, confidence, why: String::new() };
        let settled = |mut holders: Vec<Holder>| {
            settle(&mut holders);
            holders.iter().map(|it| (it.thread, it.confidence)).collect::<Vec<_>>()
        };
        assert_eq!(settled(vec![holder(1, REFERENCE), holder(2, GUARD)]), [(2, GUARD)]);
        assert_eq!(settled(vec![holder(1, SPILLED), holder(2, SPILLED)]), [(1, 0.4), (2, 0.4)]);
        assert_eq!(settled(vec![holder(4, REFERENCE)]), [(4, REFERENCE)]);
        assert_eq!(settled(vec![]), []);
    }
}
