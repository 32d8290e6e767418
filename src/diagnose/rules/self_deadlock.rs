//! `self-deadlock`: a thread waits for a lock that it holds itself.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::calls_of;
use crate::diagnose::hang::lock::{Flavor, Kind, Lock, Owner};
use crate::diagnose::hang::sentences::{asked_in, is_asked, name, step};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, described};
use crate::diagnose::wording::hedge;

/// How sure it is that the code that a signal handler interrupted has the lock
/// of the C library that the handler waits for.
const INTERRUPTED: f32 = 0.9;

/// How sure it is that a lock without an owner's name is the only thread's own.
const ALONE: f32 = 0.75;

pub(super) struct SelfDeadlock;

impl Rule for SelfDeadlock {
    fn id(&self) -> &'static str {
        "self-deadlock"
    }

    fn doc(&self) -> &'static str {
        "A thread waits for a lock that it holds itself: a mutex that is not recursive was locked \
         twice, a reader wants to write, or a signal handler needs a lock that the code which it \
         interrupted has."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a thread is in `futex` at a lock whose owner is the thread itself",
            "or at a lock that names no owner, and no other thread is there or refers to it",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let (crash, hang) = (scene.crash, scene.crash.hang());
        let alone = hang.circles.iter().filter(|it| it.threads.len() == 1);
        let best = alone.max_by(|one, other| one.confidence.total_cmp(&other.confidence));
        let by_owner = best.and_then(|it| Some((*it.threads.first()?, it.confidence)));
        let (thread, confidence) = by_owner.or_else(|| without_owner(scene))?;
        let lock = hang.lock_of(thread)?;
        let signal = interrupted(scene, thread);
        let mut finding = Finding::new(self.id(), confidence, "self-deadlock");
        let what = hang.words(crash, thread)?;
        let who = name(crash, thread);
        let how = match (&signal, lock.kind) {
            (Some(function), _) => {
                format!("which{function} holds, that its signal handler has interrupted")
            }
            (None, Kind::ReadWriteLock) => "which it has already locked itself".to_owned(),
            (None, Kind::Once | Kind::Guard) => "which it is in the middle of itself".to_owned(),
            (None, _) => "which it has locked itself".to_owned(),
        };
        let hedge = hedge(confidence);
        let start = if hedge.is_empty() {
            "self-deadlock".to_owned()
        } else {
            format!("{hedge}a self-deadlock")
        };
        let at = asked_in(crash, hang, thread);
        finding.explanation = format!("{start}: {who} waits{at} for {what}, {how}");
        // The only thread is the one that the signal came to.
        let who = if crash.process.threads.len() == 1 { "it".to_owned() } else { who };
        finding.brief.push(format!("{start}: {who} waits for {what}, {how}"));
        match lock.holders.iter().any(|it| it.thread == thread) {
            true => finding.evidence.push(step(scene, hang, thread, thread)),
            false => finding
                .evidence
                .push(format!("no stack of another thread refers to {}", lock.words())),
        }
        finding.evidence.extend(kind_of(lock));
        finding.thread = thread;
        finding.call = hang.wait_of(thread)?.asked;
        finding.severity = Severity::Low;
        finding.next_step = Some(match signal {
            Some(_) => {
                "call only functions in a signal handler that are async-signal-safe".to_owned()
            }
            None => "look for the outer call that has locked it, and does not unlock it before"
                .to_owned(),
        });
        Some(finding)
    }
}

fn kind_of(lock: &Lock) -> Option<String> {
    match lock.kind {
        Kind::Mutex(Flavor::Normal | Flavor::Rust) => {
            Some("it is no recursive mutex: to lock it twice waits for ever".to_owned())
        }
        _ => None,
    }
}

/// " malloc, called by `f` at a.c:9,": the library's function that a signal
/// handler of this thread has interrupted while it waits for a lock of its own.
fn interrupted(scene: &Scene<'_, '_>, thread: usize) -> Option<String> {
    let crash = scene.crash;
    let lock = crash.hang().lock_of(thread)?;
    if !matches!(lock.kind, Kind::Internal | Kind::Stream) {
        return None;
    }
    let frames: Vec<_> = crash.threads.get(thread)?.stack.frames().collect();
    let signal = frames.iter().position(|frame| frame.is_signal_frame)?;
    let calls = calls_of(crash, thread);
    let below = calls.iter().position(|call| call.frame > signal)?;
    let is_library = |call: &crate::variables::calls::FrameCall| {
        frames.get(call.frame).is_some_and(|frame| scene.is_library_at(frame.at, call))
    };
    let mut library = calls.get(below..)?.iter().take_while(|call| is_library(call));
    let outermost = library.by_ref().last()?;
    let caller = calls.iter().skip(below).find(|call| !is_library(call));
    let name = outermost.function().unwrap_or("a function of the C library");
    let by = caller.map(|call| format!(", called by {},", described(call))).unwrap_or_default();
    Some(format!(" {}{by}", name.trim_start_matches('_')))
}

/// A thread that waits for a lock which does not say who has it, and which
/// nobody else can have.
fn without_owner(scene: &Scene<'_, '_>) -> Option<(usize, f32)> {
    let (crash, hang) = (scene.crash, scene.crash.hang());
    let threads = crash.process.threads.len();
    (0..threads).find_map(|thread| {
        let lock = hang.lock_of(thread)?;
        if lock.owner != Owner::Hidden || !lock.holders.is_empty() {
            return None;
        }
        if interrupted(scene, thread).is_some() {
            return Some((thread, INTERRUPTED));
        }
        let is_mutex = matches!(lock.kind, Kind::Mutex(_) | Kind::ReadWriteLock);
        (threads == 1 && is_mutex).then_some((thread, ALONE))
    })
}
