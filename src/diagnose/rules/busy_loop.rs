//! `busy-loop`: a thread runs in a loop and does not come to an end.

use crate::base::signal::Signal;
use crate::diagnose::crash::Occasion;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::call::{system_call, tells_calls};
use crate::diagnose::hang::calls_of;
use crate::diagnose::hang::loops::{lines, loop_around};
use crate::diagnose::hang::sentences::{is_asked, name};
use crate::diagnose::instruction::Isa;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{bytes, counted, hedge};

/// Calls of one thread whose code is searched for a loop.
const MOST_CALLS: usize = 24;

/// Threads that are looked at.
const MOST_THREADS: usize = 256;

pub(super) struct BusyLoop;

/// The loop that a thread runs in.
struct Spot {
    thread: usize,
    /// Of the call whose code has the loop.
    call: usize,
    /// " at spin.c:10 to 12".
    place: String,
    evidence: Vec<String>,
}

impl Rule for BusyLoop {
    fn id(&self) -> &'static str {
        "busy-loop"
    }

    fn doc(&self) -> &'static str {
        "A thread was running, not waiting, when the program was looked at because it hung; the \
         finding has the loop around the place where it stood. One look cannot tell a loop without \
         an end from a long computation."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a thread is in no system call",
            "a branch behind its place in the code leads back over it",
            "the program was asked to quit, or had not ended in its time",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let crash = scene.crash;
        let has_used_up = crash.died_of(Signal::XCPU);
        if !is_asked(scene) && !has_used_up || !tells_calls(crash.process.arch) {
            return None;
        }
        let running: Vec<usize> = (0..crash.threads.len())
            .filter(|thread| system_call(crash, *thread).is_none() && is_known(scene, *thread))
            .collect();
        let spots = running.iter().take(MOST_THREADS).filter_map(|thread| spot(scene, *thread));
        let spots: Vec<Spot> = spots.collect();
        let first = spots.first()?;
        let confidence = match crash.occasion {
            // It may just be at work.
            Occasion::Look if crash.signal().is_none() => 0.35,
            _ => 0.7,
        };
        let mut finding = Finding::new(self.id(), confidence, "a loop that does not end");
        let more = spots.len().saturating_sub(1);
        let more = match more {
            0 => String::new(),
            more => format!(", and {} in loops, too", counted(more as u64, "other thread")),
        };
        finding.explanation = format!(
            "{} {}runs in a loop{}{more}",
            name(crash, first.thread),
            hedge(confidence),
            first.place
        );
        finding.evidence = spots.iter().flat_map(|spot| spot.evidence.clone()).take(16).collect();
        finding.thread = first.thread;
        finding.call = Some(first.call);
        finding.severity = Severity::Low;
        finding.next_step = Some(
            "look at the variables that the loop's condition reads; look twice (`coretool stack \
             PID`) to see what changes"
                .to_owned(),
        );
        Some(finding)
    }
}

/// Whether its registers, and with them that it is in no system call, are known.
fn is_known(scene: &Scene<'_, '_>, thread: usize) -> bool {
    scene.crash.process.threads.get(thread).is_some_and(|thread| thread.registers.is_some())
}

/// The innermost loop of the program's own code that a thread runs in.
fn spot(scene: &Scene<'_, '_>, thread: usize) -> Option<Spot> {
    let crash = scene.crash;
    let frames: Vec<_> = crash.threads.get(thread)?.stack.frames().take(MOST_CALLS).collect();
    let calls = calls_of(crash, thread).iter().enumerate().take(MOST_CALLS);
    // The code of a frame is that of its outermost call.
    let outermost = calls.filter(|(_, call)| !call.call.is_inlined);
    let mut own = outermost.filter(|(_, call)| {
        frames.get(call.frame).is_some_and(|frame| !scene.is_library_at(frame.at, call))
    });
    let pc = frames.first()?.at.addr();
    own.find_map(|(index, call)| {
        let at = frames.get(call.frame)?.at.addr();
        let isa = Isa::of(crash.process.arch)?;
        let range = loop_around(crash.memory, isa, at)?;
        let function = call.function().map(|name| format!(" of `{name}`")).unwrap_or_default();
        let lines = lines(crash.symbols, crash.memory, isa, range);
        let place = match &lines {
            Some((file, first, last)) => {
                let file = file.rsplit('/').next().unwrap_or_default();
                match first == last {
                    true => format!("{function} at {file}:{first}"),
                    false => format!("{function} at {file}:{first} to {last}"),
                }
            }
            None => format!("{function} at {} to {}", range.start, range.end),
        };
        let who = name(crash, thread);
        let mut evidence = vec![format!(
            "{who} is in no system call; it stands at {}",
            scene.name_of(pc).map_or_else(|| pc.to_string(), |name| format!("{pc}, {name}"))
        )];
        let code = bytes(range.end.0.saturating_sub(range.start.0));
        evidence.push(format!("the code branches back to {} over {code}", range.start));
        evidence.extend(state(scene, thread));
        Some(Spot { thread, call: index, place, evidence })
    })
}

/// What the kernel said of it.
fn state(scene: &Scene<'_, '_>, thread: usize) -> Option<String> {
    let process = scene.crash.process;
    let tid = process.threads.get(thread)?.tid;
    let facts = process.sidecar.as_ref()?.threads.iter().find(|it| it.tid == tid)?;
    let state = facts.state.as_deref()?;
    (state == "running").then(|| "the kernel says that it was running".to_owned())
}
