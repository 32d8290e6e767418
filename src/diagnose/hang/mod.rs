//! Hangs: what each thread waits for, and who has to act before it goes on.
//!
//! A thread that waits is in a system call, whose arguments its registers keep
//! ([`call`]). For `futex` the object around the word is recognized ([`lock`]),
//! by the function that was called or by its memory, so that it works for
//! stripped programs, too. Owners make the graph ([`graph`]).

mod api;
pub mod call;
mod futex;
mod glibc;
pub mod graph;
mod kernel;
pub mod lock;
pub mod loops;
mod musl;
mod names;
mod next_use;
mod rust_std;
pub mod sentences;
mod threads;
mod traces;

use rustc_hash::FxHashMap;

use crate::base::addr::RunAddr;
use crate::diagnose::crash::Crash;
use crate::diagnose::hang::api::Api;
use crate::diagnose::hang::call::system_call;
use crate::diagnose::hang::futex::{Found, FutexWait, Look, identify, unidentified};
use crate::diagnose::hang::graph::{Circle, Edge, Root, circles, roots};
use crate::diagnose::hang::lock::{Flavor, Holder, Kind, Lock, Owner};
use crate::diagnose::hang::threads::ThreadTable;
use crate::diagnose::hang::traces::{Standing, Wanted};
use crate::diagnose::scene::is_library_at;
use crate::variables::Context;
use crate::variables::calls::FrameCall;

/// Locks that get a name.
const MOST_NAMED: usize = 128;

/// Calls that are searched for the one that asked for a lock.
const MOST_CALLS: usize = 64;

/// What an owner's word is worth.
const BY_WORD: f32 = 0.97;

/// A wait that ends by itself is no hang for ever.
const TIMED: f32 = 0.5;

/// What all threads wait for.
#[derive(Clone, Debug, Default)]
pub struct Hang {
    /// By the indices of the threads. `None`: it runs, or what it does is not
    /// known.
    pub waits: Vec<Option<Wait>>,
    /// What is waited for in memory.
    pub locks: Vec<Lock>,
    /// Who waits for whom, by the indices of the threads, the surest first.
    pub edges: Vec<Vec<Edge>>,
    /// Threads that wait for each other.
    pub circles: Vec<Circle>,
    /// Threads that others wait for, and that wait for no thread themselves.
    pub roots: Vec<Root>,
}

/// What one thread waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// What it is.
    pub on: Subject,
    /// Of a read-write lock, whether it is waited for to write.
    pub to_write: Option<bool>,
    /// Whether it ends by itself after a time.
    pub is_timed: bool,
    /// Whether another process could end it.
    pub is_shared: bool,
    /// The program's own call that waits: an index into the thread's calls.
    pub asked: Option<usize>,
}

/// What a thread waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// An object in memory: an index into [`Hang::locks`].
    Lock(usize),
    /// The end of the thread of this index.
    EndOf(usize),
    /// The end of a thread that is not known.
    EndOfSome,
    /// Something outside of the process, in words.
    Kernel(String),
}

/// The calls of the thread of this index; threads with equal stacks share them.
pub fn calls_of<'a>(crash: &Crash<'a, '_>, index: usize) -> &'a [FrameCall] {
    let Some(own) = crash.threads.get(index) else { return &[] };
    let with_calls = own.same_as.and_then(|first| crash.threads.get(first)).unwrap_or(own);
    &with_calls.calls
}

impl Hang {
    /// Looks at all threads.
    pub(super) fn of(crash: &Crash<'_, '_>) -> Self {
        let threads = ThreadTable::new(crash.process);
        let look = Look { process: crash.process, memory: crash.memory, threads: &threads };
        let mut hang = Self::default();
        let mut by_address: FxHashMap<RunAddr, usize> = FxHashMap::default();
        let mut first_asked: Vec<Option<(usize, usize)>> = Vec::new();
        for index in 0..crash.process.threads.len() {
            let wait = wait_of(crash, &look, index).map(|(found, mut wait)| {
                if let Some(Found::Object { kind, at, owner, state, to_write }) = found {
                    let locks = &mut hang.locks;
                    let lock = *by_address.entry(at).or_insert_with(|| {
                        let holders = Vec::new();
                        locks.push(Lock {
                            kind,
                            at,
                            name: None,
                            is_ambiguous: false,
                            state,
                            owner,
                            holders,
                        });
                        first_asked.push(wait.asked.map(|asked| (index, asked)));
                        locks.len() - 1
                    });
                    wait.on = Subject::Lock(lock);
                    wait.to_write = to_write;
                }
                wait
            });
            hang.waits.push(wait);
        }
        let context = Context::new(crash.process, crash.memory, crash.symbols, crash.limits);
        for (lock, asked) in hang.locks.iter_mut().zip(first_asked).take(MOST_NAMED) {
            if !matches!(lock.kind, Kind::Internal | Kind::Parking) {
                lock.name = names::name_of(crash, &context, lock.at, asked);
            }
        }
        let mut names: FxHashMap<String, usize> = FxHashMap::default();
        for name in hang.locks.iter().filter_map(|lock| lock.name.clone()) {
            *names.entry(name).or_default() += 1;
        }
        for lock in &mut hang.locks {
            let count = lock.name.as_ref().and_then(|name| names.get(name));
            lock.is_ambiguous = count.is_some_and(|count| *count > 1);
        }
        hang.find_holders(crash, &context, &threads);
        hang.edges = (0..hang.waits.len()).map(|index| hang.edges_of(index)).collect();
        hang.circles = circles(&hang.edges);
        hang.roots = roots(&hang.edges);
        hang
    }

    /// The lock that a thread waits for.
    pub fn lock_of(&self, thread: usize) -> Option<&Lock> {
        match self.wait_of(thread)?.on {
            Subject::Lock(lock) => self.locks.get(lock),
            _ => None,
        }
    }

    /// What the thread of this index waits for.
    pub fn wait_of(&self, thread: usize) -> Option<&Wait> {
        self.waits.get(thread)?.as_ref()
    }

    /// In words: "the mutex `rent.lock`", "input from fd 0, a pipe from process
    /// 12 \"seq\" (its fd 1)".
    pub fn words(&self, crash: &Crash<'_, '_>, thread: usize) -> Option<String> {
        let wait = self.wait_of(thread)?;
        Some(match &wait.on {
            Subject::Lock(lock) => {
                let lock = self.locks.get(*lock)?;
                let mode = wait.to_write.map(|write| if write { "to write" } else { "to read" });
                let state = lock.state.as_deref().filter(|_| lock.kind != Kind::Condition);
                let remarks: Vec<&str> = mode.into_iter().chain(state).collect();
                match remarks.is_empty() {
                    true => lock.words(),
                    false => format!("{} ({})", lock.words(), remarks.join("; ")),
                }
            }
            Subject::EndOf(other) => {
                let tid = crash.process.threads.get(*other)?.tid;
                format!("the end of thread {tid}")
            }
            Subject::EndOfSome => "the end of a thread".to_owned(),
            Subject::Kernel(words) => words.clone(),
        })
    }

    fn find_holders<'a, 'f>(
        &mut self,
        crash: &Crash<'a, 'f>,
        context: &Context<'a, 'f>,
        threads: &ThreadTable,
    ) {
        let mut wanted = Vec::new();
        for (index, lock) in self.locks.iter_mut().enumerate() {
            match lock.owner {
                Owner::Thread(tid) => {
                    let why = format!("the {} at {} names its owner", lock.kind.noun(), lock.at);
                    let holder = |thread| Holder { thread, confidence: BY_WORD, why };
                    lock.holders.extend(threads.of_id(tid).map(holder));
                }
                Owner::Hidden => wanted.push(Wanted { at: lock.at, lock: index }),
                Owner::Nobody => (),
            }
        }
        if wanted.is_empty() {
            return;
        }
        let standings: Vec<Standing> = (0..self.waits.len())
            .map(|thread| {
                let Some(wait) = self.wait_of(thread) else { return Standing::default() };
                let call = wait.asked.and_then(|asked| calls_of(crash, thread).get(asked));
                let lock = match wait.on {
                    Subject::Lock(lock) => Some(lock),
                    _ => None,
                };
                Standing {
                    waits_for: lock,
                    asked_in: call.map_or(0, |call| call.frame),
                    is_in_condition: self
                        .lock_of(thread)
                        .is_some_and(|it| it.kind == Kind::Condition),
                }
            })
            .collect();
        let traced = traces::holders(crash, context, &wanted, &standings);
        for (lock, mut holders) in traced {
            if let Some(lock) = self.locks.get_mut(lock).filter(|it| it.kind != Kind::Once) {
                lock.holders.append(&mut holders);
            }
        }
        let is_once = |lock: &&mut Lock| lock.kind == Kind::Once;
        for lock in self.locks.iter_mut().filter(is_once) {
            lock.holders = initializers(crash);
        }
    }

    fn edges_of(&self, thread: usize) -> Vec<Edge> {
        let Some(wait) = self.wait_of(thread) else { return Vec::new() };
        let most = if wait.is_timed { TIMED } else { 1.0 };
        let mut edges: Vec<Edge> = match wait.on {
            Subject::EndOf(to) => vec![Edge { to, confidence: BY_WORD }],
            Subject::Lock(lock) => {
                let holders = self.locks.get(lock).map(|lock| lock.holders.as_slice());
                let edge = |it: &Holder| Edge { to: it.thread, confidence: it.confidence };
                holders.unwrap_or_default().iter().map(edge).collect()
            }
            _ => Vec::new(),
        };
        edges.iter_mut().for_each(|edge| edge.confidence = edge.confidence.min(most));
        edges.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
        edges
    }
}

/// What a thread waits for; an object in memory is still to be entered.
fn wait_of(crash: &Crash<'_, '_>, look: &Look<'_>, index: usize) -> Option<(Option<Found>, Wait)> {
    let call = system_call(crash, index)?;
    let calls = calls_of(crash, index);
    let Some(futex) = FutexWait::of(&call) else {
        let words = kernel::waits_for(crash, &call)?;
        let asked = asked_by(crash, index, calls, 0);
        let on = Subject::Kernel(words);
        return Some((None, Wait { on, to_write: None, is_timed: false, is_shared: true, asked }));
    };
    let api = api::asked(calls);
    // The layouts are those of 64-bit systems.
    let found = match look.process.arch.is_64() {
        true => identify(look, index, &futex, api.map(|(api, _)| api)),
        false => unidentified(&futex),
    };
    let from = api.map_or(0, |(_, at)| at.saturating_add(1));
    let asked = asked_by(crash, index, calls, from);
    let on = match &found {
        Found::EndOf(thread) => Subject::EndOf(*thread),
        _ => Subject::EndOfSome,
    };
    // Without the flag, as the kernel wakes it so: the end of a thread, and what
    // is in the list of robust locks.
    let is_own = match &found {
        Found::Object { kind, .. } => *kind == Kind::Mutex(Flavor::Robust),
        Found::EndOf(_) | Found::EndOfSome => true,
    };
    let is_shared = !futex.is_private && !is_own;
    Some((Some(found), Wait { on, to_write: None, is_timed: futex.is_timed, is_shared, asked }))
}

/// The first call from an index on that is the program's own.
fn asked_by(
    crash: &Crash<'_, '_>,
    thread: usize,
    calls: &[FrameCall],
    from: usize,
) -> Option<usize> {
    let frames: Vec<_> = crash.threads.get(thread)?.stack.frames().take(MOST_CALLS).collect();
    let is_own = |call: &FrameCall| {
        let frame = frames.get(call.frame);
        frame.is_some_and(|frame| !is_library_at(crash, frame.at, call))
            && api::of_call(call).is_none()
    };
    let later = calls.get(from..)?.iter().take(MOST_CALLS);
    later.clone().position(is_own).map(|position| from.saturating_add(position))
}

/// Threads that are in the middle of an initialization that others wait for:
/// `pthread_once` is on their stacks, and not what they wait in.
fn initializers(crash: &Crash<'_, '_>) -> Vec<Holder> {
    let is_once = |call: &FrameCall| matches!(api::of_call(call), Some(Api::Once | Api::RustOnce));
    let runs = |thread: &usize| {
        let calls = calls_of(crash, *thread);
        let innermost = api::asked(calls).map_or(0, |(_, index)| index.saturating_add(1));
        // The function and its slow part are one call.
        let mut later = calls.iter().skip(innermost).skip_while(|call| is_once(call));
        later.any(is_once)
    };
    let found: Vec<usize> = (0..crash.threads.len()).filter(runs).take(8).collect();
    let confidence = if found.len() == 1 { 0.9 } else { 0.4 };
    let why = || "it is in the function that initializes".to_owned();
    let holder = |thread| Holder { thread, confidence, why: why() };
    found.into_iter().map(holder).collect()
}
