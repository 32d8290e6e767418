//! Sentences about threads that wait.

use crate::base::signal::Signal;
use crate::diagnose::crash::Crash;
use crate::diagnose::hang::{Hang, Subject, calls_of};
use crate::diagnose::scene::{Scene, described};
use crate::diagnose::waits::{activity, thread_name};
use crate::dump::process::SourceKind;
use crate::dump::siginfo::SignalCause;

/// Whether somebody wants to know why the program hangs: it was looked at, or
/// sent a signal that is no consequence of a fault.
pub fn is_asked(scene: &Scene<'_, '_>) -> bool {
    let crash = scene.crash;
    if crash.process.source.kind == SourceKind::KernelLog {
        return false;
    }
    crash.signal().is_none_or(|info| {
        let is_sent = matches!(info.cause, SignalCause::Sent { .. });
        info.signal == Signal::QUIT || is_sent && scene.fault.is_none()
    })
}

/// `thread 12 "worker"`; one that has only the program's name is told by its id.
pub fn name(crash: &Crash<'_, '_>, thread: usize) -> String {
    let Some(known) = crash.process.threads.get(thread) else { return "a thread".to_owned() };
    let program = crash.process.identity.command.as_slice();
    match known.name.as_deref() {
        Some(name) if name != program => thread_name(crash, known),
        _ => short_name(crash, thread),
    }
}

/// `thread 12`, for one that was named in full before.
pub fn short_name(crash: &Crash<'_, '_>, thread: usize) -> String {
    let thread = crash.process.threads.get(thread);
    thread.map_or_else(|| "a thread".to_owned(), |thread| format!("thread {}", thread.tid))
}

/// What a thread waits for and whom that depends on: "the mutex `rent.lock`,
/// held by thread 12", "the end of thread 12". The name of the other thread is
/// `other`.
pub fn wanted(crash: &Crash<'_, '_>, hang: &Hang, thread: usize, other: &str) -> String {
    match hang.wait_of(thread).map(|wait| &wait.on) {
        Some(Subject::EndOf(_)) => format!("the end of {other}"),
        _ => {
            let words = hang.words(crash, thread).unwrap_or_else(|| "something".to_owned());
            format!("{words}, held by {other}")
        }
    }
}

/// " in `transfer` at bank.c:29, called by `pay` at bank.c:51": where the
/// program itself asked for what a thread waits for.
pub fn asked_at(crash: &Crash<'_, '_>, hang: &Hang, thread: usize) -> String {
    let asked = hang.wait_of(thread).and_then(|wait| wait.asked);
    asked.map(|asked| place(crash, thread, asked)).unwrap_or_default()
}

/// As [`asked_at`], without who called that: for the verdict.
pub fn asked_in(crash: &Crash<'_, '_>, hang: &Hang, thread: usize) -> String {
    let asked = hang.wait_of(thread).and_then(|wait| wait.asked);
    let call = asked.and_then(|asked| calls_of(crash, thread).get(asked));
    let named = call.filter(|call| call.call.function.is_some());
    named.map(|call| format!(" in {}", described(call))).unwrap_or_default()
}

/// " in `transfer` at bank.c:29, called by `pay` at bank.c:51" for a call of a
/// thread.
fn place(crash: &Crash<'_, '_>, thread: usize, index: usize) -> String {
    let calls = calls_of(crash, thread);
    let Some(call) = calls.get(index) else { return String::new() };
    let mut words = format!(" in {}", described(call));
    let caller = calls.get(index.saturating_add(1)).filter(|it| it.call.place.is_some());
    if let Some(caller) = caller {
        words += &format!(", called by {}", described(caller));
    }
    words
}

/// One step of a chain as evidence: who asked for what and where, who has it,
/// why that is thought, and where that thread is now.
pub fn step(scene: &Scene<'_, '_>, hang: &Hang, thread: usize, holder: usize) -> String {
    let crash = scene.crash;
    let who = name(crash, thread);
    let at = asked_at(crash, hang, thread);
    let other = name(crash, holder);
    let is_itself = thread == holder;
    let now = match hang.wait_of(holder).and_then(|wait| wait.asked) {
        Some(asked) => format!("is now{}", place(crash, holder, asked)),
        None => match crash.process.threads.get(holder) {
            Some(thread) => format!("now {}", activity(scene, holder, thread)),
            None => "is not known".to_owned(),
        },
    };
    let Some(lock) = hang.lock_of(thread) else {
        return format!(
            "{who} waits for the end of {other}{at}; {} {now}",
            short_name(crash, holder)
        );
    };
    let why = lock.holders.iter().find(|it| it.thread == holder).map(|it| it.why.as_str());
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    let what = hang.words(crash, thread).unwrap_or_default();
    match is_itself {
        true => format!("{who} asked for {what}{at}, and holds it itself{why}"),
        false => format!("{who} asked for {what}{at}; {other}, which holds it{why}, {now}"),
    }
}
