//! Who seems to have a lock that does not say so: threads on whose stacks a word
//! refers to it.
//!
//! Guards of locks (`MutexGuard`, `std::shared_lock`) are such words, and debug
//! information names them. Without it, a word in a frame of the program is weak
//! evidence, and is said to be no more.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::base::addr::RunAddr;
use crate::diagnose::crash::Crash;
use crate::diagnose::hang::calls_of;
use crate::diagnose::hang::lock::Holder;
use crate::diagnose::hang::next_use::{Use, next_uses};
use crate::diagnose::scene::{described, is_library_at};
use crate::unwind::frame::Frame;
use crate::variables::query::Viewpoint;
use crate::variables::query::inside::{Inside, variable_at};
use crate::variables::value::{Value, Variable};
use crate::variables::{Context, Which, variables};

/// Bytes of one stack that are searched.
const MOST_BYTES: u64 = 256 << 10;

/// Bytes of all stacks together.
const MOST_IN_ALL: u64 = 64 << 20;

/// Words of one stack that are looked at more closely.
const MOST_WORDS: usize = 16;

/// Threads that are looked at more closely, and calls of each.
const MOST_THREADS: usize = 200;
const MOST_CALLS: usize = 32;

/// Places in the code that are read on from.
const MOST_PLACES: usize = 256;

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
    let (mut read, mut looked_at) = (0_u64, 0_usize);
    for (index, thread) in crash.threads.iter().enumerate() {
        let frames: Vec<&Frame> = thread.stack.frames().collect();
        let Some((start, words)) = stack_words(crash, &frames) else { continue };
        read = read.saturating_add(words.len() as u64 * 8);
        if read > MOST_IN_ALL {
            break;
        }
        // By lock, the places of the words.
        let mut hits: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        let is_near = |word: &u64| (lowest..=highest).contains(word);
        for (number, word) in words.iter().enumerate().filter(|(_, word)| is_near(word)) {
            let Some(lock) = by_address.get(word) else { continue };
            let at = RunAddr(start.0.saturating_add(number as u64 * 8));
            hits.entry(*lock).or_default().push(Place::Stack(at));
        }
        for (word, name) in saved_registers(&frames) {
            if let Some(lock) = by_address.get(&word) {
                hits.entry(*lock).or_default().push(Place::Register(name));
            }
        }
        looked_at = looked_at.saturating_add(usize::from(!hits.is_empty()));
        if looked_at > MOST_THREADS {
            break;
        }
        let standing = standings.get(index).copied().unwrap_or_default();
        let search = Search { crash, context, index, frames: &frames, standing };
        for (lock, places) in hits {
            let at = wanted.iter().find(|it| it.lock == lock).map_or(RunAddr(0), |it| it.at);
            if let Some(holder) = search.judge(lock, at, &places) {
                found.entry(lock).or_default().push(holder);
            }
        }
    }
    let unknown: Vec<Wanted> =
        wanted.iter().copied().filter(|it| !found.contains_key(&it.lock)).collect();
    for (lock, holder) in by_code(crash, &unknown, standings) {
        found.entry(lock).or_default().push(holder);
    }
    found.values_mut().for_each(settle);
    found
}

/// Threads whose code goes on to give back a lock that no word on a stack refers
/// to: a global one, whose address the code itself states.
fn by_code(
    crash: &Crash<'_, '_>,
    wanted: &[Wanted],
    standings: &[Standing],
) -> Vec<(usize, Holder)> {
    let by_address: FxHashMap<u64, usize> = wanted.iter().map(|it| (it.at.0, it.lock)).collect();
    let mut found = Vec::new();
    if wanted.is_empty() || !crash.process.arch.is_x86_64() {
        return found;
    }
    // Many threads stand at the same places.
    let mut known: FxHashMap<RunAddr, Vec<(u64, Use)>> = FxHashMap::default();
    for (index, thread) in crash.threads.iter().enumerate() {
        let standing = standings.get(index).copied().unwrap_or_default();
        let mut told: Vec<usize> = Vec::new();
        for (number, frame) in thread.stack.frames().enumerate().take(MOST_CALLS) {
            let call = calls_of(crash, index).iter().rfind(|call| call.frame == number);
            let Some(call) = call else { continue };
            if number < standing.asked_in || is_library_at(crash, frame.at, call) {
                continue;
            }
            let at = frame.at.addr();
            if !known.contains_key(&at) && known.len() >= MOST_PLACES {
                continue;
            }
            let uses = known.entry(at).or_insert_with(|| {
                let is_wanted = |address| by_address.contains_key(&address);
                next_uses(crash.memory, crash.symbols, at, is_wanted)
            });
            for (address, next) in uses.iter() {
                let Some(lock) = by_address.get(address).copied() else { continue };
                // The innermost frame that uses it decides.
                if standing.waits_for == Some(lock) || told.contains(&lock) {
                    continue;
                }
                told.push(lock);
                let confidence = match next {
                    Use::Unlock => UNLOCKS,
                    Use::Lock => continue,
                    Use::Other => USES,
                };
                let does = if *next == Use::Unlock { "unlock" } else { "use" };
                let why = format!("{} goes on to {does} it", described(call));
                found.push((lock, Holder { thread: index, confidence, why }));
            }
        }
    }
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
/// A word of a library's frames, or a register, that a caller keeps there.
const LIBRARY: f32 = 0.6;
/// A variable that only refers to the lock.
const REFERENCE: f32 = 0.45;
/// Code that unlocks it next, and code that does something with it.
const UNLOCKS: f32 = 0.75;
const USES: f32 = 0.4;

/// Where a lock's address was found.
#[derive(Clone, Copy, Debug)]
enum Place {
    Stack(RunAddr),
    Register(&'static str),
}

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
    /// What words that are a lock's address say of their thread.
    fn judge(&self, lock: usize, at: RunAddr, places: &[Place]) -> Option<Holder> {
        let holder = |confidence, why| Some(Holder { thread: self.index, confidence, why });
        if let Some(why) = self.guard(lock, at) {
            return holder(GUARD, why);
        }
        let waits_for_it = self.standing.waits_for == Some(lock);
        let judged = places.iter().take(MOST_WORDS);
        let judged = judged.filter_map(|place| self.judge_place(*place, waits_for_it));
        let (confidence, why) = judged.max_by(|one, other| one.0.total_cmp(&other.0))?;
        // A reference of one that waits for it is what it waits through.
        if waits_for_it && confidence < GUARD {
            return None;
        }
        match self.standing.is_in_condition {
            true => holder(confidence.min(LIBRARY), why),
            false => holder(confidence, why),
        }
    }

    /// The variable of the thread's calls that is a guard of a lock.
    fn guard(&self, lock: usize, at: RunAddr) -> Option<String> {
        let calls = calls_of(self.crash, self.index).iter().take(MOST_CALLS);
        let own = calls.filter(|call| {
            let frame = self.frames.get(call.frame);
            call.call.scope.is_some()
                && frame.is_some_and(|frame| !is_library_at(self.crash, frame.at, call))
        });
        let waits_for_it = self.standing.waits_for == Some(lock);
        let mut own = own.filter(|call| !waits_for_it || call.frame >= self.standing.asked_in);
        own.find_map(|call| {
            let all = variables(self.context, self.frames, call.frame, &call.call, Which::All);
            let is_asking = waits_for_it && call.frame == self.standing.asked_in;
            let guards = |it: &Variable| {
                // A guard of C++ refers to its lock before it has it.
                let is_made = !(is_asking && it.type_name.contains("lock<"));
                is_guard(&it.type_name) && is_made && refers(&it.value, at, 0)
            };
            let guard = all.iter().find(|it| guards(it))?;
            Some(format!("its variable `{}` in {} is a guard of it", guard.name, described(call)))
        })
    }

    fn judge_place(&self, place: Place, waits_for_it: bool) -> Option<(f32, String)> {
        let at = match place {
            Place::Stack(at) => at,
            Place::Register(name) => {
                return Some((LIBRARY, format!("its register {name} refers to it")));
            }
        };
        // Frames without tables end where the next one begins.
        let covers = |number: &usize| {
            let frame = self.frames.get(*number);
            let start = frame.and_then(|frame| frame.registers.sp());
            let next = self.frames.get(number.saturating_add(1));
            let end = frame.and_then(|frame| frame.cfa);
            let end = end.or_else(|| next.and_then(|next| next.registers.sp()));
            start.is_some_and(|start| start <= at) && end.is_some_and(|end| at < end)
        };
        let number = (0..self.frames.len()).find(covers)?;
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
        let place = call.map(|call| format!(" in {}", described(call))).unwrap_or_default();
        let is_library = call.is_some_and(|call| is_library_at(self.crash, frame.at, call));
        let may_guard = |inside: &Inside| {
            let is_asking = waits_for_it && number <= self.standing.asked_in;
            is_guard(&inside.type_name) && !(is_asking && inside.type_name.contains("lock<"))
        };
        Some(match &variable {
            Some((_, inside)) if may_guard(inside) => {
                (GUARD, format!("its variable `{}`{place} is a guard of it", inside.variable))
            }
            Some((_, inside)) => {
                (REFERENCE, format!("its variable `{}`{place} refers to it", inside.variable))
            }
            None => {
                let confidence = if is_library { LIBRARY } else { SPILLED };
                (confidence, format!("the word at {at} on its stack{place} refers to it"))
            }
        })
    }
}

/// Whether a guard's value leads to a lock, and says that it has it.
fn refers(value: &Value, at: RunAddr, depth: usize) -> bool {
    const DEEPEST: usize = 4;
    if value.text.starts_with("not held here") {
        return false;
    }
    let is_it = |value: &Value| value.raw == Some(at.0) || value.address == Some(at);
    value.raw == Some(at.0)
        || depth < DEEPEST
            && value.fields.iter().any(|(_, it)| is_it(it) || refers(it, at, depth + 1))
}

/// The registers that hold what a caller further out keeps in them.
fn saved_registers(frames: &[&Frame]) -> Vec<(u64, &'static str)> {
    let Some(frame) = frames.first() else { return Vec::new() };
    let arch = frame.registers.arch();
    let saved = arch.unwound_registers().filter(|register| arch.is_callee_saved(*register));
    saved
        .filter_map(|register| {
            Some((frame.registers.get(register)?, arch.register_name(register)?))
        })
        .collect()
}

/// Whether a variable is one that holds a lock until it goes out of scope.
fn is_guard(type_name: &str) -> bool {
    const NAMES: [&str; 5] =
        ["Guard<", "lock_guard<", "unique_lock<", "scoped_lock<", "shared_lock<"];
    NAMES.iter().any(|name| type_name.contains(name))
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
