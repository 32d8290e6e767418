//! `deadlock`: threads that wait for each other in a circle.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::Subject;
use crate::diagnose::hang::graph::Circle;
use crate::diagnose::hang::lock::Lock;
use crate::diagnose::hang::sentences::{is_asked, name, short_name, step, wanted};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{counted, hedge};

/// Threads of a circle that the sentence names, and that the evidence has.
const NAMED: usize = 3;
const MOST: usize = 16;

pub(super) struct Deadlock;

impl Rule for Deadlock {
    fn id(&self) -> &'static str {
        "deadlock"
    }

    fn doc(&self) -> &'static str {
        "Threads wait for each other in a circle: each for a lock that the next one holds, or for \
         its end. The locks' own memory says who holds them, in stripped programs, too; where it \
         does not (Rust's locks, readers), guards and references on the stacks are evidence."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "threads are in `futex`, each at a lock or at the end of another thread",
            "the lock's memory names its owner, or a guard on a stack refers to it",
            "from owner to owner the chain comes back to where it began",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let hang = scene.crash.hang();
        let circles: Vec<&Circle> = hang.circles.iter().filter(|it| it.threads.len() > 1).collect();
        let best = circles.iter().max_by(|one, other| one.confidence.total_cmp(&other.confidence));
        let circle = *best?;
        let mut finding = Finding::new(self.id(), circle.confidence, "deadlock");
        let article = if circle.confidence >= 0.95 { "" } else { "a " };
        let count = match circle.threads.len() {
            2 => String::new(),
            many => format!(" of {}", counted(many as u64, "thread")),
        };
        finding.explanation = format!("{}{article}deadlock{count}: ", hedge(circle.confidence));
        let start = finding.explanation.clone();
        finding.explanation += &said(scene, circle);
        let brief = |says_thread| start.clone() + &said_briefly(scene, circle, says_thread);
        finding.brief = vec![brief(true), brief(false)];
        let pairs = circle.threads.iter().zip(circle.threads.iter().cycle().skip(1));
        let steps = pairs.map(|(thread, next)| step(scene, hang, *thread, *next));
        finding.evidence = steps.take(MOST).collect();
        if circle.threads.iter().any(|thread| is_timed(scene, *thread)) {
            finding.evidence.push("one of these waits ends by itself after a time".to_owned());
        }
        let others = behind(scene, circle);
        if others > 0 {
            let more = counted(others as u64, "other thread");
            finding.evidence.push(format!("{more} in all cannot go on before these threads"));
        }
        for other in circles.iter().filter(|it| **it != circle) {
            finding.evidence.push(format!("there is another circle: {}", said(scene, other)));
        }
        let thread = circle.threads.iter().copied().find(|it| *it == 0);
        finding.thread = thread.or(circle.threads.first().copied()).unwrap_or(0);
        finding.call = hang.wait_of(finding.thread).and_then(|wait| wait.asked);
        finding.severity = Severity::Low;
        let joins = |thread: &usize| {
            matches!(hang.wait_of(*thread).map(|wait| &wait.on), Some(Subject::EndOf(_)))
        };
        finding.next_step = Some(match circle.threads.iter().any(joins) {
            true => "release the locks that a thread needs before waiting for its end".to_owned(),
            false => {
                "take these locks in the same order everywhere, or all of them at once".to_owned()
            }
        });
        Some(finding)
    }
}

/// "thread 12 waits for the mutex `b`, held by thread 13, which waits for the
/// mutex `a`, held by thread 12"; of more than two threads in fewer words.
fn said(scene: &Scene<'_, '_>, circle: &Circle) -> String {
    let (crash, hang) = (scene.crash, scene.crash.hang());
    let mut words = String::new();
    let pairs = circle.threads.iter().zip(circle.threads.iter().cycle().skip(1));
    for (number, (thread, next)) in pairs.enumerate().take(NAMED) {
        let is_last = circle.threads.first() == Some(next);
        let (who, what) = match circle.threads.len() {
            2 => {
                let other = if is_last { short_name(crash, *next) } else { name(crash, *next) };
                let what = wanted(crash, hang, *thread, &other);
                (name(crash, *thread), what)
            }
            _ => {
                let other = id(scene, *next);
                let what = match hang.lock_of(*thread) {
                    Some(Lock { name: Some(name), is_ambiguous: false, .. }) => {
                        format!("`{name}` of {other}")
                    }
                    Some(lock) => format!("{} of {other}", lock.words()),
                    None => format!("the end of {other}"),
                };
                (id(scene, *thread), what)
            }
        };
        words += &match number {
            0 => format!("{who} waits for {what}"),
            _ => format!(", which waits for {what}"),
        };
    }
    if circle.threads.len() > NAMED {
        words += ", and so on";
    }
    words
}

/// As [`said`], in fewer words: "thread 12 waits for `b` of thread 13, which waits
/// for `a` of thread 12", or in the fewest: "12 waits for `b` of 13, ...".
fn said_briefly(scene: &Scene<'_, '_>, circle: &Circle, says_thread: bool) -> String {
    let hang = scene.crash.hang();
    let is_short = circle.threads.len() == 2;
    let id = |thread| match id(scene, thread) {
        id if says_thread => format!("thread {id}"),
        id => id,
    };
    let pairs = circle.threads.iter().zip(circle.threads.iter().cycle().skip(1));
    let steps = pairs.take(NAMED).map(|(thread, next)| {
        let what = match hang.lock_of(*thread) {
            Some(Lock { name: Some(name), is_ambiguous: false, .. }) => format!("`{name}`"),
            Some(Lock { name: Some(name), kind, .. }) if is_short && says_thread => {
                format!("the {} `{name}`", kind.noun())
            }
            Some(lock) if is_short => lock.words(),
            // The last word is the kind: "mutex".
            Some(lock) => {
                let noun = lock.kind.noun();
                format!("a {}", noun.rsplit(' ').next().unwrap_or(noun))
            }
            None => "the end".to_owned(),
        };
        let start = if thread == first_of(circle) { id(*thread) + " " } else { String::new() };
        format!("{start}waits for {what} of {}", id(*next))
    });
    let words = steps.collect::<Vec<_>>().join(", which ");
    let more = if circle.threads.len() > NAMED { ", and so on" } else { "" };
    format!("{words}{more}")
}

/// The thread that a circle is told from.
fn first_of(circle: &Circle) -> &usize {
    circle.threads.first().unwrap_or(&0)
}

/// A thread's id alone.
fn id(scene: &Scene<'_, '_>, thread: usize) -> String {
    let thread = scene.crash.process.threads.get(thread);
    thread.map_or_else(|| "another one".to_owned(), |thread| thread.tid.to_string())
}

fn is_timed(scene: &Scene<'_, '_>, thread: usize) -> bool {
    scene.crash.hang().wait_of(thread).is_some_and(|wait| wait.is_timed)
}

/// How many threads wait for one of a circle, through others or not.
fn behind(scene: &Scene<'_, '_>, circle: &Circle) -> usize {
    let edges = &scene.crash.hang().edges;
    let mut leads: Vec<Option<bool>> = vec![None; edges.len()];
    for thread in &circle.threads {
        if let Some(leads) = leads.get_mut(*thread) {
            *leads = Some(true);
        }
    }
    for start in 0..edges.len() {
        let mut path = Vec::new();
        let mut at = start;
        let answer = loop {
            match leads.get(at).copied().flatten() {
                Some(answer) => break answer,
                None if path.len() > edges.len() => break false,
                None => (),
            }
            path.push(at);
            // What comes back to itself leads into another circle.
            if let Some(leads) = leads.get_mut(at) {
                *leads = Some(false);
            }
            match edges.get(at).and_then(|edges| edges.first()) {
                Some(edge) => at = edge.to,
                None => break false,
            }
        };
        for thread in path {
            if let Some(leads) = leads.get_mut(thread) {
                *leads = Some(answer);
            }
        }
    }
    let all = leads.iter().filter(|leads| **leads == Some(true)).count();
    all.saturating_sub(circle.threads.len())
}
